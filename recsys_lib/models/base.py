"""The one interface of all models: fit, score, recommend, save, load."""

import contextlib
import difflib
import functools
import inspect
import os
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import linalg, sparse
from threadpoolctl import ThreadpoolController

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.files import read_npz, write_npz
from recsys_lib.metrics import NO_ITEM, as_scores
from recsys_lib.top_k import top_k
from recsys_lib.validation import (
    DataError,
    check_bool,
    check_ids,
    check_int,
    check_vocabulary,
    fitted_on,
)

# What one call of compiled code may multiply, a fraction of a second's work: Python hears Ctrl-C
# between two calls only. Compiled code that makes its result while a signal waits turns it into a
# SystemError; so it writes into arrays that it is given, and returns numbers.
AT_ONCE = 1 << 27
ELSEWHERE = {  # what other libraries call a hyperparameter, and its names here
    **dict.fromkeys(("k", "K"), ("n_neighbors", "factors")),
    **dict.fromkeys(("dim", "embedding_size", "embedding_dim", "rank"), ("factors",)),
    **dict.fromkeys(("lr", "lr_all", "eta", "step_size"), ("learning_rate",)),
    **dict.fromkeys(("reg", "reg_all", "lam", "lambda_", "l2"), ("regularization",)),
    **dict.fromkeys(("iterations", "iters", "max_iter"), ("epochs",)),
    **dict.fromkeys(("random_state", "random_seed"), ("seed",)),
    **dict.fromkeys(("num_neg", "neg_ratio", "n_neg"), ("n_negatives",)),
    **{"n_components": ("factors",), "topk": ("n_neighbors",)},
}
CELLS = 1 << 24  # scores held in memory at a time, 64 MB in float32


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    """Return what sets the threads of numpy's and scipy's products; looking for them takes 2 ms."""
    linalg.get_blas_funcs("gemm")  # now scipy's own is loaded, which compiled code calls
    return ThreadpoolController()


def one_blas_thread() -> contextlib.AbstractContextManager:
    """Let small products run on one thread: more of them would only wait for each other."""
    return _linear_algebra().limit(limits=1, user_api="blas")


def in_parts(n: int, cost: int) -> Iterator[slice]:
    """Divide n steps that multiply `cost` numbers each into parts of at most `AT_ONCE`."""
    step = max(1, AT_ONCE // max(1, cost))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def rows_in_parts(work: np.ndarray) -> Iterator[slice]:
    """Divide rows that differ in cost: `work` counts the multiplications up to the end of each."""
    ends = np.flatnonzero(np.diff(work // AT_ONCE)) + 1
    return (slice(int(a), int(b)) for a, b in pairwise([0, *ends, len(work)]))


def users_at_a_time(n_items: int, most: int = 1024) -> int:
    """Return how many users to score at a time so that a wide catalog fits into memory."""
    return max(1, min(most, CELLS // max(1, n_items)))


class NotFittedError(RuntimeError):
    """A model was asked for scores before `fit`."""


class _Named:
    """Makes a class say what its hyperparameters are called; apart, to leave its signature be."""

    def __new__(cls, /, *args: Any, **given: Any) -> Self:
        """Refuse a hyperparameter that there is not, and say which may be meant."""
        known = inspect.signature(cls).parameters
        if not any(one.kind is one.VAR_KEYWORD for one in known.values()):
            for name in sorted(given.keys() - known.keys()):
                near = [one for one in ELSEWHERE.get(name, ()) if one in known]
                near = near or difflib.get_close_matches(name, known, 1, cutoff=0.6)
                hint = f"; is {near[0]!r} meant?" if near else "."
                raise TypeError(
                    f"{cls.__name__} has no hyperparameter {name!r}{hint} "
                    f"It has {', '.join(known) or 'none'}"
                )
        return super().__new__(cls)

    def __init_subclass__(cls, **more: Any) -> None:
        """Have a look at `_fit` and `_score`, which a model of one's own brings."""
        super().__init_subclass__(**more)
        for name in ("_fit", "_score"):
            _check_takes_one(cls, name)


def _check_takes_one(cls: type, name: str) -> None:
    """Refuse a class whose `_fit` or `_score` cannot be called as it will be."""
    method = vars(cls).get(name)
    if not inspect.isfunction(method):
        return
    signature = inspect.signature(method)
    try:
        signature.bind(None, None)
    except TypeError:
        wanted = "train" if name == "_fit" else "users"
        raise TypeError(
            f"{cls.__name__}.{name} must take one argument beside self, {wanted}, got "
            f"{name}{signature}"
        ) from None


class Recommender(_Named, ABC):
    """A model that gives every user a score for every item: higher means recommend first.

    A subclass takes its hyperparameters in ``__init__`` and stores each under its own name, sets
    its learned arrays, their names ending in an underscore, in `_fit`, and turns users into scores
    in `_score`. All else, the checks included, is here.

    **New users.** A model of the course scores a user without a training row by popularity: the
    numbers that it would have of this user were never trained (see `Personal`, for models of one's
    own too). `Random` has no numbers of a user, and `Biases` orders items alike for all. A user who
    comes after training is what `fold_in` is for.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Recommender
    >>> class Newest(Recommender):
    ...     def _fit(self, train):
    ...         self.years_ = train.items["year"].fillna(0).to_numpy("float32")
    ...     def _score(self, users):
    ...         return self.years_[None].repeat(len(users), axis=0)
    >>> films = data.load()
    >>> items, years = Newest().fit(films).recommend([0], k=3)
    >>> years
    array([[2016., 2016., 2016.]], dtype=float32)
    """

    n_users_: int
    n_items_: int
    vocabulary_: str  # of the training data: who the indices are

    def __init__(self) -> None:
        """Without hyperparameters; a subclass may have some."""

    def fit(self, train: Interactions) -> Self:
        """Learn from the training interactions.

        Parameters
        ----------
        train : Interactions

        Returns
        -------
        self

        Raises
        ------
        TypeError, DataError
            If `train` is no `Interactions`, or is empty.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import Popularity
        >>> Popularity().fit(data.load()).shape
        (671, 9066)
        """
        with self._fitting(train):
            self._fit(train)
        return self

    @contextlib.contextmanager
    def _fitting(self, train: Interactions) -> Iterator[None]:
        """Check what is to be learned from, and let the body of the ``with`` learn, at the yield.

        From there on the model counts as fitted, so that `watch` can score it after every epoch; if
        anything goes wrong or is interrupted, no longer.
        """
        check_interactions("train", train)
        if len(train) == 0:
            raise DataError(f"train is empty: {train!r}")
        self.n_users_, self.n_items_ = train.shape
        self.vocabulary_ = train.vocabulary
        try:
            self._begin(train)
            yield
        except BaseException:
            del self.n_users_
            raise

    def _begin(self, train: Interactions) -> None:
        """Learn what a whole kind of model needs; here nothing."""

    @abstractmethod
    def _fit(self, train: Interactions) -> None: ...

    @abstractmethod
    def _score(self, users: np.ndarray) -> np.ndarray:
        """Return float32 scores of shape (len(users), n_items) for valid user indices."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items) of the training data."""
        self._check_fitted()
        return self.n_users_, self.n_items_

    def score(self, users: np.ndarray) -> np.ndarray:
        """Return the scores of all items for some users.

        Parameters
        ----------
        users : array of int, shape (n,)
            User indices of the training vocabulary; may repeat.

        Returns
        -------
        ndarray of float32, shape (n, n_items)
            Of a model of one's own, float64 where it scores in another type.

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, `users` are no known user indices, or a model of one's own
            returns what are no scores, NaN included.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import Popularity
        >>> Popularity().fit(data.load()).score([0, 1]).shape
        (2, 9066)
        """
        self._check_fitted()
        return self._checked_score(check_ids("users", users, self.n_users_))

    def _checked_score(self, users: np.ndarray) -> np.ndarray:
        return self._checked(self._score(users), users, self.n_items_, "item")

    def _checked(self, scores: object, users: np.ndarray, width: int, column: str) -> np.ndarray:
        """Return scores as floats; refuse what a model of one's own may return by mistake."""
        if not isinstance(scores, np.ndarray) or isinstance(scores, np.ma.MaskedArray):
            raise TypeError(f"{self!r} must score a NumPy array, got a {type(scores).__name__}")
        wanted = (len(users), width)
        if scores.shape != wanted or scores.dtype.kind not in "fiub":
            raise ValueError(
                f"{self!r} must score numbers of shape {wanted}, one row for each user asked for "
                f"and one column for each {column}, got {scores.dtype} of shape {scores.shape}"
            )
        try:
            scores = as_scores(scores)
        except ValueError as error:
            raise ValueError(f"{self!r}: {error}") from None
        if np.isnan(scores.min(initial=np.inf)):  # the least of numbers is NaN where one of them is
            row = int(np.flatnonzero(np.isnan(scores).any(axis=1))[0])
            raise ValueError(f"{self!r} scores NaN for user {users[row]}")
        return scores

    def score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the scores of a few items for each of some users.

        Parameters
        ----------
        users : array of int, shape (n,)
        items : array of int, shape (n, m)
            Row s holds the items to score for ``users[s]``.

        Returns
        -------
        ndarray of float32, shape (n, m)

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, the lengths differ, or an index is unknown.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import Popularity
        >>> films = data.load()
        >>> model = Popularity().fit(films)
        >>> model.score_items(users=[0, 7], items=[[0, 1], [1, 2]])
        array([[247., 107.],
               [107.,  59.]], dtype=float32)
        """
        self._check_fitted()
        users = check_ids("users", users, self.n_users_)
        wanted = f"items must have one row for each of the {len(users)} users, all of one length"
        try:
            items = np.asarray(items)
        except ValueError:
            raise ValueError(f"{wanted}, got rows of several lengths") from None
        if items.ndim != 2 or len(items) != len(users):
            raise ValueError(f"{wanted}, got shape {items.shape}")
        flat = check_ids("items", items.ravel(), self.n_items_)
        scores = self._score_items(users, flat.reshape(items.shape))
        return self._checked(scores, users, items.shape[1], "item asked for")

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Do it by scoring everything; a model for which that is dear knows better."""
        return np.take_along_axis(self._checked_score(users), items, axis=1)

    def recommend(
        self,
        users: np.ndarray,
        k: int = 10,
        exclude: Interactions | None = None,
        batch_size: int = 1024,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` items with the highest scores for each user, best first.

        Between equal scores the item with the lower index comes first. That is a rule for showing
        lists, not for judging models: `evaluation.evaluate` counts ties in expectation.

        Parameters
        ----------
        users : array of int, shape (n,)
        k : int
        exclude : Interactions, optional
            Never recommend a user these items: the training set, as a rule.
        batch_size : int
            Users scored at a time, at most: fewer where the catalog is wide.

        Returns
        -------
        items : ndarray of int32, shape (n, k)
            -1 where a user has fewer than `k` items left.
        scores : ndarray of float32, shape (n, k)
            ``-inf`` there.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import EASE
        >>> films = data.k_core(data.load(), 50)
        >>> items, scores = EASE().fit(films).recommend([0, 1], k=2, exclude=films)
        >>> [films.titles(row) for row in items]
        [['Batman', "Monty Python's Life of Brian"], ['Men in Black (a.k.a. MIB)', 'Toy Story']]
        """
        self._check_fitted()
        users = check_ids("users", users, self.n_users_)
        k, batch_size = check_int("k", k, minimum=1), check_int("batch_size", batch_size, 1)
        known = None
        if exclude is not None:
            check_interactions("exclude", exclude)
            own = f"the data that {self!r} was fitted on"
            check_vocabulary("exclude", exclude.vocabulary, own, fitted_on(self))
            known = exclude.to_csr("ones")
        items = np.empty((len(users), k), dtype=np.int32)
        scores = np.empty((len(users), k), dtype=np.float32)
        step = users_at_a_time(self.n_items_, batch_size)
        for start in range(0, len(users), step):
            rows = slice(start, start + step)
            batch = users[rows]
            banned = None if known is None else known[batch]
            items[rows], scores[rows] = top_k(self._checked_score(batch), k, banned)
        return items, scores

    def fold_in(self, items: np.ndarray, ratings: np.ndarray | None = None) -> np.ndarray:
        """Return the scores of all items for a user who comes after training.

        What was learned of the items stays as it is; only what the model would have learned of
        this user is worked out. The items met have scores like all others, mostly high ones: for a
        list, take them out, as below.

        **Exact** where that has a closed form. `EASE`, `ItemKNN`, `Content`, `SVD` and `Biases`
        give a row of the training set the scores that it has, `UserKNN` those that a fit with this
        user would give; `ALS` and `iALS` solve for the user as their half-sweep does. **By steps**
        otherwise: `MF`, `BinaryMF`, `BPR`, `FeatureMF`, `GMF`, `MLP` and `NeuMF` take the user
        through as many epochs as all others had. `MappedFactors` does as its model. The models of
        order (chapter 14) read the history that they are given, exactly as one of the training set;
        to `Decay` it makes no difference.

        Parameters
        ----------
        items : array of int, shape (n,)
            Items that the user has met, none twice; for a model of order (chapter 14), the earliest
            first. With none, the scores are those of a user without a training row.
        ratings : array of float, shape (n,), optional
            Their ratings. A model that learns from ratings needs them (ones where the training
            data has none); others do not look at them.

        Returns
        -------
        ndarray of float32, shape (n_items,)

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, or the arguments do not fit.
        NotImplementedError
            If the model cannot do it.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import EASE
        >>> from recsys_lib.top_k import top_k
        >>> films = data.k_core(data.load(), 50)
        >>> likes = films.item_index([858, 1213])  # The Godfather and Goodfellas
        >>> scores = EASE().fit(films).fold_in(likes)
        >>> scores[likes] = float("-inf")
        >>> films.titles(top_k(scores[None], k=2)[0][0])
        ['Godfather: Part II, The', 'Reservoir Dogs']
        """
        self._check_fitted()
        items, ratings = self._checked_row(items, ratings)
        if len(items) == 0 and isinstance(self, Personal):
            return self.popularity_.copy()
        return self._fold_in(items, ratings)

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Do it, for float64 ratings, ones where none were given.

        The items are in rising order, or as they were given if the model `_reads_order`.
        """
        ours = __name__.rpartition(".")[0]  # models that others derive are not named
        able = sorted(
            {
                cls.__name__
                for cls in _and_subclasses(Recommender.__subclasses__())
                if cls._fold_in is not Recommender._fold_in
                and cls.__module__.startswith(ours)
                and not inspect.isabstract(cls)
            }
        )
        raise NotImplementedError(
            f"{self!r} cannot score a user who comes after training: fit it again with this user, "
            f"or take one of {', '.join(able)}"
        )

    def similar_items(self, items: np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` items that the model takes for most similar to each of some items.

        By the cosine of what was learned of them; models that keep similarities or weights of pairs
        of items (`ItemKNN`, `EASE`) go by these.

        Parameters
        ----------
        items : array of int, shape (n,)
        k : int

        Returns
        -------
        items : ndarray of int32, shape (n, k)
            Most similar first, never the item itself; -1 where there are fewer others of which the
            model knows anything (of `ItemKNN` and `EASE`: that the item has to do with).
        similarities : ndarray of float32, shape (n, k)
            ``-inf`` there.

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, or the arguments do not fit.
        NotImplementedError
            If the model has learned nothing of single items that could be compared.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import ItemKNN
        >>> films = data.k_core(data.load(), 50)
        >>> items, _ = ItemKNN().fit(films).similar_items([films.find_item("Alien")], k=2)
        >>> films.titles(items[0])
        ['Aliens', 'Terminator, The']
        """
        self._check_fitted()
        items, k = check_ids("items", items, self.n_items_), check_int("k", k, minimum=1)
        own = sparse.csr_array(
            (np.ones(len(items)), items, np.arange(len(items) + 1)), (len(items), self.n_items_)
        )
        found = np.empty((len(items), k), dtype=np.int32)
        similarities = np.empty((len(items), k), dtype=np.float32)
        step = users_at_a_time(self.n_items_)
        for start in range(0, len(items), step):
            rows = slice(start, start + step)
            similar = np.asarray(self._similar(items[rows]), dtype=np.float32)
            found[rows], similarities[rows] = top_k(similar, k, own[rows])
        found[similarities == -np.inf] = NO_ITEM
        return found, similarities

    def _similar(self, items: np.ndarray) -> np.ndarray:
        """Return the similarity of some items to all, ``-inf`` where nothing is known of one.

        Shape (len(items), n_items).
        """
        vectors = getattr(self, "item_factors_", None)
        if vectors is None:
            raise NotImplementedError(
                f"{self!r} has nothing to compare items by: take ItemKNN, EASE, or a model with "
                "item_factors_"
            )
        vectors = vectors.astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1)
        known = (lengths > 0) & ~getattr(self, "unseen_", np.zeros(self.n_items_, dtype=bool))
        unit = vectors / np.where(known, lengths, 1)[:, None]
        return np.where(known & known[items][:, None], unit[items] @ unit.T, -np.inf)

    def _reads_ratings(self) -> bool:
        """Whether `fold_in` needs to know the ratings."""
        return False

    def _reads_order(self) -> bool:
        """Whether `fold_in` needs to know in which order the items were met."""
        return False

    def _checked_row(self, items: object, ratings: object) -> tuple[np.ndarray, np.ndarray]:
        """Return the items, in rising order unless their order is read, and ratings, or raise."""
        items = check_ids("items", items, self.n_items_)
        if len(np.unique(items)) < len(items):
            raise ValueError(f"items must not name an item twice, got {items}")
        if ratings is None and self._reads_ratings() and len(items):
            raise ValueError(
                f"ratings must be given, one per item: {self!r} has learned from ratings (give "
                "ones if its training data has none)"
            )
        try:
            values = np.ones(len(items)) if ratings is None else np.asarray(ratings, np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"ratings must be numbers, got {ratings!r}") from None
        if values.shape != items.shape or not np.isfinite(values).all():
            raise ValueError(
                f"ratings must be {len(items)} finite numbers, one per item, got {values!r}"
            )
        order = np.arange(len(items)) if self._reads_order() else np.argsort(items)
        return items[order], values[order]

    def save(self, path: str | os.PathLike) -> Path:
        """Write hyperparameters and learned arrays to one ``.npz`` file, without pickle.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import ItemKNN, load_model
        >>> path = ItemKNN(n_neighbors=20).fit(data.k_core(data.load(), 50)).save("model.npz")
        >>> load_model(path)
        ItemKNN(n_neighbors=20, shrinkage=0.0, values='ones', center=False)
        """
        self._check_fitted()
        learned = self._state()
        given = {k: v for k, v in self.parameters.items() if isinstance(v, np.ndarray)}
        plain = {k: _as_text(v) for k, v in self.parameters.items() if k not in given}
        arrays: dict[str, np.ndarray] = {}
        for name, value in (learned | {f"{k}.given": v for k, v in given.items()}).items():
            if sparse.issparse(value):
                for part in ("data", "indices", "indptr", "shape"):
                    arrays[f"{name}.{part}"] = np.asarray(getattr(value, part))
            elif isinstance(value, pd.DataFrame):
                arrays[f"{name}.columns"] = np.array(list(value.columns), dtype=str)
                for column in value:
                    arrays[f"{name}.column.{column}"] = value[column].to_numpy()
            else:
                arrays[name] = np.asarray(value)
        write_npz(path, arrays, {"model": type(self).__name__, "parameters": plain})
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a model of this class that `save` wrote. Raises DataError if it is another."""
        arrays, text = read_npz(path)
        if text.get("model") != cls.__name__:
            raise DataError(f"{path} holds {text.get('model')}, not {cls.__name__}")
        given = [key for key in arrays if key.endswith(".given")]
        parameters = {key.removesuffix(".given"): arrays.pop(key) for key in given}
        try:
            model = cls(**cls._portable(text.get("parameters", {})), **parameters)
        except TypeError as error:
            raise DataError(f"{path} is from another version of {cls.__name__}: {error}") from None
        model._set_state(arrays)
        try:
            model.score(np.array([0]))
        except (AttributeError, NotFittedError) as error:
            raise DataError(
                f"{path} is from another version of {cls.__name__}, which kept less than this one "
                f"needs ({error}): fit and save it again"
            ) from None
        return model

    @staticmethod
    def _portable(parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the hyperparameters of a saved model as this machine can have them."""
        return parameters

    def _state(self) -> dict[str, Any]:
        """Return what `fit` learned, by name, for `save`."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def _set_state(self, arrays: dict[str, np.ndarray]) -> None:
        """Set what `fit` learned from the arrays of a file."""
        for name in {key.partition(".")[0] for key in arrays}:
            if f"{name}.indptr" in arrays:
                parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
                value = sparse.csr_array(parts, shape=tuple(arrays[f"{name}.shape"]))
            elif f"{name}.columns" in arrays:
                columns = arrays[f"{name}.columns"].tolist()
                value = pd.DataFrame({c: arrays[f"{name}.column.{c}"] for c in columns})
            else:
                value = arrays[name] if arrays[name].ndim else arrays[name].item()
            setattr(self, name, value)

    @property
    def parameters(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_users_"):
            raise NotFittedError(f"{self!r} is not fitted yet: call fit(train) first")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({shown})"


def warn_of_equal_ratings(train: Interactions) -> None:
    """Say so if there is nothing to learn from how ratings differ: a mistake, as a rule."""
    if len(train) > 1 and np.ptp(train.rating) == 0:
        warnings.warn(
            f"all {len(train)} ratings are {train.rating[0]:g}, and a model of ratings learns from "
            "how they differ; for events that nobody rated take BinaryMF or ItemKNN",
            stacklevel=_levels_to_the_caller(),
        )


def _levels_to_the_caller() -> int:
    """Return how far up the first line is that is not of the library."""
    inside = (str(Path(__file__).parents[1]), contextlib.__file__)
    frame, levels = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame, levels = frame.f_back, levels + 1
    return levels


class Personal(Recommender):
    """A model whose scores rest on what a user has met; who has met nothing gets the popular items.

    A subclass adds `_personal` in place of `_score`.

    Attributes
    ----------
    cold_ : ndarray of bool, shape (n_users,)
        Users without a training row: the numbers that a model has of them were never trained.
    popularity_ : ndarray of float32, shape (n_items,)
        Their scores: how many users have each item in the training set.
    """

    cold_: np.ndarray
    popularity_: np.ndarray

    def _begin(self, train: Interactions) -> None:
        super()._begin(train)
        self.cold_ = train.user_counts == 0
        self.popularity_ = train.item_counts.astype(np.float32)

    @abstractmethod
    def _personal(self, users: np.ndarray) -> np.ndarray:
        """Return float32 scores, a new array of shape (len(users), n_items)."""

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = self._personal(users)
        scores[self.cold_[users]] = self.popularity_
        return scores


class RatingPredictor(Recommender):
    """A model whose scores are meant as ratings, so that their error can be measured.

    A subclass adds `_predict`.

    Attributes
    ----------
    scale_ : ndarray of float64, shape (2,)
        Lowest and highest rating possible, as the training data states them.
    """

    scale_: np.ndarray

    def _begin(self, train: Interactions) -> None:
        super()._begin(train)
        self.scale_ = np.array(train.scale or (-np.inf, np.inf))
        if not self._counts_unrated():
            warn_of_equal_ratings(train)

    def _counts_unrated(self) -> bool:
        """Whether it learns from what was not rated, so that equal ratings say something, too."""
        return False

    def _reads_ratings(self) -> bool:
        return True

    def _checked_row(self, items: object, ratings: object) -> tuple[np.ndarray, np.ndarray]:
        items, values = super()._checked_row(items, ratings)
        low, high = self.scale_
        if len(values) and not low <= values.min() <= values.max() <= high:
            raise ValueError(
                f"ratings must lie between {low:g} and {high:g}, the scale of the training data, "
                f"got {values.min():g} to {values.max():g}"
            )
        return items, values

    @abstractmethod
    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the scores of valid (user, item) pairs, shape (len(users),)."""

    def predict(self, users: np.ndarray, items: np.ndarray, clip: bool = True) -> np.ndarray:
        """Return the predicted ratings of (user, item) pairs.

        Parameters
        ----------
        users, items : array of int, shape (n,)
        clip : bool
            Move predictions outside the scale of the ratings to its nearer end: nobody can give
            5.3 of 5 stars, so this can only make an error smaller.

        Returns
        -------
        ndarray of float32, shape (n,)

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, the lengths differ, or an index is unknown.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import Biases
        >>> films = data.load()
        >>> items = films.item_index([318, 1])  # The Shawshank Redemption and Toy Story
        >>> Biases().fit(films).predict([0, 0], items).round(1)  # of the first user, who is strict
        array([3.6, 3. ], dtype=float32)
        """
        self._check_fitted()
        check_bool("clip", clip)
        users = check_ids("users", users, self.n_users_)
        items = check_ids("items", items, self.n_items_)
        if len(users) != len(items):
            raise ValueError(
                f"users and items must have one length, got {len(users)} and {len(items)}"
            )
        predicted = self._predict(users, items)
        if clip:
            predicted = np.clip(predicted, *self.scale_)
        return predicted.astype(np.float32)


def _as_text(value: object) -> object:
    """Return a hyperparameter as JSON can hold it: a model as its name and its own."""
    if not isinstance(value, Recommender):
        return value
    return {"model": type(value).__name__, "parameters": value.parameters}


def _short(value: object) -> str:
    return f"<array {value.shape}>" if isinstance(value, np.ndarray) else repr(value)


def load_model(path: str | os.PathLike) -> Recommender:
    """Read a model of any class of the course that `save` wrote.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Popularity, load_model
    >>> films = data.load()
    >>> model = load_model(Popularity().fit(films).save("model.npz"))
    >>> films.titles(model.recommend([0], k=1)[0][0])
    ['Forrest Gump']
    """
    _, text = read_npz(path)
    ours = __name__.rpartition(".")[0]  # of two of one name, the library's own
    classes = _and_subclasses(Recommender.__subclasses__())
    classes.sort(key=lambda cls: cls.__module__.startswith(ours))
    known = {cls.__name__: cls for cls in classes}
    if text.get("model") not in known:
        raise DataError(f"{path} holds {text.get('model')!r}, known are {sorted(known)}")
    return known[text["model"]].load(path)


def _and_subclasses(kinds: list[type[Recommender]]) -> list[type[Recommender]]:
    return [one for kind in kinds for one in (kind, *_and_subclasses(kind.__subclasses__()))]
