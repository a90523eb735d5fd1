"""Binary matrix factorization on the paper's data (chapter 6): its training, size and penalty.

The setting is that of the search; its test stands in `evaluation`, beside all others.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, over_seeds, watching
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import (
    METRICS,
    SEEDS,
    held_out,
    measuring,
    paper_split,
    table,
    tuning_split,
    validating,
)
from recsys_lib.experiments.units import Units
from recsys_lib.models import BinaryMF, Popularity
from recsys_lib.models.training import Watch

# In the manner of the paper: no negatives, no biases, its learning rate, lambda over the frequency.
PAPER: dict[str, Any] = {
    "factors": 32,
    "learning_rate": 0.01,
    "regularization": 0.1,
    "frequency_power": 1.0,
    "n_negatives": 0,
    "biases": False,
}
CURVE = 100
MOVED: dict[str, tuple] = {  # one at a time, all else as chosen
    "regularization": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0),  # times what was chosen
    "n_negatives": (1, 2, 4, 8, 16),
}
FACTORS = (4, 8, 16, 32, 64, 128)
PENALTIES = {  # lambda, by the power of the frequency that divides it
    0.0: (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1),
    0.5: (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7),
    1.0: (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0),
}
ByPower = dict[float, list[pd.DataFrame]]  # a table for each seed


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Take the chosen setting apart on validation, and the paper's run."""
    units, split = units or Units(), paper_split(ratings)
    tuning, setting = tuning_split(split), search["settings"]["BinaryMF"]
    return {
        "curves": _curves(setting, tuning, split, candidates, units),
        "moved": _moved(setting, tuning, seeds, units),
        "popularity": {
            "valid": validating(tuning)(Popularity().fit(tuning.train)),
            "test": measuring(split, candidates, "test")(Popularity().fit(split.train)),
        },
        "positives_only": units.each(_positives_only, [(50,), (200,)], split),
        "factors": _factors(setting, tuning, seeds, units),
        "penalty": _penalty(setting, tuning, seeds, units),
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """Popularity, and a model of 50 epochs that never saw a negative."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    return {
        "popularity": {"valid": validating(tuning)(Popularity().fit(tuning.train))},
        "positives_only": {0: _positives_only(split, 50)},
    }


def _curves(
    setting: dict, tuning: Split, split: Split, candidates: Candidates, units: Units
) -> dict:
    """Every metric after every epoch, on validation and on test; nothing is chosen by them."""
    watched = {
        "valid": (tuning.train, validating(tuning)),
        "test": (split.train, measuring(split, candidates, "test")),
    }
    settings = {"paper": PAPER, "ours": setting}
    curves = units.grouped(
        _curve,
        {name: [(given, on) for on in watched] for name, given in settings.items()},
        watched,
    )
    return {name: dict(zip(watched, each, strict=True)) for name, each in curves.items()}


def _curve(watched: dict[str, tuple[Interactions, Watch]], setting: dict, on: str) -> dict:
    """Train one setting; return its losses and every metric on validation or test, by epoch."""
    return _by_epoch(*watched[on], setting, ("loss", "accuracy", *METRICS))


def _by_epoch(
    train: Interactions, watch: Watch, setting: dict, columns: tuple[str, ...]
) -> dict[str, list[float]]:
    history = BinaryMF(**{**setting, "epochs": CURVE}).fit(train, watch=watch).history_
    return {c: history[c].tolist() for c in columns}


def _moved(setting: dict, tuning: Split, seeds: range, units: Units) -> dict[str, list[dict]]:
    """Losses and validation by epoch, means over seeds, for several values of a hyperparameter."""
    values = {
        (name, value): {
            **setting,
            name: value * setting[name] if name == "regularization" else value,
        }
        for name, each in MOVED.items()
        for value in each
    }
    runs = units.grouped(
        _watched,
        {key: [(given, seed) for seed in seeds] for key, given in values.items()},
        *(tuning, watching(tuning, held_out(tuning))),
    )
    return {
        name: [{"value": value, **_mean_curves(runs[name, value])} for value in each]
        for name, each in MOVED.items()
    }


def _watched(tuning: Split, watch: Watch, setting: dict, seed: int) -> dict[str, list[float]]:
    """Train one setting with one seed; return its losses and its validation ranking by epoch."""
    columns = "loss", "valid_loss", "valid_ndcg@10"
    return _by_epoch(tuning.train, watch, {**setting, "seed": seed}, columns)


def _mean_curves(runs: list[dict[str, list[float]]]) -> dict[str, list[float]]:
    return {c: np.mean([run[c] for run in runs], axis=0).round(5).tolist() for c in runs[0]}


def _positives_only(split: Split, epochs: int) -> dict:
    """What a model has learned that never saw a negative."""
    model = BinaryMF(**PAPER, epochs=epochs).fit(split.train)
    logits = model.user_factors_.astype(np.float64) @ model.item_factors_.T
    energy = np.linalg.svd(logits, compute_uv=False) ** 2
    counts = split.train.item_counts
    return {
        "epochs": epochs,
        "train_accuracy": float(model.history_["accuracy"].iloc[-1]),
        "says_one": float((logits[~model.cold_] > 0).mean()),
        "first_singular_vector": float(energy[0] / energy.sum()),
        "rank_correlation_with_popularity": float(
            stats.spearmanr(logits[~model.cold_].mean(axis=0), counts).statistic
        ),
    }


def _factors(setting: dict, tuning: Split, seeds: range, units: Units) -> list[dict]:
    """Validation by the number of factors, all else as chosen, mean over seeds."""
    runs = units.grouped(
        _of_factors,
        {k: [({**setting, "factors": k}, seed) for seed in seeds] for k in FACTORS},
        *(tuning, validating(tuning)),
    )
    found = []
    for factors, each in runs.items():
        means = pd.DataFrame([metrics for metrics, _ in each])
        found.append(
            {
                "factors": factors,
                **means.mean().to_dict(),
                "sd": means.std(ddof=1).to_dict(),
                "seconds": each[-1][1],
            }
        )
    return found


def _of_factors(
    tuning: Split, watch: Watch, setting: dict, seed: int
) -> tuple[dict[str, float], float]:
    """Train one setting with one seed; return its metrics on validation, and how long it took."""
    model = BinaryMF(**setting, seed=seed).fit(tuning.train)
    return watch(model), float(model.history_["seconds"].iloc[-1])


def _penalty(setting: dict, tuning: Split, seeds: range, units: Units) -> dict:
    """Lambda, over the root of the frequency, and over the frequency, each at its best lambda.

    By groups of users (training events) and of items (training events of the held-out item), on
    validation, each user's result a mean over seeds.
    """
    runs = units.grouped(
        _penalized,
        {
            (power, strength): [
                ({**setting, "frequency_power": power, "regularization": strength}, seed)
                for seed in seeds
            ]
            for power, strengths in PENALTIES.items()
            for strength in strengths
        },
        *(tuning, held_out(tuning)),
    )
    trials: dict[str, list[dict]] = {}
    best: ByPower = {}
    for power, strengths in PENALTIES.items():
        means = {strength: _means(runs[power, strength]) for strength in strengths}
        trials[str(power)] = [{"regularization": one} | mean for one, mean in means.items()]
        best[power] = runs[power, max(means, key=lambda one: means[one]["ndcg@10"])]
    return {
        "trials": trials,
        "groups": {side: _by_size(counts, best) for side, counts in _sizes(tuning, best).items()},
        "difference": {str(power): table(compare(best[power], best[0.0])) for power in (0.5, 1.0)},
    }


def _penalized(tuning: Split, lists: Candidates, setting: dict, seed: int) -> pd.DataFrame:
    """Train with one penalty and one seed; return each user's metrics on validation."""
    model = BinaryMF(**setting, seed=seed).fit(tuning.train)
    return evaluate(model, tuning, candidates=lists, on="valid")


def _sizes(tuning: Split, best: ByPower) -> dict[str, np.ndarray]:
    """Return for each user how many training events there are, and of the held-out item."""
    users = best[0.0][0].index.to_numpy()
    item = np.empty(tuning.train.n_users, dtype=int)
    item[tuning.valid.user] = tuning.valid.item
    return {
        "users": tuning.train.user_counts[users],
        "items": tuning.train.item_counts[item[users]],
    }


def _by_size(counts: np.ndarray, best: ByPower) -> list[dict]:
    """Compare the penalties in three groups of users, by a number that each user has."""
    group = np.searchsorted(np.quantile(counts, (1 / 3, 2 / 3)), counts)
    found = []
    for which in range(3):  # few, some, many
        inside = {p: [one[group == which] for one in tables] for p, tables in best.items()}
        found.append(
            {
                "from": int(counts[group == which].min()),
                "to": int(counts[group == which].max()),
                "users": int((group == which).sum()),
                **{str(p): _means(tables)["ndcg@10"] for p, tables in inside.items()},
                "adaptive - uniform": table(compare(inside[1.0], inside[0.0])),
            }
        )
    return found


def _means(tables: list[pd.DataFrame]) -> dict[str, float]:
    """HR and NDCG, means over users and seeds."""
    return over_seeds(tables)[0][["hr@10", "ndcg@10"]].mean().to_dict()
