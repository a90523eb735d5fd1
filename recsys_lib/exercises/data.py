"""Exercises of chapter 1."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise, Mistake


def _sparsity(user, item, n_users, n_items):
    return 1 - len(user) / (n_users * n_items)


def _percent(user, item, n_users, n_items):
    return 100 * len(user) / (n_users * n_items)


def _only_active(user, item, n_users, n_items):
    return len(user) / (len(np.unique(user)) * len(np.unique(item)))


DATA_1 = Exercise(
    "data-1",
    "density(user, item, n_users, n_items)",
    (
        Case(
            "4 of 12 cells",
            (np.array([0, 0, 1, 2]), np.array([0, 3, 1, 2]), 3, 4),
            1 / 3,
        ),
        Case(
            "users and items without any event",
            (np.array([0, 4]), np.array([1, 1]), 5, 10),
            0.04,
        ),
        Case("the last ones have no event", (np.array([0, 1]), np.array([0, 1]), 4, 5), 0.1),
        Case("a full table", (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 2, 2), 1.0),
    ),
    (
        Mistake(_sparsity, "you return the empty part, the sparsity; wanted is the filled part"),
        Mistake(_percent, "you return a percentage; wanted is a fraction between 0 and 1"),
        Mistake(
            _only_active,
            "you count only users and items that occur. Those without any event are part of the "
            "table too: use n_users and n_items",
        ),
    ),
)


def _ascending(counts, share):
    cumulative = np.cumsum(np.sort(counts))
    return int(np.searchsorted(cumulative, share * cumulative[-1]) + 1)


def _one_short(counts, share):
    cumulative = np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(cumulative, share * cumulative[-1]))


def _share_of_items(counts, share):
    return round(share * len(counts))


def _as_fraction(counts, share):
    cumulative = np.cumsum(np.sort(counts)[::-1])
    return float((np.searchsorted(cumulative, share * cumulative[-1]) + 1) / len(counts))


def _not_sorted(counts, share):
    cumulative = np.cumsum(counts)
    return int(np.searchsorted(cumulative, share * cumulative[-1]) + 1)


DATA_2 = Exercise(
    "data-2",
    "head_size(counts, share)",
    (
        Case("half of the events", (np.array([1, 5, 1, 3]), 0.5), 1),
        Case("60 % of the events", (np.array([1, 5, 1, 3]), 0.6), 2),
        Case("half lies between two items", (np.array([4, 3, 2]), 0.5), 2),
        Case("all events", (np.array([2, 2, 2, 2]), 1.0), 4),
        Case("equal items", (np.array([2, 2, 2, 2]), 0.5), 2),
        Case("one item has nearly all", (np.array([1, 1, 97, 1]), 0.9), 1),
    ),
    (
        Mistake(_ascending, "you add up from the rarest item; the head starts at the most popular"),
        Mistake(
            _one_short,
            "you are one short: position 0 of the running sum already holds one item",
        ),
        Mistake(
            _share_of_items,
            "you take this share of the items; wanted are the fewest items that hold this share of "
            "the events",
        ),
        Mistake(_as_fraction, "you return a fraction of the items; wanted is their number"),
        Mistake(_not_sorted, "you add up in the order of the item numbers; sort the counts first"),
    ),
)


def _items_counted_too_early(user, item, k):
    return (np.bincount(user)[user] >= k) & (np.bincount(item)[item] >= k)


def _passes(user, item, k, n):
    """Filter users, then items, `n` times; right in data-3 for one pass, wrong in data-5."""
    keep = np.ones(len(user), dtype=bool)
    for _ in range(n):
        keep &= np.bincount(user[keep], minlength=user.max() + 1)[user] >= k
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
    return keep


def _more_than_k(user, item, k):
    return _passes(user, item, k + 1, 1)


def _users_only(user, item, k):
    return np.bincount(user)[user] >= k


def _items_first(user, item, k):
    return _passes(item, user, k, 1)


# user 0: items 0 1 2, user 1: items 0 1, user 2: item 2 and nothing else
_SMALL = (np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 0, 1, 2]))

DATA_3 = Exercise(
    "data-3",
    "one_pass(user, item, k)",
    (
        Case(
            "an item loses an event when its user goes",
            (*_SMALL, 2),
            np.array([True, True, False, True, True, False]),
        ),
        Case(
            "nobody has too few",
            (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 2),
            np.array([True, True, True, True]),
        ),
        Case(
            "users end below k",
            (np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 2, 0, 3]), 2),
            np.array([True, False, True, False, True, False]),
        ),
        Case(
            "k is 3",
            (
                np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]),
                np.array([0, 1, 2, 0, 1, 3, 0, 1, 2, 0, 1]),
                3,
            ),
            np.array([True, True, False, True, True, False, True, True, False, False, False]),
        ),
        Case("everything goes", (np.array([0, 1]), np.array([0, 1]), 2), np.array([False, False])),
    ),
    (
        Mistake(
            _items_counted_too_early,
            "you count the items before the rare users are gone. The pass goes users first, and "
            "the items are counted among what is left",
        ),
        Mistake(_more_than_k, "you ask for more than k events; k itself is enough"),
        Mistake(_users_only, "the items are not filtered yet"),
        Mistake(_items_first, "you filter items first, then users; the paper does users first"),
    ),
)


def _globally_last(user, timestamp, n):
    mask = np.zeros(len(user), dtype=bool)
    mask[np.argsort(timestamp, kind="stable")[len(user) - n :]] = True
    return mask


def _first_instead(user, timestamp, n):
    return _last_rows(user, -timestamp, n)


def _by_position(user, timestamp, n):
    return _last_rows(user, np.arange(len(user)), n)


def _last_rows(user, key, n):
    mask = np.zeros(len(user), dtype=bool)
    for one in np.unique(user):
        mine = np.flatnonzero(user == one)
        mask[mine[np.argsort(key[mine], kind="stable")[-n:]]] = True
    return mask


def _not_put_back(user, timestamp, n):
    order = np.lexsort((timestamp, user))
    return _last_rows(user[order], timestamp[order], n)


DATA_4 = Exercise(
    "data-4",
    "last_of_each(user, timestamp, n)",
    (
        Case(
            "two users, the last one each",
            (np.array([0, 0, 1, 1]), np.array([10, 20, 40, 30]), 1),
            np.array([False, True, True, False]),
        ),
        Case(
            "rows are mixed",
            (np.array([1, 0, 1, 0, 1]), np.array([5, 9, 1, 2, 3]), 2),
            np.array([True, True, False, True, True]),
        ),
        Case(
            "two users share a time",
            (np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]), 1),
            np.array([False, True, False, True]),
        ),
        Case(
            "a user with fewer than n",
            (np.array([0, 1, 1, 1]), np.array([7, 3, 1, 2]), 2),
            np.array([True, True, False, True]),
        ),
    ),
    (
        Mistake(
            _globally_last,
            "you take the last events of all users together; wanted are the last n of each user",
        ),
        Mistake(_first_instead, "you hold out the earliest events; wanted are the latest"),
        Mistake(
            _by_position,
            "you take the last rows as they stand in the table, which need not be ordered by time",
        ),
        Mistake(
            _not_put_back,
            "the mask belongs to the sorted rows; put it back with mask[order] = ...",
        ),
    ),
)


def _one_pass_only(user, item, k):
    return _passes(user, item, k, 1)


def _two_passes(user, item, k):
    return _passes(user, item, k, 2)


def _three_passes(user, item, k):
    return _passes(user, item, k, 3)


# a chain: user j has items j and j + 1, so each loss at the end uncovers the next one
_CHAIN = (np.repeat(np.arange(6), 2), np.repeat(np.arange(7), 2)[1:-1])
_LONG_CHAIN = (np.repeat(np.arange(60), 2), np.repeat(np.arange(61), 2)[1:-1])

DATA_5 = Exercise(
    "data-5",
    "k_core(user, item, k)",
    (
        Case("a chain comes apart link by link", (*_CHAIN, 2), np.zeros(12, dtype=bool)),
        Case(
            "a square with a tail keeps the square",
            (np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 1, 2]), 2),
            np.array([True, True, True, True, False, False]),
        ),
        Case("a long chain, as well", (*_LONG_CHAIN, 2), np.zeros(120, dtype=bool)),
        Case("one pass is enough", (*_SMALL, 2), np.array([True, True, False, True, True, False])),
        Case("k = 1 keeps all", (np.array([0, 1]), np.array([1, 0]), 1), np.array([True, True])),
    ),
    (
        Mistake(
            _one_pass_only,
            "you stop after one pass. Dropping items can push users below k again: go on until "
            "nothing changes",
        ),
        Mistake(_two_passes, "you stop after two passes; go on until nothing changes"),
        Mistake(_three_passes, "you stop after three passes; go on until nothing changes"),
        Mistake(
            _items_counted_too_early,
            "you count once and filter once. Count again among what is left, until nothing changes",
        ),
    ),
)

EXERCISES = (DATA_1, DATA_2, DATA_3, DATA_4, DATA_5)
