"""GMF, MLP and NeuMF: their formulas in NumPy, their steps by hand, their halves put together."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from recsys_lib.data import DataError, Interactions
from recsys_lib.evaluation import evaluate, watching
from recsys_lib.files import read_npz, write_npz
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF, NotFittedError, Popularity, load_model
from recsys_lib.models import network as module
from recsys_lib.models.mlp import MLPNetwork
from recsys_lib.models.network import NetworkModel, is_embedding
from recsys_lib.models.neumf import GMFNetwork, NeuMFNetwork, join

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted
from toy import watch_on

SPLIT = planted()
EVERYBODY = np.arange(N_USERS)
FAST = {"learning_rate": 0.01, "batch_size": 64, "epochs": 3}
MADE = [
    (GMF, {"factors": 3, **FAST}),
    (MLP, {"layers": (8, 6, 4), "dropout": 0.4, "init_scale": 0.3, **FAST}),
    (NeuMF, {"factors": 3, "layers": (8, 4), "dropout": 0.4, "init_scale": 0.3, **FAST}),
]


@pytest.fixture(autouse=True)
def one_thread():
    """As the networks themselves compute: with small matrices, more threads only wait."""
    with module.one_thread():
        yield


@pytest.fixture(params=MADE, ids=[model.__name__ for model, _ in MADE])
def make(request):
    """A function that makes a model with other settings."""
    model, settings = request.param
    return lambda **other: model(**{**settings, **other})


@pytest.fixture(scope="module")
def fitted():
    """A fitted GMF and a fitted MLP, of 3 factors and of layers (8, 6, 4)."""
    return tuple(model(**settings).fit(SPLIT.train) for model, settings in MADE[:2])


def interactions(cells, shape):
    user, item = np.array(sorted(cells), dtype=int).reshape(-1, 2).T
    return Interactions(user, item, np.ones(len(user)), 0 * user, *map(range, shape))


def arrays(network):
    """Copies of the parameters in double precision."""
    return {k: v.detach().numpy().astype(np.float64) for k, v in network.named_parameters()}


def pairs(n=200, seed=0, n_users=N_USERS, n_items=N_ITEMS):
    rng = np.random.default_rng(seed)
    return rng.integers(0, n_users, n), rng.integers(0, n_items, n)


def logits(network, users, items):
    network.eval()
    with torch.no_grad():
        return network(torch.as_tensor(users), torch.as_tensor(items)).numpy()


# ---------------------------------------------------------------------------------------- formulas


def product(numbers, users, items):
    p, q = (numbers[f"product.{side}_embedding.weight"] for side in ("user", "item"))
    return p[users] * q[items]


def tower(numbers, users, items):
    p, q = (numbers[f"tower.{side}_embedding.weight"] for side in ("user", "item"))
    z = np.hstack([p[users], q[items]])
    names = [name for name in numbers if name.startswith("tower.layers") and "weight" in name]
    for name in names:
        z = np.maximum(z @ numbers[name].T + numbers[name.replace("weight", "bias")], 0)
    return z


def by_hand(network, users, items):
    """The formulas of the two modules, in double precision and without dropout."""
    numbers = arrays(network)
    parts = [
        half(numbers, users, items) for half in (product, tower) if hasattr(network, half.__name__)
    ]
    return np.hstack(parts) @ numbers["output.weight"][0] + numbers["output.bias"][0]


def test_logits_are_the_formula(make):
    """And dropout, which the networks were trained with, plays no part in them."""
    model = make().fit(SPLIT.train)
    users, items = pairs(n_users=N_USERS - 1)
    expected = by_hand(model.network_, users, items)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(model._logits(users, items), expected, rtol=1e-4, atol=1e-5)
    scores = model.score(EVERYBODY)
    np.testing.assert_allclose(scores[users, items], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.score(EVERYBODY), scores)  # nothing random is in it


@pytest.mark.parametrize("layers", [(8,), (8, 3), (8, 6, 4, 5)])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_layers_have_the_sizes_given(layers, dropout):
    network = MLPNetwork(5, 7, layers, dropout)
    linear = [part for part in network.tower.layers if isinstance(part, torch.nn.Linear)]
    assert [(part.in_features, part.out_features) for part in linear] == list(pairwise(layers))
    assert network.tower.user_embedding.weight.shape == (5, layers[0] / 2)
    assert network.tower.item_embedding.weight.shape == (7, layers[0] / 2)
    assert network.output.weight.shape == (1, layers[-1])
    users, items = pairs(20, n_users=5, n_items=7)
    expected = by_hand(network, users, items)
    np.testing.assert_allclose(logits(network, users, items), expected, rtol=1e-4, atol=1e-6)


def test_gmf_starts_as_a_dot_product():
    torch.manual_seed(0)
    network = GMFNetwork(6, 5, 4, init_scale=1.0)
    numbers = arrays(network)
    p, q = (numbers[f"product.{side}_embedding.weight"] for side in ("user", "item"))
    users, items = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    bias = numbers["output.bias"][0]
    found = logits(network, users, items).reshape(6, 5)
    np.testing.assert_allclose(found, p @ q.T + bias, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        network.output.bias.zero_()
    found = logits(network, users, items).reshape(6, 5)
    np.testing.assert_allclose(found, p @ q.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layers", [(8,), (8, 5), (8, 6, 3)])
def test_many_pairs_at_once_score_as_each_alone(layers):
    """Scored by the whole catalog, the first layer is worked out for users and items apart."""
    torch.manual_seed(0)
    network = MLPNetwork(7, 5, layers, init_scale=1.0).eval()
    users, items = (torch.tensor(a.ravel()) for a in np.indices((7, 5)))
    with torch.inference_mode():
        alone = [network(users[k : k + 1], items[k : k + 1]).item() for k in range(35)]
        np.testing.assert_allclose(network(users, items).numpy(), alone, atol=1e-6)


def test_many_pairs_are_scored_in_parts(monkeypatch, make):
    model = make(epochs=1).fit(SPLIT.train)
    whole = model.score(EVERYBODY)
    sizes = []
    monkeypatch.setattr(module, "PAIRS", 100)
    model.network_.register_forward_hook(lambda network, given, out: sizes.append(len(out)))
    np.testing.assert_allclose(model.score(EVERYBODY), whole, rtol=1e-5, atol=1e-6)
    assert sizes == [100] * 12 + [N_USERS * N_ITEMS - 1200]


# ---------------------------------------------------------------------------------------- one step


def adam_by_hand(numbers, gradients, memory, step, rate, penalty, decay):
    """Adam with L2 for the embeddings, AdamW for all else, as they are written in the papers."""
    for name, x in numbers.items():
        g = gradients[name]
        if "embedding" in name:
            g = g + penalty * x
        else:
            x = x - rate * decay * x
        m, v = memory.get(name, (0 * x, 0 * x))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        memory[name] = m, v
        m, v = m / (1 - 0.9**step), v / (1 - 0.999**step)
        numbers[name] = x - rate * m / (np.sqrt(v) + 1e-8)


@pytest.mark.parametrize(("penalty", "decay"), [(0.0, 0.0), (30.0, 0.0), (0.0, 0.3), (30.0, 0.3)])
@pytest.mark.parametrize("n_steps", [1, 4])
def test_steps_are_adam_with_l2_and_adamw(make, penalty, decay, n_steps):
    """Rows of the embeddings that are not in the batch are penalized as well."""
    model = make(regularization=penalty, weight_decay=decay)
    if hasattr(model, "dropout"):
        model.dropout = 0.0
    optimizer = model._start(SPLIT.train).optimizer
    double = copy.deepcopy(model.network_).double()
    numbers, memory = arrays(double), {}
    for step in range(1, n_steps + 1):
        users, items = (torch.tensor(a) for a in pairs(30, seed=step))
        labels = torch.tensor(np.arange(30) % 3 == 0, dtype=torch.float32)
        with torch.no_grad():
            for name, parameter in double.named_parameters():
                parameter.copy_(torch.tensor(numbers[name]))
        double.zero_grad()
        expected = bce(double(users, items), labels.double())
        expected.backward()
        gradients = {name: p.grad.numpy() for name, p in double.named_parameters()}
        loss, right = model._step(optimizer, users, items, labels)
        assert float(loss) == pytest.approx(expected.item(), rel=1e-4)
        with torch.no_grad():
            assert int(right) == int(((double(users, items) > 0) == (labels > 0)).sum())
        n_samples = len(SPLIT.train) * 5
        adam_by_hand(numbers, gradients, memory, step, 0.01, penalty / n_samples, decay)
    for name, found in arrays(model.network_).items():
        np.testing.assert_allclose(found, numbers[name], rtol=1e-4, atol=2e-5, err_msg=name)


def test_only_rows_of_users_and_items_are_embeddings():
    network = NeuMFNetwork(6, 5, 3, (8, 4))
    found = {name for name, _ in network.named_parameters() if is_embedding(name)}
    assert found == {
        f"{half}.{side}_embedding.weight"
        for half in ("product", "tower")
        for side in ("user", "item")
    }


def test_the_penalty_is_shared_among_the_samples_of_an_epoch():
    model = NeuMF(3, (8, 4), regularization=6.0, weight_decay=0.2, learning_rate=0.03)
    model.network_ = NeuMFNetwork(6, 5, 3, (8, 4))
    embeddings, rest = model._optimizer(n_samples=200).param_groups
    sizes = [sum(p.numel() for p in group["params"]) for group in (embeddings, rest)]
    assert sizes == [(6 + 5) * (3 + 4), 8 * 4 + 4 + (3 + 4) + 1]
    assert (embeddings["weight_decay"], embeddings["decoupled_weight_decay"]) == (0.03, False)
    assert (rest["weight_decay"], rest["decoupled_weight_decay"]) == (0.2, True)
    assert embeddings["lr"] == rest["lr"] == 0.03


# ---------------------------------------------------------------------------------------- an epoch


@pytest.fixture
def batches(monkeypatch):
    """What each step was given, in a list."""
    steps, step = [], NetworkModel._step

    def spy(self, optimizer, users, items, labels):
        steps.append(tuple(a.numpy().copy() for a in (users, items, labels)))
        assert self.network_.training
        return step(self, optimizer, users, items, labels)

    monkeypatch.setattr(NetworkModel, "_step", spy)
    return steps


@pytest.mark.parametrize("n_negatives", [0, 1, 3])
def test_each_sample_of_an_epoch_is_used_once(batches, make, n_negatives):
    model = make(n_negatives=n_negatives, batch_size=100, epochs=2).fit(SPLIT.train)
    n = len(SPLIT.train) * (1 + n_negatives)
    sizes = [len(users) for users, *_ in batches]
    assert sizes == 2 * ([100] * (n // 100) + [n % 100])
    met = SPLIT.train.to_csr("ones").toarray() > 0
    drawn = []
    for half in (batches[: len(batches) // 2], batches[len(batches) // 2 :]):
        users, items, labels = (np.concatenate(column) for column in zip(*half, strict=True))
        positive = labels == 1
        assert set(labels.tolist()) == ({0, 1} if n_negatives else {1})
        found = np.zeros(met.shape, dtype=int)
        np.add.at(found, (users[positive], items[positive]), 1)
        np.testing.assert_array_equal(found, met)
        counts = np.bincount(users[~positive], minlength=N_USERS)
        np.testing.assert_array_equal(counts, n_negatives * SPLIT.train.user_counts)
        assert not met[users[~positive], items[~positive]].any()
        assert (np.diff(users) < 0).mean() > 0.4  # shuffled
        drawn.append(np.sort(N_ITEMS * users[~positive] + items[~positive]))
    assert (batches[0][0] != batches[len(batches) // 2][0]).any()
    if n_negatives:
        assert (drawn[0] != drawn[1]).any()  # anew in every epoch
        assert labels[:100].mean() == pytest.approx(1 / (1 + n_negatives), abs=0.2)
    assert len(model.history_) == 2


@pytest.mark.parametrize("batch_size", [64, 7, 10_000])
def test_loss_and_accuracy_are_means_over_the_samples(batches, make, batch_size):
    """Whatever the size of the last batch; with a learning rate of 0 all are measured alike."""
    model = make(learning_rate=0, epochs=1, batch_size=batch_size)
    if hasattr(model, "dropout"):
        model.dropout = 0.0
    history = model.fit(SPLIT.train).history_
    users, items, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
    assert len(labels) == 5 * len(SPLIT.train)
    expected = torch.tensor(by_hand(model.network_, users, items))
    loss = bce(expected, torch.tensor(labels, dtype=torch.float64)).item()
    assert history["loss"][0] == pytest.approx(loss, rel=1e-5)
    right = ((expected.numpy() > 0) == (labels == 1)).mean()
    assert history["accuracy"][0] == pytest.approx(right, abs=1e-3)


def test_a_last_batch_of_one_sample_is_learned_too(make):
    train = interactions([(0, 0), (1, 2), (1, 0)], (2, 4))
    model = make(n_negatives=2, batch_size=8, epochs=2).fit(train)
    assert np.isfinite(model.history_["loss"]).all()


@pytest.mark.parametrize("made", MADE[1:], ids=["MLP", "NeuMF"])
def test_dropout_is_at_work_while_training_only(made):
    """With a learning rate of 0 it alone changes the loss; the scores are those of no dropout."""
    model, given = made
    still = {**given, "learning_rate": 0, "epochs": 2}
    without, half, same, other = (
        model(**{**still, **change}).fit(SPLIT.train, watch=watch_on(SPLIT.train, SPLIT.valid))
        for change in ({"dropout": 0.0}, {"dropout": 0.5}, {"dropout": 0.5}, {"dropout": 0.9})
    )
    losses = [one.history_["loss"].tolist() for one in (without, half, same, other)]
    assert losses[1] == losses[2]
    assert len({*map(tuple, losses)}) == 3
    np.testing.assert_array_equal(half.score(EVERYBODY), without.score(EVERYBODY))
    assert half.history_["valid_loss"].tolist() == without.history_["valid_loss"].tolist()


@pytest.mark.parametrize("made", MADE[1:], ids=["MLP", "NeuMF"])
def test_each_epoch_drops_other_numbers(made):
    """One sample and nothing learned: only what is dropped can change its loss."""
    model, given = made
    given = {**given, "learning_rate": 0, "epochs": 10, "n_negatives": 0}
    train = interactions([(0, 1)], (2, 3))
    losses = model(**{**given, "dropout": 0.5}).fit(train).history_["loss"]
    assert losses.nunique() > 2
    assert model(**{**given, "dropout": 0.0}).fit(train).history_["loss"].nunique() == 1


# ---------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (GMF, {"factors": 4, "learning_rate": 0.1}),
        (MLP, {"layers": (16, 8), "learning_rate": 0.03, "init_scale": 0.5}),
        (NeuMF, {"factors": 4, "layers": (16, 8), "learning_rate": 0.03, "init_scale": 0.5}),
    ],
)
def test_a_tiny_set_is_learned_by_heart(model, given):
    rng = np.random.default_rng(0)
    train = interactions([(u, i) for u in range(5) for i in rng.permutation(6)[:3]], (5, 6))
    given = {**given, "regularization": 0, "weight_decay": 0, "batch_size": 16, "epochs": 100}
    found = model(**given).fit(train)
    last = found.history_.iloc[-1]
    assert last["loss"] < 0.01
    assert last["accuracy"] == 1
    positive = train.to_csr("ones").toarray() > 0
    np.testing.assert_array_equal(found.score(np.arange(5)) > 0, positive)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (GMF, {"factors": 2}),
        (MLP, {"layers": (8, 4), "init_scale": 0.1}),
        (NeuMF, {"factors": 2, "layers": (8, 4), "init_scale": 0.1}),
    ],
)
def test_planted_blocks_are_ranked_better_than_by_popularity(model, given):
    given = {**given, "learning_rate": 0.02, "batch_size": 128, "epochs": 25}
    found, bar = model(**given).fit(SPLIT.train), Popularity().fit(SPLIT.train)
    means = [evaluate(one, SPLIT)["hr@10"].mean() for one in (found, bar)]
    assert means[0] > 0.85 > 0.7 > means[1]
    users = EVERYBODY[:-1]
    blocks = block_of_item(found.recommend(users, 3, exclude=SPLIT.train)[0])
    assert (blocks == block_of_user(users)[:, None]).mean() > 0.85


def test_a_larger_penalty_makes_smaller_embeddings_only(make):
    """And a larger weight decay smaller layers."""
    given = {"epochs": 5, "weight_decay": 0}
    weak, strong = (make(regularization=r, **given).fit(SPLIT.train) for r in (0.0, 100.0))
    norms = [
        np.mean(
            [np.abs(a).mean() for name, a in arrays(model.network_).items() if is_embedding(name)]
        )
        for model in (weak, strong)
    ]
    assert norms[1] < norms[0] / 2
    given = {"epochs": 5, "regularization": 0}
    weak, strong = (make(weight_decay=decay, **given).fit(SPLIT.train) for decay in (0.0, 10.0))
    norms = [np.abs(arrays(model.network_)["output.weight"]).mean() for model in (weak, strong)]
    assert norms[1] < norms[0] / 2


# ------------------------------------------------------------------------------------- two halves


def networks(seed=0, n_users=6, n_items=5):
    """One of each network, of equal sizes, with random numbers everywhere."""
    torch.manual_seed(seed)
    found = (
        GMFNetwork(n_users, n_items, 3, 1.0),
        MLPNetwork(n_users, n_items, (8, 4), 0.0, 1.0),
        NeuMFNetwork(n_users, n_items, 3, (8, 4), 0.0, 1.0),
    )
    with torch.no_grad():
        for network in found:
            for parameter in network.parameters():
                parameter.normal_()
    return found


GRID = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)


def test_with_one_half_at_zero_neumf_is_the_other():
    gmf, mlp, neumf = networks()
    with torch.no_grad():
        neumf.product.load_state_dict(gmf.product.state_dict())
        neumf.tower.load_state_dict(mlp.tower.state_dict())
        for half, place, rest in ((gmf, slice(0, 3), slice(3, 7)), (mlp, slice(3, 7), slice(0, 3))):
            neumf.output.weight[:, place] = half.output.weight
            neumf.output.weight[:, rest] = 0
            neumf.output.bias.copy_(half.output.bias)
            found, expected = logits(neumf, *GRID), logits(half, *GRID)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_joined_halves_are_weighted_by_alpha(alpha):
    gmf, mlp, neumf = networks()
    before = [arrays(half) for half in (gmf, mlp)]
    join(neumf, gmf, mlp, alpha)
    expected = alpha * logits(gmf, *GRID) + (1 - alpha) * logits(mlp, *GRID)
    np.testing.assert_allclose(logits(neumf, *GRID), expected, rtol=1e-5, atol=1e-5)
    with torch.no_grad():  # copies, not views
        for parameter in neumf.parameters():
            parameter.zero_()
    for half, numbers in zip((gmf, mlp), before, strict=True):
        for name, array in arrays(half).items():
            np.testing.assert_array_equal(array, numbers[name])


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
def test_training_starts_from_pretrained_halves(fitted, alpha):
    """With a learning rate of 0 it ends there, too."""
    given = {**FAST, "factors": 3, "layers": (8, 6, 4), "dropout": 0.4, "alpha": alpha}
    model = NeuMF(**{**given, "learning_rate": 0, "epochs": 1})
    model.fit(SPLIT.train, watch=watching(SPLIT), pretrained=fitted)
    gmf, mlp = (half.score(EVERYBODY[:-1]) for half in fitted)
    expected = alpha * gmf + (1 - alpha) * mlp
    found = model.score(EVERYBODY[:-1])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    again = model.fit(SPLIT.train).score(EVERYBODY[:-1])  # they are not kept for the next fit
    assert np.abs(again - found).max() > 0.01


@pytest.mark.parametrize("dropouts", [(0.0, 0.4), (0.4, 0.0)], ids=["into none", "from none"])
def test_halves_are_joined_whatever_their_dropout(fitted, dropouts):
    """It has no weights, and so a NeuMF may have another than the MLP it starts from."""
    new, old = dropouts
    mlp = MLP((8, 6, 4), dropout=old, **FAST).fit(SPLIT.train)
    model = NeuMF(3, (8, 6, 4), dropout=new, **{**FAST, "learning_rate": 0, "epochs": 1})
    model.fit(SPLIT.train, pretrained=(fitted[0], mlp))
    expected = (fitted[0].score(EVERYBODY[:-1]) + mlp.score(EVERYBODY[:-1])) / 2
    np.testing.assert_allclose(model.score(EVERYBODY[:-1]), expected, rtol=1e-4, atol=1e-5)


def test_pretrained_halves_are_not_changed(fitted):
    before = [half.score(EVERYBODY) for half in fitted]
    model = NeuMF(3, (8, 6, 4), dropout=0.2, **FAST)
    model.fit(SPLIT.train, pretrained=fitted)
    start = sum(before) / 2
    assert np.abs(model.score(EVERYBODY) - start)[:-1].max() > 0.01
    for half, scores in zip(fitted, before, strict=True):
        np.testing.assert_array_equal(half.score(EVERYBODY), scores)
    assert all(name.endswith("_") for name in set(vars(model)) - set(vars(NeuMF())))


def test_pretrained_halves_that_do_not_fit_are_refused(fitted):
    gmf, mlp = fitted
    model = NeuMF(3, (8, 6, 4), **FAST)
    small = interactions([(0, 0), (1, 1)], (2, 3))
    for pretrained, error, message in (
        ((mlp, gmf), TypeError, r"pretrained must be a tuple \(GMF, MLP\), got"),
        ((gmf,), TypeError, r"pretrained must be a tuple \(GMF, MLP\), got"),
        ((gmf, mlp, mlp), TypeError, r"pretrained must be a tuple \(GMF, MLP\), got"),
        (gmf, TypeError, r"pretrained must be a tuple \(GMF, MLP\), got GMF"),
        ((GMF, MLP), TypeError, r"pretrained must be a tuple \(GMF, MLP\), got"),
        ((BinaryMF(), mlp), TypeError, r"pretrained must be a tuple \(GMF, MLP\), got"),
        ((GMF(3), mlp), NotFittedError, "pretrained must be fitted, and this GMF is not"),
        ((GMF(2).fit(small), mlp), ValueError, r"factors=3 and layers=\(8, 6, 4\), got 2 and"),
        ((gmf, MLP((8, 4)).fit(small)), ValueError, r"must have .* got 3 and \(8, 4\)"),
        ((GMF(3).fit(small), mlp), ValueError, r"pretrained .*got GMF fitted on \(2, 3\)"),
        ((gmf, MLP((8, 6, 4)).fit(small)), ValueError, r"pretrained .*got MLP fitted on \(2, 3\)"),
    ):
        with pytest.raises(error, match=message):
            model.fit(SPLIT.train, pretrained=pretrained)
        assert set(vars(model)) == set(vars(NeuMF()))
    with pytest.raises(TypeError, match="train must be Interactions"):
        model.fit(None, pretrained=fitted)


def test_halves_that_have_seen_other_interactions_are_refused(fitted):
    """Of the same shape, which says nothing about what they were trained on."""
    gmf, mlp = fitted
    other = interactions([(u, i) for u in range(N_USERS) for i in (u % 3, 5)], SPLIT.train.shape)
    for pretrained in (
        (GMF(3, **FAST).fit(other), mlp),
        (gmf, MLP((8, 6, 4), **FAST).fit(other)),
    ):
        with pytest.raises(ValueError, match="pretrained must be fitted on train itself"):
            NeuMF(3, (8, 6, 4), **FAST).fit(SPLIT.train, pretrained=pretrained)


def test_a_file_with_weights_of_other_shapes_is_refused(fitted, tmp_path):
    """One number would otherwise be spread over all places."""
    gmf, _ = fitted
    gmf.save(tmp_path / "whole.npz")
    arrays, text = read_npz(tmp_path / "whole.npz")
    name = next(key for key in arrays if key.endswith("output.weight"))
    for change in ({name: arrays[name][:, :1]}, {name + "s": arrays[name]}):
        write_npz(tmp_path / "other.npz", arrays | change, text)
        with pytest.raises(DataError, match="a saved GMF needs weights"):
            GMF.load(tmp_path / "other.npz")


# ----------------------------------------------------------------------------------- save and load


def test_a_loaded_network_scores_as_the_saved_one(make, tmp_path):
    """Dropout stays off, and the caller's random numbers stay as they were."""
    model = make().fit(SPLIT.train, watch=watch_on(SPLIT.train, SPLIT.valid))
    path = model.save(tmp_path / "model.npz")
    with np.load(path, allow_pickle=False) as file:
        assert all(file[key].dtype.kind in "biufU" for key in file.files)
    before = torch.random.get_rng_state()
    for load in (type(model).load, load_model):
        loaded = load(path)
        assert type(loaded) is type(model)
        assert loaded.parameters == model.parameters
        np.testing.assert_array_equal(loaded.score(EVERYBODY), model.score(EVERYBODY))
        items = np.tile([[3, 0, 30]], (N_USERS, 1))
        found, expected = (one.score_items(EVERYBODY, items) for one in (loaded, model))
        np.testing.assert_array_equal(found, expected)
        assert not loaded.network_.training
        assert loaded.history_.equals(model.history_)
    assert before.equal(torch.random.get_rng_state())
    loaded.fit(SPLIT.train)
    np.testing.assert_array_equal(loaded.score(EVERYBODY), model.score(EVERYBODY))


def test_a_neumf_of_pretrained_halves_is_loaded_without_them(fitted, tmp_path):
    model = NeuMF(3, (8, 6, 4), dropout=0.4, **FAST).fit(SPLIT.train, pretrained=fitted)
    loaded = load_model(model.save(tmp_path / "model.npz"))
    np.testing.assert_array_equal(loaded.score(EVERYBODY), model.score(EVERYBODY))


def test_what_pytorch_was_set_to_is_left_as_it_was(make):
    torch.set_num_threads(2)  # the fixture `one_thread` takes it back
    model = make(epochs=1).fit(SPLIT.train)
    model.score([0])
    assert torch.get_num_threads() == 2
    assert torch.is_grad_enabled()


# ---------------------------------------------------------------------------------- hyperparameters


@pytest.mark.parametrize("device", ["nonsense", "cpu:x", "", None, 1.5, ["cpu"], "cuda:77"])
def test_a_device_that_is_not_there_is_refused(make, device):
    with pytest.raises(ValueError, match="device must be one that PyTorch has here, such as 'cpu'"):
        make(device=device)


def test_a_device_is_a_name_or_a_device_of_pytorch(make):
    assert make(device=torch.device("cpu")).device == "cpu"


@pytest.mark.parametrize("model", [MLP, NeuMF])
@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ((7, 4), ValueError, r"must be .* first is even, .* got \(7, 4\)"),
        ((), ValueError, r"must be .* first is even, .* got \(\)"),
        ((8, 0), ValueError, "must be at least 1"),
        ((8, -4), ValueError, "must be at least 1"),
        ((8, 4.0), TypeError, "must be a sequence of positive integers"),
        ((8, True), TypeError, "must be a sequence of positive integers"),
        (8, TypeError, "must be a sequence of positive integers, got 8"),
        ("84", TypeError, "must be a sequence of positive integers, got '84'"),
        (None, TypeError, "must be a sequence of positive integers, got None"),
    ],
)
def test_layers_that_cannot_be_are_refused(model, layers, error, message):
    with pytest.raises(error, match=f"layers {message}"):
        model(layers=layers)


@pytest.mark.parametrize("model", [MLP, NeuMF])
def test_layers_may_be_any_sequence(model):
    for layers in ([8, 4], np.array([8, 4]), range(8, 3, -4)):
        assert model(layers=layers).layers == (8, 4)


@pytest.mark.parametrize("model", [MLP, NeuMF])
def test_to_drop_everything_is_refused(model):
    with pytest.raises(ValueError, match="dropout must be"):
        model(dropout=1.0)
    with pytest.raises(ValueError, match="alpha must be"):
        NeuMF(alpha=1.1)
