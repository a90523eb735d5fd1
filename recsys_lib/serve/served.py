"""A model with the data set that says who its users and items are, and its files as they change.

A saved model knows rows and a checksum of the identifiers, not the identifiers (`Interactions` has
those). So the service reads both, and refuses a pair that does not belong together.
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
from scipy import sparse

from recsys_lib import data
from recsys_lib.data import Interactions
from recsys_lib.models import Recommender, load_model
from recsys_lib.top_k import top_k
from recsys_lib.validation import DataError, check_vocabulary, fitted_on

Identifier: TypeAlias = int | str
Stamp: TypeAlias = tuple[int, int, int] | None  # time, size and inode; None: there is no file


class Vocabulary:
    """Finds the index of an identifier, by bisection: no memory beside that of the identifiers.

    Parameters
    ----------
    ids : ndarray of int or str, shape (n,)
        Without repetition; those that are not sorted cost an array of n indices.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.serve.served import Vocabulary
    >>> films = Vocabulary(np.array([10, 20, 30]))
    >>> films.find(20), films.find("20"), films.find(21)
    (1, 1, None)
    """

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids
        self._order = None if (ids[1:] > ids[:-1]).all() else np.argsort(ids, kind="stable")

    def find(self, identifier: Identifier) -> int | None:
        """Return the index of an identifier, None if there is none; 7 and "7" are the same."""
        value = self._stored(identifier)
        if value is None:
            return None
        place = int(np.searchsorted(self.ids, value, sorter=self._order))
        if place == len(self.ids):
            return None
        index = place if self._order is None else int(self._order[place])
        return index if str(self.ids[index]) == str(identifier) else None

    def _stored(self, identifier: Identifier) -> np.ndarray | None:
        """Return the identifier in the type of the others, None if that cannot hold it."""
        if self.ids.dtype.kind == "U":
            text = str(identifier)
            # an array would be widened for a longer one, which copies it
            return np.array(text, self.ids.dtype) if 4 * len(text) <= self.ids.itemsize else None
        if isinstance(identifier, str) and not re.fullmatch(r"-?[0-9]{1,20}", identifier):
            return None
        try:
            return np.array(int(identifier), self.ids.dtype)
        except OverflowError:
            return None


@dataclass(frozen=True, eq=False)
class Served:
    """What one version of a model answers with.

    Attributes
    ----------
    model : Recommender
    data : Interactions
        Whose users and items the model was fitted on. What it holds of a user is never recommended
        to this user; its `items` have the titles.
    version : str
        A checksum of the model's file: the same file has the same one on every machine.
    since : datetime
    users, items : Vocabulary
    """

    model: Recommender
    data: Interactions
    version: str
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        own = f"the data that {self.model!r} was fitted on"
        check_vocabulary("the data", self.data.vocabulary, own, fitted_on(self.model))
        for name, value in (
            ("users", Vocabulary(self.data.user_ids)),
            ("items", Vocabulary(self.data.item_ids)),
            ("_met", self.data.to_csr("ones")),
            ("_titles", self._all_titles()),
        ):
            object.__setattr__(self, name, value)
        self.best([0], 10)  # compiles what is to be compiled, and shows that the model can answer

    users: Vocabulary = field(init=False)
    items: Vocabulary = field(init=False)
    _met: sparse.csr_array = field(init=False)
    _titles: np.ndarray | None = field(init=False)

    def _all_titles(self) -> np.ndarray | None:
        """Return the titles, which the table of items holds already: pointers, but no copies."""
        if self.data.items is None:
            return None
        return np.array(self.data.titles(np.arange(self.data.n_items)), dtype=object)

    def best(self, users: list[int], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items of some users and their scores, both (len(users), k).

        All items are scored, so the lists are exact. An index of nearest neighbors would take the
        place of this method, and of no other.
        """
        rows = np.array(users, dtype=np.int64)
        return top_k(self.model.score(rows), k, self._met[rows])

    def best_of_new(
        self, items: list[int], ratings: np.ndarray | None, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items for somebody who has met some, and their scores, both (k,).

        Raises DataError if the model cannot read such ratings, NotImplementedError if it cannot do
        it at all.
        """
        met = np.array(items, dtype=np.int64)
        try:
            scores = np.array(self.model.fold_in(met, ratings))
        except ValueError as error:
            raise DataError(str(error)) from None
        scores[met] = -np.inf
        best, values = top_k(scores[None], k)
        return best[0], values[0]

    def similar(self, items: list[int], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the most similar items of some, and the similarities, both (len(items), k)."""
        return self.model.similar_items(np.array(items, dtype=np.int64), k)

    def title(self, item: int) -> str | None:
        """Return the title of an item, None where the data set has no table of items."""
        return None if self._titles is None else self._titles[item]


def beside(model: Path) -> Path:
    """Return where the data set of a model is looked for: films.npz, and films.data.npz.

    Examples
    --------
    >>> from pathlib import Path
    >>> from recsys_lib.serve.served import beside
    >>> beside(Path("models/films.npz")).as_posix()
    'models/films.data.npz'
    """
    return model.with_suffix(".data.npz")


class Keeper:
    """Holds what is served now, and takes the files' next state once they have changed.

    Parameters
    ----------
    path : path
        A file that `Recommender.save` wrote.
    source : str, optional
        A file that `Interactions.save` wrote, or the name of a data set of the catalog; by default
        the file `beside` the model.

    Attributes
    ----------
    served : Served
    problem : str or None
        Why the files as they are now are not what is served.

    Raises
    ------
    DataError, OSError
        If a file is missing or damaged, or the two do not belong together.
    """

    def __init__(self, path: str | os.PathLike, source: str | None = None) -> None:
        self.path = Path(path)
        self._name = source or ""
        self._file: Path | None = Path(source) if source else beside(self.path)
        if source and self._file.suffix != ".npz" and not self._file.is_file():
            self._file = None  # it is in the catalog, then
        if not source and not beside(self.path).is_file():
            raise DataError(
                f"{self.path} has no identifiers, and {beside(self.path)} is not there: save the "
                "training data under that name (train.save(...)), or name a file or a data set of "
                "the catalog with --data"
            )
        self.problem: str | None = None
        self._seen = self._taken = self._stamps()
        self.served = self._read(self._seen, None)

    def look(self) -> bool:
        """Take the files if they have changed; return whether they were taken or refused.

        A file that cannot be taken, for whatever reason, leaves what is served as it is.
        """
        now = self._stamps()
        if now == self._seen:
            return False
        self._seen = now
        if now == self._taken:  # it was away, or another was there, and it has come back
            self.problem = None
            return True
        same = self.served.data if now[1] == self._taken[1] else None
        try:
            served = self._read(now, same)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
            return True
        self.served, self._taken, self.problem = served, now, None
        return True

    def _read(self, now: tuple[Stamp, Stamp], known: Interactions | None) -> Served:
        with open(self.path, "rb") as file:
            version = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
        model = load_model(self.path)
        served = Served(model, self._data() if known is None else known, version)
        if self._stamps() != now:
            raise DataError(f"{self.path} or its data was replaced while it was read")
        return served

    def _data(self) -> Interactions:
        return data.load(self._name) if self._file is None else Interactions.load(self._file)

    def _stamps(self) -> tuple[Stamp, Stamp]:
        return _stamp(self.path), None if self._file is None else _stamp(self._file)


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
