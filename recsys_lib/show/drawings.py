"""A figure as SVG: text stays text, dense clouds are pictures, and for a phone it is narrow."""

import io
import re
import textwrap

import numpy as np
from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import Collection
from matplotlib.contour import ContourSet
from matplotlib.dates import AutoDateLocator
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, GridSpecBase
from matplotlib.text import Text
from matplotlib.ticker import AutoLocator, FixedLocator

from recsys_lib.show.labels import spread
from recsys_lib.validation import check_kind

NARROW, WIDE = 3.9, 5.7  # inches: of a drawing for a phone, and from which on there is one
DENSE = 1000  # dots: more of them become a picture inside the drawing
TITLE = 42  # letters that fit over a narrow panel
ROW = 0.25  # inches for a row with a name
NAME = 20  # letters of a name beside a narrow panel, in a line
LINE = 0.12  # inches for one more line of a name
SPACING = 1.15  # of lines, in heights of a letter
MOST_TICKS = 6  # below a narrow panel
# What SVG calls the sides of a text; one that is turned reads from the bottom to the top.
ANCHORS = {"center": "middle", "center_baseline": "middle", "right": "end", "top": "end"}
# Matplotlib takes the prime of a formula from a font in which it stands at the place of a zero.
PRIME = re.compile(r"(<tspan [^>]*font-family: 'cmsy10'[^>]*>)0<")


def svg(figure: Figure) -> str:
    """Draw a figure as one SVG file; a wide one also in a narrow form.

    Parameters
    ----------
    figure : Figure
        If it is wide it is narrow afterwards, with its panels below each other. Panels that
        stand in no grid stay as they are.

    Returns
    -------
    str
        An ``<svg>``. If there are two drawings, its children are an ``<svg class="wide">`` and an
        ``<svg class="narrow">``, of which a program that does not know them shows the first.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from recsys_lib.show import plots
    >>> figure, ax = plt.subplots(figsize=(4, 3))
    >>> plots.svg(figure)[:4]
    '<svg'
    """
    check_kind("figure", figure, Figure, "a Figure of Matplotlib")
    for cloud in figure.findobj(_is_dense):
        cloud.set_rasterized(True)
    wide = _drawn(figure)
    if figure.get_figwidth() <= WIDE or not _panels(figure):
        return wide
    _stack(figure)
    narrow = _drawn(figure)
    head = wide[: wide.index(">") + 1]  # of the same size, and with the same names
    return (
        head
        + wide.replace("<svg ", '<svg class="wide" ', 1)
        + narrow.replace("<svg ", '<svg class="narrow" display="none" ', 1)
        + "</svg>"
    )


def _is_dense(artist: Artist) -> bool:
    """Say whether a picture of the dots, or of the shades, is smaller than all of them in words."""
    if isinstance(artist, ContourSet):
        return True
    return isinstance(artist, Collection) and len(np.asarray(artist.get_offsets())) > DENSE


def _drawn(figure: Figure) -> str:
    """The ``<svg>`` of a figure as it is, without what stands around it in a file of its own."""
    spread(figure)
    _say_where_formulas_stand(figure)
    file = io.StringIO()
    figure.savefig(
        file, format="svg", bbox_inches="tight", pad_inches=0.03, metadata={"Date": None}
    )
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = PRIME.sub("\\1\N{PRIME}<", text)
    return re.sub(r"<!--.*?-->\s*", "", text[text.index("<svg") :], flags=re.DOTALL).strip()


def _say_where_formulas_stand(figure: Figure) -> None:
    """Let the ids of formulas say which point of theirs stays where it is in another font.

    Matplotlib says so of plain text; of a formula it writes where each letter stands in its own
    font.
    """
    formulas = [text for text in figure.findobj(Text) if "$" in text.get_text()]
    for number, text in enumerate(formulas):
        turned = text.get_rotation() % 180 and text.get_rotation_mode() != "anchor"
        side = text.get_verticalalignment() if turned else text.get_horizontalalignment()
        text.set_gid(f"{ANCHORS.get(side, 'start')}-formula_{number}")


def _panels(figure: Figure) -> list[tuple[Axes, GridSpecBase]]:
    """Return the panels of a figure that stand in a grid, color bars aside, and their grid."""
    places = [(ax, ax.get_subplotspec()) for ax in figure.axes]
    return [(ax, place.get_gridspec()) for ax, place in places if place is not None]


def _stack(figure: Figure) -> None:
    """Make a figure narrow, its panels below each other in the order in which they are read."""
    panels, (width, height) = [ax for ax, _ in _panels(figure)], figure.get_size_inches()
    rows, columns = _panels(figure)[0][1].get_geometry()
    shape = (height / rows) / (width / columns)
    each = NARROW * min(1.05, max(shape, 0.55) if len(panels) == 1 else shape)
    rooms = [(ROW + LINE * _wrap_names(ax)) * _named_rows(ax) for ax in panels]
    heights = [max(each, 0.5 + room) for room in rooms]
    figure.set_size_inches(NARROW, sum(heights))
    below = GridSpec(len(panels), 1, figure=figure, height_ratios=heights)
    left = [ax.get_ylabel() for ax in panels]
    for place, ax in enumerate(panels):
        ax.set_subplotspec(below[place])
        ax.set_ylabel(left[place] or left[place - place % columns])
        ax.tick_params(labelleft=True, labelbottom=True)
        ax.set_title(textwrap.fill(ax.get_title(loc="left"), TITLE), loc="left")
        _thin(ax)


def _named_rows(ax: Axes) -> int:
    """Return how many rows of a panel have a name, each of which needs a line of its own."""
    named = isinstance(ax.yaxis.get_major_locator(), FixedLocator | StrCategoryLocator)
    return len(ax.get_yticks()) if named else 0


def _wrap_names(ax: Axes) -> int:
    """Break long names of rows, which would leave a narrow panel no room.

    Each line is a text of its own that ends at the axis: an SVG keeps the side of single lines
    alone.

    Returns
    -------
    int
        How many lines the longest name has beyond the first.
    """
    labels, ticks = ax.get_yticklabels(), ax.get_yticks()
    names = [label.get_text() for label in labels]
    fixed = isinstance(ax.yaxis.get_major_locator(), FixedLocator)
    if not fixed or ax.get_ylabel() or max(map(len, names), default=0) <= NAME:
        return 0
    lines = [[name] if "$" in name else textwrap.wrap(name, NAME) for name in names]
    left = -(rcParams["ytick.major.size"] + rcParams["ytick.major.pad"])
    for y, of_name, label in zip(ticks, lines, labels, strict=True):
        size = float(label.get_fontsize())
        for place, line in enumerate(of_name if len(of_name) > 1 else []):
            down = (place - (len(of_name) - 1) / 2) * SPACING * size
            ax.annotate(
                line,
                (0, y),
                (left, -down),
                xycoords=ax.get_yaxis_transform(),
                textcoords="offset points",
                ha="right",
                va="center_baseline",
                fontsize=size,
                annotation_clip=False,
            )
    whole = [one[0] if len(one) == 1 else "" for one in lines]
    ax.set_yticks(ticks, whole)
    return max(map(len, lines)) - 1


def _thin(ax: Axes) -> None:
    """Leave no more numbers or dates below a panel than fit side by side, fewer beside names."""
    locator, most = ax.xaxis.get_major_locator(), MOST_TICKS // (2 if _named_rows(ax) else 1)
    if isinstance(locator, AutoDateLocator):
        ax.xaxis.set_major_locator(AutoDateLocator(maxticks=most))
    elif isinstance(locator, AutoLocator):
        ax.locator_params(axis="x", nbins=most - 1)
