"""Exercises of chapter 10."""

import math
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from recsys_lib.exercises.core import Case, Exercise


def _above(scores, positive):
    return int((scores > scores[positive]).sum())


def _tied(scores, positive):
    """Return how many have the score of the item, itself included."""
    return int((scores == scores[positive]).sum())


TRUST_1 = Exercise(
    "trust-1",
    "places(scores, positive)",
    (
        Case(
            "one above, three tied",
            (np.array([0.9, 0.5, 0.5, 0.5, 0.1]), 2),
            np.array([2.0, 3.0, 4.0]),
        ),
        Case("no ties", (np.array([0.2, 0.8, 0.5]), 2), np.array([2.0, 2.0, 2.0])),
        Case("all the same", (np.zeros(4), 0), np.array([1.0, 2.5, 4.0])),
        Case(
            "others are tied",
            (np.array([3.0, 3.0, 1.0, 3.0, 0.0]), 2),
            np.array([4.0, 4.0, 4.0]),
        ),
        Case("two tied at the top", (np.array([1.0, 7.0, 7.0, 2.0]), 2), np.array([1.0, 1.5, 2.0])),
        Case("the only candidate", (np.array([0.4]), 0), np.array([1.0, 1.0, 1.0])),
        Case(
            "scores drawn at random, all negative",  # by scipy.stats.rankdata
            (np.array([-3.0, -1.0, -2.0, -4.0, -2.0, -2.0, -5.0, -1.0, -2.0]), 8),
            np.array([3.0, 4.5, 6.0]),
        ),
        Case(
            "tiny scores, none tied",
            (np.array([1e-9, 3e-9, 2e-9]), 2),
            np.array([2.0, 2.0, 2.0]),
        ),
    ),
)


@TRUST_1.mistake("you count the places from 0; the best one is place 1")
def _from_zero(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive)
    return above, above + (tied - 1) / 2, above + tied - 1


@TRUST_1.mistake("the lowest score comes first; the highest does")
def _low_is_best(scores, positive):
    above, tied = _above(-scores, positive), _tied(scores, positive)
    return above + 1, above + (tied + 1) / 2, above + tied


@TRUST_1.mistake("the worst place stands first; the order is best, expected, worst")
def _worst_first(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive)
    return above + tied, above + (tied + 1) / 2, above + 1


@TRUST_1.mistake("you do not count the item itself among the tied; it takes one of their places")
def _tied_without_itself(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive) - 1
    return above + 1, above + (tied + 1) / 2, above + tied


@TRUST_1.mistake(
    "your worst place is one too far: the tied, the item among them, fill the places from the "
    "best one on"
)
def _one_too_far(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive)
    return above + 1, above + 1 + tied / 2, above + 1 + tied


@TRUST_1.mistake(
    "you take the middle between the last place above the tied and their worst; the expected one "
    "is the middle of their best and worst"
)
def _half_of_the_tied(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive)
    return above + 1, above + tied / 2, above + tied


@TRUST_1.mistake("you round the expected place to a whole one; it is a mean")
def _rounded(scores, positive):
    above, tied = _above(scores, positive), _tied(scores, positive)
    return above + 1, above + (tied + 1) // 2, above + tied


@TRUST_1.mistake(
    "you take the one place that the sort gives; among equal scores it is decided by the index"
)
def _order_of_the_sort(scores, positive):
    place = np.argsort(-scores, kind="stable").tolist().index(positive) + 1
    return place, place, place


@TRUST_1.mistake(
    "you count the different scores above, and all tied share one place; each item takes a place "
    "of its own"
)
def _dense(scores, positive):
    place = len(np.unique(scores[scores > scores[positive]])) + 1
    return place, place, place


@TRUST_1.mistake("you take nearly equal scores for tied; only equal ones are, so compare with ==")
def _nearly_tied(scores, positive):
    near = np.isclose(scores, scores[positive])
    above, tied = int((scores[~near] > scores[positive]).sum()), int(near.sum())
    return above + 1, above + (tied + 1) / 2, above + tied


def _told(honest, best):
    return honest, best, best - honest


TRUST_2 = Exercise(
    "trust-2",
    "leak(valid, test)",
    (
        Case(
            "three trials, the best of which differ",
            (np.array([0.3, 0.5, 0.4]), np.array([0.32, 0.41, 0.45])),
            np.array([0.41, 0.45, 0.04]),
        ),
        Case(
            "both choose the same trial",
            (np.array([0.2, 0.1, 0.4]), np.array([0.25, 0.15, 0.35])),
            np.array([0.35, 0.35, 0.0]),
        ),
        Case(
            "three best on validation",
            (np.array([0.1, 0.6, 0.6, 0.6, 0.2]), np.array([0.1, 0.3, 0.6, 0.4, 0.7])),
            np.array([0.3, 0.7, 0.4]),
        ),
        Case("one trial", (np.array([0.5]), np.array([0.4])), np.array([0.4, 0.4, 0.0])),
        Case(
            "results below 0",
            (np.array([-3.0, -1.0, -2.0]), np.array([-2.5, -2.0, -1.5])),
            np.array([-2.0, -1.5, 0.5]),
        ),
        Case(
            "the best on validation is the worst on the test set",
            (np.array([0.4, 0.3, 0.3]), np.array([0.1, 0.2, 0.2])),
            np.array([0.1, 0.2, 0.1]),
        ),
        Case(
            "eight epochs drawn at random",
            (
                np.array([0.212, 0.268, 0.291, 0.305, 0.312, 0.309, 0.311, 0.304]),
                np.array([0.205, 0.255, 0.284, 0.291, 0.296, 0.303, 0.299, 0.301]),
            ),
            np.array([0.296, 0.303, 0.007]),
        ),
        Case(
            "seven digits",
            (np.array([0.1, 0.2]), np.array([0.3123912, 0.3123456])),
            np.array([0.3123456, 0.3123912, 4.56e-5]),
        ),
        Case(
            "validation results that differ in the seventh digit",
            (np.array([0.3120001, 0.3120004]), np.array([0.3, 0.29])),
            np.array([0.29, 0.3, 0.01]),
        ),
    ),
)


@TRUST_2.mistake("of several best on validation you take the last; wanted is the first")
def _last_of_the_tied(valid, test):
    return _told(test[len(valid) - 1 - np.argmax(valid[::-1])], test.max())


@TRUST_2.mistake(
    "of several best on validation you take the one that does best on the test, and that is a "
    "small leak of its own"
)
def _luckiest_of_the_tied(valid, test):
    return _told(test[valid == valid.max()].max(), test.max())


@TRUST_2.mistake(
    "you take the first trial that is nearly the best on validation; only of equal ones is it the "
    "first"
)
def _nearly_the_best(valid, test):
    near = np.isclose(valid, valid.max(), atol=5e-4)
    return _told(test[np.argmax(near)], test.max())


@TRUST_2.mistake("you choose the lowest result; here a higher one is better")
def _lowest(valid, test):
    return _told(test[np.argmin(valid)], test.min())


@TRUST_2.mistake("you return which trials are chosen; wanted are their results on the test")
def _numbers_of_the_trials(valid, test):
    return _told(np.argmax(valid), np.argmax(test))


@TRUST_2.mistake(
    "you choose on validation and report the validation result as well; the chosen trial's test "
    "result is wanted"
)
def _validation_reported(valid, test):
    return _told(valid.max(), test.max())


@TRUST_2.mistake(
    "you report the validation result of the trial that is best on the test; its test result is "
    "wanted"
)
def _validation_of_the_best(valid, test):
    return _told(test[np.argmax(valid)], valid[np.argmax(test)])


@TRUST_2.mistake("your difference is the first minus the second")
def _wrong_way_round(valid, test):
    honest, best = test[np.argmax(valid)], test.max()
    return honest, best, honest - best


@TRUST_2.mistake("your difference is a share of the first; just subtract")
def _relative(valid, test):
    honest, best = test[np.argmax(valid)], test.max()
    return honest, best, best / honest - 1


@TRUST_2.mistake("your difference lies between validation and test; both numbers are test results")
def _gap_to_validation(valid, test):
    honest, best = test[np.argmax(valid)], test.max()
    return honest, best, valid.max() - honest


@TRUST_2.mistake("you take the mean of all trials; wanted is the one that validation chooses")
def _mean_of_the_trials(valid, test):
    return _told(test.mean(), test.max())


def _t(n, level):
    return stdtrit(n - 1, (1 + level) / 2)


def _within(values, published, reach):
    return np.abs(published - values.mean()) <= reach


def _wider(values):
    """Return the standard deviation of the difference between a new run and the mean."""
    return values.std(ddof=1) * math.sqrt(1 + 1 / len(values))


TRUST_3 = Exercise(
    "trust-3",
    "plausible(values, published, level)",
    (
        Case(
            "two runs, 50%: t is 1",  # 0.5 -+ 0.1 sqrt(3)
            (np.array([0.4, 0.6]), np.array([0.34, 0.66, 0.68]), 0.5),
            np.array([True, True, False]),
        ),
        Case(
            "three runs, 80%",  # 0.4 -+ 0.1 sqrt(32 / 9) sqrt(4 / 3)
            (np.array([0.3, 0.4, 0.5]), np.array([0.18, 0.183, 0.617, 0.618]), 0.8),
            np.array([False, True, True, False]),
        ),
        Case(
            "five runs, one of them far off",  # t is 2.776445, so 0.436 -+ 0.11087
            (
                np.array([0.41, 0.42, 0.42, 0.43, 0.50]),
                np.array([0.315, 0.335, 0.540, 0.556]),
                0.95,
            ),
            np.array([False, True, True, False]),
        ),
        Case(
            "all runs equal",
            (np.array([0.5, 0.5, 0.5]), np.array([0.499, 0.5, 0.501]), 0.95),
            np.array([False, True, False]),
        ),
        Case(
            "five runs, 95%",  # t is 2.776445, so 0.42 -+ 0.04809
            (
                np.array([0.41, 0.43, 0.40, 0.44, 0.42]),
                np.array([0.365, 0.370, 0.373, 0.376, 0.380, 0.384, 0.390, 0.400, 0.410, 0.420]),
                0.95,
            ),
            np.array([False] * 2 + [True] * 8),
        ),
        Case(
            "four runs, 90%",  # t is 2.353363, so 0.919 -+ 0.00961
            (
                np.array([0.917, 0.921, 0.915, 0.923]),
                np.array([0.9095, 0.9105, 0.9280, 0.9290, 0.9300]),
                0.9,
            ),
            np.array([True, True, True, False, False]),
        ),
        Case(
            "two runs, 95%: t is 12.7",  # 0.42 -+ 0.22008
            (np.array([0.41, 0.43]), np.array([0.21, 0.63, 0.65]), 0.95),
            np.array([True, True, False]),
        ),
        Case(
            "ten runs, 99%",  # t is 3.249836, so 3 -+ 0.88006
            (
                np.array([3.1, 2.7, 3.4, 2.9, 3.3, 2.8, 3.0, 3.2, 2.6, 3.0]),
                np.array([2.11, 2.13, 3.87, 3.89]),
                0.99,
            ),
            np.array([False, True, True, False]),
        ),
        Case(
            "32 runs, 95%",  # t is 2.039513, so 0.4 -+ 0.21043
            (np.tile([0.3, 0.5], 16), np.array([0.1895, 0.1897, 0.6103, 0.6105]), 0.95),
            np.array([False, True, True, False]),
        ),
    ),
)


@TRUST_3.mistake("you take the interval of the mean of your runs; a single run varies more")
def _interval_of_the_mean(values, published, level):
    n = len(values)
    return _within(values, published, _t(n, level) * values.std(ddof=1) / math.sqrt(n))


@TRUST_3.mistake("the root of 1 + 1/n is missing: your mean is not exact either")
def _mean_taken_as_known(values, published, level):
    return _within(values, published, _t(len(values), level) * values.std(ddof=1))


@TRUST_3.mistake("you multiply by 1 + 1/n; its square root is wanted")
def _no_root(values, published, level):
    n = len(values)
    return _within(values, published, _t(n, level) * values.std(ddof=1) * (1 + 1 / n))


@TRUST_3.mistake("you take the quantile of the normal distribution; with few runs t is larger")
def _normal(values, published, level):
    z = NormalDist().inv_cdf((1 + level) / 2)
    return _within(values, published, z * _wider(values))


@TRUST_3.mistake("you take the normal quantile where there are 30 runs or more; t is larger still")
def _normal_for_many(values, published, level):
    n = len(values)
    t = _t(n, level) if n < 30 else NormalDist().inv_cdf((1 + level) / 2)
    return _within(values, published, t * _wider(values))


@TRUST_3.mistake(
    "you take the quantile at `level`; what is left over lies on two sides, so it is (1 + level) "
    "/ 2"
)
def _level_itself(values, published, level):
    return _within(values, published, stdtrit(len(values) - 1, level) * _wider(values))


@TRUST_3.mistake("you take n degrees of freedom; there are n - 1")
def _n_degrees(values, published, level):
    return _within(values, published, _t(len(values) + 1, level) * _wider(values))


@TRUST_3.mistake("your standard deviation divides by n; with ddof=1 it is n - 1")
def _sd_with_n(values, published, level):
    n = len(values)
    return _within(values, published, _t(n, level) * values.std() * math.sqrt(1 + 1 / n))


@TRUST_3.mistake("you take the variance; its root, the standard deviation, is wanted")
def _variance(values, published, level):
    n = len(values)
    return _within(values, published, _t(n, level) * values.var(ddof=1) * math.sqrt(1 + 1 / n))


@TRUST_3.mistake("you take the middle run, or the middle between the ends; wanted is the mean")
def _median(values, published, level):
    return np.abs(published - np.median(values)) <= _t(len(values), level) * _wider(values)


@TRUST_3.mistake(
    "with equal runs s is 0 and the interval is one point, which belongs to it: compare with <=, "
    "do not divide by s, and do not hand a scale of 0 to stats.t.interval, which returns nan"
)
def _ends_left_out(values, published, level):
    return np.abs(published - values.mean()) < _t(len(values), level) * _wider(values)


@TRUST_3.mistake("you look at the upper end only; a result may also be too low")
def _upper_end_alone(values, published, level):
    return published <= values.mean() + _t(len(values), level) * _wider(values)


@TRUST_3.mistake("you take the range of your runs; the next one may well lie outside")
def _range(values, published, level):
    return (values.min() <= published) & (published <= values.max())


EXERCISES = (TRUST_1, TRUST_2, TRUST_3)
