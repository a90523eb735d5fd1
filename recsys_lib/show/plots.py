"""One look for all figures of the book: legible on paper, on a phone and to the color-blind."""

import re
from html import escape

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from IPython.display import HTML
from matplotlib.animation import FuncAnimation

# Okabe and Ito's palette: told apart under the common forms of color blindness.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#000000"
GRAY = "#8A8A8A"
COLORS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)


def use_style() -> None:
    """Set matplotlib's defaults for the rest of the notebook."""
    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 4.0),
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
        }
    )


def intervals(table: pd.DataFrame, ax: plt.Axes, color: str = BLUE) -> None:
    """Draw one dot with its interval per row, the first row on top.

    Parameters
    ----------
    table : DataFrame
        Index: labels. Columns: mean (or difference), low, high.
    ax : Axes
    color : str
    """
    middle = table["mean" if "mean" in table else "difference"]
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
    ax.margins(y=0.25)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)


def turning(figure: plt.Figure, label: str, frames: int = 18, dpi: int = 70) -> HTML:
    """Let the 3-D axes of a figure turn once around, with buttons, as HTML that needs no network.

    Parameters
    ----------
    figure : Figure
        All its axes are 3-D. It is closed afterwards.
    label : str
        What is to be seen, for those who cannot see it.
    frames : int
        Pictures in one turn; each adds about 10 KB to the page.
    dpi : int
    """

    def turn(frame: int) -> None:
        for ax in figure.axes:
            ax.view_init(elev=18, azim=-60 + 360 * frame / frames)  # type: ignore[attr-defined]  # 3-D

    figure.set_dpi(dpi)
    with mpl.rc_context({"savefig.dpi": dpi}):
        animation = FuncAnimation(figure, turn, frames=frames)
        page = animation.to_jshtml(fps=5, default_mode="once")
    plt.close(figure)
    page = re.sub(r"<link[^>]*font-awesome[^>]*>", "", page)  # the site has these icons already
    page = page.replace("<img ", f'<img alt="{escape(label)}" ', 1)
    return HTML(f'<div role="group" aria-label="A figure that turns">{page}</div>')
