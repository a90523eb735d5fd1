"""From scores to lists: mask what a user already knows, keep the best K."""

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.metrics import AT_ONCE, NO_ITEM, as_scores
from recsys_lib.validation import check_int, check_kind

LONG = 100  # from here on, inserting into a short list costs more than sorting everything


def top_k(
    scores: np.ndarray, k: int, exclude: sparse.csr_array | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the K best items of each row, best first; between equal scores the lower index first.

    Parameters
    ----------
    scores : ndarray of real numbers, shape (n_users, n_items)
        Not changed; all but float32 is taken as float64. An item with score ``-inf`` is never
        returned; NaN is refused, even where it is the score of an excluded item.
    k : int
        At least 1.
    exclude : csr_array, shape (n_users, n_items), optional
        Stored cells are never returned.

    Returns
    -------
    items : ndarray of int32, shape (n_users, k)
        -1 where fewer than `k` items are left to recommend.
    scores : ndarray, shape (n_users, k)
        ``-inf`` where there is no item.

    Examples
    --------
    >>> from recsys_lib.top_k import top_k
    >>> items, scores = top_k([[0.1, 0.9, 0.5]], k=2)
    >>> items, scores
    (array([[1, 2]], dtype=int32), array([[0.9, 0.5]]))
    """
    scores, k = as_scores(scores), check_int("k", k, minimum=1)
    if scores.ndim != 2:
        raise ValueError(f"scores must have shape (n_users, n_items), got {scores.shape}")
    exclude = sparse.csr_array(scores.shape if exclude is None else exclude)
    if exclude.shape != scores.shape:
        raise ValueError(f"exclude must have shape {scores.shape} as scores, got {exclude.shape}")
    if k > LONG:
        return _sorted(scores, k, exclude)
    items = np.empty((len(scores), k), dtype=np.int32)
    best = np.empty((len(scores), k), dtype=scores.dtype)
    indptr, indices = exclude.indptr.astype(np.int64), exclude.indices.astype(np.int64)
    scores = np.ascontiguousarray(scores)
    step = max(1, AT_ONCE // max(1, scores.shape[1]))
    for start in range(0, len(scores), step):
        rows, bounds = slice(start, start + step), slice(start, start + step + 1)
        bad = _top_k(scores[rows], indptr[bounds], indices, items[rows], best[rows])
        if bad >= 0:
            raise ValueError(f"scores must not hold NaN; there is one in row {start + bad}")
    return items, best


def _sorted(scores: np.ndarray, k: int, exclude: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Do the same by sorting all scores, which is faster for long lists."""
    if np.isnan(scores).any():
        row = int(np.flatnonzero(np.isnan(scores).any(axis=1))[0])
        raise ValueError(f"scores must not hold NaN; there is one in row {row}")
    masked = mask(scores, exclude)
    items = np.full((len(scores), k), NO_ITEM, dtype=np.int32)
    best = np.full((len(scores), k), -np.inf, dtype=scores.dtype)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(masked, order, axis=1)
    items[:, : order.shape[1]] = np.where(found > -np.inf, order, NO_ITEM)
    best[:, : order.shape[1]] = found
    return items, best


def mask(scores: np.ndarray, known: sparse.csr_array) -> np.ndarray:
    """Return a copy of the scores with ``-inf`` where `known` has a stored cell."""
    check_kind("known", known, sparse.csr_array, "a csr_array of the shape of scores")
    masked = as_scores(scores).copy()
    rows = np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))
    masked[rows, known.indices] = -np.inf
    return masked


@njit(cache=True)
def _top_k(scores, indptr, indices, items, best):
    n_users, n_items = scores.shape
    k = items.shape[1]
    forbidden = np.zeros(n_items, dtype=np.bool_)
    for u in range(n_users):
        forbidden[indices[indptr[u] : indptr[u + 1]]] = True
        items[u, :] = NO_ITEM
        best[u, :] = -np.inf
        worst = best[u, k - 1]
        for i in range(n_items):
            score = scores[u, i]
            if score > worst:
                if not forbidden[i]:
                    place = k - 1  # push lower scores down, equal ones stay above
                    while place > 0 and best[u, place - 1] < score:
                        best[u, place] = best[u, place - 1]
                        items[u, place] = items[u, place - 1]
                        place -= 1
                    best[u, place], items[u, place] = score, i
                    worst = best[u, k - 1]
            elif np.isnan(score):
                return u
        forbidden[indices[indptr[u] : indptr[u + 1]]] = False
    return -1
