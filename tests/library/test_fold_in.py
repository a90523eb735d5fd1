"""A user who comes after training: known answers, one interface, and who never was trained."""

import numpy as np
import pytest

from recsys_lib.data import Interactions
from recsys_lib.models import (
    ALS,
    GMF,
    MF,
    MLP,
    SVD,
    Biases,
    BinaryMF,
    GRU4Rec,
    ItemKNN,
    Markov,
    NeuMF,
    NotFittedError,
    Popularity,
    Random,
    RecentItemKNN,
    Recommender,
    SASRec,
    UserKNN,
)

from model_suite import MODELS, N_ITEMS, N_USERS, block_of_item, block_of_user, planted

TRAIN = planted().train
NOBODY = N_USERS - 1  # has no row
KNN = [
    {},
    {"n_neighbors": 10, "shrinkage": 2.0},
    {"values": "rating"},
    {"values": "rating", "center": True},
]


def row_of(user, ratings=TRAIN):
    mine = ratings.user == user
    return ratings.item[mine], ratings.rating[mine]


def without(user):
    return TRAIN.select(TRAIN.user != user)


@pytest.fixture(scope="module", params=MODELS, ids=str)
def fitted(request):
    return request.param.brief().fit(TRAIN)


# -------------------------------------------------------------------------------- the one interface


def test_every_model_folds_in(fitted):
    items, ratings = row_of(3)
    before = fitted.score([3])
    scores = fitted.fold_in(items, ratings)
    assert (scores.shape, scores.dtype) == ((N_ITEMS,), np.float32)
    assert np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(len(items))
    again = fitted.fold_in(items[order].tolist(), ratings[order])
    if isinstance(fitted, (Markov, RecentItemKNN, SASRec, GRU4Rec)):
        assert not np.allclose(again, scores)
    else:
        np.testing.assert_allclose(again, scores, rtol=1e-5, atol=1e-6)
    scores[:] = -1  # what a caller does to the scores must not reach the model
    np.testing.assert_array_equal(fitted.score([3]), before)
    np.testing.assert_array_equal(fitted.fold_in(items, ratings), fitted.fold_in(items, ratings))


class Mine(Popularity):
    _fold_in = Recommender._fold_in


def test_a_model_of_ones_own_that_cannot_says_which_can():
    named = (
        "ALS, BPR, Bag, Biases, BinaryMF, Content, Decay, EASE, FeatureMF, GMF, GRU4Rec, ItemKNN, "
        "MF, MLP, MappedFactors, Markov, NeuMF, Popularity, Random, RecentItemKNN, SASRec, SVD, "
        "UserKNN, iALS"
    )  # each once, and none that is abstract, or that tests and experiments derive
    with pytest.raises(NotImplementedError, match=rf"comes after training: .* one of {named}$"):
        Mine().fit(TRAIN).fold_in([0, 1])


def test_a_user_who_has_met_nothing_is_one_without_a_training_row(fitted):
    if isinstance(fitted, Random):
        return
    np.testing.assert_array_equal(fitted.fold_in([]), fitted.score([NOBODY])[0])


def test_a_model_of_ratings_needs_them_and_others_do_not(fitted):
    if isinstance(fitted, (SVD, MF, ALS, Biases)) or getattr(fitted, "values", "") == "rating":
        with pytest.raises(ValueError, match="ratings must be given, one per item"):
            fitted.fold_in([0, 1])
    else:
        np.testing.assert_array_equal(fitted.fold_in([0, 1]), fitted.fold_in([0, 1], [5, 2]))


@pytest.mark.parametrize("model", [SVD(2), MF(2, epochs=1), UserKNN(), ItemKNN(), Popularity()])
def test_fold_in_refuses_what_it_cannot_use(model):
    with pytest.raises(NotFittedError):
        type(model)().fold_in([0], [5])
    model.fit(TRAIN)
    for items, ratings, error, message in (
        ([0, 1], [5], ValueError, "ratings must be 2 finite numbers"),
        ([0], [np.nan], ValueError, "ratings must be 1 finite numbers"),
        ([3, 0, 3], [5, 4, 3], ValueError, "items must not name an item twice"),
        ([N_ITEMS], [5], IndexError, f"items holds {N_ITEMS}, allowed are 0 to"),
        ([0.5], [5], TypeError, "items must hold integer indices"),
        ([0], ["five"], TypeError, "ratings must be numbers"),
    ):
        with pytest.raises(error, match=message):
            model.fold_in(items, ratings)


@pytest.mark.parametrize("model", [SVD(2), MF(2, epochs=1), ALS(2, epochs=1), Biases()])
def test_ratings_outside_the_scale_are_refused(model):
    with pytest.raises(ValueError, match=r"ratings must lie between 1 and 5, .* got 0\.5 to 5"):
        model.fit(TRAIN).fold_in([0, 1], [5, 0.5])


# ------------------------------------------------------------------------------------ known answers


@pytest.mark.parametrize("settings", KNN)
def test_item_neighbors_score_a_row_of_the_training_set_as_before(settings):
    model = ItemKNN(**settings).fit(TRAIN)
    for user in (0, 7, 39):
        np.testing.assert_array_equal(model.fold_in(*row_of(user)), model.score([user])[0])


@pytest.mark.parametrize("settings", KNN)
def test_user_neighbors_score_a_new_user_as_if_fitted_with_them(settings):
    """Fitted without the user, who is thus no neighbor of their own."""
    whole = UserKNN(**settings).fit(TRAIN)
    for user in (0, 7, 39):
        found = UserKNN(**settings).fit(without(user)).fold_in(*row_of(user))
        np.testing.assert_array_equal(found, whole.score([user])[0])


def test_user_neighbors_by_hand():
    """Items 0 and 1 of the new user: cosine 1 with user 0, 1 / sqrt 6 with user 1."""
    train = Interactions([0, 0, 1, 1, 1], [0, 1, 1, 2, 3], [1.0] * 5, [0] * 5, range(2), range(5))
    c = 1 / np.sqrt(6)
    expected = [1, 1 + c, c, c, 0]
    np.testing.assert_allclose(UserKNN().fit(train).fold_in([1, 0]), expected, rtol=1e-6)
    nearest = UserKNN(n_neighbors=1).fit(train).fold_in([1, 0])
    np.testing.assert_allclose(nearest, [1, 1, 0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("biases", [True, False])
def test_als_at_rest_scores_a_row_of_the_training_set_as_before(biases):
    model = ALS(2, epochs=3000, regularization=0.3, biases=biases).fit(TRAIN)
    for user in (0, 7, 39):
        found = model.fold_in(*row_of(user))
        np.testing.assert_allclose(found, model.score([user])[0], atol=2e-3)


def test_als_solves_for_the_new_user_alone():
    """Against the normal equations, written out; the user is in no training set."""
    model = ALS(3, epochs=4, regularization=0.2).fit(without(5))
    items, ratings = row_of(5)
    Z = np.column_stack([model.item_factors_[items], np.ones(len(items))])
    y = ratings - model.global_mean_ - model.item_biases_[items]
    solved = np.linalg.solve(Z.T @ Z + 0.2 * len(items) * np.eye(4), Z.T @ y)
    everything = np.column_stack([model.item_factors_, np.ones(N_ITEMS)])
    expected = model.global_mean_ + model.item_biases_ + everything @ solved
    np.testing.assert_allclose(model.fold_in(items, ratings), expected, rtol=1e-5)


def test_steps_of_mf_end_near_the_solution_for_the_user():
    model = MF(3, learning_rate=0.002, epochs=4000, regularization=0.2).fit(without(5))
    items, ratings = row_of(5)
    Z = np.column_stack([model.item_factors_[items], np.ones(len(items))])
    y = ratings - model.global_mean_ - model.item_biases_[items]
    solved = np.linalg.solve(Z.T @ Z + 0.2 * len(items) * np.eye(4), Z.T @ y)
    everything = np.column_stack([model.item_factors_, np.ones(N_ITEMS)])
    expected = model.global_mean_ + model.item_biases_ + everything @ solved
    np.testing.assert_allclose(model.fold_in(items, ratings), expected, atol=0.02)


def test_biases_fold_in_is_the_damped_mean():
    model = Biases(2.0).fit(TRAIN)
    for user in (0, 7, 39):
        found = model.fold_in(*row_of(user))
        np.testing.assert_allclose(found, model.score([user])[0], atol=1e-5)
    assert Biases(users=False).fit(TRAIN).fold_in([0], [5]).tolist() == pytest.approx(
        Biases(users=False).fit(TRAIN).score([0])[0].tolist()
    )


def test_steps_of_binary_mf_find_the_block_as_a_refit_does():
    """Twelve users, each left out of the training in turn and folded in afterward."""
    settings = {"factors": 2, "learning_rate": 0.1, "regularization": 0.1, "epochs": 60}
    whole, alike = BinaryMF(**settings).fit(TRAIN), []
    for user in range(12):
        model, (items, _) = BinaryMF(**settings).fit(without(user)), row_of(user)
        before = [array.copy() for array in model._factors()]
        scores = model.fold_in(items)
        for array, was in zip(model._factors(), before, strict=True):
            np.testing.assert_array_equal(array, was)  # what was learned is held
        new = np.setdiff1d(np.arange(N_ITEMS - 1), items)
        best = new[np.argsort(-scores[new], kind="stable")[:3]]
        assert (block_of_item(best) == block_of_user(user)).all()
        alike.append(np.corrcoef(scores[new], whole.score([user])[0][new])[0, 1])
    assert min(alike) > 0.8


@pytest.mark.parametrize("n_negatives", [1, 4])
def test_a_user_of_binary_mf_who_has_met_everything_is_refused(n_negatives):
    model = BinaryMF(2, n_negatives=n_negatives, epochs=1).fit(TRAIN)
    with pytest.raises(ValueError, match=f"items names all {N_ITEMS} items"):
        model.fold_in(range(N_ITEMS))
    assert np.isfinite(BinaryMF(2, epochs=1, n_negatives=0).fit(TRAIN).fold_in(range(31))).all()


# ---------------------------------------------------------------- numbers that were never trained


def test_users_without_a_row_are_scored_by_popularity(fitted):
    """All but those that say the same of everybody; the order is that of the counts."""
    if isinstance(fitted, (Random, Biases)):
        return
    scores, counts = fitted.score([NOBODY])[0], TRAIN.item_counts
    for a in range(N_ITEMS):
        np.testing.assert_array_equal(scores > scores[a], counts > counts[a])
    few = fitted.score_items([NOBODY], [[4, 0]])[0]
    np.testing.assert_array_equal(few, scores[[4, 0]])


def few_items():
    """Items 0 to 3; nobody has met 3, and user 2 nothing."""
    return Interactions(
        [0, 0, 1, 1], [0, 1, 1, 2], [5.0, 3, 4, 1], [0] * 4, range(3), range(4), scale=(1, 5)
    )


@pytest.mark.parametrize("biases", [True, False])
def test_mf_predicts_with_what_was_trained_alone(biases):
    """Whatever the seed: of a new user the mean and the item's bias, of a new item the user's."""
    for seed in range(3):
        model = MF(4, epochs=5, biases=biases, init_scale=1.0, seed=seed).fit(few_items())
        mean, of_user, of_item = model.global_mean_, model.user_biases_, model.item_biases_
        found = model.predict([2, 2, 0, 2], [0, 3, 3, 1], clip=False)
        expected = [mean + of_item[0], mean, mean + of_user[0], mean + of_item[1]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert model.item_factors_[:3].all()


def test_item_factors_that_are_given_are_no_random_numbers():
    given = np.arange(8.0).reshape(4, 2) / 10
    model = MF(2, epochs=1, item_init=given).fit(few_items())
    np.testing.assert_array_equal(model.item_factors_[3], given[3].astype(np.float32))


@pytest.mark.parametrize("kind", [BinaryMF, GMF, MLP, NeuMF])
def test_items_in_no_sample_are_scored_by_popularity(kind):
    """Without negatives an item without a row is in none; its odds are even, for everybody."""
    settings = {"layers": (4, 2)} if kind in (MLP, NeuMF) else {"factors": 3}
    model = kind(**settings, n_negatives=0, epochs=2, init_scale=1.0).fit(few_items())
    assert model.score([0, 1, 2])[:, 3].tolist() == [0, 0, 0]
    assert model.score_items([0, 1], [[3, 0], [1, 3]])[[0, 1], [0, 1]].tolist() == [0, 0]
    assert model.score([0, 1])[:, :3].all()
    trained = kind(**settings, n_negatives=2, epochs=2, init_scale=1.0).fit(few_items())
    assert trained.score([0, 1])[:, 3].all()  # a negative of many samples


# ----------------------------------------------------------------- a graphics card that is not here


@pytest.mark.parametrize("kind", [GMF, MLP, NeuMF])
def test_a_network_from_a_graphics_card_is_read_without_one(kind, tmp_path, monkeypatch):
    settings = {"layers": (4, 2)} if kind in (MLP, NeuMF) else {"factors": 3}
    model = kind(**settings, epochs=1).fit(few_items())
    expected = model.score([0, 1, 2])
    model.device = "cuda:7"  # as it says where it was fitted on one
    path = model.save(tmp_path / "model.npz")
    again = kind.load(path)
    assert again.device == "cpu"
    np.testing.assert_array_equal(again.score([0, 1, 2]), expected)
    state = model.__getstate__()
    other = object.__new__(kind)
    other.__setstate__(state)
    assert other.device == "cpu"
    np.testing.assert_array_equal(other.score([0, 1, 2]), expected)
    with pytest.raises(ValueError, match="device must be one that PyTorch has here"):
        kind(device="cuda:7")


# --------------------------------------------------------------------------------------- networks

NETWORKS = {
    GMF: {"factors": 2, "regularization": 3.0},
    MLP: {"layers": (16, 16), "regularization": 0.3},
    NeuMF: {"factors": 2, "layers": (8, 4), "regularization": 3.0, "dropout": 0.1},
}
QUICK = {"learning_rate": 0.01, "batch_size": 64, "init_scale": 0.1, "epochs": 40}


@pytest.mark.parametrize("kind", NETWORKS)
def test_steps_of_a_network_find_the_block_with_all_else_held(kind):
    """Users left out of the training: of their own block are the first items that are new."""
    users = np.arange(4)
    model = kind(**NETWORKS[kind], **QUICK).fit(TRAIN.select(~np.isin(TRAIN.user, users)))
    before = {name: array.copy() for name, array in model._weights().items()}
    right = []
    for user in users:
        items, _ = row_of(user)
        scores = model.fold_in(items)
        new = np.setdiff1d(np.arange(N_ITEMS - 1), items)
        best = new[np.argsort(-scores[new], kind="stable")[:3]]
        right.append(block_of_item(best) == block_of_user(user))
    assert np.mean(right) > 0.8
    for name, array in model._weights().items():
        np.testing.assert_array_equal(array, before[name])
    assert all(parameter.requires_grad for parameter in model.network_.parameters())


def test_a_network_of_one_user_shares_what_it_holds():
    model = NeuMF(2, (8, 4), epochs=1).fit(TRAIN)
    network, own = model._of_one_user()
    assert [tuple(one.shape) for one in own] == [(1, 2), (1, 4)]
    held = dict(model.network_.named_parameters())
    for name, parameter in network.named_parameters():
        shared = parameter.data_ptr() == held[name].data_ptr()
        assert shared == ("user_" not in name) == (not parameter.requires_grad)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_user_of_a_network_who_has_met_everything_is_refused(kind):
    model = kind(**NETWORKS[kind], epochs=1).fit(TRAIN)
    with pytest.raises(ValueError, match=f"items names all {N_ITEMS} items"):
        model.fold_in(range(N_ITEMS))


def test_chance_is_another_for_other_new_users():
    model = Random(seed=1).fit(TRAIN)
    scores = [model.fold_in(items) for items in ([0], [1], [0, 1])]
    assert len(np.unique(scores)) > 3 * N_ITEMS - 3
    assert not np.isin(scores[0], model.score(range(N_USERS))).any()
