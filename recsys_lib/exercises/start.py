"""Exercises of chapter 0."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise

START_1 = Exercise(
    "start-1",
    "most_popular(item, n_items, k)",
    (
        Case("one clear winner", (np.array([2, 0, 2, 1, 2, 0]), 3, 2), np.array([2, 0])),
        Case("two items tie", (np.array([1, 3, 3, 1, 0]), 4, 3), np.array([1, 3, 0])),
        Case("an item nobody took", (np.array([4, 4, 1]), 5, 4), np.array([4, 1, 0, 2])),
        Case("the last items are unknown", (np.array([0, 1, 1]), 4, 3), np.array([1, 0, 2])),
        Case("k is the whole catalog", (np.array([1, 1, 0]), 2, 2), np.array([1, 0])),
        Case(
            "hundreds of ratings", (np.repeat([0, 1, 2], [3, 300, 200]), 3, 3), np.array([1, 2, 0])
        ),
        Case("forty items tie", (np.arange(40)[::-1].copy(), 40, 5), np.array([0, 1, 2, 3, 4])),
        Case(
            "1,500 items and thousands of ratings",
            (np.repeat([0, 1, 1499], [2500, 2501, 2502]), 1500, 3),
            np.array([1499, 1, 0]),
        ),
    ),
)


@START_1.mistake(
    "you return how often the items were taken; wanted are the item numbers. Look at np.argsort, "
    "which tells where the sorted values come from"
)
def _counts_not_items(item, n_items, k):
    return np.sort(np.bincount(item, minlength=n_items))[::-1][:k]


@START_1.mistake(
    "the least popular items come first: np.argsort sorts upwards. Sort the negated counts"
)
def _least_popular(item, n_items, k):
    return np.argsort(np.bincount(item, minlength=n_items), kind="stable")[:k]


@START_1.mistake(
    "items with equal counts come out in falling order, because [::-1] turns them round as well. "
    "Sort the negated counts with kind='stable' instead"
)
def _ties_turned_round(item, n_items, k):
    return np.argsort(np.bincount(item, minlength=n_items), kind="stable")[::-1][:k]


@START_1.mistake(
    "items that nobody took are missing: np.unique, Counter, and np.bincount without minlength see "
    "only what occurs. np.bincount with minlength=n_items counts the others as 0"
)
def _unknown_items_lost(item, n_items, k):
    values, counts = np.unique(item, return_counts=True)
    return values[np.argsort(-counts, kind="stable")][:k]


START_2 = Exercise(
    "start-2",
    "recommend(scores, seen, k)",
    (
        Case(
            "the best item is seen",
            (np.array([0.1, 0.9, 0.4, 0.6]), np.array([1]), 2),
            np.array([3, 2]),
        ),
        Case(
            "all scores are negative",
            (np.array([-3.0, -1.0, -2.0, -4.0]), np.array([1, 2]), 2),
            np.array([0, 3]),
        ),
        Case(
            "scores are far below zero",
            (np.array([-300.0, -200.0, -250.0]), np.array([1]), 1),
            np.array([2]),
        ),
        Case(
            "most of the best are seen",
            (np.array([5, 4, 3, 2, 1]), np.array([0, 1, 2]), 1),
            np.array([3]),
        ),
        Case(
            "nothing is seen",
            (np.array([0.2, 0.8, 0.5]), np.array([], dtype=int), 3),
            np.array([1, 2, 0]),
        ),
        Case(
            "scores tie",
            (np.array([1.0, 2.0, 2.0, 2.0, 0.0]), np.array([2]), 3),
            np.array([1, 3, 0]),
        ),
        Case(
            "scores as low as -3e20",
            (np.array([-3e20, -1e20, -2e20]), np.array([1]), 2),
            np.array([2, 0]),
        ),
        Case(
            "scores that are nearly equal",
            (np.array([1000.01, 1000.02, 1000.03]), np.array([0]), 2),
            np.array([2, 1]),
        ),
        Case("two hundred scores tie", (np.ones(200), np.array([1, 3]), 4), np.array([0, 2, 4, 5])),
        Case(
            "whole scores that differ in the eighth digit",
            (np.array([20_000_003, 20_000_000, 20_000_001]), np.array([0]), 2),
            np.array([2, 1]),
        ),
        Case(
            "scores close to 0",
            (np.array([1e-9, 3e-9, 2e-9]), np.array([1]), 2),
            np.array([2, 0]),
        ),
        Case(
            "the lowest score is 0",
            (np.array([2.0, 1.0, 0.0]), np.array([1]), 2),
            np.array([0, 2]),
        ),
    ),
)


@START_2.mistake("the items that were seen are still recommended")
def _seen_not_removed(scores, seen, k):
    return np.argsort(-scores, kind="stable")[:k]


@START_2.mistake(
    "you set the scores of seen items to 0, which is more than a negative score. Minus infinity, "
    "-np.inf, is below everything"
)
def _seen_set_to_zero(scores, seen, k):
    scores = scores.copy()
    scores[seen] = 0
    return np.argsort(-scores, kind="stable")[:k]


@START_2.mistake(
    "you cut the list to k first and take the seen items out afterwards, so it comes out too "
    "short. Exclude first, then cut"
)
def _only_the_first_k(scores, seen, k):
    best = np.argsort(-scores, kind="stable")[:k]
    return best[~np.isin(best, seen)]


@START_2.mistake(
    "you sort first and then delete the places with the numbers in seen; but seen holds film "
    "numbers, not places in the sorted list"
)
def _deleted_by_place(scores, seen, k):
    return np.delete(np.argsort(-scores, kind="stable"), seen)[:k]


@START_2.mistake(
    "you took the seen items out of the array, so all later items have a new number. Keep the "
    "array and give seen items the score -np.inf"
)
def _renumbered(scores, seen, k):
    return np.argsort(-np.delete(scores, seen), kind="stable")[:k]


@START_2.mistake("your score for seen items is not below all others; -np.inf is")
def _seen_set_to_minus_a_billion(scores, seen, k):
    scores = scores.astype(float)
    scores[seen] = -1e9
    return np.argsort(-scores, kind="stable")[:k]


START_3 = Exercise(
    "start-3",
    "hit_ratio(lists, held_out)",
    (
        Case("one hit in two users", ([[1, 2], [3, 4]], [[2], [5]]), 0.5),
        Case("two items found for one user", ([[1, 2, 3], [4, 5, 6]], [[1, 3], [7, 8]]), 0.5),
        Case("one of two items found", ([[0, 9], [5, 2], [7, 8]], [[9, 4], [2, 5], [1, 3]]), 2 / 3),
        Case("the second of two is found", ([[1, 2], [3, 4]], [[9, 2], [8, 7]]), 0.5),
        Case("nobody is served", ([[1], [2]], [[2], [1]]), 0.0),
        Case("lists of different length", ([[1, 2, 3], [4]], [[3], [5, 6]]), 0.5),
        Case("a person without a hidden film", ([[1, 2], [3, 4]], [[2], []]), 0.5),
        Case("a person without a list", ([[1, 2], [], [5]], [[2], [7], [5]]), 2 / 3),
        Case("film 0 is found", ([[0, 1], [2, 3], [4]], [[0], [7, 8, 3], [5]]), 2 / 3),
    ),
)


@START_3.mistake(
    "you count every item that is found; a user whose two items are both found is still only one "
    "hit"
)
def _all_hits(lists, held_out):
    found = sum(len(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True))
    return found / len(lists)


@START_3.mistake(
    "you divide found items by held-out items, which is recall; the hit ratio counts users"
)
def _share_of_held_out(lists, held_out):
    found = sum(len(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True))
    return found / sum(len(b) for b in held_out)


@START_3.mistake("you return a percentage; wanted is a number between 0 and 1")
def _percentage(lists, held_out):
    return 100 * _number_of_hits(lists, held_out) / len(lists)


@START_3.mistake("you return the number of hits, not yet divided by the users")
def _number_of_hits(lists, held_out):
    return sum(bool(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True))


@START_3.mistake("you ask that all held-out items are found; one is enough for a hit")
def _all_must_be_found(lists, held_out):
    hits = [set(b) <= set(a) for a, b in zip(lists, held_out, strict=True)]
    return sum(hits) / len(hits)


@START_3.mistake(
    "film 0 does not count when it is found: any() and sum() take a 0 for nothing. Ask whether the "
    "common set is empty"
)
def _film_0_never_found(lists, held_out):
    hits = [any(set(a) & set(b)) for a, b in zip(lists, held_out, strict=True)]
    return sum(hits) / len(hits)


EXERCISES = (START_1, START_2, START_3)
