"""Times: how they are counted, which can be true, and what a wrong unit looks like."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.validation import DataError

# Any date after this is taken for a wrong unit: milliseconds read as seconds land far beyond it.
LATEST = {"s": 4_102_444_800, "ms": 4_102_444_800_000}  # 2100-01-01
EARLIEST_LOG = 788_918_400  # 1995-01-01, in seconds: no log of ratings is older
PER_SECOND = {"s": 1, "ms": 1_000, "microseconds": 10**6, "nanoseconds": 10**9}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_text(text: Any, layout: str) -> int:
    """Return Unix milliseconds; without a time zone, UTC is meant.

    `layout` is "iso" or what `datetime.strptime` understands. Raises TypeError or ValueError for
    what is not written so.
    """
    iso = layout == "iso"
    moment = datetime.fromisoformat(text) if iso else datetime.strptime(text, layout)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def cure_of_text(value: object) -> str:
    """Say how to read a time that is no number, where that can be told from the text."""
    if not isinstance(value, str) or sum(value.count(sign) for sign in "-/.:") < 2:
        return ""
    try:
        from_text(value, "iso")
    except ValueError:
        digits = sum(character.isdigit() for character in value)
        return "; say how it is written, such as time_unit='%d/%m/%Y'" if digits >= 5 else ""
    return "; say time_unit='iso'"


def other_unit(time: int) -> str:
    """Say in which unit a time that is out of range in its own would be one of 1995 to 2100."""
    for name, per_second in PER_SECOND.items():
        if not EARLIEST_LOG * per_second <= time <= LATEST["s"] * per_second:
            continue
        if name == "ms":
            return "; is it in milliseconds (time_unit='ms')?"
        return f"; is it in {name}? divide by {per_second // 1000:,} and say time_unit='ms'"
    return ""


def check_times(times: np.ndarray, unit: str, what: str) -> None:
    """Raise DataError if a Unix time is not in 1970 to 2100, or all look like a wrong unit's.

    The days from 1995 to 2100, counted in seconds and taken for milliseconds, all fall between 10
    January and 17 February 1970; so do microseconds that were divided by 10**9.
    """
    if unit == "none" or not len(times):
        return
    bad = (times < 0) | (times > LATEST[unit])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{what} holds {times[row]} in row {row}, which is not a time between 1970 and 2100"
            f"{other_unit(times[row])}"
        )
    first, last = int(times.min()), int(times.max())
    window = np.array([EARLIEST_LOG, LATEST["s"]]) * PER_SECOND[unit] / 1000
    if window[0] <= first and last <= window[1]:
        dates = np.array([first, last]).astype(f"datetime64[{unit}]").astype("datetime64[D]")
        cure = "are they in seconds (time_unit='s')?" if unit == "ms" else "multiply by 1,000?"
        raise DataError(
            f"{what} runs from {dates[0]} to {dates[1]}, as times do in a wrong unit: {cure} "
            "A column of dates can be given as it is"
        )


def from_datetimes(column: pd.Series, unit: str) -> np.ndarray:
    """Return Unix times of a column of dates, int64; those without a time zone are taken for UTC.

    What is finer than the unit is cut off.
    """
    moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
    return moments.to_numpy(f"datetime64[{unit}]").astype(np.int64)


def holds_datetimes(column: pd.Series) -> bool:
    """Whether all values of a column are dates, of pandas, NumPy or Python."""
    kinds = ("datetime", "datetime64", "date")
    return pd.api.types.infer_dtype(column, skipna=False) in kinds
