"""Small inputs on which a slightly wrong library gave the right answer in every other test."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from recsys_lib import metrics, top_k
from recsys_lib.data import DataError, Interactions
from recsys_lib.evaluation import evaluate, leaderboard, significance
from recsys_lib.evaluation.candidates import read_candidates, sample_candidates
from recsys_lib.models import (
    ALS,
    GMF,
    MF,
    SVD,
    Biases,
    BinaryMF,
    ItemKNN,
    Popularity,
    UserKNN,
    bmf,
)
from recsys_lib.models.implicit import NegativeSampler, draw_for_one
from recsys_lib.models.neighbors import _k_largest
from recsys_lib.models.svd import randomized_svd, truncated_svd

from toy import fixed, part, split_of


def rated(table):
    """Interactions from rows of ratings, 0 where there is none."""
    table = np.array(table, dtype=float)
    (user, item), (n, m) = np.nonzero(table), table.shape
    return Interactions(user, item, table[user, item], np.zeros(len(user)), range(n), range(m))


# --- neighbors ---


@pytest.mark.parametrize(
    ("similar", "k", "kept"),
    [
        ([0.5, 0.5, 0.9], 2, [0, 2]),  # not the first two: a tie must not fill the last place
        ([0.5, 0.5, 0.5, 0.9], 3, [0, 1, 3]),
        ([0.9, 0.5, 0.5], 2, [0, 1]),
        ([0.5, 0.5, 0.5], 1, [0]),
    ],
)
def test_of_equal_neighbors_only_as_many_stay_as_fit_beside_the_better_ones(similar, k, kept):
    assert _k_largest(np.array(similar), np.arange(len(similar)), k).tolist() == kept


# --- negatives ---


@pytest.mark.parametrize("met", [range(1, 30, 3), range(0, 30, 3), range(10), range(20, 30)])
def test_the_first_and_the_last_item_are_drawn_as_often_as_any(met):
    sampler = NegativeSampler(part({(0, item) for item in met}, (1, 30)))
    users = np.zeros(4000, dtype=np.int32)
    counts = np.bincount(sampler.draw(users, 5, np.random.default_rng(0)).ravel(), minlength=30)
    unmet = np.setdiff1d(np.arange(30), met)
    assert counts[unmet].sum() == 20_000
    assert stats.chisquare(counts[unmet]).pvalue > 0.001


def test_an_item_met_in_training_and_again_in_the_test_is_no_candidate():
    """As when the test is a list of people's own; both parts have the cell."""
    split = split_of([(0, 0), (0, 1)], [(0, 2)], [(0, 1)], (1, 6))
    for seed in range(5):
        candidates = sample_candidates(split, 3, seed=seed)
        assert sorted(candidates.negatives[0]) == [3, 4, 5]


def test_negatives_are_drawn_again_until_one_is_hit_whoever_the_user_is():
    """By the random numbers: an item for each, and another for each that was met."""
    cells = {(0, i) for i in range(20)} | {(1, i) for i in range(0, 20, 2)}
    sampler = NegativeSampler(part(cells, (2, 30)))
    drawn = sampler.draw(np.ones(50, dtype=np.int32), 2, np.random.default_rng(7)).ravel()
    rng, expected = np.random.default_rng(7), []
    while len(expected) < 100:
        item = int(rng.random() * 30)
        if (1, item) not in cells:
            expected.append(item)
    assert drawn.tolist() == expected


def test_candidates_are_read_for_interactions_and_nothing_else(tmp_path):
    (tmp_path / "list.csv").write_text("user,item\n")
    with pytest.raises(TypeError, match="ratings must be Interactions"):
        read_candidates(tmp_path / "list.csv", "ratings")


def test_nothing_that_a_single_user_has_met_is_drawn_for_them():
    for met in ([0], [4], [0, 2], [3, 1, 4]):
        drawn = draw_for_one(np.array(met), 5, 200, np.random.default_rng(0))
        assert drawn.shape == (len(met), 200)
        assert set(drawn.ravel()) == set(range(5)) - set(met)


def test_an_item_met_in_training_and_again_in_validation_is_no_negative():
    split = split_of({(0, 0), (1, 1)}, {(0, 0), (0, 2)}, {(0, 1)})
    assert set(sample_candidates(split, 5).negatives[0].tolist()) == {3, 4, -1}


def test_the_seed_draws_the_same_candidates_as_ever():
    """Recorded results rest on them. Of 16 items the users know 4, 5, 6 and 13: few, half, many."""
    known = {(user, item) for user, n in enumerate((3, 4, 5, 12)) for item in range(n)}
    split = split_of(known, set(), {(user, 15) for user in range(4)}, (4, 16))
    drawn = sample_candidates(split, 3, seed=0).negatives.tolist()
    assert drawn == [[13, 10, 8], [4, 13, 10], [14, 10, 11], [14, 12, 13]]


# --- biases ---


@pytest.mark.parametrize("sides", [{"users": False}, {"items": False}])
def test_means_of_one_side_are_found_at_once(monkeypatch, sides):
    """The second round changes nothing, and so it is the last of those thousand allowed."""
    rounds, means = [], Biases._damped_means
    monkeypatch.setattr(Biases, "_damped_means", lambda *a: rounds.append(1) or means(*a))
    Biases(**sides).fit(rated(np.arange(1, 31).reshape(5, 6) % 5))
    assert len(rounds) <= 2


def test_biases_that_do_not_settle_are_alternated_a_thousand_times(monkeypatch):
    rounds = []

    def restless(self, groups, values, n):
        rounds.append(1)
        return np.full(n, float(len(rounds)))

    monkeypatch.setattr(Biases, "_damped_means", restless)
    Biases(items=False).fit(rated(np.arange(1, 31).reshape(5, 6) % 5))
    assert len(rounds) == 1000


# --- tables ---


def test_a_leaderboard_of_seeds_asks_for_the_same_held_out_items():
    users = pd.Index([0, 1, 2], name="user")
    tables = [pd.DataFrame({"n_relevant": n, "hr@1": [1.0, 0, 0]}, users) for n in (1, 2)]
    with pytest.raises(DataError, match="the same held-out items; table 1 is not"):
        leaderboard({"A": tables}, "hr@1")
    bare = [table[["hr@1"]] for table in tables]
    assert leaderboard({"A": bare}, "hr@1").loc["A", "mean"] == pytest.approx(1 / 3)


# --- significance ---


def test_no_number_of_users_gives_certainty():
    with pytest.raises(ValueError, match="power must be"):
        significance.users_needed(1.0, 0.1, power=1.0)


def test_two_users_are_enough_for_a_plan():
    assert significance.noticeable(1.0, 2) == pytest.approx(2.8016 / 2**0.5, abs=1e-4)


# --- SVD ---


def test_propack_finds_one_direction_of_a_wide_matrix():
    """Its search space must not be 10 times one direction: that is too small here."""
    matrix = sparse.random_array((400, 300), density=0.05, rng=np.random.default_rng(0))
    _, expected, _ = truncated_svd(matrix, 1, "arpack")
    _, s, _ = truncated_svd(matrix, 1, "propack")
    np.testing.assert_allclose(s, expected, rtol=1e-6)


def test_random_projections_of_a_wide_matrix_need_no_square_one():
    matrix = np.random.default_rng(0).normal(size=(15, 3000))
    tracemalloc.start()
    randomized_svd(matrix, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * matrix.nbytes  # 3000 x 3000 are 200 times as much


def test_the_mean_of_a_single_rating_is_that_rating():
    """Folded in with fill="user", as the training row that holds it: the whole row is its mean."""
    table = rated([[5, 0, 0, 0], [1, 2, 0, 3], [0, 4, 4, 1], [2, 0, 5, 0], [3, 3, 0, 1]])
    model = SVD(2, fill="user").fit(table)
    np.testing.assert_allclose(model.fold_in([0], [5.0]), model.score([0])[0], atol=1e-5)


# --- padding, the order of columns ---


def test_the_number_that_stands_for_nothing_is_minus_one():
    """Files and other people's code hold the number, not its name."""
    assert top_k.NO_ITEM == metrics.NO_ITEM == -1
    items, scores = top_k.top_k(np.array([[1.0, -np.inf]]), 2)
    assert items.tolist() == [[0, -1]]
    assert scores[0, 1] == -np.inf


def test_columns_stand_in_the_order_of_the_lengths_asked_for():
    split = split_of({(0, 0), (1, 1)}, set(), {(0, 1), (1, 2)})
    model = fixed(np.arange(20.0).reshape(4, 5), split)
    columns = list(evaluate(model, split, k=[3, 1]).columns)
    names = ("hr", "ndcg", "precision", "recall")
    assert columns == ["n_relevant", *(f"{name}@{k}" for name in names for k in (3, 1))]


@pytest.mark.parametrize("row", [0, 1])
def test_nan_is_refused_in_whichever_row_it_is(row):
    scores = np.zeros((2, 3))
    scores[row, 2] = np.nan
    with pytest.raises(ValueError, match=f"there is one in row {row}, column 2"):
        metrics.ranks_from_scores(scores, np.zeros((2, 1), dtype=int))


def test_scores_of_few_digits_may_be_infinite_and_whole_ones_may_be_none():
    infinite = np.array([[np.inf, -np.inf, 1.0]], dtype=np.float16)
    np.testing.assert_array_equal(metrics.as_scores(infinite), infinite.astype(np.float64))
    assert metrics.as_scores(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)
    assert metrics.as_scores(np.array([[2**31]], dtype=np.uint32)) == 2**31


# --- training ---


def test_a_logit_of_zero_is_right_for_a_negative_and_wrong_for_a_positive():
    train = rated(np.eye(6) + np.eye(6, k=1))
    settings = {"learning_rate": 0, "init_scale": 0, "biases": False, "n_negatives": 3, "epochs": 1}
    assert BinaryMF(2, **settings).fit(train).history_["accuracy"][0] == 0.75


@pytest.mark.parametrize(
    "model", [Biases(), MF(2, epochs=1), ALS(2, epochs=1), SVD(2, fill="user")], ids=repr
)
def test_ratings_that_are_all_equal_teach_a_model_of_ratings_nothing(model):
    """Events without ratings are taken for ratings of 1; what was not rated counts for nothing."""
    alike = rated(3 * np.eye(5, 4))
    with pytest.warns(UserWarning, match=r"all 4 ratings are 3, and .* take BinaryMF"):
        model.fit(alike)
    model.fit(rated(np.eye(5, 4) + 2 * np.eye(5, 4, k=1)))  # without a warning


def test_so_they_do_one_that_takes_means_off_and_the_line_of_the_caller_is_named():
    for model in (UserKNN(values="rating", center=True), ItemKNN(values="rating", center=True)):
        with pytest.warns(UserWarning, match="all 4 ratings are 3") as told:
            model.fit(rated(3 * np.eye(5, 4)))
        assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="all 4 ratings are 3") as told:
        MF(2, epochs=1).fit(rated(3 * np.eye(5, 4)))
    assert [one.filename for one in told] == [__file__]


def test_the_others_learn_from_equal_ratings_in_silence():
    alike = rated(np.eye(5, 4) + np.eye(5, 4, k=1))
    for model in (SVD(2, fill="zero"), BinaryMF(2, epochs=1), ItemKNN(2), Popularity()):
        model.fit(alike)


@pytest.mark.parametrize("sgd", [bmf.sgd, bmf.epoch], ids=["plain", "compiled"])
def test_the_loss_of_many_negatives_is_the_sum_of_their_losses(sgd):
    """Without a step, each of 301 samples is worth log 2; their product is beyond 1e90."""
    zeros = [np.zeros(shape, dtype=np.float32) for shape in (1, 4, (1, 2), (4, 2), 1, 4)]
    users, items, negatives = np.zeros(1, int), np.zeros(1, int), np.ones((1, 300), int)
    loss, _ = sgd(users, items, negatives, np.float32(0), *zeros, np.float32(0), True)
    assert loss == pytest.approx(301 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("model", [MF(2, epochs=4), ALS(2, epochs=4)], ids=["MF", "ALS"])
def test_seconds_add_up_over_the_epochs(model):
    seconds = model.fit(rated(np.arange(1, 31).reshape(5, 6) % 5)).history_["seconds"]
    assert (np.diff(np.r_[0, seconds]) > 0).all()


def test_no_gradient_is_left_from_one_step_to_the_next():
    """PyTorch adds gradients up: what is left would be part of the next step."""
    train = rated(np.eye(6) + np.eye(6, k=1))
    left = []

    def watch(model):
        left.extend(p.grad for p in model.network_.parameters() if p.grad is not None)
        return {}

    GMF(2, epochs=2, batch_size=4, n_negatives=1).fit(train, watch=watch)
    assert left == []
