"""Wrong answers to the exercises of chapter 11 that are none of the listed mistakes."""

import numpy as np
from scipy import stats
from scipy.special import expit


def simple_1_each_pair_once(G_users, G_items):
    return np.triu(G_users * G_items).sum()


def simple_1_diagonal_twice(G_users, G_items):
    return 2 * np.triu(G_users * G_items).sum()


def simple_1_absolute(G_users, G_items):
    return np.abs(G_users * G_items).sum()


def simple_1_below_zero_left_out(G_users, G_items):
    return np.clip(G_users * G_items, 0, None).sum()


def simple_1_mean(G_users, G_items):
    return (G_users * G_items).mean()


def simple_1_per_factor(G_users, G_items):
    return (G_users * G_items).sum() / len(G_users)


def simple_1_product_of_norms(G_users, G_items):
    return np.linalg.norm(G_users) * np.linalg.norm(G_items)


def simple_1_norm_of_the_matrix_product(G_users, G_items):
    return np.linalg.norm(G_users @ G_items)


def simple_1_off_the_diagonal_alone(G_users, G_items):
    return (G_users * G_items).sum() - np.trace(G_users * G_items)


def simple_1_neighboring_factors_alone(G_users, G_items):
    beside = np.diag(G_users, 1) @ np.diag(G_items, 1)
    return np.diag(G_users) @ np.diag(G_items) + 2 * beside


def simple_1_eigenvalues_paired(G_users, G_items):
    return np.linalg.eigvalsh(G_users) @ np.linalg.eigvalsh(G_items)


def simple_1_positive_definite_alone(G_users, G_items):
    both = np.linalg.cholesky(G_users).T @ np.linalg.cholesky(G_items)
    return (both**2).sum()


def simple_1_cut_to_whole_numbers(G_users, G_items):
    return int((G_users * G_items).sum())


def simple_1_rounded_to_four(G_users, G_items):
    return round(float((G_users * G_items).sum()), 4)


def simple_1_first_three_factors(G_users, G_items):
    return (G_users[:3, :3] * G_items[:3, :3]).sum()


def simple_1_squares_added(G_users, G_items):
    return (G_users**2 + G_items**2).sum()


def _user(Q, items, alpha, lam):
    Z = Q[items]
    A = Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    return np.linalg.solve(A, Z.sum(axis=0))


def simple_2_lam_squared(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam**2)


def simple_2_half_of_lam(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam / 2)


def simple_2_lam_of_the_row(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam * (len(items) + alpha * len(Q)))


def simple_2_root_of_alpha(Q, items, alpha, lam):
    return _user(Q, items, np.sqrt(alpha), lam)


def simple_2_alpha_per_item(Q, items, alpha, lam):
    return _user(Q, items, alpha / len(Q), lam)


def simple_2_alpha_at_most_one(Q, items, alpha, lam):
    return _user(Q, items, min(alpha, 1), lam)


def simple_2_lam_at_least_a_hundredth(Q, items, alpha, lam):
    return _user(Q, items, alpha, max(lam, 0.01))


def simple_2_first_items(Q, items, alpha, lam):
    return _user(Q, np.arange(len(items)), alpha, lam)


def simple_2_everything_between(Q, items, alpha, lam):
    if len(items) == 0:
        return np.zeros(Q.shape[1])
    return _user(Q, np.arange(items.min(), items.max() + 1), alpha, lam)


def simple_2_rising_items_alone(Q, items, alpha, lam):
    places = np.searchsorted(items, np.arange(len(Q)))
    met = [at < len(items) and items[at] == i for i, at in enumerate(places)]
    return _user(Q, np.flatnonzero(met), alpha, lam)


def simple_2_breaks_where_nothing_is_met(Q, items, alpha, lam):
    A = alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    for i in items:
        A = A + np.outer(Q[i], Q[i])
    return np.linalg.solve(A, np.sum([Q[i] for i in items], axis=0))


def simple_2_item_zero_taken_for_none(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam) if items.any() else np.zeros(Q.shape[1])


def simple_2_factors_apart(Q, items, alpha, lam):
    Z = Q[items]
    return Z.sum(axis=0) / ((Z**2).sum(axis=0) + alpha * (Q**2).sum(axis=0) + lam)


def simple_2_one_sweep_over_the_factors(Q, items, alpha, lam):
    Z = Q[items]
    A = Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    p = np.zeros(Q.shape[1])
    for f in range(len(p)):
        p[f] += (Z[:, f].sum() - A[f] @ p) / A[f, f]
    return p


def simple_2_a_hundred_small_steps(Q, items, alpha, lam):
    Z = Q[items]
    A = Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    p = np.zeros(Q.shape[1])
    for _ in range(100):
        p = p - 0.05 * (A @ p - Z.sum(axis=0))
    return p


def simple_2_none_below_zero(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam).clip(0)


def simple_2_rounded_to_five(Q, items, alpha, lam):
    return _user(Q, items, alpha, lam).round(5)


def simple_2_length_one(Q, items, alpha, lam):
    p = _user(Q, items, alpha, lam)
    return p / max(np.linalg.norm(p), 1e-12)


def _weights(X, lam):
    C = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


def simple_3_lam_squared(X, lam):
    return _weights(X, lam**2)


def simple_3_lam_per_user(X, lam):
    return _weights(X, lam * len(X))


def simple_3_lam_at_least_one_half(X, lam):
    return _weights(X, max(lam, 0.5))


def simple_3_whole_part_of_lam(X, lam):
    return _weights(X, int(lam))


def simple_3_made_symmetric(X, lam):
    B = _weights(X, lam)
    return (B + B.T) / 2


def simple_3_lower_half_mirrored(X, lam):
    B = np.tril(_weights(X, lam))
    return B + B.T


def simple_3_partial_correlations(X, lam):
    C = np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))
    B = -C / np.sqrt(np.outer(np.diag(C), np.diag(C)))
    np.fill_diagonal(B, 0)
    return B


def simple_3_none_below_zero(X, lam):
    return _weights(X, lam).clip(0)


def simple_3_absolute(X, lam):
    return np.abs(_weights(X, lam))


def simple_3_small_weights_dropped(X, lam):
    B = _weights(X, lam)
    return np.where(np.abs(B) < 1e-3, 0, B)


def simple_3_ones_on_the_diagonal(X, lam):
    return _weights(X, lam) + np.eye(X.shape[1])


def simple_3_unmet_items_left_out(X, lam):
    return _weights(X[:, X.any(axis=0)], lam)


def simple_3_equal_users_once(X, lam):
    return _weights(np.unique(X, axis=0), lam)


def simple_3_lam_after_the_inverse(X, lam):
    C = np.linalg.inv(X.T @ X) + lam * np.eye(X.shape[1])
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


def simple_3_columns_centered(X, lam):
    return _weights(X - X.mean(axis=0), lam)


def simple_3_one_item_at_a_time(X, lam):
    B = X.T @ X / (X.sum(axis=0) + lam)[:, None]
    np.fill_diagonal(B, 0)
    return B


def simple_3_rounded_to_four(X, lam):
    return _weights(X, lam).round(4)


def simple_3_cut_to_whole_numbers(X, lam):
    return np.floor(_weights(X, lam))


def _step(p, q_i, q_j, g, eta, lam):
    return np.array(
        [
            p - eta * (g * (q_i - q_j) + lam * p),
            q_i - eta * (g * p + lam * q_i),
            q_j - eta * (-g * p + lam * q_j),
        ]
    )


def _g(p, q_i, q_j):
    return expit(p @ (q_i - q_j)) - 1


def simple_4_lam_twice(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, _g(p, q_i, q_j), eta, 2 * lam)


def simple_4_penalty_added(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, _g(p, q_i, q_j), eta, -lam)


def simple_4_penalty_without_eta(p, q_i, q_j, eta, lam):
    new = _step(p, q_i, q_j, _g(p, q_i, q_j), eta, 0)
    return new - lam * np.array([p, q_i, q_j])


def simple_4_penalty_of_p_alone(p, q_i, q_j, eta, lam):
    new = _step(p, q_i, q_j, _g(p, q_i, q_j), eta, 0)
    return np.array([new[0] - eta * lam * p, new[1], new[2]])


def simple_4_penalty_of_j_added(p, q_i, q_j, eta, lam):
    new = _step(p, q_i, q_j, _g(p, q_i, q_j), eta, lam)
    return np.array([new[0], new[1], new[2] + 2 * eta * lam * q_j])


def simple_4_eta_forgotten(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, _g(p, q_i, q_j), 1, lam)


def simple_4_twice_the_gradient(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, 2 * _g(p, q_i, q_j), eta, lam)


def simple_4_p_from_the_new_items(p, q_i, q_j, eta, lam):
    g = _g(p, q_i, q_j)
    new_i, new_j = q_i - eta * (g * p + lam * q_i), q_j - eta * (lam * q_j - g * p)
    return np.array([p - eta * (g * (new_i - new_j) + lam * p), new_i, new_j])


def simple_4_margin_anew_for_the_items(p, q_i, q_j, eta, lam):
    new = _step(p, q_i, q_j, _g(p, q_i, q_j), eta, lam)
    later = _step(p, q_i, q_j, _g(new[0], q_i, q_j), eta, lam)
    return np.array([new[0], later[1], later[2]])


def simple_4_j_stays(p, q_i, q_j, eta, lam):
    new = _step(p, q_i, q_j, _g(p, q_i, q_j), eta, lam)
    return np.array([new[0], new[1], q_j])


def simple_4_sum_of_the_items(p, q_i, q_j, eta, lam):
    g = _g(p, q_i, q_j)
    new = _step(p, q_i, q_j, g, eta, lam)
    return np.array([p - eta * (g * (q_i + q_j) + lam * p), new[1], new[2]])


def simple_4_j_before_i(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, _g(p, q_i, q_j), eta, lam)[[0, 2, 1]]


def simple_4_all_or_nothing(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, -1.0 if p @ q_i < p @ q_j else 0.0, eta, lam)


def simple_4_right_orders_left_alone(p, q_i, q_j, eta, lam):
    g = _g(p, q_i, q_j) if p @ q_i <= p @ q_j else 0.0
    return _step(p, q_i, q_j, g, eta, lam)


def simple_4_large_margins_left_alone(p, q_i, q_j, eta, lam):
    g = _g(p, q_i, q_j) if p @ (q_i - q_j) < 3 else 0.0
    return _step(p, q_i, q_j, g, eta, lam)


def simple_4_sigma_at_least_a_hundredth(p, q_i, q_j, eta, lam):
    g = max(expit(p @ (q_i - q_j)), 0.01) - 1
    return _step(p, q_i, q_j, g, eta, lam)


def simple_4_mean_of_the_factors(p, q_i, q_j, eta, lam):
    g = expit((p * (q_i - q_j)).mean()) - 1
    return _step(p, q_i, q_j, g, eta, lam)


def simple_4_each_factor_its_own_sigma(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, expit(p * (q_i - q_j)) - 1, eta, lam)


def simple_4_tanh(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, np.tanh(p @ (q_i - q_j)) - 1, eta, lam)


def simple_4_in_one_row(p, q_i, q_j, eta, lam):
    return _step(p, q_i, q_j, _g(p, q_i, q_j), eta, lam).ravel()


def _share(scores, relevant):
    gap = scores[relevant][:, None] - np.delete(scores, relevant)
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


def _above(score, scores, relevant):
    others = np.delete(scores, relevant)
    return (score > others).mean() + 0.5 * (score == others).mean()


def simple_5_scores_cut_to_whole_numbers(scores, relevant):
    return _share(scores.astype(int), relevant)


def simple_5_scores_rounded(scores, relevant):
    return _share(scores.round(2), relevant)


def simple_5_nearly_a_tie(scores, relevant):
    gap = scores[relevant][:, None] - np.delete(scores, relevant)
    return (gap > 0.1).mean() + 0.5 * (np.abs(gap) <= 0.1).mean()


def simple_5_sizes_of_the_gaps(scores, relevant):
    gap = scores[relevant][:, None] - np.delete(scores, relevant)
    return (np.clip(gap, 0, 1) + 0.5 * (gap == 0)).mean()


def simple_5_absolute_scores(scores, relevant):
    return _share(np.abs(scores), relevant)


def simple_5_positive_scores_alone(scores, relevant):
    met = np.isin(np.arange(len(scores)), relevant)
    return _share(scores[scores > 0], np.flatnonzero(met[scores > 0]))


def simple_5_minus_one_for_nothing(scores, relevant):
    masked = scores.copy()
    masked[relevant] = -1
    gap = scores[relevant][:, None] - masked[masked != -1]
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


def simple_5_rising_items_alone(scores, relevant):
    others = scores.tolist()
    for removed, i in enumerate(relevant):
        others.pop(i - removed)
    gap = scores[relevant][:, None] - np.array(others)
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


def simple_5_equal_relevant_scores_once(scores, relevant):
    return np.mean([_above(x, scores, relevant) for x in set(scores[relevant].tolist())])


def simple_5_ties_of_relevant_items_too(scores, relevant):
    gap = scores[relevant][:, None] - np.delete(scores, relevant)
    ties = (scores[relevant][:, None] == scores).sum() - len(relevant)
    return ((gap > 0).sum() + ties / 2) / gap.size


def simple_5_ties_left_out(scores, relevant):
    gap = scores[relevant][:, None] - np.delete(scores, relevant)
    return (gap[gap != 0] > 0).mean() if gap.any() else 0.5


def simple_5_equal_scores_once(scores, relevant):
    gap = scores[relevant][:, None] - np.unique(np.delete(scores, relevant))
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


def simple_5_ties_by_number_of_the_item(scores, relevant):
    place = stats.rankdata(scores, "ordinal")[relevant]
    n = len(relevant)
    return (place.sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


def simple_5_first_relevant_alone(scores, relevant):
    return _above(scores[relevant[0]], scores, relevant)


def simple_5_worst_relevant_alone(scores, relevant):
    return _above(scores[relevant].min(), scores, relevant)


def simple_5_mean_relevant_score(scores, relevant):
    return _above(scores[relevant].mean(), scores, relevant)


def simple_5_median_over_relevant_items(scores, relevant):
    return np.median([_above(x, scores, relevant) for x in scores[relevant]])


def simple_5_share_of_all_items(scores, relevant):
    return _share(scores, relevant) * (len(scores) - len(relevant)) / len(scores)


def simple_5_sigmoids(scores, relevant):
    return expit(scores[relevant][:, None] - np.delete(scores, relevant)).mean()


def simple_5_gini(scores, relevant):
    return 2 * _share(scores, relevant) - 1


def simple_5_at_least_one_half(scores, relevant):
    return max(_share(scores, relevant), 1 - _share(scores, relevant))


def simple_5_rounded_to_three(scores, relevant):
    return round(float(_share(scores, relevant)), 3)
