"""BPR: each step against PyTorch's gradient, and the compiled code against the plain."""

import numpy as np
import pytest
import torch

from recsys_lib.evaluation import watching
from recsys_lib.models import BPR
from recsys_lib.models import bpr as module
from recsys_lib.models.bpr import epoch, sgd
from recsys_lib.models.implicit import draw_for_one

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted

SPLIT = planted()
TRAIN = SPLIT.train


def start(n_positives, n_negatives, dtype=np.float64, k=3, seed=0):
    """Arguments of `sgd` up to the learning rate: 6 users, 9 items, penalties of their own."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, 6, n_positives), rng.integers(0, 9, n_positives)
    negatives = (items[:, None] + rng.integers(1, 9, (n_positives, n_negatives))) % 9
    learned = [rng.normal(0, 0.5, size).astype(dtype) for size in (9, (6, k), (9, k))]
    decay = [rng.uniform(0.05, 0.2, n).astype(dtype) for n in (6, 9)]
    return [users, items, negatives, *learned, *decay]


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("n_negatives", [1, 3])
def test_an_epoch_is_pytorch_with_batches_of_one_pair(biases, n_negatives):
    users, items, negatives, *learned, decay_u, decay_i = start(40, n_negatives)
    before = [array.copy() for array in learned]
    variables = [torch.tensor(a, requires_grad=True) for a in learned]
    optimizer = torch.optim.SGD(variables if biases else variables[1:], lr=0.1)
    total, right = 0.0, 0
    for u, i, row in zip(users, items, negatives, strict=True):
        for j in row:
            bi, P, Q = variables
            x = bi[i] + P[u] @ Q[i] - bi[j] - P[u] @ Q[j]
            loss = -torch.nn.functional.logsigmoid(x)
            total, right = total + loss.item(), right + int(x.item() > 0)
            loss = loss + decay_u[u] / 2 * P[u] @ P[u]
            for item in (i, j):
                loss = loss + decay_i[item] / 2 * (bi[item] ** 2 + Q[item] @ Q[item])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = sgd(users, items, negatives, *learned, decay_u, decay_i, 0.1, biases)
    assert found == (pytest.approx(total, rel=1e-10), right)
    for number, (array, variable) in enumerate(zip(learned, variables, strict=True)):
        np.testing.assert_allclose(array, variable.detach().numpy(), rtol=1e-9, atol=1e-12)
        assert (array != before[number]).any() == (biases or number > 0)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("k", "n_negatives"), [(1, 2), (16, 1), (19, 4)])
def test_the_compiled_epoch_takes_the_same_steps_up_to_rounding(
    dtype, rounding, biases, k, n_negatives
):
    plain, fast = (start(200, n_negatives, dtype, k=k) for _ in range(2))
    found, expected = epoch(*fast, dtype(0.1), biases), sgd(*plain, dtype(0.1), biases)
    assert found[0] == pytest.approx(expected[0], rel=rounding)
    assert abs(found[1] - expected[1]) <= (1 if dtype is np.float32 else 0)
    for a, b in zip(plain, fast, strict=True):
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("size", [50.0, 1000.0, 1e30])
def test_no_difference_is_too_large(size):
    for sign, loss in ((1, 0.0), (-1, size)):
        bi = np.array([size * sign, 0.0], dtype=np.float32)
        P, Q = np.zeros((1, 1), dtype=np.float32), np.zeros((2, 1), dtype=np.float32)
        decay, given = np.zeros(2, dtype=np.float32), (np.array([0]), np.array([0]))
        for function in (sgd, epoch):
            found = function(*given, np.array([[1]]), bi, P, Q, decay, decay, np.float32(0), True)
            assert found == (pytest.approx(loss, rel=1e-6, abs=1e-12), sign == 1)


def test_the_loss_of_many_negatives_is_the_sum_of_their_losses():
    """Without a step each of 300 pairs is worth log 2; the product of their parts is 2^300."""
    zeros = [np.zeros(shape, dtype=np.float32) for shape in (2, (1, 2), (2, 2), 1, 2)]
    given = np.zeros(1, int), np.zeros(1, int), np.ones((1, 300), int)
    for function in (sgd, epoch):
        loss, right = function(*given, *zeros, np.float32(0), True)
        assert loss == pytest.approx(300 * np.log(2), rel=1e-6)
        assert right == 0


def test_an_epoch_is_given_each_positive_once_and_its_negatives(monkeypatch):
    seen = []

    def spy(*arguments):
        seen.append([np.array(a) for a in arguments[:9]])
        return epoch(*arguments)

    monkeypatch.setattr(module, "epoch", spy)
    model = BPR(2, n_negatives=3, regularization=0.4, frequency_power=0.5, epochs=2).fit(TRAIN)
    assert len(seen) == 2
    cells = set(zip(TRAIN.user.tolist(), TRAIN.item.tolist(), strict=True))
    for users, items, negatives, *_, decay_u, decay_i, rate in seen:
        assert {*zip(users.tolist(), items.tolist(), strict=True)} == cells
        assert (len(users), negatives.shape, rate) == (
            len(cells),
            (len(cells), 3),
            np.float32(0.05),
        )
        drawn = zip(np.repeat(users, 3).tolist(), negatives.ravel().tolist(), strict=True)
        assert not cells & set(drawn)
        n_users = np.maximum(3 * TRAIN.user_counts, 1)
        n_items = np.maximum(3 * (TRAIN.item_counts + len(TRAIN) / N_ITEMS), 1)
        np.testing.assert_allclose(decay_u, 0.4 / np.sqrt(n_users), rtol=1e-6)
        np.testing.assert_allclose(decay_i, 0.4 / np.sqrt(n_items), rtol=1e-6)
    assert (seen[0][0] != seen[1][0]).any()
    assert model.history_["loss"][1] < model.history_["loss"][0]


def test_loss_and_accuracy_before_any_step_are_those_of_chance():
    model = BPR(2, learning_rate=0, init_scale=0, n_negatives=3, epochs=1).fit(TRAIN)
    assert model.history_["loss"][0] == pytest.approx(np.log(2))
    assert model.history_["accuracy"][0] == 0  # all pairs are tied, and none in the right order


def test_it_starts_near_zero_in_every_direction():
    model = BPR(40, learning_rate=0, init_scale=0.2, epochs=1).fit(TRAIN)
    for factors in (model.user_factors_, model.item_factors_):
        assert factors.std() == pytest.approx(0.2, rel=0.05)
        assert abs(factors.mean()) < 0.03
    assert not model.item_biases_.any()


def test_the_validation_loss_is_that_of_pairs():
    model = BPR(2, n_negatives=2, epochs=1).fit(TRAIN, watch=watching(SPLIT))
    found = model.history_["valid_loss"][0]
    scores = np.array([[2.0, 1.0, 5.0], [0.0, 0.0, -1.0]])
    expected = np.log1p(np.exp([-1.0, 3.0, 0.0, -1.0])).mean()
    assert model._sample_loss(scores) == pytest.approx(expected)
    assert 0 < found < 2


def test_a_bias_is_learned_of_items_and_it_is_their_popularity():
    """Twenty items that are met by chance, some more often: nothing is personal."""
    rng = np.random.default_rng(0)
    user, item = np.divmod(
        np.flatnonzero(rng.random(400) < np.tile(np.linspace(0.05, 0.9, 20), 20)), 20
    )
    train = type(TRAIN)(user, item, np.ones(len(user)), np.zeros(len(user)), range(20), range(20))
    model = BPR(1, init_scale=0.0, epochs=40).fit(train)
    assert not model.user_factors_.any()
    assert not model.item_factors_.any()  # zeros: no step leaves them
    assert np.corrcoef(model.item_biases_, train.item_counts)[0, 1] > 0.9
    assert not BPR(1, biases=False, epochs=3).fit(train).item_biases_.any()


def test_steps_for_a_new_user_find_their_block_and_change_nothing():
    settings = {"factors": 2, "regularization": 0.1, "epochs": 120}
    model = BPR(**settings).fit(TRAIN)
    before = {name: array.copy() for name, array in model._weights().items()}
    for user in range(8):
        items = TRAIN.item[TRAIN.user == user]
        scores = model.fold_in(items)
        new = np.setdiff1d(np.arange(N_ITEMS - 1), items)
        best = new[np.argsort(-scores[new], kind="stable")[:3]]
        assert (block_of_item(best) == block_of_user(user)).all()
    for name, array in model._weights().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(ValueError, match=f"items names all {N_ITEMS} items"):
        model.fold_in(range(N_ITEMS))


def test_the_steps_for_a_new_user_are_those_of_training_on_their_vector_alone():
    """Pair by pair with the plain function, each on fresh copies; the penalty is shared out."""
    model = BPR(2, regularization=5.0, frequency_power=1.0, n_negatives=2, epochs=3).fit(TRAIN)
    items, rng = np.array([1, 4, 20]), np.random.default_rng(model.seed)
    p, nothing = np.zeros((1, 2)), np.zeros(N_ITEMS)
    for _ in range(3):
        negatives = draw_for_one(items, N_ITEMS, 2, rng)
        for place in rng.permutation(3):
            for negative in negatives[place]:
                pair = np.zeros(1, int), items[[place]], np.array([[negative]])
                held = model.item_biases_.astype(float), p, model.item_factors_.astype(float)
                sgd(*pair, *held, np.array([5.0 / 6]), nothing, 0.05, True)
    expected = model.item_biases_ + model.item_factors_ @ p[0]
    np.testing.assert_allclose(model.fold_in(items), expected, rtol=1e-4, atol=1e-6)


def test_a_new_user_takes_as_many_epochs_as_were_kept():
    short, long = (BPR(2, epochs=n).fit(TRAIN) for n in (3, 9))
    kept = long.fold_in([0, 1])
    long.best_epoch_ = 3
    assert (long.fold_in([0, 1]) != kept).any()
    for name, array in short._weights().items():
        setattr(long, name, array)
    np.testing.assert_array_equal(long.fold_in([0, 1]), short.fold_in([0, 1]))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="n_negatives must be"):
        BPR(n_negatives=0)
    assert BPR(2, epochs=1).fit(TRAIN).shape == (N_USERS, N_ITEMS)
