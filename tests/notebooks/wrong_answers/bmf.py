"""Wrong answers to the exercises of chapter 6 that are none of the listed mistakes."""

import numpy as np
from scipy.special import expit


def _listed(p, Q, b, k):
    return np.argsort(-(Q @ p + b))[:k]


def _codes(items, b, taste, k):
    return np.isin(items, np.argsort(-b)[:k]) + 2 * np.isin(items, np.argsort(-taste)[:k])


def bmf_1_always_both(p, Q, b, k):
    return np.full(k, 3)


def bmf_1_bias_twice(p, Q, b, k):
    return _codes(np.argsort(-(Q @ p + 2 * b))[:k], b, Q @ p, k)


def bmf_1_all_items(p, Q, b, k):
    return _codes(np.argsort(-(Q @ p + b)), b, Q @ p, k)


def bmf_1_by_cosine(p, Q, b, k):
    taste = Q @ p / (np.linalg.norm(Q, axis=1) + 1e-12)
    return _codes(_listed(p, Q, b, k), b, taste, k)


def bmf_1_by_size(p, Q, b, k):
    return _codes(_listed(p, Q, b, k), np.abs(b), np.abs(Q @ p), k)


def bmf_1_one_place_less(p, Q, b, k):
    items, one = _listed(p, Q, b, k), max(k - 1, 1)
    return _codes(items, b, Q @ p, one)


def bmf_1_bias_alone_told(p, Q, b, k):
    return np.isin(_listed(p, Q, b, k), np.argsort(-b)[:k]) * 1


def bmf_1_the_better_place(p, Q, b, k):
    items = _listed(p, Q, b, k)
    places = [np.argsort(np.argsort(-x))[items] for x in (b, Q @ p)]
    return np.where(places[0] < places[1], 1, np.where(places[0] > places[1], 2, 3))


def bmf_1_above_the_median(p, Q, b, k):
    items, taste = _listed(p, Q, b, k), Q @ p
    return (b > np.median(b))[items] + 2 * (taste > np.median(taste))[items]


def bmf_1_nobody_is_zero(p, Q, b, k):
    return np.maximum(_codes(_listed(p, Q, b, k), b, Q @ p, k), 1)


def bmf_1_left_out_counts(p, Q, b, k):
    return 3 - _codes(_listed(p, Q, b, k), b, Q @ p, k)


def bmf_2_a_thousand_items(met, draws):
    return np.setdiff1d(np.arange(1000), met)[draws]


def bmf_2_five_rounds(met, draws):
    items = draws.copy()
    for _ in range(5):
        items = draws + np.searchsorted(met, items, side="right")
    return items


def bmf_2_two_rounds(met, draws):
    items = draws + np.searchsorted(met, draws, side="right")
    return draws + np.searchsorted(met, items, side="right")


def bmf_2_moved_past_all_met(met, draws):
    return draws + len(met)


def bmf_2_after_the_last_met(met, draws):
    return draws + (met.max() + 1 if len(met) else 0)


def bmf_2_each_once(met, draws):
    items = np.setdiff1d(np.arange(len(met) + draws.max() + 1), met)
    return items[np.unique(draws)]


def bmf_2_one_further(met, draws):
    items = np.setdiff1d(np.arange(len(met) + draws.max() + 2), met)
    return items[draws + 1]


def bmf_2_the_met(met, draws):
    return met[draws % len(met)]


def bmf_2_next_unmet(met, draws):
    items = draws.copy()
    for i in range(len(items)):
        while items[i] in met:
            items[i] += 1
    return items


def bmf_2_from_the_end(met, draws):
    items = np.setdiff1d(np.arange(len(met) + draws.max() + 1), met)
    return items[::-1][draws]


def bmf_2_counted_from_one_item(met, draws):
    return draws + np.searchsorted(met - np.arange(1, len(met) + 1), draws, side="right")


def bmf_2_ten_thousand_items(met, draws):
    return np.setdiff1d(np.arange(10_000), met)[draws]


def bmf_2_fifty_rounds(met, draws):
    items = draws
    for _ in range(50):
        items = draws + np.searchsorted(met, items, side="right")
    return items


def _samples(user, n_users, n_negatives):
    return np.bincount(user, minlength=n_users) * (1 + n_negatives)


def bmf_3_one_for_nobody(user, n_users, n_negatives, lam):
    return lam / np.maximum(_samples(user, n_users, n_negatives), 1)


def bmf_3_all_samples(user, n_users, n_negatives, lam):
    return np.full(n_users, lam / max(_samples(user, n_users, n_negatives).sum(), 1))


def bmf_3_lam_for_all(user, n_users, n_negatives, lam):
    return np.full(n_users, float(lam))


def bmf_3_multiplied(user, n_users, n_negatives, lam):
    return lam * _samples(user, n_users, n_negatives).astype(float)


def bmf_3_one_more(user, n_users, n_negatives, lam):
    counts = _samples(user, n_users, n_negatives)
    return np.where(counts > 0, lam / (counts + 1), 0.0)


def bmf_3_counts_returned(user, n_users, n_negatives, lam):
    return _samples(user, n_users, n_negatives).astype(float)


def bmf_3_active_only(user, n_users, n_negatives, lam):
    counts = _samples(user, n_users, n_negatives)
    return lam / counts[counts > 0]


def bmf_3_row_by_row(user, n_users, n_negatives, lam):
    return lam / _samples(user, n_users, n_negatives)[user]


def bmf_3_whole_division(user, n_users, n_negatives, lam):
    counts = _samples(user, n_users, n_negatives)
    return np.where(counts > 0, lam // np.maximum(counts, 1), 0.0)


def bmf_3_root(user, n_users, n_negatives, lam):
    counts = _samples(user, n_users, n_negatives)
    return np.where(counts > 0, lam / np.sqrt(np.maximum(counts, 1)), 0.0)


def bmf_3_half_for_negatives(user, n_users, n_negatives, lam):
    counts = np.bincount(user, minlength=n_users) * (1 + n_negatives / 2)
    return np.where(counts > 0, lam / np.maximum(counts, 1), 0.0)


def _right(y, p):
    return (p > 0.5) == (y == 1)


def bmf_4_order_turned(y, p):
    right = _right(y, p)
    return right.mean(), right[y == 0].mean(), right[y == 1].mean()


def bmf_4_negatives_first(y, p):
    right = _right(y, p)
    return right[y == 0].mean(), right[y == 1].mean(), right.mean()


def bmf_4_rounded(y, p):
    return tuple(
        round(float(x), 1)
        for x in (_right(y, p)[y == 1].mean(), _right(y, p)[y == 0].mean(), _right(y, p).mean())
    )


def bmf_4_mean_probability(y, p):
    return p[y == 1].mean(), p[y == 0].mean(), p.mean()


def bmf_4_mean_probability_of_the_label(y, p):
    right = np.where(y == 1, p, 1 - p)
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def bmf_4_errors(y, p):
    wrong = ~_right(y, p)
    return wrong[y == 1].mean(), wrong[y == 0].mean(), wrong.mean()


def bmf_4_share_of_all(y, p):
    right = _right(y, p)
    return (right & (y == 1)).mean(), (right & (y == 0)).mean(), right.mean()


def bmf_4_half_rounded_up(y, p):
    right = np.floor(p + 0.5) == y
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def bmf_4_cut_at_the_mean(y, p):
    right = (p > p.mean()) == (y == 1)
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def bmf_4_cut_at_point_six(y, p):
    right = (p > 0.6) == (y == 1)
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def bmf_4_total_only(y, p):
    return (_right(y, p).mean(),) * 3


def bmf_4_nearly_half_means_zero(y, p):
    right = ((p > 0.5) & ~np.isclose(p, 0.5)) == (y == 1)
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def bmf_5_starts_at_ones(Q, y, lam, eta, steps):
    p = np.ones(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) + lam * p)
    return p


def bmf_5_one_step_more(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps + 1):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) + lam * p)
    return p


def bmf_5_one_step_only(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    return p - eta * (Q.T @ (expit(Q @ p) - y) + lam * p)


def bmf_5_penalty_without_eta(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y)) - lam * p
    return p


def bmf_5_penalty_per_sample(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) + lam * len(y) * p)
    return p


def bmf_5_no_sigmoid(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (Q @ p - y) + lam * p)
    return p


def bmf_5_slope_again(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        s = expit(Q @ p)
        p = p - eta * (Q.T @ ((s - y) * s * (1 - s)) + lam * p)
    return p


def bmf_5_positives_only(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ ((expit(Q @ p) - y) * y) + lam * p)
    return p


def bmf_5_penalty_added(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) - lam * p)
    return p


def bmf_5_scores_returned(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) + lam * p)
    return Q @ p


def bmf_5_at_most_a_hundred_steps(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(min(steps, 10)):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) + lam * p)
    return p


def bmf_5_probabilities_clipped(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        given = np.clip(1 / (1 + np.exp(-Q @ p)), 0.01, 0.99)
        p = p - eta * (Q.T @ (given - y) + lam * p)
    return p
