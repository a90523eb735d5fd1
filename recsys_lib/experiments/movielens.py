"""The search of chapter 4 on MovieLens: settings of all models that predict ratings.

A setting is judged on the validation ratings; one that learns from a random start by its mean over
three seeds, each at its best epoch. No grid ends at its winner, unless the last step to it brought
less than seeds differ (a test sees to that), and no training before three hundred epochs, or twenty
sweeps, have brought nothing better: with a strong penalty or a small learning rate the error rests
for hundreds of epochs before it falls. The test ratings are opened once, by the settings found.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split, leave_last_out
from recsys_lib.evaluation.ratings import (
    compare_ratings,
    evaluate_ratings,
    mean_errors,
    rating_leaderboard,
)
from recsys_lib.experiments.protocol import every_combination, table
from recsys_lib.experiments.ratings import (
    SEEDS,
    TUNING_SEEDS,
    at_best_epoch,
    best_of,
    judged,
    mean_at_best_epoch,
)
from recsys_lib.experiments.units import Units
from recsys_lib.models import ALS, MF, SVD, Biases, RatingPredictor
from recsys_lib.models.metadata import metadata_factors

STRENGTHS = (0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0)
SVD_FACTORS = (2, 5, 10, 20, 50, 100, 200)
MF_GRID: dict[str, tuple] = {
    "factors": (8, 32, 128, 256, 512),
    "regularization": (0.05, 0.1, 0.15, 0.2),
}
GRIDS: dict[str, dict[str, tuple]] = {
    "MF": MF_GRID,
    "MF, metadata": MF_GRID,
    "ALS": {"factors": (8, 16, 32, 64, 128), "regularization": (0.05, 0.1, 0.15, 0.2, 0.3)},
}
MF_LONG: dict[str, Any] = {"epochs": 3000, "patience": 300}
LONG: dict[str, dict[str, Any]] = {
    "MF": MF_LONG,
    "MF, metadata": MF_LONG,
    "ALS": {"epochs": 300, "patience": 20},
}
LEARNED: dict[str, type[MF] | type[ALS]] = {"MF": MF, "MF, metadata": MF, "ALS": ALS}
KINDS: dict[str, type[RatingPredictor]] = {"Biases": Biases, "SVD, bias fill": SVD, **LEARNED}
# One setting of MF at a time, the others held at these.
HELD: dict[str, Any] = {
    "factors": 16,
    "learning_rate": 0.01,
    "regularization": 0.1,
    "init_scale": 0.1,
}
KNOBS = {
    "learning_rate": (0.001, 0.003, 0.01, 0.03, 0.1),
    "regularization": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    "factors": (1, 2, 4, 8, 16, 32, 64, 128),
    "init_scale": (0.01, 0.03, 0.1, 0.2, 0.4),
}


def movielens_split(ratings: Interactions) -> Split:
    """Return the split of chapter 4: each user's last two ratings for test, one for validation."""
    return leave_last_out(ratings, n_test=2, n_valid=1)


def run(ratings: Interactions, units: Units | None = None) -> dict:
    """Try every setting of every grid; return all trials and the best of each model."""
    units, split = units or Units(), movielens_split(ratings)
    starts = {k: metadata_factors(split.train, k) for k in GRIDS["MF, metadata"]["factors"]}
    runs = units.grouped(
        _trial,
        {
            (name, *setting.values()): [(name, *setting.values(), seed) for seed in TUNING_SEEDS]
            for name, grid in GRIDS.items()
            for setting in every_combination(grid)
        },
        *(split, starts),
    )
    trials = _exact(split) | {
        name: [
            _tried(setting, runs[name, *setting.values()]) for setting in every_combination(grid)
        ]
        for name, grid in GRIDS.items()
    }
    settings = {name: best_of(each) for name, each in trials.items()}
    return {
        "trials": trials,
        "settings": settings,
        "knobs": _knobs(split, units),
        "test": _test(split, starts, settings, units),
    }


def _tried(setting: dict, runs: list[dict]) -> dict:
    """Return a setting with its mean errors, and the RMSE of each seed."""
    return mean_at_best_epoch(setting, runs) | {"values": [run["valid_rmse"] for run in runs]}


def quick(found: dict, ratings: Interactions) -> dict:
    """The models in which chance plays no part."""
    return {"trials": _exact(movielens_split(ratings))}


def _test(
    split: Split, starts: dict[int, np.ndarray], settings: dict, units: Units
) -> dict[str, dict]:
    """Test every chosen setting, with five seeds where chance takes part; compare them all."""
    tables = units.grouped(
        _tested,
        {
            name: [(name, seed) for seed in (SEEDS if name in GRIDS else (0,))]
            for name in ("Global mean", *settings)
        },
        *(split, starts, settings),
    )
    means = {name: mean_errors(each) for name, each in tables.items()}
    return {
        "rmse": table(rating_leaderboard(means)),
        "pairs": {
            f"{one} - {other}": table(compare_ratings(tables[one], tables[other]))["rmse"]
            for one, other in combinations(tables, 2)
        },
    }


def _tested(
    split: Split, starts: dict[int, np.ndarray], settings: dict, name: str, seed: int
) -> pd.DataFrame:
    """Fit a chosen setting with one seed; return the errors on the test ratings, by user."""
    if name == "Global mean":
        return evaluate_ratings(Biases(0.0, users=False, items=False).fit(split.train), split)
    given = dict(settings[name]) | ({"seed": seed} if name in GRIDS else {})
    model = KINDS[name](**_started(name, given, starts))
    return evaluate_ratings(model.fit(split.train), split)


def _knobs(split: Split, units: Units) -> dict[str, list[dict]]:
    """Turn one knob of MF at a time; return validation RMSE of each seed, and the best epochs."""
    runs = units.grouped(
        _knob,
        {
            (name, value): [(name, value, seed) for seed in TUNING_SEEDS]
            for name, values in KNOBS.items()
            for value in values
        },
        split,
    )
    found: dict[str, list[dict]] = {name: [] for name in KNOBS}
    for (name, value), rows in runs.items():
        found[name].append(
            {
                "value": value,
                "rmse": [row["valid_rmse"] for row in rows],
                "epochs": [int(row["epoch"]) for row in rows],
            }
        )
    return found


def _knob(split: Split, name: str, value: float, seed: int) -> dict:
    """Train MF with one setting turned; return its best epoch and its errors there."""
    return at_best_epoch(MF(**HELD | {name: value}, **LONG["MF"], seed=seed), split)


def _exact(split: Split) -> dict[str, list[dict]]:
    """Return the trials of the models in which chance plays no part."""
    return {
        "Biases": [judged(Biases, {"regularization": value}, split) for value in STRENGTHS],
        "SVD, bias fill": [judged(SVD, {"factors": k, "fill": "bias"}, split) for k in SVD_FACTORS],
    }


def _trial(
    split: Split,
    starts: dict[int, np.ndarray],
    name: str,
    factors: int,
    regularization: float,
    seed: int,
) -> dict:
    """Train one setting with one seed; return its best epoch and its errors there."""
    given = {"factors": factors, "regularization": regularization, "seed": seed, **LONG[name]}
    return at_best_epoch(LEARNED[name](**_started(name, given, starts)), split)


def _started(name: str, given: dict, starts: dict[int, np.ndarray]) -> dict:
    """Add the start to the settings of a model with metadata, by its number of factors."""
    if name == "MF, metadata":
        return given | {"item_init": starts[given["factors"]]}
    return given
