"""Exercises of chapter 13."""

import math
from fractions import Fraction

import numpy as np

from recsys_lib.exercises.core import Case, Exercise

_RNG = np.random.default_rng(131)

# ------------------------------------------------------------- one gradient out of several


def _weighted(gradients, sizes):
    """Add up number by number, in fractions."""
    total = sum(sizes)
    columns = zip(*gradients, strict=True)
    return np.array(
        [
            float(sum(Fraction(g) * n for g, n in zip(column, sizes, strict=True)) / total)
            for column in columns
        ]
    )


def _shares(what, gradients, sizes):
    gradients, sizes = np.array(gradients, dtype=float), np.array(sizes, dtype=int)
    return Case(what, (gradients, sizes), _weighted(gradients.tolist(), sizes.tolist()))


SCALE_1 = Exercise(
    "scale-1",
    "global_gradient(gradients, sizes)",
    (
        _shares("two processes, one sample each", [[1.0, 3.0], [3.0, -1.0]], [1, 1]),
        _shares("one process alone", [[0.5, -2.0, 1.0]], [256]),
        _shares("a last batch that cannot be halved", [[1.0, 0.0], [4.0, 3.0]], [2, 1]),
        _shares("a process that had nothing to do", [[4.0, -2.0], [0.0, 0.0]], [5, 0]),
        _shares("three unequal shares", [[1.0], [10.0], [100.0]], [4, 2, 1]),
        _shares("the largest share comes last", [[2.0, 0.0], [6.0, 8.0]], [1, 3]),
        _shares("the first of three had nothing to do", [[0.0], [3.0], [9.0]], [0, 1, 2]),
        _shares("random", _RNG.normal(size=(4, 6)), [64, 64, 64, 17]),
    ),
)


@SCALE_1.mistake(
    "each process counts alike, whatever its share: where the shares differ, a sample of the "
    "smaller one counts more. Weigh each gradient by its number of samples"
)
def _plain_mean(gradients, sizes):
    return gradients.mean(axis=0)


@SCALE_1.mistake(
    "you add the gradients up; each is a mean already, and their sum grows with the processes"
)
def _sum(gradients, sizes):
    return gradients.sum(axis=0)


@SCALE_1.mistake("the weighted sum is not divided by the number of all samples")
def _not_divided(gradients, sizes):
    return sizes @ gradients


@SCALE_1.mistake(
    "you divide by the number of processes; divide by the number of samples of all of them"
)
def _by_processes(gradients, sizes):
    return sizes @ gradients / len(sizes)


@SCALE_1.mistake(
    "you divide by the number of samples: a process has done so already, as its gradient is a mean"
)
def _divided_twice(gradients, sizes):
    return gradients.sum(axis=0) / sizes.sum()


@SCALE_1.mistake("processes without samples are left out, and the others still count alike")
def _mean_of_busy(gradients, sizes):
    return gradients[sizes > 0].mean(axis=0)


@SCALE_1.mistake(
    "the weights are upside down: you divide by the number of samples where you should multiply"
)
def _upside_down(gradients, sizes):
    weights = 1 / np.maximum(sizes, 1)
    return weights @ gradients / weights.sum()


@SCALE_1.mistake(
    "the sizes are put beside the columns; there is one for each row, so write sizes[:, None]"
)
def _along_columns(gradients, sizes):
    return (gradients * sizes).sum(axis=0) / sizes.sum()


@SCALE_1.mistake(
    "the processes after one without samples are left out; go on with the next one instead"
)
def _stops_early(gradients, sizes):
    first = int(np.append(sizes, 0).argmin())
    return sizes[:first] @ gradients[:first] / sizes.sum()


@SCALE_1.mistake("your weights are cut down to whole numbers: a share is sizes / n, not sizes // n")
def _whole_weights(gradients, sizes):
    return (sizes // sizes.sum()) @ gradients


@SCALE_1.mistake("you return the first process's gradient; it has seen its own share alone")
def _first_alone(gradients, sizes):
    return gradients[0]


@SCALE_1.mistake("you return a row for each process; wanted is the one gradient that all use")
def _rows(gradients, sizes):
    return gradients * (sizes / sizes.sum())[:, None]


# ------------------------------------------------------------- rows of equal length


def _lengthened(items, bias):
    """Append the two numbers row by row."""
    rows = [[*row, b] for row, b in zip(items.tolist(), bias.tolist(), strict=True)]
    longest = max(math.fsum(x * x for x in row) for row in rows)
    return np.array([[*row, math.sqrt(longest - math.fsum(x * x for x in row))] for row in rows])


def _factors(what, items, bias):
    items, bias = np.array(items, dtype=float), np.array(bias, dtype=float)
    return Case(what, (items, bias), _lengthened(items, bias))


SCALE_2 = Exercise(
    "scale-2",
    "equally_long(items, bias)",
    (
        _factors("no biases", [[3.0, 4.0], [0.0, 0.0]], [0.0, 0.0]),
        _factors("one item alone", [[1.0, 2.0]], [2.0]),
        _factors("a bias makes the shorter row the longest", [[1.0, 0.0], [2.0, 0.0]], [5.0, 1.0]),
        _factors("a negative bias", [[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]], [-3.0, 0.0, 1.0]),
        _factors("the longest row in the middle", [[1, 0], [2, 2], [0, 1]], [0, 1, -2]),
        _factors("rows that are equally long already", [[1.0, 0.0], [0.0, 1.0]], [2.0, -2.0]),
        _factors("random", _RNG.normal(size=(7, 3)), _RNG.normal(size=7)),
    ),
)


def _two_more(items, bias, last):
    return np.column_stack([items, bias, last])


def _squares(*columns):
    return sum(np.asarray(c) ** 2 if np.ndim(c) == 1 else (c**2).sum(axis=1) for c in columns)


@SCALE_2.mistake(
    "the bias is left out of the lengths: it is a coordinate of the row like the others"
)
def _bias_not_counted(items, bias):
    squares = _squares(items)
    return _two_more(items, bias, np.sqrt(squares.max() - squares))


@SCALE_2.mistake("the last column holds the squares of what is missing; take the root")
def _no_root(items, bias):
    squares = _squares(items, bias)
    return _two_more(items, bias, squares.max() - squares)


@SCALE_2.mistake(
    "you take the difference of the lengths; it is the squares that add up, so take the difference "
    "of the squares of the lengths, and then the root"
)
def _of_lengths(items, bias):
    lengths = np.sqrt(_squares(items, bias))
    return _two_more(items, bias, lengths.max() - lengths)


@SCALE_2.mistake("the bias is missing: it is one more coordinate, before the last one")
def _no_bias(items, bias):
    squares = _squares(items)
    return np.column_stack([items, np.sqrt(squares.max() - squares)])


@SCALE_2.mistake("the bias column is missing, though it is counted in the lengths")
def _bias_dropped(items, bias):
    squares = _squares(items, bias)
    return np.column_stack([items, np.sqrt(squares.max() - squares)])


@SCALE_2.mistake("the two new columns are in the other order: first the bias, and then the rest")
def _exchanged(items, bias):
    squares = _squares(items, bias)
    return np.column_stack([items, np.sqrt(squares.max() - squares), bias])


@SCALE_2.mistake(
    "you divide each row by its length; that changes the dot products. Add what is missing instead"
)
def _scaled(items, bias):
    rows = np.column_stack([items, bias])
    length = np.sqrt(_squares(rows))[:, None]
    rows = rows / np.where(length > 0, length, 1)
    return np.column_stack([rows, np.zeros(len(rows))])


@SCALE_2.mistake(
    "you divide all rows by the length of the longest one; that changes the dot products. Leave "
    "the rows as they are, and add what is missing to the longest"
)
def _by_the_longest(items, bias):
    rows = np.column_stack([items, bias])
    squares = _squares(rows)
    scale = math.sqrt(squares.max()) or 1
    return np.column_stack([rows, np.sqrt(squares.max() - squares)]) / scale


@SCALE_2.mistake(
    "you square a root again: by rounding, that is no longer the number it came from, and may be "
    "less, so that the next root is of a number below 0. Subtract the squares before any root"
)
def _root_squared_again(items, bias):
    squares = _squares(items, bias)
    return _two_more(items, bias, np.sqrt(np.sqrt(squares).max() ** 2 - squares))


@SCALE_2.mistake(
    "the longest one is looked for among the rows without the bias: put the bias there first"
)
def _longest_without_bias(items, bias):
    return _two_more(items, bias, np.sqrt(_squares(items).max() - _squares(items, bias)))


@SCALE_2.mistake(
    "the bias counts in the length of the longest row alone; it counts in what the others have, too"
)
def _bias_in_the_longest_alone(items, bias):
    return _two_more(items, bias, np.sqrt(_squares(items, bias).max() - _squares(items)))


@SCALE_2.mistake(
    "you subtract the squares of the lengths from the longest length; take its square, too"
)
def _longest_not_squared(items, bias):
    squares = _squares(items, bias)
    return _two_more(items, bias, np.sqrt(np.sqrt(squares).max() - squares))


@SCALE_2.mistake(
    "you stretch each row to the length of the longest; that changes the dot products. Leave the "
    "rows as they are, and add what is missing"
)
def _stretched(items, bias):
    rows = np.column_stack([items, bias])
    lengths = np.sqrt(_squares(rows))[:, None]
    return np.column_stack([rows * lengths.max() / np.where(lengths, lengths, 1), 0 * bias])


@SCALE_2.mistake(
    "the bias is replaced by 1; it is the user who has a 1 there, and the item its bias"
)
def _ones(items, bias):
    squares = _squares(items, bias)
    return np.column_stack([items, np.ones(len(items)), np.sqrt(squares.max() - squares)])


@SCALE_2.mistake("the bias stands before the items' numbers; it comes after them")
def _bias_in_front(items, bias):
    squares = _squares(items, bias)
    return np.column_stack([bias, items, np.sqrt(squares.max() - squares)])


@SCALE_2.mistake("the rows are filled up to the mean length, and some are longer: take the longest")
def _to_the_mean(items, bias):
    squares = _squares(items, bias)
    return _two_more(items, bias, np.sqrt(np.maximum(squares.mean() - squares, 0)))


@SCALE_2.mistake("the last column is 0 everywhere: these rows are not equally long yet")
def _nothing_missing(items, bias):
    return _two_more(items, bias, np.zeros(len(items)))


@SCALE_2.mistake("the last column holds the lengths; wanted is what is missing to the longest one")
def _lengths(items, bias):
    return _two_more(items, bias, np.sqrt(_squares(items, bias)))


# ------------------------------------------------------------- a table in several places


def _row_by_row(table, ids):
    return np.array([table[i] for i in ids.tolist()], dtype=float).reshape(len(ids), -1)


def _table(what, table, processes, ids):
    table, ids = np.array(table, dtype=float), np.array(ids, dtype=int)
    shards = [table[p::processes] for p in range(processes)]
    return Case(what, (shards, ids), _row_by_row(table, ids))


_TABLE = np.arange(14.0).reshape(7, 2)

SCALE_3 = Exercise(
    "scale-3",
    "look_up(shards, ids)",
    (
        _table("two processes, the rows in order", _TABLE[:4], 2, [0, 1, 2, 3]),
        _table("one process has the whole table", _TABLE, 1, [5, 2]),
        _table("rows in another order", _TABLE, 2, [6, 1, 4]),
        _table("a row that is asked for twice", _TABLE, 3, [3, 3, 0]),
        _table("three processes in turn", _TABLE, 3, [4, 5, 3]),
        _table("more processes than rows", _TABLE[:2], 3, [1, 0]),
        _table("random", _RNG.normal(size=(23, 4)), 4, _RNG.integers(23, size=12)),
    ),
)


@SCALE_3.mistake(
    "your rows come process by process; give them back in the order in which they were asked for"
)
def _by_process(shards, ids):
    order = np.argsort(ids % len(shards), kind="stable")
    return _spread(shards, ids[order])


def _spread(shards, ids):
    return np.array([shards[i % len(shards)][i // len(shards)] for i in ids])


@SCALE_3.mistake(
    "you go back from the order of the processes by that order itself; it takes the inverse, "
    "np.argsort(order), or out[order] = rows"
)
def _order_for_inverse(shards, ids):
    order = np.argsort(ids % len(shards), kind="stable")
    return _spread(shards, ids[order])[order]


@SCALE_3.mistake(
    "you take the table for cut into blocks, the first rows at the first process; here they are "
    "dealt out like cards: row r is with process r % C"
)
def _blocks(shards, ids):
    return np.concatenate(shards)[ids]


@SCALE_3.mistake(
    "process and place are exchanged: r % C is the process, and r // C the place among its rows"
)
def _exchanged_places(shards, ids):
    return np.array([shards[(i // len(shards)) % len(shards)][i % len(shards)] for i in ids])


@SCALE_3.mistake("each row is returned once; one that is asked for twice has to come twice")
def _once(shards, ids):
    return _spread(shards, ids[np.sort(np.unique(ids, return_index=True)[1])])


@SCALE_3.mistake("the rows come in the order of their numbers, not in which they were asked for")
def _sorted_ids(shards, ids):
    return _spread(shards, np.sort(ids))


@SCALE_3.mistake("all rows are looked up at the first process, which has its own alone")
def _first_process(shards, ids):
    return np.array([shards[0][i % len(shards[0])] for i in ids])


@SCALE_3.mistake(
    "you look up row r in the part of its process; the rows there are numbered from 0, and r is "
    "the row r // C of them"
)
def _whole_number(shards, ids):
    return np.array([shards[i % len(shards)][i % len(shards[i % len(shards)])] for i in ids])


@SCALE_3.mistake("you add the parts up; each row is with one process alone")
def _added(shards, ids):
    found = [s[np.minimum(ids // len(shards), max(len(s) - 1, 0))] for s in shards if len(s)]
    return np.sum(found, axis=0)


# ------------------------------------------------------------- what an index misses


def _counted_share(found, exact):
    shares = [
        Fraction(len(set(a) & set(b)), len(b))
        for a, b in zip(found.tolist(), exact.tolist(), strict=True)
    ]
    return float(sum(shares) / len(shares))


def _lists(what, found, exact):
    found, exact = np.array(found, dtype=int), np.array(exact, dtype=int)
    return Case(what, (found, exact), _counted_share(found, exact))


_EXACT = np.array([_RNG.permutation(40)[:10] for _ in range(8)])
_FOUND = np.array(
    [_RNG.permutation(np.r_[row[:7], 100:103]) for row in _EXACT[:4]]
    + [_RNG.permutation(np.r_[row[:2], 100:108]) for row in _EXACT[4:]]
)

SCALE_4 = Exercise(
    "scale-4",
    "recall(found, exact)",
    (
        _lists("all found, in order", [[1, 2, 3]], [[1, 2, 3]]),
        _lists("all found, in another order", [[3, 1, 2]], [[1, 2, 3]]),
        _lists("nothing found", [[4, 5]], [[1, 2]]),
        _lists("two of three users are served", [[1, 2], [8, 7], [3, 4]], [[2, 1], [7, 8], [5, 6]]),
        _lists("an index that came back short, with -1", [[5, -1, -1, -1]], [[6, 5, 7, 8]]),
        _lists("fewer candidates than are wanted", [[3, 9], [6, 8]], [[2, 4, 1, 3], [5, 7, 6, 8]]),
        _lists("a user for whom nothing was found", [[-1, -1], [5, 7]], [[1, 2], [5, 6]]),
        _lists("item 0 is an item like the others", [[0, 3], [4, 0]], [[3, 0], [0, 5]]),
        _lists("more candidates than are wanted", [[9, 4, 1, 7, 2, 3, 5]], [[1, 2, 8]]),
        _lists("an item that two users share", [[1, 2], [3, 4]], [[3, 1], [1, 4]]),
        _lists("random", _FOUND, _EXACT),
    ),
)


@SCALE_4.mistake("you compare position by position; an item that was found counts wherever it is")
def _by_position(found, exact):
    k = min(found.shape[1], exact.shape[1])
    return (found[:, :k] == exact[:, :k]).sum() / exact.size


@SCALE_4.mistake(
    "you divide by what was found; recall divides by what should have been found, the exact list"
)
def _precision(found, exact):
    return (
        np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)])
        / found.shape[1]
    )


@SCALE_4.mistake("a user with one item found counts as served; wanted is the share of the items")
def _any(found, exact):
    return np.mean([len(np.intersect1d(a, b)) > 0 for a, b in zip(found, exact, strict=True)])


@SCALE_4.mistake("a user counts only if all items were found; wanted is the share of the items")
def _all(found, exact):
    return np.mean([np.isin(b, a).all() for a, b in zip(found, exact, strict=True)])


@SCALE_4.mistake("you throw the lists of all users together; an item has to be on the same list")
def _thrown_together(found, exact):
    return np.isin(exact, found).mean()


@SCALE_4.mistake("you return what is missed; recall is what is found, 1 minus that")
def _missed(found, exact):
    return 1 - _counted_share(found, exact)


@SCALE_4.mistake("you return a share for each user; wanted is their mean")
def _each(found, exact):
    return np.array([np.isin(b, a).mean() for a, b in zip(found, exact, strict=True)])


@SCALE_4.mistake("you return the number of items found; divide it by the length of the exact list")
def _number(found, exact):
    return np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)])


@SCALE_4.mistake("you count the items of all users; divide by the number of users as well")
def _over_all(found, exact):
    return (
        sum(len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)) / exact.shape[1]
    )


@SCALE_4.mistake(
    "you look at the first items found alone, as many as the exact list has; candidates that come "
    "later count as well"
)
def _first_k(found, exact):
    return _counted_share(found[:, : exact.shape[1]], exact)


@SCALE_4.mistake(
    "you divide by the length of the shorter list; what was not looked for is missed as well, so "
    "divide by the length of the exact list"
)
def _of_the_shorter(found, exact):
    return _counted_share(found, exact) * exact.shape[1] / min(found.shape[1], exact.shape[1])


@SCALE_4.mistake(
    "you ask for as many of the exact items as were looked for; the others are missed as well"
)
def _exact_cut_off(found, exact):
    return _counted_share(found, exact[:, : found.shape[1]])


@SCALE_4.mistake(
    "you divide by the number of items that came back; recall divides by what should have been "
    "found, the exact list"
)
def _of_what_came_back(found, exact):
    return np.mean(
        [
            np.isin(a, b).sum() / max(np.count_nonzero(a >= 0), 1)
            for a, b in zip(found, exact, strict=True)
        ]
    )


@SCALE_4.mistake(
    "the -1 is used as an index: NumPy counts it from the end, so the last item counts as found"
)
def _last_item_marked(found, exact):
    marked = np.zeros((len(found), max(found.max(), exact.max()) + 1), dtype=bool)
    np.put_along_axis(marked, found, True, axis=1)
    return np.take_along_axis(marked, exact, axis=1).mean()


@SCALE_4.mistake("users for whom nothing was found are left out; each of them counts 0")
def _unserved_left_out(found, exact):
    served = (found >= 0).any(axis=1)
    return _counted_share(found[served], exact[served])


@SCALE_4.mistake("users of whose items none was found are left out; each of them counts 0")
def _nothing_right_left_out(found, exact):
    hits = np.array([len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)])
    return hits.sum() / max(np.count_nonzero(hits), 1) / exact.shape[1]


@SCALE_4.mistake("item 0 is taken for nothing; only -1 means that")
def _zero_is_nothing(found, exact):
    return _counted_share(np.where(found == 0, -1, found), exact)


@SCALE_4.mistake("you return the first user's share; wanted is the mean over the users")
def _first_user(found, exact):
    return _counted_share(found[:1], exact[:1])


@SCALE_4.mistake("you divide by all the items on either list; that is the Jaccard index")
def _jaccard(found, exact):
    return np.mean(
        [
            len(np.intersect1d(a, b)) / len(np.union1d(a, b))
            for a, b in zip(found, exact, strict=True)
        ]
    )


EXERCISES = (SCALE_1, SCALE_2, SCALE_3, SCALE_4)
