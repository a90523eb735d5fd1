"""A result as a table: units, aligned digits, the best row marked, intervals in one column.

In JupyterLab and on the site it is an HTML table that takes its colors from the page, light or
dark; printed, and where stored outputs are compared, it is plain text with the same content.
"""

from collections.abc import Hashable, Mapping
from html import escape
from numbers import Integral, Real

import pandas as pd

from recsys_lib.validation import DataError, check_choice, check_int

ENDS = ["low", "high"]
LOWER_IS_BETTER = ("rmse", "mae", "loss")
NOTHING = "–"  # where there is no number
MARK = "*"


class Table:
    """A table to be shown, as `table` makes it: HTML in a notebook, plain text when printed.

    Attributes
    ----------
    header : list of str
        Of the labels, then of each column.
    rows : list of list of str
        The label of a row, then its cells.
    best : list of bool
        Of each row, whether it is marked.
    note : str
        What the mark means; empty where nothing is marked.
    numeric : list of bool
        Of each column, the labels included, whether it is set to the right.
    """

    def __init__(
        self,
        header: list[str],
        rows: list[list[str]],
        best: list[bool],
        note: str,
        numeric: list[bool],
    ):
        self.header, self.rows, self.best, self.note = header, rows, best, note
        self.numeric = numeric

    def __str__(self) -> str:
        marks = [MARK if best else "" for best in self.best]
        lines = [[*row[:1], mark, *row[1:]] for row, mark in zip(self.rows, marks, strict=True)]
        lines.insert(0, [self.header[0], "", *self.header[1:]])
        numeric = [self.numeric[0], False, *self.numeric[1:]]
        if not any(marks):  # no column for them
            lines, numeric = [[a, *rest] for a, _, *rest in lines], self.numeric
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join(text + [f"{MARK} {self.note}"] * bool(self.note))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = [
            f"text-align: {'right' if right else 'left'}; font-variant-numeric: tabular-nums"
            for right in self.numeric
        ]
        head = _cells("th", 'scope="col"', self.header, style)
        body = []
        for row, best in zip(self.rows, self.best, strict=True):
            label, *cells = row
            if best:
                label += f" {MARK}"
            values = _cells("td", "", cells, style[1:])
            weight = ' style="font-weight: bold"' if best else ""
            label = _cells("th", 'scope="row"', [label], [f"{style[0]}; font-weight: inherit"])
            body.append(f"<tr{weight}>{label}{values}</tr>")
        note = f'<caption style="caption-side: bottom">{MARK} {escape(self.note)}</caption>'
        return (
            f"<table>{note if self.note else ''}<thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(body)}</tbody></table>"
        )


def _cells(tag: str, scope: str, texts: list[str], styles: list[str]) -> str:
    start = f"{tag} {scope}".rstrip()
    return "".join(
        f'<{start} style="{style}">{escape(text)}</{tag}>'
        for text, style in zip(texts, styles, strict=True)
    )


def table(
    frame: pd.DataFrame,
    digits: int = 3,
    *,
    units: Mapping[Hashable, str] | None = None,
    best: str | None = None,
) -> Table:
    """Show what `summary`, `leaderboard`, `rating_leaderboard` or `search` return.

    Parameters
    ----------
    frame : DataFrame
        Its columns `low` and `high`, if it has them, become one with the interval. A difference
        with its interval is shown by `evaluation.verdicts.compared`, and not here.
    digits : int
        Decimals of the numbers that are not whole.
    units : dict of str, optional
        By column; stands behind its name: ``{"seconds": "s"}``. Of a leaderboard of ratings, stars.
    best : {"highest", "lowest", "none"}, optional
        Which `mean` to mark. By default that of a leaderboard: the highest, or of an error the
        lowest; a `summary` is one model's, and nothing of it is best. The mark says which number
        is first, not that it is more than chance: that is what `compare` says.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError, DataError
        If `frame` is no table, has no row, or holds a difference, or an option is none of these.
    """
    _check(frame)
    digits, metric = check_int("digits", digits), frame.attrs.get("metric")
    if best is None:
        best = "none" if metric is None else "highest"
        best = "lowest" if str(metric).endswith(LOWER_IS_BETTER) else best
    check_choice("best", best, ("highest", "lowest", "none"))
    if best != "none" and "mean" not in frame:
        raise DataError(f"best marks a column 'mean', and frame has only {list(frame)}")
    for column in units or {}:
        if column not in frame:
            raise DataError(f"units names {column!r}, which is no column: frame has {list(frame)}")
    level = frame.attrs.get("level")
    names = {"mean": metric or "mean", "low": f"{level:.0%} interval" if level else "interval"}
    units = {"mean": frame.attrs.get("unit")} | dict(units or {})
    columns = [(str(frame.index.name or ""), _labels(frame), False)]
    for column in frame:
        if column == "high" and set(ENDS) <= set(frame):
            continue  # stands beside low
        name, unit = str(names.get(column, column)), units.get(column)
        cells, is_numeric = _cells_of(frame, column, digits)
        columns.append((f"{name} ({unit})" if unit else name, cells, is_numeric))
    marks = [False] * len(frame)
    if best != "none":
        first = frame["mean"].max() if best == "highest" else frame["mean"].min()
        marks = (frame["mean"] == first).tolist()
    header, cells, numeric = (list(parts) for parts in zip(*columns, strict=True))
    rows = [list(row) for row in zip(*cells, strict=True)]
    return Table(header, rows, marks, f"the {best} {names['mean']}" if any(marks) else "", numeric)


def _cells_of(frame: pd.DataFrame, column: Hashable, digits: int) -> tuple[list[str], bool]:
    """Return what a column shows, and whether that is numbers."""
    values = frame[column].tolist()
    known = [value for value in values if not pd.isna(value)]
    is_numeric = all(isinstance(v, Real) and not isinstance(v, bool) for v in known)
    if frame[column].dtype == object:  # settings, as they were given: 0.0003 and not 0.000
        return [NOTHING if value is None else str(value) for value in values], is_numeric
    cells = [_number(value, digits) for value in values]
    if column == "low" and set(ENDS) <= set(frame):
        highs = [_number(value, digits) for value in frame["high"].tolist()]
        pairs = zip(cells, highs, strict=True)
        cells = [NOTHING if NOTHING in pair else " to ".join(pair) for pair in pairs]
    return cells, is_numeric


def _check(frame: object) -> None:
    if not isinstance(frame, pd.DataFrame):
        cure = "; leaderboard makes one of several" if isinstance(frame, dict) else ""
        raise TypeError(f"frame must be a DataFrame, got {type(frame).__name__}{cure}")
    if len(frame) == 0:
        raise DataError(f"frame must have a row to show; its columns are {list(frame)}")
    if "difference" in frame:
        raise DataError(
            "frame holds a difference, whose word must come from its interval: show it with "
            "evaluation.verdicts.compared"
        )


def _labels(frame: pd.DataFrame) -> list[str]:
    return [" / ".join(map(str, i)) if isinstance(i, tuple) else str(i) for i in frame.index]


def _number(value: object, digits: int) -> str:
    """A value as it is shown: 1,234, 0.123, text as it stands; what rounds to 0 has no sign."""
    if pd.isna(value):
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    if isinstance(value, Integral):
        return f"{int(value):,}"
    shown = f"{float(value):,.{digits}f}"
    return shown.removeprefix("-") if float(shown.replace(",", "")) == 0 else shown
