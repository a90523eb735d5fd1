"""Wrong answers to the exercises of chapter 12 that are none of the listed mistakes."""

import numpy as np
from scipy.special import expit


def _idf(times, known):
    return -np.log(((times[known] > 0).sum(axis=0) + 1) / (known.sum() + 1))


def new_1_twice_or_more(times, known):
    return -np.log(((times[known] > 1).sum(axis=0) + 1) / (known.sum() + 1))


def new_1_equal_texts_once(times, known):
    texts = np.unique(times[known], axis=0)
    return -np.log(((texts > 0).sum(axis=0) + 1) / (len(texts) + 1))


def new_1_numbers_taken_for_items(times, known):
    return _idf(times[known.astype(int)], known[known.astype(int)])


def new_1_first_items(times, known):
    return -np.log(((times[: known.sum()] > 0).sum(axis=0) + 1) / (known.sum() + 1))


def new_1_product_of_true_and_false(times, known):
    return -np.log((known @ (times > 0) + 1) / (known.sum() + 1))


def new_1_odds(times, known):
    having = (times[known] > 0).sum(axis=0)
    return np.log((known.sum() - having + 0.5) / (having + 0.5))


def new_1_half_an_item(times, known):
    return -np.log(((times[known] > 0).sum(axis=0) + 0.5) / (known.sum() + 0.5))


def new_1_two_items_more(times, known):
    return -np.log(((times[known] > 0).sum(axis=0) + 1) / (known.sum() + 2))


def new_1_one_plus_the_share(times, known):
    return -np.log1p((times[known] > 0).sum(axis=0) / max(known.sum(), 1))


def new_1_one_plus_its_inverse(times, known):
    return np.log1p((known.sum() + 1) / ((times[known] > 0).sum(axis=0) + 1))


def new_1_share_of_the_words(times, known):
    n = (times[known] > 0).sum(axis=0)
    return -np.log((n + 1) / (n.sum() + 1))


def new_1_largest_weight_one(times, known):
    weights = _idf(times, known)
    return weights / (weights.max() or 1)


def new_1_length_one(times, known):
    weights = _idf(times, known)
    return weights / (np.linalg.norm(weights) or 1)


def new_1_known_words_alone(times, known):
    return _idf(times, known)[times[known].any(axis=0)]


def new_1_last_words_lost(times, known):
    return -np.log((np.bincount(np.nonzero(times[known])[1]) + 1) / (known.sum() + 1))


def new_1_rounded(times, known):
    return _idf(times, known).round(3)


def new_1_whole_numbers(times, known):
    return _idf(times, known).astype(int)


def new_1_rarest_words_left_out(times, known):
    return np.where((times[known] > 0).sum(axis=0) > 1, _idf(times, known), 0)


def new_1_log_of_log(times, known):
    return np.log1p(_idf(times, known))


def _cosines(X, profile):
    return X @ profile / (np.linalg.norm(profile) or 1)


def new_2_last_alone(X, met):
    return X @ X[met[-1]] if len(met) else np.zeros(len(X))


def new_2_worst_of_the_cosines(X, met):
    return (X @ X[met].T).min(axis=1) if len(met) else np.zeros(len(X))


def new_2_median_of_the_cosines(X, met):
    return np.median(X @ X[met].T, axis=1) if len(met) else np.zeros(len(X))


def new_2_first_items(X, met):
    return _cosines(X, X[: len(met)].sum(axis=0))


def new_2_first_three_alone(X, met):
    return _cosines(X, X[met[:3]].sum(axis=0))


def new_2_everything_between(X, met):
    if len(met) == 0:
        return np.zeros(len(X))
    return _cosines(X, X[met.min() : met.max() + 1].sum(axis=0))


def new_2_rising_numbers_alone(X, met):
    if len(met) == 0:
        return np.zeros(len(X))
    places = np.searchsorted(met, np.arange(len(X))).clip(0, len(met) - 1)
    return _cosines(X, X[met[places] == np.arange(len(X))].sum(axis=0))


def new_2_of_the_items_not_met(X, met):
    return _cosines(X, np.delete(X, met, axis=0).sum(axis=0))


def new_2_which_words_alone(X, met):
    return _cosines(X, (X[met] != 0).any(axis=0).astype(float))


def new_2_product_of_the_rows(X, met):
    return _cosines(X, X[met].prod(axis=0))


def new_2_length_at_least_one(X, met):
    profile = X[met].sum(axis=0)
    return X @ profile / max(np.linalg.norm(profile), 1)


def new_2_absolute(X, met):
    return np.abs(_cosines(X, X[met].sum(axis=0)))


def new_2_none_below_zero(X, met):
    return _cosines(X, X[met].sum(axis=0)).clip(0)


def new_2_distances(X, met):
    profile = X[met].sum(axis=0)
    profile = profile / (np.linalg.norm(profile) or 1)
    return 1 - ((X - profile) ** 2).sum(axis=1) / 2


def new_2_correlations(X, met):
    Z = X - X.mean(axis=1, keepdims=True)
    Z = Z / np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), 1e-12)
    return _cosines(Z, Z[met].sum(axis=0))


def new_2_item_zero_taken_for_none(X, met):
    return _cosines(X, X[met].sum(axis=0)) if met.any() else np.zeros(len(X))


def new_2_ones_where_nothing_is_known(X, met):
    profile = X[met].sum(axis=0)
    return _cosines(X, profile) if profile.any() else np.ones(len(X))


def new_2_breaks_where_nothing_is_met(X, met):
    profile = sum(X[i] for i in met)
    return _cosines(X, profile)


def new_2_best_is_one(X, met):
    scores = X @ X[met].sum(axis=0)
    return scores / (scores.max() or 1)


def new_2_rounded(X, met):
    return _cosines(X, X[met].sum(axis=0)).round(4)


def new_2_largest_number_one(X, met):
    profile = X[met].sum(axis=0)
    return X @ (profile / (np.abs(profile).max(initial=0) or 1))


def new_2_of_words(X, met):
    return X.T @ _cosines(X, X[met].sum(axis=0))


def _map(X, Q, x, lam, mean=None):
    mean = X.mean(axis=0) if mean is None else mean
    A = X - mean
    K = A @ A.T + lam * np.eye(len(A))
    return Q.mean(axis=0) + (x - mean) @ A.T @ np.linalg.solve(K, Q - Q.mean(axis=0))


def new_3_median(X, Q, x, lam):
    return _map(X, Q, x, lam, np.median(X, axis=0))


def new_3_centered_with_the_first_item(X, Q, x, lam):
    return _map(X, Q, x, lam, X[0])


def new_3_sums_for_means(X, Q, x, lam):
    return _map(X, Q, x, lam, X.sum(axis=0))


def new_3_mean_over_items_with_the_word(X, Q, x, lam):
    return _map(X, Q, x, lam, X.sum(axis=0) / np.maximum((X > 0).sum(axis=0), 1))


def new_3_lam_squared(X, Q, x, lam):
    return _map(X, Q, x, lam**2)


def new_3_half_of_lam(X, Q, x, lam):
    return _map(X, Q, x, lam / 2)


def new_3_lam_everywhere(X, Q, x, lam):
    A = X - X.mean(axis=0)
    K = A @ A.T + lam
    B = np.linalg.lstsq(K, Q - Q.mean(axis=0), rcond=None)[0]
    return Q.mean(axis=0) + (x - X.mean(axis=0)) @ A.T @ B


def new_3_kernel_of_the_raw_words(X, Q, x, lam):
    A = X - X.mean(axis=0)
    K = X @ X.T + lam * np.eye(len(X))
    B = np.linalg.solve(K, Q - Q.mean(axis=0))
    return Q.mean(axis=0) + (x - X.mean(axis=0)) @ A.T @ B


def new_3_known_centered_in_the_kernel_alone(X, Q, x, lam):
    A = X - X.mean(axis=0)
    K = A @ A.T + lam * np.eye(len(X))
    B = np.linalg.solve(K, Q - Q.mean(axis=0))
    return Q.mean(axis=0) + (x - X.mean(axis=0)) @ X.T @ np.abs(B)


def new_3_words_and_items_exchanged(X, Q, x, lam):
    A = X - X.mean(axis=0)
    K = A.T @ A + lam * np.eye(len(A))
    return Q.mean(axis=0) + (x - X.mean(axis=0)) @ A.T @ np.linalg.solve(K, Q)


def new_3_one_mean_of_the_factors(X, Q, x, lam):
    return _map(X, Q, x, lam) - Q.mean(axis=0) + Q.mean()


def new_3_mean_without_words(X, Q, x, lam):
    return _map(X, Q, x, lam) if x.any() else Q.mean(axis=0)


def new_3_nearest_item(X, Q, x, lam):
    return Q[((X - x) ** 2).sum(axis=1).argmin()]


def new_3_words_of_length_one(X, Q, x, lam):
    lengths = np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)
    return _map(X / lengths, Q, x / max(np.linalg.norm(x), 1e-12), lam)


def new_3_every_word_apart(X, Q, x, lam):
    A = X - X.mean(axis=0)
    B = A.T @ (Q - Q.mean(axis=0)) / ((A**2).sum(axis=0) + lam)[:, None]
    return Q.mean(axis=0) + (x - X.mean(axis=0)) @ B


def new_3_slope_turned_round(X, Q, x, lam):
    return 2 * Q.mean(axis=0) - _map(X, Q, x, lam)


def new_3_slope_and_mean_of_one_factor(X, Q, x, lam):
    return np.full(Q.shape[1], _map(X, Q, x, lam)[0])


def new_3_rounded(X, Q, x, lam):
    return _map(X, Q, x, lam).round(4)


def new_3_in_a_row(X, Q, x, lam):
    return _map(X, Q, x[None], lam)


def _step(p, E, w, g, eta):
    return E - eta * g * np.outer(w, p)


def _g(p, E, w, r):
    return expit(p @ (w @ E)) - r


def new_4_half_a_step(p, E, w, r, eta):
    return _step(p, E, w, _g(p, E, w, r), eta / 2)


def new_4_twice_the_step(p, E, w, r, eta):
    return _step(p, E, w, 2 * _g(p, E, w, r), eta)


def new_4_eta_squared(p, E, w, r, eta):
    return _step(p, E, w, _g(p, E, w, r), eta**2)


def new_4_wrong_labels_alone(p, E, w, r, eta):
    wrong = (p @ (w @ E) >= 0) != (r == 1)
    return _step(p, E, w, _g(p, E, w, r) * wrong, eta)


def new_4_all_or_nothing(p, E, w, r, eta):
    return _step(p, E, w, float(p @ (w @ E) > 0) - r, eta)


def new_4_absolute_score(p, E, w, r, eta):
    return _step(p, E, w, expit(abs(p @ (w @ E))) - r, eta)


def new_4_scores_below_zero_cut(p, E, w, r, eta):
    return _step(p, E, w, expit(max(p @ (w @ E), 0)) - r, eta)


def new_4_large_scores_left_alone(p, E, w, r, eta):
    x = p @ (w @ E)
    return _step(p, E, w, (expit(x) - r) * (abs(x) < 8), eta)


def new_4_weights_of_length_one(p, E, w, r, eta):
    v = w / np.linalg.norm(w)
    return _step(p, E, v, _g(p, E, v, r), eta)


def new_4_largest_weight_one(p, E, w, r, eta):
    v = w / w.max()
    return _step(p, E, v, _g(p, E, v, r), eta)


def new_4_weights_up_to_one(p, E, w, r, eta):
    v = w.clip(max=1)
    return _step(p, E, v, _g(p, E, v, r), eta)


def new_4_signs_of_the_weights(p, E, w, r, eta):
    return _step(p, E, np.sign(w), _g(p, E, w, r), eta)


def new_4_weights_above_zero_alone(p, E, w, r, eta):
    v = w.clip(0)
    return _step(p, E, v, _g(p, E, v, r), eta)


def new_4_absolute_weights(p, E, w, r, eta):
    return _step(p, E, np.abs(w), _g(p, E, w, r), eta)


def new_4_first_feature_alone(p, E, w, r, eta):
    new = E.copy()
    new[0] = _step(p, E, w, _g(p, E, w, r), eta)[0]
    return new


def new_4_last_feature_alone(p, E, w, r, eta):
    new = E.copy()
    new[-1] = _step(p, E, w, _g(p, E, w, r), eta)[-1]
    return new


def new_4_same_step_for_all(p, E, w, r, eta):
    return E - eta * _g(p, E, w, r) * w.sum() * p


def new_4_along_its_own_vector(p, E, w, r, eta):
    return E - eta * _g(p, E, w, r) * w[:, None] * E


def new_4_squared_error(p, E, w, r, eta):
    s = expit(p @ (w @ E))
    return _step(p, E, w, 2 * (s - r) * s * (1 - s), eta)


def new_4_tanh(p, E, w, r, eta):
    return _step(p, E, w, np.tanh(p @ (w @ E)) - r, eta)


def new_4_a_sigma_for_each_factor(p, E, w, r, eta):
    return E - eta * np.outer(w, (expit(p * (w @ E)) - r) * p)


def new_4_user_of_length_one(p, E, w, r, eta):
    return _step(p / max(np.linalg.norm(p), 1e-12), E, w, _g(p, E, w, r), eta)


def new_4_changed_in_place(p, E, w, r, eta):
    g = _g(p, E, w, r)
    for f in range(len(w)):
        E[f] -= eta * g * w[f] * p
    return E


def new_4_with_a_penalty(p, E, w, r, eta):
    return _step(p, E, w, _g(p, E, w, r), eta) - eta * 0.01 * E


def new_4_rounded(p, E, w, r, eta):
    return _step(p, E, w, _g(p, E, w, r), eta).round(4)


def _pairs(w, E):
    V = w[:, None] * E
    return ((V.sum(axis=0) ** 2).sum() - (V**2).sum()) / 2


def new_5_equal_features_once(w, E):
    V = np.unique(w[:, None] * E, axis=0)
    return _pairs(np.ones(len(V)), V)


def new_5_first_with_the_others(w, E):
    return w[0] * E[0] @ (w[1:] @ E[1:])


def new_5_weights_in_the_squares_alone(w, E):
    return ((E.sum(axis=0) ** 2).sum() - ((w[:, None] * E) ** 2).sum()) / 2


def new_5_weights_in_the_sum_alone(w, E):
    return (((w @ E) ** 2).sum() - (E**2).sum()) / 2


def new_5_weights_alone(w, E):
    return (w.sum() ** 2 - (w**2).sum()) / 2


def new_5_weights_afterwards(w, E):
    return _pairs(np.ones(len(w)), E) * w.prod()


def new_5_lengths_for_products(w, E):
    return _pairs(w * np.linalg.norm(E, axis=1), np.ones((len(w), 1)))


def new_5_cosines(w, E):
    return _pairs(w, E / np.linalg.norm(E, axis=1, keepdims=True))


def new_5_mean_of_the_pairs(w, E):
    n = len(w)
    return _pairs(w, E) / max(n * (n - 1) / 2, 1)


def new_5_absolute(w, E):
    return abs(_pairs(w, E))


def new_5_none_below_zero(w, E):
    return max(_pairs(w, E), 0)


def new_5_absolute_weights(w, E):
    return _pairs(np.abs(w), E)


def new_5_quarter(w, E):
    return _pairs(w, E) / 2


def new_5_root_of_the_square(w, E):
    total = w @ E
    return (np.sqrt(total @ total) - ((w[:, None] * E) ** 2).sum()) / 2


def new_5_squares_of_the_features_summed_first(w, E):
    return ((w @ E) @ (w @ E) - ((w[:, None] * E).sum(axis=1) ** 2).sum()) / 2


def new_5_pairs_of_factors(w, E):
    return _pairs(np.ones(E.shape[1]), (w[:, None] * E).T)


def new_5_one_too_early(w, E):
    return sum(w[f] * w[g] * E[f] @ E[g] for f in range(len(w)) for g in range(f + 1, len(w) - 1))


def new_5_one_too_late(w, E):
    return sum(w[f] * w[g] * E[f] @ E[g] for f in range(len(w)) for g in range(f + 2, len(w)))


def new_5_last_total_alone(w, E):
    total = np.zeros(E.shape[1])
    result = 0.0
    for f in range(len(w)):
        result = w[f] * E[f] @ total
        total = total + w[f] * E[f]
    return result


def new_5_total_not_weighted(w, E):
    total, result = np.zeros(E.shape[1]), 0.0
    for f in range(len(w)):
        result += w[f] * E[f] @ total
        total = total + E[f]
    return result


def new_5_total_and_the_rest(w, E):
    return sum(w[f] * E[f] @ (w @ E - E[f]) for f in range(len(w))) / 2


def new_5_whole_number(w, E):
    return int(_pairs(w, E))


def new_5_in_a_list(w, E):
    return [_pairs(w, E)]


def new_5_table_of_pairs(w, E):
    V = w[:, None] * E
    return np.triu(V @ V.T, 1)
