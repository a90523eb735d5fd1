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

    Parameters
    ----------
    titles : list of str
        Of the events of a history, the earliest first.
    weights : array (n, n)
        Row t holds what event t takes from each: 0 for later ones, 1 in all.
    expected : list of list of str
        What comes next after each event, as the model sees it, the most expected first.
    caption : str
        The message.
    """
    frames = {}
    for t, row in enumerate(weights):
        rows = "".join(_row(title, float(row[s]), s, t) for s, title in enumerate(titles))
        after = ", ".join(map(escape, expected[t]))
        frames[f"{t + 1} of {len(titles)}"] = f"<div>{rows}</div><p>Expected next: {after}.</p>"
    return slider(frames, "The event that asks:", start=len(titles) // 2, caption=caption)


def _row(title: str, weight: float, s: int, t: int) -> str:
    """Return a title with its bar; a later one is in italics, and has none."""
    name = f"<b>{escape(title)}</b>" if s == t else escape(title)
    bar = (
        f'<span style="display:inline-block;height:.7em;width:{100 * weight:.1f}%;'
        f'background:{of_page(BLUE)}"></span>'
    )
    said = f'<span style="flex:0 0 3em;text-align:right">{weight:.2f}</span>' if s <= t else ""
    return (
        f'<div style="display:flex;gap:.6em{"" if s <= t else LATER}">'
        f'<span style="flex:0 0 48%">{name}</span>'
        f'<span style="flex:1">{bar if s <= t else ""}</span>{said}</div>'
    )
