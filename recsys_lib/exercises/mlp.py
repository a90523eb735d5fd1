"""Exercises of chapter 7."""

import math
from itertools import pairwise

import numpy as np

from recsys_lib.exercises.core import Case, Exercise


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _relu(x):
    return np.maximum(x, 0)


def _logit(p, q, layers, h):
    z = np.concatenate([p, q])
    for W, b in layers:
        z = _relu(W.T @ z + b)
    return h @ z


_W = np.array([[1.0, 2.0], [3.0, -1.0]])  # W^T (1, 2) = (7, 0), and W (1, 2) = (5, 1)

MLP_1 = Exercise(
    "mlp-1",
    "my_forward(p, q, layers, h)",
    (
        Case(
            "one layer of two numbers, one of them off",
            (np.array([1.0]), np.array([2.0]), [(_W, np.array([-6.0, -1.0]))], np.array([2.0, 5])),
            1 / (1 + math.exp(-2)),
        ),
        Case(
            "no layers and a negative logit",
            (np.array([1.0]), np.array([2.0]), [], np.array([1.0, -1.0])),
            1 / (1 + math.e),
        ),
        Case(
            "no layers and a negative embedding",
            (np.array([-1.0]), np.array([2.0]), [], np.array([1.0, 1.0])),
            1 / (1 + math.exp(-1)),
        ),
        Case(
            "a layer that is off altogether",
            (np.array([1.0]), np.array([2.0]), [(_W, np.array([-8.0, -1.0]))], np.array([3.0, 1])),
            0.5,
        ),
        Case(
            "layers of 2 numbers and of 1",
            (
                np.array([1.0, 0.0]),
                np.array([0.0, 2.0]),
                [
                    (
                        np.array([[1.0, 2.0], [9.0, 9.0], [9.0, 9.0], [1.0, -2.0]]),
                        np.array([0.0, 3.0]),
                    ),
                    (np.array([[1.0], [-2.0]]), np.array([0.5])),  # 3 - 2 * 1 + 0.5
                ],
                np.array([-2.0]),
            ),
            1 / (1 + math.exp(3)),
        ),
        Case(
            "numbers drawn at random",
            (
                np.array([-0.6, -0.6]),
                np.array([0.1, 1.3]),
                [
                    (
                        np.array(
                            [
                                [-0.3, -1.1, -0.8],
                                [1.8, -0.4, -1.2],
                                [-0.3, 0.3, 0.3],
                                [1.9, -0.2, -1.5],
                            ]
                        ),
                        np.array([1.5, 0.3, 0.3]),
                    ),
                    (np.array([[-0.7, -1.0], [1.6, -1.5], [-0.6, -1.1]]), np.array([1.4, 0.3])),
                ],
                np.array([-0.7, 0.7]),
            ),
            0.35966924553,  # by torch.nn.functional.linear
        ),
        Case(
            "a number of the layer above 100",
            (
                np.array([2.0]),
                np.array([2.0]),
                [(np.array([[50.0], [50.0]]), np.array([0.0]))],
                np.array([0.01]),
            ),
            1 / (1 + math.exp(-2)),
        ),
        Case(
            "three layers of 1 number, and a logit far below 0",  # 2, then 3, then 1
            (
                np.array([1.0]),
                np.array([1.0]),
                [
                    (np.array([[1.0], [1.0]]), np.array([0.0])),
                    (np.array([[2.0]]), np.array([-1.0])),
                    (np.array([[1.0]]), np.array([-2.0])),
                ],
                np.array([-10.0]),
            ),
            1 / (1 + math.exp(10)),
        ),
    ),
)


@MLP_1.mistake("q stands before p; the user's numbers come first in z_1")
def _item_first(p, q, layers, h):
    return _sigmoid(_logit(q, p, layers, h))


@MLP_1.mistake("ReLU is missing, and all layers together are then one linear map")
def _no_relu(p, q, layers, h):
    z = np.concatenate([p, q])
    for W, b in layers:
        z = W.T @ z + b
    return _sigmoid(h @ z)


@MLP_1.mistake(
    "the last layer has no ReLU; every layer of the list has one, and only the logit has none"
)
def _last_layer_linear(p, q, layers, h):
    z = np.concatenate([p, q])
    for number, (W, b) in enumerate(layers, start=1):
        z = W.T @ z + b
        z = z if number == len(layers) else _relu(z)
    return _sigmoid(h @ z)


@MLP_1.mistake("you apply ReLU to the embeddings; z_1 is the concatenation as it is")
def _relu_of_the_embeddings(p, q, layers, h):
    return _sigmoid(_logit(_relu(p), _relu(q), layers, h))


@MLP_1.mistake("you apply ReLU to the logit as well, so that no probability is below a half")
def _relu_of_the_logit(p, q, layers, h):
    return _sigmoid(_relu(_logit(p, q, layers, h)))


@MLP_1.mistake("you return the logit; sigma makes a probability of it")
def _no_sigmoid(p, q, layers, h):
    return _logit(p, q, layers, h)


@MLP_1.mistake("the layers use sigma; only the logit does, the layers ReLU")
def _sigmoid_everywhere(p, q, layers, h):
    z = np.concatenate([p, q])
    for W, b in layers:
        z = _sigmoid(W.T @ z + b)
    return _sigmoid(h @ z)


@MLP_1.mistake("you multiply by W; with one row for each number that comes in, it has to be W.T")
def _not_transposed(p, q, layers, h):
    return _sigmoid(_logit(p, q, [(W.T, b) for W, b in layers], h))


@MLP_1.mistake("b is not added before ReLU")
def _no_bias(p, q, layers, h):
    return _sigmoid(_logit(p, q, [(W, 0 * b) for W, b in layers], h))


@MLP_1.mistake("b is added after ReLU; it belongs inside: ReLU(W.T @ z + b)")
def _bias_after_relu(p, q, layers, h):
    z = np.concatenate([p, q])
    for W, b in layers:
        z = _relu(W.T @ z) + b
    return _sigmoid(h @ z)


@MLP_1.mistake("the minus in the exponent is missing: sigma(x) is 1 / (1 + e^-x)")
def _no_minus(p, q, layers, h):
    return _sigmoid(-_logit(p, q, layers, h))


@MLP_1.mistake("your `return` stands inside the loop, which then ends after the first layer")
def _returned_in_the_loop(p, q, layers, h):
    for W, b in layers:
        return _sigmoid(h @ _relu(W.T @ np.concatenate([p, q]) + b))


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
