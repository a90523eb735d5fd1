"""One run after the other: what is known of their mean, and what of one more run."""

from collections.abc import Sequence

import numpy as np
from IPython.display import HTML
from scipy import stats

from recsys_lib.show.planes import Plane
from recsys_lib.show.plots import BLUE, GRAY, RED, of_page
from recsys_lib.show.sliders import slider

WIDE, HIGH, HEAD = 320, 120, 11  # pixels: of the plane, and the length of an arrow's head


def runs(values: Sequence[float], published: float, metric: str, caption: str) -> HTML:
    """Show the runs of one experiment as they come in, beside a published number.

    Parameters
    ----------
    values : list of float
        At least three, in the order of their seeds.
    published : float
    metric : str
        What the numbers are.
    caption : str
        The message.
    """
    known = {n: _intervals(values[:n]) for n in range(2, len(values) + 1)}
    reach = [one for n, (_, one) in known.items() if n > 2]  # of two it may be endless
    low = min(published, *(one[0] for one in reach), *values)
    high = max(published, *(one[1] for one in reach), *values)
    margin = 0.05 * (high - low)
    steps = (digit * 10.0**place for place in range(-3, 2) for digit in (1, 2, 5))
    step = next((s for s in steps if (high - low) / s < 7), (high - low) / 7)
    plane = Plane(
        (low - margin, high + margin), (0.1, 3), (f"{metric} of a run", ""), (step, 9), WIDE, HIGH
    )
    frames = {
        _said(n, mean, one, published): _drawn(plane, values[:n], mean, one, published)
        for n, (mean, one) in known.items()
    }
    return slider(frames, "Runs:", caption=caption)


def _intervals(values: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the 95% interval of the mean, and that of one more run."""
    n, middle, s = len(values), np.mean(values), np.std(values, ddof=1)
    t = stats.t.ppf(0.975, n - 1)
    both = t * s / np.sqrt(n), t * s * np.sqrt(1 + 1 / n)
    mean, one = ((float(middle - half), float(middle + half)) for half in both)
    return mean, one


def _said(n: int, mean: tuple, one: tuple, published: float) -> str:
    word = "inside" if one[0] <= published <= one[1] else "outside"
    return (
        f"{n} runs: their mean is known to lie from {mean[0]:.3f} to {mean[1]:.3f}, and one more "
        f"run from {one[0]:.3f} to {one[1]:.3f}. The published {published:.3f} is {word} the "
        "latter."
    )


def _drawn(plane: Plane, values: Sequence[float], mean: tuple, one: tuple, published: float) -> str:
    def bar(ends: tuple, height: float, color: str, text: str) -> str:
        left, right = (np.clip(end, *plane.x) for end in ends)
        (x0, y), (x1, _) = plane.at(left, height), plane.at(right, height)
        ink = of_page(color)
        # An interval that goes on beyond the axis has a head there.
        heads, start, end = "", x0, x1
        if ends[0] < left:
            heads, start = f"M{x0:g} {y:g}l{HEAD} -7v14z", x0 + HEAD
        if ends[1] > right:
            heads, end = heads + f"M{x1:g} {y:g}l-{HEAD} -7v14z", x1 - HEAD
        return (
            f'<path d="M{start:g} {y:g}H{end:g}" style="stroke:{ink}" stroke-width="6"/>'
            f'<path d="{heads}" style="fill:{ink}"/>'
            f'<text x="4" y="{y - 9:g}" style="fill:{ink}">{text}</text>'
        )

    dots = "".join('<circle cx="{:g}" cy="{:g}" r="4"/>'.format(*plane.at(x, 0.4)) for x in values)
    column = plane.at(published, 0)[0]
    inside = (
        bar(one, 2.2, RED, "one more run")
        + bar(mean, 1.2, BLUE, "their mean")
        + f'<g fill="currentColor" opacity=".7">{dots}</g>'
        + f'<path d="M{column:g} 0V{HIGH}" style="stroke:{of_page(GRAY)}" stroke-dasharray="4 3"/>'
    )
    label = (
        "Dots: the runs. Above them the interval of their mean and that of one more run, with an "
        "arrow's head where it goes on beyond the axis; dashed, the published number"
    )
    return plane.svg(f'<g font-size="12">{inside}</g>', label)
