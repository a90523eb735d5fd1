"""The paper's table 1 as it came about, and what each correction changes (chapter 10).

Written from what is known of the published code: no negatives for BMF; one step an epoch for MLP
and NeuMF, over all samples at once, from embeddings of standard deviation 1; the best epoch chosen
on test, the untrained network among the candidates; ties counted against the positives; users
without training rows ranked by their random start; and a second positive, the item of index 1, for
the users who have but one interaction. Which order of items gives that index is not known: by
identifier and by first appearance it is an item that nearly nobody has met. We take the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from torch import nn

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.experiments.bmf import PAPER
from recsys_lib.experiments.implicit import (
    METRICS,
    MOST_EPOCHS,
    PRETRAINED,
    SEEDS,
    mean_of_seeds,
    validating,
)
from recsys_lib.experiments.networks import halves, nothing
from recsys_lib.experiments.paper_data import paper_split, table, tuning_split
from recsys_lib.metrics import METRICS as BY_RANK
from recsys_lib.metrics import PADDING, ranks_from_scores
from recsys_lib.models import MLP, BinaryMF, NeuMF, Popularity, Random, Recommender
from recsys_lib.sampling import Candidates
from recsys_lib.training import EpochModel

FABRICATED = 1
PATIENCE = 20
Measure = Callable[[Recommender], pd.DataFrame]


class _ColdAsTheyStart:
    """Users without a training row count as any others: their numbers are still the random ones."""

    def _begin(self, train: Interactions) -> None:
        super()._begin(train)
        self.cold_ = np.zeros(train.n_users, dtype=bool)


class _TorchStart:
    """Layers that start as PyTorch has them, where nobody says otherwise."""

    def _network(self, n_users: int, n_items: int) -> nn.Module:
        network = super()._network(n_users, n_items)
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        return network


class PublishedBMF(_ColdAsTheyStart, BinaryMF):
    """BMF with all that the published code has."""


class PublishedMLP(_ColdAsTheyStart, _TorchStart, MLP):
    """MLP likewise."""


class PublishedNeuMF(_ColdAsTheyStart, _TorchStart, NeuMF):
    """NeuMF likewise."""


class WarmMLP(_TorchStart, MLP):
    """The same with users without a training row ranked by popularity."""


class WarmNeuMF(_TorchStart, NeuMF):
    """NeuMF likewise."""


@dataclass(frozen=True)
class Step:
    """One way to train and measure: what it is called, and all that it consists of."""

    name: str
    kind: type[EpochModel]
    settings: dict
    epochs: int | str  # a number, or on which set the best is chosen: "test" or "valid"
    measure: str = "ours"  # or "published", or "fair ties"
    most: int = 20
    given: Callable[[Interactions, int], dict] = nothing


def run(
    ratings: Interactions, candidates: Candidates, networks: dict, seeds: range = SEEDS
) -> dict:
    """Repeat the three rows of table 1, then mend one thing after the other."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    measures = _measures(split, candidates)
    whole = {"batch_size": len(split.train) * 5, "init_scale": 1.0, "regularization": 0.0}
    chains = _chains(whole, networks["settings"])
    return {
        "random": _both(measures, Random().fit(split.train)),
        "popularity": _both(measures, Popularity().fit(split.train)),
        "chains": {
            name: _chain(steps, split, tuning, measures, seeds) for name, steps in chains.items()
        },
        "spread": {
            f"{name}, rate {rate:g}": _spread(
                step, rate, split, tuning, measures, range(2 * len(seeds))
            )
            for name, rates in (("MLP", (0.1, 0.3)), ("NeuMF", (0.05, 0.1)))
            for step in chains[name][:1]
            for rate in rates
        },
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates, networks: dict) -> dict:
    """Random order and popularity, every way of counting; BMF as published with the first seed."""
    split = paper_split(ratings)
    measures = _measures(split, candidates)
    step = _chains({}, networks["settings"])["BMF"][0]
    one, epoch = _best_on_test(step, split, measures[step.measure], SEEDS[0])
    values = {metric: {"values": {0: float(one[metric].mean())}} for metric in METRICS}
    return {
        "random": _both(measures, Random().fit(split.train)),
        "popularity": _both(measures, Popularity().fit(split.train)),
        "chains": {"BMF": {0: {"epochs": {0: epoch}, "seeds": values}}},
    }


def _measures(split: Split, candidates: Candidates) -> dict[str, Measure]:
    """Return how a model is measured as published, with ties counted fairly, and as we do it."""
    return {
        "published": lambda model: as_published(model, candidates),
        "fair ties": lambda model: as_published(model, candidates, fair_ties=True),
        "ours": lambda model: evaluate(model, split, candidates=candidates),
    }


def _chains(whole: dict, tuned: dict) -> dict[str, list[Step]]:
    """Return the steps from published to mended for each model."""
    paper = PAPER | {"frequency_power": 0.5}  # as its code has it, not its text
    bmf = {key: value for key, value in tuned["BinaryMF"].items() if key != "epochs"}
    mlp = whole | {"learning_rate": 0.1, "weight_decay": 0.01, "layers": (64, 64, 32, 16, 8)}
    neumf = whole | {"learning_rate": 0.05, "weight_decay": 0.0}
    batches = {"batch_size": 256}
    slow = batches | {"learning_rate": 0.001}
    small = slow | {"init_scale": 0.01}
    penalties = {
        name: {"regularization": tuned[name]["regularization"]}
        for name in ("BinaryMF", "MLP", "NeuMF")
    }
    negatives, biases = {"n_negatives": 4}, {"biases": True}
    paper_layers = {"layers": (64, 32, 16, 8)}

    def measured(kind: type[EpochModel], warm: type[EpochModel], given: dict, most: int) -> list:
        return [
            Step("as published", kind, given, "test", "published", most),
            Step("ties in expectation", kind, given, "test", "fair ties", most),
            Step("no made-up positives", kind, given, "test", most=most),
            Step("epoch chosen on validation", kind, given, "valid", most=most),
            Step("new users ranked by popularity", warm, given, "valid", most=most),
        ]

    def fixed(name: str) -> tuple[dict, int]:
        given = dict(tuned[name])
        return given, given.pop("epochs")

    return {
        "BMF": [
            *measured(PublishedBMF, BinaryMF, paper, 50),
            *(
                Step(name, BinaryMF, paper | given, "valid", most=MOST_EPOCHS["BinaryMF"])
                for name, given in (
                    ("four negatives", negatives),
                    ("biases", negatives | biases),
                    ("penalty tuned", negatives | biases | penalties["BinaryMF"]),
                    ("learning rate and start tuned", bmf | {"factors": 32} | negatives | biases),
                )
            ),
            Step("all settings tuned", BinaryMF, *fixed("BinaryMF")),
        ],
        "MLP": [
            *measured(PublishedMLP, WarmMLP, mlp, 20),
            Step("batches of 256", WarmMLP, mlp | batches, "valid"),
            Step("learning rate .001", WarmMLP, mlp | slow, "valid"),
            Step("layers of the text, started well", MLP, mlp | slow | paper_layers, "valid"),
            Step("small numbers at the start", MLP, mlp | small | paper_layers, "valid"),
            Step(
                "penalty on the embeddings",
                MLP,
                mlp | small | paper_layers | penalties["MLP"],
                "valid",
                most=MOST_EPOCHS["MLP"],
            ),
            Step("all settings tuned", MLP, *fixed("MLP")),
        ],
        "NeuMF": [
            *measured(PublishedNeuMF, WarmNeuMF, neumf, 20),
            Step("batches of 256", WarmNeuMF, neumf | batches, "valid"),
            Step("learning rate .001", WarmNeuMF, neumf | slow, "valid"),
            Step("layers started well", NeuMF, neumf | slow, "valid"),
            Step("small numbers at the start", NeuMF, neumf | small, "valid"),
            Step(
                "penalty on the embeddings",
                NeuMF,
                neumf | small | penalties["NeuMF"],
                "valid",
                most=MOST_EPOCHS["NeuMF"],
            ),
            Step("all settings tuned", NeuMF, *fixed("NeuMF")),
            Step(
                "started from trained halves",
                NeuMF,
                *fixed(PRETRAINED),
                given=partial(halves, tuned),
            ),
        ],
    }


def _chain(
    steps: list[Step], split: Split, tuning: Split, measures: dict[str, Measure], seeds: range
) -> list[dict]:
    """Return each step's figures, and its difference from the one before, user by user."""
    found, before = [], None
    for step in steps:
        tables, epochs = _tables(step, split, tuning, measures, seeds)
        row = {"name": step.name, "epochs": epochs, "mean": table(summary(tables)), "seeds": {}}
        for metric in METRICS:
            row["seeds"][metric] = mean_of_seeds([one[metric].mean() for one in tables])
        if before is not None:
            row["difference"] = table(
                compare(*([one[list(METRICS)] for one in parts] for parts in (tables, before)))
            )
        found.append(row)
        before = tables
    return found


def _spread(
    step: Step,
    rate: float,
    split: Split,
    tuning: Split,
    measures: dict[str, Measure],
    seeds: range,
) -> dict:
    """What several seeds give of a model as published, at one learning rate."""
    step = Step(step.name, step.kind, step.settings | {"learning_rate": rate}, "test", "published")
    tables, epochs = _tables(step, split, tuning, measures, seeds)
    return {"epochs": epochs} | {
        m: mean_of_seeds([one[m].mean() for one in tables]) for m in METRICS
    }


def _tables(
    step: Step, split: Split, tuning: Split, measures: dict[str, Measure], seeds: range
) -> tuple[list[pd.DataFrame], list[int]]:
    """Fit a step with every seed; return users' results and the epochs they are from."""
    measure, epochs = measures[step.measure], step.epochs
    if epochs == "test":
        pairs = [_best_on_test(step, split, measure, seed) for seed in seeds]
        return [one for one, _ in pairs], [epoch for _, epoch in pairs]
    tables, chosen = [], []
    for seed in seeds:
        if step.epochs == "valid":
            how = {"epochs": step.most, "patience": PATIENCE, "metric": "ndcg@10", "seed": seed}
            model = step.kind(**step.settings, **how)
            model.fit(tuning.train, watch=validating(tuning), **step.given(tuning.train, seed))
            epochs = model.best_epoch_
        model = step.kind(**step.settings, epochs=epochs, seed=seed)
        tables.append(measure(model.fit(split.train, **step.given(split.train, seed))))
        chosen.append(epochs)
    return tables, chosen


def _best_on_test(
    step: Step, split: Split, measure: Measure, seed: int
) -> tuple[pd.DataFrame, int]:
    """Return the results at the epoch that is best on test, the untrained model being epoch 0."""
    still = step.settings | {"learning_rate": 0.0}
    tables = [measure(step.kind(**still, epochs=1, seed=seed).fit(split.train))]

    def watch(model: Recommender) -> dict[str, float]:
        tables.append(measure(model))
        return {}

    step.kind(**step.settings, epochs=step.most, seed=seed).fit(split.train, watch=watch)
    best = int(np.argmax([one["hr@10"].mean() for one in tables]))
    return tables[best], best


def as_published(
    model: Recommender, candidates: Candidates, fair_ties: bool = False
) -> pd.DataFrame:
    """Return each user's metrics as the paper counts them.

    The positives stand behind the negatives in a stable sort by falling score, so an equal negative
    is ahead of them; and where the second positive is missing, it is the item of index 1. With
    `fair_ties`, of these two only the second.

    Returns
    -------
    DataFrame
        As `evaluation.evaluate` returns, for lists of 10.
    """
    positives = np.where(candidates.positives == PADDING, FABRICATED, candidates.positives)
    scores = model.score_items(candidates.users, np.hstack([candidates.negatives, positives]))
    if not fair_ties:
        scores = -np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1).astype(np.float64)
    n_negatives, n_positives = candidates.negatives.shape[1], positives.shape[1]
    columns = np.broadcast_to(np.arange(n_positives) + n_negatives, positives.shape)
    ranks = ranks_from_scores(scores, columns)
    values = {"n_relevant": ranks.n_relevant}
    values |= {f"{name}@10": metric(ranks, 10) for name, metric in BY_RANK.items()}
    return pd.DataFrame(values, pd.Index(candidates.users, name="user"))


def _both(measures: dict[str, Measure], model: Recommender) -> dict:
    """Return what a baseline gets as the paper counts, as we do, and half-way."""
    means = {name: measure(model).mean() for name, measure in measures.items()}
    return {name: {m: float(one[m]) for m in METRICS} for name, one in means.items()}
