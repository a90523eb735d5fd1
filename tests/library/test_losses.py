"""The losses of chapter 11 by hand, against each other, and that each finds planted blocks."""

import numpy as np
import pytest
import torch

from recsys_lib.experiments import losses
from recsys_lib.experiments.contenders import hyperparameters
from recsys_lib.experiments.losses import CONTENDERS, LOSSES, PAIRS, WHOLE, LossModel
from recsys_lib.experiments.search import settings_at, spread

from model_suite import N_USERS, block_of_item, block_of_user, planted

ROWS = [[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]]
X = torch.tensor(ROWS, dtype=torch.float64)
NONE = torch.zeros(2, dtype=torch.float64)


def sigma(x):
    return 1 / (1 + np.exp(-x))


BY_HAND = {  # of the first example, whose positive has the logit 1/2
    "squared": 0.25 + 1 + 4,
    "logistic": -np.log(sigma(0.5)) - np.log(sigma(1)) - np.log(sigma(-2)),
    "BPR": -np.log(sigma(1.5)) - np.log(sigma(-1.5)),
    "sampled softmax": -np.log(np.exp(0.5) / (np.exp(0.5) + np.exp(-1) + np.exp(2))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_its_formula_says(name):
    found = LOSSES[name](X, NONE)
    assert found.shape == (2,)
    assert float(found[0]) == pytest.approx(float(BY_HAND[name]))


def test_sampled_softmax_estimates_the_softmax_over_all():
    """Its sum over the negatives is, on average, the sum over all that they are drawn from."""
    rng = np.random.default_rng(0)
    scores = torch.tensor(rng.normal(size=1001))
    n, m = 20, 1000
    drawn_items = 1 + rng.integers(0, m, (20_000, n))
    rows = torch.cat([scores[:1].expand(len(drawn_items), 1), scores[drawn_items]], dim=1)
    c = torch.full((len(rows),), float(np.log(m / n)), dtype=torch.float64)
    whole = torch.logsumexp(scores, 0) - scores[0]
    # e to the loss is 1 + the sum of the others by the positive, of which the estimate is unbiased
    estimate = torch.exp(losses.softmax(rows, c)).mean()
    assert float(estimate) == pytest.approx(float(torch.exp(whole)), rel=0.01)
    without = torch.exp(losses.softmax(rows, 0 * c)).mean()
    assert float(without) < 0.1 * float(estimate)


@pytest.mark.parametrize("layers", [(), (16, 8)], ids=["dot product", "tower"])
@pytest.mark.parametrize("loss", [*LOSSES, WHOLE])
def test_every_loss_finds_the_planted_blocks(loss, layers):
    if layers and loss == WHOLE:
        with pytest.raises(ValueError, match="for a dot product, not layers"):
            LossModel(loss, layers=layers)
        return
    train = planted().train
    n = 0 if loss == WHOLE else 4
    model = LossModel(
        *(loss, 8, layers),
        learning_rate=0.01,
        batch_size=64,
        n_negatives=n,
        regularization=0.1,
        init_scale=0.3,
        epochs=60,
    ).fit(train)
    assert model.history_["loss"].iloc[-1] < model.history_["loss"].iloc[0]
    users = np.flatnonzero(train.user_counts > 0)
    scores = model.score(users)
    own = block_of_user(users)[:, None] == block_of_item(np.arange(train.n_items))[None]
    assert scores[own].mean() > scores[~own].mean() + 0.2 * scores.std()
    assert len(users) <= N_USERS


def test_the_softmax_over_all_leaves_out_what_else_the_user_has_met():
    """As sampled softmax does, whose negatives are never met."""
    train = planted().train
    model = LossModel(WHOLE, 3, n_negatives=0, epochs=1).fit(train)
    user = int(train.user[0])
    met = train.item[train.user == user]
    scores = model.score([user])[0].astype(np.float64)
    others = np.setdiff1d(np.arange(train.n_items), met)
    by_hand = [np.log(np.exp(scores[i]) + np.exp(scores[others]).sum()) - scores[i] for i in met]
    batch = torch.full((len(met),), user), torch.tensor(met)[:, None], torch.zeros(len(met))
    found = model._losses(*batch).detach().numpy()
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)
    with pytest.raises(ValueError, match="n_negatives must be 0 where all items compete, got 4"):
        LossModel(WHOLE)


def test_all_items_at_once_score_as_one_by_one():
    network = losses.DotNetwork(4, 6, 3, 0.5)
    torch.nn.init.normal_(network.item_bias.weight)
    users, items = torch.arange(4), torch.arange(6)
    pairs = network(users.repeat_interleave(6), items.repeat(4)).view(4, 6)
    torch.testing.assert_close(network.of_all(users), pairs)


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_setting_of_a_space_makes_a_model(name):
    for setting in settings_at(CONTENDERS[name].space, spread(CONTENDERS[name].space, 4)):
        model = CONTENDERS[name].kind(**hyperparameters(setting))
        assert name.startswith(model.loss)
        assert bool(model.layers) == name.endswith("tower")


def test_only_what_is_tuned_is_compared():
    assert {name for pair in PAIRS for name in pair} == set(CONTENDERS)
    assert len(set(PAIRS)) == len(PAIRS) == 4 + 6 + 6 + 4
