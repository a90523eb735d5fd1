"""SASRec, its bag and its GRU: attention, losses, causality, and order that was planted."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from recsys_lib.data import DataError, Histories, Interactions, histories, shuffled_times
from recsys_lib.evaluation import compare, evaluate, watching
from recsys_lib.models import (
    Bag,
    BinaryMF,
    GRU4Rec,
    ItemKNN,
    Markov,
    RecentItemKNN,
    SASRec,
    sequence,
)
from recsys_lib.models.bag import BagNetwork
from recsys_lib.models.gru4rec import GRU4RecNetwork
from recsys_lib.models.network import one_thread
from recsys_lib.models.sasrec import Attention, Residual, SASRecNetwork, feed_forward
from recsys_lib.models.sequence import (
    LOSSES,
    SequenceModel,
    binary_loss,
    sampled_softmax_loss,
    softmax_loss,
)
from recsys_lib.top_k import top_k

from model_suite import N_ITEMS, N_USERS, SEQUENCE, planted
from toy import in_order

SPLIT = planted()
TRAIN = SPLIT.train
EVERYBODY = np.arange(N_USERS)
KINDS = [SASRec, Bag, GRU4Rec]
FAST = {"factors": 8, "learning_rate": 0.01, "batch_size": 64, "epochs": 2}
NETWORKS = [
    lambda: SASRecNetwork(20, 8, blocks=2, heads=2, length=9, init_scale=1.0),
    lambda: BagNetwork(20, 8, blocks=2, init_scale=1.0),
    lambda: GRU4RecNetwork(20, 8, blocks=2, init_scale=1.0),
]


@pytest.fixture(autouse=True)
def few_and_equal_numbers():
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(params=NETWORKS, ids=["SASRec", "Bag", "GRU4Rec"])
def network(request):
    return request.param().eval()


def history_of(user, train=TRAIN):
    past = histories(train)
    return past.items[past.offsets[user] : past.offsets[user + 1]]


# --------------------------------------------------------------------------------------- attention


def future(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def test_one_head_is_its_formula_one_number_at_a_time():
    layer, z = Attention(4), torch.randn(2, 5, 4)
    q, k, v = (
        part(z).detach().numpy().astype(float) for part in (layer.query, layer.key, layer.value)
    )
    expected, weights = np.zeros((2, 5, 4)), np.zeros((2, 1, 5, 5))
    for n, t in np.ndindex(2, 5):
        e = [math.exp(sum(k[n, s] * q[n, t]) / math.sqrt(4)) for s in range(t + 1)]
        for s in range(t + 1):
            weights[n, 0, t, s] = e[s] / sum(e)
            expected[n, t] += weights[n, 0, t, s] * v[n, s]
    with torch.no_grad():
        np.testing.assert_allclose(layer.weights(z), weights, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer(z), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_pytorchs(heads):
    layer, z = Attention(8, heads), torch.randn(3, 6, 8)
    parts = (layer._by_head(part(z)) for part in (layer.query, layer.key, layer.value))
    expected = scaled_dot_product_attention(*parts, is_causal=True)
    torch.testing.assert_close(layer(z), expected.transpose(1, 2).reshape(3, 6, 8))


def as_pytorch_has_it(layer, multi_head):
    """Copy our weights into PyTorch's layer, whose last matrix and whose shifts do nothing then."""
    parts = [layer.query.weight, layer.key.weight, layer.value.weight]
    with torch.no_grad():
        multi_head.in_proj_weight.copy_(torch.cat(parts))
        multi_head.out_proj.weight.copy_(torch.eye(layer.query.in_features))
        for shift in (multi_head.in_proj_bias, multi_head.out_proj.bias):
            shift.zero_()


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_that_of_pytorchs_layer(heads):
    layer, z = Attention(8, heads), torch.randn(3, 6, 8)
    theirs = nn.MultiheadAttention(8, heads, batch_first=True)
    as_pytorch_has_it(layer, theirs)
    expected, weights = theirs(z, z, z, attn_mask=future(6), average_attn_weights=False)
    torch.testing.assert_close(layer(z), expected)
    torch.testing.assert_close(layer.weights(z), weights)


@pytest.mark.parametrize("heads", [1, 2])
def test_a_block_is_pytorchs_encoder_layer_and_so_are_its_gradients(heads):
    attention, forward = Attention(8, heads), feed_forward(8)
    block = nn.Sequential(Residual(attention, 8), Residual(forward, 8))
    for residual in block:
        nn.init.normal_(residual.norm.weight)
        nn.init.normal_(residual.norm.bias)
    theirs = nn.TransformerEncoderLayer(
        8, heads, dim_feedforward=8, dropout=0.0, norm_first=True, batch_first=True
    )
    as_pytorch_has_it(attention, theirs.self_attn)
    theirs.norm1.load_state_dict(block[0].norm.state_dict())
    theirs.norm2.load_state_dict(block[1].norm.state_dict())
    theirs.linear1.load_state_dict(forward[0].state_dict())
    theirs.linear2.load_state_dict(forward[2].state_dict())
    mine, other = (torch.randn(3, 6, 8, generator=torch.manual_seed(1)) for _ in range(2))
    mine.requires_grad_(), other.requires_grad_()
    found, expected = block(mine), theirs(other, src_mask=future(6))
    torch.testing.assert_close(found, expected)
    for out in (found, expected):
        (out**2).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad)
    parts = (attention.query, attention.key, attention.value)
    gradient = torch.cat([part.weight.grad for part in parts])
    torch.testing.assert_close(gradient, theirs.self_attn.in_proj_weight.grad)


def test_a_model_shows_what_it_attends_to():
    model = SASRec(blocks=2, heads=2, length=6, **FAST).fit(TRAIN)
    items = history_of(3)
    found = model.attention(items)
    assert (found.shape, found.dtype) == ((2, 2, 6, 6), np.float32)
    np.testing.assert_allclose(found.sum(axis=3), 1, rtol=1e-5)
    assert not found[..., future(6).numpy()].any()
    np.testing.assert_array_equal(found, model.attention(items[-6:]))
    first = model.network_.layers[0]
    with torch.no_grad():
        z = model.network_.begin(torch.as_tensor(items[None, -6:].astype(np.int64)))
        expected = first.layer.weights(first.norm(z))[0]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-7)
    assert model.attention([4]).tolist() == [[[[1.0]]] * 2] * 2
    assert SASRec(blocks=0, **FAST).fit(TRAIN).attention([4, 1]).shape == (0, 1, 2, 2)
    for wrong, error in (([1, 1], ValueError), ([N_ITEMS], IndexError), ([0.5], TypeError)):
        with pytest.raises(error, match="items"):
            model.attention(wrong)


# ---------------------------------------------------------------------------------------- networks


def test_an_event_changes_no_earlier_query(network):
    """Nor whether there is one."""
    items = torch.randint(0, 20, (4, 9), generator=torch.manual_seed(1))
    before = network(items)
    assert before.shape == (4, 9, 8)
    for place in range(9):
        other = items.clone()
        other[:, place] = (other[:, place] + 7) % 20
        after = network(other)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=0)
        assert (after[:, place] != before[:, place]).any(dim=1).all()
        torch.testing.assert_close(network(items[:, : place + 1]), before[:, : place + 1])


def test_no_gradient_comes_from_the_future(network):
    """Of the query after the fourth event, with respect to the embeddings of all."""
    items = torch.arange(9)[None]
    network(items)[0, 3].sum().backward()
    moved = network.item_embedding.weight.grad.abs().sum(dim=1) > 0
    assert not moved[4:].any()
    # a sum over a normalized vector has no slope: look at one number of it
    network.zero_grad()
    network(items)[0, 3, 0].backward()
    moved = network.item_embedding.weight.grad.abs().sum(dim=1) > 0
    assert moved.tolist() == [True] * 4 + [False] * 16


def test_a_bag_knows_no_order_and_the_others_do():
    items = torch.tensor([[3, 1, 4, 15, 9], [15, 3, 9, 4, 1]])
    for make, knows in zip(NETWORKS, (True, False, True), strict=True):
        one, other = make().eval()(items)[:, -1]
        assert torch.allclose(one, other, atol=1e-5) != knows


def test_a_bag_is_a_mean_and_what_is_made_of_it():
    plain = BagNetwork(20, 8, blocks=0, init_scale=1.0).eval()
    mean = plain.item_embedding.weight[[3, 1, 4]].mean(dim=0)
    expected = (mean - mean.mean()) / mean.std(unbiased=False)
    torch.testing.assert_close(
        plain(torch.tensor([[3, 1, 4]]))[0, 2], expected, rtol=1e-3, atol=1e-3
    )


def test_without_blocks_there_is_a_chain_of_the_last_item():
    network = SASRecNetwork(20, 8, blocks=0, length=9, init_scale=1.0).eval()
    one, other = network(torch.tensor([[3, 1, 4], [7, 2, 4]]))[:, -1]
    torch.testing.assert_close(one, other)


def test_a_gru_is_its_formula():
    network = GRU4RecNetwork(20, 4, init_scale=1.0).eval()
    numbers = {k: v.detach().numpy().astype(float) for k, v in network.gru.named_parameters()}
    W, U = (numbers[f"weight_{name}_l0"].reshape(3, 4, 4) for name in ("ih", "hh"))
    b, c = (numbers[f"bias_{name}_l0"].reshape(3, 4) for name in ("ih", "hh"))
    h, table = np.zeros(4), network.item_embedding.weight.detach().numpy().astype(float)
    for item in (3, 1, 4):
        q = 2 * table[item]  # the root of 4 factors
        r, u = (1 / (1 + np.exp(-(W[g] @ q + b[g] + U[g] @ h + c[g]))) for g in (0, 1))
        new = np.tanh(W[2] @ q + b[2] + r * (U[2] @ h + c[2]))
        h = u * h + (1 - u) * new
    expected = (h - h.mean()) / np.sqrt(h.var() + 1e-5)
    found = network(torch.tensor([[3, 1, 4]]))[0, 2].detach()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------------ losses


def sample(n=5, n_items=7, dtype=torch.float64):
    """Queries, what came next, and the items' table, in double precision."""
    table = torch.randn(n_items, 3, dtype=dtype, requires_grad=True)
    queries = torch.randn(n, 3, dtype=dtype, requires_grad=True)
    return queries, torch.arange(n) % n_items, table


def test_the_gradient_of_the_softmax_is_a_probability_less_what_came():
    """By a logit: what the model gives the item, less 1 for the one that came next."""
    queries, items, table = sample()
    loss = softmax_loss(queries, items, table, None)
    loss.backward()
    logits = (queries @ table.T).detach().numpy()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss.item() == pytest.approx(-np.log(p[np.arange(5), items]).mean())
    slope = (p - np.eye(7)[items]) / 5
    np.testing.assert_allclose(queries.grad, slope @ table.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(table.grad, slope.T @ queries.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("n", [1, 2])
def test_binary_cross_entropies_of_a_sample_are_added(n):
    queries, items, table = sample()
    drawn = torch.tensor([[1, 2], [0, 3], [6, 6], [5, 1], [0, 2]])[:, :n]
    x = queries @ table.T
    expected = 0.0
    for row in range(5):
        expected -= torch.log(torch.sigmoid(x[row, items[row]]))
        for other in drawn[row]:
            expected -= torch.log(1 - torch.sigmoid(x[row, other]))
    torch.testing.assert_close(binary_loss(queries, items, table, drawn), expected / 5)


def test_the_sampled_softmax_is_its_formula():
    queries, items, table = sample()
    drawn = torch.tensor([1, 6, 6])  # 1 came next in the second sample
    x = (queries @ table.T).detach().numpy()
    expected = 0.0
    for row, item in enumerate(items.tolist()):
        others = [math.exp(x[row, j] - math.log(3 / 7)) for j in drawn.tolist() if j != item]
        expected += math.log(math.exp(x[row, item]) + sum(others)) - x[row, item]
    assert sampled_softmax_loss(queries, items, table, drawn).item() == pytest.approx(expected / 5)


def test_a_sample_whose_negatives_all_came_next_teaches_nothing():
    queries, items, table = sample(n=1)
    loss = sampled_softmax_loss(queries, items, table, torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0
    assert not queries.grad.any()
    assert not table.grad.any()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_corrected_sum_is_on_average_that_of_all_items(n):
    """Exactly, over all that can be drawn; uncorrected it is far from it."""
    queries, items, table = sample(n=1, n_items=5)
    logits = (queries @ table.T)[0]
    own, whole = logits[items[0]], logits.exp().sum()
    sums = [
        (sampled_softmax_loss(queries, items, table, torch.tensor(drawn)) + own).exp()
        for drawn in itertools.product(range(5), repeat=n)
    ]
    torch.testing.assert_close(torch.stack(sums).mean(), whole)


def test_with_many_draws_it_is_the_softmax_and_so_are_its_gradients():
    queries, items, table = sample(n_items=5)
    every = torch.arange(5).repeat(3)
    losses = [
        softmax_loss(queries, items, table, None),
        sampled_softmax_loss(queries, items, table, every),
    ]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss, table)[0] for loss in losses))
    away = []
    rng = np.random.default_rng(0)
    for n in (4, 40, 400):
        drawn = [torch.as_tensor(rng.integers(5, size=n)) for _ in range(200)]
        found = [sampled_softmax_loss(queries, items, table, one).item() for one in drawn]
        away.append(abs(np.mean(found) - losses[0].item()))
    assert away[0] > 3 * away[1] > 3 * away[2]  # the logarithm of a mean: off by about 1/n
    assert away[2] < 0.005


def test_a_negative_that_came_next_does_not_count():
    queries, items, table = sample(n=1)
    drawn = torch.tensor([0, 3])  # 0 came next
    x = (queries @ table.T)[0]
    expected = torch.log(x[0].exp() + 7 / 2 * x[3].exp()) - x[0]
    torch.testing.assert_close(sampled_softmax_loss(queries, items, table, drawn), expected)


# -------------------------------------------------------------------------------------------- steps


@pytest.fixture
def steps(monkeypatch):
    """The windows and negatives of each step, in a list."""
    seen, step = [], SequenceModel._step

    def spy(self, optimizer, rows, drawn):
        assert self.network_.training
        seen.append((rows.numpy().copy(), None if drawn is None else drawn.numpy().copy()))
        return step(self, optimizer, rows, drawn)

    monkeypatch.setattr(SequenceModel, "_step", spy)
    return seen


@pytest.mark.parametrize("length", [1, 4, 50])
def test_every_event_but_the_first_is_predicted_once_in_an_epoch(steps, length):
    SASRec(**{**FAST, "length": length}).fit(TRAIN)
    pairs = []
    for user in range(N_USERS - 1):
        items = history_of(user)
        pairs += itertools.pairwise(items)
    half = len(steps) // 2
    for epoch in (steps[:half], steps[half:]):
        read, follows = (
            np.concatenate([rows[:, part][rows[:, 1:] >= 0] for rows, _ in epoch])
            for part in (slice(0, -1), slice(1, None))
        )
        assert sorted(zip(read, follows, strict=True)) == sorted(pairs)
        sizes = [(rows[:, 1:] >= 0).sum() for rows, _ in epoch]
        assert max(sizes) < 64 + length + 12
        assert min(sizes) > 64 - length - 12
        assert max(rows.shape[1] for rows, _ in epoch) == min(length, 11) + 1
    order = [[rows.tolist() for rows, _ in epoch] for epoch in (steps[:half], steps[half:])]
    assert order[0] != order[1]


@pytest.mark.parametrize("loss", LOSSES)
def test_negatives_are_drawn_as_the_loss_wants_them(steps, loss):
    SASRec(loss=loss, n_negatives=5, **FAST).fit(TRAIN)
    met = {user: set(history_of(user).tolist()) for user in range(N_USERS)}
    whose = {tuple(history_of(user)): user for user in range(N_USERS - 1)}
    for rows, drawn in steps:
        n = (rows[:, 1:] >= 0).sum()
        if loss == "softmax":
            assert drawn is None
        elif loss == "bce":
            assert drawn.shape == (n, 5)
            users = [whose[tuple(row)] for row in rows for _ in range((row >= 0).sum() - 1)]
            for user, negatives in zip(users, drawn, strict=True):
                assert not met[user] & set(negatives.tolist())
        else:
            assert drawn.shape == (5,)
    if loss != "softmax":
        assert {0, N_ITEMS - 1} <= set(np.concatenate([drawn.ravel() for _, drawn in steps]))
        assert len({drawn.tobytes() for _, drawn in steps}) == len(steps)


FEW = TRAIN.select(TRAIN.user < 6)
RAGGED = in_order([[0, 1], list(range(2, 30)), [5], [], [8, 3, 9], [4, 2, 7, 1, 0]], 30)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", [FEW, RAGGED], ids=["equal", "ragged"])
def test_the_loss_is_measured_on_what_scoring_would_say(kind, train):
    """Without dropout and steps: after each beginning of a history, what came next among all.

    In batches of rows of several lengths, so that what fills them up must not count.
    """
    still = {**FAST, "learning_rate": 0, "epochs": 1, "dropout": 0.0, "batch_size": 1000}
    model = kind(**still).fit(train)
    losses = []
    for user in range(train.n_users):
        items = history_of(user, train)
        for n in range(1, len(items)):
            scores = model.fold_in(items[:n]).astype(np.float64)
            losses.append(np.log(np.exp(scores).sum()) - scores[items[n]])
    assert len(losses) == model._n_samples(train) == len(train) - (train.user_counts > 0).sum()
    assert model.history_["loss"][0] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_fills_a_row_up_moves_nothing(loss, monkeypatch):
    """The same weights come of a table that is three columns wider."""
    settings = {**FAST, "loss": loss, "dropout": 0.0, "batch_size": 1000, "length": 40}
    plain, rows = SASRec(**settings).fit(RAGGED), Histories.rows
    wider = ((0, 0), (0, 3))
    monkeypatch.setattr(Histories, "rows", lambda *a: np.pad(rows(*a), wider, constant_values=-1))
    filled = SASRec(**settings).fit(RAGGED)
    for name, weights in plain._weights().items():
        np.testing.assert_allclose(filled._weights()[name], weights, rtol=1e-4, atol=1e-5)


def test_the_penalty_is_that_of_the_other_networks():
    model = SASRec(regularization=6.0, weight_decay=0.2, **FAST)
    embeddings, rest = model._start(TRAIN).optimizer.param_groups
    n_samples = len(TRAIN) - (N_USERS - 1)
    assert embeddings["weight_decay"] == pytest.approx(6.0 / n_samples)
    assert [tuple(p.shape) for p in embeddings["params"]] == [(N_ITEMS, 8)]
    assert rest["weight_decay"] == 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_at_work_while_training_only(kind):
    still = {**FAST, "learning_rate": 0}
    without, half, same = (kind(dropout=p, **still).fit(TRAIN) for p in (0.0, 0.5, 0.5))
    np.testing.assert_array_equal(half.score(EVERYBODY), without.score(EVERYBODY))
    losses = [one.history_["loss"].tolist() for one in (without, half, same)]
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-6)
    assert losses[1] == losses[2]
    assert len({*losses[0], *losses[1]}) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_callers_random_numbers_are_left_alone(kind):
    before = torch.random.get_rng_state()
    kind(**FAST).fit(TRAIN)
    assert torch.random.get_rng_state().equal(before)


def test_patience_keeps_the_best_epoch():
    model = SASRec(**{**FAST, "epochs": 60, "patience": 4, "learning_rate": 0.03})
    history = model.fit(TRAIN, watch=watching(SPLIT)).history_
    assert list(history) == ["epoch", "seconds", "loss", "valid_hr@10", "valid_ndcg@10"]
    assert len(history) < 60
    assert history["valid_ndcg@10"].idxmax() + 1 == model.best_epoch_ == len(history) - 4
    again = SASRec(**{**FAST, "epochs": model.best_epoch_, "learning_rate": 0.03}).fit(TRAIN)
    np.testing.assert_array_equal(again.score(EVERYBODY), model.score(EVERYBODY))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_goes_on_from_a_state_to_the_same_numbers(loss):
    settings = {**FAST, "loss": loss, "n_negatives": 5, "dropout": 0.3}
    whole = SASRec(**{**settings, "epochs": 4}).fit(TRAIN)
    first, second = SASRec(**settings), SASRec(**{**settings, "epochs": 4})
    with first._fitting(TRAIN):
        run = first._start(TRAIN)
        first._fit(TRAIN, run)
    with second._fitting(TRAIN):
        again = second._start(TRAIN)
        again.set_state(run.state())
        second._set_weights(first._weights())
        second._fit(TRAIN, again)
    np.testing.assert_array_equal(second.score(EVERYBODY), whole.score(EVERYBODY))
    assert second.history_["loss"].tolist() == whole.history_["loss"].tolist()


# ------------------------------------------------------------------------------------------- scores


@pytest.mark.parametrize("kind", KINDS)
def test_who_else_is_scored_does_not_matter(kind, monkeypatch):
    """Whatever their histories' lengths, and however many are read at a time."""
    model = kind(**FAST).fit(RAGGED)
    together = model.score([0, 1, 2, 3, 4, 5])
    for user in range(6):
        np.testing.assert_allclose(model.score([user])[0], together[user], rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(sequence, "PAIRS", 70)
    found = model.score([4, 1, 3, 0, 2])
    np.testing.assert_allclose(found, together[[4, 1, 3, 0, 2]], rtol=1e-5, atol=1e-5)


def test_scoring_fills_up_less_than_half_and_reads_long_histories_few_at_a_time(monkeypatch):
    """One long history beside many short ones must not make a table of its length for all."""
    model = SASRec(**FAST, length=200).fit(RAGGED)
    lengths = np.r_[200, np.full(300, 2), 0, np.arange(1, 60), np.full(90, 190)]
    items = np.random.default_rng(0).integers(30, size=lengths.sum())
    past, tables, rows = Histories(items, np.r_[0, np.cumsum(lengths)]), [], Histories.rows
    monkeypatch.setattr(Histories, "rows", lambda *a: tables.append(rows(*a)) or tables[-1])
    scores = model._after(past, past.offsets[:-1], past.offsets[1:])
    assert (scores.any(axis=1) == (lengths > 0)).all()
    assert sum(len(table) for table in tables) == (lengths > 0).sum()
    for table in tables:
        assert (table >= 0).mean() > 0.5
        assert table.size * table.shape[1] < 2 * sequence.PAIRS


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_user_scores_as_their_history_folded_in(kind):
    model = kind(length=7, **FAST).fit(TRAIN)
    for user in (0, 7, 39):
        items, expected = history_of(user), model.score([user])[0]
        np.testing.assert_allclose(model.fold_in(items), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.fold_in(items[-7:]), expected, rtol=1e-5, atol=1e-5)
        assert not np.allclose(model.fold_in(items[-6:]), expected)


def test_scores_are_dot_products_with_the_embeddings():
    model = SASRec(**FAST).fit(TRAIN)
    items = history_of(5)
    with torch.no_grad():
        query = model.network_.eval()(torch.as_tensor(items[None].astype(np.int64)))[0, -1]
    expected = model.item_factors_ @ query.numpy()
    np.testing.assert_allclose(model.score([5])[0], expected, rtol=1e-5, atol=1e-5)
    assert model.item_factors_.shape == (N_ITEMS, 8)


@pytest.mark.parametrize("model", [SASRec, GRU4Rec, Markov])
def test_a_session_of_nobody_in_training_gets_a_list(model):
    """Around a ring of eight items each is followed by the next; the session leaves the ring."""
    train = in_order([[(start + step) % 8 for step in range(7)] for start in range(8)], 8)
    settings = {"length": 1} if model is Markov else {**FAST, "epochs": 60, "dropout": 0.0}
    session = np.array([6, 1, 3])
    scores = model(**settings).fit(train).fold_in(session)
    scores[session] = -np.inf
    items, _ = top_k(scores[None], 8)
    assert items[0, 0] == 4
    assert sorted(items[0]) == [-1, -1, -1, 0, 2, 4, 5, 7]


@pytest.mark.parametrize("length", [3, 40])
def test_positions_are_those_of_training(length):
    """Counted from the first event that is read; one that no sample reaches adds nothing."""
    model = SASRec(length=length, **FAST).fit(TRAIN)
    positions = model._weights()["position_embedding.weight"]
    n_trained = min(length, 11)  # of twelve events the last is not read
    assert positions[:n_trained].any(axis=1).all()
    assert not positions[n_trained:].any()
    items = history_of(5)[-length:]
    with torch.no_grad():
        z = model.network_.eval().begin(torch.as_tensor(items[None].astype(np.int64)))[0].numpy()
    expected = math.sqrt(8) * model.item_factors_[items] + positions[: len(items)]
    np.testing.assert_allclose(z, expected, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------- what is planted


def last_decides(n_users, n_open, seed=0):
    """Everybody meets items 0 to 4 in an order of their own; then 5 more than the last of them.

    So what was met is the same for all, and only its order says what comes next. The last `n_open`
    users are still to meet it. Returns the training data, and what these will meet.
    """
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(5) for _ in range(n_users)])
    follows = orders[:, -1] + 5
    done = [[*order, end] for order, end in zip(orders, follows, strict=True)][:-n_open]
    return in_order(done + orders[-n_open:].tolist(), 10), follows[-n_open:]


PLANTED = {"factors": 16, "learning_rate": 0.03, "batch_size": 128, "dropout": 0.1, "epochs": 24}
OPEN = np.arange(150, 200)  # users who are still to meet what the order of theirs decides


@pytest.mark.parametrize(
    ("model", "finds"),
    [
        (SASRec(**PLANTED), True),
        (SASRec(**PLANTED, loss="bce", n_negatives=3), True),
        (SASRec(**PLANTED, loss="sampled softmax", n_negatives=20), True),
        (GRU4Rec(**{**PLANTED, "epochs": 32}), True),
        (Markov(length=1), True),
        (Bag(**PLANTED), False),
        (ItemKNN(), False),
        (RecentItemKNN(decay=0.0), False),  # similar items were met by the same users, in any order
        (BinaryMF(factors=16), False),
    ],
    ids=[
        *LOSSES,
        *("GRU4Rec", "Markov", "Bag", "ItemKNN", "RecentItemKNN", "BinaryMF"),
    ],
)
def test_only_a_model_of_order_finds_what_the_order_decides(model, finds):
    train, follows = last_decides(200, len(OPEN))
    items, _ = model.fit(train).recommend(OPEN, 1, exclude=train)
    right = (items[:, 0] == follows).mean()
    if finds:
        assert right == 1
    else:
        assert right < 0.45  # one in five by chance


def test_what_lies_further_back_is_found_too():
    """The first of five items decides, and a chain of the last sees nothing of it."""
    rng = np.random.default_rng(0)
    orders = np.array([rng.permutation(5) for _ in range(250)])
    done = [[*order, order[0] + 5] for order in orders[:200]]
    train, users = in_order(done + orders[200:].tolist(), 10), np.arange(200, 250)
    found = {}
    settings = {**PLANTED, "dropout": 0.0, "epochs": 48}
    for blocks in (1, 0):
        found[blocks] = []
        for seed in range(
            3
        ):  # a run may end where it has learned half, on one processor or another
            model = SASRec(**settings, blocks=blocks, seed=seed).fit(train)
            items, _ = model.recommend(users, 1, exclude=train)
            found[blocks].append((items[:, 0] == orders[200:, 0] + 5).mean())
    assert np.median(found[1]) > 0.95
    assert max(found[0]) < 0.5


def test_where_the_order_says_nothing_it_gains_nothing():
    """Two blocks of users whose events came in random order: a bag says all there is to know."""
    settings = {**SEQUENCE, "epochs": 16}
    tables = {
        kind: [evaluate(kind(seed=seed, **settings).fit(TRAIN), SPLIT) for seed in range(3)]
        for kind in (SASRec, Bag)
    }
    assert compare(tables[SASRec], tables[Bag]).loc["ndcg@10", "low"] <= 0
    assert np.mean([table["hr@10"].mean() for table in tables[Bag]]) > 0.6


def test_with_shuffled_times_the_order_is_lost():
    train, follows = last_decides(200, len(OPEN))
    model = SASRec(**PLANTED)
    items, _ = model.fit(shuffled_times(train)).recommend(OPEN, 1, exclude=train)
    assert (items[:, 0] == follows).mean() < 0.45


# --------------------------------------------------------------------------------- what cannot be


def test_what_cannot_be_is_refused():
    for kind in KINDS:
        with pytest.raises(ValueError, match="n_negatives must be at least 1"):
            kind(n_negatives=0)
        with pytest.raises(ValueError, match="loss must be one of 'softmax', 'bce', 'sampled"):
            kind(loss="bpr")
        with pytest.raises(ValueError, match="dropout must be"):
            kind(dropout=1.0)
    with pytest.raises(ValueError, match="heads must divide factors=8, got 3"):
        SASRec(factors=8, heads=3)
    with pytest.raises(ValueError, match="blocks must be at least 1"):
        GRU4Rec(blocks=0)
    with pytest.raises(DataError, match="has no user with two events: nothing follows"):
        SASRec().fit(in_order([[0], [], [2]], 3))
    bare = Interactions([0, 0], [0, 1], [1, 1], [0, 0], range(1), range(2))
    with pytest.raises(DataError, match="has no timestamps, which a history needs"):
        Bag().fit(bare)
    with pytest.raises(DataError, match="has met all 3 items"):
        SASRec(loss="bce").fit(in_order([[0, 2, 1]], 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_learning_rate_that_is_too_large_is_said_to_be(kind):
    with pytest.raises(FloatingPointError, match="learning_rate=1e\\+30 is probably too large"):
        kind(**{**FAST, "learning_rate": 1e30}).fit(TRAIN)
