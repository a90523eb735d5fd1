"""Wrong answers to the exercises of chapter 9 that are none of the listed mistakes."""

import math
from itertools import product

import numpy as np
from scipy.stats import hypergeom


def _metrics(items, relevant, k, discount=lambda place: 1 / math.log2(place + 1)):
    places = [place for place, item in enumerate(items[:k], start=1) if item in relevant]
    ideal = sum(discount(place) for place in range(1, min(k, len(relevant)) + 1))
    gain = sum(discount(place) for place in places) / ideal
    return float(bool(places)), gain, len(places) / k, len(places) / len(relevant)


def eval_1_natural_logarithm_shifted(items, relevant, k):
    return _metrics(items, relevant, k, lambda place: 1 / math.log(place + 2))


def eval_1_discount_by_place(items, relevant, k):
    return _metrics(items, relevant, k, lambda place: 1 / place)


def eval_1_no_discount(items, relevant, k):
    return _metrics(items, relevant, k, lambda place: 1.0)


def eval_1_order_turned(items, relevant, k):
    hit, gain, precision, recall = _metrics(items, relevant, k)
    return gain, hit, precision, recall


def eval_1_hit_means_all_found(items, relevant, k):
    _hit, gain, precision, recall = _metrics(items, relevant, k)
    return float(set(relevant) <= set(items[:k])), gain, precision, recall


def eval_1_hit_at_the_first(items, relevant, k):
    _hit, gain, precision, recall = _metrics(items, relevant, k)
    return float(bool(items) and items[0] in relevant), gain, precision, recall


def eval_1_reciprocal_rank(items, relevant, k):
    hit, _gain, precision, recall = _metrics(items, relevant, k)
    ranks = [place for place, item in enumerate(items[:k], start=1) if item in relevant]
    return hit, 1 / ranks[0] if ranks else 0.0, precision, recall


def eval_1_f1_as_recall(items, relevant, k):
    hit, gain, precision, recall = _metrics(items, relevant, k)
    both = precision + recall
    return hit, gain, precision, 2 * precision * recall / both if both else 0.0


def eval_1_one_place_too_many(items, relevant, k):
    places = [place for place, item in enumerate(items[: k + 1], start=1) if item in relevant]
    gain = sum(1 / math.log2(place + 1) for place in places)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return float(bool(places)), gain / ideal, len(places) / k, len(places) / len(relevant)


def eval_1_only_the_first_relevant(items, relevant, k):
    return _metrics(items, relevant[:1], k)


def eval_1_rounded(items, relevant, k):
    return np.round(_metrics(items, relevant, k), 3)


def _counts(scores, positive):
    return int((scores > scores[positive]).sum()), int((scores == scores[positive]).sum())


def eval_2_whole_division(scores, positive, k):
    above, tied = _counts(scores, positive)
    return float(min(max((k - above) // tied, 0), 1))


def eval_2_chance_of_the_first_place(scores, positive, k):
    above, tied = _counts(scores, positive)
    return 1 / tied if above < k else 0.0


def eval_2_half_for_ties(scores, positive, k):
    above, tied = _counts(scores, positive)
    if above + tied <= k:
        return 1.0
    return 0.5 if above < k else 0.0


def eval_2_all_candidates(scores, positive, k):
    return min(k / len(scores), 1.0)


def eval_2_place_left_over(scores, positive, k):
    above, tied = _counts(scores, positive)
    return float(min(max((k - above - 1) / tied, 0), 1))


def eval_2_one_place_more(scores, positive, k):
    above, tied = _counts(scores, positive)
    return float(min(max((k - above + 1) / tied, 0), 1))


def eval_2_nearly_equal_tied(scores, positive, k):
    near = np.abs(scores - scores[positive]) < 0.35
    above = int(((scores > scores[positive]) & ~near).sum())
    return float(min(max((k - above) / near.sum(), 0), 1))


def eval_2_miss(scores, positive, k):
    above, tied = _counts(scores, positive)
    return 1 - float(min(max((k - above) / tied, 0), 1))


def eval_2_rounded(scores, positive, k):
    above, tied = _counts(scores, positive)
    return round(float(min(max((k - above) / tied, 0), 1)), 2)


def eval_2_squared(scores, positive, k):
    above, tied = _counts(scores, positive)
    return float(min(max((k - above) / tied, 0), 1)) ** 2


def eval_2_absolute_scores(scores, positive, k):
    above, tied = _counts(np.abs(scores), positive)
    return float(min(max((k - above) / tied, 0), 1))


def eval_2_tied_to_one_digit(scores, positive, k):
    scores = np.round(scores, 1)
    above, tied = (scores > scores[positive]).sum(), (scores == scores[positive]).sum()
    return min(max((k - above) / tied, 0.0), 1.0)


def eval_3_better_scaled(places, n_items, n_negatives, k):
    return 1.0 * ((places - 1) * n_negatives / (n_items - 1) < k)


def eval_3_none_better(places, n_items, n_negatives, k):
    return hypergeom.pmf(0, n_items - 1, places - 1, n_negatives)


def eval_3_poisson(places, n_items, n_negatives, k):
    rate = (places - 1) * n_negatives / (n_items - 1)
    return sum(np.exp(-rate) * rate**j / math.factorial(j) for j in range(k))


def eval_3_k_less_one(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 2, n_items - 1, places - 1, n_negatives)


def eval_3_arguments_changed(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, n_negatives, places)


def eval_3_two_items_fewer(places, n_items, n_negatives, k):
    return hypergeom.cdf(
        k - 1,
        np.maximum(n_items - 2, n_negatives),
        np.minimum(places - 1, n_items - 2),
        n_negatives,
    )


def eval_3_one_negative_more(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, places - 1, min(n_negatives + 1, n_items - 1))


def eval_3_share_of_the_list(places, n_items, n_negatives, k):
    return np.full(len(places), min(k / (n_negatives + 1), 1.0))


def eval_3_first_place_only(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, np.full(len(places), places[0] - 1), n_negatives)


def eval_3_mean_of_all(places, n_items, n_negatives, k):
    return hypergeom.cdf(k - 1, n_items - 1, places - 1, n_negatives).mean()


def eval_3_rounded(places, n_items, n_negatives, k):
    return np.round(hypergeom.cdf(k - 1, n_items - 1, places - 1, n_negatives), 4)


def eval_3_normal(places, n_items, n_negatives, k):
    share = (places - 1) / (n_items - 1)
    mean, spread = n_negatives * share, np.sqrt(n_negatives * share * (1 - share)) + 1e-9
    return 0.5 * (1 + np.vectorize(math.erf)((k - 0.5 - mean) / spread / math.sqrt(2)))


def _holm(p, factors=None, limit=1.0):
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1) if factors is None else factors
    result = np.empty(len(p))
    result[order] = np.minimum(np.maximum.accumulate(p[order] * factors), limit)
    return result


def eval_4_rounded_to_four(p_values):
    return np.round(_holm(p_values), 4)


def eval_4_rounded_to_three(p_values):
    return np.round(_holm(p_values), 3)


def eval_4_rounded_to_two(p_values):
    return np.round(_holm(p_values), 2)


def eval_4_sidak(p_values):
    m = np.arange(len(p_values), 0, -1)
    order = np.argsort(p_values, kind="stable")
    result = np.empty(len(p_values))
    result[order] = np.maximum.accumulate(1 - (1 - p_values[order]) ** m)
    return result


def eval_4_unchanged(p_values):
    return p_values.copy()


def eval_4_one_factor_more(p_values):
    return _holm(p_values, np.arange(len(p_values) + 1, 1, -1))


def eval_4_smallest_only(p_values):
    result = p_values.copy()
    result[np.argmin(p_values)] *= len(p_values)
    return np.minimum(result, 1)


def eval_4_sorted_downwards(p_values):
    order = np.argsort(-p_values, kind="stable")
    result = np.empty(len(p_values))
    result[order] = np.minimum(
        np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)), 1
    )
    return result


def eval_4_limit_below_one(p_values):
    return _holm(p_values, limit=0.999)


def eval_4_significant_or_not(p_values):
    return (_holm(p_values) < 0.05).astype(float)


def eval_4_divided(p_values):
    order = np.argsort(p_values, kind="stable")
    result = np.empty(len(p_values))
    result[order] = np.maximum.accumulate(p_values[order] / np.arange(len(p_values), 0, -1))
    return result


def eval_4_factors_by_unique(p_values):
    values, back = np.unique(p_values, return_inverse=True)
    factors = len(p_values) - np.arange(len(values))
    return np.minimum(np.maximum.accumulate(values * factors), 1)[back]


def eval_4_rounded_to_five(p_values):
    order = np.argsort(p_values)
    raised = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    result = np.empty(len(p_values))
    result[order] = np.minimum(raised, 1)
    return result.round(5)


def _flips(d):
    return np.array(list(product((1, -1), repeat=len(d)))) @ d


def eval_5_tolerance_of_a_thousandth(d):
    return (np.abs(_flips(d)) >= abs(d.sum()) - 1e-3).mean()


def eval_5_large_tolerance(d):
    return (np.abs(_flips(d)) >= abs(d.sum()) - 0.15).mean()


def eval_5_rounded_sums(d):
    return (np.abs(np.round(_flips(d), 2)) >= np.round(abs(d.sum()), 2)).mean()


def eval_5_sums_to_three_digits(d):
    return (np.abs(np.round(_flips(d), 3)) >= np.round(abs(d.sum()), 3)).mean()


def eval_5_doubled_one_sided(d):
    return min(2 * (_flips(d) >= d.sum() - 1e-12).mean(), 1.0)


def eval_5_doubled_on_the_side_of_d(d):
    sums = _flips(d) * (1 if d.sum() >= 0 else -1)
    return min(2 * (sums > abs(d.sum()) + 1e-12).mean(), 1.0)


def eval_5_means_of_absolutes(d):
    return (np.abs(_flips(np.abs(d))) >= np.abs(d).sum() - 1e-12).mean()


def eval_5_one_flip_at_a_time(d):
    sums = np.abs(d.sum() - 2 * d)
    return (sums >= abs(d.sum()) - 1e-12).mean()


def eval_5_zeros_dropped(d):
    d = d[d != 0][:-1] if (d == 0).any() else d
    return (np.abs(_flips(d)) >= abs(d.sum()) - 1e-12).mean()


def eval_5_strictly_farther_doubled(d):
    return 1 - (np.abs(_flips(d)) <= abs(d.sum()) + 1e-12).mean()


def eval_5_whole_sums(d):
    return (np.abs(_flips(d)).astype(int) >= int(abs(d.sum()))).mean()


def eval_5_median_instead(d):
    signs = np.array(list(product((1, -1), repeat=len(d))))
    return (np.abs(np.median(signs * d, axis=1)) >= abs(np.median(d)) - 1e-12).mean()


def eval_5_a_larger_tolerance(d):
    sums = np.abs(np.array(list(product((1, -1), repeat=len(d)))) @ d)
    return (sums >= abs(d.sum()) - 1e-5).mean()
