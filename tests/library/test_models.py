"""What every model promises, tried on all of them; then each method worked by hand.

The models come from `model_suite.MODELS`.
"""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist

from recsys_lib import models
from recsys_lib.data import DataError, Interactions
from recsys_lib.evaluation import evaluate, watching
from recsys_lib.evaluation.candidates import sample_candidates
from recsys_lib.files import write_npz
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models import (
    ALS,
    EASE,
    MF,
    SVD,
    Biases,
    BinaryMF,
    Content,
    Decay,
    ItemKNN,
    NeuMF,
    NotFittedError,
    Popularity,
    Random,
    Recommender,
    UserKNN,
    iALS,
    load_model,
)
from recsys_lib.models.neighbors import center_rows, cosine_similarity, normalize_rows

from model_suite import (
    MODELS,
    N_ITEMS,
    N_USERS,
    block_of_item,
    block_of_user,
    described,
    planted,
)

SPLIT = planted()
EVERYBODY = np.arange(N_USERS)


@pytest.fixture(scope="module", params=MODELS, ids=str)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(case):
    """One fitted model for all tests that only look at it."""
    return case.brief().fit(SPLIT.train)


def another_dataset():
    """Other users, other items, other numbers of both."""
    rng = np.random.default_rng(1)
    user, item = np.nonzero(rng.random((12, 9)) < 0.4)
    times = np.arange(len(user))[::-1]
    ratings = Interactions(
        user, item, rng.integers(1, 6, len(user)), times, range(12), range(9), time_unit="s"
    )
    return ratings.with_features(items=described(ratings.item_ids))


# ----------------------------------------------------------------------------- shared suite: scores


def test_scores_are_one_float_for_every_user_and_item(fitted):
    for users in (EVERYBODY, [N_USERS - 1], [2, 2, 5]):
        scores = fitted.score(users)
        assert scores.shape == (len(users), N_ITEMS)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
    assert fitted.score([]).shape == (0, N_ITEMS)
    assert fitted.score([]).dtype == np.float32


def test_a_batch_equals_one_user_at_a_time(case, fitted):
    batch = fitted.score(EVERYBODY)
    single = np.vstack([fitted.score([user]) for user in EVERYBODY])
    np.testing.assert_allclose(batch, single, rtol=case.tolerance, atol=case.tolerance)


def test_users_may_repeat_and_come_in_any_order(case, fitted):
    users = np.random.default_rng(2).integers(0, N_USERS, 100)
    expected = fitted.score(EVERYBODY)[users]
    scores = fitted.score(users)
    np.testing.assert_allclose(scores, expected, rtol=case.tolerance, atol=case.tolerance)


def test_users_are_integers_of_any_kind_and_are_not_changed(fitted):
    expected = fitted.score([3, 0, 40])
    for dtype in (np.int8, np.int32, np.uint16, np.uint64, ">i4"):
        users = np.array([3, 0, 40], dtype=dtype)
        users.setflags(write=False)
        np.testing.assert_array_equal(fitted.score(users), expected)
    users = np.array([3, 0, 40])
    fitted.score(users)[:] = -1  # what a caller does to the scores must not reach the model
    fitted.recommend(users, exclude=SPLIT.train)
    assert users.tolist() == [3, 0, 40]
    np.testing.assert_array_equal(fitted.score([3, 0, 40]), expected)


@pytest.mark.parametrize("call", ["score", "recommend"])
def test_users_that_cannot_be_are_refused(fitted, call):
    call = getattr(fitted, call)
    for users in ([-1], [0, N_USERS], [10**12], np.array([2**63], dtype=np.uint64)):
        with pytest.raises(IndexError, match=f"users holds .* 0 to {N_USERS - 1}"):
            call(users)
    for users in ([0.0], [np.nan], ["user 00"], [True, False], np.ones(N_USERS, bool)):
        with pytest.raises(TypeError, match="users must hold integer indices, got dtype"):
            call(users)
    for users in (3, [[0, 1]], np.zeros((2, 0), int)):
        with pytest.raises(ValueError, match="users must be a one-dimensional array"):
            call(users)


@pytest.mark.parametrize("shape", [(60, 7), (1, N_ITEMS), (5, 1), (3, 0), (0, 4), (0, 0)])
def test_scores_of_a_few_items_are_the_scores_at_those_items(case, fitted, shape):
    """Of any users and any items, some of them twice; cold ones are among them."""
    rng = np.random.default_rng(3)
    users, items = rng.integers(0, N_USERS, shape[0]), rng.integers(0, N_ITEMS, shape)
    users[:1], items[:1, -1:] = N_USERS - 1, N_ITEMS - 1
    given = users.copy(), items.copy()
    found = fitted.score_items(users, items)
    assert found.shape == shape
    assert found.dtype == np.float32
    expected = np.take_along_axis(fitted.score(EVERYBODY)[users], items, axis=1)
    np.testing.assert_allclose(found, expected, rtol=case.tolerance, atol=case.tolerance)
    found[:] = -1  # what a caller does to the scores must not reach the model
    np.testing.assert_array_equal(users, given[0])
    np.testing.assert_array_equal(items, given[1])
    again = fitted.score_items(users.tolist(), items.astype(np.uint16))
    np.testing.assert_allclose(again, expected, rtol=case.tolerance, atol=case.tolerance)


def test_items_that_cannot_be_scored_are_refused(fitted):
    for users, items, error, message in (
        ([N_USERS], [[0]], IndexError, f"users holds {N_USERS}, allowed are 0 to {N_USERS - 1}"),
        ([0.0], [[0]], TypeError, "users must hold integer indices"),
        (0, [[0]], ValueError, "users must be a one-dimensional array"),
        ([0, 1], [[0], [N_ITEMS]], IndexError, f"items holds {N_ITEMS}, .* 0 to {N_ITEMS - 1}"),
        ([0], [[-1, 0]], IndexError, "items holds -1"),
        ([0], [[0.0, 1.0]], TypeError, "items must hold integer indices, got dtype float64"),
        ([0], [["item 00"]], TypeError, "items must hold integer indices"),
        ([0], [[True]], TypeError, "items must hold integer indices"),
        ([0, 1], [0, 1], ValueError, r"items must have one row .* 2 users, .*got shape \(2,\)"),
        ([0], 3, ValueError, r"items must have one row .* 1 users, .*got shape \(\)"),
        ([0, 1], [[0, 1]], ValueError, r"items must have one row .* 2 users, .*got shape \(1, 2\)"),
        ([0], [[[0]]], ValueError, r"items must have one row .* got shape \(1, 1, 1\)"),
        ([], [[0]], ValueError, r"items must have one row for each of the 0 users"),
    ):
        with pytest.raises(error, match=message):
            fitted.score_items(users, items)


def test_a_model_can_be_evaluated(fitted):
    table = evaluate(fitted, SPLIT, [1, 5])
    assert table.index.tolist() == list(range(N_USERS - 1))
    assert table.notna().all(axis=None)


# -------------------------------------------------------------------------------- shared suite: fit


def test_fit_returns_the_model_and_says_its_shape(case):
    model = case.brief()
    assert model.fit(SPLIT.train) is model
    assert model.shape == (N_USERS, N_ITEMS)


def test_what_fit_learns_ends_in_an_underscore(case, fitted):
    """`save` keeps only that."""
    assert all(name.endswith("_") for name in set(vars(fitted)) - set(vars(case.brief())))
    assert repr(fitted.parameters) == repr(case.brief().parameters)


def test_a_model_that_is_not_fitted_says_so(case, tmp_path):
    model = case.brief()
    calls = (
        lambda: model.score([0]),
        lambda: model.score_items([0], [[0]]),
        lambda: model.recommend([0]),
        lambda: model.shape,
        lambda: model.save(tmp_path / "model.npz"),
    )
    for call in calls:
        with pytest.raises(
            NotFittedError, match=r"is not fitted yet: call fit\(train\) first"
        ) as e:
            call()
        assert repr(model) in str(e.value)
    assert not list(tmp_path.iterdir())


def test_training_data_that_cannot_be_is_refused(case):
    model = case.brief()
    for train in (SPLIT.train.to_csr(), SPLIT, None):
        with pytest.raises(
            TypeError, match=f"train must be Interactions, got {type(train).__name__}"
        ):
            model.fit(train)
    with pytest.raises(DataError, match="train is empty"):
        model.fit(SPLIT.train.select(np.zeros(len(SPLIT.train), dtype=bool)))
    with pytest.raises(NotFittedError):
        model.score([0])


def test_fitting_again_leaves_nothing_of_the_first_time(case, fitted):
    model = case.brief().fit(another_dataset())
    assert model.score([0]).shape == (1, 9)
    for _ in range(2):
        model.fit(SPLIT.train)
        np.testing.assert_array_equal(model.score(EVERYBODY), fitted.score(EVERYBODY))
    assert set(vars(model)) == set(vars(fitted))


def test_the_same_seed_gives_the_same_numbers(case, fitted):
    expected = fitted.score(EVERYBODY)
    np.testing.assert_array_equal(case.brief().fit(SPLIT.train).score(EVERYBODY), expected)
    if "seed" in fitted.parameters:
        other = case.brief(seed=fitted.parameters["seed"] + 1).fit(SPLIT.train).score(EVERYBODY)
        if case.seeded:
            assert (other != expected).any()
        else:
            np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in MODELS if case.personal], ids=str)
def test_planted_blocks_are_found(case):
    """The first three new items for each user are of the user's own block."""
    model = case.make().fit(SPLIT.train)
    users = EVERYBODY[:-1]
    items, _ = model.recommend(users, 3, exclude=SPLIT.train)
    np.testing.assert_array_equal(block_of_item(items), np.tile(block_of_user(users), (3, 1)).T)


def test_only_the_baselines_need_not_find_them():
    assert {case.model for case in MODELS if not case.personal} == {
        Biases,
        Decay,
        Popularity,
        Random,
    }


# ---------------------------------------------------------------------- shared suite: similar items


def test_similar_items_are_others_the_most_similar_first(fitted):
    by_pairs = isinstance(fitted, (ItemKNN, EASE, Content))
    if not hasattr(fitted, "item_factors_") and not by_pairs:
        with pytest.raises(NotImplementedError, match="nothing to compare items by: take ItemKNN"):
            fitted.similar_items([0])
        return
    items = np.array([3, 20, 3])
    found, similarities = fitted.similar_items(items, 5)
    assert (found.shape, found.dtype, similarities.dtype) == ((3, 5), np.int32, np.float32)
    assert (np.diff(similarities, axis=1) <= 0).all()
    assert not (found == items[:, None]).any()
    np.testing.assert_array_equal(found[0], found[2])
    everything, all_similarities = fitted.similar_items([3], N_ITEMS + 2)
    assert ((everything == -1) == np.isneginf(all_similarities)).all()
    assert set(everything[0]) <= set(range(N_ITEMS)) - {3} | {-1}
    nobody = N_ITEMS - 1  # has met this one
    untrained = isinstance(fitted, (UserKNN, ItemKNN, EASE, SVD, MF, ALS, iALS))
    if untrained and not (isinstance(fitted, SVD) and fitted.fill != "zero"):
        assert nobody not in everything
        assert (fitted.similar_items([nobody], 3)[0] == -1).all()
    if hasattr(fitted, "item_factors_"):
        Q = fitted.item_factors_.astype(np.float64)
        for item, others, values in zip(items, found, similarities, strict=True):
            lengths = np.linalg.norm(Q[others], axis=1) * np.linalg.norm(Q[item])
            cosines = Q[others] @ Q[item] / np.where(lengths > 0, lengths, 1)
            np.testing.assert_allclose(values, cosines, atol=1e-5)
    with pytest.raises(IndexError, match=f"items holds {N_ITEMS}"):
        fitted.similar_items([N_ITEMS])
    with pytest.raises(ValueError, match="k must be"):
        fitted.similar_items([0], 0)


def test_only_items_that_have_to_do_with_one_are_its_neighbors():
    found, similarities = ItemKNN(n_neighbors=2).fit(SPLIT.train).similar_items([5], 6)
    assert (found[0] >= 0).sum() == 2
    assert (similarities[0, 2:] == -np.inf).all()
    model = BinaryMF(4, n_negatives=0, epochs=2).fit(SPLIT.train)  # item 30 is in no sample
    assert (model.similar_items([30], 3)[0] == -1).all()
    assert 30 not in model.similar_items([0], 40)[0]


def test_numbers_that_are_very_small_have_directions_too():
    model = iALS(4, unobserved_weight=1.0).fit(SPLIT.train)
    expected, _ = model.similar_items([0, 20], 4)
    model.item_factors_ *= np.float32(1e-22)
    found, similarities = model.similar_items([0, 20], 4)
    np.testing.assert_array_equal(found, expected)
    assert similarities.max() <= 1 + 1e-6


def test_items_of_one_block_are_similar():
    for model in (ItemKNN(), EASE(100.0), iALS(2, unobserved_weight=1.0), SVD(2)):
        found, _ = model.fit(SPLIT.train).similar_items(np.arange(30), 3)
        same = block_of_item(found) == block_of_item(np.arange(30))[:, None]
        assert same.mean() > 0.9, model


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (ItemKNN, {"neighbors": 3}, "ItemKNN has no hyperparameter 'neighbors'; is 'n_neighbors'"),
        (BinaryMF, {"n_factors": 3}, "BinaryMF has no .* is 'factors' meant"),
        (MF, {"random_state": 1}, "is 'seed' meant"),
        (iALS, {"alpha": 2}, r"'alpha'\. It has factors, .*, unobserved_weight"),  # not the same
        (ItemKNN, {"k": 40}, "is 'n_neighbors' meant"),
        (SVD, {"n_components": 40}, "is 'factors' meant"),
        (NeuMF, {"lr": 2}, "is 'learning_rate' meant"),
        (Popularity, {"what": 1}, r"Popularity has no hyperparameter 'what'\. It has none"),
        (UserKNN, {"color": 1}, r"'color'\. It has n_neighbors, shrinkage, values, center"),
    ],
)
def test_a_name_that_there_is_not_is_answered_with_what_is_meant(model, given, message):
    with pytest.raises(TypeError, match=message):
        model(**given)


def test_a_model_of_ones_own_may_take_anything():
    class Mine(Recommender):
        def __init__(self, size=1, cls="any", **more):
            self.size, self.cls, self.more = size, cls, more

        def _fit(self, train): ...
        def _score(self, users): ...

    mine = Mine(2, cls="one", other=3)
    assert (mine.size, mine.cls, mine.more) == (2, "one", {"other": 3})


# -------------------------------------------------------------------------- shared suite: recommend


def naive_lists(scores, k, known):
    lists = []
    for row, banned in zip(scores, known, strict=True):
        allowed = [i for i in range(len(row)) if i not in banned]
        best = sorted(allowed, key=lambda i: -row[i])[:k]
        lists.append(best + [NO_ITEM] * (k - len(best)))
    return np.array(lists)


@pytest.mark.parametrize("k", [1, 10, N_ITEMS, 150])
def test_recommend_sorts_the_scores(case, fitted, k):
    """Where it may round differently, in other batches, it is asked with one batch only."""
    users = np.array([5, 0, 5, N_USERS - 1, 17])
    scores = fitted.score(users)
    known = [set(SPLIT.train.item[SPLIT.train.user == user].tolist()) for user in users]
    for exclude, banned in ((None, [set()] * len(users)), (SPLIT.train, known)):
        items, best = fitted.recommend(users, k, exclude=exclude)
        assert (items.dtype, best.dtype) == (np.int32, np.float32)
        np.testing.assert_array_equal(items, naive_lists(scores, k, banned))
        picked = np.take_along_axis(scores, np.maximum(items, 0), axis=1)
        np.testing.assert_array_equal(best, np.where(items == NO_ITEM, -np.inf, picked))
    if case.tolerance == 0:
        again = fitted.recommend(users, k, exclude=SPLIT.train, batch_size=2)
        np.testing.assert_array_equal(again[0], items)
        np.testing.assert_array_equal(again[1], best)


def test_recommend_for_nobody(fitted):
    items, scores = fitted.recommend([], 4)
    assert items.shape == scores.shape == (0, 4)


def test_recommend_with_nothing_left(fitted):
    everything = Interactions(
        np.zeros(N_ITEMS), np.arange(N_ITEMS), np.ones(N_ITEMS), np.zeros(N_ITEMS),
        SPLIT.train.user_ids, SPLIT.train.item_ids,
    )  # fmt: skip
    items, scores = fitted.recommend([0, 1], 3, exclude=everything)
    assert (items[0] == NO_ITEM).all()
    assert (scores[0] == -np.inf).all()
    assert (items[1] != NO_ITEM).all()


def test_recommend_refuses_what_it_cannot_use(fitted):
    for name in ("k", "batch_size"):
        for value, error in (
            (0, ValueError),
            (-1, ValueError),
            (2.0, TypeError),
            (True, TypeError),
        ):
            with pytest.raises(error, match=f"{name} must be"):
                fitted.recommend([0], **{name: value})
    with pytest.raises(DataError, match=r"exclude must have .*; it has 12 and 9, not 41 and 31"):
        fitted.recommend([0], exclude=another_dataset())
    with pytest.raises(TypeError, match="exclude must be Interactions, got csr_array"):
        fitted.recommend([0], exclude=SPLIT.train.to_csr())


# ---------------------------------------------------------------------- shared suite: save and load


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    return fitted.save(tmp_path_factory.mktemp("models") / "a model")  # no suffix is added


def assert_same_model(loaded, fitted):
    """In all that it has: hyperparameters, what it learned, and a model inside it."""
    assert type(loaded) is type(fitted)
    assert repr(loaded) == repr(fitted)
    assert set(vars(loaded)) == set(vars(fitted))
    for name, value in vars(fitted).items():
        if isinstance(value, Recommender):
            assert_same_model(getattr(loaded, name), value)
        elif sparse.issparse(value):
            assert (getattr(loaded, name) != value).nnz == 0
            assert getattr(loaded, name).nnz == value.nnz  # stored zeros too
        elif isinstance(value, torch.nn.Module):
            assert repr(getattr(loaded, name)) == repr(value)
            weights = getattr(loaded, name).state_dict()
            assert list(weights) == list(value.state_dict())
            assert all(weights[k].equal(v) for k, v in value.state_dict().items())
        else:
            np.testing.assert_array_equal(getattr(loaded, name), value)


def test_a_loaded_model_is_the_saved_one(case, fitted, saved):
    assert [path.name for path in saved.parent.iterdir()] == ["a model"]
    for load in (type(fitted).load, load_model):
        loaded = load(saved)
        assert loaded.shape == fitted.shape
        np.testing.assert_array_equal(loaded.score(EVERYBODY), fitted.score(EVERYBODY))
        assert_same_model(loaded, fitted)
        loaded.fit(SPLIT.train)
        np.testing.assert_array_equal(loaded.score(EVERYBODY), fitted.score(EVERYBODY))


def test_a_model_of_the_library_is_read_though_somebody_has_a_class_of_its_name(tmp_path):
    theirs = type("Popularity", (Popularity,), {})
    path = Popularity().fit(SPLIT.train).save(tmp_path / "model.npz")
    assert type(load_model(path)) is Popularity is not theirs


def test_the_file_holds_no_pickle(saved):
    with np.load(saved, allow_pickle=False) as file:
        assert all(file[key].dtype.kind in "biufU" for key in file.files)


def test_a_file_of_another_class_is_refused(case, saved):
    for other in {other.model for other in MODELS} - {case.model}:
        message = f"a model holds {case.model.__name__}, not {other.__name__}"
        with pytest.raises(DataError, match=message):
            other.load(saved)


def test_a_damaged_file_is_refused(case, saved, tmp_path):
    whole = saved.read_bytes()
    path = tmp_path / "damaged.npz"
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        for load in (case.model.load, load_model):
            with pytest.raises(DataError, match=r"damaged\.npz is damaged or not a file"):
                load(path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nothing.npz")


def test_a_file_without_a_model_is_refused(case, tmp_path):
    path = SPLIT.train.save(tmp_path / "ratings.npz")
    with pytest.raises(DataError, match=f"holds None, not {case.model.__name__}"):
        case.model.load(path)
    with pytest.raises(DataError, match=r"holds None, known are .*'ItemKNN'"):
        load_model(path)


# -------------------------------------------------------------------- shared suite: hyperparameters

NUMBER = [("3", TypeError), (True, TypeError), (None, TypeError)]
WRONG = {  # by the type of the value that is right
    int: [*NUMBER, (1.5, TypeError), (np.nan, TypeError), (-1, ValueError)],
    float: [*NUMBER, (np.nan, ValueError), (np.inf, ValueError), (-1.0, ValueError)],
    str: [("nonsense", ValueError), (1, ValueError), (None, ValueError)],
    bool: [(1, TypeError), ("False", TypeError), (None, TypeError)],
    tuple: [*NUMBER[:2], (None, TypeError), ((3, 2), ValueError), ((4, -1), ValueError)],
    iALS: [("iALS", TypeError), (None, TypeError), (Popularity(), TypeError), (iALS, TypeError)],
    type(None): [(wrong, (TypeError, ValueError)) for wrong in ("3", True, 1.5, np.nan, -1, "x")],
}


def test_wrong_hyperparameters_are_refused_by_name(case):
    for name, right in case.brief().parameters.items():
        for wrong, error in WRONG[iALS if isinstance(right, Recommender) else type(right)]:
            with pytest.raises(error, match=f"{name} must be"):
                case.brief(**{name: wrong})


def test_the_representation_is_the_call_that_makes_the_model(case, fitted):
    for model in (case.make(), fitted):
        again = eval(repr(model), vars(models))
        assert type(again) is case.model
        assert repr(again.parameters) == repr(model.parameters)
        for name, value in model.parameters.items():
            assert f"{name}={value!r}" in repr(model)
    for name, value in case.settings.items():
        assert f"{name}={value!r}" in repr(case.make())


def test_numpy_numbers_are_hyperparameters_too(case, tmp_path):
    given = {
        name: np.int64(value) if type(value) is int else np.float64(value)
        for name, value in case.brief().parameters.items()
        if type(value) in (int, float)
    }
    model = case.brief(**given)
    assert repr(model) == repr(case.brief())
    path = model.fit(SPLIT.train).save(tmp_path / "model.npz")
    assert repr(load_model(path).parameters) == repr(case.brief().parameters)


# -------------------------------------------------------------------------------- the one interface


def test_what_cannot_be_saved_without_pickle_is_refused(tmp_path):
    class WithList(Popularity):
        def _fit(self, train):
            super()._fit(train)
            self.history_ = [{"epoch": 1}, None]

    path = tmp_path / "model.npz"
    with pytest.raises(TypeError, match="history_ must hold numbers or text"):
        WithList().fit(SPLIT.train).save(path)
    assert not path.exists()


def test_base_class_cannot_be_used_alone():
    with pytest.raises(TypeError, match="abstract"):
        Recommender()


def test_scores_that_are_nan_are_refused_by_recommend():
    class Broken(Popularity):
        def _score(self, users):
            return np.full((len(users), self.n_items_), np.nan, dtype=np.float32)

    model = Broken().fit(SPLIT.train)
    for call in (model.score, model.recommend):
        with pytest.raises(ValueError, match=r"Broken\(\) scores NaN for user 3"):
            call([3])
    with pytest.raises(ValueError, match=r"Broken\(\) scores NaN for user 3"):
        model.score_items([3], [[0]])


class Counting(Recommender):
    """A model of one's own whose scores are counts, in any type of number."""

    def __init__(self, kind="float32"):
        self.kind = kind

    def _fit(self, train):
        self.counts_ = train.item_counts - 10

    def _score(self, users):
        return np.tile(self.counts_, (len(users), 1)).astype(self.kind)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "g", "i1", "i4", "i8", ">i4", "u1", "u4", "?"])
def test_scores_of_any_type_of_number_are_ranked_as_the_same_in_float64(kind):
    """Known items are taken out by minus infinity, which integers and booleans cannot hold."""
    model, same = Counting(kind).fit(SPLIT.train), Counting("f8").fit(SPLIT.train)
    same.counts_ = same.counts_.astype(kind).astype(np.float64)
    for one in (same.score([0, 40]), model.score([0, 40])):
        assert one.dtype in (np.float32, np.float64)
        np.testing.assert_array_equal(one, np.tile(same.counts_, (2, 1)))
    users = EVERYBODY[:-1]
    for found, expected in zip(
        model.recommend(users, 20, exclude=SPLIT.train),
        same.recommend(users, 20, exclude=SPLIT.train),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    candidates = sample_candidates(SPLIT, 5)
    for given in (None, candidates):
        pd.testing.assert_frame_equal(
            evaluate(model, SPLIT, candidates=given), evaluate(same, SPLIT, candidates=given)
        )


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (np.full((1, 31), 1 + 2j), ValueError, "must score numbers of shape .*got complex128"),
        (np.full((1, 31), "1"), ValueError, "must score numbers of shape .*got <U1"),
        (np.full((1, 31), None), ValueError, "must score numbers of shape .*got object"),
        ([[0.5] * 31], TypeError, "must score a NumPy array, got a list"),
        (pd.DataFrame(np.ones((1, 31))), TypeError, "must score a NumPy array, got a DataFrame"),
        (np.ma.ones((1, 31)), TypeError, "must score a NumPy array, got a MaskedArray"),
        (np.ones(31), ValueError, r"must score numbers of shape \(1, 31\)"),
        (np.full((1, 31), 2**53 + 1), ValueError, r"must be within 2\*\*53, got 90071992"),
        (np.full((1, 31), -(2**60)), ValueError, r"must be within 2\*\*53"),
        (np.full((1, 31), np.nan, "f2"), ValueError, "scores NaN for user 3"),
    ],
)
def test_what_are_no_scores_is_refused_with_the_name_of_the_model(
    monkeypatch, scores, error, message
):
    model = Counting().fit(SPLIT.train)
    monkeypatch.setattr(model, "_score", lambda users: scores)
    for call in (model.score, model.recommend):
        with pytest.raises(error, match=rf"Counting\(kind='float32'\).*{message}"):
            call([3])
    if scores is not None and np.ndim(scores) == 2:
        monkeypatch.setattr(model, "_score_items", lambda users, items: scores)
        with pytest.raises(error, match=r"Counting\(kind='float32'\)"):
            model.score_items([3], [np.arange(31)])


def test_infinite_scores_are_allowed():
    """Minus infinity takes an item out; both at once are no NaN."""
    model = Counting().fit(SPLIT.train)
    model.counts_ = np.zeros(N_ITEMS)
    model.counts_[[2, 5, 9]] = np.inf, -np.inf, 1
    items, _ = model.recommend([0], N_ITEMS)
    assert items[0, :2].tolist() == [2, 9]
    assert items[0, -1] == NO_ITEM
    assert 5 not in items[0]


def test_rows_of_items_of_different_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="items must"):
        Popularity().fit(SPLIT.train).score_items([0, 1], [[1, 2], [3]])


# ---------------------------------------------------------------------------------------- baselines


def ratings_of(table):
    """Interactions from rows of ratings; NaN is an empty cell."""
    table = np.array(table, dtype=float)
    user, item = np.nonzero(~np.isnan(table))
    n_users, n_items = table.shape
    return Interactions(
        user, item, table[user, item], np.zeros(len(user)), range(n_users), range(n_items)
    )


o = np.nan
TABLE = [  # of 4 users and 5 items; user 3 has met nothing, item 4 was met by nobody
    [5, 3, 4, o, o],
    [4, 1, o, o, o],
    [o, o, 2, 5, o],
    [o, o, o, o, o],
]


def test_popularity_counts_users_and_not_stars():
    model = Popularity().fit(ratings_of(TABLE))
    assert model.counts_.tolist() == [2, 2, 2, 1, 0]
    assert model.score([3, 0]).tolist() == [[2, 2, 2, 1, 0]] * 2
    items, scores = model.recommend([0], 3, exclude=ratings_of(TABLE))
    assert items.tolist() == [[3, 4, NO_ITEM]]
    assert scores.tolist() == [[1, 0, -np.inf]]


def test_random_scores_are_uniform_and_differ_between_users_and_seeds():
    scores = Random().fit(SPLIT.train).score(EVERYBODY)
    assert len(np.unique(scores)) > 0.99 * scores.size
    assert ((scores >= 0) & (scores < 1)).all()
    assert scores.mean() == pytest.approx(1 / 2, abs=4 / np.sqrt(12 * scores.size))
    assert len(np.unique(scores[:, 0])) == N_USERS
    assert abs(np.corrcoef(scores[0], scores[1])[0, 1]) < 0.5
    other = Random(seed=1).fit(SPLIT.train).score(EVERYBODY)
    assert abs(np.corrcoef(scores.ravel(), other.ravel())[0, 1]) < 0.1
    assert not np.isin(scores[:, 0], other[:, 0]).any()  # nor is it another user's row


# --------------------------------------------------------------------------------------- neighbors


def cosine_by_loops(a, b):
    """The formula of the module, one term at a time."""
    product = sum(x * y for x, y in zip(a, b, strict=True))
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return product / lengths if lengths else 0.0


def csr(rows):
    return sparse.csr_array(np.array(rows, dtype=np.float32))


def test_cosine_similarity_is_the_formula():
    rows = [[5, 3, 4, 0, 0], [4, 1, 0, 0, 0], [0, 0, 2, 5, 0], [0, 0, 0, 0, 0]]
    found = cosine_similarity(csr(rows))
    assert found.dtype == np.float32
    expected = [[cosine_by_loops(a, b) for b in rows] for a in rows]
    np.testing.assert_allclose(found.toarray(), expected, rtol=0, atol=1e-6)
    assert expected[0][1] == pytest.approx(23 / math.sqrt(50 * 17))
    assert not found.toarray()[3].any()  # a row of zeros, on the diagonal too
    assert not found.toarray()[:, 3].any()


def test_cosine_similarity_agrees_with_scipy():
    rng = np.random.default_rng(4)
    rows = (rng.normal(size=(30, 50)) * (rng.random((30, 50)) < 0.3)).astype(np.float32)
    found = cosine_similarity(sparse.csr_array(rows)).toarray()
    np.testing.assert_allclose(found, 1 - cdist(rows, rows, "cosine"), rtol=0, atol=1e-6)


def test_normalize_rows_leaves_its_argument_alone():
    matrix = csr([[3, 4], [0, 0]])
    np.testing.assert_allclose(normalize_rows(matrix).toarray(), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert matrix.toarray().tolist() == [[3, 4], [0, 0]]


def test_center_rows_by_hand():
    matrix = ratings_of([[5, 3, o], [4, 4, 4], [o, o, o], [o, 1, 2]]).to_csr()
    centered, means = center_rows(matrix)
    assert means.tolist() == [4, 4, 0, 1.5]
    assert centered.toarray().tolist() == [[1, -1, 0], [0, 0, 0], [0, 0, 0], [0, -0.5, 0.5]]
    assert centered.nnz == matrix.nnz  # the zeros of user 1 are ratings
    assert matrix.toarray()[0].tolist() == [5, 3, 0]
    assert (centered.dtype, means.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("stars", [0.1, 1.7, 3.3, 4.1])
@pytest.mark.parametrize("n", [3, 7, 10, 16])
def test_who_gives_all_items_the_same_stars_is_left_with_zeros(stars, n):
    """A rest of 1e-7 would be stretched to length 1 and look like firm opinions."""
    ratings = ratings_of([[stars] * n, [5, 1] + [3] * (n - 2)])
    centered, _ = center_rows(ratings.to_csr())
    assert not centered[[0]].toarray().any()
    model = UserKNN(values="rating", center=True).fit(ratings)
    assert not model.score([0]).any()


C01, C02 = 2 / math.sqrt(6), 1 / math.sqrt(6)  # users 0 and 1 share two items, 0 and 2 one


def test_user_neighbors_by_hand():
    model = UserKNN().fit(ratings_of(TABLE))
    expected = [[0, C01, C02, 0], [C01, 0, 0, 0], [C02, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(model.similarity_.toarray(), expected, rtol=1e-6)
    scores = [
        [C01, C01, C02, C02, 0],  # items of user 1, then of user 2
        [C01, C01, C01, 0, 0],
        [C02, C02, C02, 0, 0],
        [2, 2, 2, 1, 0],  # has met nothing: how many users have each item
    ]
    np.testing.assert_allclose(model.score([0, 1, 2, 3]), scores, rtol=1e-6)


def test_user_neighbors_with_ratings_by_hand():
    model = UserKNN(values="rating", n_neighbors=1).fit(ratings_of(TABLE))
    cosine = 23 / math.sqrt(50 * 17)  # users 0 and 1
    other = 8 / math.sqrt(50 * 29)  # users 0 and 2
    np.testing.assert_allclose(model.score([0]), [np.array([4, 1, 0, 0, 0]) * cosine], rtol=1e-6)
    np.testing.assert_allclose(model.score([2]), [np.array([5, 3, 4, 0, 0]) * other], rtol=1e-6)


def test_item_neighbors_by_hand():
    model = ItemKNN().fit(ratings_of(TABLE))
    c = 1 / math.sqrt(2)  # items 2 and 3: one common user, two users and one
    expected = np.zeros((5, 5))
    expected[0, 1] = expected[1, 0] = 1
    expected[0, 2] = expected[2, 0] = expected[1, 2] = expected[2, 1] = 1 / 2
    expected[2, 3] = expected[3, 2] = c
    np.testing.assert_allclose(model.similarity_.toarray(), expected, rtol=1e-6)
    np.testing.assert_allclose(model.score([1, 3]), [[1, 1, 1, 0, 0], [2, 2, 2, 1, 0]], rtol=1e-6)
    # with one neighbor each: 0 and 1 keep each other, 2 keeps 3, 3 keeps 2
    nearest = ItemKNN(n_neighbors=1).fit(ratings_of(TABLE))
    np.testing.assert_allclose(nearest.score([0]), [[1, 1, 0, c, 0]], rtol=1e-6)
    rated = ItemKNN(n_neighbors=1, values="rating").fit(ratings_of(TABLE))
    columns = [[5, 4], [3, 1]]
    s = cosine_by_loops(*columns)
    np.testing.assert_allclose(rated.score([1]), [[1 * s, 4 * s, 0, 0, 0]], rtol=1e-6)


def test_shrinkage_by_hand():
    """A cosine on n common items is multiplied by n / (n + 2)."""
    similarity = UserKNN(shrinkage=2.0).fit(ratings_of(TABLE)).similarity_.toarray()
    assert similarity[0, 1] == pytest.approx(C01 * 2 / 4)
    assert similarity[0, 2] == pytest.approx(C02 * 1 / 3)
    similarity = ItemKNN(shrinkage=2.0).fit(ratings_of(TABLE)).similarity_.toarray()
    assert similarity[0, 1] == pytest.approx(1 * 2 / 4)
    assert similarity[2, 3] == pytest.approx(1 / math.sqrt(2) * 1 / 3)


def test_shrinkage_counts_items_that_were_rated_at_the_mean():
    """Item 2 adds 0 to the centered product, but it is a common item: 3 / (3 + 3), not 2 / 5."""
    model = UserKNN(values="rating", center=True, shrinkage=3.0)
    similarity = model.fit(ratings_of([[4, 2, 3], [5, 1, 3]])).similarity_
    assert similarity.toarray()[0, 1] == pytest.approx(1 / 2)


def test_adjusted_cosine_by_hand():
    """Centered: (1, 1, -2), (0, 1, -1), (-1/2, 1/2, none)."""
    model = ItemKNN(values="rating", center=True)
    model.fit(ratings_of([[5, 5, 2], [4, 5, 3], [1, 2, o]]))
    assert model.user_means_.tolist() == [4, 4, 1.5]
    cosine = 0.75 / (math.sqrt(1.25) * math.sqrt(2.25))  # items 0 and 1; item 2 opposes both
    expected = [[0, cosine, 0], [cosine, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(model.similarity_.toarray(), expected, rtol=1e-6)
    scores = [[cosine, cosine, 0], [-cosine / 2 * -1, -cosine / 2, 0]]
    np.testing.assert_allclose(model.score([0, 2]), scores, rtol=1e-6)


def test_centered_users_by_hand():
    """Users 0 and 1 like the same, user 2 the opposite: opposition is no neighborhood."""
    model = UserKNN(values="rating", center=True).fit(ratings_of([[5, 1, o], [4, 2, 3], [1, 5, 3]]))
    cosine = 4 / (math.sqrt(8) * math.sqrt(2))  # (2, -2) and (1, -1, 0)
    np.testing.assert_allclose(model.score([0]), [[cosine, -cosine, 0]], rtol=1e-6)
    assert not model.score([2]).any()


def test_equal_similarities_keep_the_lower_index():
    table = ratings_of([[1, 1, o], [1, 1, o], [1, 1, 1], [1, 1, o], [1, 1, o]])
    kept = UserKNN(n_neighbors=2).fit(table).similarity_
    assert [row.nonzero()[0].tolist() for row in kept.toarray()] == [
        [1, 3], [0, 3], [0, 1], [0, 1], [0, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
@pytest.mark.parametrize("n_neighbors", [1, 10, 120, 1000])
@pytest.mark.parametrize("model", [UserKNN, ItemKNN])
def test_the_most_similar_rows_are_kept(model, n_neighbors, shrinkage):
    rng = np.random.default_rng(5)
    table = np.where(rng.random((150, 150)) < 0.1, rng.integers(1, 6, (150, 150)), np.nan)
    table[7], table[:, 9] = np.nan, np.nan
    fitted = model(n_neighbors, shrinkage, "rating", center=True).fit(ratings_of(table))
    means = np.nansum(table, axis=1) / np.maximum((~np.isnan(table)).sum(axis=1), 1)
    centered = np.nan_to_num(table - means[:, None])
    met = (~np.isnan(table)).astype(float)
    if model is ItemKNN:
        centered, met = centered.T, met.T
    lengths = np.sqrt((centered**2).sum(axis=1))
    cosine = centered @ centered.T / np.maximum(np.outer(lengths, lengths), 1e-300)
    common = met @ met.T
    true = cosine * common / np.maximum(common + shrinkage, 1e-300)
    np.fill_diagonal(true, 0)
    found = fitted.similarity_.toarray()
    assert (np.diff(fitted.similarity_.indptr) <= n_neighbors).all()
    kept = found != 0
    np.testing.assert_allclose(found[kept], true[kept], rtol=0, atol=1e-6)
    # which of two nearly equal ones is kept is a matter of rounding; how large they are is not
    most = np.sort(np.where(true > 1e-9, true, 0), axis=1)[:, ::-1][:, :n_neighbors]
    best = np.sort(found, axis=1)[:, ::-1][:, :n_neighbors]
    np.testing.assert_allclose(best, most, rtol=0, atol=1e-6)
    expected = found @ centered if model is UserKNN else centered.T @ found
    expected[7] = (~np.isnan(table)).sum(axis=0)  # met nothing: popularity
    np.testing.assert_allclose(fitted.score(np.arange(150)), expected, rtol=0, atol=1e-4)


def test_a_single_user_has_no_neighbors():
    assert UserKNN().fit(ratings_of([[1, 1]])).score([0]).tolist() == [[0, 0]]
    assert ItemKNN().fit(ratings_of([[1], [1]])).score([0]).tolist() == [[0]]


def test_a_user_without_training_data_gets_the_popular_items():
    """The last user and the last item of the planted data are in no event."""
    counts = SPLIT.train.item_counts
    for model in (UserKNN(), ItemKNN(), ItemKNN(values="rating", center=True)):
        scores = model.fit(SPLIT.train).score(EVERYBODY)
        assert scores[-1].tolist() == counts.tolist()
        assert not scores[:, -1].any()
        assert scores[:-1, :-1].any()
        lists, _ = model.recommend([N_USERS - 1], k=5)
        assert lists[0].tolist() == np.argsort(-counts, kind="stable")[:5].tolist()
        assert model.explain(N_USERS - 1, int(lists[0, 0])) == []  # no neighbor speaks for it


@pytest.mark.parametrize("model", [UserKNN, ItemKNN])
def test_neighbor_settings_that_cannot_be_are_refused(model):
    with pytest.raises(ValueError, match="n_neighbors must be at least 1, got 0"):
        model(n_neighbors=0)
    with pytest.raises(ValueError, match="center=True needs values='rating'"):
        model(center=True)
    assert model(shrinkage=0).shrinkage == 0.0


# ------------------------------------------------------------------------------------------ explain


def test_explain_by_hand():
    users = UserKNN().fit(ratings_of(TABLE))
    assert users.explain(0, 0) == [(1, 1.0)]  # of the neighbors only user 1 has met item 0
    assert users.explain(0, 4) == []
    assert users.explain(3, 0) == []
    items = ItemKNN().fit(ratings_of(TABLE))
    # user 0 met 0, 1 and 2; item 2 is half as similar to 0 and 1 as they are to each other
    assert items.explain(0, 0) == [(1, pytest.approx(2 / 3)), (2, pytest.approx(1 / 3))]
    assert items.explain(0, 0, n=1) == [(1, pytest.approx(2 / 3))]
    assert items.explain(0, 2) == [(0, pytest.approx(1 / 2)), (1, pytest.approx(1 / 2))]


def test_explain_where_some_speak_against_an_item():
    """Neighbors 1 and 2 are equally similar; one likes item 3, the other dislikes it as much.

    Their parts cancel, the score is 0, and still the one who likes it can be named.
    """
    ratings = ratings_of([[5, 1, 3, o], [4, 2, 2, 4], [4, 2, 4, 2]])
    model = UserKNN(values="rating", center=True).fit(ratings)
    assert model.score([0])[0, 3] == pytest.approx(0, abs=1e-6)
    assert model.explain(0, 3) == [(1, 1.0)]
    against = ratings_of([[5, 1, 3, o], [4, 2, 2, 4], [4, 2, 5, 1], [4, 2, 4, 2]])
    model = UserKNN(values="rating", center=True).fit(against)
    assert model.score([0])[0, 3] < 0
    assert model.explain(0, 3) == [(1, 1.0)]


@pytest.mark.parametrize(
    "settings", [{}, {"values": "rating"}, {"values": "rating", "center": True}]
)
@pytest.mark.parametrize("model", [UserKNN, ItemKNN])
def test_explanations_are_shares_and_the_largest_come_first(model, settings):
    model = model(**settings).fit(SPLIT.train)
    scores = model.score(EVERYBODY)
    for user in (0, 7, 40):
        for item in (0, 20, 30):
            found = model.explain(user, item, n=N_USERS)
            shares = [share for _, share in found]
            assert shares == sorted(shares, reverse=True)
            assert all(0 < share <= 1 for share in shares)
            assert sum(shares) == pytest.approx(1 if found else 0)
            assert bool(found) or scores[user, item] <= 0 or model.cold_[user]
            assert model.explain(user, item) == found[:3]
            if not settings.get("center") and isinstance(model, UserKNN):
                for other, share in found:
                    met = model.matrix_[[other], [item]].item()
                    part = model.similarity_[[user], [other]].item() * met
                    assert share * scores[user, item] == pytest.approx(part, rel=1e-5)


@pytest.mark.parametrize("model", [UserKNN, ItemKNN])
def test_explain_refuses(model):
    with pytest.raises(NotFittedError):
        model().explain(0, 0)
    model = model().fit(SPLIT.train)
    for arguments, error, message in (
        ((41, 0), IndexError, "user holds 41"),
        ((0, -1), IndexError, "item holds -1"),
        ((0.5, 0), TypeError, "user must hold integer"),
        ((0, "item 00"), TypeError, "item must hold integer"),
        (([0], 0), ValueError, "user must be"),
        ((0, 0, 0), ValueError, "n must be"),
    ):
        with pytest.raises(error, match=message):
            model.explain(*arguments)


def test_a_fit_that_is_interrupted_leaves_no_model_that_looks_fitted(monkeypatch):
    model = Popularity()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "_fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(SPLIT.train)
    with pytest.raises(NotFittedError):
        model.score([0])


def test_a_file_of_another_version_is_refused(tmp_path):
    path = tmp_path / "old.npz"
    write_npz(path, {}, {"model": "UserKNN", "parameters": {"neighbors": 5}})
    with pytest.raises(DataError, match=r"from another version of UserKNN: .*'neighbors'"):
        UserKNN.load(path)


@pytest.mark.parametrize("model", [models.Biases, models.SVD, models.MF, models.ALS])
def test_a_refused_fit_leaves_a_fitted_model_as_it_was(model):
    fitted = model().fit(SPLIT.train) if model is not models.SVD else models.SVD(2).fit(SPLIT.train)
    before = fitted.predict([0, 1], [2, 3])
    ratings = SPLIT.train
    other = Interactions(
        *([[]] * 4), ratings.user_ids, ratings.item_ids, scale=(10, 50), name="empty"
    )
    with pytest.raises(DataError, match="train is empty"):
        fitted.fit(other)
    np.testing.assert_array_equal(fitted.predict([0, 1], [2, 3]), before)


def test_what_a_model_remembers_of_its_training_keeps_its_types(tmp_path):
    model = models.MF(2, epochs=3).fit(SPLIT.train, watch=watching(SPLIT))
    again = load_model(model.save(tmp_path / "model.npz"))
    pd.testing.assert_frame_equal(again.history_, model.history_)
