"""Wrong answers to the exercises of chapter 7 that are none of the listed mistakes."""

import math
from itertools import pairwise

import numpy as np


def _relu(x):
    return np.maximum(x, 0)


def _spread(t, axis):
    return np.ptp(t, axis=axis).max()


def _interaction(t):
    return np.abs(t - t[0] - t[:, :1] + t[0, 0]).max()


def _by(t, users, items, meet):
    if not users or not items:
        return 1 * (not users) + 2 * (not items)
    return 0 if meet else 4


def _faults(tables, limit=1e-9, size=lambda t: 1.0):
    return [
        _by(
            t,
            _spread(t, 0) > limit * size(t),
            _spread(t, 1) > limit * size(t),
            _interaction(t) > limit * size(t),
        )
        for t in tables
    ]


def mlp_1_a_hundredth_is_nothing(tables):
    return _faults(tables, 0.01)


def mlp_1_relative_to_the_largest(tables):
    return _faults(tables, 1e-5, lambda t: np.abs(t).max())


def mlp_1_never_a_fault(tables):
    return [0 for _ in tables]


def mlp_1_first_table_only(tables):
    return _faults(tables[:1])


def mlp_1_counted_from_one(tables):
    return [fault + 1 for fault in _faults(tables)]


def mlp_1_as_text(tables):
    return [str(fault) for fault in _faults(tables)]


def mlp_1_backwards(tables):
    return _faults(tables)[::-1]


def mlp_1_corners(tables):
    return _faults([t[np.ix_([0, -1], [0, -1])] for t in tables])


def mlp_1_means_of_the_rows(tables):
    return [
        _by(t, np.ptp(t.mean(axis=1)) > 1e-9, np.ptp(t.mean(axis=0)) > 1e-9, True) for t in tables
    ]


def mlp_1_equal_spreads(tables):
    return [
        _by(t, _spread(t, 0) > 1e-9, _spread(t, 1) > 1e-9, np.ptp(np.ptp(t, axis=1)) > 1e-9)
        for t in tables
    ]


def mlp_1_best_item_alone(tables):
    return [
        _by(t, _spread(t, 0) > 1e-9, _spread(t, 1) > 1e-9, len(set(t.argmax(axis=1))) > 1)
        for t in tables
    ]


def mlp_1_faults_only(tables):
    return [fault for fault in _faults(tables) if fault]


def _count(n_users, n_items, layers, pairs=None, half=None, last=None):
    """Count the parameters, with something else for the pairs of layers, the half or the last."""
    half = layers[0] // 2 if half is None else half
    inner = sum((a + 1) * b for a, b in (pairwise(layers) if pairs is None else pairs))
    return (n_users + n_items) * half + inner + (layers[-1] if last is None else last) + 1


def mlp_2_layers_counted_twice(n_users, n_items, layers):
    return _count(n_users, n_items, layers, [*pairwise(layers), *pairwise(layers)])


def mlp_2_first_layer_as_h(n_users, n_items, layers):
    return _count(n_users, n_items, layers, last=layers[0])


def mlp_2_first_layer_only(n_users, n_items, layers):
    return _count(n_users, n_items, layers, [*pairwise(layers)][:1])


def mlp_2_weights_as_sums(n_users, n_items, layers):
    return _count(n_users, n_items, layers, []) + sum(a + b for a, b in pairwise(layers))


def mlp_2_extra_layer(n_users, n_items, layers):
    return _count(n_users, n_items, layers, pairwise([layers[0], *layers]))


def mlp_2_bytes(n_users, n_items, layers):
    return 4 * _count(n_users, n_items, layers)


def mlp_2_bias_of_embeddings(n_users, n_items, layers):
    return _count(n_users, n_items, layers, half=layers[0] // 2 + 1)


def mlp_2_items_with_whole_embeddings(n_users, n_items, layers):
    return _count(n_users + 2 * n_items, 0, layers)


def mlp_2_biases_of_two_layers_at_most(n_users, n_items, layers):
    weights = [(a, b) for a, b in pairwise(layers)]
    return _count(n_users, n_items, layers, weights) - sum(layers[3:])


def mlp_3_order_turned(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return g, np.outer(z_in, g), W @ g


def mlp_3_leaky(dz, z_in, W, b):
    g = dz * np.where(W.T @ z_in + b > 0, 1, 0.01)
    return np.outer(z_in, g), g, W @ g


def mlp_3_sign_reversed(dz, z_in, W, b):
    g = -dz * (W.T @ z_in + b > 0)
    return np.outer(z_in, g), g, W @ g


def mlp_3_half_at_zero(dz, z_in, W, b):
    a = W.T @ z_in + b
    g = dz * np.where(a == 0, 0.5, a > 0)
    return np.outer(z_in, g), g, W @ g


def mlp_3_bias_subtracted(dz, z_in, W, b):
    g = dz * (W.T @ z_in - b > 0)
    return np.outer(z_in, g), g, W @ g


def mlp_3_relu_of_dz(dz, z_in, W, b):
    g = np.maximum(dz, 0) * (W.T @ z_in + b > 0)
    return np.outer(z_in, g), g, W @ g


def mlp_3_bias_without_mask(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return np.outer(z_in, g), dz, W @ g


def mlp_3_summed_bias(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return np.outer(z_in, g), np.full(len(g), g.sum()), W @ g


def mlp_3_outer_of_relu(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return np.outer(np.maximum(z_in, 0), g), g, W @ g


def mlp_3_step_on_the_weights(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return W - np.outer(z_in, g), b - g, W @ g


def mlp_3_bias_left_out_of_dz_in(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0)
    return np.outer(z_in, g), g, W @ g + b.sum()


def mlp_3_rounded_before_relu(dz, z_in, W, b):
    g = dz * ((W.T @ z_in + b).round(3) > 0)
    return np.outer(z_in, g), g, W @ g


def mlp_3_on_above_a_tenth(dz, z_in, W, b):
    g = dz * (W.T @ z_in + b > 0.1)
    return np.outer(z_in, g), g, W @ g


def mlp_3_relu_six(dz, z_in, W, b):
    a = W.T @ z_in + b
    g = dz * ((a > 0) & (a < 6))
    return np.outer(z_in, g), g, W @ g


def _mlp_4(samples, sizes, epochs):
    return [epochs * (1 if s is None else math.ceil(samples / s)) for s in sizes]


def mlp_4_one_negative_fewer(n_rows, n_negatives, batch_sizes, epochs):
    return _mlp_4(n_rows * max(n_negatives, 1), batch_sizes, epochs)


def mlp_4_at_least_one_else_down(n_rows, n_negatives, batch_sizes, epochs):
    n = n_rows * (1 + n_negatives)
    return [epochs * (1 if s is None else max(n // s, 1)) for s in batch_sizes]


def mlp_4_zero_for_none(n_rows, n_negatives, batch_sizes, epochs):
    n = n_rows * (1 + n_negatives)
    return [epochs * (0 if s is None else math.ceil(n / s)) for s in batch_sizes]


def mlp_4_first_size_only(n_rows, n_negatives, batch_sizes, epochs):
    return _mlp_4(n_rows * (1 + n_negatives), [batch_sizes[0]] * len(batch_sizes), epochs)


def mlp_4_samples_returned(n_rows, n_negatives, batch_sizes, epochs):
    return [epochs * n_rows * (1 + n_negatives)] * len(batch_sizes)


def mlp_4_sorted(n_rows, n_negatives, batch_sizes, epochs):
    return sorted(_mlp_4(n_rows * (1 + n_negatives), batch_sizes, epochs))


def mlp_4_nearly_one_added(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * (1 if n is None else int(samples / n + 0.999)) for n in batch_sizes]


def mlp_4_rounded_before_rounding_up(n_rows, n_negatives, batch_sizes, epochs):
    samples = n_rows * (1 + n_negatives)
    return [epochs * (1 if n is None else np.ceil(round(samples / n, 2))) for n in batch_sizes]


def _adamw(theta, grad, m, v, t, eta, lam, b1=0.9, b2=0.999, eps=1e-8):
    m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
    step = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
    return (1 - eta * lam) * theta - eta * step, m, v


def mlp_5_large_eps(theta, grad, m, v, t, eta, lam):
    return _adamw(theta, grad, m, v, t, eta, lam, eps=1e-3)


def mlp_5_slower_first_average(theta, grad, m, v, t, eta, lam):
    return _adamw(theta, grad, m, v, t, eta, lam, b1=0.99)


def mlp_5_faster_second_average(theta, grad, m, v, t, eta, lam):
    return _adamw(theta, grad, m, v, t, eta, lam, b2=0.99)


def mlp_5_averages_swapped(theta, grad, m, v, t, eta, lam):
    theta, m, v = _adamw(theta, grad, m, v, t, eta, lam)
    return theta, v, m


def mlp_5_plain_descent(theta, grad, m, v, t, eta, lam):
    _, m, v = _adamw(theta, grad, m, v, t, eta, lam)
    return (1 - eta * lam) * theta - eta * grad, m, v


def mlp_5_momentum_only(theta, grad, m, v, t, eta, lam):
    _, m, v = _adamw(theta, grad, m, v, t, eta, lam)
    return (1 - eta * lam) * theta - eta * m / (1 - 0.9**t), m, v


def mlp_5_old_averages(theta, grad, m, v, t, eta, lam):
    theta, _, _ = _adamw(theta, grad, m, v, t, eta, lam)
    return theta, m, v


def mlp_5_decay_grows(theta, grad, m, v, t, eta, lam):
    return _adamw(theta, grad, m, v, t, eta, -lam)
