"""A table that is rebuilt from the first terms of its singular value decomposition."""

from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from recsys_lib.show.plots import BLUE, RED, of_page
from recsys_lib.show.sliders import slider

WIDE, HIGH = 27, 20  # pixels of a cell
LEFT, ABOVE = 38, 112  # beside and above the cells, for names
SHADES = 6
OFF = 0.5  # stars: a cell that is further off is framed
BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
BARS = 60  # pixels of the highest bar


def rebuilding(
    table: np.ndarray, rows: Sequence[str], columns: Sequence[str], caption: str
) -> HTML:
    """Show a full table of ratings, rebuilt from k terms, and let the reader choose k.

    Parameters
    ----------
    table : array (m, n)
        Without empty cells.
    rows, columns : list of str
        Names.
    caption : str
        The message.
    """
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    frames = {}
    for k in range(1, len(s) + 1):
        close = (U[:, :k] * s[:k]) @ Vt[:k]
        frames[_said(k, s, table, close)] = _drawn(k, s, table, close, rows, columns)
    return slider(frames, "Terms k:", caption=caption)


def _said(k: int, s: np.ndarray, table: np.ndarray, close: np.ndarray) -> str:
    lost = ((table - close) ** 2).sum()
    text = f"{k} {'term' if k == 1 else 'terms'}: "
    if k == len(s):
        return text + "every cell is as it was, and nothing is lost."
    off = int((np.abs(table - close) > OFF).sum())
    left = _sigma(k + 1) if k + 1 == len(s) else f"{_sigma(k + 1)} + … + {_sigma(len(s))}"
    return text + (
        f"{off} of {table.size} cells are off by more than half a star (red). The squared errors "
        f"of all cells add up to {lost:.1f}, and {left} = {(s[k:] ** 2).sum():.1f}."
    )


def _sigma(j: int) -> str:
    return f"σ{str(j).translate(BELOW)}²"


def _drawn(
    k: int,
    s: np.ndarray,
    table: np.ndarray,
    close: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
) -> str:
    low, high = table.min(), table.max()
    shade = np.clip(np.rint(SHADES * (close - low) / (high - low)), 0, SHADES).astype(int)
    cells = "".join(
        f'<path d="{_bars(shade == one)}" stroke-opacity="{0.6 * one / SHADES:.2f}"/>'
        for one in range(1, SHADES + 1)
    )
    off = np.abs(table - close) > OFF
    digits = "".join(
        f'<text x="{WIDE * i + WIDE / 2:g}" y="{HIGH * u + 14}">{value + 0:.1f}</text>'
        for u, row in enumerate(close.round(1))
        for i, value in enumerate(row)
    )
    names = "".join(
        f'<text x="-4" y="{HIGH * u + 14}" text-anchor="end">{escape(name)}</text>'
        for u, name in enumerate(rows)
    ) + "".join(
        f'<text transform="translate({WIDE * i + 12} -5) rotate(-50)">{escape(name)}</text>'
        for i, name in enumerate(columns)
    )
    m, n = table.shape
    rms = np.sqrt([(s[j:] ** 2).sum() / table.size for j in range(1, len(s) + 1)])
    floor = HIGH * m + 34 + BARS
    bars = "".join(
        f'<rect x="{WIDE * j + 5}" y="{floor - BARS * error / rms[0]:.1f}" width="{WIDE - 10}" '
        f'height="{BARS * error / rms[0]:.1f}" opacity="{1 if j + 1 == k else 0.35}"/>'
        for j, error in enumerate(rms)
    )
    bold = ' font-weight="700"'
    labels = "".join(
        f'<text x="{WIDE * j + WIDE / 2:g}" y="{floor - BARS * error / rms[0] - 4:.1f}">'
        f'{error:.2f}</text><text x="{WIDE * j + WIDE / 2:g}" y="{floor + 14}"'
        f"{bold if j + 1 == k else ''}>{j + 1}</text>"
        for j, error in enumerate(rms)
    )
    blue, red = of_page(BLUE), of_page(RED)
    label = f"A table of ratings rebuilt from {k} terms, and bars of the error for every k"
    return (
        f'<svg role="img" aria-label="{label}" viewBox="{-LEFT} {-ABOVE} '
        f'{LEFT + WIDE * n + 48} {ABOVE + floor + 36}" style="max-width:26rem;width:100%">'
        f'<g style="stroke:{blue}" stroke-width="{HIGH - 1}">{cells}</g>'
        f'<path d="{_boxes(off)}" fill="none" style="stroke:{red}" stroke-width="1.5"/>'
        f'<g font-size="11.5" text-anchor="middle" fill="currentColor">{digits}</g>'
        f'<g font-size="11.5" fill="currentColor">{names}<text x="-4" y="-5" text-anchor="end">'
        "person</text></g>"
        f'<g style="fill:{blue}">{bars}</g>'
        f'<g font-size="11" text-anchor="middle" fill="currentColor">{labels}'
        f'<text x="{WIDE * n / 2:g}" y="{floor + 29}">error of a cell in stars (root mean square), '
        "for every k</text></g></svg>"
    )


def _bars(chosen: np.ndarray) -> str:
    """Return the chosen cells as strokes, for the ``d`` of a path."""
    return "".join(
        f"M{WIDE * i} {HIGH * u + HIGH // 2}h{WIDE - 1}" for u, i in np.argwhere(chosen).tolist()
    )


def _boxes(chosen: np.ndarray) -> str:
    """Return the outlines of the chosen cells, for the ``d`` of a path."""
    return "".join(
        f"M{WIDE * i + 1} {HIGH * u + 2}h{WIDE - 3}v{HIGH - 4}h-{WIDE - 3}z"
        for u, i in np.argwhere(chosen).tolist()
    )
