"""Wrong answers to the exercises of chapter 8 that are none of the listed mistakes."""

import itertools

import numpy as np
from scipy import stats
from scipy.special import expit


def neumf_1_falls(p, q, h):
    return expit(-(h @ (p * q)))


def neumf_1_relu(p, q, h):
    return expit(max(h @ (p * q), 0))


def neumf_1_tanh(p, q, h):
    return np.tanh(h @ (p * q))


def neumf_1_absolute(p, q, h):
    return expit(abs(h @ (p * q)))


def neumf_1_weights_at_p_only(p, q, h):
    return expit((h * p).sum() * q.sum())


def neumf_1_differences(p, q, h):
    return expit(h @ (p - q))


def neumf_1_squared_weights(p, q, h):
    return expit(h**2 @ (p * q))


def neumf_1_relu_of_products(p, q, h):
    return expit(h @ np.maximum(p * q, 0))


def neumf_1_scaled_by_the_root(p, q, h):
    return expit(h @ (p * q) / np.sqrt(len(p)))


def neumf_1_weights_above_zero(p, q, h):
    return expit(np.abs(h) @ (p * q))


def neumf_1_rounded(p, q, h):
    return round(float(expit(h @ (p * q))), 3)


def neumf_1_logit_clipped(p, q, h):
    return 1 / (1 + np.exp(-np.clip(h @ (p * q), -5, 5)))


def neumf_2_added(p_g, q_g, phi_mlp, h):
    return expit(h @ np.concatenate([p_g + q_g, phi_mlp]))


def neumf_2_falls(p_g, q_g, phi_mlp, h):
    return expit(-(h @ np.concatenate([p_g * q_g, phi_mlp])))


def neumf_2_relu_of_the_logit(p_g, q_g, phi_mlp, h):
    return expit(max(h @ np.concatenate([p_g * q_g, phi_mlp]), 0))


def neumf_2_half_the_logit(p_g, q_g, phi_mlp, h):
    return expit(h @ np.concatenate([p_g * q_g, phi_mlp]) / 2)


def neumf_2_product_of_both(p_g, q_g, phi_mlp, h):
    k = len(p_g)
    return expit(h[:k] @ (p_g * q_g)) * expit(h[k:] @ phi_mlp)


def neumf_2_larger_of_both(p_g, q_g, phi_mlp, h):
    k = len(p_g)
    return expit(max(h[:k] @ (p_g * q_g), h[k:] @ phi_mlp))


def neumf_2_mean_of_all(p_g, q_g, phi_mlp, h):
    return expit((h * np.concatenate([p_g * q_g, phi_mlp])).mean())


def neumf_2_weights_turned(p_g, q_g, phi_mlp, h):
    return expit(h[::-1] @ np.concatenate([p_g * q_g, phi_mlp]))


def neumf_2_no_weights(p_g, q_g, phi_mlp, h):
    return expit(p_g @ q_g + phi_mlp.sum())


def neumf_2_tower_subtracted(p_g, q_g, phi_mlp, h):
    k = len(p_g)
    return expit(h[:k] @ (p_g * q_g) - h[k:] @ phi_mlp)


def neumf_2_sigmoid_of_the_tower(p_g, q_g, phi_mlp, h):
    return expit(h @ np.concatenate([p_g * q_g, expit(phi_mlp)]))


def neumf_3_alpha_squared(h_gmf, h_mlp, alpha):
    return np.concatenate([alpha**2 * h_gmf, (1 - alpha) ** 2 * h_mlp])


def neumf_3_root_of_alpha(h_gmf, h_mlp, alpha):
    return np.concatenate([np.sqrt(alpha) * h_gmf, np.sqrt(1 - alpha) * h_mlp])


def neumf_3_gmf_whole(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf, (1 - alpha) * h_mlp])


def neumf_3_added_to_the_weights(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf + alpha, h_mlp + 1 - alpha])


def neumf_3_divided(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf / max(alpha, 0.01), h_mlp / max(1 - alpha, 0.01)])


def neumf_3_cut_at_alpha(h_gmf, h_mlp, alpha):
    return np.concatenate([h_gmf * (alpha >= 0.5), h_mlp * (alpha < 0.5)])


def neumf_3_minus(h_gmf, h_mlp, alpha):
    return np.concatenate([alpha * h_gmf, -(1 - alpha) * h_mlp])


def neumf_3_never_below_zero(h_gmf, h_mlp, alpha):
    return np.maximum(np.concatenate([alpha * h_gmf, (1 - alpha) * h_mlp]), 0)


def neumf_3_stacked(h_gmf, h_mlp, alpha):
    return np.array([alpha * h_gmf[0], (1 - alpha) * h_mlp[0]])


def neumf_3_interleaved(h_gmf, h_mlp, alpha):
    n = min(len(h_gmf), len(h_mlp))
    both = np.stack([alpha * h_gmf[:n], (1 - alpha) * h_mlp[:n]], axis=1).ravel()
    return np.concatenate([both, alpha * h_gmf[n:], (1 - alpha) * h_mlp[n:]])


def neumf_3_rounded(h_gmf, h_mlp, alpha):
    return np.round(np.concatenate([alpha * h_gmf, (1 - alpha) * h_mlp]), 1)


def neumf_3_four_digits(h_gmf, h_mlp, alpha):
    return np.concatenate([alpha * h_gmf, (1 - alpha) * h_mlp]).round(4)


def _numbers(n_users, n_items, factors, layers):
    inner = sum((a + 1) * b for a, b in itertools.pairwise(layers))
    return (n_users + n_items) * (factors + layers[0] // 2), inner, factors + layers[-1] + 1


def neumf_4_two_bytes(n_users, n_items, factors, layers):
    return 2 * sum(_numbers(n_users, n_items, factors, layers))


def neumf_4_kilobytes(n_users, n_items, factors, layers):
    return 4 * sum(_numbers(n_users, n_items, factors, layers)) / 1024


def neumf_4_users_only(n_users, n_items, factors, layers):
    return 4 * sum(_numbers(n_users, 0, factors, layers))


def neumf_4_embeddings_only(n_users, n_items, factors, layers):
    return 4 * _numbers(n_users, n_items, factors, layers)[0]


def neumf_4_no_layers(n_users, n_items, factors, layers):
    a, _, c = _numbers(n_users, n_items, factors, layers)
    return 4 * (a + c)


def neumf_4_no_output(n_users, n_items, factors, layers):
    a, b, _ = _numbers(n_users, n_items, factors, layers)
    return 4 * (a + b)


def neumf_4_table_of_all_pairs(n_users, n_items, factors, layers):
    return 4 * n_users * n_items


def neumf_4_twice_for_adam(n_users, n_items, factors, layers):
    return 12 * sum(_numbers(n_users, n_items, factors, layers))


def neumf_4_first_layer_only(n_users, n_items, factors, layers):
    a, _, c = _numbers(n_users, n_items, factors, layers)
    return 4 * (a + c + ((layers[0] + 1) * layers[1] if len(layers) > 1 else 0))


def neumf_4_one_more_layer(n_users, n_items, factors, layers):
    a, b, c = _numbers(n_users, n_items, factors, layers)
    return 4 * (a + b + c + (layers[0] + 1) * layers[0])


def neumf_4_gmf_shares_the_embeddings(n_users, n_items, factors, layers):
    _, b, c = _numbers(n_users, n_items, factors, layers)
    return 4 * ((n_users + n_items) * max(factors, layers[0] // 2) + b + c)


def _interval(d, level, df, error):
    reach = stats.t.ppf((1 + level) / 2, df) * error
    return d.mean(), d.mean() - reach, d.mean() + reach


def neumf_5_ends_swapped(a, b, level):
    d = a - b
    mean, low, high = _interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d)))
    return mean, high, low


def neumf_5_median(a, b, level):
    d = a - b
    _, low, high = _interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d)))
    reach = (high - low) / 2
    return np.median(d), np.median(d) - reach, np.median(d) + reach


def neumf_5_range(a, b, level):
    d = a - b
    return d.mean(), d.min(), d.max()


def neumf_5_one_standard_error(a, b, level):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - error, d.mean() + error


def neumf_5_always_95(a, b, level):
    d = a - b
    return _interval(d, 0.95, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d)))


def neumf_5_one_sided(a, b, level):
    d = a - b
    mean, low, _ = _interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d)))
    return mean, low, np.inf


def neumf_5_root_of_n_less_one(a, b, level):
    d = a - b
    return _interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d) - 1))


def neumf_5_n_less_two(a, b, level):
    d = a - b
    return _interval(d, level, max(len(d) - 2, 1), d.std(ddof=1) / np.sqrt(len(d)))


def neumf_5_two_standard_errors(a, b, level):
    d = a - b
    error = d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - 2 * error, d.mean() + 2 * error


def neumf_5_percentiles(a, b, level):
    d = a - b
    return d.mean(), *np.quantile(d, [(1 - level) / 2, (1 + level) / 2])


def neumf_5_ends_only(a, b, level):
    d = a - b
    return _interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d)))[1:]


def neumf_5_rounded(a, b, level):
    d = a - b
    return np.round(_interval(d, level, len(d) - 1, d.std(ddof=1) / np.sqrt(len(d))), 2)


def neumf_5_normal_for_ten_or_more(a, b, level):
    d, n = a - b, len(a)
    q = stats.norm.ppf((1 + level) / 2) if n >= 10 else stats.t.ppf((1 + level) / 2, n - 1)
    reach = q * d.std(ddof=1) / np.sqrt(n)
    return d.mean(), d.mean() - reach, d.mean() + reach
