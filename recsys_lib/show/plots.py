"""One look for all figures of the book: legible on paper, on a phone and to the color-blind.

A figure is shown as SVG, whose colors the site turns with the page, light or dark; of a wide one
there are two drawings, one of them narrow, for a phone (see `drawings`).
"""

from numbers import Real

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from IPython.core.getipython import get_ipython
from matplotlib.figure import Figure

from recsys_lib.show.drawings import svg
from recsys_lib.show.labels import label_lines
from recsys_lib.validation import DataError, check_choice, check_kind

__all__ = ["intervals", "label_lines", "of_page", "svg", "use_style"]

# Paul Tol's "vibrant" scheme: told apart under the common forms of color blindness.
BLUE, ORANGE, GREEN, RED = "#0077BB", "#EE7733", "#009988", "#CC3311"
PURPLE, SKY, YELLOW, BLACK = "#AA3377", "#33BBEE", "#DDAA33", "#000000"
GRAY = "#888888"
ON_COLOR = "#10161D"  # ink on a colored ground, dark where other ink turns light as well
COLORS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
NAMED = {  # under which the site's style sheet has each, once for light pages and once for dark
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    RED: "red",
    PURPLE: "purple",
    SKY: "sky",
    YELLOW: "yellow",
    GRAY: "gray",
    BLACK: "ink",
}


def of_page(color: str) -> str:
    """Name a color of the book so that the site turns it with the page, in HTML of our own."""
    check_choice("color", color, NAMED)
    return f"var(--fig-{NAMED[color]}, {color})"


def use_style() -> None:
    """Set matplotlib's defaults for the rest of the notebook, and let figures be shown as SVG.

    Examples
    --------
    >>> from matplotlib import rcParams
    >>> from recsys_lib.show import plots
    >>> plots.use_style()
    >>> rcParams["axes.prop_cycle"].by_key()["color"][0] == plots.BLUE
    True
    """
    mpl.rcParams.update(
        {
            "figure.figsize": (5.6, 3.4),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#E4E4E4",
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "lines.linewidth": 2,
            "savefig.dpi": 200,  # of pictures inside a drawing
            "svg.fonttype": "none",  # text that can be found, and set in the page's font
            "svg.hashsalt": "recsys_lib",  # the same figure gives the same file
        }
    )
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")
        shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, svg)


def intervals(table: pd.DataFrame, ax: plt.Axes, color: str = BLUE) -> None:
    """Draw one dot with its interval per row, the first row on top.

    Parameters
    ----------
    table : DataFrame
        Index: labels. Columns: mean (or difference), low, high.
    ax : Axes
    color : str

    Raises
    ------
    TypeError, DataError
        If `table` is no such table, or `ax` is no Axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from recsys_lib.show import plots
    >>> columns = {"mean": [0.3, 0.6], "low": [0.2, 0.5], "high": [0.4, 0.7]}
    >>> board = pd.DataFrame(columns, index=["A", "B"])
    >>> _, ax = plt.subplots()
    >>> plots.intervals(board, ax)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['A', 'B']
    """
    check_kind("table", table, pd.DataFrame, "a table with columns mean (or difference), low, high")
    check_kind("ax", ax, plt.Axes, "an Axes of Matplotlib")
    first = "mean" if "mean" in table else "difference"
    for column in (first, "low", "high"):
        if column not in table or not all(isinstance(one, Real) for one in table[column]):
            raise DataError(
                f"table must have numbers in the columns {first}, low and high, got the columns "
                f"{', '.join(f'{name} ({kind})' for name, kind in table.dtypes.items()) or 'none'}"
            )
    middle = table[first]
    places = range(len(table))
    ax.errorbar(
        middle,
        places,
        xerr=[middle - table["low"], table["high"] - middle],
        fmt="o",
        color=color,
        capsize=4,
    )
    ax.set_yticks(places, table.index)
    ax.set_ylim(len(table) - 0.4, -0.6)  # little more than half a row beside the first and last
    ax.grid(axis="y", visible=False)
