"""The metrics against fractions worked out by hand, brute force over all orders of ties, and ranx.

The reference `by_definition` takes one order of the items and follows the definitions word for
word; where scores tie, its mean over all orders that the scores allow is what we must return.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.metrics import (
    METRICS,
    NO_ITEM,
    NOT_RANKED,
    hit_ratio,
    mae,
    ndcg,
    precision,
    ranks_from_lists,
    ranks_from_scores,
    recall,
    rmse,
)

EXACT = 1e-12
repeatable = settings(deadline=None, derandomize=True, max_examples=150)


def discount(place):
    return 1 / math.log2(place + 1)


def by_definition(order, relevant, k):
    """HR, NDCG, precision and recall at K of one list, best item first."""
    hits = [place for place, item in enumerate(order[:k], start=1) if item in relevant]
    ideal = math.fsum(discount(place) for place in range(1, min(k, len(relevant)) + 1))
    return {
        "hr": Fraction(1 if hits else 0),
        "ndcg": math.fsum(map(discount, hits)) / ideal,
        "precision": Fraction(len(hits), k),
        "recall": Fraction(len(hits), len(relevant)),
    }


def orders(scores):
    """All orders of the ranked items in which no item stands above one with a higher score."""
    ranked = [i for i, score in enumerate(scores) if score != -np.inf]
    levels = sorted({scores[i] for i in ranked}, reverse=True)
    blocks = [[i for i in ranked if scores[i] == level] for level in levels]
    for permuted in itertools.product(*(itertools.permutations(block) for block in blocks)):
        yield [item for block in permuted for item in block]


def mean_over_orders(scores, relevant, k):
    values = [by_definition(order, relevant, k) for order in orders(scores)]
    return {name: float(sum(v[name] for v in values) / len(values)) for name in METRICS}


def measure(scores, relevant, k, dtype=np.float64):
    """All metrics of one user."""
    ranks = ranks_from_scores(np.array([scores], dtype), np.array([list(relevant)], int))
    return {name: metric(ranks, k)[0] for name, metric in METRICS.items()}


# ------------------------------------------------------------------------------ worked by hand

LOG3, LOG5 = math.log2(3), math.log2(5)
HAND = [
    # one relevant item, at place 3: discount 1 / log2(4) = 1/2
    ([5, 4, 3, 2, 1], {2}, 2, (0, 0, 0, 0)),
    ([5, 4, 3, 2, 1], {2}, 3, (1, Fraction(1, 2), Fraction(1, 3), 1)),
    ([5, 4, 3, 2, 1], {2}, 4, (1, Fraction(1, 2), Fraction(1, 4), 1)),
    # at place 1, and at place 7 with discount 1 / log2(8) = 1/3
    ([5, 4, 3, 2, 1], {0}, 1, (1, 1, 1, 1)),
    ([9, 8, 7, 6, 5, 4, 3, 2], {6}, 8, (1, Fraction(1, 3), Fraction(1, 8), 1)),
    # two relevant items, at places 2 and 4; at K = 1 the ideal list has room for one only
    ([5, 4, 3, 2, 1], {1, 3}, 1, (0, 0, 0, 0)),
    ([5, 4, 3, 2, 1], {1, 3}, 2, (1, (1 / LOG3) / (1 + 1 / LOG3), Fraction(1, 2), Fraction(1, 2))),
    ([5, 4, 3, 2, 1], {1, 3}, 3, (1, (1 / LOG3) / (1 + 1 / LOG3), Fraction(1, 3), Fraction(1, 2))),
    ([5, 4, 3, 2, 1], {1, 3}, 4, (1, (1 / LOG3 + 1 / LOG5) / (1 + 1 / LOG3), Fraction(1, 2), 1)),
    # two relevant items, at places 1 and 3; K = 1 is perfect, K = 10 longer than the list
    ([5, 4, 3, 2, 1], {0, 2}, 1, (1, 1, 1, Fraction(1, 2))),
    ([5, 4, 3, 2, 1], {0, 2}, 3, (1, 1.5 / (1 + 1 / LOG3), Fraction(2, 3), 1)),
    ([5, 4, 3, 2, 1], {0, 2}, 10, (1, 1.5 / (1 + 1 / LOG3), Fraction(2, 10), 1)),
    # the relevant item ties with one other for places 1 and 2
    ([5, 5, 3, 2, 1], {0}, 1, (Fraction(1, 2), Fraction(1, 2), Fraction(1, 2), Fraction(1, 2))),
    ([5, 5, 3, 2, 1], {0}, 2, (1, (1 + 1 / LOG3) / 2, Fraction(1, 2), 1)),
    # two relevant among three that tie: one place holds one of them with 2/3, two hold 2 x 2/3
    ([1, 1, 1], {0, 1}, 1, (Fraction(2, 3), Fraction(2, 3), Fraction(2, 3), Fraction(1, 3))),
    ([1, 1, 1], {0, 1}, 2, (1, Fraction(2, 3), Fraction(2, 3), Fraction(2, 3))),
    # one relevant item above, one in a tie of four for places 2 to 5
    ([9, 1, 1, 1, 1], {0, 4}, 2, (1, (1 + 1 / LOG3 / 4) / (1 + 1 / LOG3), Fraction(5, 8), 0.625)),
    # an item out of the list does not compete, and if relevant is never found
    ([-np.inf, 4, 3], {1}, 1, (1, 1, 1, 1)),
    ([-np.inf, 4, 3], {0, 1}, 3, (1, 1 / (1 + 1 / LOG3), Fraction(1, 3), Fraction(1, 2))),
    ([np.inf, np.inf, 3], {0}, 1, (Fraction(1, 2),) * 4),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("scores", "relevant", "k", "expected"), HAND)
def test_hand_computed(scores, relevant, k, expected, dtype):
    found = measure(scores, relevant, k, dtype)
    for name, value in zip(("hr", "ndcg", "precision", "recall"), expected, strict=True):
        assert found[name] == pytest.approx(float(value), abs=1e-15), name


def test_reference_follows_the_same_hand_computed_values():
    for scores, relevant, k, expected in HAND:
        reference = mean_over_orders(scores, relevant, k)
        assert list(reference.values()) == pytest.approx([float(e) for e in expected], abs=1e-15)


def test_the_mean_of_hit_ratio_is_hits_over_test_cases():
    scores = np.array([[3.0, 2, 1], [3, 2, 1], [1, 2, 3], [1, 2, 3]])
    ranks = ranks_from_scores(scores, np.array([[0], [1], [2], [0]]))
    assert hit_ratio(ranks, 1).mean() == 2 / 4
    assert hit_ratio(ranks, 2).mean() == 3 / 4


def test_places_are_counted_from_above():
    ranks = ranks_from_scores(
        np.array([[0.3, 0.9, 0.3, 0.1], [1, 1, 1, -np.inf]]), np.array([[0, 1, -1], [3, 2, -1]])
    )
    assert ranks.above.tolist() == [[1, 0, NO_ITEM], [NOT_RANKED, 0, NO_ITEM]]
    assert ranks.tied[:, :2].tolist() == [[2, 1], [1, 3]]
    assert ranks.n_relevant.tolist() == [2, 2]


# ---------------------------------------------------------------------- ties, over all orders

tied_scores = st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, -np.inf]), min_size=1, max_size=6)


@st.composite
def users(draw, scores=tied_scores):
    scores = draw(scores)
    relevant = draw(st.sets(st.integers(0, len(scores) - 1), min_size=1))
    return scores, relevant


@given(users(), st.lists(st.integers(1, 9), min_size=1, max_size=4))
@repeatable
def test_ties_give_the_mean_over_all_orders(user, ks):
    scores, relevant = user
    found = measure(scores, relevant, ks)
    for at, k in enumerate(ks):
        expected = mean_over_orders(scores, relevant, k)
        for name in METRICS:
            assert found[name][at] == pytest.approx(expected[name], abs=EXACT), (name, k)


@given(st.integers(1, 60), st.data())
@repeatable
def test_constant_scorer_gets_what_random_order_gets(n, data):
    """The number of relevant items in the top K of a random order is hypergeometric."""
    n_relevant, k = data.draw(st.integers(1, n)), data.draw(st.integers(1, n))
    relevant = data.draw(st.permutations(range(n)))[:n_relevant]
    found = measure(np.full(n, 0.25), relevant, k)
    missed = Fraction(math.comb(n - n_relevant, k), math.comb(n, k))
    gain = math.fsum(map(discount, range(1, k + 1))) * n_relevant / n
    ideal = math.fsum(map(discount, range(1, min(k, n_relevant) + 1)))
    assert found["hr"] == pytest.approx(float(1 - missed), abs=EXACT)
    assert found["precision"] == pytest.approx(n_relevant / n, abs=EXACT)
    assert found["recall"] == pytest.approx(k / n, abs=EXACT)
    assert found["ndcg"] == pytest.approx(gain / ideal, abs=EXACT)


def test_constant_scorer_is_not_judged_by_where_the_relevant_item_stands():
    """Under argsort it would get 1 for the first columns and 0 for the last, or the reverse."""
    for column in range(10):
        assert measure(np.zeros(10), [column], 3)["hr"] == pytest.approx(0.3)


def test_hit_ratio_of_a_long_tie_does_not_lose_its_digits():
    n, k = 100_000, 10
    found = measure(np.zeros(n, np.float32), range(5), k, np.float32)["hr"]
    exact = 1 - Fraction(math.comb(n - 5, k), math.comb(n, k))
    assert found == pytest.approx(float(exact), rel=1e-11)


# ----------------------------------------------------------------------------------- properties

some_users = users(st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=12))
distinct_users = users(st.lists(st.integers(-50, 50).map(float), min_size=1, unique=True))
ALL_KS = list(range(1, 15))


@given(some_users)
@repeatable
def test_a_rising_transform_of_the_scores_changes_nothing(user):
    scores, relevant = np.array(user[0]), user[1]
    for transformed in (scores**3 + 7, np.exp(scores), scores * 2.0**-60):
        found = measure(transformed, relevant, ALL_KS)
        for name, values in measure(scores, relevant, ALL_KS).items():
            np.testing.assert_array_equal(found[name], values)


@given(some_users, st.randoms(use_true_random=False))
@repeatable
def test_the_order_of_items_and_of_relevant_items_changes_nothing(user, random):
    scores, relevant = user
    at = list(range(len(scores)))
    random.shuffle(at)
    moved = [scores[i] for i in at]
    renamed = [at.index(item) for item in relevant]
    random.shuffle(renamed)
    found = measure(moved, renamed, ALL_KS)
    for name, values in measure(scores, relevant, ALL_KS).items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=EXACT)


@given(some_users)
@repeatable
def test_bounds_and_monotony_in_k(user):
    scores, relevant = user
    found = measure(scores, relevant, ALL_KS)
    ks = np.array(ALL_KS)
    for name, values in found.items():
        assert (values >= 0).all(), name
        assert (values <= 1 + EXACT).all(), name
    assert (found["precision"] <= len(relevant) / ks + EXACT).all()
    assert (np.diff(found["hr"]) >= -EXACT).all()
    assert (np.diff(found["recall"]) >= -EXACT).all()
    assert found["recall"][-1] == pytest.approx(1)  # K reaches beyond every list here
    np.testing.assert_allclose(found["precision"] * ks, found["recall"] * len(relevant), atol=EXACT)
    assert (found["hr"] <= found["precision"] * ks + EXACT).all()  # P(any) <= E(number)


@given(some_users)
@repeatable
def test_the_ideal_list_has_ndcg_1_and_only_it(user):
    scores, relevant = user
    ideal = [1.0 if i in relevant else 0.0 for i in range(len(scores))]
    np.testing.assert_allclose(measure(ideal, relevant, ALL_KS)["ndcg"], 1, rtol=0, atol=EXACT)
    worst = measure([-s for s in ideal], relevant, len(scores))["ndcg"]
    assert (worst < 1 - 1e-3) == (len(relevant) < len(scores))


@given(distinct_users, st.integers(1, 60))
@repeatable
def test_lists_and_scores_agree_where_nothing_ties(user, length):
    scores, relevant = np.array(user[0]), np.array([list(user[1])])
    order = np.argsort(-scores)
    whole = ranks_from_lists(order[None], relevant)
    ranks = ranks_from_scores(scores[None], relevant)
    np.testing.assert_array_equal(whole.above, ranks.above)
    np.testing.assert_array_equal(whole.tied, ranks.tied)
    padded = np.full((1, length), NO_ITEM)
    padded[0, : len(order)] = order[:length]
    cut = ranks_from_lists(padded, relevant)
    for metric in METRICS.values():
        np.testing.assert_array_equal(metric(cut, length), metric(ranks, length))


@given(st.lists(some_users, min_size=1, max_size=5))
@repeatable
def test_users_do_not_touch_each_other(several):
    n_items = max(len(scores) for scores, _ in several)
    width = max(len(relevant) for _, relevant in several)
    scores = np.full((len(several), n_items), -np.inf)
    relevant = np.full((len(several), width), NO_ITEM)
    for row, (values, items) in enumerate(several):
        scores[row, : len(values)] = values
        relevant[row, : len(items)] = list(items)
    relevant = relevant[:, ::-1]  # padding may stand anywhere
    ranks = ranks_from_scores(scores, relevant)
    for name, metric in METRICS.items():
        together = metric(ranks, ALL_KS)
        for row, (values, items) in enumerate(several):
            alone = measure(values, items, ALL_KS)[name]
            np.testing.assert_allclose(together[row], alone, rtol=0, atol=EXACT)


# ----------------------------------------------------------------------------------- edge cases


def test_several_ks_at_once_are_the_columns():
    rng = np.random.default_rng(0)
    ranks = ranks_from_scores(rng.integers(0, 5, (7, 12)).astype(float), np.array([[0, 3]] * 7))
    for metric in METRICS.values():
        table = metric(ranks, [10, 1, 3, 3])
        assert table.shape == (7, 4)
        for column, k in enumerate((10, 1, 3, 3)):
            one = metric(ranks, k)
            assert one.shape == (7,)
            np.testing.assert_array_equal(table[:, column], one)
        for same in ((10, 1, 3, 3), np.array([10, 1, 3, 3])):
            np.testing.assert_array_equal(metric(ranks, same), table)
        assert metric(ranks, np.int64(3)).shape == (7,)
        assert metric(ranks, range(1, 2)).shape == (7, 1)
        assert metric(ranks, {4}).shape == (7, 1)


@pytest.mark.parametrize("metric", METRICS.values())
def test_wrong_ks_are_refused(metric):
    ranks = ranks_from_scores(np.zeros((1, 3)), np.array([[0]]))
    for k in (0, -1, [5, 0], []):
        with pytest.raises(ValueError, match="k must be"):
            metric(ranks, k)
    for k in (1.5, True, [2.0], None):
        with pytest.raises(TypeError, match="k must be"):
            metric(ranks, k)


@pytest.mark.parametrize("metric", METRICS.values())
def test_no_relevant_item_is_nan(metric):
    scores = np.array([[1.0, 2], [1, 2]])
    ranks = ranks_from_scores(scores, np.array([[NO_ITEM], [1]]))
    assert np.isnan(metric(ranks, [1, 5])[0]).all()
    assert not np.isnan(metric(ranks, [1, 5])[1]).any()
    assert ranks.n_relevant.tolist() == [0, 1]
    none = ranks_from_scores(scores, np.empty((2, 0)))
    assert np.isnan(metric(none, 1)).all()
    lists = ranks_from_lists(np.array([[0, 1]]), np.array([[NO_ITEM]]))
    assert np.isnan(metric(lists, 1)).all()


@pytest.mark.parametrize("metric", METRICS.values())
def test_nothing_to_rank_is_zero(metric):
    ranks = ranks_from_scores(np.full((1, 4), -np.inf), np.array([[2, 0]]))
    np.testing.assert_array_equal(metric(ranks, [1, 4, 100]), [[0, 0, 0]])
    for empty in (np.full((1, 3), NO_ITEM), np.empty((1, 0))):
        ranks = ranks_from_lists(empty, np.array([[2, 0]]))
        np.testing.assert_array_equal(metric(ranks, [1, 4, 100]), [[0, 0, 0]])


@pytest.mark.parametrize("metric", METRICS.values())
def test_no_users_give_no_values(metric):
    ranks = ranks_from_scores(np.empty((0, 4)), np.empty((0, 1), int))
    assert metric(ranks, 3).shape == (0,)
    assert metric(ranks, [3, 5]).shape == (0, 2)


def test_padding_in_a_list_is_no_item():
    ranks = ranks_from_lists(np.array([[4, NO_ITEM, NO_ITEM]]), np.array([[NO_ITEM, 4]]))
    assert ranks.above.tolist() == [[NO_ITEM, 0]]


def test_k_beyond_the_list_counts_the_missing_places_as_not_relevant():
    found = measure([3, 2, 1], {0, 1, 2}, 6)
    assert found == pytest.approx({"hr": 1, "ndcg": 1, "precision": 3 / 6, "recall": 1})


@pytest.mark.parametrize("relevant", [[[1], [0], [2]], [[-1], [-1], [-1]]])
def test_nan_is_refused_with_its_place(relevant):
    scores = np.ones((3, 4))
    scores[1, 2] = scores[1, 3] = scores[2, 0] = np.nan
    with pytest.raises(ValueError, match="row 1, column 2"):
        ranks_from_scores(scores, np.array(relevant))


@pytest.mark.parametrize(
    ("scores", "relevant"),
    [
        (np.zeros(3), np.zeros((1, 1), int)),
        (np.zeros((1, 3)), np.zeros(1, int)),
        (np.zeros((2, 3)), np.zeros((1, 1), int)),
        (np.zeros((1, 3, 1)), np.zeros((1, 1), int)),
    ],
)
def test_wrong_shapes_are_refused(scores, relevant):
    with pytest.raises(ValueError, match=r"scores and relevant must have shapes .* got \("):
        ranks_from_scores(scores, relevant)
    with pytest.raises(ValueError, match=r"lists and relevant must have shapes .* got \("):
        ranks_from_lists(scores.astype(int), relevant)


def test_relevant_items_that_cannot_be_are_refused():
    scores, lists = np.zeros((2, 3)), np.zeros((2, 1), int)
    with pytest.raises(IndexError, match=r"columns 0 to 2 .* got 3"):
        ranks_from_scores(scores, np.array([[0], [3]]))
    for find, rows in ((ranks_from_scores, scores), (ranks_from_lists, lists)):
        with pytest.raises(IndexError, match="got -2"):
            find(rows, np.array([[0], [-2]]))
        with pytest.raises(TypeError, match="relevant must hold integers, got dtype float64"):
            find(rows, np.array([[0.0], [1.5]]))
        with pytest.raises(ValueError, match="twice; row 1"):
            find(rows, np.array([[0, 1, -1], [2, -1, 2]]))


def test_scores_of_any_kind_of_number():
    plain = np.array([[0.5, 2, 2, 1], [4, 3, 2, 1]])
    relevant = np.array([[1, 3], [2, -1]])
    expected = ranks_from_scores(plain, relevant)
    read_only = plain.copy()
    read_only.setflags(write=False)
    for scores in (
        plain.astype(np.float32),
        plain.astype(np.float16),
        plain.astype(np.longdouble),
        plain.astype(">f4"),
        (plain * 2).astype(int),
        (plain * 2).astype(np.uint8),
        np.asfortranarray(plain),
        np.repeat(plain, 2, axis=1)[:, ::2],
        read_only,
        plain.tolist(),
    ):
        found = ranks_from_scores(scores, relevant)
        np.testing.assert_array_equal(found.above, expected.above)
        np.testing.assert_array_equal(found.tied, expected.tied)


def test_single_precision_scores_tie_where_they_are_equal_in_single_precision():
    close = np.array([[1.0, 1.0 + 1e-12]])
    assert ranks_from_scores(close, np.array([[0]])).above[0, 0] == 1
    single = ranks_from_scores(close.astype(np.float32), np.array([[0]]))
    assert (single.above[0, 0], single.tied[0, 0]) == (0, 2)


def test_arguments_are_not_changed():
    scores, relevant = np.array([[1.0, 3, 2]]), np.array([[2, -1]])
    before = scores.copy(), relevant.copy()
    ranks = ranks_from_scores(scores, relevant)
    above, tied = ranks.above.copy(), ranks.tied.copy()
    for metric in METRICS.values():
        metric(ranks, [1, 2])
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(relevant, before[1])
    np.testing.assert_array_equal(ranks.above, above)
    np.testing.assert_array_equal(ranks.tied, tied)


# --------------------------------------------------------------------------------- rating errors


def test_rating_errors_by_hand():
    truth, prediction = [1, 2, 3, 4], [2, 2, 1, 4.5]  # errors 1, 0, 2, 1/2
    assert mae(truth, prediction) == 3.5 / 4
    assert rmse(truth, prediction) == math.sqrt(5.25 / 4)
    assert mae(3, 5) == rmse(3, 5) == 2
    assert mae(truth, truth) == rmse(truth, truth) == 0
    assert isinstance(mae(truth, prediction), float)


@given(st.lists(st.tuples(*[st.integers(-40, 40)] * 2), min_size=1))
@repeatable
def test_rmse_is_at_least_mae(pairs):
    truth, prediction = np.array(pairs).T / 8
    assert rmse(truth, prediction) >= mae(truth, prediction) * (1 - EXACT)
    assert mae(truth, prediction) == mae(prediction, truth)


@pytest.mark.parametrize("metric", [mae, rmse])
def test_rating_errors_refuse(metric):
    with pytest.raises(ValueError, match=r"one shape .* got \(2,\) and \(3,\)"):
        metric([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="one shape"):  # no silent broadcasting
        metric([[1], [2]], [1, 2])
    with pytest.raises(ValueError, match="at least one element"):
        metric([], [])
    for bad in (np.nan, np.inf):
        for truth, prediction in (([1, bad], [1, 2]), ([1, 2], [1, bad]), ([bad], [bad])):
            with pytest.raises(ValueError, match="must be finite"):
                metric(truth, prediction)


# ------------------------------------------------------------------------------------------ ranx

RANX = {"hr": "hit_rate", "ndcg": "ndcg", "precision": "precision", "recall": "recall"}
# ranx casts unsigned loop counters when numba compiles it
ranx_compiles = pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")


def by_ranx(name, scores, relevant, k):
    """One of ranx's metrics, per user; its tables hold (item, relevance) and (item, score)."""
    from ranx import metrics

    n_items = scores.shape[1]
    is_relevant = np.zeros((len(scores), n_items + 1))
    np.put_along_axis(is_relevant, relevant, 1.0, axis=1)  # -1, the padding, is the last column
    is_relevant = is_relevant[:, :-1]

    def sorted_table(values):
        order = np.argsort(-values, axis=1, kind="stable")
        return np.stack([order, np.take_along_axis(values, order, axis=1)], axis=-1)

    function = getattr(metrics, RANX[name])
    return function(sorted_table(is_relevant), sorted_table(scores), k)


@ranx_compiles
@pytest.mark.parametrize("name", METRICS)
def test_agrees_with_ranx_where_nothing_ties_and_all_have_relevant_items(name):
    rng = np.random.default_rng(1)
    scores = rng.random((200, 30))
    relevant = rng.permuted(np.tile(np.arange(30), (200, 1)), axis=1)[:, :6]
    relevant[np.arange(6) >= rng.integers(1, 7, (200, 1))] = NO_ITEM
    ranks = ranks_from_scores(scores, relevant)
    for k in (1, 2, 5, 10, 30, 100):
        theirs = by_ranx(name, scores, relevant, k)
        np.testing.assert_allclose(METRICS[name](ranks, k), theirs, rtol=0, atol=EXACT)
        assert k != 5 or len(np.unique(theirs)) > 1  # not all 0, not all 1


@ranx_compiles
@pytest.mark.parametrize("name", METRICS)
def test_differs_from_ranx_without_relevant_items(name):
    """ranx counts a user who cannot be served as a failure; for us there is no test case."""
    scores, relevant = np.array([[3.0, 2, 1]]), np.array([[NO_ITEM]])
    assert by_ranx(name, scores, relevant, 2) == [0]
    assert np.isnan(METRICS[name](ranks_from_scores(scores, relevant), 2)).all()


@ranx_compiles
def test_differs_from_ranx_on_ties():
    """ranx judges the order in which tied items happen to be listed; we take the expectation."""
    scores = np.zeros((2, 4))
    relevant = np.array([[0], [3]])
    assert by_ranx("hr", scores, relevant, 2).tolist() == [1, 0]
    assert hit_ratio(ranks_from_scores(scores, relevant), 2).tolist() == [0.5, 0.5]
    assert by_ranx("ndcg", scores, relevant, 1).tolist() == [1, 0]
    assert ndcg(ranks_from_scores(scores, relevant), 1).tolist() == [0.25, 0.25]
    assert by_ranx("precision", scores, relevant, 4).tolist() == [0.25, 0.25]  # all fit in
    assert precision(ranks_from_scores(scores, relevant), 4).tolist() == [0.25, 0.25]
    assert recall(ranks_from_scores(scores, relevant), 4).tolist() == [1, 1]
