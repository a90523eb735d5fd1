"""Intervals and p-values against SciPy, against the exact enumeration, and against simulation."""

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recsys_lib.evaluation import significance
from recsys_lib.evaluation.significance import (
    bootstrap_interval,
    bootstrap_sums,
    holm,
    middle,
    noticeable,
    paired_test,
    seed_noise,
    users_needed,
)

SKEWED = np.random.default_rng(5).exponential(size=80)


def exact_sign_flip_p(differences):
    """Share of all 2^n sign patterns whose sum is at least as far from 0, in exact arithmetic."""
    exact = [Fraction(d) for d in differences]
    found = abs(sum(exact))
    patterns = itertools.product((1, -1), repeat=len(exact))
    as_far = sum(
        abs(sum(s * d for s, d in zip(signs, exact, strict=True))) >= found for signs in patterns
    )
    return as_far / 2 ** len(exact)


# --------------------------------------------------------------------------------------- bootstrap


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_interval_agrees_with_scipy(level):
    """Both quantiles are random; at 20,000 resamples their error is a few hundredths of sigma."""
    ours = bootstrap_interval(SKEWED, level, n_resamples=20_000, seed=1)
    theirs = stats.bootstrap(
        (SKEWED,),
        np.mean,
        confidence_level=level,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    sigma = SKEWED.std() / np.sqrt(len(SKEWED))
    assert ours == pytest.approx(tuple(theirs), abs=0.06 * sigma)


def test_interval_of_two_values_by_hand():
    """The mean of two draws from 0 and 1 is 0, 1/2, 1/2 or 1, each with probability 1/4."""
    assert bootstrap_interval([0, 1], 0.95, 4000) == (0, 1)
    assert bootstrap_interval([0, 1], 0.4, 4000) == (0.5, 0.5)
    assert bootstrap_interval([0.25] * 8) == (0.25, 0.25)
    assert bootstrap_interval([7.0]) == (7, 7)


def test_interval_covers_the_true_mean_as_often_as_it_says():
    """100 hits out of 0 and 1 with mean 0.3, as a hit ratio is; 400 times over."""
    rng = np.random.default_rng(6)
    covered = 0
    for trial in range(400):
        low, high = bootstrap_interval(rng.random(100) < 0.3, 0.9, n_resamples=400, seed=trial)
        covered += low <= 0.3 <= high
    assert 0.86 < covered / 400 < 0.94  # 2.7 standard errors about 0.9


def test_interval_holds_the_mean_and_grows_with_the_level():
    widths = []
    for level in (0.1, 0.5, 0.9, 0.99, 1.0):
        low, high = bootstrap_interval(SKEWED, level)
        assert low < SKEWED.mean() < high
        widths.append(high - low)
    assert widths == sorted(widths)
    assert bootstrap_interval(SKEWED, 0)[0] == bootstrap_interval(SKEWED, 0)[1]  # the median


# ------------------------------------------------------------------------------- bootstrap of sums


def test_sums_of_one_user_or_of_equal_users_are_known():
    np.testing.assert_array_equal(bootstrap_sums([[2.5, -1, 0]], 7), [[2.5, -1, 0]] * 7)
    np.testing.assert_array_equal(bootstrap_sums([[0.25, 3]] * 8, 5), [[2, 24]] * 5)
    assert bootstrap_sums([[1]]).shape == (2000, 1)
    assert bootstrap_sums([[1]]).dtype == np.float64


@pytest.mark.parametrize("n", [2, 3])
def test_every_draw_of_a_few_users_comes_as_often_as_it_should(n):
    """Each of n users has a column of its own, so a row says how often each of them was drawn."""
    rows = bootstrap_sums(np.eye(n), 20_000)
    assert (rows.sum(axis=1) == n).all()
    found, counts = np.unique(rows, axis=0, return_counts=True)
    draws = [np.bincount(users, minlength=n) for users in itertools.product(range(n), repeat=n)]
    expected, ways = np.unique(draws, axis=0, return_counts=True)
    np.testing.assert_array_equal(found, expected)
    assert stats.chisquare(counts, ways / n**n * 20_000).pvalue > 0.001


def test_all_columns_are_of_the_same_draw():
    columns = np.column_stack([SKEWED, 2 * SKEWED, np.ones(80), 3 - SKEWED])
    sums = bootstrap_sums(columns, 500)
    np.testing.assert_allclose(sums[:, 1], 2 * sums[:, 0], rtol=1e-12)
    np.testing.assert_array_equal(sums[:, 2], 80)
    np.testing.assert_allclose(sums[:, 3], 240 - sums[:, 0], rtol=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_quantiles_of_the_sums_give_the_interval_of_the_mean(level):
    sums = bootstrap_sums(SKEWED[:, None], seed=3)[:, 0] / 80
    quantiles = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2])
    assert tuple(quantiles) == pytest.approx(bootstrap_interval(SKEWED, level, seed=3), rel=1e-12)


def test_the_seed_and_the_numbers_alone_decide_the_sums():
    columns = np.array([[3, 1], [0, -2], [-1, 4]])
    expected = bootstrap_sums(columns.astype(float), 50, seed=3)
    assert (bootstrap_sums(columns, 50, seed=4) != expected).any()
    read_only = columns.astype(float)
    read_only.setflags(write=False)
    layouts = np.asfortranarray(columns), np.repeat(columns, 2, axis=0)[::2], read_only
    for same in (columns, columns.tolist(), columns.astype(np.float32), *layouts):
        np.testing.assert_array_equal(bootstrap_sums(same, 50, seed=3), expected)
    np.testing.assert_array_equal(columns, [[3, 1], [0, -2], [-1, 4]])


def test_what_gives_no_sums_is_refused():
    for columns in ([1.0, 2.0], 3.0, np.zeros((0, 2)), [[1, np.nan]], [[np.inf]], [[[1.0]]]):
        with pytest.raises(ValueError, match="columns must be finite numbers of shape"):
            bootstrap_sums(columns)
    for n_resamples, error in ((0, ValueError), (10.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n_resamples must be"):
            bootstrap_sums([[1.0]], n_resamples)
    for seed, error in ((-1, ValueError), (None, TypeError)):
        with pytest.raises(error, match="seed must be"):
            bootstrap_sums([[1.0]], seed=seed)


# ------------------------------------------------------------------------------------ paired test


RNG = np.random.default_rng(7)
SAMPLES = [  # numbers and their unit
    ([1], 1),
    ([1, 2, -3], 1),
    ([1, 1, 1, 1, 1], 1),
    ([0, 1, 0, -1, 1, 0, 1], 1),
    (RNG.normal(0.4, 1, 10), 1),
    (RNG.normal(0.7, 1, 12), 1),
    (RNG.integers(-1, 3, 12), 1 / 10),  # many equal sums, which in tenths round differently
    (RNG.integers(-2, 1, 11), 1 / 7),
]


@pytest.mark.parametrize(("numbers", "unit"), SAMPLES)
def test_p_value_agrees_with_the_exact_enumeration(numbers, unit):
    n = 20_000
    exact = exact_sign_flip_p(np.asarray(numbers, float))
    found = paired_test(np.asarray(numbers) * unit, n_resamples=n)
    error = np.sqrt(exact * (1 - exact) / n)
    assert found == pytest.approx(exact, abs=4 * error + 1 / n)


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.25])
def test_p_value_agrees_with_scipy(mean):
    differences = np.random.default_rng(8).normal(mean, 1, 150)
    ours = paired_test(differences, n_resamples=20_000)
    theirs = stats.permutation_test(
        (differences, np.zeros(150)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        batch=2_000,
        rng=np.random.default_rng(9),
    ).pvalue
    assert ours == pytest.approx(theirs, abs=5 * np.sqrt(2 * theirs * (1 - theirs) / 20_000))


def test_no_difference_at_all_gives_1():
    assert paired_test(np.zeros(50)) == 1
    assert paired_test([0.0]) == 1
    assert paired_test([1.0]) == paired_test([1.0, -1.0]) == 1  # no pattern is less far off


def test_p_value_is_never_0():
    assert paired_test(np.ones(200), n_resamples=999) == 1 / 1000
    assert paired_test(np.ones(200), n_resamples=1) == 1 / 2


def test_users_without_a_difference_say_nothing():
    differences = np.random.default_rng(10).normal(0.3, 1, 40)
    with_ties = np.insert(differences, [0, 7, 40], 0)
    assert paired_test(with_ties) == paired_test(differences)


def test_p_value_depends_neither_on_the_sign_nor_on_the_unit():
    differences = np.random.default_rng(11).normal(0.3, 1, 100)
    p = paired_test(differences)
    assert paired_test(-differences) == p
    assert paired_test(differences * 2.0**-40) == p


def test_p_value_is_uniform_when_the_models_do_equally_well():
    """Of 500 data sets without a difference, 5% have p <= 0.05, up to chance; and so on."""
    rng = np.random.default_rng(12)
    p = [paired_test(rng.normal(size=70), n_resamples=199, seed=i) for i in range(500)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


# ------------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("function", [bootstrap_interval, paired_test])
def test_the_seed_decides(function):
    values = SKEWED - 0.8
    assert function(values, seed=3) == function(values, seed=3)
    assert function(values, seed=3) != function(values, seed=4)


@pytest.mark.parametrize("function", [bootstrap_interval, paired_test])
def test_any_kind_of_numbers_and_layout(function):
    values = np.array([3, 0, -1, 4, -2])
    expected = function(values.astype(float))
    read_only = values.astype(float)
    read_only.setflags(write=False)
    strided = np.repeat(values.astype(float), 2)[::2]
    for same in (values, values.tolist(), values.astype(np.float32), read_only, strided):
        assert function(same) == expected


@pytest.mark.parametrize("function", [bootstrap_interval, paired_test])
def test_wrong_values_are_refused(function):
    for values in ([], [[1.0, 2.0]], [1.0, np.nan], [np.inf], 3.0):
        with pytest.raises(ValueError, match=r"(values|differences) must be a one-dim"):
            function(values)


@pytest.mark.parametrize("function", [bootstrap_interval, paired_test])
def test_what_is_no_number_or_too_large_to_be_added_is_refused(function):
    for text in (["0.1", "0.3"], np.array(["0.1", 0.3], dtype=object)):
        with pytest.raises(TypeError, match="must be an array of numbers"):
            function(text)
    with pytest.raises(ValueError, match="must hold no masked numbers"):
        function(np.ma.masked_array([0.1, 9.0], mask=[False, True]))
    with pytest.raises(ValueError, match="must have sums that are finite"):
        function([1e308, 1e308])


def test_nothing_masked_and_numbers_in_an_array_of_objects_serve():
    values = [0.1, 0.3, 0.2]
    for same in (np.ma.masked_array(values), np.array(values, dtype=object)):
        assert bootstrap_interval(same) == bootstrap_interval(values)


def test_of_nothing_there_is_no_middle():
    for nothing in ([], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="resampled must be a one-dim"):
            middle(nothing, 0.95)


@pytest.mark.parametrize("function", [bootstrap_interval, paired_test])
def test_wrong_settings_are_refused(function):
    for n_resamples, error in ((0, ValueError), (10.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n_resamples must be"):
            function([1.0, 2.0], n_resamples=n_resamples)
    for seed, error in ((-1, ValueError), (None, TypeError)):
        with pytest.raises(error, match="seed must be"):
            function([1.0, 2.0], seed=seed)


def test_wrong_levels_are_refused():
    for level, error in ((1.5, ValueError), (-0.1, ValueError), (95, ValueError), ("a", TypeError)):
        with pytest.raises(error, match="level must be"):
            bootstrap_interval([1.0, 2.0], level=level)


# ------------------------------------------------------------------------ several tests; how many


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.4, 0.6]), [0.8, 0.8])
    np.testing.assert_allclose(holm([0.9, 0.8, 0.7]), [1, 1, 1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_p_value_and_bonferroni(p_values):
    p = np.array(p_values)
    found = holm(p)
    assert (found >= p).all()
    assert (found <= np.minimum(p * len(p), 1) + 1e-15).all()
    assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()


def test_holm_fools_nobody_more_often_than_it_says():
    p = np.random.default_rng(0).random((4000, 20))
    fooled = np.mean([holm(row).min() < 0.05 for row in p])
    assert 0.04 < fooled < 0.06
    assert (p.min(axis=1) < 0.05).mean() > 0.6


def test_p_values_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match=r"p_values must lie between 0 and 1, got -0\.1 to 0\.5"):
        holm([0.5, -0.1])


def test_users_needed_by_the_tables():
    """(1.959964 + 0.841621)^2 = 7.848880, the number of every textbook."""
    assert users_needed(1, 0.1) == 785
    assert users_needed(1, -0.1) == 785
    assert users_needed(2, 0.1) == 3140
    assert users_needed(0, 0.1) == 2
    assert noticeable(1, 785) == pytest.approx(0.1, rel=1e-3)


def test_with_so_many_users_the_difference_is_noticed_as_often_as_promised():
    sd, difference = 0.4, 0.05
    n = users_needed(sd, difference, power=0.9)
    rng = np.random.default_rng(0)
    samples = rng.normal(difference, sd, (4000, n))
    noticed = samples.mean(axis=1) > 1.96 * samples.std(axis=1, ddof=1) / n**0.5
    assert noticed.mean() == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"sd": -1, "difference": 1}, "sd must be"),
        ({"sd": 1, "difference": 0}, "difference must not be 0"),
        ({"sd": 0.4, "difference": 1e-200}, "difference must not be so small beside sd"),
        ({"sd": 1e300, "difference": 1e-10}, "difference must not be so small beside sd"),
        ({"sd": 1, "difference": 1, "level": 1}, "level must be"),
        ({"sd": 1, "difference": 1, "power": 0.2}, "power must be"),
    ],
)
def test_senseless_plans_are_refused(given_, message):
    with pytest.raises(ValueError, match=message):
        users_needed(**given_)


# ---------------------------------------------------------------------------------- users and seeds


def test_without_seeds_nothing_is_added():
    assert (seed_noise((), 50) == 0).all()
    plain = bootstrap_interval(SKEWED, seed=3)
    assert plain == bootstrap_interval(SKEWED, seed=3, by_seed=[[2.0, 2.0]])  # seeds that agree
    assert paired_test(SKEWED - 1, seed=3) == paired_test(SKEWED - 1, seed=3, by_seed=[[2.0, 2.0]])


def test_noise_of_seeds_is_students_t():
    """Of one model with S seeds: s / sqrt(S) times t with S - 1 degrees of freedom."""
    results = np.array([0.1, 0.2, 0.4, 0.5, 0.3])
    noise = seed_noise([results], 40_000, seed=1) / (results.std(ddof=1) / np.sqrt(5))
    for level in (0.6, 0.9, 0.975):
        assert np.quantile(noise, level) == pytest.approx(stats.t.ppf(level, 4), rel=0.05)
    assert np.median(noise) == pytest.approx(0, abs=0.03)


def test_variances_of_two_models_and_of_the_users_add():
    rng = np.random.default_rng(4)
    values, one, other = rng.normal(size=200), rng.normal(size=30), rng.normal(size=20)
    wide = np.subtract(*bootstrap_interval(values, 0.68, 20_000, by_seed=[one, other])[::-1])
    parts = (
        values.var(ddof=0) / 200
        + one.var(ddof=1) / 30 * 29 / 27  # the variance of t
        + other.var(ddof=1) / 20 * 19 / 17
    )
    assert wide / 2 == pytest.approx(np.sqrt(parts), rel=0.05)


def simulated_coverage(by_seed, n_seeds=5, users=60, runs=400):
    """How often the interval holds the true mean, where users and seeds both have an effect."""
    rng, covered = np.random.default_rng(11), 0
    for run in range(runs):
        of_seed = rng.normal(0, 0.2, n_seeds)
        table = rng.normal(0, 1, users) + of_seed[:, None] + rng.normal(0, 0.5, (n_seeds, users))
        seeds = by_seed(table.mean(axis=1))
        low, high = bootstrap_interval(table.mean(axis=0), 0.95, 600, run, seeds)
        covered += low <= 0 <= high
    return covered / runs


def test_the_interval_over_users_and_seeds_covers_as_often_as_it_says():
    """Over users alone it does not: the seeds move the mean, too."""
    assert simulated_coverage(lambda seeds: [seeds]) == pytest.approx(0.95, abs=0.025)
    assert simulated_coverage(lambda seeds: []) < 0.90


def test_a_difference_that_only_luck_of_seeds_makes_is_not_called_one():
    """Two equal models, their seeds far apart: at 0.05, one test in twenty may say otherwise."""
    rng, alone, together = np.random.default_rng(12), 0, 0
    for run in range(300):
        seeds = rng.normal(0, 0.3, (2, 5))
        users = rng.normal(0, 1, 100) + seeds[0].mean() - seeds[1].mean()
        alone += paired_test(users, 499, run) < 0.05
        together += paired_test(users, 499, run, list(seeds)) < 0.05
    assert alone / 300 > 0.15
    assert together / 300 < 0.08


@pytest.mark.parametrize(
    ("by_seed", "message"),
    [
        ([[0.5]], "two seeds or more for each model, got 1"),
        ([[0.1, 0.2], [0.5]], "two seeds or more for each model, got 1"),
        ([[0.5, np.nan]], r"by_seed\[0\] must be .*finite"),
        ([[0.1, 0.2], [[1, 2]]], r"by_seed\[1\] must be a one-dimensional"),
        ([0.1, 0.2, 0.3], r"one array for each model .*, got 3 numbers: write \[results\]"),
        (np.array([0.1, 0.2]), r"got 2 numbers: write \[results\] for one model"),
    ],
)
def test_wrong_seeds_are_refused(by_seed, message):
    for ask in (bootstrap_interval, paired_test):
        with pytest.raises(ValueError, match=message):
            ask([1.0, 2.0], by_seed=by_seed)


@pytest.mark.parametrize(
    "by_seed", [{"MF": [0.1, 0.2]}, pd.DataFrame({"a": [1, 2]}), "ab", 3, None]
)
def test_seeds_that_are_no_list_of_arrays_are_of_the_wrong_type(by_seed):
    for ask in (bootstrap_interval, paired_test):
        with pytest.raises(TypeError, match="by_seed must hold one array for each model"):
            ask([1.0, 2.0], by_seed=by_seed)


def test_a_matrix_holds_one_model_in_each_row():
    rows = np.array([[0.1, 0.2, 0.3], [0.5, 0.6, 0.8]])
    np.testing.assert_array_equal(seed_noise(rows, 9), seed_noise(list(rows), 9))


@pytest.mark.parametrize("place", [0, 1, 60, 61, 62, 123, 124, 129])
def test_every_difference_keeps_its_sign_in_half_of_the_resamples(place):
    """Signs come in portions of 62: neither the first nor the last of one may be fixed."""
    moved = np.zeros(130)
    moved[place] = 1.0
    sums = significance._flipped_sums(moved, 4000, np.random.default_rng(0))
    assert set(np.unique(sums)) == {-1.0, 1.0}
    assert abs((sums > 0).mean() - 0.5) < 0.04  # five standard deviations
