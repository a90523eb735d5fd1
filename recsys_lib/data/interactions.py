"""`Interactions`: who met which item, how they rated it, and when."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_lib.files import read_npz, write_npz
from recsys_lib.validation import DataError, check_choice, check_ids, check_scale

TIME_UNITS = ("s", "ms", "none")


@dataclass(frozen=True)
class ReadReport:
    """What a reader did on the way from a file to `Interactions`.

    Attributes
    ----------
    rows : int
        Data rows in the source.
    merged : int
        Rows dropped because a later row has the same user and item.
    skipped : dict of str to int
        Rows left out, by reason; empty unless the caller asked for bad rows to be skipped.
    """

    rows: int
    merged: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """A set of (user, item, rating, timestamp) events with at most one event per pair.

    Users and items are numbered from 0; the vocabularies say which identifier of the source each
    number stands for. All arrays are read-only. A subset made with `select` keeps the vocabularies,
    so that train, validation and test sets of one split speak of the same users and items.

    Attributes
    ----------
    user, item : ndarray of int32, shape (n,)
        Indices into `user_ids` and `item_ids`.
    rating : ndarray of float32, shape (n,)
        In the units of the source (stars); 1 where the source has no ratings.
    timestamp : ndarray of int64, shape (n,)
        Unix time in `time_unit`; all 0 where `time_unit` is "none".
    user_ids, item_ids : ndarray
        The identifiers, integers or text, without repetition; sorted where `from_frame` made them.
    name : str
        What the data is called in messages and results.
    scale : (float, float) or None
        Lowest and highest possible rating.
    time_unit : {"s", "ms", "none"}
        Of the timestamps; "none" where there are none.
    items : DataFrame or None
        One row per item, in the order of `item_ids` (title, year, genres, ... as the source has).
    report : ReadReport or None

    Raises
    ------
    DataError
        If shapes differ, an index or a timestamp is not whole, an index is outside its vocabulary,
        an identifier or a (user, item) pair comes twice, or a rating is not finite or outside the
        scale.
    """

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    timestamp: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    name: str = "interactions"
    scale: tuple[float, float] | None = None
    time_unit: str = "none"
    items: pd.DataFrame | None = None
    report: ReadReport | None = None

    def __post_init__(self) -> None:
        dtypes = {"user": np.int32, "item": np.int32, "rating": np.float32, "timestamp": np.int64}
        for attribute, dtype in dtypes.items():
            what = f"{self.name}: {attribute}"
            self._freeze(attribute, _converted(getattr(self, attribute), dtype, what))
        for attribute in ("user_ids", "item_ids"):
            self._freeze(attribute, _plain(np.array(getattr(self, attribute))))
        object.__setattr__(self, "scale", check_scale("scale", self.scale))
        self._check()

    def _freeze(self, attribute: str, array: np.ndarray) -> None:
        array.setflags(write=False)
        object.__setattr__(self, attribute, array)

    def _check(self) -> None:
        shapes = {a: getattr(self, a).shape for a in ("user", "item", "rating", "timestamp")}
        if len(set(shapes.values())) > 1 or self.user.ndim != 1:
            raise DataError(f"{self.name}: the four arrays must have one common length: {shapes}")
        check_choice("time_unit", self.time_unit, TIME_UNITS)
        if self.items is not None and len(self.items) != self.n_items:
            raise DataError(
                f"{self.name}: items must have one row per item: "
                f"{len(self.items)} rows for {self.n_items} items"
            )
        for side in ("user", "item"):
            self._check_side(side)
        low, high = self.scale or (-np.inf, np.inf)
        bad = ~(np.isfinite(self.rating) & (self.rating >= low) & (self.rating <= high))
        if bad.any():
            raise DataError(
                f"{self.name}: rating holds {self.rating[bad][0]}, "
                f"allowed are finite numbers in [{low:g}, {high:g}]"
            )
        keys = np.sort(self._keys())
        if (keys[1:] == keys[:-1]).any():
            pair = keys[1:][keys[1:] == keys[:-1]][0]
            raise DataError(
                f"{self.name}: user {self.user_ids[pair // self.n_items]} and item "
                f"{self.item_ids[pair % self.n_items]} come together more than once; "
                "Interactions.from_frame merges such rows"
            )

    def _check_side(self, side: str) -> None:
        numbers, ids = getattr(self, side), getattr(self, f"{side}_ids")
        if ids.ndim != 1:
            raise DataError(
                f"{self.name}: {side}_ids must be one-dimensional, got shape {ids.shape}"
            )
        is_sorted = bool((ids[1:] > ids[:-1]).all())  # the quick way to know that none repeats
        if not is_sorted and len(np.unique(ids)) < len(ids):
            values, counts = np.unique(ids, return_counts=True)
            raise DataError(
                f"{self.name}: {side}_ids holds {values[counts > 1][0]!s} more than once"
            )
        bad = (numbers < 0) | (numbers >= len(ids))
        if bad.any():
            raise DataError(
                f"{self.name}: {side} holds {numbers[bad][0]}, "
                f"but its vocabulary has {len(ids)} entries"
            )

    def _keys(self) -> np.ndarray:
        """One integer per event that names its cell of the user-item matrix."""
        return self.user.astype(np.int64) * self.n_items + self.item

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        return (
            f"<{self.name}: {len(self):,} ratings, {self.n_users:,} users x {self.n_items:,} items,"
            f" {self.density:.2%} of the cells>"
        )

    @property
    def n_users(self) -> int:
        """Number of users in the vocabulary, those without any event included."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items in the vocabulary, those without any event included."""
        return len(self.item_ids)

    @property
    def density(self) -> float:
        """Fraction of the user-item matrix that is filled."""
        return len(self) / max(1, self.n_users * self.n_items)

    @property
    def user_counts(self) -> np.ndarray:
        """Number of events of each user, shape (n_users,)."""
        return np.bincount(self.user, minlength=self.n_users)

    @property
    def item_counts(self) -> np.ndarray:
        """Number of events of each item, shape (n_items,)."""
        return np.bincount(self.item, minlength=self.n_items)

    @property
    def dates(self) -> np.ndarray:
        """The timestamps as datetime64, shape (n,). Raises DataError where there are none."""
        if self.time_unit == "none":
            raise DataError(f"{self.name} has no timestamps")
        return self.timestamp.astype(f"datetime64[{self.time_unit}]")

    def titles(self, items: Sequence[int]) -> list[str]:
        """Titles of these item indices; the identifier where the source knows no title.

        Raises IndexError for an index that is no item, such as the -1 which fills up a list of
        recommendations that is too short.
        """
        items = check_ids("items", items, self.n_items)
        if self.items is None or "title" not in self.items:
            return [str(identifier) for identifier in self.item_ids[items]]
        found = self.items["title"].iloc[items]
        return [
            str(self.item_ids[i]) if pd.isna(title) else str(title)
            for i, title in zip(items, found, strict=True)
        ]

    def find_item(self, title: str) -> int:
        """Index of the one item whose title contains `title`; an exact title wins.

        Raises
        ------
        KeyError
            If no title matches, or several do and none is exact; the message lists some.
        """
        titles = np.array(self.titles(np.arange(self.n_items)))
        exact = np.flatnonzero(titles == title)
        matches = (
            exact
            if len(exact)
            else np.flatnonzero([title.casefold() in known.casefold() for known in titles])
        )
        if len(matches) != 1:
            what = ", ".join(titles[matches[:5]]) or "none"
            raise KeyError(f"title {title!r} fits {len(matches)} items of {self.name}: {what}")
        return int(matches[0])

    def to_csr(self, values: str = "rating") -> sparse.csr_array:
        """Return the user-item matrix, shape (n_users, n_items), float32.

        Parameters
        ----------
        values : {"rating", "ones"}
            What a filled cell holds. A rating of 0 stays an explicitly stored 0.
        """
        check_choice("values", values, ("rating", "ones"))
        cells = self.rating if values == "rating" else np.ones(len(self), dtype=np.float32)
        matrix = sparse.coo_array((cells, (self.user, self.item)), self.shape).tocsr()
        matrix.sort_indices()
        return matrix

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items)."""
        return self.n_users, self.n_items

    def to_frame(self) -> pd.DataFrame:
        """Return one row per event with the source's identifiers: user, item, rating, timestamp."""
        return pd.DataFrame(
            {
                "user": self.user_ids[self.user],
                "item": self.item_ids[self.item],
                "rating": self.rating,
                "timestamp": self.timestamp,
            }
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        name: str = "frame",
        scale: tuple[float, float] | None = None,
        time_unit: str = "none",
        items: pd.DataFrame | None = None,
        skipped: dict[str, int] | None = None,
    ) -> "Interactions":
        """Number the users and items of a table and merge repeated pairs.

        Where a (user, item) pair comes more than once, the row with the latest timestamp is kept;
        between equal timestamps, the one further down in the table. `report.merged` counts the
        others.

        Parameters
        ----------
        frame : DataFrame
            Columns user, item and optionally rating (else 1) and timestamp (else 0), the last two
            of numbers. Identifiers that are not all integers become text.
        name, scale, time_unit
            See `Interactions`.
        items : DataFrame, optional
            Metadata indexed by item identifier; put in the order of the vocabulary, with missing
            values for items it does not know.
        skipped : dict, optional
            Rows that the reader left out, for the report.

        Raises
        ------
        DataError
            If a column is missing, there are no rows, or a value is missing (the message gives its
            row, counted from 0) or out of range.
        """
        for column in ("user", "item"):
            if column not in frame:
                raise DataError(f"{name}: column {column!r} is missing; found {list(frame)}")
        if len(frame) == 0:
            raise DataError(f"{name}: there are no rows")
        user, user_ids = _number(_full(frame, "user", name), f"{name}: column 'user'")
        item, item_ids = _number(_full(frame, "item", name), f"{name}: column 'item'")
        n = len(frame)
        rating = _numbers(frame, "rating", np.float32, 1, name)
        timestamp = _numbers(frame, "timestamp", np.int64, 0, name)
        keep = _latest(user.astype(np.int64) * len(item_ids) + item, timestamp)
        return cls(
            user[keep],
            item[keep],
            rating[keep],
            timestamp[keep],
            user_ids,
            item_ids,
            name=name,
            scale=scale,
            time_unit=time_unit,
            items=None if items is None else _in_order(items, item_ids, name),
            report=ReadReport(
                n + sum((skipped or {}).values()), n - int(keep.sum()), skipped or {}
            ),
        )

    def select(self, which: np.ndarray, name: str | None = None) -> "Interactions":
        """Return the events that a mask or an index array picks, on the same vocabularies."""
        return replace(
            self,
            user=self.user[which],
            item=self.item[which],
            rating=self.rating[which],
            timestamp=self.timestamp[which],
            name=name or self.name,
            report=None,
        )

    def compact(self) -> "Interactions":
        """Return the same events with users and items that have none removed and renumbered."""
        users, user = np.unique(self.user, return_inverse=True)
        items, item = np.unique(self.item, return_inverse=True)
        table = None if self.items is None else self.items.iloc[items].reset_index(drop=True)
        return replace(
            self,
            user=user,
            item=item,
            user_ids=self.user_ids[users],
            item_ids=self.item_ids[items],
            items=table,
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything but the report to one ``.npz`` file, without pickle and atomically."""
        path = Path(path)
        text = {"name": self.name, "scale": self.scale, "time_unit": self.time_unit}
        if self.items is not None and len(self.items.columns):
            text["items"] = self.items.to_json(orient="table", index=False, double_precision=15)
        arrays = {
            "user": self.user,
            "item": self.item,
            "rating": self.rating,
            "timestamp": self.timestamp,
            "user_ids": self.user_ids,
            "item_ids": self.item_ids,
        }
        write_npz(path, arrays, text)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Interactions":
        """Read a file that `save` wrote. Raises DataError if it is not one."""
        arrays, text = read_npz(path)
        try:
            items = text.pop("items", None)
            if items is not None:
                items = pd.read_json(io.StringIO(items), orient="table", precise_float=True)
            text["scale"] = None if text["scale"] is None else tuple(text["scale"])
            return cls(**arrays, **text, items=items)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} does not hold interactions: {error}") from None


def _full(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    """Return a column, or raise if it is not there once or has gaps."""
    if list(frame.columns).count(column) > 1:
        raise DataError(f"{name}: column {column!r} comes more than once in {list(frame)}")
    gaps = frame[column].isna().to_numpy()
    if gaps.any():
        row = int(np.flatnonzero(gaps)[0])
        raise DataError(f"{name}: column {column!r} has no value in row {row}")
    return frame[column]


def _numbers(frame: pd.DataFrame, column: str, dtype: type, default: int, name: str) -> np.ndarray:
    if column not in frame:
        return np.full(len(frame), default, dtype)
    return _converted(_full(frame, column, name), dtype, f"{name}: column {column!r}")


def _in_order(items: pd.DataFrame, item_ids: np.ndarray, name: str) -> pd.DataFrame:
    if not items.index.is_unique:
        twice = items.index[items.index.duplicated()][0]
        raise DataError(f"{name}: items has more than one row for {twice!r}")
    return items.reindex(item_ids).reset_index(drop=True)


def _converted(values: object, dtype: type, what: str) -> np.ndarray:
    """Return a copy of some numbers in this dtype; whole numbers must come through unchanged."""
    given = np.array(values, ndmin=1)
    if given.size and given.dtype.kind not in "biuf":
        dtype_given = getattr(values, "dtype", given.dtype)
        raise DataError(f"{what} must hold numbers, got dtype {dtype_given}")
    with np.errstate(invalid="ignore", over="ignore"):
        array = given.astype(dtype)
    if np.dtype(dtype).kind == "i" and (array != given).any():
        bad = given[array != given][0]
        raise DataError(f"{what} must hold whole numbers that fit {np.dtype(dtype)}, got {bad}")
    return array


def _number(column: pd.Series, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (codes, sorted vocabulary) of a column of identifiers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        # numbering a million short categories is far cheaper than millions of strings
        column = column.cat.remove_unused_categories()
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = pd.factorize(column)
    plain = _plain(np.asarray(values))
    order = np.argsort(_quick_to_sort(plain), kind="stable")
    vocabulary = plain[order]
    repeated = vocabulary[1:] == vocabulary[:-1]
    if repeated.any():
        twice = vocabulary[1:][repeated][0]
        raise DataError(f"{what} has two different identifiers that are both written {twice!s}")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[codes], vocabulary


def _quick_to_sort(ids: np.ndarray) -> np.ndarray:
    """Return keys of the same order: text of ASCII alone as bytes, a quarter of the size."""
    if ids.dtype.kind != "U":
        return ids
    try:
        return ids.astype("S")
    except UnicodeEncodeError:
        return ids


def _latest(keys: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
    """Mask of the rows to keep: per key the latest, between equal times the last one."""
    order = np.lexsort((np.arange(len(keys)), timestamp, keys))
    last = np.ones(len(keys), dtype=bool)
    last[:-1] = keys[order][1:] != keys[order][:-1]
    keep = np.zeros(len(keys), dtype=bool)
    keep[order[last]] = True
    return keep


def _plain(ids: np.ndarray) -> np.ndarray:
    """Identifiers as integers or fixed-width text, which a file can hold without pickle."""
    return ids if ids.dtype.kind in "iuU" else ids.astype(str)
