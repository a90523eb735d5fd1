"""Names of lines, written at their ends in their colors, in place of a legend."""

from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import Transform
from scipy.optimize import isotonic_regression

from recsys_lib.validation import check_kind

LABEL, GAP = "label of a line", 6  # points from the end of a line to its name
BARS = 9  # more of them where the line has error bars, and another such line may end close by
NEAR = 20  # points: names that begin at places nearer to each other may touch


def label_lines(ax: Axes) -> None:
    """Write the name of each line at its end, in its color, in place of a legend.

    Parameters
    ----------
    ax : Axes
        With its final limits. Names that would touch are moved apart when the figure is drawn.
    """
    check_kind("ax", ax, Axes, "an Axes of Matplotlib")
    low, high = sorted(ax.get_ylim())
    for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
        line = cast(Line2D, handle[0] if isinstance(handle, Container) else handle)
        x, y = (np.asarray(part, dtype=float) for part in line.get_data(orig=False))
        if not np.isfinite(y).any():
            continue  # nothing is drawn, so there is nothing to name
        last = np.flatnonzero(np.isfinite(y))[-1]
        ax.annotate(
            name,
            (x[last], np.clip(y[last], low, high)),
            (GAP + BARS if isinstance(handle, Container) else GAP, 0),
            xycoords=line.get_transform(),
            textcoords="offset points",
            va="center",
            color=line.get_color(),
            annotation_clip=False,
            label=LABEL,
        )


def spread(figure: Figure) -> None:
    """Move names of lines apart that stand on each other, no farther than they must."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        labels = [cast(Annotation, text) for text in ax.texts if text.get_label() == LABEL]
        ends = [
            cast(Transform, text.xycoords).transform(text.xy) * 72 / figure.dpi for text in labels
        ]
        for near in _neighbors(labels, ends):
            wanted = np.array([ends[place][1] for place in near])
            room = 1.2 * float(labels[near[0]].get_fontsize())
            for place, y in zip(near, _apart(wanted, room), strict=True):
                labels[place].set_position((labels[place].xyann[0], y - ends[place][1]))


def _neighbors(labels: list[Annotation], ends: list[np.ndarray]) -> list[list[int]]:
    """Group names that begin at about the same x, each group from the bottom to the top."""
    groups: list[list[int]] = []
    for place in sorted(range(len(labels)), key=lambda i: ends[i][0]):
        if groups and ends[place][0] - ends[groups[-1][-1]][0] < NEAR:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [sorted(group, key=lambda i: ends[i][1]) for group in groups]


def _apart(wanted: np.ndarray, room: float) -> np.ndarray:
    """Return rising places at least `room` apart, as near to the wanted ones as can be.

    With the places that the others take up subtracted, rising is all that is left to ask, and the
    nearest rising places are those of isotonic regression.
    """
    steps = room * np.arange(len(wanted))
    return isotonic_regression(wanted - steps).x + steps
