"""An index that looks at a few cells: what it has looked at, and what it misses of the best."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.planes import Plane
from recsys_lib.show.plots import BLUE, GRAY, RED, of_page
from recsys_lib.show.sliders import slider

DOTS = 700  # of the items, so many are drawn, the best ones among them
DASHED = ' stroke-dasharray="3 2"'
WIDTH, HEIGHT = 320, 230  # pixels, of the plane
BELOW = 64  # pixels more than a plane has below its axes: the legend
LEGEND = ((8, HEIGHT + 54), (150, HEIGHT + 54), (8, HEIGHT + 74), (150, HEIGHT + 74))


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
        Where each item is drawn; the first number is its score, the second spreads the items.
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
        ("score for this person", "second direction"),
        (_step(high[0] - low[0]), _step(high[1] - low[1])),
        WIDTH,
        HEIGHT,
    )
    frames = {}
    for n in looked_into:
        seen = np.isin(cell_of, order[:n])
        frames[f"{n} of {len(order)}"] = _frame(plane, points, seen, drawn, best, titles)
    return slider(frames, "Cells looked into:", caption=caption)


def _step(width: float) -> float:
    """Return a round number that a width holds three to eight times: numbers need room."""
    power = 10.0 ** np.floor(np.log10(width / 3))
    return float(max(m * power for m in (1, 2, 5) if m * power <= width / 3))


def _dots(places: Iterable[tuple[float, float]], color: str) -> str:
    d = "".join(sorted(f"M{x:.0f} {y:.0f}h0" for x, y in places))
    return (
        f'<path d="{d}" fill="none" style="stroke:{of_page(color)}" stroke-width="4" '
        'stroke-linecap="round" opacity=".6"/>'
    )


def _ring(place: tuple[float, float], found: bool) -> str:
    x, y = place
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="6" fill="none" stroke-width="2" '
        f'style="stroke:{of_page(BLUE if found else RED)}"{"" if found else DASHED}/>'
    )


def _legend(n_best: int) -> str:
    """Say below the axes what dots and rings mean."""
    words = ("looked at", "not looked at", f"of the best {n_best}, found", "missed")
    signs = _dots([LEGEND[0]], BLUE) + _dots([LEGEND[1]], GRAY)
    signs += _ring(LEGEND[2], True) + _ring(LEGEND[3], False)
    said = "".join(
        f'<text x="{x + 12}" y="{y + 4}">{word}</text>'
        for (x, y), word in zip(LEGEND, words, strict=True)
    )
    return f'<g data-legend="" font-size="12" fill="currentColor">{signs}{said}</g>'


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
        inside += _dots({plane.at(*points[i]) for i in drawn[kind[drawn]]}, color)
    inside += "".join(_ring(plane.at(*points[item]), bool(seen[item])) for item in best)
    drawing = plane.svg(
        inside + _legend(len(best)),
        "Dots: items over their score, blue where they are looked at; the best have a ring, "
        "red and dashed where the index misses them",
        HEIGHT + BELOW,
    )
    drawing += (
        f"<p>{seen.sum():,} of {len(seen):,} items are looked at, and {seen[best].sum()} of the "
        f"best {len(best)} are found.</p>"
    )
    missed = [escape(titles[item]) for item in best if not seen[item]]
    return f"{drawing}<p>Missed: {'; '.join(missed) or 'none'}.</p>"
