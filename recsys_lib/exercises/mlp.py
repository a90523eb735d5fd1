"""Exercises of chapter 7."""

import math
from itertools import pairwise

import numpy as np

from recsys_lib.exercises.core import Case, Exercise


def _relu(x):
    return np.maximum(x, 0)


_W = np.array([[1.0, 2.0], [3.0, -1.0]])  # W^T (1, 2) = (7, 0), and W (1, 2) = (5, 1)
_FINE, _NO_USER, _NO_ITEM, _OFF, _NO_RELU = range(5)


def _table(fault, seed, n_users=4, n_items=5):
    """Return the logits of a random network with this fault, pair by pair."""
    rng = np.random.default_rng(seed)
    P, Q = rng.normal(size=(n_users, 3)), rng.normal(size=(n_items, 3))
    layers = [(rng.normal(size=(6, 8)), rng.normal(size=8)), (rng.normal(size=(8, 6)), 0.5)]
    h, c = rng.normal(size=6), 0.3

    def logit(p, q):
        z = np.concatenate([q if fault == _NO_USER else p, p if fault == _NO_ITEM else q])
        for W, b in layers:
            z = W.T @ z + b
            z = z if fault == _NO_RELU else _relu(z)
        return h @ (0 * z if fault == _OFF else z) + c

    return np.array([[logit(p, q) for q in Q] for p in P])


def _diagnosis_case(what, tables, expected):
    given = [np.array(table, dtype=float) for table in tables]
    return Case(what, (given,), [float(fault) for fault in expected])  # 4.0 is right as well


MLP_1 = Exercise(
    "mlp-1",
    "diagnose(tables)",
    (
        _diagnosis_case("a user part plus an item part", [[[1, 2], [3, 4]]], [_NO_RELU]),
        _diagnosis_case(
            "two networks, one of them without a fault",
            [[[1, 2], [3, 4]], [[1, 2], [3, 5]]],
            [_NO_RELU, _FINE],
        ),
        _diagnosis_case("all rows the same", [[[1, 2, -4], [1, 2, -4]]], [_NO_USER]),
        _diagnosis_case("all columns the same", [[[1, 1], [2, 2], [-3, -3]]], [_NO_ITEM]),
        _diagnosis_case("one logit for all pairs", [[[-0.5, -0.5], [-0.5, -0.5]]], [_OFF]),
        _diagnosis_case(
            "the same order of the items for both users, and other distances",
            [[[1, 2, 3], [2, 4, 6]]],
            [_FINE],
        ),
        _diagnosis_case(
            "a third user, who is unlike the first two",
            [[[1, 2, 4], [2, 3, 5], [7, 6, 1]], [[1, 2], [1, 2], [1, 3]], [[1, 1], [1, 1], [2, 2]]],
            [_FINE, _FINE, _NO_ITEM],
        ),
        _diagnosis_case(
            "the last item is unlike the others",
            [[[0, 1, 5], [2, 3, 8]], [[4, 4, 5], [6, 6, 9]]],
            [_FINE, _FINE],
        ),
        _diagnosis_case(
            "the one in the middle is unlike the others",
            [[[0, 1, 2], [2, 5, 4], [3, 4, 5]]],
            [_FINE],
        ),
        _diagnosis_case(
            "rows with the same lowest and the same highest logit",
            [[[0, 1, 3], [3, 2, 0]], [[0, 1, 3], [0, 2, 3]]],
            [_FINE, _FINE],
        ),
        _diagnosis_case(
            "sums that are rounded",
            [
                np.add.outer([0.1, 0.3, 0.7], [0.2, 0.7, 1.1]),
                [[0.1 + 0.2, 1.0], [0.3, 1.0]],
                [[0.1 + 0.2, 0.3], [1.0, 1.0]],
                [[0.1 + 0.2, 0.3], [0.3, 0.3]],
            ],
            [_NO_RELU, _NO_USER, _NO_ITEM, _OFF],
        ),
        _diagnosis_case(
            "large logits with small differences",
            [
                [[1000, 1000.001], [1000.002, 1000.004]],
                [[1000, 1000.001], [1000, 1000.001]],
                [[0, 1], [1000, 1001.001]],  # the users are far apart
            ],
            [_FINE, _NO_USER, _FINE],
        ),
        _diagnosis_case(
            "five random networks",
            [_table(fault, 70 + fault) for fault in (3, 0, 4, 2, 1)],
            [_OFF, _FINE, _NO_RELU, _NO_ITEM, _NO_USER],
        ),
        _diagnosis_case(
            "six random networks, two users",
            [_table(fault, 80 + place, 2, 3) for place, fault in enumerate((0, 4, 0, 1, 4, 2))],
            [_FINE, _NO_RELU, _FINE, _NO_USER, _NO_RELU, _NO_ITEM],
        ),
        Case("no networks", ([],), []),
    ),
)


def _diagnosed(tables, tests):
    """Return for each table the number of the first test that it passes, 0 where it passes none."""
    return [next((fault for fault, test in tests if test(table)), _FINE) for table in tables]


def _zero(differences):
    return np.abs(differences).max() < 1e-9


def _same_rows(table):
    return _zero(table - table[0])


def _same_columns(table):
    return _zero(table - table[:, :1])


def _one_logit(table):
    return _zero(table - table[0, 0])


def _adds_up(table):
    rows = table - table[0]
    return _zero(rows - rows[:, :1])


def _tests(adds_up=_adds_up, one_logit=_one_logit):
    return [
        (_OFF, one_logit),
        (_NO_USER, _same_rows),
        (_NO_ITEM, _same_columns),
        (_NO_RELU, adds_up),
    ]


_EXACT = [
    (_OFF, lambda table: (table == table[0, 0]).all()),
    (_NO_USER, lambda table: (table == table[0]).all()),
    (_NO_ITEM, lambda table: (table == table[:, :1]).all()),
    (_NO_RELU, lambda table: (table - table[0] == (table - table[0])[:, :1]).all()),
]


@MLP_1.mistake(
    "you compare with ==: the logits are rounded sums, so ask whether they differ by less than 1e-9"
)
def _compared_exactly(tables):
    return _diagnosed(tables, _EXACT)


@MLP_1.mistake(
    "you compare the differences with ==: they are differences of rounded sums, so ask whether "
    "they differ by less than 1e-9"
)
def _differences_compared_exactly(tables):
    return _diagnosed(tables, [*_tests()[:3], _EXACT[3]])


@MLP_1.mistake(
    "you ask with == whether rows or columns are equal: the logits are rounded sums, so ask there, "
    "too, whether they differ by less than 1e-9"
)
def _rows_compared_exactly(tables):
    return _diagnosed(tables, [*_EXACT[:3], _tests()[3]])


@MLP_1.mistake(
    "you compare relative to the size of the logits, as np.allclose does: then large logits with "
    "small differences count as equal. Pass rtol=0, and atol=1e-9"
)
def _compared_relatively(tables):
    return _diagnosed(
        tables,
        [
            (_OFF, lambda t: np.allclose(t, t[0, 0])),
            (_NO_USER, lambda t: np.allclose(t, t[0])),
            (_NO_ITEM, lambda t: np.allclose(t, t[:, :1])),
            (_NO_RELU, lambda t: np.allclose(t - t[0], (t - t[0])[:, :1])),
        ],
    )


@MLP_1.mistake(
    "you compare the differences relative to their size, as np.allclose does: where two users are "
    "far apart, steps that differ count as equal. Pass rtol=0, and atol=1e-9"
)
def _differences_compared_relatively(tables):
    return _diagnosed(
        tables, _tests(lambda table: np.allclose(table - table[0], (table - table[0])[:, :1]))
    )


@MLP_1.mistake(
    "you look at the order of the items alone: two users of a network with ReLUs may have the same "
    "order. Without the ReLUs the differences between items are the same, too"
)
def _order_alone(tables):
    def same_order(table):
        order = np.argsort(table, axis=1)
        return (order == order[0]).all()

    return _diagnosed(tables, _tests(same_order))


@MLP_1.mistake(
    "users and items are exchanged: a table has a row for each user, so if the user does not "
    "enter, all rows are the same"
)
def _rows_for_columns(tables):
    return _diagnosed([table.T for table in tables], _tests())


@MLP_1.mistake(
    "a table with one logit for all pairs is not told apart from one with equal rows: ask for it "
    "first"
)
def _off_comes_late(tables):
    return _diagnosed(tables, _tests()[1:])


@MLP_1.mistake(
    "you ask for the ReLUs first: a table with equal rows, or columns, is a sum of two parts as "
    "well, so that question comes last"
)
def _relu_comes_first(tables):
    return _diagnosed(tables, [_tests()[3], *_tests()[:3]])


@MLP_1.mistake(
    "you look for logits of 0: with all units off the bias of the output is left, and it may be "
    "any number"
)
def _off_means_zero(tables):
    return _diagnosed(tables, _tests(one_logit=lambda table: _zero(table)))


@MLP_1.mistake("you look at the first two users alone; a later one may be unlike them")
def _two_users(tables):
    return _diagnosed([table[:2] for table in tables], _tests())


@MLP_1.mistake("you look at the first two items alone; a later one may be unlike them")
def _two_items(tables):
    return _diagnosed([table[:, :2] for table in tables], _tests())


@MLP_1.mistake(
    "you ask for the rank of the table: without ReLUs it is 2 at most, but so is that of every "
    "table with two rows or columns, and of many others"
)
def _by_the_rank(tables):
    return _diagnosed(tables, _tests(lambda t: np.linalg.matrix_rank(t) <= 2))


@MLP_1.mistake(
    "you take every table without equal rows or columns for a sound one: without its ReLUs a "
    "network has a part of the user plus a part of the item"
)
def _relu_never_missing(tables):
    return _diagnosed(tables, _tests()[:3])


def _tower(layers, bias=1):
    return sum(m * n + bias * n for m, n in pairwise(layers))


MLP_2 = Exercise(
    "mlp-2",
    "n_parameters(n_users, n_items, layers)",
    (
        Case("two users, three items, one layer above z_1", (2, 3, [4, 2]), 10 + 10 + 2 + 1),
        Case("one user, one item and no layer above z_1", (1, 1, [2]), 5),
        Case("one user, one item and the smallest layer", (1, 1, [2, 1]), 7),
        Case("a layer wider than z_1", (3, 2, [4, 6, 3]), 10 + 30 + 21 + 4),
        Case("MovieLens 100K and three layers above z_1", (943, 1682, [64, 32, 16, 8]), 86753),
        Case("no users yet", (0, 7, [6, 5]), 21 + 35 + 6),
    ),
)


@MLP_2.mistake("an embedding has layers[0] numbers; z_1 holds two of them, so each has half")
def _whole_embeddings(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] + _tower(layers) + layers[-1] + 1


@MLP_2.mistake("the layers have no biases; each has one for each number out")
def _no_layer_biases(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers, 0) + layers[-1] + 1


@MLP_2.mistake("a layer has one bias in all; it has one for each of its numbers")
def _one_bias_per_layer(n_users, n_items, layers):
    return _no_layer_biases(n_users, n_items, layers) + len(layers) - 1


@MLP_2.mistake(
    "a layer has a bias for each number that comes in, or h has a weight for each number of z_1; "
    "biases belong to what goes out, and h to the last layer"
)
def _bias_for_what_comes_in(n_users, n_items, layers):
    return _no_layer_biases(n_users, n_items, layers) + sum(layers[:-1])


@MLP_2.mistake("the bias of the output is missing")
def _no_output_bias(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers) + layers[-1]


@MLP_2.mistake("h is missing: one weight for each number of the last layer")
def _no_h(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers) + 1


@MLP_2.mistake("the output is missing: h and its bias")
def _no_output(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers)


@MLP_2.mistake("the embeddings are missing, by far the most of the parameters")
def _no_embeddings(n_users, n_items, layers):
    return _tower(layers) + layers[-1] + 1


def _whole(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers) + layers[-1] + 1


@MLP_2.mistake("no bias is counted: each layer has one for each of its numbers, and the output one")
def _no_biases(n_users, n_items, layers):
    return (n_users + n_items) * layers[0] // 2 + _tower(layers, 0) + layers[-1]


@MLP_2.mistake("z_1 has biases in your count; it is made of the embeddings alone")
def _biases_of_z_1(n_users, n_items, layers):
    return _whole(n_users, n_items, layers) + layers[0]


@MLP_2.mistake(
    "the layer above z_1 is left out: with range(1, len(layers)) the first one has number 1"
)
def _first_layer_left_out(n_users, n_items, layers):
    return _whole(n_users, n_items, layers) - _tower(layers[:2])


@MLP_2.mistake("the last layer is left out: range(1, len(layers)) ends with it")
def _last_layer_left_out(n_users, n_items, layers):
    return _whole(n_users, n_items, layers) - _tower(layers[-2:])


@MLP_2.mistake("you multiply users and items; each has an embedding, so add their numbers")
def _users_times_items(n_users, n_items, layers):
    return _whole(n_users * n_items, 0, layers)


@MLP_2.mistake("the embeddings of the items are missing")
def _users_only(n_users, n_items, layers):
    return _whole(n_users, 0, layers)


@MLP_2.mistake("the embeddings of the users are missing")
def _items_only(n_users, n_items, layers):
    return _whole(0, n_items, layers)


def _layer(dz, z_in, W, b):
    return dz * (W.T @ z_in + b > 0)


def _through(g, z_in, W):
    return np.outer(z_in, g), g, W @ g


_ONE = (np.array([2.0]), np.array([3.0]), np.array([[1.5]]))

MLP_3 = Exercise(
    "mlp-3",
    "my_backward(dz, z_in, W, b)",
    (
        Case(
            "two numbers in and out, one of them off",
            (np.array([2.0, 5.0]), np.array([1.0, 2.0]), _W, np.array([-6.0, -1.0])),
            (np.array([[2.0, 0.0], [4.0, 0.0]]), np.array([2.0, 0.0]), np.array([2.0, 6.0])),
        ),
        Case(
            "one number, on",
            (*_ONE, np.array([40.0])),
            (np.array([[6.0]]), np.array([2.0]), np.array([3.0])),
        ),
        Case(
            "one number, off",
            (*_ONE, np.array([-5.0])),
            (np.array([[0.0]]), np.array([0.0]), np.array([0.0])),
        ),
        Case(
            "one number, a = 0 exactly",
            (*_ONE, np.array([-4.5])),
            (np.array([[0.0]]), np.array([0.0]), np.array([0.0])),
        ),
        Case(
            "a negative number in, and a negative derivative",
            (np.array([-1.0, 3.0]), np.array([-1.0, 2.0]), _W, np.array([0.0, 5.0])),  # a = (5, 1)
            (np.array([[1.0, -3.0], [-2.0, 6.0]]), np.array([-1.0, 3.0]), np.array([5.0, -6.0])),
        ),
        Case(
            "three numbers in, one out",
            (
                np.array([2.0]),
                np.array([1.0, 0.0, 2.0]),
                np.array([[1.0], [5.0], [-1.0]]),
                np.array([3.0]),
            ),
            (np.array([[2.0], [0.0], [4.0]]), np.array([2.0]), np.array([2.0, 10.0, -2.0])),
        ),
        Case(
            "numbers drawn at random",
            (
                np.array([-1.3, 0.1, 0.4]),
                np.array([1.9, -0.1, 0.2, 0.9]),
                np.array([[-0.4, -0.4, 0.3], [1.4, -1.0, 0.2], [0.8, 0.4, -0.6], [0.7, 1.0, 0.1]]),
                np.array([-0.1, 0.9, 0.9]),
            ),
            (  # by numerical differentiation
                np.array([[0, 0.19, 0.76], [0, -0.01, -0.04], [0, 0.02, 0.08], [0, 0.09, 0.36]]),
                np.array([0.0, 0.1, 0.4]),
                np.array([0.08, -0.02, -0.2, 0.14]),
            ),
        ),
        Case(
            "one number, a just above 0",
            (*_ONE, np.array([-4.5 + 1e-9])),
            (np.array([[6.0]]), np.array([2.0]), np.array([3.0])),
        ),
    ),
)


@MLP_3.mistake("nothing is switched off: where a is not above 0, ReLU passes nothing")
def _no_mask(dz, z_in, W, b):
    return _through(dz, z_in, W)


@MLP_3.mistake("you ask whether z_in is above 0; what counts is a, before ReLU")
def _mask_by_input(dz, z_in, W, b):
    return _through(dz * (z_in > 0), z_in, W)


@MLP_3.mistake("you ask whether dz is above 0; it may have either sign. Ask for a")
def _mask_by_dz(dz, z_in, W, b):
    return _through(dz * (dz > 0), z_in, W)


@MLP_3.mistake("your a lacks b, so that the wrong numbers are switched off")
def _mask_without_bias(dz, z_in, W, b):
    return _through(dz * (W.T @ z_in > 0), z_in, W)


@MLP_3.mistake("you let the derivative pass where a is 0; only a > 0 lets it pass")
def _on_at_zero(dz, z_in, W, b):
    return _through(dz * (W.T @ z_in + b >= 0), z_in, W)


@MLP_3.mistake("you multiply dz by ReLU itself; its derivative is 1 or 0")
def _times_a(dz, z_in, W, b):
    return _through(dz * _relu(W.T @ z_in + b), z_in, W)


@MLP_3.mistake("dW is transposed: like W, it has one row for each number that comes in")
def _outer_turned(dz, z_in, W, b):
    g = _layer(dz, z_in, W, b)
    return np.outer(g, z_in), g, W @ g


@MLP_3.mistake("you go back by W.T, which leads forwards; the way back is W g")
def _back_by_the_transpose(dz, z_in, W, b):
    g = _layer(dz, z_in, W, b)
    return np.outer(z_in, g), g, W.T @ g


@MLP_3.mistake("dz_in is computed from dz; it has to pass ReLU first, as dW does")
def _mask_for_the_weights_only(dz, z_in, W, b):
    g = _layer(dz, z_in, W, b)
    return np.outer(z_in, g), g, W @ dz


@MLP_3.mistake("you switch off dz_in where z_in is not above 0; that is for the layer below to do")
def _input_masked(dz, z_in, W, b):
    g = _layer(dz, z_in, W, b)
    return np.outer(z_in, g), g, (W @ g) * (z_in > 0)


@MLP_3.mistake("you switch off where a is close to 0 as well; it is off only where a is 0 or below")
def _off_near_zero(dz, z_in, W, b):
    return _through(dz * (W.T @ z_in + b > 1e-6), z_in, W)


@MLP_3.mistake("dW is made from what the layer gives out; it takes what came in, z_in")
def _outer_of_what_goes_out(dz, z_in, W, b):
    a = W.T @ z_in + b
    g = dz * (a > 0)
    return np.outer(_relu(a), g), g, W @ g


@MLP_3.mistake("your a is made with W; it has to be W.T @ z_in + b")
def _input_not_turned(dz, z_in, W, b):
    return _through(dz * (W @ z_in + b > 0), z_in, W)


@MLP_3.mistake("you return dz_in alone; wanted are dW, db and dz_in")
def _dz_in_alone(dz, z_in, W, b):
    return W @ _layer(dz, z_in, W, b)


def _updates(samples, batch_sizes, epochs):
    return [epochs * (1 if size is None else math.ceil(samples / size)) for size in batch_sizes]


MLP_4 = Exercise(
    "mlp-4",
    "updates(n_rows, n_negatives, batch_sizes, epochs)",
    (
        Case("20 samples an epoch", (10, 1, [8, None], 2), [6.0, 2.0]),
        Case("one sample", (1, 0, [1], 1), [1.0]),
        Case("batches that come out even", (6, 2, [9, 3], 3), [6.0, 18.0]),
        Case("a batch larger than the epoch", (3, 4, [256, 15], 5), [5.0, 5.0]),
        Case("no negatives", (7, 0, [3], 2), [6.0]),
        Case(
            "80,000 positives with four negatives each",
            (80_000, 4, [256, 4096, None], 20),
            [31_260.0, 1_960.0, 20.0],
        ),
        Case("one sample left over", (4097, 0, [4096], 3), [6.0]),
    ),
)


@MLP_4.mistake("the negatives are missing; they are samples as well")
def _negatives_forgotten(n_rows, n_negatives, batch_sizes, epochs):
    return _updates(n_rows, batch_sizes, epochs)


@MLP_4.mistake("the positives are missing: each brings its negatives and is a sample itself")
def _positives_forgotten(n_rows, n_negatives, batch_sizes, epochs):
    return _updates(n_rows * n_negatives, batch_sizes, epochs)


@MLP_4.mistake("you round down; the last, smaller batch is a step as well")
def _rounded_down(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * (samples // (size or samples)) for size in batch_sizes]


@MLP_4.mistake("you do not round; a batch that is not full is a whole step")
def _not_rounded(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * samples / (size or samples) for size in batch_sizes]


@MLP_4.mistake("you round once, for all epochs together; each epoch ends with a batch of its own")
def _rounded_at_the_end(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [math.ceil(epochs * samples / (size or samples)) for size in batch_sizes]


@MLP_4.mistake("you count the steps of one epoch; multiply by their number")
def _one_epoch(n_rows, n_negatives, batch_sizes, epochs):
    return _updates(n_rows * (1 + n_negatives), batch_sizes, 1)


@MLP_4.mistake("None gives one step for the whole training; it is one step in each epoch")
def _one_batch_for_all(n_rows, n_negatives, batch_sizes, epochs):
    steps = _updates(n_rows * (1 + n_negatives), batch_sizes, epochs)
    return [1 if size is None else number for size, number in zip(batch_sizes, steps, strict=True)]


@MLP_4.mistake("you add a batch even where the last one is full, and there is nothing left for it")
def _one_more(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * (1 if size is None else samples // size + 1) for size in batch_sizes]


@MLP_4.mistake(
    "you add nearly 1 and round down; one sample that is left over may be less than that of a "
    "batch. Use math.ceil"
)
def _nearly_one_added(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * int(samples / (size or samples) + 0.99) for size in batch_sizes]


@MLP_4.mistake(
    "you add the negatives once; each positive brings n_negatives of its own, so multiply"
)
def _negatives_once(n_rows, n_negatives, batch_sizes, epochs):
    return _updates(n_rows + n_negatives, batch_sizes, epochs)


@MLP_4.mistake("you round to the nearest whole number; a batch that is not full is a whole step")
def _rounded_to_the_nearest(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * round(samples / (size or samples)) for size in batch_sizes]


@MLP_4.mistake("you take None for a batch of one sample; it means one batch for all, so one step")
def _none_as_all_samples(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * math.ceil(samples / (size or 1)) for size in batch_sizes]


@MLP_4.mistake("None is left out of your list; it means one batch for all, so one step per epoch")
def _none_left_out(n_rows, n_negatives, batch_sizes, epochs):
    sizes = [size for size in batch_sizes if size is not None]
    return _updates(n_rows * (1 + n_negatives), sizes, epochs)


@MLP_4.mistake("positives and negatives have batches of their own; they are shuffled together")
def _apart(n_rows, n_negatives, batch_sizes, epochs):
    one, other = n_rows, n_rows * n_negatives
    return [
        epochs * (1 if size is None else math.ceil(one / size) + math.ceil(other / size))
        for size in batch_sizes
    ]


def _averages(grad, m, v):
    return 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2


def _adam(grad, m, v, t):
    """The averages, and the step with learning rate 1."""
    m, v = _averages(grad, m, v)
    return m, v, m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


_ZERO = np.array([0.0])

MLP_5 = Exercise(
    "mlp-5",
    "adamw_step(theta, grad, m, v, t, eta, lam)",
    (
        Case(
            "the first step: eta, however large the gradient, and the decay",
            (np.array([1.0]), np.array([2.0]), _ZERO, _ZERO, 1, 0.1, 0.5),
            np.array([[0.85], [0.2], [0.004]]),
        ),
        Case(
            "the first step without decay",
            (np.array([-2.0]), np.array([-4.0]), _ZERO, _ZERO, 1, 0.1, 0.0),
            np.array([[-1.9], [-0.4], [0.016]]),
        ),
        Case(
            "no gradient yet: only the decay acts",
            (np.array([2.0]), _ZERO, _ZERO, _ZERO, 1, 0.1, 0.5),
            np.array([[1.9], [0.0], [0.0]]),
        ),
        Case(
            "a very small gradient",
            (_ZERO, np.array([1e-4]), _ZERO, _ZERO, 1, 0.5, 0.1),
            np.array([[-0.5 / 1.0001], [1e-5], [1e-11]]),
        ),
        Case(
            "the second step, in which the averages cancel",  # 0.9 (-1) + 0.1 (9) = 0
            (np.array([3.0]), np.array([9.0]), np.array([-1.0]), np.array([1.0]), 2, 0.1, 0.1),
            np.array([[2.97], [0.0], [1.08]]),
        ),
        Case(
            "the third step of two numbers",
            (
                np.array([1.0, -2.0]),
                np.array([0.5, 1.0]),
                np.array([0.2, -0.3]),
                np.array([0.04, 0.09]),
                3,
                0.1,
                0.2,
            ),
            np.array([[0.9568295242, -1.9486101699], [0.23, -0.17], [0.04021, 0.09091]]),
        ),
        Case(
            "numbers drawn at random",
            (
                np.array([1.6, -1.6, 0.2]),
                np.array([-0.8, 0.2, -2.2]),
                np.array([0.5, 1.7, 0.6]),
                np.array([0.5, 0.4, 2.3]),
                10,
                0.05,
                0.4,
            ),
            np.array(  # like the case before, by torch.optim.AdamW
                [
                    [1.5639926828, -1.5867799753, 0.1943847335],
                    [0.37, 1.55, 0.32],
                    [0.50014, 0.39964, 2.30254],
                ]
            ),
        ),
    ),
)


@MLP_5.mistake(
    "you add lam * theta to the gradient, which is Adam with an L2 penalty; in AdamW the decay "
    "does not pass through the averages"
)
def _penalty_in_the_gradient(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad + lam * theta, m, v, t)
    return theta - eta * step, m, v


@MLP_5.mistake(
    "you use m and v as they are; they start at 0 and are too small at first, so divide them by 1 "
    "- 0.9^t and 1 - 0.999^t"
)
def _not_corrected(theta, grad, m, v, t, eta, lam):
    m, v = _averages(grad, m, v)
    return (1 - eta * lam) * theta - eta * m / (np.sqrt(v) + 1e-8), m, v


@MLP_5.mistake("you add 1 to t; the first step has t = 1 already")
def _counted_from_zero(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t + 1)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("eps is inside the root, where it outweighs small gradients; add it to the root")
def _eps_inside_the_root(theta, grad, m, v, t, eta, lam):
    m, v = _averages(grad, m, v)
    step = m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t) + 1e-8)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("eps is missing, and without any gradient you divide 0 by 0")
def _no_eps(theta, grad, m, v, t, eta, lam):
    m, v = _averages(grad, m, v)
    step = m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t))
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("you divide by v itself; take its square root")
def _no_root(theta, grad, m, v, t, eta, lam):
    m, v = _averages(grad, m, v)
    step = m / (1 - 0.9**t) / (v / (1 - 0.999**t) + 1e-8)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("the decay is not multiplied by eta: theta shrinks by the factor 1 - eta * lam")
def _decay_without_eta(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t)
    return (1 - lam) * theta - eta * step, m, v


@MLP_5.mistake("the new step decays as well; only the old theta is multiplied by 1 - eta * lam")
def _decay_after_the_step(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t)
    return (1 - eta * lam) * (theta - eta * step), m, v


@MLP_5.mistake("lam is not used: theta does not decay")
def _no_decay(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t)
    return theta - eta * step, m, v


@MLP_5.mistake("the gradient enters v without its square")
def _not_squared(theta, grad, m, v, t, eta, lam):
    m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * np.abs(grad)
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake(
    "you return the corrected averages; the next step needs m and v as they were before the "
    "correction"
)
def _corrected_returned(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t)
    return (1 - eta * lam) * theta - eta * step, m / (1 - 0.9**t), v / (1 - 0.999**t)


@MLP_5.mistake("0.9 and 0.999 are exchanged: 0.9 belongs to m, and 0.999 to v")
def _averages_exchanged(theta, grad, m, v, t, eta, lam):
    m, v = 0.999 * m + 0.001 * grad, 0.9 * v + 0.1 * grad**2
    step = m / (1 - 0.999**t) / (np.sqrt(v / (1 - 0.9**t)) + 1e-8)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("the new gradient enters in full; it is multiplied by 0.1 in m and by 0.001 in v")
def _gradient_in_full(theta, grad, m, v, t, eta, lam):
    m, v = 0.9 * m + grad, 0.999 * v + grad**2
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return (1 - eta * lam) * theta - eta * step, m, v


@MLP_5.mistake("the step is made with the old m and v; renew both first")
def _step_of_the_old_averages(theta, grad, m, v, t, eta, lam):
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return ((1 - eta * lam) * theta - eta * step, *_averages(grad, m, v))


@MLP_5.mistake("you add the step, which leads uphill; subtract it")
def _uphill(theta, grad, m, v, t, eta, lam):
    m, v, step = _adam(grad, m, v, t)
    return (1 - eta * lam) * theta + eta * step, m, v


@MLP_5.mistake("m is corrected, but v is not: divide it by 1 - 0.999^t")
def _first_corrected_only(theta, grad, m, v, t, eta, lam):
    m, v = _averages(grad, m, v)
    return (1 - eta * lam) * theta - eta * m / (1 - 0.9**t) / (np.sqrt(v) + 1e-8), m, v


@MLP_5.mistake("you return theta alone; the next step needs m and v as well")
def _theta_alone(theta, grad, m, v, t, eta, lam):
    step = _adam(grad, m, v, t)[2]
    return (1 - eta * lam) * theta - eta * step


EXERCISES = (MLP_1, MLP_2, MLP_3, MLP_4, MLP_5)
