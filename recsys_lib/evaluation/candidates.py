"""Candidate lists: the held-out items of a user among others that the user has not met."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numba import njit
from scipy import sparse

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.data.split import Split
from recsys_lib.metrics import NO_ITEM, first_row_with_repeats
from recsys_lib.models.base import AT_ONCE
from recsys_lib.validation import DataError, check_choice, check_int


@dataclass(frozen=True)
class Candidates:
    """Short lists to be ranked instead of the whole catalog, one per user.

    Attributes
    ----------
    users : ndarray of int32, shape (n,)
        Increasing, without repetition.
    positives : ndarray of int32, shape (n, most positives of a user)
        Held-out items of each user, -1 where there are fewer.
    negatives : ndarray of int32, shape (n, most negatives of a user)
        Items the user has not interacted with, -1 where there are fewer.
    vocabulary : str or None
        Of the interactions whose indices these are; None where that is not known.

    Raises
    ------
    DataError
        If the users are not increasing, an item is below -1 or comes twice in a row.
    """

    users: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        items = np.hstack([self.positives, self.negatives])
        if len(self.users) != len(items) or (np.diff(self.users) <= 0).any():
            raise DataError("candidates: users must be increasing, one for each row of items")
        if items.min(initial=0) < NO_ITEM:
            raise DataError(f"candidates: no item is below {NO_ITEM}, got {items.min()}")
        row = first_row_with_repeats(items)
        if row is not None:
            raise DataError(f"candidates: an item comes twice for user {self.users[row]}")


def sample_candidates(
    split: Split,
    n_negatives: int = 99,
    on: str = "test",
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> Candidates:
    """Draw `n_negatives` items for each user of a held-out set, none twice.

    They are drawn uniformly, unless there are weights. No negative is an item that the user has met
    anywhere in the split. A user who has met so much of the catalog that fewer are left gets all
    that are left.

    Parameters
    ----------
    split : Split
    n_negatives : int
        At least 1.
    on : {"test", "valid"}
        Whose users and positives.
    seed : int
    weights : array of float, shape (n_items,), optional
        Of the items that are left, each draw takes one with a chance in proportion to these, such
        as ``split.train.item_counts``. An item of weight 0 is never drawn.

    Raises
    ------
    DataError
        If the held-out set is empty.
    TypeError, ValueError
        If an argument does not fit.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate, sample_candidates
    >>> from recsys_lib.models import Popularity
    >>> split = data.leave_last_out(data.load())
    >>> candidates = sample_candidates(split, n_negatives=99)
    >>> candidates.negatives.shape
    (671, 99)
    >>> table = evaluate(Popularity().fit(split.train), split, candidates=candidates)
    >>> round(float(table["hr@10"].mean()), 3)  # of 101 items; among all 9,066 it is 0.084
    0.745
    """
    check_choice("on", on, ("test", "valid"))
    if not isinstance(split, Split):
        raise TypeError(f"split must be a Split, got {type(split).__name__}")
    n_negatives, seed = check_int("n_negatives", n_negatives, minimum=1), check_int("seed", seed)
    held_out = getattr(split, on).to_csr("ones")
    users = np.flatnonzero(np.diff(held_out.indptr))
    if len(users) == 0:
        raise DataError(f"the {on} set of the split holds no interaction")
    met = _met(split)[users]
    width = min(n_negatives, met.shape[1])
    negatives = np.full((len(users), width), NO_ITEM, dtype=np.int32)
    rng = np.random.default_rng(seed)
    if weights is None:
        _draw(met.indptr, met.indices, met.shape[1], rng, negatives)
    else:
        _draw_weighted(met, _checked_weights(weights, met.shape[1]), rng, negatives)
    positives = padded_rows(held_out[users])
    return Candidates(users.astype(np.int32), positives, negatives, split.train.vocabulary)


def new_item_candidates(split: Split, on: str = "test") -> Candidates:
    """Return all new items of a held-out set, to be ranked among themselves.

    New are the items that are in the held-out set and in no training row, as after `split_items`.
    Each user who met one of them ranks all but those that the user met in another part of the
    split. Of a user's held-out events those of other items do not count. The lists have as many
    numbers as there are such users times new items, 4 bytes each.

    Parameters
    ----------
    split : Split
    on : {"test", "valid"}
        Whose items and users.

    Raises
    ------
    DataError
        If every item of the held-out set has a training row.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate, new_item_candidates
    >>> from recsys_lib.models import Content, Popularity
    >>> films = data.load()
    >>> films = films.with_features(items=data.item_features(films))
    >>> split = data.split_items(films, fold=0)
    >>> candidates = new_item_candidates(split)
    >>> for model in (Content(), Popularity()):  # which knows nothing of any of them
    ...     table = evaluate(model.fit(split.train), split, candidates=candidates)
    ...     print(model, round(float(table["hr@10"].mean()), 3))
    Content() 0.325
    Popularity() 0.139
    """
    check_choice("on", on, ("test", "valid"))
    if not isinstance(split, Split):
        raise TypeError(f"split must be a Split, got {type(split).__name__}")
    held_out = getattr(split, on)
    new = np.flatnonzero((held_out.item_counts > 0) & (split.train.item_counts == 0))
    if len(new) == 0:
        raise DataError(f"the {on} set of the split holds no item without a training row")
    positives = sparse.csr_array(held_out.to_csr("ones")[:, new])
    users = np.flatnonzero(np.diff(positives.indptr))
    others = sparse.csr_array(_met(split)[users][:, new].toarray() == 0)
    own, rest = (
        np.where(places == NO_ITEM, NO_ITEM, new[places]).astype(np.int32)
        for places in map(padded_rows, (positives[users], others))
    )
    return Candidates(users.astype(np.int32), own, rest, split.train.vocabulary)


def _met(split: Split) -> sparse.csr_array:
    """Return what users have met anywhere in a split, how often, shape (n_users, n_items)."""
    parts = [split.train, split.valid, split.test]
    parts += [] if split.given is None else [split.given]
    return sum((part.to_csr("ones") for part in parts[1:]), parts[0].to_csr("ones"))


def _checked_weights(weights: np.ndarray, n_items: int) -> np.ndarray:
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (n_items,) or not np.isfinite(found).all() or (found < 0).any():
        raise ValueError(
            f"weights must be {n_items} finite numbers, none negative, one for each item, "
            f"got an array of shape {found.shape}"
        )
    return found


def _draw_weighted(
    met: sparse.csr_array, weights: np.ndarray, rng: np.random.Generator, negatives: np.ndarray
) -> None:
    """Fill in the negatives: the largest of log(weight) + Gumbel noise are such draws.

    (Vieira 2014; as Efraimidis and Spirakis 2006 have it with exponential noise.)
    """
    with np.errstate(divide="ignore"):
        logs = np.log(weights)
    size = max(1, AT_ONCE // met.shape[1])
    for start in range(0, len(negatives), size):
        part = slice(start, start + size)
        keys = logs + rng.gumbel(size=(len(negatives[part]), met.shape[1]))
        keys[met[part].nonzero()] = -np.inf
        order = np.argsort(-keys, axis=1, kind="stable")[:, : negatives.shape[1]]
        drawn = np.isfinite(np.take_along_axis(keys, order, axis=1))
        negatives[part] = np.where(drawn, order, NO_ITEM)


@njit(cache=True)
def _draw(indptr, indices, n_items, rng, negatives):
    taken = np.zeros(n_items, dtype=np.bool_)
    for row in range(negatives.shape[0]):
        met = indices[indptr[row] : indptr[row + 1]]
        taken[met] = True
        n = min(negatives.shape[1], n_items - len(met))
        if 2 * (len(met) + n) > n_items:  # trying at random would mostly meet taken items
            left = np.flatnonzero(~taken)
            for i in range(n):
                j = rng.integers(i, len(left))
                left[i], left[j] = left[j], left[i]
            negatives[row, :n] = left[:n]
        else:
            for i in range(n):
                item = rng.integers(0, n_items)
                while taken[item]:
                    item = rng.integers(0, n_items)
                taken[item] = True
                negatives[row, i] = item
            taken[negatives[row, :n]] = False
        taken[met] = False


def padded_rows(matrix: sparse.csr_array) -> np.ndarray:
    """Column indices of each row of a CSR matrix, padded with -1, int32, (n_rows, longest row)."""
    lengths = np.diff(matrix.indptr)
    padded = np.full((matrix.shape[0], max(1, lengths.max(initial=0))), NO_ITEM, dtype=np.int32)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = matrix.indices
    return padded


def read_candidates(path: str | Path, ratings: Interactions, repeats: str = "refuse") -> Candidates:
    """Read a ready-made candidate file: user_id, positive_1, ..., negative_1, ....

    Parameters
    ----------
    path : path
        CSV, perhaps gzipped. A cell may be empty: that positive or negative does not exist.
    ratings : Interactions
        Whose vocabularies number the users and items.
    repeats : str
        What to do where an item comes twice in a row: "refuse" the file, or "drop" what comes
        later, so that a negative which is also the positive counts as the positive.

    Raises
    ------
    DataError
        If a column is missing, a user is missing or comes twice, an identifier is unknown or an
        item comes twice in a row; with the line.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import read_candidates
    >>> films = data.load()
    >>> row = {"user_id": 15, "positive_1": 318, "negative_1": 1, "negative_2": 260}
    >>> pd.DataFrame([row]).to_csv("candidates.csv", index=False)
    >>> candidates = read_candidates("candidates.csv", films)
    >>> films.titles(candidates.negatives[0])
    ['Toy Story', 'Star Wars: Episode IV - A New Hope']
    """
    check_interactions("ratings", ratings)
    check_choice("repeats", repeats, ("refuse", "drop"))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    positive = [c for c in frame if c.startswith("positive_")]
    negative = [c for c in frame if c.startswith("negative_")]
    if "user_id" not in frame or not positive or not negative:
        raise DataError(
            f"{path}: needs columns user_id, positive_1, ..., negative_1, ...; found {list(frame)}"
        )
    users = _lookup(frame[["user_id"]], ratings.user_ids, "user", path)[:, 0]
    items = _lookup(frame[positive + negative], ratings.item_ids, "item", path)
    row = first_row_with_repeats(items)
    if row is not None:
        if repeats == "refuse":
            raise DataError(f"{path}, line {row + 2}: an item comes twice")
        items = np.array([_once(each) for each in items])
    bad = frame["user_id"].duplicated().to_numpy() | (users < 0)
    if bad.any():
        line = int(np.flatnonzero(bad)[0]) + 2
        raise DataError(f"{path}, line {line}: every row needs a user_id of its own")
    order = np.argsort(users)
    users, items = users[order], items[order]
    width = len(positive)
    return Candidates(users, items[:, :width], items[:, width:], ratings.vocabulary)


def _once(row: np.ndarray) -> np.ndarray:
    """Return a row with every item at its first place alone, and -1 where it came again."""
    _, first = np.unique(row, return_index=True)
    kept = np.full_like(row, NO_ITEM)
    kept[first] = row[first]
    return kept


def _lookup(frame: pd.DataFrame, vocabulary: np.ndarray, what: str, path: str | Path) -> np.ndarray:
    text = frame.to_numpy(dtype=str)
    index = pd.Index(vocabulary.astype(str)).get_indexer(text.ravel()).reshape(text.shape)
    unknown = (index < 0) & (text != "")
    if unknown.any():
        row, column = np.argwhere(unknown)[0]
        raise DataError(f"{path}, line {row + 2}: unknown {what} {str(text[row, column])!r}")
    return index.astype(np.int32)
