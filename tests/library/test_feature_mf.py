"""Factorization with features: its steps against automatic differentiation, and new items."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from recsys_lib.data import Features, Interactions, split_items
from recsys_lib.evaluation import evaluate, new_item_candidates, watching
from recsys_lib.models import BinaryMF, FeatureMF, Popularity, load_model
from recsys_lib.models import bmf as plain_module
from recsys_lib.models import features as module
from recsys_lib.models.content import tf_idf
from recsys_lib.models.features import columns_of, epoch, sgd

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
SPLIT = planted()
NEW_SPLIT = split_items(SPLIT.train, 0, 3, valid=False)
KNOWN = NEW_SPLIT.train.item_counts > 0


def without_features(ratings):
    return replace(ratings, item_features=None, user_features=None)


def side(rng, n, n_features, dtype):
    """A random table of weights, the first of each row an identity; row 0 has nothing else."""
    weights = rng.normal(size=(n, n_features)) * (rng.random((n, n_features)) < 0.4)
    weights[0] = 0
    return sparse.csr_array(np.column_stack([np.eye(n), weights]).astype(dtype))


def start(n, n_negatives, dtype=np.float64, k=4, seed=0, n_users=8, n_items=7):
    """Arguments of `sgd` up to the learning rate, random, and the two tables of weights."""
    rng = np.random.default_rng(seed)
    sides, arguments = [], []
    for rows, n_features in ((n_users, 3), (n_items, 5)):
        table = side(rng, rows, n_features, dtype)
        size = table.shape[1]
        numbers = rng.normal(0, 0.5, size), rng.normal(0, 0.5, (size, k)), rng.uniform(0, 0.3, size)
        arguments += [columns_of(table), *(one.astype(dtype) for one in numbers)]
        sides.append(table.toarray())
    samples = (
        rng.integers(0, n_users, n),
        rng.integers(0, n_items, n),
        rng.integers(0, n_items, (n, n_negatives)),
        rng.random((n, 1 + n_negatives)) < 0.4,
    )
    return [*samples, dtype(-1.2), *arguments], sides


def copied(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


def tables(arguments):
    """bu, P, bi, Q."""
    return [arguments[place] for place in (6, 7, 10, 11)]


def call(function, arguments, rate, biases=True):
    return function(*arguments, arguments[7].dtype.type(rate), biases)


# --------------------------------------------------------------------------------------- the steps


def test_one_step_by_hand():
    """An item of identity, weight 1, and one word of weight 2; its logit is 0, the force 1/2."""
    users, items = (columns_of(sparse.csr_array(one)) for one in ([[1.0]], [[1.0, 2.0]]))
    bu, P, bi, Q = (
        np.array([1.0]),
        np.array([[2.0]]),
        np.array([1.0, -1.0]),
        np.array([[2.0], [-1]]),
    )
    none, kept = np.empty((1, 0), dtype=int), np.zeros((1, 1), dtype=bool)
    decay_u, decay_i = np.array([0.1]), np.array([0.2, 0.4])
    arguments = [[0], [0], none, kept, 0.0, users, bu, P, decay_u, items, bi, Q, decay_i]
    loss, right = sgd(*arguments, 0.5, True)
    assert loss == pytest.approx(np.log(2))  # 1 + (1 - 2) + 2 (2 - 2) = 0
    assert right == 0
    np.testing.assert_allclose(bu, [1 + 0.5 * (0.5 - 0.1)])
    np.testing.assert_allclose(bi, [1 + 0.5 * (0.5 - 0.2), -1 + 0.5 * (2 * 0.5 + 0.4)])
    np.testing.assert_allclose(P, [[2 + 0.5 * (0 - 0.2)]])  # q is 0
    np.testing.assert_allclose(Q, [[2 + 0.5 * (1 - 0.4)], [-1 + 0.5 * (2 * 1 + 0.4)]])


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 5),
    rate=st.floats(0.001, 0.5),
    biases=st.booleans(),
    n_negatives=st.integers(0, 2),
)
@repeatable
def test_steps_are_the_learning_rate_times_the_gradient(seed, k, rate, biases, n_negatives):
    """Of BCE and, for each feature that a sample has, decay / 2 times its squares: by autograd."""
    arguments, sides = start(6, n_negatives, k=k, seed=seed)
    users, items, negatives, left_out, c = arguments[:5]
    decay_u, decay_i = arguments[8], arguments[12]
    variables = [torch.tensor(one, requires_grad=True) for one in tables(arguments)]
    moving = variables if biases else [variables[1], variables[3]]
    optimizer = torch.optim.SGD(moving, lr=rate)
    total = 0.0
    for s, user in enumerate(users):
        for n, item in enumerate([items[s], *negatives[s]]):
            bu, P, bi, Q = variables
            w, v = sides[0][user].copy(), sides[1][item].copy()
            if left_out[s, n] and (v != 0).sum() > 1:
                v[item] = 0
            has = [torch.tensor(d * (one != 0)) for d, one in ((decay_u, w), (decay_i, v))]
            w, v = torch.tensor(w), torch.tensor(v)
            logit = c + w @ bu + v @ bi + (w @ P) @ (v @ Q)
            loss = bce(logit, torch.tensor(float(n == 0), dtype=torch.float64))
            total += loss.item()
            for d, b, factors in ((has[0], bu, P), (has[1], bi, Q)):
                loss = loss + (d @ (b**2 + (factors**2).sum(dim=1))) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found, _ = call(sgd, arguments, rate, biases)
    assert found == pytest.approx(total, rel=1e-10)
    for one, variable in zip(tables(arguments), variables, strict=True):
        np.testing.assert_allclose(one, variable.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("k", "n_negatives"), [(1, 2), (5, 0), (19, 3)])
def test_the_compiled_epoch_takes_the_same_steps_up_to_rounding(
    dtype, rounding, biases, k, n_negatives
):
    arguments, _ = start(80, n_negatives, dtype, k=k)
    plain, fast = copied(arguments), copied(arguments)
    expected, found = call(sgd, plain, 0.1, biases), call(epoch, fast, 0.1, biases)
    assert found[0] == pytest.approx(expected[0], rel=rounding)
    assert abs(found[1] - expected[1]) <= (1 if dtype is np.float32 else 0)
    for a, b in zip(tables(plain), tables(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


# ---------------------------------------------------------------------- identities are `BinaryMF`

EVERYTHING = without_features(SPLIT.train.select(slice(None)).compact())  # every item has a row
SAME = [
    {},
    {"frequency_power": 0.0, "regularization": 0.05},
    {"frequency_power": 0.5, "regularization": 0.3, "n_negatives": 1, "factors": 7},
    {"biases": False, "n_negatives": 0},
]


def as_one(settings):
    """The same hyperparameters for both, whose defaults differ."""
    return {"frequency_power": 1.0, "regularization": 3.0, "epochs": 1, **settings}


@pytest.mark.parametrize("epochs", [1, 10])
@pytest.mark.parametrize("settings", SAME)
def test_identities_alone_are_binary_mf(settings, epochs):
    """To rounding, after one epoch and after ten, with the same random numbers."""
    given = as_one(settings) | {"epochs": epochs}
    plain = BinaryMF(**given).fit(EVERYTHING)
    names = ("user_biases_", "item_biases_", "user_factors_", "item_factors_")
    own = Features(np.eye(EVERYTHING.n_items), EVERYTHING.item_ids, EVERYTHING.item_ids)
    people = Features(np.eye(EVERYTHING.n_users), EVERYTHING.user_ids, EVERYTHING.user_ids)
    for train, other in (
        (EVERYTHING, {}),
        (EVERYTHING, {"identity_dropout": 0.0}),
        (EVERYTHING.with_features(items=own), {"identity": False}),
        (EVERYTHING.with_features(items=own, users=people), {"identity": False}),
    ):
        model = FeatureMF(**given, **other).fit(train)
        for name in names:
            np.testing.assert_allclose(getattr(model, name), getattr(plain, name), atol=1e-6)
        np.testing.assert_allclose(model.history_["loss"], plain.history_["loss"], rtol=1e-6)
        np.testing.assert_array_equal(model.history_["accuracy"], plain.history_["accuracy"])
        np.testing.assert_allclose(model.score([0, 7]), plain.score([0, 7]), atol=1e-5)
        np.testing.assert_allclose(model.fold_in([0, 3]), plain.fold_in([0, 3]), atol=1e-5)


def test_both_are_given_the_same_samples(monkeypatch):
    calls = []
    for one in (plain_module, module):

        def spy(*arguments, kernel=one.epoch):
            calls.append([a.copy() for a in arguments[:3]])
            return kernel(*arguments)

        monkeypatch.setattr(one, "epoch", spy)
    for kind in (BinaryMF, FeatureMF):
        kind(2, epochs=2, seed=4).fit(EVERYTHING)
    for a, b in zip(calls[:2], calls[2:], strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)


# ---------------------------------------------------------------------------------------- an epoch


@pytest.fixture
def seen(monkeypatch):
    """What each call of the compiled epoch was given, in a list."""
    calls = []

    def spy(*arguments):
        calls.append(copied(arguments))
        return epoch(*arguments)

    monkeypatch.setattr(module, "epoch", spy)
    return calls


def test_what_nobody_has_met_is_no_negative(seen):
    FeatureMF(2, epochs=3, n_negatives=5).fit(NEW_SPLIT.train)
    met = NEW_SPLIT.train.to_csr("ones").toarray() > 0
    for users, items, negatives, *_ in seen:
        assert KNOWN[negatives].all()
        assert not met[users[:, None], negatives].any()
        assert met[users, items].all()
    drawn = np.bincount(np.concatenate([one[2].ravel() for one in seen]), minlength=N_ITEMS)
    assert (drawn[KNOWN] > 0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_identity_is_left_out_of_a_share_of_the_samples(seen, share):
    FeatureMF(2, epochs=4, identity_dropout=share).fit(SPLIT.train)
    masks = [one[3] for one in seen]
    assert masks[0].shape == (len(SPLIT.train), 5)
    assert np.mean(masks) == pytest.approx(share, abs=0.02)
    if share:
        assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize("share", [0.0, 0.25])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_penalty_is_divided_by_a_power_of_the_samples_of_a_feature(seen, power, share):
    """Of an item: its positives, and its part of the negatives; of a word, those of its items."""
    model = FeatureMF(
        2, epochs=1, regularization=0.3, frequency_power=power, identity_dropout=share
    ).fit(NEW_SPLIT.train)
    of_users, of_items = seen[0][8], seen[0][12]
    train, words = NEW_SPLIT.train, NEW_SPLIT.train.item_features.matrix.toarray() > 0
    samples = train.item_counts + KNOWN * 4 * len(train) / KNOWN.sum()
    several = words.any(axis=1)
    expected = np.r_[samples * np.where(several, 1 - share, 1), words.T @ samples]
    np.testing.assert_allclose(of_items, 0.3 / np.maximum(expected, 1) ** power, rtol=1e-5)
    of_user = np.maximum(train.user_counts * 5, 1) ** power
    np.testing.assert_allclose(of_users, 0.3 / of_user, rtol=1e-5)
    assert model.item_feature_factors_.shape == (N_ITEMS + 13, 2)


def test_memory_grows_with_the_features_and_not_with_pairs():
    """20,000 users and items, 5 features each: pairs would take gigabytes."""
    import tracemalloc

    n = 20_000
    rng = np.random.default_rng(0)
    events = Interactions(
        range(n), rng.permutation(n), np.ones(n), 0 * np.arange(n), range(n), range(n)
    )
    places = np.repeat(np.arange(n), 5), rng.integers(0, 500, 5 * n)
    words = sparse.csr_array((np.ones(5 * n), places), shape=(n, 500))
    train = events.with_features(items=Features(words, range(500), range(n)))
    FeatureMF(4, epochs=1).fit(SPLIT.train)
    tracemalloc.start()
    FeatureMF(4, epochs=1).fit(train)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 40e6


# --------------------------------------------------------------------------------- what is summed


def test_vectors_are_sums_and_new_items_do_without_their_identity():
    model = FeatureMF(3, epochs=5).fit(NEW_SPLIT.train)
    words = tf_idf(NEW_SPLIT.train.item_features.matrix, KNOWN).toarray()
    tables = (
        (model.item_factors_, model.item_feature_factors_),
        (model.item_biases_, model.item_feature_biases_),
    )
    for found, table in tables:
        own, of_words = table[:N_ITEMS], table[N_ITEMS:]
        np.testing.assert_allclose(found[KNOWN], (own + words @ of_words)[KNOWN], atol=1e-5)
        np.testing.assert_allclose(found[~KNOWN], (words @ of_words)[~KNOWN], atol=1e-5)
    np.testing.assert_array_equal(
        model.user_factors_, np.where(model.cold_[:, None], 0, model.user_feature_factors_)
    )
    users = np.arange(N_USERS - 1)
    expected = model.intercept_ + model.user_biases_[:, None] + model.item_biases_
    expected = expected + model.user_factors_ @ model.item_factors_.T
    np.testing.assert_allclose(model.score(users), expected[users], rtol=1e-5, atol=1e-5)
    assert not model.unseen_.any()


def test_an_item_of_which_nothing_is_known_is_scored_by_popularity():
    words = NEW_SPLIT.train.item_features.matrix.toarray()
    new = np.flatnonzero(~KNOWN)
    words[new[0]] = 0
    words[new[1]], words[KNOWN, 0] = 0, 1
    words[new[1], 0] = 1  # has a word that all known items have
    features = Features(words, range(13), NEW_SPLIT.train.item_ids)
    model = FeatureMF(3, epochs=2).fit(NEW_SPLIT.train.with_features(items=features))
    assert np.flatnonzero(model.unseen_).tolist() == new[:2].tolist()
    for scores in (model.score([0, 5]), [model.fold_in([0, 1])]):
        for one in scores:
            np.testing.assert_array_equal(one[new[:2]], model.popularity_[new[:2]])
    found = model.score_items([0], [new[:3]])[0]
    np.testing.assert_allclose(found, model.score([0])[0, new[:3]], rtol=1e-5)
    assert (model.similar_items([int(new[0])], 2)[0] == -1).all()


def test_users_with_features_are_sums_too():
    """Who has no training row is scored by them; who has no features either, by popularity."""
    train = SPLIT.train.select(SPLIT.train.user > 1)
    blocks = np.column_stack([block_of_user(np.arange(N_USERS)) == b for b in (0, 1)]).astype(float)
    blocks[N_USERS - 1] = 0
    train = train.with_features(users=Features(blocks, ["even", "odd"], train.user_ids))
    model = FeatureMF(2, epochs=60, learning_rate=0.1, regularization=1.0).fit(train)
    assert np.flatnonzero(model.cold_).tolist() == [N_USERS - 1]
    items, _ = model.recommend([0, 1], 5)
    np.testing.assert_array_equal(block_of_item(items), [[0] * 5, [1] * 5])
    popular = FeatureMF(2, epochs=2).fit(replace(train, user_features=None))
    np.testing.assert_array_equal(popular.score([0])[0], popular.popularity_)


# ---------------------------------------------------------------------------------------- learning

LEARN = {"factors": 2, "learning_rate": 0.1, "regularization": 0.3, "epochs": 80}


@pytest.mark.parametrize("other", [{}, {"identity": False}, {"identity_dropout": 0.5}], ids=str)
def test_new_items_of_the_own_block_come_first(other):
    """No event says which block they are of, their words alone: `BinaryMF` cannot know."""
    users, new = np.arange(N_USERS - 1), np.flatnonzero(~KNOWN)[:-1]
    right = {}
    for kind, given_here in (
        (FeatureMF, LEARN | other),
        (BinaryMF, LEARN | {"frequency_power": 1.0}),
    ):
        scores = kind(**given_here).fit(NEW_SPLIT.train).score(users)[:, new]
        first = new[np.argsort(-scores, axis=1, kind="stable")[:, :3]]
        right[kind] = (block_of_item(first) == block_of_user(users)[:, None]).mean()
    assert right[FeatureMF] > 0.85
    assert right[BinaryMF] < 0.7


def test_a_column_in_all_rows_says_no_more_than_one_in_none():
    words, scores = NEW_SPLIT.train.item_features.matrix.toarray(), []
    for last in (0, 2):
        more = np.column_stack([words, np.full(N_ITEMS, last)])
        features = Features(more, range(14), NEW_SPLIT.train.item_ids)
        assert features.idle.tolist() == [False] * 13 + [True]
        model = FeatureMF(**LEARN).fit(NEW_SPLIT.train.with_features(items=features))
        scores.append(model.score(range(N_USERS)))
    np.testing.assert_array_equal(*scores)


def test_with_dropout_the_features_learn_to_do_without_the_identity():
    """What they alone say of known items fits much better then, and all together hardly worse."""
    train, losses = SPLIT.train, []
    met, words = train.to_csr("ones").toarray() > 0, train.item_features.matrix
    words = tf_idf(words, train.item_counts > 0)
    for share in (0.0, 0.5):
        model = FeatureMF(**LEARN | {"identity_dropout": share}).fit(train)
        b, Q = model.item_feature_biases_[N_ITEMS:], model.item_feature_factors_[N_ITEMS:]
        for b_i, q_i in ((words @ b, words @ Q), (model.item_biases_, model.item_factors_)):
            x = model.intercept_ + model.user_biases_[:, None] + b_i + model.user_factors_ @ q_i.T
            losses.append((np.logaddexp(0, x) - met * x)[: N_USERS - 1].mean())
    assert losses[2] < losses[0] - 0.03
    assert losses[3] < losses[1] + 0.02


def test_new_items_are_ranked_better_than_by_chance():
    model = FeatureMF(**LEARN).fit(NEW_SPLIT.train)
    candidates = new_item_candidates(NEW_SPLIT)
    means = [
        evaluate(one, NEW_SPLIT, 3, candidates=candidates)["precision@3"].mean()
        for one in (model, Popularity().fit(NEW_SPLIT.train))
    ]
    assert means[0] > means[1] + 0.1


def test_without_identity_items_of_the_same_features_are_the_same():
    words = SPLIT.train.item_features.matrix.toarray()
    words[1] = words[0]
    features = Features(words, range(13), SPLIT.train.item_ids)
    train = SPLIT.train.with_features(items=features)
    scores = FeatureMF(3, epochs=3, identity=False).fit(train).score(range(40))
    np.testing.assert_array_equal(scores[:, 0], scores[:, 1])
    scores = FeatureMF(3, epochs=3).fit(train).score(range(40))
    assert (scores[:, 0] != scores[:, 1]).all()


def test_patience_brings_back_the_sums_and_what_is_summed(tmp_path):
    model = FeatureMF(8, epochs=40, patience=3, learning_rate=0.3, regularization=0.01)
    model.fit(SPLIT.train, watch=watching(SPLIT))
    assert model.best_epoch_ < len(model.history_)
    again = FeatureMF(8, epochs=model.best_epoch_, learning_rate=0.3, regularization=0.01)
    again.fit(SPLIT.train)
    for name, array in again._weights().items():
        np.testing.assert_array_equal(array, getattr(model, name))
    loaded = load_model(model.save(tmp_path / "model.npz"))
    np.testing.assert_array_equal(loaded.score(range(N_USERS)), model.score(range(N_USERS)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"identity_dropout": 1.0}, "identity_dropout must be below 1"),
        ({"identity_dropout": 1.5}, r"identity_dropout must be a finite number in \[0, 1\]"),
        ({"identity_dropout": 0.5, "identity": False}, "0 where identity is False, got 0.5"),
        ({"factors": 0}, "factors must be"),
        ({"frequency_power": 2}, "frequency_power must be"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        FeatureMF(**given)
