"""The networks of chapters 7 and 8 on the paper's data: how they train, and what they cost.

Settings are those of the search; their test stands in `evaluation`, beside all others.
"""

import timeit
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import watching
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import (
    CONTENDERS,
    PRETRAINED,
    fit_arguments,
    fitted,
    made,
)
from recsys_lib.experiments.dot_product import DIMENSIONS, SIZES, learn
from recsys_lib.experiments.protocol import (
    MAIN,
    METRICS,
    SEEDS,
    mean_of_seeds,
    paper_split,
    tuning_split,
    validating,
)
from recsys_lib.experiments.units import Units
from recsys_lib.models import MLP, Popularity, Random, Recommender
from recsys_lib.models.network import one_thread
from recsys_lib.models.training import Watch

# As He et al. (2017) train it, and nothing to hold the embeddings back.
PLAIN: dict[str, Any] = {
    "learning_rate": 0.001,
    "batch_size": 256,
    "regularization": 0.0,
    "weight_decay": 0.0,
}
UNTRAINED: dict[str, Any] = {"learning_rate": 0.0, "batch_size": 10**9, "epochs": 1}
RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(11))  # of the first model in a mean of two


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Look at the training of the networks that were chosen, and at what models cost."""
    units, split = units or Units(), paper_split(ratings)
    tuning, settings = tuning_split(split), search["settings"]
    watch = validating(tuning)
    return {
        "popularity": watch(Popularity().fit(tuning.train)),
        "random": watch(Random().fit(tuning.train)),
        "figure_3": _figure_3(settings, tuning, units),
        "one_step": _one_step(tuning, seeds, units),
        "rates": units.each(_rate, [(rate,) for rate in RATES], tuning),
        "pretraining": _pretraining(settings, tuning, seeds, units),
        "dot_product": _dot_product(seeds, units),
        # last, and one after the other, for the sake of their times
        "costs": {n: _cost(n, settings, split) for n, one in CONTENDERS.items() if one.epochs},
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """Random order and popularity on validation, and an MLP before its training."""
    tuning = tuning_split(paper_split(ratings))
    watch = validating(tuning)
    untrained = _last_epoch(tuning, watch, UNTRAINED, SEEDS[0])
    return {
        "popularity": watch(Popularity().fit(tuning.train)),
        "random": watch(Random().fit(tuning.train)),
        "one_step": {"untrained": {m: {"values": {0: untrained[m]}} for m in MAIN}},
    }


def _cost(name: str, settings: dict, split: Split) -> dict:
    """Numbers to store, and the time to score the whole catalog for a thousand users.

    Times are the best of three: other work on the machine only adds to them.
    """
    given = fit_arguments(name, settings, split.train, SEEDS[0])
    model = made(name, settings[name], epochs=3).fit(split.train, **given)
    parameters = sum(array.size for array in model._weights().values())
    users = np.arange(1000) % split.train.n_users
    model.score(users)
    return {
        "parameters": int(parameters),
        "megabytes": parameters * 4 / 1e6,
        "epoch_seconds": float(np.diff(model.history_["seconds"], prepend=0.0).min()),
        "scoring_seconds": min(timeit.repeat(lambda: model.score(users), number=1, repeat=3)),
    }


def _figure_3(settings: dict, tuning: Split, units: Units) -> dict:
    """Losses and validation ranking over 20 epochs, plainly trained and as tuned."""
    given = {}
    for name in ("MLP", "NeuMF"):
        given[f"{name}, plain"] = name, {**PLAIN, "epochs": 20}
        tuned = settings[name]
        given[f"{name}, tuned"] = name, {**tuned, "epochs": max(20, tuned["epochs"])}
    curves = units.each(_curves, list(given.values()), tuning, validating(tuning))
    return dict(zip(given, curves, strict=True))


def _curves(tuning: Split, watch: Watch, name: str, setting: dict) -> dict[str, list[float]]:
    """Train one setting; return its losses and its validation ranking by epoch."""
    loss = watching(tuning)

    def both(model: Recommender) -> dict[str, float]:
        return watch(model) | loss(model)

    history = made(name, setting).fit(tuning.train, watch=both).history_
    return {c: history[c].tolist() for c in ("loss", "accuracy", "valid_loss", *METRICS)}


def _one_step(tuning: Split, seeds: range, units: Units) -> dict:
    """One step an epoch, 20 in all, as the paper's code does; and as many epochs of batches."""
    whole = len(tuning.train) * 5
    ways: dict[str, dict] = {
        "untrained": UNTRAINED,
        "one step an epoch": {"learning_rate": 0.1, "batch_size": whole, "epochs": 20},
        "batches of 256": {"learning_rate": 0.1, "batch_size": 256, "epochs": 20},
        "batches of 256, rate 0.001": {"learning_rate": 0.001, "batch_size": 256, "epochs": 20},
    }
    rows = units.grouped(
        _last_epoch,
        {name: [(way, seed) for seed in seeds] for name, way in ways.items()},
        *(tuning, validating(tuning)),
    )
    found = {}
    for name, way in ways.items():
        steps = way["epochs"] * -(-whole // way["batch_size"])
        found[name] = {"steps": steps if way["learning_rate"] > 0 else 0} | {
            metric: mean_of_seeds([row[metric] for row in rows[name]]) for metric in MAIN
        }
    return found


def _last_epoch(tuning: Split, watch: Watch, way: dict, seed: int) -> dict[str, float]:
    """Train an MLP from large numbers, with one seed; return the last row of its history."""
    given: dict[str, Any] = {"regularization": 0.0, "weight_decay": 0.01, "init_scale": 1.0}
    model = MLP(**way, **given, seed=seed).fit(tuning.train, watch=watch)
    return model.history_.iloc[-1].to_dict()


def _rate(tuning: Split, rate: float) -> dict:
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


def _pretraining(settings: dict, tuning: Split, seeds: range, units: Units) -> dict:
    """NeuMF from random numbers and from two fitted halves, by epoch and seed, on validation.

    The halves, before any common training, are the mean of two models; other means stand beside,
    and all of them with other shares than halves.
    """
    parts = [(seed, seed + len(seeds)) for seed in seeds]
    runs = units.each(_from_halves, parts, settings, tuning, validating(tuning))
    curves, means, shares = ([one[w] for one in runs] for w in ("curves", "means", "shares"))
    return {
        "curves": {
            name: np.mean([one[name] for one in curves], axis=0).tolist() for name in curves[0]
        },
        "means": {
            name: {m: mean_of_seeds([one[name][m] for one in means]) for m in MAIN}
            for name in means[0]
        },
        "shares": {
            name: [
                {"share": share} | mean_of_seeds([one[name][place] for one in shares])
                for place, share in enumerate(SHARES)
            ]
            for name in shares[0]
        },  # NDCG@10
    }


def _from_halves(settings: dict, tuning: Split, watch: Watch, seed: int, other_seed: int) -> dict:
    """Train what `_pretraining` compares with one seed; two models of a kind have another each."""
    singles: dict[str, list[Any]] = {
        name: [fitted(name, settings, tuning.train, number) for number in (seed, other_seed)]
        for name in ("BinaryMF", "GMF", "MLP")
    }
    means, curves, shares = {}, {}, {}
    for one, other in combinations_with_replacement(singles, 2):
        two = singles[one][0], singles[other][1 if one == other else 0]
        by_share = {share: watch(Mean(two, share).fit(tuning.train)) for share in SHARES}
        shares[f"{one} + {other}"] = [each["ndcg@10"] for each in by_share.values()]
        means[f"{one} + {other}"] = by_share[0.5]
    for name, models in singles.items():
        means[name] = watch(models[0])
    pair = singles["GMF"][0], singles["MLP"][0]
    for name, epochs, given in (
        ("NeuMF", settings["NeuMF"]["epochs"], None),
        (PRETRAINED, max(20, settings[PRETRAINED]["epochs"]), pair),
    ):
        model = made(name, settings[name], epochs=epochs, seed=seed)
        model.fit(tuning.train, watch=watch, pretrained=given)
        curves[name] = model.history_["ndcg@10"].to_numpy()
    return {"means": means, "curves": curves, "shares": shares}


class Mean(Recommender):
    """The weighted mean of the scores of two fitted models, here of their logits."""

    def __init__(self, models: tuple[Recommender, Recommender], share: float = 0.5):
        self.models, self.share = models, share

    def _fit(self, train: Interactions) -> None:
        pass

    def _score(self, users: np.ndarray) -> np.ndarray:
        return self._mean(*(model.score(users) for model in self.models))

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self._mean(*(model.score_items(users, items) for model in self.models))

    def _mean(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return self.share * one + (1 - self.share) * other


def _dot_product(seeds: range, units: Units) -> list[dict]:
    """RMSE of a tower that learns a dot product, by dimension and number of examples."""
    errors = units.grouped(
        _learned, {(d, n): [(d, n, seed) for seed in seeds] for d in DIMENSIONS for n in SIZES}
    )
    return [
        {"dimension": dimension, "examples": n, "rmse": mean_of_seeds(each)}
        for (dimension, n), each in errors.items()
    ]


def _learned(dimension: int, n: int, seed: int) -> float:
    with one_thread():
        return learn(dimension, n, seed)
