"""Filters that drop users and items with few interactions: one pass, or until none is left."""

import numpy as np

from recsys_lib.data.interactions import Interactions
from recsys_lib.validation import DataError, check_int


def min_counts(ratings: Interactions, user: int = 20, item: int = 20) -> Interactions:
    """Drop users with fewer than `user` events, then items with fewer than `item`: one pass.

    Items are counted after the users are gone, and users are not looked at again, so users may be
    left with fewer than `user` events. The paper's code does this with ``user = item = 20``.

    Returns
    -------
    Interactions
        Renumbered: only users and items with at least one event stay in the vocabularies.

    Raises
    ------
    DataError
        If nothing is left.
    """
    user, item = check_int("user", user, minimum=1), check_int("item", item, minimum=1)
    kept = ratings.select(ratings.user_counts[ratings.user] >= user)
    kept = kept.select(kept.item_counts[kept.item] >= item)
    return _compact(kept, f"min_counts(user={user}, item={item})")


def k_core(ratings: Interactions, k: int) -> Interactions:
    """Return the largest subset in which every user and every item has at least `k` events.

    Users and items below `k` are dropped again and again until a fixed point is reached; the
    result does not depend on the order (Seidman 1983).

    Returns
    -------
    Interactions
        Renumbered, as in `min_counts`.

    Raises
    ------
    DataError
        If nothing is left, which happens: the paper's data has no 20-core.
    """
    k = check_int("k", k, minimum=1)
    rows, before = np.arange(len(ratings)), -1
    while len(rows) != before:
        before = len(rows)
        user, item = ratings.user[rows], ratings.item[rows]
        rows = rows[(np.bincount(user)[user] >= k) & (np.bincount(item)[item] >= k)]
    return _compact(ratings.select(rows), f"k_core({k})")


def _compact(kept: Interactions, what: str) -> Interactions:
    if len(kept) == 0:
        raise DataError(f"{what} leaves nothing of {kept.name}")
    return kept.compact()
