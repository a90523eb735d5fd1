"""An index that looks at a few cells: what it has looked at, and what it misses of the best."""

from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.planes import Plane
from recsys_lib.show.plots import BLUE, GRAY, RED, of_page
from recsys_lib.show.sliders import slider

DOTS = 700  # of the items, so many are drawn, the best ones among them
DASHED = ' stroke-dasharray="3 2"'


def cells(
    points: np.ndarray,
    cell_of: np.ndarray,
    order: np.ndarray,
    best: np.ndarray,
    titles: Sequence[str],
    looked_into: Sequence[int],
    caption: str,
) -> HTML:
    """Show which items are found when more and more cells are looked into, the nearest first.

    Parameters
    ----------
    points : array (n_items, 2)
        Where each item is drawn; the first number is its score.
    cell_of : array of int (n_items,)
        The cell of each item.
    order : array of int (n_cells,)
        All cells, the nearest to the user first.
    best : array of int
        The items that the exact search finds, the best first.
    titles : list of str
        Of all items.
    looked_into : list of int
        The numbers of cells that the reader can choose.
    caption : str
        The message.
    """
    rng = np.random.default_rng(0)
    drawn = np.union1d(rng.permutation(len(points))[:DOTS], best)
    low, high = points[drawn].min(axis=0), points[drawn].max(axis=0)
    room = 0.06 * (high - low)
    plane = Plane(
        (low[0] - room[0], high[0] + room[0]),
        (low[1] - room[1], high[1] + room[1]),
        ("score for this person", "where they differ most otherwise"),
        (_step(high[0] - low[0]), _step(high[1] - low[1])),
        320,
        230,
    )
    frames = {}
    for n in looked_into:
        seen = np.isin(cell_of, order[:n])
        frames[_said(n, len(order), seen, best)] = _frame(plane, points, seen, drawn, best, titles)
    return slider(frames, "Cells looked into:", caption=caption)


def _step(width: float) -> float:
    """Return a round number that a width holds some four times."""
    power = 10.0 ** np.floor(np.log10(width / 4))
    return float(max(m * power for m in (1, 2, 5) if m * power <= width / 4))


def _said(n: int, n_cells: int, seen: np.ndarray, best: np.ndarray) -> str:
    return (
        f"{n} of {n_cells} cells: {seen.sum():,} of {len(seen):,} items are looked at, and "
        f"{seen[best].sum()} of the best {len(best)} are found."
    )


def _frame(
    plane: Plane,
    points: np.ndarray,
    seen: np.ndarray,
    drawn: np.ndarray,
    best: np.ndarray,
    titles: Sequence[str],
) -> str:
    inside = ""
    for kind, color in ((~seen, GRAY), (seen, BLUE)):
        places = {plane.at(*points[i]) for i in drawn[kind[drawn]]}
        dots = "".join(sorted(f"M{x:.0f} {y:.0f}h0" for x, y in places))
        inside += (
            f'<path d="{dots}" fill="none" style="stroke:{of_page(color)}" stroke-width="4" '
            'stroke-linecap="round" opacity=".6"/>'
        )
    for item in best:
        x, y = plane.at(*points[item])
        ink = of_page(BLUE if seen[item] else RED)
        inside += (
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="6" fill="none" stroke-width="2" '
            f'style="stroke:{ink}"{"" if seen[item] else DASHED}/>'
        )
    drawing = plane.svg(
        inside,
        "Dots: items over their score, blue where they are looked at; the best have a ring, "
        "red and dashed where the index misses them",
    )
    missed = [escape(titles[item]) for item in best if not seen[item]]
    return f"{drawing}<p>Missed: {', '.join(missed) or 'none'}.</p>"
