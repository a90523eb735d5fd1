"""The paper's table 1 as it came about, and what each correction changes (chapter 10).

Written from what is known of the published code and its logs: no negatives for BMF; one step an
epoch for MLP and NeuMF, over all samples at once, from embeddings of standard deviation 1; the best
epoch chosen on test, the untrained network among the candidates (BMF: its last epoch); ties counted
against the positives (networks); users without training rows ranked by their random start; and a
second positive, the product of index 1, for the users who have but one interaction. Products are
numbered by their sorted identifiers.

Which optimizer and which rate made the table is not certain: text, code and the commands of the
published instructions differ. But the losses of those runs are published, epoch by epoch. So every
optimizer and rate that might have been is tried, and its losses held against theirs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import PRETRAINED, halves, hyperparameters
from recsys_lib.experiments.protocol import (
    METRICS,
    SEEDS,
    mean_of_seeds,
    paper_split,
    seldom,
    table,
    tuning_split,
    validating,
)
from recsys_lib.experiments.units import Units
from recsys_lib.metrics import METRICS as BY_RANK
from recsys_lib.metrics import NO_ITEM, ranks_from_scores
from recsys_lib.models import MLP, BinaryMF, NeuMF, Popularity, Random, Recommender
from recsys_lib.models.network import NetworkModel
from recsys_lib.models.training import EpochModel, Watch

FABRICATED = 1
Kind = type[BinaryMF] | type[MLP] | type[NeuMF]
Given = Callable[[Interactions, int], dict]  # what `fit` gets besides the training set, by seed
Measure = Callable[[Recommender], pd.DataFrame]
Tables = list[pd.DataFrame]

# ------------------------------------------------------------------- what the authors have printed

TABLE_1 = {  # at K = 10
    "BMF": {"hr@10": 0.39534, "ndcg@10": 0.149782, "precision@10": 0.045408, "recall@10": 0.227041},
    "NeuMF": {
        "hr@10": 0.393969,
        "ndcg@10": 0.135664,
        "precision@10": 0.045467,
        "recall@10": 0.227335,
    },
    "MLP": {
        "hr@10": 0.211083,
        "ndcg@10": 0.062519,
        "precision@10": 0.021989,
        "recall@10": 0.109947,
    },
}
LOSSES = {  # the training loss of each epoch, from the files beside their code
    "MLP": [
        *(0.8271, 0.8045, 0.7837, 0.7644, 0.7465, 0.7298, 0.7143, 0.6998, 0.6863, 0.6737),
        *(0.6618, 0.6507, 0.6403, 0.6305, 0.6214, 0.6128, 0.6047, 0.5972, 0.5901, 0.5835),
    ],
    "NeuMF": [
        *(0.7266, 0.6206, 0.5064, 0.5239, 0.5074, 0.5164, 0.4977, 0.4789, 0.4910, 0.4739),
        *(0.4670, 0.4723, 0.4716, 0.4642, 0.4614, 0.4636, 0.4569, 0.4488, 0.4454, 0.4404),
    ],
}
BMF_LOG = {  # by epoch: accuracy on the training set, its loss, HR@10, NDCG@10
    10: (0.6187, 0.6882, 0.2142, 0.0662),
    20: (0.7395, 0.6772, 0.2399, 0.0830),
    30: (0.8945, 0.6223, 0.2959, 0.1134),
    40: (0.9812, 0.4699, 0.3671, 0.1416),
    50: (0.9967, 0.3046, 0.3969, 0.1521),
}

# ----------------------------------------------------------------------------------- as it was done

BMF: dict[str, Any] = {
    "factors": 10,
    "learning_rate": 0.01,
    "regularization": 0.1,
    "frequency_power": 0.5,  # as its code has it, not its text
    "n_negatives": 0,
    "biases": False,
    "init_scale": 0.1,
}
WHOLE: dict[str, Any] = {
    "batch_size": 10**9,  # one step an epoch, whatever the size
    "init_scale": 1.0,
    "regularization": 0.0,
    "weight_decay": 0.0,
}
# one layer more than its text and its NeuMF have
MLP_LAYERS: dict[str, Any] = {"layers": (64, 64, 32, 16, 8)}
TEXT_LAYERS: dict[str, Any] = {"layers": (64, 32, 16, 8)}
NEUMF: dict[str, Any] = {"factors": 8, **TEXT_LAYERS}
EPOCHS, BMF_EPOCHS = 20, 50
OPTIMIZERS: dict[str, Callable] = {
    "SGD": torch.optim.SGD,
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
}
# optimizers and rates whose losses are held against the printed ones
TRIED: dict[str, dict[str, tuple[float, ...]]] = {
    "MLP": {
        "SGD": (0.01, 0.03, 0.1, 0.3, 1.0),
        "AdamW": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
        "Adam": (0.1, 0.3),
    },
    "NeuMF": {
        "Adam": (0.003, 0.01, 0.03, 0.05, 0.1, 0.3),
        "AdamW": (0.05, 0.1, 0.3),
        "SGD": (0.1, 1.0),
    },
}
AGAIN = (  # those whose lists are measured, too, with twice the seeds
    ("MLP", "SGD", 0.1),  # whose losses are like the printed ones
    ("MLP", "AdamW", 0.1),  # the text
    ("MLP", "Adam", 0.3),  # the published instructions
    ("NeuMF", "Adam", 0.05),
    ("NeuMF", "Adam", 0.1),  # the published instructions
)
FITTING = {"MLP": ("SGD", 0.1), "NeuMF": ("Adam", 0.05)}  # which the ladders begin with


class _TorchStart(NetworkModel):
    """Layers that start as PyTorch has them, where nobody says otherwise."""

    def _network(self, n_users: int, n_items: int) -> Any:
        # abstract in the class above; MLP or NeuMF, which stand between, have it
        network = super()._network(n_users, n_items)  # type: ignore[safe-super]
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        return network


class OneOptimizer(NetworkModel):
    """One optimizer for all weights, as its authors have it."""

    optimizer = "AdamW"

    def _optimizer(self, n_samples: int) -> torch.optim.Optimizer:
        weights = self.network_.parameters()
        return OPTIMIZERS[self.optimizer](weights, lr=self.learning_rate, fused=True)


class PublishedMLP(OneOptimizer, _TorchStart, MLP):
    """The MLP as the published code starts it."""


class PublishedNeuMF(OneOptimizer, _TorchStart, NeuMF):
    """NeuMF likewise."""


PUBLISHED: dict[str, tuple[Kind, dict]] = {
    "MLP": (PublishedMLP, MLP_LAYERS),
    "NeuMF": (PublishedNeuMF, NEUMF),
}


def trained_by(kind: Kind, optimizer: str) -> Kind:
    """Return the same model with another optimizer."""
    return type(kind.__name__, (kind,), {"optimizer": optimizer})


def as_printed(name: str, optimizer: str, rate: float) -> tuple[Kind, dict]:
    """Return a network as published, by one optimizer and rate, and its settings."""
    kind, settings = PUBLISHED[name]
    return trained_by(kind, optimizer), WHOLE | settings | {"learning_rate": rate}


# -------------------------------------------------------------------------------------- the ladders


def nothing(train: Interactions, seed: int) -> dict:
    """Say that `fit` is given nothing besides the training set."""
    return {}


@dataclass(frozen=True)
class Budget:
    """How long a run goes on whose epoch is chosen on validation.

    Validation is measured after the first epoch and every `every` epochs. With `patience`, the run
    ends when that many epochs have brought nothing better; else after `epochs`.
    """

    epochs: int
    every: int = 1
    patience: int | None = None


@dataclass(frozen=True)
class Step:
    """One way to train, measured as the course measures: its name and all that it consists of.

    `epochs` is a number, or None: then each seed chooses its own on validation.
    """

    name: str
    kind: Kind
    settings: dict
    epochs: int | None = None
    given: Given = nothing
    budget: Budget | None = None  # if it is not that of the model


# Long enough that going on would change nothing, as tests of the recorded curves see. BMF improves
# for a thousand epochs and more, after plateaus of hundreds; the networks overfit after a few.
BUDGETS = {
    BinaryMF: Budget(4000, every=10),
    MLP: Budget(600, patience=60),
    NeuMF: Budget(600, patience=60),
}

# Adam at a high rate: after some forty epochs the lists jump from epoch to epoch, and no patience
# is longer than every wait for a better one.
JUMPING = Budget(200)


def budget(step: Step) -> Budget:
    """How long the runs of a step go on."""
    return step.budget or next(one for base, one in BUDGETS.items() if issubclass(step.kind, base))


@dataclass(frozen=True)
class Change:
    """What a step of a ladder alters; all else is as in the step before, except the budget.

    Attributes
    ----------
    name : str
        Of the step.
    settings : dict
        With their new values.
    tuned : tuple of str
        Settings that take the values which the search for this model has found.
    search : str, optional
        Then all settings are those that this search has found, and so is the number of epochs.
    kind : type, optional
        Which model it is from here on.
    given : callable, optional
        Takes all tuned settings before what `Step.given` takes.
    budget : Budget, optional
        Of this step alone.
    """

    name: str
    settings: dict = field(default_factory=dict)
    tuned: tuple[str, ...] = ()
    search: str | None = None
    kind: Kind | None = None
    given: Callable[[dict, Interactions, int], dict] | None = None
    budget: Budget | None = None


START: dict[str, tuple[Kind, dict]] = {  # what the first change is made to
    "BMF": (BinaryMF, BMF),
    "MLP": as_printed("MLP", *FITTING["MLP"]),
    "NeuMF": as_printed("NeuMF", *FITTING["NeuMF"]),
}
ADAMW = {name: trained_by(kind, "AdamW") for name, (kind, _) in PUBLISHED.items()}
LADDERS = {  # what is mended in the training of each model, one thing after the other
    "BMF": (
        Change("epoch chosen on validation"),
        Change("four negatives", {"n_negatives": 4}),
        Change("biases", {"biases": True}),
        Change("penalty tuned", tuned=("regularization", "frequency_power")),
        Change("learning rate and start tuned", tuned=("learning_rate", "init_scale")),
        Change("all settings tuned", search="BinaryMF"),
    ),
    "MLP": (
        Change("batches of 256", {"batch_size": 256}),
        Change("AdamW, learning rate 0.001", {"learning_rate": 0.001}, kind=ADAMW["MLP"]),
        Change("layers started well", TEXT_LAYERS | {"weight_decay": 0.01}, kind=MLP),
        Change("small numbers at the start", {"init_scale": 0.01}),
        Change("penalty on the embeddings", tuned=("regularization",)),
        Change("all settings tuned", search="MLP"),
    ),
    "NeuMF": (
        Change("batches of 256", {"batch_size": 256}, budget=JUMPING),
        Change("AdamW, learning rate 0.001", {"learning_rate": 0.001}, kind=ADAMW["NeuMF"]),
        Change("layers started well", {"weight_decay": 0.01}, kind=NeuMF),
        Change("small numbers at the start", {"init_scale": 0.01}),
        Change("penalty on the embeddings", tuned=("regularization",)),
        Change("all settings tuned", search="NeuMF"),
        Change("started from trained halves", search=PRETRAINED, given=halves),
    ),
}


def steps(tuned: dict[str, dict]) -> dict[str, list[Step]]:
    """Return the steps of every ladder; `tuned` holds what each search has found."""
    return {name: climbed(*START[name], LADDERS[name], tuned) for name in LADDERS}


def climbed(
    kind: Kind, settings: dict, changes: Sequence[Change], tuned: dict[str, dict]
) -> list[Step]:
    """Make one change after the other to a model and its settings; return what each leads to."""
    found = []
    for change in changes:
        kind, epochs = change.kind or kind, None
        settings = settings | change.settings
        settings |= {name: tuned[kind.__name__][name] for name in change.tuned}
        if change.search is not None:
            settings = hyperparameters(tuned[change.search])
            epochs = settings.pop("epochs")
        given = nothing if change.given is None else partial(change.given, tuned)
        found.append(Step(change.name, kind, settings, epochs, given, change.budget))
    return found


# ------------------------------------------------------------------------------------------ the run


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Repeat the three rows of table 1, then mend one thing after the other."""
    split, ladders = paper_split(ratings), steps(search["settings"])
    measures = _measures(split, candidates)
    runs = _runs(split, measures, ladders, seeds, units or Units())
    chains = {"BMF": _counted([tables for tables, _ in runs.bmf[: len(seeds)]])}
    for name, fitting in FITTING.items():
        chains[name] = _network_chain(runs.again[name, *fitting][: len(seeds)])
    for (name, n), results in runs.steps.items():
        tables, epochs, curves = (list(column) for column in zip(*results, strict=True))
        _append(chains[name], ladders[name][n].name, tables, epochs, curves=curves)
    popularity = Popularity().fit(split.train)
    return {
        "printed": {"table 1": TABLE_1, "losses": LOSSES, "BMF": _printed_log()},
        "random": _both(measures, Random().fit(split.train)),
        "popularity": _both(measures, popularity),
        "BMF": _log([log for _, log in runs.bmf]),
        "losses": [
            {"model": name, "optimizer": optimizer, "rate": rate} | _beside(LOSSES[name], curves)
            for (name, optimizer, rate), curves in runs.losses.items()
        ],
        "again": _repeated(runs),
        "against_popularity": _against(measures["ours"](popularity), chains),
        "chains": {
            name: [{k: v for k, v in row.items() if k != "tables"} for row in chain]
            for name, chain in chains.items()
        },
    }


@dataclass(frozen=True)
class Runs:
    """What the units have brought: of everything that was trained, a result for each seed."""

    losses: dict[tuple[str, str, float], list[np.ndarray]]
    again: dict[tuple[str, str, float], list[dict]]
    steps: dict[tuple[str, int], list[tuple]]
    bmf: list[tuple[dict, dict]]


def _runs(
    split: Split,
    measures: dict[str, Measure],
    ladders: dict[str, list[Step]],
    seeds: range,
    units: Units,
) -> Runs:
    """Train everything, with every seed; what is said to have made the table with twice as many."""
    tuning, twice = tuning_split(split), range(2 * len(seeds))
    tried = [(n, o, rate) for n, rates in TRIED.items() for o in rates for rate in rates[o]]
    numbered = [(name, n) for name, ladder in ladders.items() for n in range(len(ladder))]
    return Runs(
        losses=units.grouped(
            _losses, {one: [(*one, seed) for seed in seeds[:2]] for one in tried}, split
        ),
        again=units.grouped(
            _again,
            {one: [(*one, seed) for seed in twice] for one in AGAIN},
            *(split, tuning, measures),
        ),
        steps=units.grouped(
            _train,
            {one: [(*one, seed) for seed in seeds] for one in numbered},
            *(split, tuning, measures["ours"], ladders),
        ),
        bmf=units.each(_bmf, [(seed,) for seed in twice], split, measures),
    )


def _network_chain(runs: list[dict]) -> list[dict]:
    """Return the steps of a network as published that count, or choose the epoch, otherwise."""
    tables, epochs = ([one[what] for one in runs] for what in ("tables", "epochs"))
    chain = _counted(tables, epochs)
    chosen = [one["valid"] for one in tables], [one["valid"] for one in epochs]
    _append(chain, "epoch chosen on validation", *chosen, same_runs=True)
    return chain


def _repeated(runs: Runs) -> dict:
    """Return the rows of table 1, repeated, with the epoch that each seed of a network took."""
    found = {"BMF": _row([tables["published"] for tables, _ in runs.bmf])}
    for (name, optimizer, rate), each in runs.again.items():
        found[f"{name}, {optimizer}, rate {rate:g}"] = {
            **_row([one["tables"]["published"] for one in each]),
            "epochs": [one["epochs"]["published"] for one in each],
        }
    return found


def _against(popularity: pd.DataFrame, chains: dict[str, list[dict]]) -> dict:
    """Compare each step with popularity, from where on both are measured alike."""
    return {
        name: {
            row["name"]: table(compare(_metrics(row["tables"]), _metrics([popularity])))
            for row in chain[len(COUNTED) - 1 :]
        }
        for name, chain in chains.items()
    }


def _metrics(tables: Tables) -> Tables:
    return [one[list(METRICS)] for one in tables]


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """Random order and popularity, every way of counting; BMF as published with the first seed."""
    split = paper_split(ratings)
    measures = _measures(split, candidates)
    tables, _ = _bmf(split, measures, 0)
    one = tables["published"]
    values = {metric: {"values": {0: float(one[metric].mean())}} for metric in METRICS}
    return {
        "random": _both(measures, Random().fit(split.train)),
        "popularity": _both(measures, Popularity().fit(split.train)),
        "again": {"BMF": values},
    }


def _printed_log() -> dict:
    names = ("accuracy", "loss", "hr@10", "ndcg@10")
    return {str(epoch): dict(zip(names, row, strict=True)) for epoch, row in BMF_LOG.items()}


def _measures(split: Split, candidates: Candidates) -> dict[str, Measure]:
    """Return how a model is measured: as published, mended step by step, and as we do it."""

    def ours(model: Recommender) -> pd.DataFrame:
        return evaluate(model, split, candidates=candidates)

    def without(measure: Measure, *fallbacks: str) -> Measure:
        def measured(model: Recommender) -> pd.DataFrame:
            with _as_they_started(model, fallbacks):
                return measure(model)

        return measured

    everybody = ("cold_", "unseen_")
    return {
        "published": without(lambda model: as_published(model, candidates), *everybody),
        "fair ties": without(
            lambda model: as_published(model, candidates, fair_ties=True), *everybody
        ),
        "no made-up positives": without(ours, *everybody),
        "ours": without(ours, "unseen_"),  # items without a sample: until there are negatives
    }


COUNTED = {  # the steps that change how is counted, and the measure of each
    "as published": "published",
    "ties in expectation": "fair ties",
    "no made-up positives": "no made-up positives",
    "new users ranked by popularity": "ours",
}


@contextmanager
def _as_they_started(model: Recommender, fallbacks: Sequence[str]) -> Iterator[None]:
    """Score who has a fallback of these by the numbers that they started with."""
    kept = {name: getattr(model, name) for name in fallbacks if hasattr(model, name)}
    vars(model).update({name: np.zeros_like(array) for name, array in kept.items()})
    try:
        yield
    finally:
        vars(model).update(kept)


def _counted(runs: list[dict], epochs: list[dict] | None = None) -> list[dict]:
    """Return the steps that only count otherwise: the same trainings, measured in several ways.

    `runs` has each seed's table by measure; `epochs` the epoch of each, if it was chosen.
    """
    chain: list[dict] = []
    for name, measure in COUNTED.items():
        chosen = None if epochs is None else [one[measure] for one in epochs]
        _append(chain, name, [one[measure] for one in runs], chosen, same_runs=True)
    return chain


def _append(
    chain: list[dict],
    name: str,
    tables: Tables,
    epochs: list[int] | None,
    *,
    same_runs: bool = False,
    curves: list[dict] | None = None,
) -> None:
    """Add a step: its figures, and its difference from the one before, over users and seeds."""
    row: dict = {"name": name, "epochs": epochs, "mean": table(summary(tables))}
    row["seeds"] = {m: mean_of_seeds([one[m].mean() for one in tables]) for m in METRICS}
    row["tables"] = tables
    if curves is not None:
        row["curves"] = curves
    if chain:
        before = _metrics(chain[-1]["tables"])
        row["difference"] = table(compare(_metrics(tables), before, same_runs=same_runs))
    chain.append(row)


def _row(tables: Tables) -> dict:
    return {m: mean_of_seeds([one[m].mean() for one in tables]) for m in METRICS}


def _bmf(split: Split, measures: dict[str, Measure], seed: int) -> tuple[dict, dict]:
    """BMF as published: its last epoch measured every way, and its log as the printed one."""
    lists: dict[int, pd.Series] = {}

    def watch(model: Recommender) -> dict[str, float]:
        lists[len(lists) + 1] = measures["published"](model).mean()
        return {}

    model = BinaryMF(**BMF, epochs=BMF_EPOCHS, seed=seed).fit(split.train, watch=watch)
    history = model.history_.set_index("epoch")
    log = {
        epoch: {name: float(history.loc[epoch, name]) for name in ("accuracy", "loss")}
        | {name: float(lists[epoch][name]) for name in ("hr@10", "ndcg@10")}
        for epoch in BMF_LOG
    }
    return {name: measure(model) for name, measure in measures.items()}, log


def _log(logs: list[dict]) -> dict:
    """Return the logs of several seeds as means with intervals, by epoch and column."""
    return {
        str(epoch): {c: mean_of_seeds([one[epoch][c] for one in logs]) for c in columns}
        for epoch, columns in logs[0].items()
    }


def _fitted(
    name: str,
    optimizer: str,
    rate: float,
    train: Interactions,
    seed: int,
    watch: Watch | None = None,
) -> EpochModel:
    """A network as published, by one optimizer and rate, over all its epochs."""
    kind, settings = as_printed(name, optimizer, rate)
    return kind(**settings, epochs=EPOCHS, seed=seed).fit(train, watch=watch)


def _losses(split: Split, name: str, optimizer: str, rate: float, seed: int) -> np.ndarray:
    """The loss of each epoch of a network as published, by one optimizer and rate."""
    return _fitted(name, optimizer, rate, split.train, seed).history_["loss"].to_numpy()


def _beside(printed: list[float], curves: list[np.ndarray]) -> dict:
    """Hold losses of several seeds against the printed ones."""
    return {
        "curves": [curve.round(4).tolist() for curve in curves],
        "distance": [float(np.sqrt(((curve - printed) ** 2).mean())) for curve in curves],
        "slowing": [slowing(curve) for curve in curves],
        "falls": [int((np.diff(curve) < 0).sum()) for curve in curves],
    }


def slowing(losses: np.ndarray) -> bool:
    """Whether a loss falls at every epoch, and at each by less than at the one before."""
    fall = -np.diff(losses)
    return bool((fall > 0).all() and (np.diff(fall) < 0).all())


def _again(
    split: Split,
    tuning: Split,
    measures: dict[str, Measure],
    name: str,
    optimizer: str,
    rate: float,
    seed: int,
) -> dict:
    """Train a network as published and take the epoch that is best on the test itself.

    The start, epoch 0, is among the candidates. Of those whose losses fit, every measure is taken
    of one and the same training, and the table at the epoch that validation chooses besides.
    """
    fits = FITTING[name] == (optimizer, rate)
    taken = measures if fits else {"published": measures["published"]}
    tables: dict[str, Tables] = {measure: [] for measure in taken}

    def watch(model: Recommender) -> dict[str, float]:
        for measure, measured in taken.items():
            tables[measure].append(measured(model)[list(METRICS)])
        return {}

    kind, still = as_printed(name, "SGD", 0.0)
    kind(**still, epochs=1, seed=seed).fit(split.train, watch=watch)
    _fitted(name, optimizer, rate, split.train, seed, watch=watch)
    epochs = {
        measure: int(np.argmax([one["hr@10"].mean() for one in by_epoch]))
        for measure, by_epoch in tables.items()
    }
    found = {"epochs": epochs, "tables": {m: tables[m][epoch] for m, epoch in epochs.items()}}
    if fits:
        model = _fitted(name, optimizer, rate, tuning.train, seed, watch=validating(tuning))
        chosen = int(model.history_["ndcg@10"].idxmax()) + 1
        found["epochs"]["valid"] = chosen
        found["tables"]["valid"] = tables["ours"][chosen]
    return found


def _train(
    split: Split,
    tuning: Split,
    measure: Measure,
    ladders: dict[str, list[Step]],
    name: str,
    number: int,
    seed: int,
) -> tuple[pd.DataFrame, int, dict | None]:
    """Fit a step with one seed; return users' results, the epochs, and how they were chosen."""
    step, chosen = ladders[name][number], None
    epochs = step.epochs
    if epochs is None:
        most = budget(step)
        model = step.kind(
            **step.settings,
            epochs=most.epochs,
            patience=most.patience,
            metric="ndcg@10",
            seed=seed,
        )
        watch = seldom(most.every, validating(tuning))
        model.fit(tuning.train, watch=watch, **step.given(tuning.train, seed))
        values = model.history_["ndcg@10"].to_numpy()
        epochs, chosen = int(values.argmax()) + 1, curve(values)
    model = step.kind(**step.settings, epochs=epochs, seed=seed)
    return measure(model.fit(split.train, **step.given(split.train, seed))), epochs, chosen


def curve(values: np.ndarray) -> dict:
    """Return what is recorded of a validation curve: enough to see whether it was stopped too soon.

    Returns
    -------
    dict
        epochs, how many there were; records, each epoch that was better than all before it, with
        its value; plateau, the longest time between two of them.
    """
    best = np.maximum.accumulate(values)
    first = np.flatnonzero(np.diff(best, prepend=-np.inf) > 0)
    return {
        "epochs": len(values),
        "records": {int(e) + 1: round(float(values[e]), 5) for e in first},
        "plateau": int(np.diff(first).max()) if len(first) > 1 else 0,
    }


def as_published(
    model: Recommender, candidates: Candidates, fair_ties: bool = False
) -> pd.DataFrame:
    """Return each user's metrics as the paper counts them.

    The positives stand behind the negatives in a stable sort by falling score, so an equal negative
    is ahead of them (so its networks; its BMF, whose scores hardly ever are, sorts otherwise); and
    where the second positive is missing, it is the item of index 1. With `fair_ties`, of these two
    only the second.

    Returns
    -------
    DataFrame
        As `evaluation.evaluate` returns, for lists of 10.
    """
    positives = np.where(candidates.positives == NO_ITEM, FABRICATED, candidates.positives)
    scores = model.score_items(candidates.users, np.hstack([candidates.negatives, positives]))
    if np.isnan(scores).any():
        raise ValueError(f"{model!r} scores NaN")
    if not fair_ties:
        scores = -np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1).astype(np.float64)
    n_negatives, n_positives = candidates.negatives.shape[1], positives.shape[1]
    columns = np.broadcast_to(np.arange(n_positives) + n_negatives, positives.shape)
    ranks = ranks_from_scores(scores, columns)
    values = {"n_relevant": ranks.n_relevant}
    values |= {f"{name}@10": metric(ranks, 10) for name, metric in BY_RANK.items()}
    return pd.DataFrame(values, pd.Index(candidates.users, name="user"))


def _both(measures: dict[str, Measure], model: Recommender) -> dict:
    """Return what a baseline gets as the paper counts, as we do, and on the way."""
    means = {name: measure(model).mean() for name, measure in measures.items()}
    return {name: {m: float(one[m]) for m in METRICS} for name, one in means.items()}
