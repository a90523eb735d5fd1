"""Similarities that are shrunk: those that rest on few fall first, and others come to the top."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.planes import Plane
from recsys_lib.show.plots import BLUE, RED, of_page
from recsys_lib.show.sliders import slider

TOP = 5  # similarities that are named


def shrinking(
    similar: Mapping[float, np.ndarray], common: np.ndarray, titles: Sequence[str], caption: str
) -> HTML:
    """Show the similarities of one item to all others, against how many users each rests on.

    Parameters
    ----------
    similar : dict of float to array (n_items,)
        For every strength of the shrinkage the similarities, 0 where there is none.
    common : array of int (n_items,)
        How many users the item has in common with each.
    titles : list of str
        Of all items.
    caption : str
        The message.
    """
    frames = {f"{strength:g}": _frame(one, common, titles) for strength, one in similar.items()}
    return slider(frames, "Shrinkage λ:", caption=caption)


def _frame(similar: np.ndarray, common: np.ndarray, titles: Sequence[str]) -> str:
    best = np.lexsort((-common, -similar))[:TOP]
    high, most = float(similar.max()), int(common[similar > 0].max())
    steps = [step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if high / step < 6]
    plane = Plane(
        (0, most + 0.5),
        (0, 1.1 * high),
        ("people in common, n", "similarity (scale of its own for each λ)"),
        (1, steps[0]),
        320,
        220,
    )
    places = [plane.at(common[i], similar[i]) for i in np.flatnonzero(similar > 0)]
    ringed = [plane.at(common[i], similar[i]) for i in best]
    dots = "".join(sorted({f"M{x:.0f} {y:.0f}h0" for x, y in places}))
    rings = "".join(sorted({f'<circle cx="{x:.0f}" cy="{y:.0f}" r="7"/>' for x, y in ringed}))
    drawing = plane.svg(
        f'<path d="{dots}" fill="none" style="stroke:{of_page(BLUE)}" stroke-width="6" '
        f'stroke-linecap="round" opacity=".6"/><g fill="none" style="stroke:{of_page(RED)}" '
        f'stroke-width="2">{rings}</g>',
        "Dots: the similarity of each film over the number of people in common; the five highest "
        "are ringed",
    )
    lines = "".join(
        f"<li>{escape(titles[i])}: {similar[i]:.3f}, n&nbsp;=&nbsp;{common[i]}</li>" for i in best
    )
    return f"{drawing}<ol>{lines}</ol>"
