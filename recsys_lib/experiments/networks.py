"""MLP and neural matrix factorization on the paper's data and candidates (chapters 7 and 8)."""

import time

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare
from recsys_lib.experiments.implicit import (
    METRICS,
    SEEDS,
    SPACES,
    against,
    baselines,
    over_seeds,
    ranges,
    search,
    tested,
    validating,
)
from recsys_lib.experiments.paper_data import paper_split, table, tuning_split
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF, Popularity, Random
from recsys_lib.models.network import NetworkModel
from recsys_lib.sampling import Candidates
from recsys_lib.training import EpochModel

KINDS = (BinaryMF, GMF, MLP, NeuMF)
# As He et al. (2017) train it, and nothing to hold the embeddings back.
PLAIN = {"learning_rate": 0.001, "batch_size": 256, "regularization": 0.0, "weight_decay": 0.0}
RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)


def run(ratings: Interactions, candidates: Candidates) -> dict:
    """Tune four models alike, test each choice once with five seeds, and look at the training."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    rivals = baselines(split, candidates)
    found: dict = {"models": {}, "spaces": {}, "settings": {}}
    tables: dict = {"sampled": {}, "full": {}}
    for kind in KINDS:
        name = kind.__name__
        setting, trials = search(kind, tuning)
        result, own = tested(kind, setting, split, candidates)
        for protocol, one in own.items():
            tables[protocol][name] = one
            result[f"against_{protocol}"] = against(one, rivals[protocol])
        found["spaces"][name] = ranges(SPACES[name])
        found["settings"][name] = setting
        found["models"][name] = result | {"trials": trials, **_cost(kind(**setting), split)}
    found["pairs"] = {
        protocol: {
            f"{one} - {other}": table(compare(by_name[one], by_name[other]))
            for one, other in (
                ("NeuMF", "BinaryMF"),
                ("NeuMF", "GMF"),
                ("NeuMF", "MLP"),
                ("MLP", "BinaryMF"),
            )
        }
        for protocol, by_name in tables.items()
    }
    watch = validating(tuning)
    return found | {
        "popularity": watch(Popularity().fit(tuning.train)),
        "random": watch(Random().fit(tuning.train)),
        "figure_3": _figure_3(found["settings"], tuning),
        "one_step": _one_step(tuning),
        "rates": [_rate(rate, tuning) for rate in RATES],
        "pretraining": _pretraining(found["settings"], tuning),
    }


def _cost(model: EpochModel, split: Split) -> dict:
    """Numbers to store, and the time to score the whole catalogue for a thousand users."""
    model = type(model)(**{**model.parameters, "epochs": 1}).fit(split.train)
    if isinstance(model, NetworkModel):
        parameters = sum(p.numel() for p in model.network_.parameters())
    else:
        parameters = sum(array.size for array in model._factors())
    users = np.arange(1000)
    model.score(users)
    start = time.perf_counter()
    model.score(users)
    return {
        "parameters": int(parameters),
        "megabytes": parameters * 4 / 1e6,
        "epoch_seconds": float(model.history_["seconds"].iloc[0]),
        "scoring_seconds": time.perf_counter() - start,
    }


def _figure_3(settings: dict, tuning: Split) -> dict:
    """Losses and validation ranking over 20 epochs, plainly trained and as tuned."""
    watch, found = validating(tuning), {}
    for kind in (MLP, NeuMF):
        for name, given in (("plain", PLAIN), ("tuned", settings[kind.__name__])):
            epochs = 20 if name == "plain" else max(20, given["epochs"])
            model = kind(**{**given, "epochs": epochs})
            history = model.fit(tuning.train, tuning.valid, watch=watch).history_
            columns = ("loss", "accuracy", "valid_loss", *METRICS)
            found[f"{kind.__name__}, {name}"] = {c: history[c].tolist() for c in columns}
    return found


def _one_step(tuning: Split) -> dict:
    """One step an epoch, 20 in all, as the paper's code does; and as many epochs of batches."""
    watch, found = validating(tuning), {}
    whole = len(tuning.train) * 5
    for name, given in (
        ("untrained", {"learning_rate": 0.0, "batch_size": whole, "epochs": 1}),
        ("one step an epoch", {"learning_rate": 0.1, "batch_size": whole, "epochs": 20}),
        ("batches of 256", {"learning_rate": 0.1, "batch_size": 256, "epochs": 20}),
        ("batches of 256, rate .001", {"learning_rate": 0.001, "batch_size": 256, "epochs": 20}),
    ):
        rows = []
        for seed in SEEDS:
            model = MLP(
                **given, regularization=0.0, weight_decay=0.01, init_scale=1.0, seed=seed
            ).fit(tuning.train, watch=watch)
            steps = len(model.history_) * -(-whole // given["batch_size"])
            rows.append(model.history_.iloc[-1])
        found[name] = {"steps": int(steps)} | {
            metric: over_seeds([row[metric] for row in rows]) for metric in ("hr@10", "ndcg@10")
        }
    return found


def _rate(rate: float, tuning: Split) -> dict:
    """Validation by epoch at one learning rate, all else plain."""
    model = MLP(**{**PLAIN, "learning_rate": rate}, epochs=20)
    history = model.fit(tuning.train, watch=validating(tuning)).history_
    return {
        "learning_rate": rate,
        "best_epoch": int(history["ndcg@10"].idxmax()) + 1,
        "best": float(history["ndcg@10"].max()),
        "last": float(history["ndcg@10"].iloc[-1]),
        "loss": float(history["loss"].iloc[-1]),
    }


def _pretraining(settings: dict, tuning: Split) -> dict:
    """NeuMF from random numbers and from two fitted halves, by epoch and seed, on validation."""
    watch = validating(tuning)
    epochs, curves = settings["NeuMF"]["epochs"], {"scratch": [], "pretrained": []}
    for seed in SEEDS:
        gmf = GMF(**{**settings["GMF"], "factors": settings["NeuMF"]["factors"]}, seed=seed)
        halves = gmf.fit(tuning.train), MLP(**settings["MLP"], seed=seed).fit(tuning.train)
        for name, given in (("scratch", None), ("pretrained", halves)):
            model = NeuMF(**settings["NeuMF"], seed=seed)
            model.fit(tuning.train, watch=watch, pretrained=given)
            curves[name].append(model.history_["ndcg@10"].to_numpy())
    best = {name: np.max(each, axis=1) for name, each in curves.items()}
    return {
        "epochs": epochs,
        "curves": {name: np.mean(each, axis=0).tolist() for name, each in curves.items()},
        "best": {name: over_seeds(list(values)) for name, values in best.items()},
        "difference": over_seeds(list(best["pretrained"] - best["scratch"])),
        "epoch_of_best": {
            name: pd.Series([int(np.argmax(one)) + 1 for one in each]).mean()
            for name, each in curves.items()
        },
    }
