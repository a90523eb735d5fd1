"""How what models take grows with the data: lines by formula, dots as measured, and a limit."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd

from recsys_lib.show.plots import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, SKY, label_lines

COLORS = (BLUE, RED, GREEN, PURPLE, SKY, ORANGE)  # red and orange only where all six are needed


def growing(
    table: pd.DataFrame,
    column: str,
    ax: plt.Axes,
    names: Sequence[str],
    dots: pd.DataFrame | None = None,
    limit: tuple[float, str] | None = None,
) -> None:
    """Draw what models take against the number of rows, both axes logarithmic.

    Parameters
    ----------
    table : DataFrame
        Columns: model, rows, and `column`, by formula, such as `scale.growth.table` returns.
    column : str
        For example "epoch_seconds" or "fit_gb".
    ax : Axes
    names : sequence of str
        The models to draw, at most six, each in a color of the book.
    dots : DataFrame, optional
        The same columns as measured; dots that are not positive are left out.
    limit : (float, str), optional
        What a machine has of it, drawn as a dashed line, and its name.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from recsys_lib.show.growing import growing
    >>> table = pd.DataFrame({"model": "EASE", "rows": [1e5, 1e6], "fit_gb": [0.9, 85]})
    >>> _, ax = plt.subplots()
    >>> growing(table, "fit_gb", ax, ["EASE"], limit=(128, "128 GB"))
    >>> [text.get_text() for text in ax.texts]
    ['EASE', '128 GB']
    """
    for name, color in zip(names, COLORS[: len(names)], strict=True):
        of = table[table["model"] == name]
        ax.plot(of["rows"], of[column], color=color, label=name)
        if dots is not None:
            seen = dots[(dots["model"] == name) & (dots[column] > 0)]
            ax.plot(seen["rows"], seen[column], "o", color=color, markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="rows")
    label_lines(ax)
    if limit is not None:
        height, said = limit
        low = ax.get_xlim()[0]  # the names of lines stand beyond the last row
        ax.hlines(height, low, table["rows"].max(), color=GRAY, linestyle="--", linewidth=1)
        ax.set_xlim(left=low)
        ax.annotate(
            said, (low, height), (3, 3), textcoords="offset points", color=GRAY, va="bottom"
        )
