"""`Features`: what is known of items, or of users, before anybody has met them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse

from recsys_lib.validation import DataError, check_int, check_real

MOST_WORDS = 5_000


@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """What is known of each item, or of each user: a sparse table of numbers, a row for each.

    **What is taken.** Each number says how much a row has of a feature: 1 for a genre, or how often
    a word stands there. So it is 0 or more and finite, all else is refused, and so is a table that
    has not one row for each identifier and one column for each name. A row of zeros is allowed: of
    this item nothing is known, and every model says what it does then. A column that all rows have,
    or none, tells no item from another; it is kept, since the models weigh it with 0, and the
    summary counts such columns. Of a price or a year as it is that would be true, too: every item
    has one. `from_numbers` makes ranges of them.

    The class methods read texts, lists, categories and numbers. Any other vectorizer of
    scikit-learn will do as well: ``Features(vectorizer.fit_transform(texts),
    vectorizer.get_feature_names_out(), ids)``. Let it count: the models weigh by themselves.

    Attributes
    ----------
    matrix : csr_array of float32, shape (n, n_features)
        Read-only, without stored zeros.
    names : tuple of str
        One for each column, none twice.
    ids : ndarray
        The identifier of each row, integers or text, none twice: as `Interactions.item_ids`, or
        `user_ids`. So features of other items are found out.

    Raises
    ------
    DataError
        If the three do not fit together, a name or an identifier comes twice, or a number is
        negative or not finite in float32.

    Examples
    --------
    >>> from recsys_lib.data import Features
    >>> Features([[1, 0], [1, 0.5], [0, 0]], names=["drink", "hot"], ids=["tea", "jam", "egg"])
    <2 features of 3 rows, 1.0 in each; 1 row without any>
    """

    matrix: sparse.csr_array
    names: tuple[str, ...]
    ids: np.ndarray

    def __post_init__(self) -> None:
        ids = np.array(self.ids)
        ids = ids if ids.dtype.kind in "iuU" else ids.astype(str)
        names = tuple(map(str, self.names))
        matrix = _numbers(self.matrix)
        if ids.ndim != 1 or matrix.shape != (len(ids), len(names)):
            raise DataError(
                f"features: matrix must have one row for each of the {ids.size} ids and one column "
                f"for each of the {len(names)} names, got shape {matrix.shape}"
            )
        for what, values in (("names", pd.Index(names, dtype=object)), ("ids", pd.Index(ids))):
            if values.has_duplicates:
                twice = values[values.duplicated()].tolist()[0]
                raise DataError(f"features: {what} holds {twice!r} more than once")
        wrong = np.flatnonzero(~((matrix.data >= 0) & np.isfinite(matrix.data)))
        if len(wrong):
            row = int(np.searchsorted(matrix.indptr, wrong[0], side="right")) - 1
            raise DataError(
                f"features: matrix must hold finite numbers, none negative, got "
                f"{matrix.data[wrong[0]]:g} for {names[matrix.indices[wrong[0]]]!r} of {ids[row]!s}"
            )
        self.__setstate__({"matrix": matrix, "names": names, "ids": ids})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set all attributes; the arrays of a pickled copy, too, can then not be written to."""
        matrix = state["matrix"]
        for array in (matrix.data, matrix.indices, matrix.indptr, state["ids"]):
            array.setflags(write=False)
        for attribute, value in state.items():
            object.__setattr__(self, attribute, value)

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def __repr__(self) -> str:
        n, empty, idle = len(self), int((np.diff(self.matrix.indptr) == 0).sum()), self.idle.sum()
        said = ""
        if empty:
            said += f"; {empty:,} row{'s' * (empty != 1)} without any"
        if idle:
            said += f"; {idle:,} in every row or in none"
        each = self.matrix.nnz / max(1, n)
        return f"<{self.n_features:,} features of {n:,} rows, {each:.1f} in each{said}>"

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.matrix.shape[1]

    @property
    def idle(self) -> np.ndarray:
        """Which columns tell no row from another, all rows have them or none, (n_features,).

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> Features([[1, 2, 0], [0, 3, 0]], ["a", "b", "c"], ["tea", "jam"]).idle
        array([False,  True,  True])
        """
        having = np.bincount(self.matrix.indices, minlength=self.n_features)
        return (having == 0) | (having == len(self))

    def select(self, rows: ArrayLike) -> "Features":
        """Return the rows that a mask or an index array picks, in its order.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> Features([[1, 0], [0, 1]], ["drink", "food"], ["tea", "jam"]).select([1]).ids
        array(['jam'], dtype='<U3')
        """
        rows = np.asarray(rows)
        if rows.dtype.kind == "b":
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64)
        return Features(self.matrix[rows], self.names, self.ids[rows])

    def for_ids(self, ids: ArrayLike) -> "Features":
        """Return one row for each of other identifiers, in their order.

        An identifier that is not known here gets an empty row; those that are not asked for are
        left out. 7 and "7" are the same.

        Raises
        ------
        DataError
            If none is known.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> features = Features([[1, 0], [0, 1]], ["drink", "food"], ["tea", "jam"])
        >>> features.for_ids(["jam", "egg"]).matrix.toarray()
        array([[0., 1.],
               [0., 0.]], dtype=float32)
        """
        wanted = np.asarray(ids)
        places = pd.Index(self.ids.astype(str)).get_indexer(wanted.astype(str))
        if len(wanted) and (places < 0).all():
            raise DataError(
                f"features: none of the {len(wanted):,} ids is known, such as {wanted[0]!s}; the "
                f"features are of {', '.join(map(str, self.ids[:3]))}, ..."
            )
        nothing = sparse.csr_array((1, self.n_features), dtype=np.float32)  # row -1: not known here
        rows = sparse.vstack([self.matrix, nothing], format="csr")
        return Features(rows[places], self.names, wanted)

    @classmethod
    def from_texts(
        cls,
        ids: ArrayLike,
        texts: Sequence[str | None],
        *,
        min_items: int = 2,
        most: int = MOST_WORDS,
        stop_words: str | None = "english",
    ) -> "Features":
        """Return how often each word stands in texts, as scikit-learn's CountVectorizer counts.

        Words are in lower case and have two letters or more.

        Parameters
        ----------
        ids : sequence
            The identifier of each text.
        texts : sequence of str
            Missing (None or NaN) is a text without words.
        min_items : int
            Leave out words that fewer texts have: from a single one nothing can be learned.
        most : int
            Keep at most so many words, the most frequent ones.
        stop_words : {"english", None}
            Leave out words such as "the".

        Raises
        ------
        DataError
            If there is not one text for each identifier, one is no text, or no word is left.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> texts = ["Green tea, the best tea", "Black tea", None]
        >>> words = Features.from_texts([7, 8, 9], texts, min_items=1)
        >>> words.names
        ('best', 'black', 'green', 'tea')
        >>> words.matrix.toarray().astype(int).tolist()
        [[1, 0, 1, 2], [0, 1, 0, 1], [0, 0, 0, 0]]
        """
        from sklearn.feature_extraction.text import CountVectorizer  # slow to load

        counter = CountVectorizer(
            min_df=check_int("min_items", min_items, minimum=1),
            max_features=check_int("most", most, minimum=1),
            stop_words=stop_words,
        )
        return cls._vectorized(ids, _each(ids, texts, "texts", _text), counter, "texts")

    @classmethod
    def from_lists(
        cls, ids: ArrayLike, lists: Sequence[Iterable[str] | None], *, min_items: int = 1
    ) -> "Features":
        """Return a column of ones and zeros for each name that stands in lists, such as genres.

        Parameters
        ----------
        ids : sequence
            The identifier of each list.
        lists : sequence of iterables of str
            Missing (None or NaN) is an empty list.
        min_items : int
            Leave out names that fewer lists have.

        Raises
        ------
        DataError
            If there is not one list for each identifier, one is no list of texts, or no name is
            left.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> Features.from_lists([1, 2], [["Drama", "War"], ["War"]]).matrix.toarray()
        array([[1., 1.],
               [0., 1.]], dtype=float32)
        """
        from sklearn.feature_extraction.text import CountVectorizer  # slow to load

        fewest = check_int("min_items", min_items, minimum=1)
        kind = CountVectorizer(analyzer=list, binary=True, min_df=fewest)
        return cls._vectorized(ids, _each(ids, lists, "lists", _names), kind, "lists")

    @classmethod
    def from_categories(
        cls, ids: ArrayLike, categories: Sequence[object], *, min_items: int = 1
    ) -> "Features":
        """Return a column of ones and zeros for each category, where everybody has one at most.

        Parameters
        ----------
        ids, min_items
            As in `from_lists`.
        categories : sequence
            Texts, or anything that has one; missing is none of the categories.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> Features.from_categories([1, 2, 3], ["tea", None, "jam"]).names
        ('jam', 'tea')
        """
        lists = _each(ids, categories, "categories", lambda c: [] if is_missing(c) else [str(c)])
        return cls.from_lists(ids, lists, min_items=min_items)

    @classmethod
    def from_numbers(
        cls,
        ids: ArrayLike,
        numbers: Sequence[float | None],
        *,
        n_bins: int = 5,
        width: float | None = None,
    ) -> "Features":
        """Return a column of ones and zeros for each of some ranges, such as decades or prices.

        A number as such would say that the dearest goes with the dearest by its size alone; of a
        range a model can learn whatever there is.

        Parameters
        ----------
        ids : sequence
            The identifier of each number.
        numbers : sequence
            Numbers, or texts of numbers. Missing (None or NaN) is in no range.
        n_bins : int
            Ranges with as many numbers in each, as nearly as ties allow.
        width : float, optional
            Instead: ranges of this width, from a multiple of it to below the next.

        Raises
        ------
        DataError
            If there is not one for each identifier, or one is no finite number.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> Features.from_numbers([1, 2, 3], [1994, 1999, 2001], width=10).names
        ('1990 to 2000', '2000 to 2010')
        >>> Features.from_numbers([1, 2, 3, 4], [5, 7, None, 90], n_bins=2).names
        ('5', '7 to 90')
        """
        n_bins = check_int("n_bins", n_bins, minimum=1)
        if width is not None and check_real("width", width, 0) == 0:
            raise ValueError("width must be above 0, got 0")
        found = np.array(_each(ids, numbers, "numbers", _number), dtype=np.float64)
        rows = np.flatnonzero(~np.isnan(found))
        known = found[rows]
        if not len(known):
            raise DataError("numbers must hold a number, all are missing")
        if width is None:
            starts = np.unique(np.quantile(known, np.arange(n_bins) / n_bins, method="higher"))
            bins = np.searchsorted(starts, known, side="right") - 1
            ends = np.array([known[bins == b].max() for b in range(len(starts))])
        else:
            starts, bins = np.unique(np.floor(known / width), return_inverse=True)
            starts, ends = starts * width, (starts + 1) * width
        bounds = zip(starts, ends, strict=True)
        names = tuple(f"{a:.12g} to {b:.12g}" if a < b else f"{a:.12g}" for a, b in bounds)
        matrix = sparse.csr_array((np.ones(len(rows)), (rows, bins)), (len(found), len(starts)))
        return cls(matrix, names, np.asarray(ids))

    @classmethod
    def stack(cls, groups: Mapping[str, "Features"]) -> "Features":
        """Return the columns of several tables side by side, each name with that of its group.

        Raises
        ------
        DataError
            If there is none, or they are not of the same ids in the same order.

        Examples
        --------
        >>> from recsys_lib.data import Features
        >>> ids = ["tea", "jam"]
        >>> kinds = Features.from_categories(ids, ["drink", "food"])
        >>> prices = Features.from_numbers(ids, [2, 4], n_bins=1)
        >>> Features.stack({"kind": kinds, "price": prices}).names
        ('kind: drink', 'kind: food', 'price: 2 to 4')
        """
        if not isinstance(groups, Mapping) or not groups:
            raise DataError(f"groups must be a dict from names to Features, got {groups!r}")
        first = next(iter(groups))
        for group, one in groups.items():
            check_features(f"groups[{group!r}]", one)
            one.check_ids(groups[first].ids, f"groups[{group!r}]", f"groups[{first!r}]")
        names = tuple(f"{group}: {name}" for group, one in groups.items() for name in one.names)
        matrix = sparse.hstack([one.matrix for one in groups.values()], format="csr")
        return cls(matrix, names, groups[first].ids)

    def to_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return all that there is as arrays that a file can hold, their names after `name`."""
        parts = {part: getattr(self.matrix, part) for part in ("data", "indices", "indptr")}
        parts |= {"names": np.array(self.names, dtype=str), "ids": self.ids}
        return {f"{name}.{part}": array for part, array in parts.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], name: str) -> "Features":
        """Take from many arrays those that `to_arrays` made, and return what they were."""
        data, indices, indptr, names, ids = (
            arrays.pop(f"{name}.{part}") for part in ("data", "indices", "indptr", "names", "ids")
        )
        shape = len(ids), len(names)
        return cls(sparse.csr_array((data, indices, indptr), shape=shape), tuple(names), ids)

    def check_ids(self, ids: np.ndarray, name: str, other: str) -> None:
        """Raise DataError if the rows are of other identifiers, or in another order.

        `name` and `other` are what the message calls these features and the owner of `ids`.
        """
        same_kind = (self.ids.dtype.kind == "U") == (ids.dtype.kind == "U")
        if same_kind and np.array_equal(self.ids, ids):
            return
        what = f"has {len(self):,}, not {len(ids):,}"
        if len(self) == len(ids):
            row = 0
            if same_kind:
                row = int(np.flatnonzero(self.ids != ids)[0])
            what = f"has {self.ids.tolist()[row]!r} in row {row}, not {ids.tolist()[row]!r}"
        raise DataError(
            f"{name} must have the rows of {other}, in the same order; it {what}. `for_ids` puts "
            "features in the order of other identifiers"
        )

    @classmethod
    def _vectorized(cls, ids: ArrayLike, plain: list, vectorizer: Any, what: str) -> "Features":
        """Let a vectorizer of scikit-learn make a column for each of the words or names."""
        try:
            matrix = vectorizer.fit_transform(plain)
        except ValueError as error:
            raise DataError(f"{what} give no feature: {error}") from None
        return cls(matrix, tuple(vectorizer.get_feature_names_out()), np.asarray(ids))


def check_features(name: str, value: object) -> Features:
    """Return `value`, or raise TypeError if it is no `Features`; it says how to get some."""
    if isinstance(value, Features):
        return value
    raise TypeError(
        f"{name} must be Features, got {type(value).__name__}; Features.from_texts, from_lists, "
        "from_categories and from_numbers make them"
    )


def _numbers(given: object) -> sparse.csr_array:
    """Return a copy of a table of numbers, sparse or not, without stored zeros."""
    try:
        table: Any = given if sparse.issparse(given) else np.asarray(given)
    except ValueError:  # rows of several lengths
        raise DataError("features: matrix must have rows of one length") from None
    if table.ndim != 2 or table.dtype.kind not in "biuf":
        raise DataError(
            "features: matrix must be a two-dimensional table of numbers, sparse or not, got "
            f"{table.dtype} of shape {table.shape}"
        )
    with np.errstate(over="ignore"):
        matrix = sparse.csr_array(table, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _each(ids: ArrayLike, values: Iterable, what: str, read: Callable[[Any], Any]) -> list:
    """Read each value; raise DataError if there are not as many as `ids`, or one is not right."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{what} must be a sequence, got {values!r}")
    listed, owners = list(values), np.asarray(ids)
    if len(listed) != owners.size:
        raise DataError(
            f"{what} must have one entry for each of the {owners.size:,} ids, got {len(listed):,}"
        )
    found = []
    for owner, value in zip(owners.ravel(), listed, strict=True):
        try:
            found.append(read(value))
        except (TypeError, ValueError) as error:
            raise DataError(f"{what}: {error}, got {value!r} for {owner!s}") from None
    return found


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN, NA, or a list of nothing else."""
    return bool(np.all(pd.isna(value)))


def _text(value: object) -> str:
    if is_missing(value):
        return ""
    if not isinstance(value, str):
        raise TypeError("each must be text or missing")
    return value


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        raise TypeError("each must be a list of names; of one text, split makes a list")
    if is_missing(value):
        return []
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("each must be a list of texts")
    return names


def _number(value: Any) -> float:
    if is_missing(value):
        return np.nan
    if isinstance(value, bool) or not np.isfinite(float(value)):
        raise ValueError("each must be a finite number or missing")
    return float(value)
