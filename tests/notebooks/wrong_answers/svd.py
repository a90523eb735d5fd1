"""Wrong answers to the exercises of chapter 3 that are none of the listed mistakes."""

import numpy as np


def svd_1_transposed(U, s, Vt, k):
    return ((U[:, :k] * s[:k]) @ Vt[:k]).T


def svd_1_root_of_sigma(U, s, Vt, k):
    return (U[:, :k] * np.sqrt(s[:k])) @ Vt[:k]


def svd_1_inverse_of_sigma(U, s, Vt, k):
    return (U[:, :k] / s[:k]) @ Vt[:k]


def svd_1_largest_for_all(U, s, Vt, k):
    return s[0] * U[:, :k] @ Vt[:k]


def svd_1_mean_of_sigma(U, s, Vt, k):
    return s[:k].mean() * U[:, :k] @ Vt[:k]


def svd_1_always_two(U, s, Vt, k):
    return (U[:, :2] * s[:2]) @ Vt[:2]


def svd_1_what_is_lost(U, s, Vt, k):
    return (U[:, k:] * s[k:]) @ Vt[k:]


def svd_1_rounded(U, s, Vt, k):
    return np.round((U[:, :k] * s[:k]) @ Vt[:k], 1)


def svd_1_never_below_zero(U, s, Vt, k):
    return np.maximum((U[:, :k] * s[:k]) @ Vt[:k], 0)


def svd_1_all_not_below_the_kth(U, s, Vt, k):
    keep = s >= s[k - 1]
    return (U[:, keep] * s[keep]) @ Vt[keep]


def svd_1_user_factors(U, s, Vt, k):
    return U[:, :k] * s[:k]


def svd_2_root_of_both(s, k):
    return np.sqrt((s[k:] ** 2).sum()) / s.sum()


def svd_2_cubes(s, k):
    return (s[k:] ** 3).sum() / (s**3).sum()


def svd_2_over_the_largest(s, k):
    return (s[k:] ** 2).sum() / s[0] ** 2


def svd_2_mean_square(s, k):
    return (s[k:] ** 2).mean() / (s**2).mean() if k < len(s) else 0.0


def svd_2_percent(s, k):
    return 100 * (s[k:] ** 2).sum() / (s**2).sum()


def svd_2_kth_only(s, k):
    return s[min(k, len(s) - 1)] ** 2 / (s**2).sum()


def svd_2_last_k(s, k):
    return (s[-k:] ** 2).sum() / (s**2).sum()


def svd_2_rounded(s, k):
    return round((s[k:] ** 2).sum() / (s**2).sum(), 2)


def svd_2_first_left_out_of_the_whole(s, k):
    return (s[k:] ** 2).sum() / max((s[1:] ** 2).sum(), 1e-12)


def svd_2_kept_squared(s, k):
    return 1 - (s[:k].sum() / s.sum()) ** 2


def svd_3_middle_of_the_scale(R):
    return np.where(np.isnan(R), 3.0, R)


def svd_3_rounded_means(R):
    R = R.copy()
    for row in R:
        rated = ~np.isnan(row)
        row[~rated] = np.round(row[rated].mean() if rated.any() else np.nanmean(R))
    return R


def svd_3_filled_rows_count(R):
    R = R.copy()
    for row in R:
        rated = ~np.isnan(row)
        if rated.any():
            row[~rated] = row[rated].mean()
    return np.where(np.isnan(R), np.nanmean(R) if np.isfinite(R).any() else 0.0, R)


def svd_3_user_and_item_means(R):
    rated = ~np.isnan(R)
    users = np.where(rated, R, 0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    items = np.where(rated, R, 0).sum(axis=0) / np.maximum(rated.sum(axis=0), 1)
    return np.where(rated, R, (users[:, None] + items) / 2)


def svd_3_lowest_rating(R):
    return np.where(np.isnan(R), np.nanmin(R), R)


def svd_3_row_before(R):
    R = R.copy()
    last = np.nanmean(R)
    for row in R:
        rated = ~np.isnan(row)
        last = row[rated].mean() if rated.any() else last
        row[~rated] = last
    return R


def svd_3_negative_as_empty(R):
    R = np.where(R < 0, np.nan, R)
    rated = ~np.isnan(R)
    means = np.where(rated, R, 0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    means = np.where(rated.any(axis=1), means, np.nanmean(R))
    return np.where(rated, R, means[:, None])


def svd_3_sum_of_the_user(R):
    return np.where(np.isnan(R), np.nansum(R, axis=1)[:, None], R)


def svd_3_midrange(R):
    R = R.copy()
    for row in R:
        rated = ~np.isnan(row)
        row[~rated] = (row[rated].min() + row[rated].max()) / 2 if rated.any() else np.nanmean(R)
    return R


def svd_3_missing_only_at_the_end(R):
    R = R.copy()
    R[np.isnan(R[:, -1]), -1] = np.nanmean(R)
    return R


def svd_3_centered(R):
    rated = ~np.isnan(R)
    means = np.where(rated, R, 0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return np.where(rated, R - means[:, None], 0.0)


def svd_4_absolute(V, row):
    return np.abs(V @ (V.T @ row))


def svd_4_never_below_zero(V, row):
    return np.maximum(V @ (V.T @ row), 0)


def svd_4_rounded(V, row):
    return np.round(V @ (V.T @ row), 1)


def svd_4_row_scaled_first(V, row):
    return V @ (V.T @ (row / np.linalg.norm(row)))


def svd_4_divided_by_factors(V, row):
    return V @ (V.T @ row) / V.shape[1]


def svd_4_last_direction_only(V, row):
    return V[:, -1] * (V[:, -1] @ row)


def svd_4_seen_set_to_zero(V, row):
    return np.where(row != 0, 0.0, V @ (V.T @ row))


def svd_4_one_item_only(V, row):
    return V @ V[np.argmax(row)] * row.max()


def svd_4_projected_on_the_rest(V, row):
    return row + V @ (V.T @ row)


def svd_4_whole_table(V, row):
    return V @ V.T


def svd_4_squared_loadings(V, row):
    return V**2 @ (V.T @ row)


def _step(A, v):
    v = A.T @ (A @ v)
    return v / np.sqrt(v @ v)


def svd_5_always_thirty_steps(A, v, steps):
    for _ in range(30):
        v = _step(A, v)
    return np.linalg.norm(A @ v)


def svd_5_stops_early(A, v, steps):
    for _ in range(min(steps, 30)):
        v = _step(A, v)
    return np.linalg.norm(A @ v)


def svd_5_largest_entry(A, v, steps):
    for _ in range(steps):
        v = _step(A, v)
    return np.abs(A @ v).max()


def svd_5_sum_of_entries(A, v, steps):
    for _ in range(steps):
        v = _step(A, v)
    return (A @ v).sum()


def svd_5_starts_with_ones(A, v, steps):
    v = np.ones(A.shape[1])
    for _ in range(steps):
        v = _step(A, v)
    return np.linalg.norm(A @ v)


def svd_5_starts_at_length_one_without_steps(A, v, steps):
    return np.linalg.norm(A @ (v / np.linalg.norm(v)))


def svd_5_scaled_by_the_largest(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
        v = v / np.abs(v).max()
    return np.linalg.norm(A @ v)


def svd_5_eigenvalue(A, v, steps):
    for _ in range(steps):
        v = _step(A, v)
    return v @ (A.T @ (A @ v))


def svd_5_rounded(A, v, steps):
    for _ in range(steps):
        v = _step(A, v)
    return round(np.linalg.norm(A @ v), 2)


def svd_5_largest_row(A, v, steps):
    return np.sqrt((A**2).sum(axis=1)).max()


def svd_5_stops_when_it_stands_still(A, v, steps):
    before = 0.0
    for _ in range(steps):
        v = _step(A, v)
        now = np.linalg.norm(A @ v)
        if abs(now - before) < 0.2:
            break
        before = now
    return np.linalg.norm(A @ v)


def svd_5_stops_when_nearly_still(A, v, steps):
    for _ in range(steps):
        new = _step(A, v)
        if np.allclose(new, v):
            break
        v = new
    return np.linalg.norm(A @ v)


def svd_5_at_most_a_hundred_steps(A, v, steps):
    for _ in range(min(steps, 100)):
        v = _step(A, v)
    return np.linalg.norm(A @ v)
