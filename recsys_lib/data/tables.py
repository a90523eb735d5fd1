"""What a table says: its columns, identifiers, numbers, times, repeated rows and items.

All here either uses what stands in the table or refuses it by name; nothing is passed over.
"""

import difflib
import re
from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral, Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from recsys_lib.data.times import check_times, from_datetimes, holds_datetimes
from recsys_lib.validation import DataError, check_choice

TIME_UNITS = ("s", "ms", "none")
MERGES = ("latest", "sum", "count")
OTHER_NAMES = {  # what others call our columns, without case and punctuation
    "user": ("users", "userid", "uid", "customer", "customerid", "reviewerid"),
    "item": ("items", "itemid", "iid", "movieid", "product", "productid", "articleid", "asin"),
    "rating": ("ratings", "stars", "score"),
    "timestamp": ("timestamps", "time", "times", "date", "datetime", "unixtime"),
}
EXACT, EXACT_32 = 2**53, 2**24  # up to here, floats of 64 and 32 bits hold every whole number


# ---- names ---------------------------------------------------------------------------------------


def same_column(wanted: str, found: Iterable[Hashable]) -> list[Hashable]:
    """Return the names that mean `wanted` but for case, punctuation or a usual other word."""
    known = (_bare(wanted), *OTHER_NAMES.get(wanted, ()))
    return [name for name in found if _bare(name) in known]


def meant(wanted: str | Sequence[str], found: Iterable[Hashable]) -> str:
    """Return a question after what may be meant by one or more names; empty if there is nothing."""
    found = list(found)
    near: list[Hashable] = []
    for name in [wanted] if isinstance(wanted, str) else wanted:
        texts = [str(other) for other in found]
        close = same_column(name, found) or difflib.get_close_matches(name, texts, 1, cutoff=0.7)
        near += close[:1]
    names = ", ".join(repr(name) for name in dict.fromkeys(near))
    return f"; {'are' if len(near) > 1 else 'is'} {names} meant?" if near else ""


def _bare(name: Hashable) -> str:
    return re.sub(r"[\W_]", "", str(name).casefold())


def check_columns(frame: pd.DataFrame, name: str) -> None:
    """Raise DataError if user or item is missing, or another of our columns is named otherwise."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{name}: frame must be a pandas DataFrame, got {type(frame).__name__}")
    found = list(frame)
    for column in ("user", "item"):
        if column not in found:
            raise DataError(
                f"{name}: column {column!r} is missing; found {found}{meant(column, found)}"
            )
    for column in ("rating", "timestamp"):
        near = same_column(column, found)
        if near and column not in found:
            raise DataError(
                f"{name}: there is no column {column!r}, but {near[0]!r}: rename it "
                f"(frame.rename(columns={{{near[0]!r}: {column!r}}})), or drop it if it is "
                "something else"
            )
    if len(frame) == 0:
        raise DataError(f"{name}: there are no rows")


def full(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    """Return a column, or raise DataError if it is not there once or has gaps."""
    if list(frame.columns).count(column) > 1:
        raise DataError(f"{name}: column {column!r} comes more than once in {list(frame)}")
    gaps = frame[column].isna().to_numpy()
    if gaps.any():
        row = int(np.flatnonzero(gaps)[0])
        raise DataError(f"{name}: column {column!r} has no value in row {row}")
    return frame[column]


# ---- numbers and times ---------------------------------------------------------------------------


def converted(values: object, dtype: type[np.number], what: str, cure: str = "") -> np.ndarray:
    """Return a copy of some numbers in this dtype; whole numbers must come through unchanged."""
    given = np.array(values, ndmin=1)
    if given.size and given.dtype.kind not in "biuf":
        dtype_given = getattr(values, "dtype", given.dtype)
        raise DataError(f"{what} must hold numbers, got dtype {dtype_given}{cure}")
    with np.errstate(invalid="ignore", over="ignore"):
        array = given.astype(dtype)
    if np.dtype(dtype).kind == "i" and (array != given).any():
        bad = given[array != given][0]
        raise DataError(
            f"{what} must hold whole numbers that fit {np.dtype(dtype)}, got {bad}{cure}"
        )
    if given.dtype == np.float32 and array.dtype.kind == "i" and (abs(array) > EXACT_32).any():
        bad = array[abs(array) > EXACT_32][0]
        raise DataError(f"{what} holds {bad} as float32, which cannot tell it from its neighbors")
    return array


def ratings_of(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return the column of ratings as float32, 1 where there is none."""
    if "rating" not in frame:
        return np.ones(len(frame), np.float32)
    what = f"{name}: column 'rating'"
    return converted(full(frame, "rating", name), np.float32, what, "; see pandas.to_numeric")


def check_ratings(rating: np.ndarray, scale: tuple[float, float] | None, name: str) -> None:
    """Raise DataError if a rating is not finite or off the scale."""
    low, high = scale or (-np.inf, np.inf)
    bad = ~(np.isfinite(rating) & (rating >= low) & (rating <= high))
    if bad.any():
        raise DataError(
            f"{name}: rating holds {rating[bad][0]}, "
            f"allowed are finite numbers in [{low:g}, {high:g}]"
        )


def times_of(frame: pd.DataFrame, unit: str | None, name: str) -> tuple[np.ndarray, str]:
    """Return the column of times as int64, 0 where there is none, and their unit.

    Dates need no unit: they become milliseconds, or what `unit` says.
    """
    if unit is not None:
        check_choice("time_unit", unit, TIME_UNITS)
    if "timestamp" not in frame:
        if unit not in (None, "none"):
            raise DataError(
                f"{name}: time_unit is {unit!r}, but there is no column 'timestamp'; "
                f"found {list(frame)}"
            )
        return np.zeros(len(frame), np.int64), "none"
    what, column = f"{name}: column 'timestamp'", full(frame, "timestamp", name)
    if holds_datetimes(column):
        times = from_datetimes(column, "s" if unit == "s" else "ms")
        unit = unit or "ms"
    else:
        cure = "; of text, pandas.to_datetime makes dates, with unit='s' of fractions too"
        times = converted(column, np.int64, what, cure)
    unit = unit or "none"  # such times put rows in order, and are refused where a unit is needed
    check_times(times, unit, what)
    return times, unit


# ---- identifiers ---------------------------------------------------------------------------------


def numbered(column: pd.Series, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (codes, sorted vocabulary) of a column of identifiers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        # numbering a million short categories is far cheaper than millions of strings
        column = column.cat.remove_unused_categories()
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        # objects as an array, since an Index of tuples would be something else
        values = column.to_numpy() if column.dtype == object else column
        try:
            codes, values = pd.factorize(values)
        except TypeError:
            bad = next(value for value in values if not isinstance(value, Hashable))
            raise DataError(f"{what} holds {bad!r} ({type(bad).__name__}); {ALLOWED}") from None
    plain = identifiers(values, what)
    order = np.argsort(_quick_to_sort(plain), kind="stable")
    vocabulary = plain[order]
    repeated = vocabulary[1:] == vocabulary[:-1]
    if repeated.any():
        twice = vocabulary[1:][repeated][0]
        raise DataError(f"{what} has two different identifiers that are both written {twice!s}")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[codes], vocabulary


ALLOWED = "identifiers must be integers or text (column.astype(str) makes text of anything)"


def identifiers(values: object, what: str) -> np.ndarray:
    """Return distinct identifiers as integers if all are whole numbers, else as text.

    Whole floats count as integers: a column of integers with a gap becomes one of floats. Bytes are
    taken for UTF-8. Raises DataError for anything else, and for text that no file can hold.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array
    plain = array.tolist()
    if pd.api.types.infer_dtype(array, skipna=False) != "string":
        exact = EXACT_32 if array.dtype == np.float32 else EXACT
        plain = [_identifier(value, what, exact) for value in plain]
    if plain and all(isinstance(value, int) for value in plain):
        try:
            return np.array(plain, dtype=np.int64)
        except OverflowError:  # of more than 64 bits
            pass
    texts = [str(value) for value in plain]
    _check_texts(texts, what)
    return np.array(texts, dtype=str)


def _identifier(value: object, what: str, exact: int) -> int | str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DataError(
                f"{what} holds {value!r}, which is not UTF-8; decode it first (column.str.decode)"
            ) from None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise DataError(f"{what} holds {value!r} ({type(value).__name__}); {ALLOWED}")
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    if not number.is_integer() or abs(number) >= exact:
        raise DataError(f"{what} holds {value!r}, which is no exact whole number; {ALLOWED}")
    return int(number)


def _check_texts(texts: list[str], what: str) -> None:
    """Raise DataError for an empty text, and for what NumPy or a file would change."""
    if "" in texts:
        raise DataError(f"{what} holds an empty text")
    together = "".join(texts)
    try:
        together.encode()
    except UnicodeEncodeError:
        raise DataError(f"{what} holds text that is not valid UTF-8") from None
    if "\0" in together:
        ends = [text.rstrip("\0") for text in texts]  # NumPy's text ends there
        if len(set(ends)) == len(texts):
            bad = next(text for text in texts if "\0" in text)
            raise DataError(f"{what} holds {bad!r}, with a NUL character")


def _quick_to_sort(ids: np.ndarray) -> np.ndarray:
    """Return keys of the same order: text of ASCII alone as bytes, a quarter of the size."""
    if ids.dtype.kind != "U":
        return ids
    try:
        return ids.astype("S")
    except UnicodeEncodeError:
        return ids


def find(wanted: ArrayLike, ids: np.ndarray, what: str) -> np.ndarray:
    """Return the place of each wanted identifier in a vocabulary, int64; 7 and "7" are the same.

    Raises KeyError, with the nearest that there are, for one that is not in it.
    """
    if np.ndim(wanted) != 1:
        cure = f"; write [{wanted!r}] for one" if np.ndim(wanted) == 0 else ""
        raise TypeError(f"{what} must be a sequence of identifiers, got {wanted!r}{cure}")
    column = pd.Series(wanted, dtype=None if np.size(wanted) else object)
    codes, distinct = pd.factorize(column.array)
    if (codes < 0).any():
        raise KeyError(f"{what} has no identifier in place {int(np.argmax(codes < 0))}")
    plain = identifiers(distinct, what)
    known, plain = _of_one_kind(ids, plain)
    places = pd.Index(known).get_indexer(plain)
    if (places < 0).any():
        missing = str(plain[places < 0][0])
        near = difflib.get_close_matches(missing, known[:20_000].astype(str), n=3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise KeyError(f"{what} holds {missing}, which is none of the {len(ids):,} known{hint}")
    return places[codes].astype(np.int64)


def _of_one_kind(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of identifiers as text if one of them is text and the other is not."""
    if (one.dtype.kind == "U") == (other.dtype.kind == "U"):
        return one, other
    return one.astype(str), other.astype(str)


# ---- repeated rows -------------------------------------------------------------------------------


def latest(keys: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
    """Mask of the rows to keep: per key the latest, between equal times the last one."""
    order = np.lexsort((np.arange(len(keys)), timestamp, keys))
    last = np.ones(len(keys), dtype=bool)
    last[:-1] = keys[order][1:] != keys[order][:-1]
    keep = np.zeros(len(keys), dtype=bool)
    keep[order[last]] = True
    return keep


def totals(keys: np.ndarray, rating: np.ndarray, merge: str) -> np.ndarray:
    """Return for each row what all rows of its key come to: the sum of ratings, or the count."""
    _, key = np.unique(keys, return_inverse=True)
    return np.bincount(key, rating if merge == "sum" else None)[key]  # counted in float64


# ---- items ---------------------------------------------------------------------------------------


def items_in_order(items: pd.DataFrame, item_ids: np.ndarray, name: str) -> pd.DataFrame:
    """Return one row per item of the vocabulary; those the table does not know are missing.

    The table is indexed by identifier, or has them in a column 'item'.
    """
    if not isinstance(items, pd.DataFrame):
        raise DataError(f"{name}: items must be a DataFrame, got {type(items).__name__}")
    where = "index"
    if "item" in items and items.index.name is None:
        where = "column 'item'"
        items = items.set_index(full(items, "item", f"{name}: items")).drop(columns="item")
    _check_index(items, item_ids, name)
    if items.index.nlevels > 1:
        raise DataError(f"{name}: items must have one index, got {items.index.names}")
    if items.index.hasnans:
        row = int(np.argmax(items.index.isna()))
        raise DataError(f"{name}: items has no identifier in row {row}")
    own = identifiers(items.index, f"{name}: items")
    wanted, known = _of_one_kind(item_ids, own)
    index = pd.Index(known)
    if not index.is_unique:
        twice = index[index.duplicated()].tolist()[0]
        raise DataError(f"{name}: items has more than one row for {twice!r}")
    if len(wanted) and not index.isin(wanted).any():
        raise DataError(
            f"{name}: items knows none of the {len(wanted):,} items: its {where} holds "
            f"{_some(own)}, the interactions {_some(item_ids)}"
        )
    return items.set_axis(index).reindex(wanted).reset_index(drop=True)


def _check_index(items: pd.DataFrame, item_ids: np.ndarray, name: str) -> None:
    """Raise DataError if an index without a name seems to count rows, and not to name items."""
    index = items.index
    if index.name is not None or not pd.api.types.is_integer_dtype(index.dtype):
        return
    columns = {
        title: column for title, column in items.items() if not np.array_equal(index, column)
    }
    holding = same_column("item", columns)
    if isinstance(index, pd.RangeIndex) and index.start == 0:  # as pandas makes it
        known = set(item_ids.astype(str).tolist())
        holding += [title for title, column in columns.items() if known <= set(column.astype(str))]
        if not holding and not set(item_ids.tolist()) <= set(index):
            holding = ["..."]
    if holding:
        raise DataError(
            f"{name}: the index of items seems to count its rows; say which column names the items:"
            f" items.set_index({holding[0]!r})"
        )


def _some(ids: np.ndarray) -> str:
    kind = "text" if ids.dtype.kind == "U" else "integers"
    return f"{', '.join(map(repr, ids[:3].tolist()))} ({kind})"
