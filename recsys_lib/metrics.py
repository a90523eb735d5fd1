r"""Ranking metrics (HR, NDCG, precision, recall at K) and rating errors (MAE, RMSE).

Arrays in, arrays out. A ranking metric needs to know only where the relevant items of a user stand,
so there are two steps: `ranks_from_scores` or `ranks_from_lists` says for each relevant item how
many items stand above it and how many share its place, then a metric turns that into a number.

**Ties.** Items with equal scores share a block of places. The metrics return the *expected value
over all orders of the tied items*, each equally likely (McSherry and Najork 2008). A constant
scorer therefore gets exactly what random order gets on average, whatever the sort does.

**Edge cases**, the same for all four ranking metrics:

========================================  =====================================================
a user without any relevant item          NaN: there is nothing to find, the user is no test case
K larger than the number of ranked items  the missing places count as not relevant
a relevant item that is not ranked        never found: it has score ``-inf`` or is in no list
a user with nothing to rank               0, if there are relevant items
a score that is NaN                       ValueError
========================================  =====================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numba import njit

from recsys_lib.validation import check_kind, check_ks

NOT_RANKED = np.iinfo(np.int64).max // 4  # below every real place, and safe to add to
NO_ITEM = -1  # where there is none: in rows of relevant items, candidates and lists
WHOLE = 1 << 53  # float64 holds every whole number up to here
AT_ONCE = 1 << 27  # cells that one call of compiled code looks at: Ctrl-C is heard between calls


@dataclass(frozen=True)
class Ranks:
    """Where the relevant items of each user stand.

    Attributes
    ----------
    above : ndarray of int64, shape (n_users, width)
        Number of items with a strictly higher score; `NOT_RANKED` for a relevant item that is not
        ranked at all; `NO_ITEM` (-1) where the user has fewer than `width` relevant items.
    tied : ndarray of int64, shape (n_users, width)
        Number of items with the same score, the item itself included; the place of the item is
        equally likely to be any of ``above + 1 .. above + tied``.
    """

    above: np.ndarray
    tied: np.ndarray

    @property
    def n_relevant(self) -> np.ndarray:
        """Number of relevant items of each user, ranked or not, shape (n_users,)."""
        return (self.above != NO_ITEM).sum(axis=1)


def as_scores(scores: np.ndarray) -> np.ndarray:
    """Return scores of any real type as float32 or float64, which can hold ``-inf``.

    Raises
    ------
    TypeError
        If they are no real numbers.
    ValueError
        If they are whole numbers too large for float64, where different ones would become equal.

    Examples
    --------
    >>> from recsys_lib.metrics import as_scores
    >>> as_scores([3, 1])
    array([3., 1.])
    """
    scores = np.asarray(scores)
    if scores.dtype in (np.float32, np.float64):
        return scores
    if scores.size and scores.dtype.kind not in "fiub":
        raise TypeError(f"scores must be real numbers, got dtype {scores.dtype}")
    if scores.dtype.kind in "iu" and scores.dtype.itemsize == 8 and scores.size:
        largest = max(int(scores.max()), -int(scores.min()))
        if largest > WHOLE:
            raise ValueError(f"scores that are whole numbers must be within 2**53, got {largest}")
    return scores.astype(np.float64)


def ranks_from_scores(scores: np.ndarray, relevant: np.ndarray) -> Ranks:
    """Find the places of the relevant items in lists sorted by score, best first, without sorting.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Higher is better. ``-inf`` takes an item out of the list.
    relevant : ndarray of int, shape (n_users, width)
        Columns of `scores`, -1 where a user has fewer than `width` relevant items.

    Raises
    ------
    ValueError
        If the shapes do not fit, a score is NaN, or an item is relevant twice to one user.
    TypeError
        If `scores` holds no real numbers, or `relevant` no integers.
    IndexError
        If `relevant` points outside the columns of `scores`.

    Examples
    --------
    >>> from recsys_lib.metrics import ranks_from_scores
    >>> ranks_from_scores([[0.9, 0.4, 0.4, 0.1]], relevant=[[1]])  # it shares places 2 and 3
    Ranks(above=array([[1]]), tied=array([[2]]))
    """
    scores, relevant = as_scores(scores), np.asarray(relevant)
    _check_rows("scores", scores, relevant)
    if relevant.size and relevant.max() >= scores.shape[1]:
        raise IndexError(
            f"relevant must hold columns 0 to {scores.shape[1] - 1} or {NO_ITEM} for none, "
            f"got {relevant.max()}"
        )
    above = np.empty(relevant.shape, dtype=np.int64)
    tied = np.empty(relevant.shape, dtype=np.int64)
    scores, relevant = np.ascontiguousarray(scores), relevant.astype(np.int64)
    step = max(1, AT_ONCE // max(1, scores.shape[1] * (1 + relevant.shape[1])))
    for start in range(0, len(scores), step):
        rows = slice(start, start + step)
        bad = _count_above(scores[rows], relevant[rows], above[rows], tied[rows])
        if bad >= 0:
            row = start + bad
            column = int(np.flatnonzero(np.isnan(scores[row]))[0])
            raise ValueError(
                f"scores must not hold NaN; there is one in row {row}, column {column}"
            )
    return Ranks(above, tied)


@njit(cache=True)
def _count_above(scores, relevant, above, tied):
    n_users, n_items = scores.shape
    width = relevant.shape[1]
    for u in range(n_users):
        for i in range(n_items):
            if np.isnan(scores[u, i]):
                return u
        for r in range(width):
            above[u, r], tied[u, r] = NO_ITEM, 0
            if relevant[u, r] == NO_ITEM:
                continue
            score = scores[u, relevant[u, r]]
            if score == -np.inf:
                above[u, r], tied[u, r] = NOT_RANKED, 1
                continue
            more, same = 0, 0
            for i in range(n_items):
                more += scores[u, i] > score
                same += scores[u, i] == score
            above[u, r], tied[u, r] = more, same
    return -1


def ranks_from_lists(lists: np.ndarray, relevant: np.ndarray) -> Ranks:
    """Find the places of the relevant items in recommendation lists, best first.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, length)
        Recommended items, -1 where a list ends early; no item twice in a list.
    relevant : ndarray of int, shape (n_users, width)
        Relevant items, -1 where a user has fewer than `width`.

    Raises
    ------
    ValueError, TypeError, IndexError
        As `ranks_from_scores`, where they apply.

    Examples
    --------
    >>> from recsys_lib.metrics import ranks_from_lists
    >>> ranks_from_lists([[7, 5, 2]], relevant=[[2, 7]])  # on places 3 and 1
    Ranks(above=array([[2, 0]]), tied=array([[1, 1]]))
    """
    lists, relevant = np.asarray(lists), np.asarray(relevant)
    _check_rows("lists", lists, relevant)
    lists, relevant = lists.astype(np.int64), relevant.astype(np.int64)
    above = np.empty(relevant.shape, dtype=np.int64)
    step = max(1, AT_ONCE // max(1, lists.shape[1] * relevant.shape[1]))
    for start in range(0, len(lists), step):
        rows = slice(start, start + step)
        _find(lists[rows], relevant[rows], above[rows])
    return Ranks(above, (above != NO_ITEM).astype(np.int64))


@njit(cache=True)
def _find(lists, relevant, above):
    for u in range(relevant.shape[0]):
        for r in range(relevant.shape[1]):
            above[u, r] = NO_ITEM if relevant[u, r] == NO_ITEM else NOT_RANKED
            for place in range(lists.shape[1]):
                if relevant[u, r] != NO_ITEM and lists[u, place] == relevant[u, r]:
                    above[u, r] = place
                    break


def _check_rows(name: str, rows: np.ndarray, relevant: np.ndarray) -> None:
    """Raise if `rows` and `relevant` are not two tables about the same users."""
    if rows.ndim != 2 or relevant.ndim != 2 or len(rows) != len(relevant):
        raise ValueError(
            f"{name} and relevant must have shapes (n_users, ...) and (n_users, width), "
            f"got {rows.shape} and {relevant.shape}"
        )
    if relevant.size == 0:
        return
    if relevant.dtype.kind not in "iu":
        raise TypeError(f"relevant must hold integers, got dtype {relevant.dtype}")
    if relevant.min() < NO_ITEM:
        raise IndexError(f"relevant must hold items or {NO_ITEM} for none, got {relevant.min()}")
    row = first_row_with_repeats(relevant)
    if row is not None:
        raise ValueError(f"relevant must not name an item twice; row {row} is {relevant[row]}")


def first_row_with_repeats(items: np.ndarray) -> int | None:
    """Number of the first row in which an item, not the padding, comes twice; None if none has.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.metrics import first_row_with_repeats
    >>> first_row_with_repeats(np.array([[4, 2], [3, 3]]))
    1
    """
    ordered = np.sort(items, axis=1)
    repeats = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_ITEM)
    return int(np.flatnonzero(repeats.any(axis=1))[0]) if repeats.any() else None


def hit_ratio(ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    r"""Probability that at least one relevant item is among the first K.

    .. math:: \mathrm{HR@}K = 1 - P(\text{no relevant item in the top } K)

    Without ties this is 1 or 0. With ties, let the block of tied items that crosses place K hold
    T items, R of them relevant, of which S places lie in the top K; then none is found with the
    probability :math:`\binom{T-R}{S} / \binom{T}{S}`, unless a relevant item stands safely higher.

    Parameters
    ----------
    ranks : Ranks
    k : int or sequence of int
        One or several list lengths.

    Returns
    -------
    ndarray, shape (n_users,), or (n_users, len(k)) if `k` is a sequence
        The mean over users is the paper's "number of hits / number of test cases".

    Examples
    --------
    >>> from recsys_lib.metrics import hit_ratio, ranks_from_scores
    >>> ranks = ranks_from_scores([[0.9, 0.4, 0.4, 0.1]], relevant=[[1]])  # on place 2 or 3
    >>> hit_ratio(ranks, [1, 2, 3])
    array([[0. , 0.5, 1. ]])
    """
    ks = _lengths(ranks, k)
    above, tied = ranks.above[:, :, None], ranks.tied[:, :, None]
    real = above != NO_ITEM
    safe = (real & (above + tied <= ks)).any(axis=1)
    crossing = real & (above < ks) & (above + tied > ks)
    # all relevant items that cross place K lie in one block: count them, then multiply out
    # (T - S - j) / (T - j) for j = 0 .. R - 1, the binomial quotient of the docstring
    n_crossing = crossing.cumsum(axis=1)
    j = np.where(crossing, n_crossing - 1, 0)
    block = np.where(crossing, tied, 1)
    slots = np.where(crossing, ks - above, 0)
    missed = np.maximum(block - slots - j, 0) / np.maximum(block - j, 1)
    none = np.where(crossing, missed, 1.0).prod(axis=1)
    return _per_user(np.where(safe, 1.0, 1.0 - none), ranks, k)


def ndcg(ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    r"""Normalized discounted cumulative gain with binary relevance.

    .. math::

        \mathrm{DCG@}K = \sum_{i=1}^{K} \frac{rel_i}{\log_2(i + 1)}, \qquad
        \mathrm{NDCG@}K = \frac{\mathrm{DCG@}K}{\mathrm{IDCG@}K}

    The ideal list starts with all relevant items, so IDCG@K sums min(K, number of relevant items)
    discounts (after Järvelin and Kekäläinen 2002). Parameters and return value as in `hit_ratio`.

    Examples
    --------
    >>> from recsys_lib.metrics import ndcg, ranks_from_lists
    >>> ranks = ranks_from_lists([[7, 5, 2], [2, 5, 7]], relevant=[[2], [2]])
    >>> ndcg(ranks, 3)  # on place 3, and on place 1
    array([0.5, 1. ])
    """
    ks = _lengths(ranks, k)
    cumulative = np.r_[0.0, np.cumsum(1.0 / np.log2(np.arange(2, ks.max() + 2)))]
    above, tied = ranks.above[:, :, None], ranks.tied[:, :, None]
    first = np.minimum(np.where(above == NO_ITEM, NOT_RANKED, above), ks)
    last = np.minimum(first + tied, ks)
    gain = (cumulative[last] - cumulative[first]) / np.maximum(tied, 1)
    ideal = cumulative[np.minimum(ranks.n_relevant[:, None], ks)]
    return _per_user(gain.sum(axis=1) / np.maximum(ideal, cumulative[1]), ranks, k)


def precision(ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    r"""Fraction of the first K places that hold a relevant item.

    .. math:: \mathrm{Precision@}K = \frac{|\text{relevant items in the top } K|}{K}

    With n relevant items it cannot exceed n / K. Parameters and return value as in `hit_ratio`.

    Examples
    --------
    >>> from recsys_lib.metrics import precision, ranks_from_lists
    >>> precision(ranks_from_lists([[7, 5, 2, 4]], relevant=[[2, 7, 9]]), 4)  # 2 and 7 are found
    array([0.5])
    """
    ks = _lengths(ranks, k)
    return _per_user(_found(ranks, ks) / ks, ranks, k)


def recall(ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    r"""Fraction of the relevant items that are among the first K.

    .. math:: \mathrm{Recall@}K = \frac{|\text{relevant items in the top } K|}{|\text{relevant}|}

    Parameters and return value as in `hit_ratio`.

    Examples
    --------
    >>> from recsys_lib.metrics import ranks_from_lists, recall
    >>> recall(ranks_from_lists([[7, 5, 2, 4]], relevant=[[2, 9]]), 4)  # 2 is found, 9 is not
    array([0.5])
    """
    ks = _lengths(ranks, k)
    n_relevant = np.maximum(ranks.n_relevant, 1)[:, None]
    return _per_user(_found(ranks, ks) / n_relevant, ranks, k)


def _lengths(ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    """Return the lengths of lists, after a look at what a metric is given."""
    check_kind("ranks", ranks, Ranks, "what ranks_from_scores or ranks_from_lists returned")
    return check_ks(k)


def _found(ranks: Ranks, ks: np.ndarray) -> np.ndarray:
    """Return the expected number of relevant items among the first K, shape (n_users, len(ks))."""
    above, tied = ranks.above[:, :, None], ranks.tied[:, :, None]
    chance = np.clip((ks - above) / np.maximum(tied, 1), 0.0, 1.0)
    return np.where(above == NO_ITEM, 0.0, chance).sum(axis=1)


def _per_user(values: np.ndarray, ranks: Ranks, k: int | Sequence[int]) -> np.ndarray:
    values = np.where(ranks.n_relevant[:, None] > 0, values, np.nan)
    return values[:, 0] if isinstance(k, Integral) else values


METRICS = {"hr": hit_ratio, "ndcg": ndcg, "precision": precision, "recall": recall}


def mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    r"""Mean absolute error, in stars: :math:`\frac1n\sum|r - \hat r|`.

    Examples
    --------
    >>> from recsys_lib.metrics import mae
    >>> mae([3, 5], [2.5, 1.5])
    2.0
    """
    return float(np.abs(_errors(truth, prediction)).mean())


def rmse(truth: np.ndarray, prediction: np.ndarray) -> float:
    r"""Root mean squared error, in stars: :math:`\sqrt{\frac1n\sum(r - \hat r)^2}`.

    Examples
    --------
    >>> from recsys_lib.metrics import rmse
    >>> rmse([3, 5], [2.5, 1.5])
    2.5
    """
    return float(np.sqrt((_errors(truth, prediction) ** 2).mean()))


def _errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    try:
        truth, prediction = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"truth and prediction must be arrays of numbers: {error}") from None
    if truth.shape != prediction.shape or truth.size == 0:
        raise ValueError(
            "truth and prediction must have one shape and at least one element, "
            f"got {truth.shape} and {prediction.shape}"
        )
    if not (np.isfinite(truth).all() and np.isfinite(prediction).all()):
        raise ValueError("truth and prediction must be finite, got NaN or infinity")
    return truth - prediction
