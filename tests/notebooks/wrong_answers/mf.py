"""Wrong answers to the exercises of chapter 4 that are none of the listed mistakes."""

import numpy as np


def mf_1_q_only(p, q, r, c, eta, lam):
    return p, q + eta * (np.clip(r - p @ q, -c, c) * p - lam * q)


def mf_1_penalty_for_p_only(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -c, c)
    return p + eta * (e * q - lam * p), q + eta * e * p


def mf_1_penalty_twice(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -c, c)
    return p + eta * (e * q - 2 * lam * p), q + eta * (e * p - 2 * lam * q)


def mf_1_error_squared(p, q, r, c, eta, lam):
    e = np.clip((r - p @ q) ** 2, -c, c)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_error_absolute(p, q, r, c, eta, lam):
    e = min(abs(r - p @ q), c)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_sign_of_the_error(p, q, r, c, eta, lam):
    e = c * np.sign(r - p @ q)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_eta_forgotten(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -c, c)
    return p + e * q - lam * p, q + e * p - lam * q


def mf_1_never_below_zero(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -c, c)
    return np.maximum(p + eta * (e * q - lam * p), 0), np.maximum(q + eta * (e * p - lam * q), 0)


def mf_1_mean_instead_of_dot(p, q, r, c, eta, lam):
    e = np.clip(r - (p * q).mean(), -c, c)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_error_clipped(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -1, 1)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_prediction_to_two_digits(p, q, r, c, eta, lam):
    e = np.clip(r - round(p @ q, 2), -c, c)
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_new_factors_to_three_digits(p, q, r, c, eta, lam):
    e = np.clip(r - p @ q, -c, c)
    return np.round(p + eta * (e * q - lam * p), 3), np.round(q + eta * (e * p - lam * q), 3)


def _mf_2(P, Q, R, lam, counts=None, errors=None):
    seen = ~np.isnan(R)
    e = np.where(seen, R - P @ Q.T, 0.0)
    e = e if errors is None else errors(e)
    n = seen.sum(axis=1)[:, None] if counts is None else counts
    return -2 * e @ Q + 2 * lam * n * P


def mf_1_bent_back(p, q, r, c, eta, lam):
    e = r - p @ q
    e = e if abs(e) <= c else c * c / e
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_half_beyond(p, q, r, c, eta, lam):
    e = r - p @ q
    e = e if abs(e) <= c else np.sign(e) * c / 2
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_excess(p, q, r, c, eta, lam):
    e = r - p @ q
    e = e if abs(e) <= c else e - np.sign(e) * c
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_1_rating_clipped(p, q, r, c, eta, lam):
    e = np.clip(r, -c, c) - p @ q
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def mf_2_items_counted(P, Q, R, lam):
    return _mf_2(P, Q, R, lam, (~np.isnan(R)).sum(axis=0).mean())


def mf_2_users_counted(P, Q, R, lam):
    return _mf_2(P, Q, R, lam, len(P))


def mf_2_errors_squared(P, Q, R, lam):
    return _mf_2(P, Q, R, lam, errors=np.square)


def mf_2_absolute_errors(P, Q, R, lam):
    return _mf_2(P, Q, R, lam, errors=np.abs)


def mf_2_penalty_without_p(P, Q, R, lam):
    return _mf_2(P, Q, R, 0.0) + 2 * lam * (~np.isnan(R)).sum(axis=1)[:, None]


def mf_2_rounded(P, Q, R, lam):
    return np.round(_mf_2(P, Q, R, lam), 1)


def mf_2_sum_over_users(P, Q, R, lam):
    return _mf_2(P, Q, R, lam).sum(axis=0)


def mf_2_penalty_squared(P, Q, R, lam):
    return _mf_2(P, Q, R, 0.0) + 2 * lam * (~np.isnan(R)).sum(axis=1)[:, None] * P**2


def mf_2_ratings_above_zero_counted(P, Q, R, lam):
    return _mf_2(P, Q, R, lam, (R > 0).sum(axis=1)[:, None])


def _rest(R, mu, b_i):
    return np.where(np.isnan(R), 0.0, R - mu - b_i).sum(axis=1), (~np.isnan(R)).sum(axis=1)


def mf_3_whole_lam(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return sums / np.where(n > 0, n + int(lam), 1)


def mf_3_lam_squared(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return sums / np.where(n > 0, n + lam**2, 1)


def mf_3_lam_at_least_one(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return sums / (n + max(lam, 1))


def mf_3_sign_reversed(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return -sums / np.where(n > 0, n + lam, 1)


def mf_3_never_below_zero(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return np.maximum(sums / np.where(n > 0, n + lam, 1), 0)


def mf_3_mu_added_again(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return mu + sums / np.where(n > 0, n + lam, 1)


def mf_3_means_of_the_user(R, mu, b_i, lam):
    n = (~np.isnan(R)).sum(axis=1)
    return np.nan_to_num(R).sum(axis=1) / np.where(n > 0, n + lam, 1)


def mf_3_by_items(R, mu, b_i, lam):
    sums = np.where(np.isnan(R), 0.0, R - mu - b_i).sum(axis=0)
    return sums / np.maximum((~np.isnan(R)).sum(axis=0) + lam, 1)


def mf_3_rounded(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return np.round(sums / np.where(n > 0, n + lam, 1), 2)


def mf_3_one_always_added(R, mu, b_i, lam):
    sums, n = _rest(R, mu, b_i)
    return sums / (n + lam + 1)


def mf_3_masked_where_nothing_is_rated(R, mu, b_i, lam):
    rest = np.ma.masked_invalid(R - mu - b_i)
    return rest.sum(axis=1) / (rest.count(axis=1) + lam)


def _stopping(errors, patience, best=0, lowest=np.inf, least=0.0):
    for epoch, error in enumerate(errors, start=1):
        if error < lowest - least:
            best, lowest = epoch, error
        elif epoch - best == patience:
            break
    return best


def mf_4_small_improvements_ignored(errors, patience):
    return _stopping(errors, patience, least=1e-4)


def mf_4_tiny_improvements_ignored(errors, patience):
    return _stopping(errors, patience, least=1e-6)


def mf_4_starts_at_a_hundred(errors, patience):
    return _stopping(errors, patience, lowest=100)


def mf_4_starts_at_ten(errors, patience):
    return _stopping(errors, patience, best=1, lowest=10)


def mf_4_always_patient_for_two(errors, patience):
    return _stopping(errors, 2)


def mf_4_first_local_minimum(errors, patience):
    for epoch in range(1, len(errors)):
        if errors[epoch] > errors[epoch - 1]:
            return epoch
    return len(errors)


def mf_4_last_epoch(errors, patience):
    return len(errors)


def mf_4_patience_of_the_whole(errors, patience):
    return int(np.argmin(errors[:patience])) + 1


def mf_4_within_patience_of_the_first_rise(errors, patience):
    for epoch in range(1, len(errors)):
        if errors[epoch] > errors[epoch - 1]:
            return int(np.argmin(errors[: epoch + patience])) + 1
    return len(errors)


def mf_4_two_decimals(errors, patience):
    best, lowest = 0, np.inf
    for epoch, error in enumerate(errors, start=1):
        if round(error, 2) < round(lowest, 2) if best else True:
            best, lowest = epoch, error
        elif epoch - best == patience:
            break
    return best


def mf_4_zero_is_nothing(errors, patience):
    best, lowest = 0, None
    for epoch, error in enumerate(errors, start=1):
        if not lowest or error < lowest:
            best, lowest = epoch, error
        elif epoch - best == patience:
            break
    return best


def mf_4_begins_with_a_billion(errors, patience):
    return _stopping(errors, patience, lowest=1e9)


def mf_5_whole_penalty(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + int(lam * n) * np.eye(k), Q.T @ r)


def mf_5_one_more_rating(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + lam * (n + 1) * np.eye(k), Q.T @ r)


def mf_5_ratings_above_zero_counted(Q, r, lam):
    return np.linalg.solve(Q.T @ Q + lam * (r > 0).sum() * np.eye(Q.shape[1]), Q.T @ r)


def mf_5_sum_of_ratings(Q, r, lam):
    return np.linalg.solve(Q.T @ Q + lam * r.sum() * np.eye(Q.shape[1]), Q.T @ r)


def mf_5_lam_squared(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + lam**2 * n * np.eye(k), Q.T @ r)


def mf_5_never_below_zero(Q, r, lam):
    n, k = Q.shape
    return np.maximum(np.linalg.solve(Q.T @ Q + lam * n * np.eye(k), Q.T @ r), 0)


def mf_5_rounded(Q, r, lam):
    n, k = Q.shape
    return np.round(np.linalg.solve(Q.T @ Q + lam * n * np.eye(k), Q.T @ r), 1)


def mf_5_ratings_centered(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + lam * n * np.eye(k), Q.T @ (r - r.mean()))


def mf_5_sign_of_the_ratings(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + lam * n * np.eye(k), Q.T @ np.abs(r))


def mf_5_small_penalty_always(Q, r, lam):
    n, k = Q.shape
    return np.linalg.solve(Q.T @ Q + (lam * n + 1e-3) * np.eye(k), Q.T @ r)


def mf_5_diagonal_of_two_at_most(Q, r, lam):
    A = Q.T @ Q
    for f in range(min(2, len(A))):
        A[f, f] += lam * len(r)
    return np.linalg.solve(A, Q.T @ r)


def mf_5_first_and_last_of_the_diagonal(Q, r, lam):
    A = Q.T @ Q
    A[0, 0] += lam * len(r)
    if len(A) > 1:
        A[-1, -1] += lam * len(r)
    return np.linalg.solve(A, Q.T @ r)


def mf_5_different_ratings_counted(Q, r, lam):
    penalty = lam * len(np.unique(r)) * np.eye(Q.shape[1])
    return np.linalg.solve(Q.T @ Q + penalty, Q.T @ r)
