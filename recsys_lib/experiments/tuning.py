"""How the models of chapters 6 to 8 are tuned and tested on the paper's data: all alike.

Settings are drawn at random from stated ranges, the same number of trials for every model, and
judged on validation: each user's last training event against 99 sampled negatives. The best epoch
of the best trial is part of its setting. The chosen setting is then fitted on all of train with
several seeds and tested on the paper's candidates; no test figure was looked at before.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import METRICS, SEEDS, mean_of_seeds, table, validating
from recsys_lib.experiments.units import Units
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF
from recsys_lib.models.training import Watch

# All of these take epochs, patience, metric and seed besides their own.
Kind = type[BinaryMF] | type[GMF] | type[MLP] | type[NeuMF]
Given = Callable[[Interactions, int], dict]  # what `fit` gets besides the training set, by seed
ByProtocol = dict[str, list[pd.DataFrame]]  # a table for each seed

TRIALS = 24
PRETRAINED = "NeuMF, pretrained"
KINDS: dict[str, Kind] = {
    "BinaryMF": BinaryMF,
    "GMF": GMF,
    "MLP": MLP,
    "NeuMF": NeuMF,
    PRETRAINED: NeuMF,
}
SPACES: dict[str, dict] = {
    "BinaryMF": {
        "factors": (32, 64, 128),
        "learning_rate": (0.02, 0.05, 0.1),
        ("frequency_power", "regularization"): (
            *((0.0, strength) for strength in (0.02, 0.04, 0.06, 0.08)),
            *((0.5, strength) for strength in (0.1, 0.2, 0.3, 0.5)),
            *((1.0, strength) for strength in (1.0, 2.0, 3.0, 4.0)),
        ),
        "n_negatives": (1, 2, 4, 8),
        "init_scale": (0.01, 0.1),
    },
    "GMF": {
        "factors": (8, 16, 32, 64),
        "learning_rate": (0.001, 0.003, 0.01),
        "regularization": (0.5, 1.0, 2.0, 4.0, 8.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.1),
    },
    "MLP": {
        "learning_rate": (0.001, 0.003, 0.006),
        "regularization": (4.0, 8.0, 16.0, 32.0, 64.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.03, 0.1),
    },
    "NeuMF": {
        "factors": (8, 32),
        "learning_rate": (0.001, 0.003),
        "regularization": (4.0, 8.0, 16.0, 32.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.1),
    },
    # From the chosen GMF and MLP, whose sizes it has to have.
    PRETRAINED: {
        "alpha": (0.3, 0.5, 0.7),
        "learning_rate": (0.00003, 0.0001, 0.0003, 0.001),
        "regularization": (4.0, 16.0, 64.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
    },
}
MOST_EPOCHS = {"BinaryMF": 200, "GMF": 80, "MLP": 80, "NeuMF": 80, PRETRAINED: 20}
PATIENCE = 15


def nothing(train: Interactions, seed: int) -> dict:
    """Say that `fit` is given nothing besides the training set."""
    return {}


def search(
    name: str,
    tuning: Split,
    units: Units,
    fixed: dict | None = None,
    given: Given = nothing,
) -> tuple[dict, list[dict]]:
    """Try `TRIALS` settings; return the best, its epoch included, and all trials.

    Parameters
    ----------
    name : str
        Of the model, its space and the most epochs.
    tuning : Split
        What it learns from and is judged on.
    units : Units
        Each trial is one.
    fixed : dict, optional
        Hyperparameters that all trials share.
    given : callable
        Says what `fit` gets besides the training set, by that set and the seed.
    """
    rng = np.random.default_rng(0)
    settings = [(fixed or {}) | drawn(SPACES[name], rng) for _ in range(TRIALS)]
    parts = [(name, setting) for setting in settings]
    trials = units.each(_trial, parts, tuning, validating(tuning), given)
    best = max(trials, key=lambda trial: trial["ndcg@10"])
    return {name: best[name] for name in (*settings[0], "epochs")}, trials


def _trial(tuning: Split, watch: Watch, given: Given, name: str, setting: dict) -> dict:
    """Train one setting; return it with its best epoch, and what validation says of that."""
    model = KINDS[name](
        **setting, epochs=MOST_EPOCHS[name], patience=PATIENCE, metric="ndcg@10"
    ).fit(tuning.train, watch=watch, **given(tuning.train, 0))
    row = model.history_.loc[model.best_epoch_ - 1]
    trial = {**setting, "epochs": model.best_epoch_, "stopped": len(model.history_)}
    return trial | {metric: float(row[metric]) for metric in ("hr@10", "ndcg@10")}


def drawn(space: dict, rng: np.random.Generator) -> dict:
    """Draw one setting; names in a tuple are drawn together, where one makes sense with another."""
    setting: dict[str, Any] = {}
    for names, values in space.items():
        value = values[rng.integers(len(values))]
        setting |= (
            {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
        )
    return setting


def ranges(space: dict) -> dict[str, list]:
    """Return a space as it is recorded."""
    return {
        names if isinstance(names, str) else ", ".join(names): list(values)
        for names, values in space.items()
    }


def on_test(
    name: str,
    setting: dict,
    split: Split,
    candidates: Candidates,
    seeds: range,
    units: Units,
    given: Given = nothing,
) -> tuple[dict, ByProtocol]:
    """Fit a chosen setting with every seed, each a unit, and test it.

    Returns
    -------
    found : dict
        Summaries with intervals over users and seeds, the spread over seeds, and times.
    tables : dict of list of DataFrame
        "sampled" and "full": a table for each seed, to compare with.
    """
    parts = [(name, setting, seed) for seed in seeds]
    runs = units.each(_tested, parts, split, candidates, given)
    tables = {protocol: [one[protocol] for one in runs] for protocol in ("sampled", "full")}
    found: dict = {protocol: table(summary(each)) for protocol, each in tables.items()}
    found["seeds"] = {
        protocol: {m: mean_of_seeds([one[m].mean() for one in each]) for m in METRICS}
        for protocol, each in tables.items()
    }
    # other work on the machine only adds to it
    found["training_seconds"] = min(one["seconds"] for one in runs)
    return found, tables


def _tested(
    split: Split, candidates: Candidates, given: Given, name: str, setting: dict, seed: int
) -> dict:
    """Fit a setting with one seed; return its tables by protocol, and how long it took."""
    model = KINDS[name](**setting, seed=seed).fit(split.train, **given(split.train, seed))
    return {
        "sampled": evaluate(model, split, candidates=candidates),
        "full": evaluate(model, split),
        "seconds": float(model.history_["seconds"].iloc[-1]),
    }


def first_seed(name: str, setting: dict, split: Split, candidates: Candidates) -> dict:
    """Return what `on_test` records of its first seed, in the shape of its "seeds"."""
    tables = _tested(split, candidates, nothing, name, setting, SEEDS[0])
    return {
        protocol: {m: {"values": {0: float(tables[protocol][m].mean())}} for m in METRICS}
        for protocol in ("sampled", "full")
    }
