"""Wrong answers to the exercises of chapter 5 that are none of the listed mistakes."""

import numpy as np
from scipy.special import expit


def bce_1_warnings_silenced(x):
    with np.errstate(all="ignore"):
        return 1 / (1 + np.exp(-x))


def bce_1_warnings_switched_off(x):
    before = np.seterr(all="ignore")
    try:
        return 1 / (1 + np.exp(-x))
    finally:
        np.seterr(**before)


def bce_1_clipped_at_fifteen(x):
    return 1 / (1 + np.exp(-np.clip(x, -15, 15)))


def bce_1_clipped_at_twenty(x):
    return 1 / (1 + np.exp(-np.clip(x, -20, 20)))


def bce_1_half_precision(x):
    return expit(x.astype(np.float16)).astype(float)


def bce_1_tanh_of_x(x):
    return (1 + np.tanh(x)) / 2


def bce_1_normal_distribution(x):
    return expit(1.702 * x)


def bce_1_straight_line(x):
    return np.clip(0.5 + x / 4, 0, 1)


def bce_1_softmax(x):
    z = np.exp(x - x.max())
    return z / z.sum()


def bce_1_sign_lost(x):
    z = np.exp(-np.abs(x))
    return 1 / (1 + z)


def bce_1_slope(x):
    return expit(x) * expit(-x)


def bce_1_rounded(x):
    return np.round(expit(x), 4)


def bce_1_zeros_like(x):
    result = np.zeros_like(x)
    above = x >= 0
    result[above] = 1 / (1 + np.exp(-x[above]))
    result[~above] = np.exp(x[~above]) / (1 + np.exp(x[~above]))
    return result


def bce_1_two_axes_at_most(x):
    if x.ndim == 2:
        return np.array([bce_1_two_axes_at_most(row) for row in x])
    return np.array([np.exp(min(a, 0)) / (1 + np.exp(-abs(a))) for a in x])


def _smoothed(y, p, eps):
    t = (1 - eps) * y + eps / 2
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), p - t, np.log((2 - eps) / eps)


def bce_2_clipped_at_a_thousandth(y, p, eps):
    return _smoothed(y, np.clip(p, 1e-3, 1 - 1e-3), eps)


def bce_2_small_number_added(y, p, eps):
    t = (1 - eps) * y + eps / 2
    loss = -np.mean(t * np.log(p + 1e-3) + (1 - t) * np.log(1 - p + 1e-3))
    return loss, *_smoothed(y, p, eps)[1:]


def bce_2_squared_error(y, p, eps):
    t = (1 - eps) * y + eps / 2
    return np.mean((t - p) ** 2), *_smoothed(y, p, eps)[1:]


def bce_2_base_ten(y, p, eps):
    loss, slopes, best = _smoothed(y, p, eps)
    return loss / np.log(10), slopes, best


def bce_2_loss_of_each(y, p, eps):
    t = (1 - eps) * y + eps / 2
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)), *_smoothed(y, p, eps)[1:]


def bce_2_toward_the_mean(y, p, eps):
    t = (1 - eps) * y + eps * y.mean()
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    return loss, p - t, np.log((2 - eps) / eps)


def bce_2_slopes_added_up(y, p, eps):
    loss, slopes, best = _smoothed(y, p, eps)
    return loss, slopes.sum(), best


def bce_2_two_returned(y, p, eps):
    return _smoothed(y, p, eps)[:2]


def bce_2_order_turned(y, p, eps):
    return _smoothed(y, p, eps)[::-1]


def bce_2_slopes_twice(y, p, eps):
    loss, slopes, best = _smoothed(y, p, eps)
    return loss, 2 * slopes, best


def bce_2_best_as_odds(y, p, eps):
    return *_smoothed(y, p, eps)[:2], (2 - eps) / eps


def bce_2_half_the_smoothing(y, p, eps):
    return _smoothed(y, p, eps / 2)


def bce_2_twice_the_smoothing(y, p, eps):
    return _smoothed(y, p, min(2 * eps, 1))


def bce_3_labels_reversed(p, Q, r, lam):
    return Q.T @ (expit(Q @ p) - (1 - r)) + 2 * lam * p


def bce_3_twice_the_errors(p, Q, r, lam):
    return 2 * Q.T @ (expit(Q @ p) - r) + 2 * lam * p


def bce_3_penalty_subtracted(p, Q, r, lam):
    return Q.T @ (expit(Q @ p) - r) - 2 * lam * p


def bce_3_absolute_penalty(p, Q, r, lam):
    return Q.T @ (expit(Q @ p) - r) + lam * np.sign(p)


def bce_3_four_times_the_penalty(p, Q, r, lam):
    return Q.T @ (expit(Q @ p) - r) + 4 * lam * p


def bce_3_positives_only(p, Q, r, lam):
    return Q.T @ ((expit(Q @ p) - r) * r) + 2 * lam * p


def bce_3_all_averaged(p, Q, r, lam):
    return (Q.T @ (expit(Q @ p) - r) + 2 * lam * p) / max(len(r), 1)


def bce_3_downhill(p, Q, r, lam):
    return -(Q.T @ (expit(Q @ p) - r) + 2 * lam * p)


def bce_3_for_the_items(p, Q, r, lam):
    return np.outer(expit(Q @ p) - r, p) + 2 * lam * p


def bce_3_step_taken(p, Q, r, lam):
    return p - (Q.T @ (expit(Q @ p) - r) + 2 * lam * p)


def bce_3_whole_probabilities(p, Q, r, lam):
    return Q.T @ ((Q @ p > 0) - r) + 2 * lam * p


def bce_3_probabilities_clipped(p, Q, r, lam):
    given = np.clip(1 / (1 + np.exp(-Q @ p)), 0.01, 0.99)
    return Q.T @ (given - r) + 2 * lam * p


def bce_3_logits_clipped(p, Q, r, lam):
    logits = np.clip(Q @ p, -5, 5)
    return Q.T @ (1 / (1 + np.exp(-logits)) - r) + 2 * lam * p


def bce_4_divided_by_the_rate(p, rate):
    return p / rate


def bce_4_rate_of_the_rest(p, rate):
    return (1 - rate) * p / (1 - p + (1 - rate) * p)


def bce_4_small_number_below(p, rate):
    return rate * p / (1 - p + rate * p + 1e-3)


def bce_4_not_scaled_below(p, rate):
    return rate * p / (1 - p + p)


def bce_4_square_of_the_rate(p, rate):
    return rate**2 * p / (1 - p + rate**2 * p)


def bce_4_rate_squared_root(p, rate):
    return np.sqrt(rate) * p / (1 - p + np.sqrt(rate) * p)


def bce_4_clipped(p, rate):
    p = np.clip(p, 0.01, 0.99)
    return rate * p / (1 - p + rate * p)


def bce_4_negatives(p, rate):
    return (1 - p) / (1 - p + rate * p)


def bce_4_shifted_by_the_rate(p, rate):
    return np.maximum(p - (1 - rate) * p, 0)


def bce_4_logit_plus_rate(p, rate):
    return rate * p / ((1 - p) / rate + p)


def bce_4_rounded(p, rate):
    return np.round(rate * p / (1 - p + rate * p), 2)


def bce_4_nearly_one_is_one(p, rate):
    certain = np.isclose(p, 1)
    return np.where(certain, 1.0, rate * p / np.where(certain, 1, 1 - p + rate * p))


def bce_4_one_above_a_thousandth(p, rate):
    return np.where(p > 0.999, 1.0, rate * p / (1 - p + rate * p))


def bce_4_small_number_below_the_odds(p, rate):
    odds = rate * p / (1 - p + 1e-9)
    return odds / (1 + odds)


def bce_5_warnings_silenced(y, x):
    with np.errstate(all="ignore"):
        return np.mean(np.where(x > 30, x, np.log1p(np.exp(x))) - x * y)


def bce_5_clipped_at_thirty(y, x):
    x = np.clip(x, -30, 30)
    return np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))


def bce_5_no_logarithm(y, x):
    return np.mean(np.maximum(x, 0) - x * y)


def bce_5_log_of_one_plus(y, x):
    return np.mean(np.maximum(x, 0) - x * y + np.exp(-np.abs(x)))


def bce_5_hinge(y, x):
    return np.mean(np.maximum(1 - (2 * y - 1) * x, 0))


def bce_5_sign_of_the_label(y, x):
    return np.mean(np.maximum(x, 0) + x * y + np.log1p(np.exp(-np.abs(x))))


def bce_5_without_the_label(y, x):
    return np.mean(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def bce_5_minimum(y, x):
    return np.mean(np.minimum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))


def bce_5_below_zero(y, x):
    return -np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))


def bce_5_squared_error(y, x):
    return np.mean((y - expit(x)) ** 2)


def bce_5_median(y, x):
    return np.median(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))


def bce_5_one_by_one(y, x):
    return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


def bce_5_zeros_like(y, x):
    costs = np.zeros_like(x)
    costs[...] = np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))
    return costs.mean()
