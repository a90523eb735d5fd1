"""The paper's table 1 repeated: the parts of that run, and that none of it stopped too soon."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from recsys_lib.experiments import published
from recsys_lib.experiments.protocol import seldom
from recsys_lib.experiments.published import (
    Budget,
    Change,
    PublishedMLP,
    PublishedNeuMF,
    Step,
    budget,
    climbed,
    curve,
    slowing,
    steps,
    trained_by,
)
from recsys_lib.models import MLP, BinaryMF
from recsys_lib.models.implicit import NegativeSampler, by_user
from recsys_lib.results import recorded

from toy import split_of

TUNED = recorded("search")["found"]["settings"]


def test_each_step_changes_what_its_name_says_and_nothing_else():
    changed = {
        "four negatives": {"n_negatives"},
        "biases": {"biases"},
        "penalty tuned": {"regularization", "frequency_power"},
        "AdamW, learning rate 0.001": {"learning_rate"},
        "small numbers at the start": {"init_scale"},
        "penalty on the embeddings": {"regularization"},
    }
    seen = set()
    for chain in steps(TUNED).values():
        for before, step in pairwise(chain):
            keys = before.settings.keys() | step.settings.keys()
            differ = {k for k in keys if before.settings.get(k) != step.settings.get(k)}
            if step.name in changed:
                assert differ, step.name
                assert differ <= changed[step.name], step.name
                seen.add(step.name)
    assert seen == changed.keys()


def test_a_change_lasts_and_a_budget_does_not():
    tuned = {"BinaryMF": {"factors": 3, "regularization": 0.5, "epochs": 7}}

    def halved(all_tuned, train, seed):
        return {"of": all_tuned, "train": train, "seed": seed}

    first, second, third, last = climbed(
        MLP,
        {"factors": 1, "biases": False},
        (
            Change("other kind", {"biases": True}, kind=BinaryMF, budget=Budget(5)),
            Change("penalty", tuned=("regularization",)),
            Change("all", search="BinaryMF", given=halved),
            Change("and one more", {"n_negatives": 2}),
        ),
        tuned,
    )
    assert first == Step("other kind", BinaryMF, {"factors": 1, "biases": True}, budget=Budget(5))
    assert second == Step(
        "penalty", BinaryMF, {"factors": 1, "biases": True, "regularization": 0.5}
    )
    assert third.settings == {"factors": 3, "regularization": 0.5}
    assert third.epochs == 7
    assert third.given("rows", 4) == {"of": tuned, "train": "rows", "seed": 4}
    assert last == Step("and one more", BinaryMF, third.settings | {"n_negatives": 2})
    assert tuned["BinaryMF"]["epochs"] == 7


def test_the_published_networks_have_the_optimizer_and_the_start_that_are_said():
    train = split_of([(2, 0), (0, 3)], [], [], (3, 12)).train
    for kind, settings in published.PUBLISHED.values():
        for name, optimizer in published.OPTIMIZERS.items():
            model = trained_by(kind, name)(**settings, learning_rate=0.1, epochs=1)
            found = model._start(train).optimizer
            assert type(found) is optimizer
            (group,) = found.param_groups
            assert group["lr"] == 0.1
            held = {id(p) for p in group["params"]}
            assert held == {id(p) for p in model.network_.parameters()}


def test_one_step_of_plain_gradient_descent_is_the_gradient_by_autograd():
    """The whole training set in one step: theta - rate * gradient of the mean loss."""
    train = split_of([(0, 0), (1, 3), (2, 5)], [], [], (3, 12)).train
    settings = published.WHOLE | {"layers": (8, 4), "learning_rate": 0.1, "epochs": 1}
    still = trained_by(PublishedMLP, "SGD")(**settings | {"learning_rate": 0.0}).fit(train)
    moved = trained_by(PublishedMLP, "SGD")(**settings).fit(train)
    users, positives = by_user(train)
    rng = np.random.default_rng(still.seed)  # draws the same negatives as the fit did
    negatives = NegativeSampler(train).draw(users, 4, rng)
    items = torch.as_tensor(np.column_stack([positives, negatives]).ravel())
    users = torch.as_tensor(np.repeat(users, 5))
    labels = torch.tensor([1.0, 0, 0, 0, 0]).repeat(3)
    network = still.network_
    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(users, items), labels)
    assert loss.item() == pytest.approx(moved.history_["loss"][0], rel=1e-5)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    for before, gradient, after in zip(
        network.parameters(), gradients, moved.network_.parameters(), strict=True
    ):
        torch.testing.assert_close(after, before - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_a_loss_that_slows_down_and_one_that_does_not():
    assert slowing(np.array([1.0, 0.7, 0.5, 0.4]))
    assert not slowing(np.array([1.0, 0.9, 0.7, 0.6]))  # falls faster for a while
    assert not slowing(np.array([1.0, 0.7, 0.71, 0.7]))  # rises once
    assert slowing(np.array(published.LOSSES["MLP"]))
    assert not slowing(np.array(published.LOSSES["NeuMF"]))


def test_what_is_recorded_of_a_curve():
    found = curve(np.array([0.1, 0.3, 0.2, 0.3, 0.2, 0.4, 0.1]))
    assert found == {"epochs": 7, "records": {1: 0.1, 2: 0.3, 6: 0.4}, "plateau": 4}
    assert curve(np.array([0.2, 0.1]))["plateau"] == 0


# ------------------------------------------------------------------------------- what is recorded


def curves():
    """Yield each recorded validation curve with its step and the epoch that was taken."""
    found, ladder = recorded("published")["found"], steps(TUNED)
    for name, chain in found["chains"].items():
        by_name = {step.name: step for step in ladder[name]}
        for row in chain:
            for seed, (one, epoch) in enumerate(
                zip(row.get("curves", ()), row["epochs"] or (), strict=False)
            ):
                if one is not None:
                    yield f"{name}, {row['name']}, seed {seed}", by_name[row["name"]], one, epoch


def records(one):
    return {int(epoch): value for epoch, value in one["records"].items()}


def test_no_seed_stopped_at_an_epoch_that_its_own_longer_run_passes():
    """The epoch taken is the best of the whole run, and the run went on as long as it should."""
    checked = 0
    for where, step, one, epoch in curves():
        better, most = records(one), budget(step)
        assert epoch == max(better), where
        assert better[epoch] == max(better.values()), where
        waited = most.epochs if most.patience is None else epoch + most.patience
        assert one["epochs"] == min(waited, most.epochs), where
        checked += 1
    assert checked > 60


def test_every_run_had_settled_when_it_ended():
    """Its second half, as long again, brought next to nothing better."""
    for where, _, one, epoch in curves():
        better = records(one)
        half = max(value for e, value in better.items() if e <= one["epochs"] / 2)
        assert better[epoch] - half < 0.004, where


def test_where_patience_ends_a_run_it_is_longer_than_every_plateau():
    """The mistake that this ends: a patience of 20 on plateaus of 100 epochs."""
    for where, step, one, _ in curves():
        patience = budget(step).patience
        if patience is not None:
            assert one["plateau"] * 1.5 <= patience, f"{where}: {one['plateau']} epochs"
            assert one["epochs"] < budget(step).epochs, where


def test_a_patience_of_twenty_would_not_have_passed():
    """Every step of BMF has runs with plateaus that are much longer."""
    plateaus: dict[str, int] = {}
    for where, step, one, _ in curves():
        if step.kind is BinaryMF:
            name = where.partition(", seed")[0]
            plateaus[name] = max(plateaus.get(name, 0), one["plateau"])
    assert len(plateaus) == 5
    assert min(plateaus.values()) > 40


def test_between_two_measurements_the_last_one_counts():
    seen = iter([{"ndcg@10": value} for value in (0.1, 0.3, 0.2)])
    watch = seldom(3, lambda model: next(seen))
    found = [watch(None)["ndcg@10"] for _ in range(7)]
    assert found == [0.1, 0.1, 0.3, 0.3, 0.3, 0.2, 0.2]
    assert curve(np.array(found))["records"] == {1: 0.1, 3: 0.3}


def test_both_published_networks_are_what_their_ladders_begin_with():
    found = recorded("published")["found"]
    for name, (optimizer, rate) in published.FITTING.items():
        again = found["again"][f"{name}, {optimizer}, rate {rate:g}"]["hr@10"]["values"]
        first = found["chains"][name][0]["seeds"]["hr@10"]["values"]
        assert again[: len(first)] == first
    assert {PublishedMLP, PublishedNeuMF} == {kind for kind, _ in published.PUBLISHED.values()}
