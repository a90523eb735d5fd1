"""Wrong answers to the exercises of chapter 10 that are none of the listed mistakes."""

import numpy as np
from scipy import stats


def _counts(scores, positive):
    return int((scores > scores[positive]).sum()), int((scores == scores[positive]).sum())


def trust_1_place_zero_for_the_best(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above, above + (tied + 1) / 2, above + tied])


def trust_1_order_changed(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above + 1, above + tied, above + (tied + 1) / 2])


def trust_1_nearly_tied(scores, positive):
    near = np.abs(scores - scores[positive]) < 0.35
    above = int(((scores > scores[positive]) & ~near).sum())
    return np.array([above + 1, above + (near.sum() + 1) / 2, above + near.sum()])


def trust_1_above_and_tied_only(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above, tied, above + tied])


def trust_1_absolute_scores(scores, positive):
    above, tied = _counts(np.abs(scores), positive)
    return np.array([above + 1, above + (tied + 1) / 2, above + tied])


def trust_1_share_of_the_list(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above + 1, above + (tied + 1) / 2, above + tied]) / len(scores)


def trust_1_rounded_up(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above + 1, np.ceil(above + (tied + 1) / 2), above + tied])


def trust_1_tied_after_it_only(scores, positive):
    above = int((scores > scores[positive]).sum())
    after = int((scores[positive:] == scores[positive]).sum())
    return np.array([above + 1, above + (after + 1) / 2, above + after])


def trust_1_whole_list_when_tied(scores, positive):
    above, tied = _counts(scores, positive)
    worst = len(scores) if tied > 1 else above + 1
    return np.array([above + 1, (above + 1 + worst) / 2, worst])


def trust_1_best_twice(scores, positive):
    above, _ = _counts(scores, positive)
    return np.array([above + 1, above + 1, above + 1])


def trust_1_root_of_best_and_worst(scores, positive):
    above, tied = _counts(scores, positive)
    return np.array([above + 1, np.sqrt((above + 1) * (above + tied)), above + tied])


def trust_1_tied_to_one_digit(scores, positive):
    above, tied = _counts(np.round(scores, 1), positive)
    return np.array([above + 1, above + (tied + 1) / 2, above + tied])


def _leak(valid, test):
    honest, best = test[np.argmax(valid)], test.max()
    return np.array([honest, best, best - honest])


def trust_2_rounded_to_four(valid, test):
    return np.round(_leak(valid, test), 4)


def trust_2_rounded_to_three(valid, test):
    return np.round(_leak(valid, test), 3)


def trust_2_rounded_to_two(valid, test):
    return np.round(_leak(valid, test), 2)


def trust_2_absolute_best(valid, test):
    honest, best = test[np.argmax(np.abs(valid))], test[np.argmax(np.abs(test))]
    return np.array([honest, best, best - honest])


def trust_2_last_trial(valid, test):
    return np.array([test[-1], test.max(), test.max() - test[-1]])


def trust_2_first_trial(valid, test):
    return np.array([test[0], test.max(), test.max() - test[0]])


def trust_2_worst_as_honest(valid, test):
    return np.array([test.min(), test.max(), test.max() - test.min()])


def trust_2_absolute_difference_of_means(valid, test):
    honest, best, _ = _leak(valid, test)
    return np.array([honest, best, abs(valid.mean() - test.mean())])


def trust_2_percent(valid, test):
    return 100 * _leak(valid, test)


def trust_2_difference_only(valid, test):
    return _leak(valid, test)[2]


def trust_2_order_changed(valid, test):
    honest, best, gap = _leak(valid, test)
    return np.array([best, honest, gap])


def trust_2_tied_averaged(valid, test):
    honest, best = test[valid == valid.max()].mean(), test.max()
    return np.array([honest, best, best - honest])


def trust_2_validation_to_three_digits(valid, test):
    return _leak(valid.round(3), test)


def trust_2_half_a_thousandth_is_nothing(valid, test):
    chosen = np.flatnonzero(valid.max() - valid <= 5e-4)[0]
    return np.array([test[chosen], test.max(), test.max() - test[chosen]])


def trust_2_rounded_to_five(valid, test):
    return np.round(_leak(valid, test), 5)


def trust_2_the_first_that_is_close(valid, test):
    chosen = np.flatnonzero(np.isclose(valid, valid.max()))[0]
    return np.array([test[chosen], test.max(), test.max() - test[chosen]])


def _plausible(values, published, level, ddof=1, extra=1, df=1):
    n = len(values)
    t = stats.t.ppf((1 + level) / 2, n - df)
    reach = t * values.std(ddof=ddof) * np.sqrt(1 + extra / n)
    return np.abs(published - values.mean()) <= reach


def trust_3_turned_round(values, published, level):
    return ~_plausible(values, published, level)


def trust_3_always_95(values, published, level):
    return _plausible(values, published, 0.95)


def trust_3_two_deviations(values, published, level):
    return np.abs(published - values.mean()) <= 2 * values.std(ddof=1)


def trust_3_one_deviation(values, published, level):
    return np.abs(published - values.mean()) <= values.std(ddof=1)


def trust_3_lower_end_alone(values, published, level):
    n = len(values)
    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)
    return published >= values.mean() - reach


def trust_3_two_over_n(values, published, level):
    return _plausible(values, published, level, extra=2)


def trust_3_n_less_two(values, published, level):
    n = len(values)
    t = stats.t.ppf((1 + level) / 2, max(n - 2, 1))
    return np.abs(published - values.mean()) <= t * values.std(ddof=1) * np.sqrt(1 + 1 / n)


def trust_3_relative(values, published, level):
    return np.abs(published / values.mean() - 1) <= 1 - level


def trust_3_numbers(values, published, level):
    return _plausible(values, published, level).astype(int)


def trust_3_all_at_once(values, published, level):
    return _plausible(values, published, level).all()


def trust_3_root_of_two(values, published, level):
    n = len(values)
    t = stats.t.ppf((1 + level) / 2, n - 1)
    return np.abs(published - values.mean()) <= t * values.std(ddof=1) * np.sqrt(2)


def trust_3_range_widened(values, published, level):
    span = np.ptp(values)
    return (values.min() - span <= published) & (published <= values.max() + span)


def trust_3_normal_for_ten_or_more(values, published, level):
    n = len(values)
    q = stats.norm.ppf((1 + level) / 2) if n >= 10 else stats.t.ppf((1 + level) / 2, n - 1)
    return np.abs(published - values.mean()) <= q * values.std(ddof=1) * np.sqrt(1 + 1 / n)


def trust_3_a_wide_end(values, published, level):
    n = len(values)
    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)
    return np.abs(published - values.mean()) <= reach + 1e-4
