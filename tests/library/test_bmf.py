"""Binary matrix factorization: its steps against automatic differentiation, and what it learns."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from recsys_lib.data import Interactions
from recsys_lib.evaluation import evaluate
from recsys_lib.models import BinaryMF, Popularity, load_model
from recsys_lib.models import bmf as module
from recsys_lib.models.bmf import decays, epoch, sgd
from recsys_lib.models.implicit import NegativeSampler

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted
from toy import watch_on

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
SPLIT = planted()


def interactions(cells, shape):
    user, item = np.array(sorted(cells), dtype=int).reshape(-1, 2).T
    return Interactions(user, item, np.ones(len(user)), 0 * user, *map(range, shape))


def start(n, n_negatives, dtype=np.float64, k=5, seed=0, n_users=20, n_items=15):
    """Arguments of `sgd` up to the decays, random."""
    rng = np.random.default_rng(seed)
    sizes = n_users, n_items, (n_users, k), (n_items, k)
    return (
        rng.integers(0, n_users, n),
        rng.integers(0, n_items, n),
        rng.integers(0, n_items, (n, n_negatives)),
        dtype(-1.2),
        *(rng.normal(0, 0.5, size).astype(dtype) for size in sizes),
        rng.uniform(0, 0.3, n_users).astype(dtype),
        rng.uniform(0, 0.3, n_items).astype(dtype),
    )


def copied(arguments):
    return tuple(a.copy() for a in arguments)


def samples_of(users, items, negatives):
    """(user, item, label) of all samples, in the order in which steps are taken on them."""
    for s, user in enumerate(users):
        yield user, items[s], 1.0
        for negative in negatives[s]:
            yield user, negative, 0.0


def logits_at(learned, c, user, item):
    bu, bi, P, Q = learned
    return c + bu[user] + bi[item] + (P[user] * Q[item]).sum(-1)


# ----------------------------------------------------------------------------------------- one step


def test_one_step_by_hand():
    """The logit is 0: a positive pulls with the force 1/2, and a negative pushes with it.

    From p = (1, 2), q = (3, -1) of the positive and bias -1 of its item.
    """
    bu, bi = np.zeros(2), np.array([0.0, -1.0])
    P, Q = np.array([[7.0, 7], [1, 2]]), np.array([[7.0, 7], [3, -1]])
    decay_u, decay_i = np.array([9.0, 0.1]), np.array([9.0, 0.2])
    none = np.empty((1, 0), dtype=int)
    loss, right = sgd([1], [1], none, 0.0, bu, bi, P, Q, decay_u, decay_i, 0.5, True)
    assert loss == pytest.approx(np.log(2))
    assert right == 0  # neither side of one half
    np.testing.assert_allclose(bu, [0, 0.25])
    np.testing.assert_allclose(bi, [0, -1 + 0.5 * (0.5 + 0.2)])
    np.testing.assert_allclose(P, [[7, 7], [1 + 0.5 * (1.5 - 0.1), 2 + 0.5 * (-0.5 - 0.2)]])
    np.testing.assert_allclose(Q, [[7, 7], [3 + 0.5 * (0.5 - 0.6), -1 + 0.5 * (1 + 0.2)]])


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 6),
    rate=st.floats(0.001, 0.5),
    biases=st.booleans(),
    label=st.sampled_from([1.0, 0.0]),
)
@repeatable
def test_a_step_is_the_learning_rate_times_the_gradient(seed, k, rate, biases, label):
    """Of BCE + decay/2 times the squares. A negative comes after its positive, which steps first.

    In double precision, from wherever the step on the positive alone has led.
    """
    users, items, negatives, c, *learned, decay_u, decay_i = start(1, 1, k=k, seed=seed)
    user, item = users[0], items[0]
    fixed = decay_u, decay_i, rate, biases
    before = copied(learned)
    if label == 0:
        item = negatives[0, 0]
        sgd(users, items, negatives[:, :0], c, *before, *fixed)
        shown = negatives
    else:
        shown = negatives[:, :0]
    after = copied(learned)
    sgd(users, items, shown, c, *after, *fixed)

    variables = [torch.tensor(a, requires_grad=True) for a in before]
    logit = logits_at(variables, c, user, item)
    own = [variables[0][user], variables[2][user]], [variables[1][item], variables[3][item]]
    penalty = sum(decay_u[user] / 2 * (x**2).sum() for x in own[0])
    penalty = penalty + sum(decay_i[item] / 2 * (x**2).sum() for x in own[1])
    (bce(logit, torch.tensor(label, dtype=torch.float64)) + penalty).backward()
    for number, (old, new, variable) in enumerate(zip(before, after, variables, strict=True)):
        moves = biases or number > 1
        step = -rate * variable.grad.numpy() * moves
        np.testing.assert_allclose(new - old, step, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("n_negatives", [0, 1, 3])
def test_an_epoch_is_pytorch_with_batches_of_one_sample(biases, n_negatives):
    users, items, negatives, c, *learned, decay_u, decay_i = start(40, n_negatives)
    variables = [torch.tensor(a, requires_grad=True) for a in learned]
    moving = variables if biases else variables[2:]
    optimizer = torch.optim.SGD(moving, lr=0.1)
    total, right = 0.0, 0
    for user, item, label in samples_of(users, items, negatives):
        bu, bi, P, Q = variables
        logit = logits_at(variables, c, user, item)
        loss = bce(logit, torch.tensor(label, dtype=torch.float64))
        total += loss.item()
        right += int((logit.item() > 0) == (label == 1))
        loss = loss + decay_u[user] / 2 * (bu[user] ** 2 + P[user] @ P[user])
        loss = loss + decay_i[item] / 2 * (bi[item] ** 2 + Q[item] @ Q[item])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = sgd(users, items, negatives, c, *learned, decay_u, decay_i, 0.1, biases)
    assert found == (pytest.approx(total, rel=1e-10), right)
    for number, (array, variable) in enumerate(zip(learned, variables, strict=True)):
        np.testing.assert_allclose(array, variable.detach().numpy(), rtol=1e-9, atol=1e-12)
        assert (array != start(40, n_negatives)[4 + number]).any() == (biases or number > 1)


@pytest.mark.parametrize("size", [50.0, 1000.0, 1e30])
def test_no_logit_is_too_large(size):
    """In single precision: the loss of a wrong sample is the logit itself, of a right one 0."""
    for sign, loss in ((1, 0.0), (-1, size)):
        for negative in (False, True):
            bi = np.array([size * sign, 0.0], dtype=np.float32)
            P = np.zeros((1, 1), dtype=np.float32)
            Q, decay = np.zeros((2, 1), dtype=np.float32), np.zeros(2, dtype=np.float32)
            bu, rate = np.zeros(1, dtype=np.float32), np.float32(0)
            if negative:  # the positive, item 1, has the logit 0
                given = np.array([0]), np.array([1]), np.array([[0]])
                bi *= -1
            else:
                given = np.array([0]), np.array([0]), np.empty((1, 0), dtype=int)
            for function in (sgd, epoch):
                arguments = *given, np.float32(0), bu, bi, P, Q, decay, decay, rate, True
                found = function(*arguments)
                expected = loss + negative * np.log(2)
                assert found == (pytest.approx(expected, rel=1e-6, abs=1e-12), sign == 1)


# ------------------------------------------------------------------------------------ compiled code


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("k", "n_negatives"), [(1, 2), (5, 0), (16, 1), (19, 4)])
def test_the_compiled_epoch_takes_the_same_steps_up_to_rounding(
    dtype, rounding, biases, k, n_negatives
):
    arguments = start(200, n_negatives, dtype, k=k)
    plain, fast = copied(arguments), copied(arguments)
    found, expected = epoch(*fast, dtype(0.1), biases), sgd(*plain, dtype(0.1), biases)
    assert found[0] == pytest.approx(expected[0], rel=rounding)
    assert abs(found[1] - expected[1]) <= (1 if dtype is np.float32 else 0)
    for number, (a, b, before) in enumerate(zip(plain, fast, arguments, strict=True)):
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)
        moves = number in ((4, 5, 6, 7) if biases else (6, 7))
        assert (a != before).any() == (b != before).any() == moves


# ---------------------------------------------------------------------------------------- an epoch


@pytest.fixture
def seen(monkeypatch):
    """What each call of the compiled epoch was given, in a list."""
    calls = []

    def spy(*arguments):
        calls.append(copied(arguments[:11]))  # up to the learning rate
        return epoch(*arguments)

    monkeypatch.setattr(module, "epoch", spy)
    return calls


@pytest.mark.parametrize("n_negatives", [0, 3])
def test_an_epoch_holds_each_positive_once_and_its_negatives(seen, n_negatives):
    BinaryMF(2, epochs=3, n_negatives=n_negatives).fit(SPLIT.train)
    met = SPLIT.train.to_csr("ones").toarray() > 0
    for users, items, negatives, *_ in seen:
        order = np.lexsort((items, users))
        np.testing.assert_array_equal(users[order], np.nonzero(met)[0])
        np.testing.assert_array_equal(items[order], np.nonzero(met)[1])
        assert negatives.shape == (len(users), n_negatives)
        assert not met[users[:, None], negatives].any()
        assert (np.diff(users) < 0).mean() > 0.4  # shuffled: the training set is sorted by user
    assert len(seen) == 3
    assert (seen[0][0] != seen[1][0]).any()
    if n_negatives:
        drawn = [np.sort(N_ITEMS * u[:, None] + n, axis=None) for u, _, n, *_ in seen]
        assert (drawn[0] != drawn[1]).any()  # drawn anew, not only shuffled


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("n_negatives", [0, 4])
def test_loss_and_accuracy_are_those_of_pytorch(seen, biases, n_negatives):
    """With a learning rate of 0 all samples are measured on one model."""
    given = {"learning_rate": 0, "init_scale": 0.7, "epochs": 1, "biases": biases}
    model = BinaryMF(3, n_negatives=n_negatives, **given).fit(SPLIT.train)
    users, items, labels = map(np.array, zip(*samples_of(*seen[0][:3]), strict=True))
    assert len(labels) == len(SPLIT.train) * (1 + n_negatives)
    logits = torch.tensor(model.score(np.arange(N_USERS))[users, items], dtype=torch.float64)
    expected = torch.nn.BCEWithLogitsLoss()(logits, torch.tensor(labels))
    right = ((logits > 0).numpy() == (labels == 1)).mean()
    assert model.history_["loss"][0] == pytest.approx(expected.item(), rel=1e-5)
    assert model.history_["accuracy"][0] == pytest.approx(right, abs=1e-12)


def test_the_model_starts_at_the_share_of_positives():
    """Without factors to speak of, 1 of 5 samples is positive: the odds are 1 to 4."""
    given = {"init_scale": 0, "learning_rate": 0, "epochs": 1}
    model = BinaryMF(1, n_negatives=4, **given).fit(SPLIT.train)
    assert model.intercept_ == pytest.approx(np.log(1 / 4))
    np.testing.assert_allclose(1 / (1 + np.exp(-model.score([0]))), 0.2, rtol=1e-6)
    expected = -(np.log(0.2) + 4 * np.log(0.8)) / 5
    assert model.history_["loss"][0] == pytest.approx(expected, rel=1e-6)
    assert BinaryMF(1, n_negatives=0, **given).fit(SPLIT.train).intercept_ == 0
    assert BinaryMF(1, n_negatives=4, biases=False, **given).fit(SPLIT.train).intercept_ == 0


# ------------------------------------------------------------------- penalties and their frequency

COUNTED = interactions([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 3)], (4, 8))


@pytest.mark.parametrize("n_negatives", [0, 1, 4])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_penalty_is_divided_by_a_power_of_the_number_of_samples(seen, n_negatives, power):
    """Of 6 positives user 0 has 3; the negatives fall on 8 items evenly, on average."""
    given = {"regularization": 0.3, "frequency_power": power, "n_negatives": n_negatives}
    BinaryMF(2, epochs=1, **given).fit(COUNTED)
    users, _, negatives, *_, of_users, of_items, _ = seen[0]
    samples = np.bincount(users, minlength=4) * (1 + negatives.shape[1])
    assert samples.tolist() == [3 * (1 + n_negatives), 1 + n_negatives, 2 * (1 + n_negatives), 0]
    expected = [np.array([3, 1, 2, 1]) * (1 + n_negatives), np.array([3, 1, 1, 1, 0, 0, 0, 0.0])]
    expected[0][3] = 1  # who has no sample is never penalized
    expected[1] += n_negatives * 6 / 8
    for found, n in zip((of_users, of_items), expected, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, 0.3 / np.maximum(n, 1) ** power, rtol=1e-6)
    for found, used in zip(decays(COUNTED, n_negatives, 0.3, power), seen[0][8:10], strict=True):
        np.testing.assert_array_equal(found, used)


@pytest.mark.parametrize("n_negatives", [0, 1, 4])
def test_at_power_1_an_epoch_penalizes_each_user_once(seen, n_negatives):
    """The penalties of all its samples add up to lambda; so do an item's, on average."""
    model = BinaryMF(2, regularization=2.0, frequency_power=1.0, n_negatives=n_negatives, epochs=1)
    model.fit(SPLIT.train)
    users, items, negatives, *_, of_users, of_items, _ = seen[0]
    total = np.zeros(N_USERS)
    np.add.at(total, users, of_users[users] * (1.0 + n_negatives))
    np.testing.assert_allclose(total[:-1], 2, rtol=1e-6)
    everywhere = np.concatenate([items, negatives.ravel()])
    met = of_items[:-1] * (SPLIT.train.item_counts[:-1] + n_negatives * len(users) / N_ITEMS)
    np.testing.assert_allclose(met, 2, rtol=1e-6)
    assert of_items[everywhere].sum() == pytest.approx(2 * N_ITEMS, rel=0.05)


def test_at_power_0_the_penalty_is_lambda_for_all():
    users, items = decays(COUNTED, 4, 0.3, 0.0)
    assert (users.shape, items.shape) == ((4,), (8,))
    assert set(users.tolist()) | set(items.tolist()) == {np.float32(0.3)}


def test_no_penalty_is_none_at_any_power():
    for power in (0.0, 0.5, 1.0):
        assert not np.concatenate(decays(COUNTED, 4, 0.0, power)).any()


def test_a_power_above_1_is_refused():
    with pytest.raises(ValueError, match=r"frequency_power must be .*\[0, 1\], got 1.5"):
        BinaryMF(frequency_power=1.5)


def test_where_most_is_unmet_the_items_samples_are_as_many_as_expected():
    """Counted over 2,000 epochs: decay times the samples of an item is close to lambda."""
    rng = np.random.default_rng(0)
    cells = [(user, item) for user in range(50) for item in rng.permutation(60)[:2]]
    train = interactions(cells, (50, 60))
    drawn = NegativeSampler(train).draw(np.tile(train.user, 2000), 4, rng)
    samples = train.item_counts + np.bincount(drawn.ravel(), minlength=60) / 2000
    _, of_items = decays(train, 4, 1.0, 1.0)
    assert (train.item_counts == 0).any()
    np.testing.assert_allclose(samples * of_items, 1, atol=0.07)


@pytest.mark.parametrize(("power", "weak", "strong"), [(0.0, 0.002, 0.3), (1.0, 0.1, 20.0)])
def test_a_larger_penalty_makes_smaller_factors(power, weak, strong):
    given = {"factors": 4, "frequency_power": power, "epochs": 60}
    models = [BinaryMF(regularization=r, **given).fit(SPLIT.train) for r in (weak, strong)]
    norms = [np.linalg.norm(model.user_factors_[:-1], axis=1).mean() for model in models]
    assert norms[1] < norms[0] / 5


# ---------------------------------------------------------------------------------------- learning


def tiny():
    """5 users who have met 3 of 6 items each, at random."""
    rng = np.random.default_rng(0)
    return interactions([(u, i) for u in range(5) for i in rng.permutation(6)[:3]], (5, 6))


@pytest.mark.parametrize("biases", [True, False])
def test_a_tiny_set_is_learned_by_heart(biases):
    train = tiny()
    model = BinaryMF(4, learning_rate=0.1, regularization=0, biases=biases, epochs=400).fit(train)
    last = model.history_.iloc[-1]
    assert last["loss"] < 0.01
    assert last["accuracy"] == 1
    positive = train.to_csr("ones").toarray() > 0
    np.testing.assert_array_equal(model.score(np.arange(5)) > 0, positive)


@pytest.mark.parametrize("regularization", [0.0, 0.01, 0.05])
def test_positives_alone_teach_to_say_yes_to_everything(regularization):
    """The paper's own run: nearly all training samples are right, and nothing has been learned."""
    model = BinaryMF(4, n_negatives=0, biases=False, regularization=regularization, epochs=30)
    model.fit(SPLIT.train)
    assert model.history_["accuracy"].iloc[-1] > 0.99
    unmet = SPLIT.train.to_csr("ones").toarray()[:-1] == 0
    chance = 1 / (1 + np.exp(-model.score(np.arange(N_USERS - 1))))
    assert (chance[unmet] > 0.5).mean() > 0.9
    taught = BinaryMF(4, biases=False, epochs=30).fit(SPLIT.train)
    assert (taught.score(np.arange(N_USERS - 1))[unmet] > 0).mean() < 0.3


BLOCKS = {"factors": 1, "regularization": 1.0, "frequency_power": 1.0, "epochs": 100}


def test_planted_blocks_are_ranked_better_than_by_popularity():
    model, bar = BinaryMF(**BLOCKS).fit(SPLIT.train), Popularity().fit(SPLIT.train)
    means = [evaluate(one, SPLIT)["hr@10"].mean() for one in (model, bar)]
    assert means[0] > 0.95 > 0.7 > means[1]
    users = np.arange(N_USERS - 1)
    blocks = block_of_item(model.recommend(users, 3, exclude=SPLIT.train)[0])
    np.testing.assert_array_equal(blocks, np.tile(block_of_user(users), (3, 1)).T)


def test_blocks_of_everything_or_nothing_are_told_apart():
    cells = [(u, i) for u in range(30) for i in range(36) if i % 3 == u % 3]
    train = interactions(cells, (30, 36))
    model = BinaryMF(4, regularization=0.01, learning_rate=0.1, epochs=100).fit(train)
    chance = 1 / (1 + np.exp(-model.score(np.arange(30)).astype(float)))
    met = train.to_csr("ones").toarray() > 0
    assert chance[met].min() > 0.9
    assert chance[~met].max() < 0.1


# ------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("biases", [True, False])
def test_scores_are_the_formula(biases):
    model = BinaryMF(3, biases=biases, epochs=5).fit(SPLIT.train)
    users = np.arange(N_USERS - 1)
    expected = model.intercept_ + model.user_factors_ @ model.item_factors_.T
    expected = expected + model.user_biases_[:, None] + model.item_biases_
    np.testing.assert_allclose(model.score(users), expected[:-1], rtol=1e-5, atol=1e-6)
    assert model.user_biases_.any() == model.item_biases_.any() == biases
    for name in ("user_biases_", "item_biases_", "user_factors_", "item_factors_"):
        assert getattr(model, name).dtype == np.float32
    assert model.user_factors_.shape == (N_USERS, 3)
    assert model.cold_.tolist() == [False] * (N_USERS - 1) + [True]


def test_a_saved_model_keeps_all_it_learned(tmp_path):
    model = BinaryMF(3, epochs=4, patience=2).fit(
        SPLIT.train, watch=watch_on(SPLIT.train, SPLIT.valid)
    )
    path = model.save(tmp_path / "model.npz")
    with np.load(path, allow_pickle=False) as file:
        assert all(file[key].dtype.kind in "biufU" for key in file.files)
    loaded = load_model(path)
    assert type(loaded) is BinaryMF
    assert repr(loaded) == repr(model)
    users = np.arange(N_USERS)
    np.testing.assert_array_equal(loaded.score(users), model.score(users))
    items = np.tile([[3, 0, 30]], (N_USERS, 1))
    np.testing.assert_array_equal(loaded.score_items(users, items), model.score_items(users, items))
    assert loaded.best_epoch_ == model.best_epoch_
    assert loaded.history_.equals(model.history_)


def test_a_user_who_has_met_everything_is_refused_by_name():
    train = interactions([(0, 0), (1, 0), (1, 1)], (2, 2))
    with pytest.raises(ValueError, match="user 1 of interactions has met all 2 items"):
        BinaryMF().fit(train)
