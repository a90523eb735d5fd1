"""Exercises of chapter 1."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise

DATA_1 = Exercise(
    "data-1",
    "my_density(user, item, n_users, n_items)",
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
        Case(
            "300 users and 300 items",
            (np.repeat(np.arange(300), 3), np.tile(np.arange(3), 300), 300, 300),
            0.01,
        ),
    ),
)


@DATA_1.mistake("you return the empty part, the sparsity; wanted is the filled part")
def _sparsity(user, item, n_users, n_items):
    return 1 - len(user) / (n_users * n_items)


@DATA_1.mistake("you return a percentage; wanted is a fraction between 0 and 1")
def _percent(user, item, n_users, n_items):
    return 100 * len(user) / (n_users * n_items)


@DATA_1.mistake(
    "you count only users and items that occur. Those without any event are part of the table "
    "too: use n_users and n_items"
)
def _only_active(user, item, n_users, n_items):
    return len(user) / (len(np.unique(user)) * len(np.unique(item)))


DATA_2 = Exercise(
    "data-2",
    "head_size(counts, share)",
    (
        Case("half of the events", (np.array([1, 5, 1, 3]), 0.5), 1),
        Case("60% of the events", (np.array([1, 5, 1, 3]), 0.6), 2),
        Case("half lies between two items", (np.array([4, 3, 2]), 0.5), 2),
        Case("all events", (np.array([2, 2, 2, 2]), 1.0), 4),
        Case("equal items", (np.array([2, 2, 2, 2]), 0.5), 2),
        Case("one item has nearly all", (np.array([1, 1, 97, 1]), 0.9), 1),
        Case("all of ten equal items", (np.ones(10, dtype=int), 1.0), 10),
        Case("all events, and an item without any", (np.array([3, 0, 2]), 1.0), 2),
        Case("half is missed by half an event", (np.array([2, 500_000, 499_999]), 0.5), 2),
    ),
)


@DATA_2.mistake("you add up from the rarest item; the head starts at the most popular")
def _ascending(counts, share):
    cumulative = np.cumsum(np.sort(counts))
    return int(np.searchsorted(cumulative, share * cumulative[-1]) + 1)


@DATA_2.mistake("you are one short: position 0 of the running sum already holds one item")
def _one_short(counts, share):
    cumulative = np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(cumulative, share * cumulative[-1]))


@DATA_2.mistake(
    "you take this share of the items; wanted are the fewest items that hold this share of the "
    "events"
)
def _share_of_items(counts, share):
    return round(share * len(counts))


@DATA_2.mistake("you return a fraction of the items; wanted is their number")
def _as_fraction(counts, share):
    cumulative = np.cumsum(np.sort(counts)[::-1])
    return float((np.searchsorted(cumulative, share * cumulative[-1]) + 1) / len(counts))


@DATA_2.mistake("you add up in the order of the item numbers; sort the counts first")
def _not_sorted(counts, share):
    cumulative = np.cumsum(counts)
    return int(np.searchsorted(cumulative, share * cumulative[-1]) + 1)


def _passes(user, item, k, n):
    """Filter users, then items, `n` times; right in data-3 for one pass, wrong in data-5."""
    keep = np.ones(len(user), dtype=bool)
    for _ in range(n):
        keep &= np.bincount(user[keep], minlength=user.max() + 1)[user] >= k
        keep &= np.bincount(item[keep], minlength=item.max() + 1)[item] >= k
    return keep


# user 0: items 0 1 2, user 1: items 0 1, user 2: item 2 and nothing else
_SMALL = (np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 0, 1, 2]))

DATA_3 = Exercise(
    "data-3",
    "my_one_pass(user, item, k)",
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
        Case(
            "numbers that do not occur",
            (np.array([0, 0, 0, 7, 9, 9]), np.array([3, 8, 6, 3, 3, 8]), 2),
            np.array([True, True, False, False, True, True]),
        ),
    ),
)


@DATA_3.mistake(
    "you count the items before the rare users are gone. The pass goes users first, and the items "
    "are counted among what is left"
)
def _items_counted_too_early(user, item, k):
    return (np.bincount(user)[user] >= k) & (np.bincount(item)[item] >= k)


@DATA_3.mistake("you ask for more than k events; k itself is enough")
def _more_than_k(user, item, k):
    return _passes(user, item, k + 1, 1)


@DATA_3.mistake("the items are not filtered yet")
def _users_only(user, item, k):
    return np.bincount(user)[user] >= k


@DATA_3.mistake("you filter items first, then users; the paper does users first")
def _items_first(user, item, k):
    return _passes(item, user, k, 1)


def _few_of(numbers, keep, k):
    """Find what occurs too rarely, as if all numbers below the count of different ones occurred."""
    counts = np.bincount(numbers[keep], minlength=numbers.max() + 1)
    return np.isin(numbers, np.flatnonzero(counts[: len(np.unique(numbers))] < k))


@DATA_3.mistake(
    "you go through as many numbers as there are users, from 0 on; some may not occur, so go "
    "through np.unique(user), or count with np.bincount"
)
def _users_without_gaps(user, item, k):
    keep = ~_few_of(user, np.ones(len(user), dtype=bool), k)
    return keep & (np.bincount(item[keep], minlength=item.max() + 1)[item] >= k)


def _last_rows(user, key, n):
    mask = np.zeros(len(user), dtype=bool)
    for one in np.unique(user):
        mine = np.flatnonzero(user == one)
        mask[mine[np.argsort(key[mine], kind="stable")[-n:]]] = True
    return mask


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
        Case(
            "two rows, and n is 3",
            (np.array([0, 0, 1, 1, 1, 1]), np.array([2, 1, 5, 4, 8, 6]), 3),
            np.array([True, True, True, False, True, True]),
        ),
        Case(
            "users 0 and 5, nobody between",
            (np.array([5, 0, 5, 0]), np.array([1, 2, 3, 4]), 1),
            np.array([False, False, True, True]),
        ),
        Case(
            "times in seconds, one second apart",
            (
                np.array([0, 0, 1, 1]),
                np.array([978_300_761, 978_300_760, 880_000_000, 990_000_000]),
                1,
            ),
            np.array([True, False, False, True]),
        ),
        Case(
            "times before 1970",
            (np.array([0, 0, 1, 1, 1]), np.array([-5, -9, -3, -4, -8]), 2),
            np.array([True, True, True, True, False]),
        ),
    ),
)


@DATA_4.mistake(
    "you take the last events of all users together; wanted are the last n of each user"
)
def _globally_last(user, timestamp, n):
    mask = np.zeros(len(user), dtype=bool)
    mask[np.argsort(timestamp, kind="stable")[len(user) - n :]] = True
    return mask


@DATA_4.mistake("you hold out the earliest events; wanted are the latest")
def _first_instead(user, timestamp, n):
    return _last_rows(user, -timestamp, n)


@DATA_4.mistake(
    "you take the last rows as they stand in the table, which need not be ordered by time"
)
def _by_position(user, timestamp, n):
    return _last_rows(user, np.arange(len(user)), n)


@DATA_4.mistake("the mask belongs to the sorted rows; put it back with mask[order] = ...")
def _not_put_back(user, timestamp, n):
    order = np.lexsort((timestamp, user))
    return _last_rows(user[order], timestamp[order], n)


# a chain: user j has items j and j + 1, so each loss at the end uncovers the next one
def _chain(n):
    return np.repeat(np.arange(n), 2), np.repeat(np.arange(n + 1), 2)[1:-1]


DATA_5 = Exercise(
    "data-5",
    "k_core(user, item, k)",
    (
        Case("a chain comes apart link by link", (*_chain(6), 2), np.zeros(12, dtype=bool)),
        Case(
            "a square with a tail keeps the square",
            (np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 1, 2]), 2),
            np.array([True, True, True, True, False, False]),
        ),
        Case("a long chain, as well", (*_chain(60), 2), np.zeros(120, dtype=bool)),
        Case("one pass is enough", (*_SMALL, 2), np.array([True, True, False, True, True, False])),
        Case("k = 1 keeps all", (np.array([0, 1]), np.array([1, 0]), 1), np.array([True, True])),
        Case("a chain of 230 users", (*_chain(230), 2), np.zeros(460, dtype=bool)),
        Case(
            "numbers that do not occur",
            (np.array([0, 0, 0, 7, 9, 9]), np.array([3, 8, 6, 3, 3, 8]), 2),
            np.array([True, True, False, False, True, True]),
        ),
    ),
)


@DATA_5.mistake(
    "you stop after one pass. Dropping items can push users below k again: go on until nothing "
    "changes"
)
def _one_pass_only(user, item, k):
    return _passes(user, item, k, 1)


@DATA_5.mistake("you stop after two passes; go on until nothing changes")
def _two_passes(user, item, k):
    return _passes(user, item, k, 2)


@DATA_5.mistake("you stop after three passes; go on until nothing changes")
def _three_passes(user, item, k):
    return _passes(user, item, k, 3)


@DATA_5.mistake(
    "you go through as many numbers as there are users or items, from 0 on; some may not occur, so "
    "go through np.unique, or count with np.bincount"
)
def _numbers_without_gaps(user, item, k):
    keep, before = np.ones(len(user), dtype=bool), -1
    while keep.sum() != before:
        before = keep.sum()
        keep &= ~_few_of(user, keep, k)
        keep &= ~_few_of(item, keep, k)
    return keep


DATA_5.mistake(
    "you count once and filter once. Count again among what is left, until nothing changes"
)(_items_counted_too_early)

EXERCISES = (DATA_1, DATA_2, DATA_3, DATA_4, DATA_5)
