"""Wrong answers to the exercises of chapter 2 that are none of the listed mistakes."""

import numpy as np


def _cosines(R):
    lengths = np.sqrt((R**2).sum(axis=1))
    unit = R / np.where(lengths > 0, lengths, 1)[:, None]
    return unit @ unit.T


def cosine_1_small_number_below(u, v):
    return u @ v / (np.sqrt(u @ u) * np.sqrt(v @ v) + 1e-8)


def cosine_1_larger_small_number_below(u, v):
    return u @ v / (np.sqrt(u @ u) * np.sqrt(v @ v) + 1e-3)


def cosine_1_at_least_one(u, v):
    return u @ v / max(np.sqrt((u @ u) * (v @ v)), 1)


def cosine_1_distance(u, v):
    lengths = np.sqrt((u @ u) * (v @ v))
    return 1 - u @ v / lengths if lengths else 1.0


def cosine_1_jaccard(u, v):
    both, either = ((u > 0) & (v > 0)).sum(), ((u > 0) | (v > 0)).sum()
    return both / either if either else 0.0


def cosine_1_squared(u, v):
    lengths = (u @ u) * (v @ v)
    return (u @ v) ** 2 / lengths if lengths else 0.0


def cosine_1_zero_if_short(u, v):
    lengths = np.sqrt((u @ u) * (v @ v))
    return u @ v / lengths if lengths > 0.1 else 0.0


def cosine_1_rounded(u, v):
    lengths = np.sqrt((u @ u) * (v @ v))
    return round(u @ v / lengths, 3) if lengths else 0.0


def cosine_1_nearly_zero(u, v):
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    return 0.0 if np.isclose(lengths, 0) else u @ v / lengths


def cosine_1_absolute(u, v):
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    return abs(u @ v) / lengths if lengths else 0.0


def cosine_1_clipped(u, v):
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    return np.clip(u @ v / lengths, 0, 1) if lengths else 0.0


def cosine_1_none_above_zero(u, v):
    if u.max() <= 0 or v.max() <= 0:
        return 0.0
    return u @ v / (np.linalg.norm(u) * np.linalg.norm(v))


def cosine_2_absolute(R):
    return np.abs(_cosines(R))


def cosine_2_clipped(R):
    return np.clip(_cosines(R), 0, 1)


def cosine_2_small_number_below(R):
    unit = R / (np.sqrt((R**2).sum(axis=1)) + 1e-4)[:, None]
    return unit @ unit.T


def cosine_2_largest_as_length(R):
    most = np.abs(R).max(axis=1)
    unit = R / np.where(most > 0, most, 1)[:, None]
    return unit @ unit.T


def cosine_2_distance(R):
    return 1 - _cosines(R)


def cosine_2_rounded(R):
    return np.round(_cosines(R), 2)


def cosine_2_unit_rows_returned(R):
    lengths = np.sqrt((R**2).sum(axis=1))
    return R / np.where(lengths > 0, lengths, 1)[:, None]


def cosine_2_sum_of_zero(R):
    lengths = np.sqrt((R**2).sum(axis=1))
    unit = np.where(R.sum(axis=1) != 0, R.T / np.where(lengths > 0, lengths, 1), 0.0).T
    return unit @ unit.T


def cosine_2_at_least_a_hundredth(R):
    unit = R / np.maximum(np.sqrt((R**2).sum(axis=1)), 0.01)[:, None]
    return unit @ unit.T


def cosine_2_hundred_millionth_below(R):
    unit = R / (np.sqrt((R**2).sum(axis=1)) + 1e-8)[:, None]
    return unit @ unit.T


def cosine_3_never_below_zero(similarity, common, shrinkage):
    total = np.where(common > 0, common + shrinkage, 1)
    return np.maximum(similarity * common / total, 0)


def cosine_3_absolute(similarity, common, shrinkage):
    total = np.where(common > 0, common + shrinkage, 1)
    return np.abs(similarity) * common / total


def cosine_3_one_below(similarity, common, shrinkage):
    return similarity * common / (common + shrinkage + 1)


def cosine_3_cut_off(similarity, common, shrinkage):
    return np.where(common >= shrinkage, similarity, 0.0)


def cosine_3_at_least_one_below(similarity, common, shrinkage):
    return similarity * common / np.maximum(common + shrinkage, 2)


def cosine_3_root(similarity, common, shrinkage):
    total = np.where(common > 0, common + shrinkage, 1)
    return similarity * np.sqrt(common / total)


def cosine_3_squared(similarity, common, shrinkage):
    total = np.where(common > 0, common + shrinkage, 1)
    return similarity * (common / total) ** 2


def cosine_3_factor_only(similarity, common, shrinkage):
    return common / np.where(common > 0, common + shrinkage, 1)


def cosine_3_common_capped(similarity, common, shrinkage):
    return similarity * np.minimum(common / max(shrinkage, 1), 1)


def cosine_3_whole_shrinkage(similarity, common, shrinkage):
    total = np.where(common > 0, common + int(shrinkage), 1)
    return similarity * common / total


def cosine_3_unchanged(similarity, common, shrinkage):
    return similarity * (common > 0)


def cosine_3_at_most_fifty_in_common(similarity, common, shrinkage):
    common = np.minimum(common, 50)
    return similarity * common / np.where(common > 0, common + shrinkage, 1)


def _votes(R, S, u, k, order=None, weight=None, use=None):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u] if use is None else use(R[u])):
        similar = S[j].copy()
        similar[j] = -np.inf
        neighbors = (order or (lambda s: np.argsort(-s, kind="stable")))(similar)[:k]
        value = S[j, neighbors] if weight is None else weight(S[j, neighbors])
        scores[neighbors] += R[u, j] * value
    return scores


def cosine_4_high_ratings_only(R, S, u, k):
    return _votes(R, S, u, k, use=lambda r: r >= 3)


def cosine_4_first_user(R, S, u, k):
    return _votes(R, S, 0, k)


def cosine_4_similarity_squared(R, S, u, k):
    return _votes(R, S, u, k, weight=np.square)


def cosine_4_half_stars_lost(R, S, u, k):
    return _votes(np.where(R >= 1, R, 0.0), S, u, k)


def cosine_4_whole_stars(R, S, u, k):
    return _votes(np.floor(R), S, u, k)


def cosine_4_similarities_to_one_digit(R, S, u, k):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        similar = S[j].round(1)
        similar[j] = -1
        neighbors = np.argsort(-similar, kind="stable")[:k]
        scores[neighbors] += R[u, j] * S[j, neighbors]
    return scores


def cosine_4_column_for_row(R, S, u, k):
    return _votes(R, S, u, k, use=lambda r: R[:, u])


def cosine_4_divided_by_k(R, S, u, k):
    return _votes(R, S, u, k) / k


def cosine_4_best_neighbor_only(R, S, u, k):
    return _votes(R, S, u, 1)


def cosine_4_one_for_each_vote(R, S, u, k):
    return _votes(R > 0, S, u, k, weight=np.ones_like)


def _centered(R, middle):
    R = R.astype(float)
    out = np.zeros(R.shape)
    for one, row in zip(out, R, strict=True):
        rated = row > 0
        if rated.any():
            one[rated] = row[rated] - middle(row[rated])
    return _cosines(out)


def cosine_5_median(R):
    return _centered(R, np.median)


def cosine_5_midrange(R):
    return _centered(R, lambda row: (row.min() + row.max()) / 2)


def cosine_5_middle_of_the_scale(R):
    return _centered(R, lambda row: 3)


def cosine_5_lowest(R):
    return _centered(R, np.min)


def cosine_5_divided_by_the_mean(R):
    means = R.sum(axis=1) / np.maximum((R > 0).sum(axis=1), 1)
    return _cosines(R / np.where(means > 0, means, 1)[:, None])


def cosine_5_whole_mean(R):
    return _centered(R, lambda row: np.round(row.mean()))


def cosine_5_absolute(R):
    return np.abs(_centered(R, np.mean))


def cosine_5_items(R):
    return _centered(R.T, np.mean)


def cosine_5_ratings_of_one_ignored(R):
    R = np.where(R > 1, R, 0)
    return _centered(R, np.mean)


def cosine_5_whole_part_above_zero(R):
    rated = R.astype(int) > 0
    means = R.sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return _cosines(np.where(rated, R - means[:, None], 0.0))
