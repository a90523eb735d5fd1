"""Words from numbers: what the interval of a difference lets a sentence say.

A page that compares two results takes not only the number from a cell but the verdict, too. So the
sentence cannot be stronger than its evidence, on any machine: where the interval of a difference
holds 0, it reads "level with".
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd

from recsys_lib.validation import check_int, check_kind

REGISTER = "RECSYS_COMPARISONS"  # the variable that names the file in which they are noted
MOST_DIGITS = 18  # an interval that is nearer to 0 is shown as +1.0e-20
LESS, LEVEL, MORE = "behind", "level with", "ahead of"


def verdict(low: float, high: float, less: str = LESS, level: str = LEVEL, more: str = MORE) -> str:
    """Return the word that an interval of a difference allows.

    Parameters
    ----------
    low, high : float
        Ends of the interval of the difference "one minus other".
    less, level, more : str
        What to say if the whole interval lies below 0, holds 0, or lies above 0. Of an error, less
        is better: ``less="better than", more="worse than"``.

    Raises
    ------
    ValueError
        If an end is no finite number, or `low` is above `high`.

    Examples
    --------
    >>> from recsys_lib.evaluation.verdicts import verdict
    >>> verdict(0.025, 0.043), verdict(-0.012, 0.006)
    ('ahead of', 'level with')
    """
    check_kind("low", low, Real, "a number")
    check_kind("high", high, Real, "a number")
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"low and high must be finite and in order, got {low!r} and {high!r}")
    if low > 0:
        return more
    return less if high < 0 else level


@dataclass(frozen=True)
class Comparison:
    """A difference with its interval, and the word for it; see `compared`.

    Attributes
    ----------
    difference, low, high : float
    word : str
    digits : int
        Decimals that are shown; more where an interval that does not hold 0 would seem to.
    """

    difference: float
    low: float
    high: float
    word: str
    digits: int = 3

    def _shown(self) -> tuple[str, str, str]:
        digits, nearest = self.digits, max(self.low, -self.high)  # above 0: on one side of it
        while digits < MOST_DIGITS and nearest > 0 and not float(f"{nearest:.{digits}f}"):
            digits += 1
        form = f".{digits}f" if nearest <= 0 or float(f"{nearest:.{digits}f}") else ".1e"
        d, low, high = (_signed(x, form) for x in (self.difference, self.low, self.high))
        return d, low, high

    @property
    def numbers(self) -> str:
        """``+0.034 [+0.025, +0.043]``, for a table."""
        d, low, high = self._shown()
        return f"{d} [{low}, {high}]"

    @property
    def line(self) -> str:
        """The numbers and the word, for a table: ``+0.034 [+0.025, +0.043]  ahead of``."""
        return f"{self.numbers}  {self.word}"

    @property
    def text(self) -> str:
        """``+0.034 (95% interval +0.025 to +0.043)``, for a sentence."""
        d, low, high = self._shown()
        return f"{d} (95% interval {low} to {high})"

    def __str__(self) -> str:
        return self.line


def compared(
    row: Mapping[str, Any], digits: int = 3, less: str = LESS, level: str = LEVEL, more: str = MORE
) -> Comparison:
    """Turn a row of `evaluation.compare` into numbers and a word to be shown, and register it.

    The only way in which a page of the course shows a difference with its interval. Where the
    variable RECSYS_COMPARISONS names a file, each is noted there, and a test of the built site
    finds every comparison that a page prints among them.

    Parameters
    ----------
    row : mapping
        With difference, low and high: a row of `evaluation.compare`, or what is recorded of one.
    digits : int
        Decimals to show, at least. They do not decide the word: that takes the unrounded numbers.
    less, level, more : str
        As in `verdict`.

    Raises
    ------
    TypeError, ValueError
        If a number is missing or not finite, or the difference lies outside of its interval; if
        `digits` is no number of decimals, or two words are the same.

    Examples
    --------
    >>> from recsys_lib.evaluation.verdicts import compared
    >>> found = compared({"difference": 0.0341, "low": 0.0252, "high": 0.0428})
    >>> print(found)
    +0.034 [+0.025, +0.043]  ahead of
    >>> f"It is {found.word} the other by {found.text}."
    'It is ahead of the other by +0.034 (95% interval +0.025 to +0.043).'
    """
    check_kind("row", row, (Mapping, pd.Series), "a mapping with difference, low and high")
    difference, low, high = (_number(row, name) for name in ("difference", "low", "high"))
    if not all(isinstance(word, str) and word for word in (less, level, more)):
        raise TypeError(f"less, level and more must be words, got {(less, level, more)!r}")
    if len({less, level, more}) < 3:
        raise ValueError(f"less, level and more must differ, got {(less, level, more)!r}")
    word = verdict(low, high, less, level, more)
    nearest = min(max(difference, low), high)
    if not math.isclose(difference, nearest, rel_tol=1e-9):  # of equal numbers, means may differ so
        raise ValueError(
            f"difference must lie in its interval, got {difference!r} with [{low!r}, {high!r}]: is "
            "it the other way round, or of another row?"
        )
    found = Comparison(difference, low, high, word, check_int("digits", digits))
    if file := os.environ.get(REGISTER):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([found.numbers, found.text, found.word]) + "\n")
    return found


def between(pairs: Mapping[str, Mapping[str, Any]], one: str, other: str) -> dict[str, Any]:
    """Return the row "one - other" of recorded pairs, turned round where "other - one" is recorded.

    Raises
    ------
    ValueError
        If neither is recorded.

    Examples
    --------
    >>> from recsys_lib.evaluation.verdicts import between
    >>> pairs = {"EASE - SVD": {"difference": 0.02, "low": 0.01, "high": 0.03}}
    >>> between(pairs, "SVD", "EASE")
    {'difference': -0.02, 'low': -0.03, 'high': -0.01}
    """
    check_kind("pairs", pairs, Mapping, "a mapping from recorded pairs to rows")
    if f"{one} - {other}" in pairs:
        return dict(pairs[f"{one} - {other}"])
    if f"{other} - {one}" not in pairs:
        raise ValueError(
            f"one and other must be a recorded pair, got {one!r} and {other!r}; there are "
            f"{list(pairs)}"
        )
    row = pairs[f"{other} - {one}"]
    return {**row, "difference": -row["difference"], "low": -row["high"], "high": -row["low"]}


def _number(row: Mapping[str, Any], name: str) -> float:
    if name not in row:
        raise ValueError(f"row must have difference, low and high, got {list(row)}")
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return float(value)


def _signed(value: float, form: str) -> str:
    """A number with its sign; what rounds to 0 has none, so that no page says -0.000."""
    shown = f"{value:+{form}}"
    return shown[1:] if float(shown) == 0 else shown
