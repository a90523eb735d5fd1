"""`Interactions`: who met which item, how they rated it, and when."""

import hashlib
import io
import os
import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse

from recsys_lib.data import tables
from recsys_lib.data.features import Features, check_features
from recsys_lib.data.tables import MERGES, TIME_UNITS
from recsys_lib.files import read_npz, write_npz
from recsys_lib.validation import DataError, check_choice, check_ids, check_scale

# Repeated rows are said aloud if they are more than one in ten, of at least so many.
MANY_REPEATS, ENOUGH_ROWS = 0.1, 100


@dataclass(frozen=True)
class ReadReport:
    """What a reader did on the way from a file to `Interactions`.

    Attributes
    ----------
    rows : int
        Data rows in the source.
    merged : int
        Rows that became part of another with the same user and item.
    skipped : dict of str to int
        Rows left out, by reason; empty unless the caller asked for bad rows to be skipped, or an
        official file is known to have some.
    merge : {"latest", "sum", "count"}
        What is kept of the rows of one user and item. See `Interactions.from_frame`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> data.load("movielens-small").report
    ReadReport(rows=100004, merged=0, skipped={})
    """

    rows: int
    merged: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    merge: str = "latest"

    def __repr__(self) -> str:
        how = "" if self.merge == "latest" else f", merge={self.merge!r}"
        return f"ReadReport(rows={self.rows}, merged={self.merged}, skipped={self.skipped}{how})"

    @property
    def repeats_are_many(self) -> bool:
        """Whether so many rows were merged that one should know."""
        return self.rows >= ENOUGH_ROWS and self.merged > MANY_REPEATS * self.rows

    @property
    def remarks(self) -> str:
        """What one should know of the reading, to be put behind a summary; mostly nothing."""
        said = ""
        if self.repeats_are_many or (self.merged and self.merge != "latest"):
            said += f"; {self.merged:,} of {self.rows:,} rows merged ({self.merge})"
        if self.skipped:
            said += f"; {sum(self.skipped.values()):,} of {self.rows:,} rows skipped"
        return said


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
    item_features, user_features : Features or None
        What models may know of items and users besides the events, a row for each in the order of
        `item_ids` and `user_ids`; see `with_features`.

    Raises
    ------
    DataError
        If shapes differ, an index or a timestamp is not whole, an index is outside its vocabulary,
        an identifier or a (user, item) pair comes twice, a rating is not finite or outside the
        scale, or features are of other items or users.

    Examples
    --------
    >>> from recsys_lib.data import Interactions
    >>> shop = Interactions(
    ...     user=[0, 0, 1], item=[0, 1, 1], rating=[5, 3, 4], timestamp=[0, 0, 0],
    ...     user_ids=["ann", "bob"], item_ids=["tea", "jam"], name="shop", scale=(1, 5),
    ... )
    >>> shop
    <shop: 3 ratings, 2 users x 2 items, 75.00% of the cells>
    >>> shop.item_counts.tolist()
    [1, 2]
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
    item_features: Features | None = None
    user_features: Features | None = None

    def __post_init__(self) -> None:
        dtypes: dict[str, type[np.number]] = {
            "user": np.int32,
            "item": np.int32,
            "rating": np.float32,
            "timestamp": np.int64,
        }
        for attribute, dtype in dtypes.items():
            what = f"{self.name}: {attribute}"
            self._freeze(attribute, tables.converted(getattr(self, attribute), dtype, what))
        for attribute in ("user_ids", "item_ids"):
            self._freeze(attribute, _plain(np.array(getattr(self, attribute))))
        object.__setattr__(self, "scale", check_scale("scale", self.scale))
        self._check()

    def __setstate__(self, state: dict[str, object]) -> None:
        """A pickled or copied array could be written to."""
        for attribute, value in state.items():
            if isinstance(value, np.ndarray):
                self._freeze(attribute, value)
            else:
                object.__setattr__(self, attribute, value)

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
            features, ids = getattr(self, f"{side}_features"), getattr(self, f"{side}_ids")
            if features is not None:
                named = f"{side}_features"
                check_features(named, features).check_ids(
                    ids, f"{self.name}: {named}", f"{side}_ids"
                )
        tables.check_ratings(self.rating, self.scale, self.name)
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
            f" {self.density:.2%} of the cells{self.report.remarks if self.report else ''}>"
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
        """The timestamps as datetime64, shape (n,). Raises DataError where there are none.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> print(films.dates.min(), "to", films.dates.max())
        1995-01-09T11:46:49 to 2016-10-16T17:57:24
        """
        self.require_times("`dates`")
        return self.timestamp.astype(f"datetime64[{self.time_unit}]")

    def require_times(self, needed_by: str) -> None:
        """Raise DataError if there are no timestamps, or nothing says what they count.

        Examples
        --------
        >>> import pandas as pd
        >>> from recsys_lib.data import Interactions
        >>> frame = pd.DataFrame({"user": ["ann"], "item": ["tea"]})
        >>> shop = Interactions.from_frame(frame, name="shop")
        >>> shop.require_times("my split")
        Traceback (most recent call last):
            ...
        recsys_lib.validation.DataError: shop has no timestamps, which my split needs
        """
        if self.time_unit != "none":
            return
        cure = ""
        if self.timestamp.any():
            cure = (
                f": nothing says what its times, {self.timestamp.min()} to {self.timestamp.max()}, "
                "count; give time_unit='s' or 'ms' where it is made"
            )
        raise DataError(f"{self.name} has no timestamps, which {needed_by} needs{cure}")

    def titles(self, items: ArrayLike) -> list[str]:
        """Titles of these item indices; the identifier where the source knows no title.

        Raises IndexError for an index that is no item, such as the -1 which fills up a list of
        recommendations that is too short.

        Examples
        --------
        >>> from recsys_lib import data
        >>> data.load().titles([0, 1])
        ['Toy Story', 'Jumanji']
        """
        places = check_ids("items", items, self.n_items)
        column = self._title_column()
        if self.items is None or column is None:
            return [str(identifier) for identifier in self.item_ids[places]]
        found = self.items[column].iloc[places]
        return [
            str(self.item_ids[i]) if pd.isna(title) else str(title)
            for i, title in zip(places, found, strict=True)
        ]

    def _title_column(self) -> object | None:
        """Name of the column of titles: title, or, where there is none, Title or name."""
        columns = () if self.items is None else list(self.items)
        by_name = {str(column).casefold(): column for column in reversed(columns)}
        return "title" if "title" in columns else by_name.get("title", by_name.get("name"))

    def find_item(self, title: str) -> int:
        """Index of the one item whose title contains `title`.

        An exact title wins, then an exact "title (year)", where the table of items has a column
        year, so that films of one name can be told apart.

        Raises
        ------
        TypeError
            If `title` is no text.
        KeyError
            If no title matches, or several do and none is exact; the message lists some, those of
            one name with year and index.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films.find_item("toy story 2")
        2506
        >>> films.find_item("King Kong (2005)")
        6290
        """
        if not isinstance(title, str):
            raise TypeError(
                f"title must be text, got {title!r}; `titles` has those of indices, `item_index` "
                "the indices of identifiers"
            )
        titles = np.array(self.titles(np.arange(self.n_items)))
        matches = np.flatnonzero(titles == title)
        if not len(matches):
            labels = [self._label(i, known) for i, known in enumerate(titles)]
            matches = np.flatnonzero(np.array(labels) == title)
        if not len(matches):
            part = title.casefold()
            matches = np.flatnonzero([part in known.casefold() for known in titles])
        if len(matches) != 1:
            raise KeyError(
                f"title {title!r} fits {len(matches)} items of {self.name}: "
                f"{self._listed(matches[:10], titles)}"
            )
        return int(matches[0])

    def _listed(self, matches: np.ndarray, titles: np.ndarray) -> str:
        """Name some items; those that share a title with year and index."""
        twice = set(titles[matches][pd.Series(titles[matches]).duplicated()])
        names = [
            f"{self._label(i, titles[i])} [index {i}]" if titles[i] in twice else titles[i]
            for i in matches
        ]
        return ", ".join(names) or "none"

    def _label(self, item: int, title: str) -> str:
        """Title with the year, where it is known."""
        if self.items is None or "year" not in self.items:
            return str(title)
        year = self.items["year"].iat[item]
        return str(title) if pd.isna(year) else f"{title} ({year:.0f})"

    def find_user(self, identifier: int | str) -> int:
        """Index of the user with this identifier of the source, as `find_item` for users.

        Raises KeyError, with the nearest there are, if there is none.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()  # whose users are numbered from 1 in the file
        >>> films.find_user(671)
        670
        """
        return int(self.user_index([identifier])[0])

    def user_index(self, identifiers: ArrayLike) -> np.ndarray:
        """Indices of users by their identifiers in the source, int64, in the order given.

        The way back is ``ratings.user_ids[index]``. Numbers may be written as text and the other
        way round. Raises KeyError for an identifier that is not in the vocabulary.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films.user_index([671, 1]).tolist()
        [670, 0]
        >>> films.user_ids[[670, 0]].tolist()
        [671, 1]
        """
        return tables.find(identifiers, self.user_ids, "identifiers")

    def item_index(self, identifiers: ArrayLike) -> np.ndarray:
        """Indices of items by their identifiers in the source; see `user_index`.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films.titles(films.item_index([1, 318]))
        ['Toy Story', 'Shawshank Redemption, The']
        """
        return tables.find(identifiers, self.item_ids, "identifiers")

    @cached_property
    def vocabulary(self) -> str:
        """A short text that is the same for the same identifiers in the same order, and only then.

        Indices of two sets of interactions speak of the same users and items if these are equal:
        the sizes, and a checksum of both vocabularies, computed once.
        """
        digest = hashlib.blake2b(digest_size=8)
        for ids in (self.user_ids, self.item_ids):
            digest.update(f"{ids.dtype.kind == 'U'} {len(ids)}".encode())
            if ids.dtype.kind == "U":  # joined, so that the width of the array is of no weight
                digest.update("\0".join([*ids.tolist(), ""]).encode(errors="surrogatepass"))
            else:
                digest.update(ids.astype("<i8").tobytes())
        return f"{self.n_users}x{self.n_items}-{digest.hexdigest()}"

    def to_csr(self, values: str = "rating") -> sparse.csr_array:
        """Return the user-item matrix, shape (n_users, n_items), float32.

        Parameters
        ----------
        values : {"rating", "ones"}
            What a filled cell holds. A rating of 0 stays an explicitly stored 0.

        Examples
        --------
        >>> import pandas as pd
        >>> from recsys_lib.data import Interactions
        >>> frame = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["jam", "tea", "tea"]})
        >>> Interactions.from_frame(frame.assign(rating=[3, 5, 4])).to_csr().toarray()
        array([[3., 5.],
               [0., 4.]], dtype=float32)
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
        """Return one row per event with the source's identifiers: user, item, rating, timestamp.

        Examples
        --------
        >>> from recsys_lib import data
        >>> data.load().to_frame().head(2)
           user  item  rating   timestamp
        0     1    31     2.5  1260759144
        1     1  1029     3.0  1260759179
        """
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
        time_unit: str | None = None,
        items: pd.DataFrame | None = None,
        skipped: dict[str, int] | None = None,
        merge: str | None = None,
    ) -> "Interactions":
        """Number the users and items of a table and merge repeated pairs.

        What the table says is used, or refused by name. Between equal timestamps, the row further
        down in the table is the later one. `report.merged` counts the rows merged into others.

        Parameters
        ----------
        frame : DataFrame
            Columns user, item and optionally rating (numbers; else 1) and timestamp (whole numbers
            or dates; else 0). Identifiers that are not all whole numbers become text; bytes are
            taken for UTF-8. Other columns are passed over, but not "Rating" or "time".
        name, scale
            See `Interactions`.
        time_unit : {"s", "ms", "none"}, optional
            What timestamps that are numbers count since 1970. Without it they tell which of
            repeated rows is the latest, and nothing else. Dates need none: they become
            milliseconds, or what is said here; those without a time zone are taken for UTC.
        items : DataFrame, optional
            Metadata indexed by item identifier, or with the identifiers in a column item; put in
            the order of the vocabulary, with missing values for items it does not know. Text there
            and numbers here are compared as written.
        skipped : dict, optional
            Rows that the reader left out, for the report.
        merge : {"latest", "sum", "count"}, optional
            What becomes of a (user, item) pair that comes more than once: the row with the latest
            timestamp is kept, as it is, or with the sum of the ratings, or with the number of rows
            as its rating. Sums and counts have no scale; `scale` is then that of the single rows.
            By default the latest, with a warning if that drops more than a tenth of many rows.

        Raises
        ------
        DataError
            If a column is missing or named otherwise, there are no rows, a value is missing (the
            message gives its row, counted from 0) or out of range (times: from 1970 to 2100), a
            unit and its column do not come together, an identifier is neither text nor a whole
            number, or no row of `items` fits.

        Examples
        --------
        >>> import pandas as pd
        >>> from recsys_lib.data import Interactions
        >>> frame = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["tea", "tea", "jam"]})
        >>> orders = Interactions.from_frame(frame, name="orders", merge="count")
        >>> orders
        <orders: 2 ratings, 2 users x 2 items, 50.00% of the cells; 1 of 3 rows merged (count)>
        >>> orders.to_frame()
          user item  rating  timestamp
        0  ann  tea     2.0          0
        1  bob  jam     1.0          0
        """
        if merge is not None:
            check_choice("merge", merge, MERGES)
        tables.check_columns(frame, name)
        user, user_ids = tables.numbered(tables.full(frame, "user", name), f"{name}: column 'user'")
        item, item_ids = tables.numbered(tables.full(frame, "item", name), f"{name}: column 'item'")
        rating = tables.ratings_of(frame, name)
        timestamp, unit = tables.times_of(frame, time_unit, name)
        keys = user.astype(np.int64) * len(item_ids) + item
        keep = tables.latest(keys, timestamp)
        if merge in ("sum", "count"):
            tables.check_ratings(rating, check_scale("scale", scale), name)
            rating, scale = tables.totals(keys, rating, merge), None
        skipped = skipped or {}
        n, n_kept = len(frame), int(keep.sum())
        report = ReadReport(n + sum(skipped.values()), n - n_kept, skipped, merge or "latest")
        if merge is None and report.repeats_are_many:
            warnings.warn(_of_repeats(report, name), stacklevel=2)
        return cls(
            user[keep],
            item[keep],
            rating[keep],
            timestamp[keep],
            user_ids,
            item_ids,
            name=name,
            scale=scale,
            time_unit=unit,
            items=None if items is None else tables.items_in_order(items, item_ids, name),
            report=report,
        )

    def select(self, which: np.ndarray, name: str | None = None) -> "Interactions":
        """Return the events that a mask or an index array picks, on the same vocabularies.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films.select(films.rating == 5, "loved")
        <loved: 15,095 ratings, 671 users x 9,066 items, 0.25% of the cells>
        """
        picked = replace(
            self,
            user=self.user[which],
            item=self.item[which],
            rating=self.rating[which],
            timestamp=self.timestamp[which],
            name=name or self.name,
            report=None,
        )
        if "vocabulary" in vars(self):  # known already, and the same
            vars(picked)["vocabulary"] = self.vocabulary
        return picked

    def with_features(
        self, items: Features | None = None, users: Features | None = None
    ) -> "Interactions":
        """Return the same events with features of the items, of the users, or of both.

        They go along into every selection, split and file. A side that is left out keeps what it
        has.

        Raises
        ------
        TypeError, DataError
            If they are no `Features`, or have other rows than there are items or users;
            `Features.for_ids` puts them in order.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films = films.with_features(items=data.item_features(films, ["genres"]))
        >>> data.leave_last_out(films).train.item_features
        <19 features of 9,066 rows, 2.2 in each; 17 rows without any>
        """
        return replace(
            self,
            item_features=self.item_features if items is None else items,
            user_features=self.user_features if users is None else users,
        )

    def compact(self) -> "Interactions":
        """Return the same events with users and items that have none removed and renumbered.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> films.select(films.rating == 5, "loved").compact()
        <loved: 15,095 ratings, 644 users x 3,127 items, 0.75% of the cells>
        """
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
            item_features=_selected(self.item_features, items),
            user_features=_selected(self.user_features, users),
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything but the report to one ``.npz`` file, without pickle and atomically.

        Examples
        --------
        >>> from recsys_lib import data
        >>> path = data.k_core(data.load(), 20).save("core.npz")
        >>> data.Interactions.load(path)
        <movielens-small: 68,017 ratings, 625 users x 1,283 items, 8.48% of the cells>
        """
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
        for side in ("item_features", "user_features"):
            if (features := getattr(self, side)) is not None:
                arrays |= features.to_arrays(side)
        write_npz(path, arrays, text)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Interactions":
        """Read a file that `save` wrote. Raises DataError if it is not one.

        Examples
        --------
        >>> from recsys_lib import data
        >>> films = data.load()
        >>> again = data.Interactions.load(films.save("films.npz"))
        >>> again.vocabulary == films.vocabulary
        True
        """
        arrays, text = read_npz(path)
        try:
            items = text.pop("items", None)
            if items is not None:
                items = pd.read_json(io.StringIO(items), orient="table", precise_float=True)
            text["scale"] = None if text["scale"] is None else tuple(text["scale"])
            features: dict[str, Any] = {
                side: Features.from_arrays(arrays, side)
                for side in ("item_features", "user_features")
                if f"{side}.names" in arrays
            }
            return cls(**dict[str, Any](arrays), **text, items=items, **features)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} does not hold interactions: {error}") from None


def check_interactions(name: str, value: object) -> Interactions:
    """Return `value`, or raise TypeError if it is no `Interactions`; it says how to get some."""
    if isinstance(value, Interactions):
        return value
    cure = ""
    if isinstance(value, pd.DataFrame):
        cure = "; Interactions.from_frame makes them of a table"
    elif isinstance(value, str | os.PathLike):
        cure = "; data.load_file reads them from a file, data.load from the catalog"
    elif all(hasattr(value, part) for part in ("train", "valid", "test")):
        cure = "; a split has them as its train, valid and test"
    raise TypeError(f"{name} must be Interactions, got {type(value).__name__}{cure}")


def _selected(features: Features | None, rows: np.ndarray) -> Features | None:
    return None if features is None else features.select(rows)


def _of_repeats(report: ReadReport, name: str) -> str:
    return (
        f"{name}: {report.merged:,} of {report.rows:,} rows repeat a user and an item, and only "
        "the latest of each is kept; say merge='latest' if that is meant, merge='count' or "
        "merge='sum' if every row counts"
    )


def _plain(ids: np.ndarray) -> np.ndarray:
    """Identifiers as integers or fixed-width text, which a file can hold without pickle."""
    return ids if ids.dtype.kind in "iuU" else ids.astype(str)
