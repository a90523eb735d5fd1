"""What each event of a history takes from the events up to it, and what is expected after it."""

from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.plots import BLUE, of_page
from recsys_lib.show.sliders import slider

LATER = ";color:var(--pst-color-text-muted, #5a6270);font-style:italic"  # what is not read yet


def attending(
    titles: Sequence[str], weights: np.ndarray, expected: Sequence[Sequence[str]], caption: str
) -> HTML:
    """Show the weights of attention for the event that the reader chooses.

    A line across each bar marks the equal share, what a plain mean would take. At each event the
    longest bar takes the whole width: with many events all shares are small.

    Parameters
    ----------
    titles : list of str
        Of the events of a history, the earliest first: after each but the last it is known what
        came next.
    weights : array (n, n)
        Row t holds what event t takes from each: 0 for later ones, 1 in all.
    expected : list of list of str
        What comes next after each event, as the model sees it, the most expected first.
    caption : str
        The message.
    """
    frames = {}
    for t, row in enumerate(weights):
        longest = max(float(row.max()), 1 / (t + 1))
        rows = "".join(_row(title, float(row[s]), s, t, longest) for s, title in enumerate(titles))
        after = "; ".join(map(escape, expected[t]))  # in titles there are commas
        said = f"Equal share: {1 / (t + 1):.2f}.<br>Expected next: {after}."
        if t + 1 < len(titles):
            said += f"<br>Came next: {escape(titles[t + 1])}."
        frames[f"{t + 1} of {len(titles)}"] = f"<div>{rows}</div><p>{said}</p>"
    return slider(frames, "The event that asks:", start=len(titles) // 2, caption=caption)


def _row(title: str, weight: float, s: int, t: int, longest: float) -> str:
    """Return a title with its bar and the equal share; a later one, in italics, has neither."""
    name = f"<b>{escape(title)}</b>" if s == t else escape(title)
    bar = (
        f'<span style="display:inline-block;height:.7em;width:{100 * weight / longest:.1f}%;'
        f'background:{of_page(BLUE)}"></span>'
        f'<span style="position:absolute;top:0;bottom:0;left:{100 / (t + 1) / longest:.1f}%;'
        'border-left:2px solid currentColor"></span>'
    )
    said = f'<span style="flex:0 0 3em;text-align:right">{weight:.2f}</span>' if s <= t else ""
    return (
        f'<div style="display:flex;gap:.6em{"" if s <= t else LATER}">'
        f'<span style="flex:0 0 48%">{name}</span>'
        f'<span style="flex:1;position:relative">{bar if s <= t else ""}</span>{said}</div>'
    )
