"""A result as a table: units, aligned digits, the best row marked, intervals as numbers and bars.

In JupyterLab and on the site it is an HTML table that takes its colors from the page, light or
dark; printed, and where stored outputs are compared, it is plain text with the same content.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.evaluation.verdicts import compared
from recsys_lib.validation import DataError, check_choice, check_int, check_kind, check_real

ENDS = ["low", "high"]
LOWER_IS_BETTER = ("rmse", "mae", "loss")
NOTHING = "–"  # where there is no number
MARK = "*"


INTERVAL = re.compile(r"\[[^]]*\]|\S+ to \S+")  # may stand on a line of its own, but in one piece
BAR = 120  # pixels from the lowest end of an interval to the highest
METRIC = re.compile(r"\b(?:hr|ndcg|precision|recall)@(?=\d)")  # as the library names its columns


@dataclass(frozen=True)
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
    caption : str
        What the table shows; stands above it.
    bars : list of (middle, low, high)
        Of each row, numbers to be drawn; empty, or None in a row without an interval.
    zero : bool
        Whether the bars are differences, among which 0 has its line.
    anchors : bool
        Whether a link can lead to a row: ``#L1`` to the first whose label begins with ``L1``.
    under : int
        The column of the intervals, under which a narrow page draws the bars.
    """

    header: list[str]
    rows: list[list[str]]
    best: list[bool]
    note: str
    numeric: list[bool]
    caption: str = ""
    bars: Sequence[tuple[float, float, float] | None] = field(default=())
    zero: bool = False
    anchors: bool = False
    under: int = 0

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
        text = [self.caption] * bool(self.caption) + text
        return "\n".join(text + [f"{MARK} {self.note}"] * bool(self.note))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = [
            f"text-align: {'right' if right else 'left'}; font-variant-numeric: tabular-nums"
            for right in self.numeric
        ]
        head = "".join(  # what heads nothing is no header
            _cells("th", 'scope="col"', [name], [one]) if name else "<td></td>"
            for name, one in zip(self.header, style, strict=True)
        )
        body, placed = [], set()
        drawn = _drawn(self.bars, self.zero) if any(self.bars) else [""] * len(self.rows)
        for row, best, bar in zip(self.rows, self.best, drawn, strict=True):
            label, *cells = row
            word = _anchor(label) if self.anchors else ""
            place = f' id="{escape(word)}"' if word and word not in placed else ""
            placed.add(word)
            if best:
                label += f" {MARK}"
            values = "".join(
                _cells("td", "", [cell], [style[place]], bar if place == self.under else "")
                for place, cell in enumerate(cells, start=1)
            )
            values += bar and f'<td class="beside">{bar}</td>'
            weight = ' style="font-weight: bold"' if best else ""
            label = _cells("th", 'scope="row"', [label], [f"{style[0]}; font-weight: inherit"])
            body.append(f"<tr{place}{weight}>{label}{values}</tr>")
        caption = f"<caption>{_shown(self.caption)}</caption>" if self.caption else ""
        note = f"<p>{MARK} {_shown(self.note)}</p>" if self.note else ""
        beside = '<td class="beside"></td>' if any(self.bars) else ""
        # Lists side by side, of titles mostly, are what has several columns of words and no bars.
        lists = self.numeric[1:].count(False) > 1 and not any(self.bars)
        kind = "results lists" if lists else "results"
        return (
            f'<div class="{kind}" style="overflow-x: auto"><table>{caption}'
            f"<thead><tr>{head}{beside}</tr></thead>"
            f"<tbody>{''.join(body)}</tbody></table>{note}</div>"
        )


def _anchor(label: str) -> str:
    return re.split(r"[,\s]", label, maxsplit=1)[0]


def _drawn(bars: Sequence[tuple[float, float, float] | None], zero: bool) -> list[str]:
    """Draw each interval as a line with a dot in it, all on one scale; nothing where is none."""
    ends = [x for bar in bars if bar for x in bar] + [0.0] * zero
    low, high = min(ends), max(ends)
    reach = (high - low) or 1.0

    def at(x: float) -> str:
        return f"{6 + (BAR - 12) * (x - low) / reach:.1f}"

    line = f'<path d="M{at(0)} 0V16" stroke="currentColor" opacity=".4"/>' if zero else ""
    return [
        f'<svg width="{BAR}" height="16" viewBox="0 0 {BAR} 16" aria-hidden="true">{line}'
        f'<path d="M{at(bar[1])} 8H{at(bar[2])}" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{at(bar[0])}" cy="8" r="4" fill="currentColor"/></svg>'
        if bar
        else ""
        for bar in bars
    ]


def _cells(tag: str, scope: str, texts: list[str], styles: list[str], bar: str = "") -> str:
    start = f"{tag} {scope}".rstrip()
    # Of the two places of a bar the site's style sheet shows one; elsewhere it is the column.
    below = bar and f'<span class="below" style="display: none">{bar}</span>'
    return "".join(
        f'<{start} style="{style}">{INTERVAL.sub(_unbroken, _shown(text))}{below}</{tag}>'
        for text, style in zip(texts, styles, strict=True)
    )


def _shown(text: str) -> str:
    """Text as HTML, with metrics as they are called in prose: HR@10 for the column hr@10."""
    return escape(METRIC.sub(_called, text))


def _called(metric: re.Match) -> str:
    name = metric[0]
    return name.upper() if name in ("hr@", "ndcg@") else name.capitalize()


def _unbroken(interval: re.Match) -> str:
    return interval[0].replace(" ", "\N{NO-BREAK SPACE}")


def table(
    frame: pd.DataFrame,
    digits: int | Mapping[Hashable, int] = 3,
    *,
    units: Mapping[Hashable, str] | None = None,
    best: str | None = None,
    caption: str = "",
    anchors: bool = False,
) -> Table:
    """Show what `summary`, `leaderboard`, `rating_leaderboard` or `search` return, or any numbers.

    Parameters
    ----------
    frame : DataFrame
        Its columns `low` and `high`, if it has them, become one with the interval. A difference
        with its interval is shown by `differences`, and not here.
    digits : int or dict of int
        Decimals of the numbers that are not whole; of some columns others than the usual 3.
    units : dict of str, optional
        By column; stands behind its name: ``{"seconds": "s"}``. Of a leaderboard of ratings, stars.
    best : {"highest", "lowest", "none"}, optional
        Which `mean` to mark. By default that of a leaderboard: the highest, or of an error the
        lowest; a `summary` is one model's, and nothing of it is best. The mark says which number
        is first, not that it is more than chance: that is what `compare` says.
    caption : str
        What the table shows.
    anchors : bool
        Whether a link can lead to a row, by the first word of its label.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError, DataError
        If `frame` is no table, has no row, or holds a difference, or an option is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import show
    >>> columns = {"mean": [0.029, 0.062], "low": [0.021, 0.051], "high": [0.038, 0.074]}
    >>> show.table(pd.DataFrame(columns, index=["Popularity", "EASE"]), best="highest")
                    mean        interval
    Popularity     0.029  0.021 to 0.038
    EASE        *  0.062  0.051 to 0.074
    * the highest mean
    """
    _check(frame)
    own = digits if isinstance(digits, Mapping) else dict.fromkeys(frame, digits)
    decimals = {column: check_int("digits", n) for column, n in own.items()}
    _check_columns(frame, digits=decimals, units=units or {})
    metric = frame.attrs.get("metric")
    if best is None:
        best = "none" if metric is None else "highest"
        best = "lowest" if str(metric).endswith(LOWER_IS_BETTER) else best
    check_choice("best", best, ("highest", "lowest", "none"))
    if best != "none" and "mean" not in frame:
        raise DataError(f"best marks a column 'mean', and frame has only {list(frame)}")
    level = frame.attrs.get("level")
    names = {"mean": metric or "mean", "low": f"{level:.0%} interval" if level else "interval"}
    units = {"mean": frame.attrs.get("unit")} | dict(units or {})
    columns = [(str(frame.index.name or ""), _labels(frame), False)]
    for column in frame:
        if column == "high" and set(ENDS) <= set(frame):
            continue  # stands beside low
        name, unit = _name(names.get(column, column)), units.get(column)
        cells, is_numeric = _cells_of(frame, column, decimals.get(column, 3))
        columns.append((f"{name} ({unit})" if unit else name, cells, is_numeric))
    marks = [False] * len(frame)
    if best != "none":
        first = frame["mean"].max() if best == "highest" else frame["mean"].min()
        marks = (frame["mean"] == first).tolist()
    header, cells, numeric = (list(parts) for parts in zip(*columns, strict=True))
    rows = [list(row) for row in zip(*cells, strict=True)]
    bars: list[tuple[float, float, float] | None] = []
    under = 0
    if {"mean", *ENDS} <= set(frame):
        under = 1 + [column for column in frame if column != "high"].index("low")
        values = frame[["mean", *ENDS]].to_numpy(dtype=float)
        bars = [tuple(row) if np.isfinite(row).all() else None for row in values]
    note = f"the {best} {names['mean']}" if any(marks) else ""
    return Table(header, rows, marks, note, numeric, caption, bars, anchors=anchors, under=under)


def differences(
    rows: pd.DataFrame | Mapping[Any, Mapping[str, Any]],
    digits: int = 3,
    *,
    words: tuple[str, str, str] = ("behind", "level", "ahead"),
    also: pd.DataFrame | None = None,
    caption: str = "",
    anchors: bool = False,
) -> Table:
    """Show differences with their intervals, and the word that each interval allows.

    Parameters
    ----------
    rows : DataFrame or dict
        By name, difference, low and high: rows of `evaluation.compare`, or what is recorded.
    digits : int
        Decimals, at least; see `evaluation.verdicts.compared`, which makes the numbers and words.
    words : three str
        For an interval below 0, one that holds 0, and one above 0.
    also : DataFrame, optional
        Columns that stand before the differences, by the same names and with as many digits. Its
        rows are those of the table: of a name that is not in `rows` there is no difference.
    caption : str
        What the table shows.
    anchors : bool
        Whether a link can lead to a row, by the first word of its label.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError
        As `evaluation.verdicts.compared`, and if there is no row, or one that `also` has not.

    Examples
    --------
    >>> from recsys_lib import show
    >>> ease = {"difference": 0.033, "low": 0.021, "high": 0.045}
    >>> lately = {"difference": -0.003, "low": -0.012, "high": 0.006}
    >>> show.differences({"EASE": ease, "Lately": lately}, caption="ndcg@10, minus Popularity")
    ndcg@10, minus Popularity
                         difference
    EASE    +0.033 [+0.021, +0.045]  ahead
    Lately  -0.003 [-0.012, +0.006]  level
    """
    check_kind("rows", rows, (pd.DataFrame, Mapping), "a table of compare, or a mapping of rows")
    if isinstance(rows, pd.DataFrame):
        rows = {name: row for name, row in rows.iterrows()}
    if not rows:
        raise ValueError("rows must hold a difference to show, got none")
    less, level, more = words
    found = {
        name: compared(row, digits, less=less, level=level, more=more) for name, row in rows.items()
    }
    beside = pd.DataFrame(index=pd.Index(list(found), tupleize_cols=False))
    beside = beside if also is None else also
    if missing := [name for name in found if name not in beside.index]:
        raise ValueError(
            f"also must have a row for each difference, it has none for {missing[0]!r}"
        )
    columns = [_cells_of(beside, column, digits) for column in beside]
    lines, bars = [], []
    for place, name in enumerate(beside.index):
        one = found.get(name)
        lines.append(
            [
                _name(name),
                *(cells[place] for cells, _ in columns),
                *((one.numbers, one.word) if one else (NOTHING, "")),
            ]
        )
        bars.append((one.difference, one.low, one.high) if one else None)
    return Table(
        [str(beside.index.name or ""), *map(_name, beside), "difference", ""],
        lines,
        [False] * len(lines),
        "",
        [False, *(is_numeric for _, is_numeric in columns), True, False],
        caption,
        bars,
        zero=True,
        anchors=anchors,
        under=1 + beside.shape[1],
    )


UNITS = (  # of time, the longest first, in seconds
    ("years", 365.25 * 86_400),
    ("days", 86_400.0),
    ("hours", 3600.0),
    ("minutes", 60.0),
    ("s", 1.0),
    ("ms", 0.001),
)


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, with two digits or all before the point.

    Parameters
    ----------
    seconds : float
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If `seconds` is no such number.

    Examples
    --------
    >>> from recsys_lib.show.tables import duration
    >>> [duration(seconds) for seconds in (0.0042, 3.14, 90, 20_000, 1e6, 3e12)]
    ['4.2 ms', '3.1 s', '90 s', '5.6 hours', '12 days', '95,064 years']
    """
    seconds = check_real("seconds", seconds, minimum=0)
    name, unit = next((one for one in UNITS if seconds >= 2 * one[1]), UNITS[-1])
    number = seconds / unit
    return f"{number:,.{0 if number >= 9.95 else 1}f} {name}"


def _name(label: object) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _check_columns(frame: pd.DataFrame, **named: Mapping[Hashable, object]) -> None:
    for argument, columns in named.items():
        for column in columns:
            if column not in frame:
                raise DataError(
                    f"{argument} names {column!r}, which is no column: frame has {list(frame)}"
                )


def _cells_of(frame: pd.DataFrame, column: Hashable, digits: int) -> tuple[list[str], bool]:
    """Return what a column shows, and whether that is numbers."""
    values = frame[column].tolist()
    known = [value for value in values if not pd.isna(value)]
    is_numeric = all(isinstance(v, Real) and not isinstance(v, bool) for v in known)
    if frame[column].dtype == object:  # settings, as they were given: 0.0003 and not 0.000
        return [NOTHING if value is None else str(value) for value in values], is_numeric
    if is_numeric and known and all(float(value).is_integer() for value in known):
        digits = 0  # counts that pandas keeps as 50.0, where another is missing
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
            "show.differences"
        )


def _labels(frame: pd.DataFrame) -> list[str]:
    return [_name(label) for label in frame.index]


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
