"""The parts of the recorded experiments that are no model, metric or split of the library."""

import numpy as np
import pandas as pd
import pytest

from recsys_lib.evaluation import evaluate
from recsys_lib.experiments import dot_product
from recsys_lib.experiments.evaluation import WithPopularity, _change
from recsys_lib.experiments.networks import Mean
from recsys_lib.experiments.published import FABRICATED, PublishedMLP, as_published
from recsys_lib.experiments.svd import Truncated
from recsys_lib.models import MLP, UserKNN
from recsys_lib.sampling import Candidates

from toy import fixed, split_of

SHAPE = 3, 12


@pytest.fixture
def split():
    return split_of([(2, 0), (0, 3)], [], [(u, i) for u in (0, 1) for i in (1, 11)], SHAPE)


def lists(positives):
    """Candidates of two users: ten negatives, and one or two positives."""
    negatives = [[0, *range(2, 11)]] * 2
    return Candidates(*(np.array(a, dtype=np.int32) for a in ([0, 1], positives, negatives)))


def test_the_paper_counts_ties_against_the_positives(split):
    """A model that says the same of everything finds nothing; in expectation it finds much."""
    constant = fixed(np.zeros(SHAPE), split)
    counted = as_published(constant, lists([[11, -1], [11, -1]]))
    np.testing.assert_array_equal(counted["hr@10"], 0)
    fair = as_published(constant, lists([[11, -1], [11, -1]]), fair_ties=True)  # two of twelve
    np.testing.assert_allclose(fair["hr@10"], 1 - (2 / 12) * (1 / 11))


def test_the_paper_gives_users_with_one_positive_a_second_one(split):
    scores = np.zeros(SHAPE)
    scores[:, FABRICATED] = 1
    counted = as_published(fixed(scores, split), lists([[11, -1], [11, 1]]))
    np.testing.assert_array_equal(counted["hr@10"], 1)
    np.testing.assert_allclose(counted["recall@10"], 1 / 2)
    np.testing.assert_allclose(counted["ndcg@10"], 1 / (1 + 1 / np.log2(3)))


def test_without_ties_and_with_both_positives_the_paper_counts_as_we_do(split):
    model = fixed(np.random.default_rng(0).permutation(36).reshape(SHAPE), split)
    candidates = lists([[11, 1], [11, 1]])
    ours = evaluate(model, split, candidates=candidates)
    theirs = as_published(model, candidates)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs)
    assert theirs.columns.tolist() == ours.columns.tolist()[: len(theirs.columns)]


def test_published_networks_start_as_torch_has_them_and_ours_do_not(split):
    given = {"layers": (64, 8), "learning_rate": 0.0, "epochs": 1, "init_scale": 1.0}
    weights = {
        kind: kind(**given).fit(split.train).network_.tower.layers[0].weight.detach().numpy()
        for kind in (PublishedMLP, MLP)
    }
    bound = 64**-0.5  # PyTorch's own: uniform between -1/sqrt(n) and 1/sqrt(n)
    assert abs(weights[PublishedMLP]).max() <= bound
    assert abs(weights[MLP]).max() > bound


def test_the_mean_of_two_models(split):
    one, other = (fixed(np.full(SHAPE, x), split) for x in (1.0, 4.0))
    mean = Mean((one, other)).fit(split.train)
    np.testing.assert_array_equal(mean.score([0, 2]), np.full((2, SHAPE[1]), 2.5))
    np.testing.assert_array_equal(mean.score_items([1], [[3, 4]]), [[2.5, 2.5]])


def test_random_arrows_have_dot_products_of_variance_one():
    x, y = dot_product.pairs(50_000, 8, np.random.default_rng(0))
    p, q = x.numpy()[:, :8], x.numpy()[:, 8:]
    np.testing.assert_allclose(y.numpy(), np.einsum("nf,nf->n", p, q) / 8**0.5, atol=1e-5)
    assert float(y.var()) == pytest.approx(1, abs=0.03)


def test_a_tower_learns_a_dot_product_in_part_and_better_from_more_examples():
    few, many = (dot_product.learn(4, n, seed=0, steps=600) for n in (100, 20_000))
    assert 0.1 < many < few
    assert many < 0.6


def test_a_relative_difference_that_stays_is_no_change_and_one_that_turns_is():
    users = pd.Index(range(40), name="user")
    rng = np.random.default_rng(0)

    def results(worth):
        columns = {"hr@10": worth + rng.normal(0, 0.01, 40), "ndcg@10": np.full(40, worth)}
        return [pd.DataFrame(columns, users)]

    tables = {
        "sampled": {"A": results(0.6), "B": results(0.4)},  # A ahead by 40 % of their mean
        "full": {"A": results(0.2), "B": results(0.3)},  # B ahead by as much
    }
    change = _change(tables)
    assert change["ndcg@10"]["A - B"]["difference"] == pytest.approx(-0.8)
    assert change["hr@10"]["A - B"]["high"] < -0.7
    tables["full"] = {name: [one / 4 for one in parts] for name, parts in tables["sampled"].items()}
    same = _change(tables)["hr@10"]["A - B"]
    assert same["difference"] == pytest.approx(0)
    assert same["p_value"] == 1


def test_new_users_get_popularity_and_others_what_their_model_says():
    train = split_of([(0, 0), (0, 3), (1, 3)], [], [], SHAPE).train
    model, alone = WithPopularity(UserKNN()).fit(train), UserKNN().fit(train)
    users = np.arange(3)
    np.testing.assert_array_equal(model.score(users)[:2], alone.score(users[:2]))
    np.testing.assert_array_equal(model.score([2])[0], train.item_counts)
    np.testing.assert_array_equal(model.score_items([2, 0], [[3, 1], [3, 1]])[0], [2, 0])


def test_at_full_rank_the_unknown_cells_are_tied_and_the_known_are_as_given():
    rng = np.random.default_rng(0)
    table = np.where(rng.random((40, 30)) < 0.2, rng.integers(1, 6, (40, 30)), 0).astype(float)
    decomposed = np.linalg.svd(table, full_matrices=False)
    train = split_of([(0, 0)], [], [], table.shape).train
    users = np.arange(40)
    full = Truncated(*decomposed, k=30).fit(train).score(users)
    np.testing.assert_array_equal(full, table)
    u, s, vt = decomposed
    few = Truncated(*decomposed, k=3).fit(train).score(users)
    np.testing.assert_allclose(few, (u[:, :3] * s[:3]) @ vt[:3], atol=1e-6)
