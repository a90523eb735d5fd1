"""Filters that drop users and items with few interactions: one pass, or until none is left."""

import numpy as np

from recsys_lib.data.interactions import Interactions, check_interactions
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

    Examples
    --------
    >>> from recsys_lib import data
    >>> kept = data.min_counts(data.load(), user=20, item=20)
    >>> kept
    <movielens-small: 69,104 ratings, 671 users x 1,303 items, 7.90% of the cells>
    >>> int(kept.item_counts.min()), int(kept.user_counts.min())
    (20, 8)
    """
    check_interactions("ratings", ratings)
    user, item = check_int("user", user, minimum=1), check_int("item", item, minimum=1)
    kept = ratings.select(ratings.user_counts[ratings.user] >= user)
    kept = kept.select(kept.item_counts[kept.item] >= item)
    return _compact(kept, f"min_counts(user={user}, item={item})")


def k_core(
    ratings: Interactions, k: int | None = None, *, user: int | None = None, item: int | None = None
) -> Interactions:
    """Return the largest subset in which every user and every item has at least `k` events.

    Users and items below `k` are dropped again and again until a fixed point is reached; the
    result does not depend on the order (Seidman 1983).

    Parameters
    ----------
    ratings : Interactions
    k : int
        Minimum of both sides.
    user, item : int, optional
        Instead of `k`: the minimum of each side; 1, which drops nothing, where one is left out.

    Returns
    -------
    Interactions
        Renumbered, as in `min_counts`.

    Raises
    ------
    DataError
        If nothing is left, which happens: the paper's data has no 20-core.
    TypeError
        If neither `k` nor `user` or `item` is given, or both.

    Examples
    --------
    >>> from recsys_lib import data
    >>> core = data.k_core(data.load(), 20)
    >>> core
    <movielens-small: 68,017 ratings, 625 users x 1,283 items, 8.48% of the cells>
    >>> int(core.item_counts.min()), int(core.user_counts.min())
    (20, 20)
    """
    check_interactions("ratings", ratings)
    if (k is None) == (user is None and item is None):
        raise TypeError("k_core needs k, or user and item, and not both")
    if k is not None:
        user = item = check_int("k", k, minimum=1)
        what = f"k_core({k})"
    else:
        user = check_int("user", 1 if user is None else user, minimum=1)
        item = check_int("item", 1 if item is None else item, minimum=1)
        what = f"k_core(user={user}, item={item})"
    rows, before = np.arange(len(ratings)), -1
    while len(rows) != before:
        before = len(rows)
        users, items = ratings.user[rows], ratings.item[rows]
        rows = rows[(np.bincount(users)[users] >= user) & (np.bincount(items)[items] >= item)]
    return _compact(ratings.select(rows), what)


def _compact(kept: Interactions, what: str) -> Interactions:
    if len(kept) == 0:
        raise DataError(f"{what} leaves nothing of {kept.name}")
    return kept.compact()
