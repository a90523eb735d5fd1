"""What accuracy does not see: how much of the catalog lists cover, how known, how alike.

All functions take lists as `Recommender.recommend` returns them: a row of item indices per user,
-1 where a list is shorter.
"""

import numpy as np
from scipy import sparse

from recsys_lib.metrics import NO_ITEM
from recsys_lib.validation import check_ids, check_int

PAIRS = 1 << 20  # similarities looked up at a time


def coverage(lists: np.ndarray, n_items: int) -> float:
    """Share of the catalog that stands in at least one list.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, k)
    n_items : int
        Size of the catalog.

    Examples
    --------
    >>> from recsys_lib.evaluation.lists import coverage
    >>> coverage([[0, 1], [0, 2]], n_items=4)
    0.75
    """
    shown = times_shown(lists, n_items)
    return float((shown > 0).mean())


def gini(lists: np.ndarray, n_items: int) -> float:
    r"""Gini coefficient of how often items are shown: 0 if all alike, near 1 if few get all.

    .. math:: G = \frac{\sum_j (2j - n - 1)\, c_{(j)}}{n \sum_j c_{(j)}}

    with the counts :math:`c_{(1)} \le \dots \le c_{(n)}` of the n items in increasing order.

    Examples
    --------
    >>> from recsys_lib.evaluation.lists import gini
    >>> gini([[0], [1]], n_items=2), gini([[0], [0]], n_items=2)
    (0.0, 0.5)
    """
    shown = np.sort(times_shown(lists, n_items))
    if shown.sum() == 0:
        raise ValueError("lists must show at least one item, got only empty ones")
    j = np.arange(1, n_items + 1)
    return float(((2 * j - n_items - 1) * shown).sum() / (n_items * shown.sum()))


def times_shown(lists: np.ndarray, n_items: int) -> np.ndarray:
    """Count the lists in which each item stands, shape (n_items,).

    Examples
    --------
    >>> from recsys_lib.evaluation.lists import times_shown
    >>> times_shown([[0, 1], [0, 2]], n_items=4).tolist()
    [2, 1, 1, 0]
    """
    lists = _lists(lists, check_int("n_items", n_items, minimum=1))
    return np.bincount(lists[lists != NO_ITEM], minlength=n_items)


def novelty(lists: np.ndarray, item_counts: np.ndarray, n_users: int) -> np.ndarray:
    r"""Mean surprise of each list, in bits (Zhou et al. 2010).

    .. math:: -\log_2 \frac{c_i}{n}

    for an item that :math:`c_i` of n users have met in training: 1 bit if half of them know it, 10
    if one in a thousand does. An item that nobody has met counts as met by one.

    Parameters
    ----------
    lists : ndarray of int, shape (m, k)
    item_counts : ndarray of int, shape (n_items,)
    n_users : int

    Returns
    -------
    ndarray, shape (m,)
        NaN where a list is empty.

    Examples
    --------
    >>> from recsys_lib.evaluation.lists import novelty
    >>> novelty([[0, 0], [0, 1]], item_counts=[4, 1], n_users=8)  # 1 bit, and the mean of 1 and 3
    array([1., 2.])
    """
    counts = _counts(item_counts)
    n_users = check_int("n_users", n_users, minimum=max(1, int(counts.max(initial=0))))
    return _means(lists, -np.log2(np.maximum(counts, 1) / n_users))


def popularity(lists: np.ndarray, item_counts: np.ndarray) -> np.ndarray:
    """Mean number of training interactions of the items of each list, shape (m,).

    Examples
    --------
    >>> from recsys_lib.evaluation.lists import popularity
    >>> popularity([[0, 1], [1, -1]], item_counts=[4, 1])
    array([2.5, 1. ])
    """
    return _means(lists, _counts(item_counts).astype(np.float64))


def diversity(lists: np.ndarray, similarity: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Mean of 1 minus the similarity over the pairs of each list (Ziegler et al. 2005).

    Parameters
    ----------
    lists : ndarray of int, shape (m, k)
    similarity : array or csr_array, shape (n_items, n_items)
        For example the cosines of the items' columns, as in chapter 2.

    Returns
    -------
    ndarray, shape (m,)
        NaN where a list has fewer than two items.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.evaluation.lists import diversity
    >>> similarity = np.array([[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]])
    >>> diversity([[0, 1], [0, 2]], similarity)
    array([0.25, 1.  ])
    """
    if sparse.issparse(similarity):
        similarity = sparse.csr_array(similarity)
    elif np.ndim(similarity) != 2:
        raise ValueError(
            "similarity must be an array or a sparse array of shape (n_items, n_items), got shape "
            f"{np.shape(similarity)}"
        )
    else:
        similarity = np.asarray(similarity)
    lists = _lists(lists, similarity.shape[0])
    if len(lists) == 0:
        return np.empty(0)
    step = max(1, PAIRS // max(1, lists.shape[1] ** 2))
    parts = (lists[start : start + step] for start in range(0, len(lists), step))
    return np.concatenate([_diversity(part, similarity) for part in parts])


def _diversity(lists: np.ndarray, similarity: sparse.csr_array | np.ndarray) -> np.ndarray:
    real = lists != NO_ITEM
    pairs = real[:, :, None] & real[:, None, :] & ~np.eye(lists.shape[1], dtype=bool)
    rows, columns = np.broadcast_arrays(lists[:, :, None], lists[:, None, :])
    # only the cells asked for: as a dense array the similarity grows with the square of the catalog
    values = np.asarray(similarity[rows.ravel(), columns.ravel()]).reshape(rows.shape)
    with np.errstate(invalid="ignore"):
        return 1 - np.where(pairs, values, 0).sum(axis=(1, 2)) / pairs.sum(axis=(1, 2))


def _counts(item_counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(item_counts)
    if counts.ndim != 1 or counts.dtype.kind not in "iuf":
        raise ValueError(
            "item_counts must be one number for each item, got an array of shape "
            f"{counts.shape} and dtype {counts.dtype}"
        )
    return counts


def _means(lists: np.ndarray, values: np.ndarray) -> np.ndarray:
    lists = _lists(lists, len(values))
    real = lists != NO_ITEM
    with np.errstate(invalid="ignore"):
        return np.where(real, values[lists], 0).sum(axis=1) / real.sum(axis=1)


def _lists(lists: np.ndarray, n_items: int) -> np.ndarray:
    lists = np.asarray(lists)
    if lists.ndim != 2:
        raise ValueError(f"lists must have one row of items per user, got shape {lists.shape}")
    check_ids("lists", lists[lists != NO_ITEM], n_items)
    return lists
