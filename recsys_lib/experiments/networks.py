"""MLP and neural matrix factorization on the paper's data and candidates (chapters 7 and 8)."""

import timeit
from functools import partial
from itertools import combinations_with_replacement

import numpy as np

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, watching
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.dot_product import DIMENSIONS, SIZES, learn
from recsys_lib.experiments.protocol import (
    METRICS,
    SEEDS,
    against,
    baselines,
    first_seed,
    mean_of_seeds,
    on_test,
    paper_split,
    table,
    tuning_split,
    validating,
)
from recsys_lib.experiments.tuning import MOST_EPOCHS, PRETRAINED, SPACES, ranges, search
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF, Popularity, Random, Recommender
from recsys_lib.models.network import NetworkModel, one_thread
from recsys_lib.models.training import EpochModel

KINDS = {"BinaryMF": BinaryMF, "GMF": GMF, "MLP": MLP, "NeuMF": NeuMF, PRETRAINED: NeuMF}
# As He et al. (2017) train it, and nothing to hold the embeddings back.
PLAIN = {"learning_rate": 0.001, "batch_size": 256, "regularization": 0.0, "weight_decay": 0.0}
RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)


def run(ratings: Interactions, candidates: Candidates, seeds: range = SEEDS) -> dict:
    """Tune the models alike, test each choice once with several seeds, look at the training."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    rivals = baselines(split, candidates)
    found: dict = {"models": {}, "spaces": {}, "settings": {}}
    tables: dict = {"sampled": {}, "full": {}}
    for name, kind in KINDS.items():
        settings = found["settings"]
        fixed, given = {}, nothing
        if name == PRETRAINED:
            fixed = {"factors": settings["GMF"]["factors"]}
            given = partial(halves, settings)
        setting, trials = search(kind, tuning, name, fixed, given(tuning.train, 0))
        result, own = on_test(kind, setting, split, candidates, seeds, partial(given, split.train))
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
                (PRETRAINED, "BinaryMF"),
                (PRETRAINED, "GMF"),
                (PRETRAINED, "NeuMF"),
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
        "one_step": _one_step(tuning, seeds),
        "rates": [_rate(rate, tuning) for rate in RATES],
        "pretraining": _pretraining(found["settings"], tuning, seeds),
        "dot_product": _dot_product(seeds),
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test of the chosen GMF with the first seed."""
    split, setting = paper_split(ratings), found["settings"]["GMF"]
    return {"models": {"GMF": {"seeds": first_seed(GMF, setting, split, candidates)}}}


def nothing(train: Interactions, seed: int) -> dict:
    """Say that `fit` is given nothing besides the training set."""
    return {}


def halves(settings: dict, train: Interactions, seed: int) -> dict:
    """Return the chosen GMF and MLP, fitted, as `NeuMF.fit` takes them."""
    gmf = GMF(**settings["GMF"], seed=seed).fit(train)
    return {"pretrained": (gmf, MLP(**settings["MLP"], seed=seed).fit(train))}


def _cost(model: EpochModel, split: Split) -> dict:
    """Numbers to store, and the time to score the whole catalog for a thousand users.

    Times are the best of three: other work on the machine only adds to them.
    """
    model = type(model)(**{**model.parameters, "epochs": 3}).fit(split.train)
    if isinstance(model, NetworkModel):
        parameters = sum(p.numel() for p in model.network_.parameters())
    else:
        parameters = sum(array.size for array in model._factors())
    users = np.arange(1000)
    model.score(users)
    return {
        "parameters": int(parameters),
        "megabytes": parameters * 4 / 1e6,
        "epoch_seconds": float(np.diff(model.history_["seconds"], prepend=0.0).min()),
        "scoring_seconds": min(timeit.repeat(lambda: model.score(users), number=1, repeat=3)),
    }


def _figure_3(settings: dict, tuning: Split) -> dict:
    """Losses and validation ranking over 20 epochs, plainly trained and as tuned."""
    watch, loss, found = validating(tuning), watching(tuning), {}

    def both(model: Recommender) -> dict[str, float]:
        return watch(model) | loss(model)

    for kind in (MLP, NeuMF):
        for name, given in (("plain", PLAIN), ("tuned", settings[kind.__name__])):
            epochs = 20 if name == "plain" else max(20, given["epochs"])
            model = kind(**{**given, "epochs": epochs})
            history = model.fit(tuning.train, watch=both).history_
            columns = ("loss", "accuracy", "valid_loss", *METRICS)
            found[f"{kind.__name__}, {name}"] = {c: history[c].tolist() for c in columns}
    return found


def _one_step(tuning: Split, seeds: range) -> dict:
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
        for seed in seeds:
            model = MLP(
                **given, regularization=0.0, weight_decay=0.01, init_scale=1.0, seed=seed
            ).fit(tuning.train, watch=watch)
            steps = len(model.history_) * -(-whole // given["batch_size"])
            steps = steps if given["learning_rate"] > 0 else 0
            rows.append(model.history_.iloc[-1])
        found[name] = {"steps": int(steps)} | {
            metric: mean_of_seeds([row[metric] for row in rows]) for metric in ("hr@10", "ndcg@10")
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


def _pretraining(settings: dict, tuning: Split, seeds: range) -> dict:
    """NeuMF from random numbers and from two fitted halves, by epoch and seed, on validation.

    The halves, before any common training, are the mean of two models; other means stand beside.
    """
    watch, curves, means = validating(tuning), {}, {}
    runs = ("NeuMF", PRETRAINED)
    epochs = {"NeuMF": settings["NeuMF"]["epochs"], PRETRAINED: MOST_EPOCHS[PRETRAINED]}
    for seed in seeds:
        singles: dict[str, list] = {name: [] for name in ("BinaryMF", "GMF", "MLP")}
        for name, models in singles.items():
            for number in (seed, seed + len(seeds)):
                models.append(KINDS[name](**settings[name], seed=number).fit(tuning.train))
        for one, other in combinations_with_replacement(singles, 2):
            models = singles[one][0], singles[other][1 if one == other else 0]
            means.setdefault(f"{one} + {other}", []).append(watch(Mean(models).fit(tuning.train)))
        for name, models in singles.items():
            means.setdefault(name, []).append(watch(models[0]))
        pair = singles["GMF"][0], singles["MLP"][0]
        for name, given in zip(runs, (None, pair), strict=True):
            model = NeuMF(**{**settings[name], "epochs": epochs[name]}, seed=seed)
            model.fit(tuning.train, watch=watch, pretrained=given)
            curves.setdefault(name, []).append(model.history_["ndcg@10"].to_numpy())
    return {
        "curves": {name: np.mean(each, axis=0).tolist() for name, each in curves.items()},
        "means": {
            name: {m: mean_of_seeds([one[m] for one in each]) for m in ("hr@10", "ndcg@10")}
            for name, each in means.items()
        },
    }


class Mean(Recommender):
    """The mean of the scores of fitted models, here of their logits."""

    def __init__(self, models: tuple[Recommender, ...]):
        self.models = models

    def _fit(self, train: Interactions) -> None:
        pass

    def _score(self, users: np.ndarray) -> np.ndarray:
        return np.mean([model.score(users) for model in self.models], axis=0)

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.mean([model.score_items(users, items) for model in self.models], axis=0)


def _dot_product(seeds: range) -> list[dict]:
    """RMSE of a tower that learns a dot product, by dimension and number of examples."""
    with one_thread():
        return [
            {
                "dimension": dimension,
                "examples": n,
                "rmse": mean_of_seeds([learn(dimension, n, seed) for seed in seeds]),
            }
            for dimension in DIMENSIONS
            for n in SIZES
        ]
