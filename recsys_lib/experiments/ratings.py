"""Predicted ratings on the paper's data: every model of chapters 3 and 4, and the paper's own run.

All settings are chosen on validation ratings taken from the training set, each user's last one; the
test ratings, each user's last two, are predicted once by each chosen model. A grid ends where its
winner lies inside it, or where the next value means nothing: one factor, one epoch, no penalty.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary, watching
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.evaluation.ratings import (
    compare_ratings,
    evaluate_ratings,
    mean_errors,
    rating_error,
    rating_leaderboard,
)
from recsys_lib.experiments.protocol import every_combination, paper_split, table, tuning_split
from recsys_lib.experiments.units import Units
from recsys_lib.metrics import mae, rmse
from recsys_lib.models import ALS, MF, SVD, Biases, RatingPredictor
from recsys_lib.models.als import loss
from recsys_lib.models.metadata import metadata_factors

SEEDS = range(5)
TUNING_SEEDS = range(3)  # a setting is judged by its mean, not by its luckiest start
STRENGTHS = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 50.0)
SVD_FACTORS = (1, 2, 4, 8, 16, 32, 64)
MF_GRID = {
    "factors": (1, 2, 8, 32),
    "learning_rate": (0.003, 0.01, 0.03),
    "regularization": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8),
}
# Without biases the error rests at its start for dozens of epochs: the patience must outlast that.
MOST_EPOCHS, PATIENCE = 1000, 100
# A sweep of ALS takes time with the cube of the factors: many sweeps of few, few sweeps of many.
ALS_GRIDS = (
    ({"factors": (1, 2, 8, 32), "regularization": (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)}, 20),
    ({"factors": (128,), "regularization": (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)}, 3),
    ({"factors": (256,), "regularization": (0.2, 0.4, 0.8)}, 2),
    ({"factors": (384,), "regularization": (0.1, 0.2, 0.4)}, 1),
    ({"factors": (512,), "regularization": (0.2, 0.4)}, 1),
)
FILLS = ("zero", "user", "item", "bias")
SIDES: dict[str, dict] = {
    "User biases": {"items": False},
    "Item biases": {"users": False},
    "Biases": {},
}
EXACT: dict[str, type[RatingPredictor]] = {  # in which chance has no part
    "Global mean": Biases,
    **dict.fromkeys(SIDES, Biases),
    **{f"SVD, {fill} fill": SVD for fill in FILLS},
}
LEARNED: dict[str, type[MF] | type[ALS]] = {  # from a random start
    "MF without biases": MF,
    "MF with biases": MF,
    "ALS": ALS,
}
KINDS: dict[str, type[RatingPredictor]] = {**EXACT, **LEARNED}
PUBLISHED = {"rounding": True, "renewed": True, "centered": False, "biases": False}
CAUSES = (  # of the paper's error, each taken away besides those above it
    ("no rounding or clipping inside", {"rounding": False}),
    ("and the old p for q", {"renewed": False}),
    ("and minus the mean", {"centered": True}),
    ("and with biases", {"biases": True}),
)
STEPS = (1, 2, 3, 5, 8, 12, 20, 30, 50)
ONE_SWEEP = ((128, 0.8), (256, 0.4), (384, 0.2))  # factors, and regularization


def run(ratings: Interactions, candidates: Candidates, units: Units | None = None) -> dict:
    """Return the figures of chapter 4, and the fills of chapter 3, on the paper's data."""
    units, split = units or Units(), paper_split(ratings)
    tuning = tuning_split(split)
    settings, trials = _tune_all(tuning, units)
    tested = units.grouped(_tested, _of_every_seed(settings), split)
    means = {name: mean_errors(tables) for name, tables in tested.items()}
    mf = settings["MF with biases"]
    return {
        "trials": trials,
        "settings": settings,
        "spread": {name: _spread(tables) for name, tables in tested.items()},
        "rmse": table(rating_leaderboard(means, "rmse")),
        "mae": table(rating_leaderboard(means, "mae")),
        "against_biases": {
            name: table(compare_ratings(tables, tested["Biases"]))
            for name, tables in tested.items()
        },
        **_ranking(settings, split, candidates, units),
        "figure_6": units.each(_figure_6, [(mf,)], tuning)[0],
        "metadata": _metadata(tuning, mf, units),
        "one_sweep": _one_sweep(tuning, units),
        "convergence": _convergence(tuning),
        "paper": _paper(ratings, split, mf, units),
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test error of three chosen models, and of the paper's run as published."""
    split = paper_split(ratings)
    chosen = {
        name: found["settings"][name] for name in ("Biases", "SVD, bias fill", "MF with biases")
    }
    spread = {
        name: _spread([_tested(split, *part) for part in parts])
        for name, parts in _of_every_seed(chosen).items()
    }
    one = _five_star_split(ratings, ratings.item)
    predictions = [_paper_fit(one.train, one.test, seed, **PUBLISHED) for seed in SEEDS]
    row = _mean_errors(one.test.rating, predictions)
    return {"spread": spread, "paper": {"five stars": {"rows": {"as published": row}}}}


def _made(name: str, setting: dict, seed: int) -> RatingPredictor:
    """Make a model from all its parameters; a seed is given to those that have one."""
    return KINDS[name](**{key: seed if key == "seed" else value for key, value in setting.items()})


def _of_every_seed(settings: dict[str, dict]) -> dict[str, list[tuple]]:
    """Return name, setting and seed of every training; without chance, one is enough."""
    return {
        name: [(name, setting, seed) for seed in (SEEDS if name in LEARNED else (0,))]
        for name, setting in settings.items()
    }


# ---------------------------------------------------------------------------------------- the table


def _tune_all(tuning: Split, units: Units) -> tuple[dict[str, dict], dict[str, list[dict]]]:
    """Return all parameters of each chosen model, and all trials behind the choice."""
    grids = _grids()
    trials = units.grouped(
        _judged,
        {name: [(name, one) for one in grid] for name, grid in grids.items() if name in EXACT},
        tuning,
    )
    runs = units.grouped(
        _trained,
        {
            (name, place): [(name, setting, seed) for seed in TUNING_SEEDS]
            for name in LEARNED
            for place, setting in enumerate(grids[name])
        },
        tuning,
    )
    for name in LEARNED:
        trials[name] = [
            mean_at_best_epoch(setting, runs[name, place])
            for place, setting in enumerate(grids[name])
        ]
    chosen: dict[str, dict] = {
        "Global mean": {"regularization": 0.0, "users": False, "items": False}
    }
    chosen |= {name: best_of(each) for name, each in trials.items()}
    return {name: KINDS[name](**one).parameters for name, one in chosen.items()}, trials


def _grids() -> dict[str, list[dict]]:
    """Return the settings that are tried of each model."""
    grids: dict[str, list[dict]] = {
        name: [{"regularization": value, **sides} for value in STRENGTHS]
        for name, sides in SIDES.items()
    }
    for fill in FILLS:
        grids[f"SVD, {fill} fill"] = [{"factors": k, "fill": fill} for k in SVD_FACTORS]
    for name, biases in (("MF without biases", False), ("MF with biases", True)):
        grids[name] = [{**one, "biases": biases} for one in every_combination(MF_GRID)]
    grids["ALS"] = [one for grid, _ in ALS_GRIDS for one in every_combination(grid)]
    return grids


def _longest(name: str, setting: dict) -> dict[str, Any]:
    """Return how long a training goes on at most."""
    if name != "ALS":
        return {"epochs": MOST_EPOCHS, "patience": PATIENCE}
    (sweeps,) = (most for grid, most in ALS_GRIDS if setting["factors"] in grid["factors"])
    return {"epochs": sweeps}


def _judged(tuning: Split, name: str, setting: dict) -> dict:
    return judged(KINDS[name], setting, tuning)


def _trained(tuning: Split, name: str, setting: dict, seed: int) -> dict[str, float]:
    """Train one setting with one seed; return its best epoch and its errors there."""
    model = LEARNED[name](**setting, **_longest(name, setting), seed=seed)
    return at_best_epoch(model, tuning)


def best_of(trials: Sequence[dict]) -> dict:
    """Return the setting with the lowest RMSE on validation."""
    winner = min(trials, key=lambda trial: trial["rmse"])
    found = ("rmse", "mae", "values")
    return {name: value for name, value in winner.items() if name not in found}


def judged(kind: type[RatingPredictor], setting: dict, tuning: Split) -> dict:
    """Return a setting with its errors on validation, of a model in which chance has no part."""
    errors = evaluate_ratings(kind(**setting).fit(tuning.train), tuning, on="valid")
    return {**setting, "rmse": rating_error(errors), "mae": rating_error(errors, "mae")}


def mean_at_best_epoch(setting: dict, runs: Sequence[dict]) -> dict:
    """Return a setting with its best epoch in it, the median of its seeds, and its mean errors."""
    rows = pd.DataFrame(runs)
    return {
        **setting,
        "epochs": int(rows["epoch"].median()),
        "rmse": float(rows["valid_rmse"].mean()),
        "mae": float(rows["valid_mae"].mean()),
    }


def at_best_epoch(model: MF | ALS, tuning: Split) -> dict[str, float]:
    """Train a model, watched on validation; return its best epoch and its errors there."""
    history = model.fit(tuning.train, watch=watching(tuning)).history_
    row = history.loc[history["valid_rmse"].idxmin()]
    return {name: float(row[name]) for name in ("epoch", "valid_rmse", "valid_mae")}


def _tested(split: Split, name: str, setting: dict, seed: int) -> pd.DataFrame:
    """Fit a chosen model with one seed; return its errors on the test ratings, by user."""
    return evaluate_ratings(_made(name, setting, seed).fit(split.train), split)


def _spread(tables: Sequence[pd.DataFrame]) -> dict:
    """Return how many seeds there were, and the mean and the spread of their RMSE."""
    errors = np.array([rating_error(one) for one in tables])
    return {
        "seeds": len(tables),
        "rmse_mean": float(errors.mean()),
        "rmse_sd": float(errors.std(ddof=1)) if len(tables) > 1 else 0.0,
    }


def _ranking(settings: dict[str, dict], split: Split, candidates: Candidates, units: Units) -> dict:
    """How the models that predict ratings best do at what chapters 2 and 9 ask for: ranking.

    The global mean scores all items alike. Ties count in expectation, so it is exactly chance.
    """
    names = ("Biases", "SVD, zero fill", "SVD, bias fill", "MF with biases", "ALS")
    chosen = {name: settings[name] for name in ("Global mean", *names)}
    tables = units.grouped(_ranked, _of_every_seed(chosen), split, candidates)
    return {
        "ranking": {name: table(summary(one)) for name, one in tables.items()},
        "ranking_against_chance": {
            name: table(compare(tables[name], tables["Global mean"])) for name in names
        },
    }


def _ranked(
    split: Split, candidates: Candidates, name: str, setting: dict, seed: int
) -> pd.DataFrame:
    """Fit a chosen model with one seed; return what its lists are worth, by user."""
    model = _made(name, setting, seed).fit(split.train)
    return evaluate(model, split, candidates=candidates)


# ------------------------------------------------------------------------------- learning in detail


def _figure_6(tuning: Split, setting: dict) -> dict:
    """Errors over epochs, on train and on validation, without stopping; and rounded predictions."""
    going_on = setting | {"epochs": 150, "patience": None}
    model = MF(**going_on).fit(tuning.train, watch=watching(tuning))
    history = model.history_.drop(columns="seconds")
    stopped = MF(**setting).fit(tuning.train)
    predicted = stopped.predict(tuning.valid.user, tuning.valid.item)
    stars = np.rint(predicted).astype(int), tuning.valid.rating.astype(int)
    confusion = np.zeros((5, 5), dtype=int)
    np.add.at(confusion, (stars[1] - 1, stars[0] - 1), 1)
    return {
        "history": {name: history[name].tolist() for name in history},
        "confusion": confusion.tolist(),
    }


def _metadata(tuning: Split, setting: dict, units: Units) -> dict:
    """Item factors started from metadata or at random: validation RMSE, each run at its best epoch.

    The control starts from the same rows in a wrong order, another one for each seed: equal in
    scale, without information.
    """
    counts, truth = tuning.train.item_counts[tuning.valid.item], tuning.valid.rating
    edges = [int(edge) for edge in np.quantile(counts, (1 / 3, 2 / 3))]
    groups = {
        "all": np.ones(len(counts), dtype=bool),
        "rare": counts <= edges[0],
        "medium": (counts > edges[0]) & (counts <= edges[1]),
        "popular": counts > edges[1],
    }
    runs = units.grouped(
        _started,
        {way: [(way, seed) for seed in SEEDS] for way in ("random", "metadata", "shuffled")},
        *(tuning, setting, metadata_factors(tuning.train, 16)),
    )
    found: dict = {
        "edges": edges,
        "sizes": {name: int(mask.sum()) for name, mask in groups.items()},
    }
    for way, each in runs.items():
        found[way] = {"epochs": [epoch for epoch, _ in each]} | {
            name: [rmse(truth[mask], predicted[mask]) for _, predicted in each]
            for name, mask in groups.items()
        }
    return found


def _started(
    tuning: Split, setting: dict, start: np.ndarray, way: str, seed: int
) -> tuple[int, np.ndarray]:
    """Train MF from one start with one seed; return its best epoch, and what it predicts then."""
    wrong = np.random.default_rng(seed).permutation(len(start))
    init = {"random": None, "metadata": start, "shuffled": start[wrong]}[way]
    longest = {"factors": 16, "epochs": MOST_EPOCHS, "patience": PATIENCE}
    model = MF(**setting | longest | {"item_init": init, "seed": seed})
    history = model.fit(tuning.train, watch=watching(tuning)).history_
    epoch = int(history["epoch"][history["valid_rmse"].idxmin()])
    return epoch, model.predict(tuning.valid.user, tuning.valid.item)


def _one_sweep(tuning: Split, units: Units) -> list[dict]:
    """Validation RMSE of one sweep of ALS from random vectors, and of vectors at right angles."""
    random = units.grouped(
        _random_sweep, {one: [(*one, seed) for seed in TUNING_SEEDS] for one in ONE_SWEEP}, tuning
    )
    straight = units.each(_straight_sweep, ONE_SWEEP, tuning)
    return [
        {
            "factors": factors,
            "regularization": strength,
            "random": float(np.mean(random[factors, strength])),
            "right_angles": error,
        }
        for (factors, strength), error in zip(ONE_SWEEP, straight, strict=True)
    ]


def _random_sweep(tuning: Split, factors: int, strength: float, seed: int) -> float:
    model = ALS(factors, strength, 1, seed=seed).fit(tuning.train)
    return rmse(tuning.valid.rating, model.predict(tuning.valid.user, tuning.valid.item))


def _straight_sweep(tuning: Split, factors: int, strength: float) -> float:
    truth, pairs = tuning.valid.rating, (tuning.valid.user, tuning.valid.item)
    squared_length = factors * ALS().init_scale ** 2  # of a random vector, on average
    straight = sweep_from_right_angles(tuning.train, squared_length, strength, *pairs)
    return rmse(truth, np.clip(straight, truth.min(), truth.max()))


def sweep_from_right_angles(
    train: Interactions,
    squared_length: float,
    strength: float,
    users: np.ndarray,
    items: np.ndarray,
) -> np.ndarray:
    r"""Predict pairs after one sweep of ALS from item vectors all at right angles, of one length.

    Many random vectors are nearly that. The factors are never written down: with

    .. math:: (Q^\top Q + \lambda n I)^{-1} Q^\top r = Q^\top (Q Q^\top + \lambda n I)^{-1} r

    everything follows from dot products. Those of two users count the items they have in common,
    weighted by how far each rating lies from the user's own mean.
    """
    table, mean = train.to_csr("rating"), float(train.rating.mean(dtype=np.float64))
    weights = np.zeros(table.shape)
    for u in range(train.n_users):
        rated, left = table[[u]].indices, table[[u]].data - mean
        if n := len(left):
            ones = np.ones((n, n)) + (squared_length + strength * n) * np.eye(n)
            weights[u, rated] = np.linalg.solve(ones, left)
    biases = weights.sum(axis=1)
    predicted = mean + biases[users]
    by_item = table.T.tocsr()
    for i in np.unique(items):
        raters, left = by_item[[i]].indices, by_item[[i]].data - mean
        if n := len(left):
            theirs, asked = weights[raters].T, items == i
            alike = 1 + squared_length * (weights[raters] @ theirs)
            solved = np.linalg.solve(alike + strength * n * np.eye(n), left - biases[raters])
            predicted[asked] += (1 + squared_length * (weights[users[asked]] @ theirs)) @ solved
    return predicted


def _convergence(tuning: Split) -> dict:
    """The same loss by SGD and by ALS: after each epoch, and after how many seconds.

    No units: their times are compared, so nothing may run beside them.
    """
    factors, regularization = 16, 0.1
    found = {}
    for name, make in (
        ("ALS", lambda n: ALS(factors, regularization, n)),
        ("SGD, 0.01", lambda n: MF(factors, 0.01, regularization, n)),
        ("SGD, 0.05", lambda n: MF(factors, 0.05, regularization, n)),
    ):
        make(1).fit(tuning.train)  # compile
        rows = []
        for epochs in (*STEPS, 100):
            model = make(epochs).fit(tuning.train)
            rows.append(
                {
                    "epoch": epochs,
                    "seconds": float(model.history_["seconds"].iloc[-1]),
                    "loss": loss(model, tuning.train, regularization),
                    "valid_rmse": rating_error(evaluate_ratings(model, tuning, on="valid")),
                }
            )
        found[name] = rows
    return found


# ---------------------------------------------------------------------------------- the paper's run


@njit(cache=True)
def _paper_epoch(users, items, ratings, P, Q, bu, bi, rate, user_reg, item_reg, how):
    """One epoch as the paper's published code does it, or without some of its peculiarities."""
    rounding, renewed, biases = how
    for s in range(len(ratings)):
        u, i = users[s], items[s]
        predicted = P[u] @ Q[i] + bu[u] + bi[i]
        if rounding:
            predicted = min(max(np.rint(predicted), 1.0), 5.0)
        error = ratings[s] - predicted
        if biases:
            bu[u] += rate * (error - user_reg[u] * bu[u])
            bi[i] += rate * (error - item_reg[i] * bi[i])
        p = P[u].copy()
        P[u] += rate * (error * Q[i] - user_reg[u] * P[u])
        if renewed:
            p = P[u]
        Q[i] += rate * (error * p - item_reg[i] * Q[i])


def _paper_fit(
    train: Interactions,
    test: Interactions,
    seed: int,
    *,
    rounding: bool,
    renewed: bool,
    centered: bool,
    biases: bool,
) -> np.ndarray:
    """Return the test predictions after the 50 epochs of the paper's code.

    Its file is sorted by user and product number, which is the order of our vocabularies, and it
    goes through the ratings in that order in every epoch.
    """
    rng = np.random.default_rng(seed)
    P, Q = (rng.normal(0, 0.1, (n, 10)) for n in train.shape)
    as_in_the_file = np.lexsort((train.item, train.user))
    users, items, ratings = (a[as_in_the_file] for a in (train.user, train.item, train.rating))
    user_reg, item_reg = (
        0.1 / np.sqrt(np.maximum(counts, 1)) for counts in (train.user_counts, train.item_counts)
    )
    mean = float(train.rating.mean(dtype=np.float64)) if centered else 0.0
    bu, bi = (np.zeros(n) for n in train.shape)
    how = rounding, renewed, biases
    for _ in range(50):
        _paper_epoch(users, items, ratings - mean, P, Q, bu, bi, 0.01, user_reg, item_reg, how)
    products = (P[test.user] * Q[test.item]).sum(axis=1)
    return mean + bu[test.user] + bi[test.item] + products


def _five_star_split(ratings: Interactions, order_by: np.ndarray) -> Split:
    """Return a split as in the paper's code: the last rating above 4 of each user is the test.

    "Last" is last in its file, so by product number; `order_by` holds what to go by instead.
    """
    order = np.lexsort((order_by, ratings.user))
    high = order[ratings.rating[order] > 4]
    last = high[np.r_[np.flatnonzero(np.diff(ratings.user[high])), len(high) - 1]]
    test = np.zeros(len(ratings), dtype=bool)
    test[last] = True
    nothing = np.zeros(len(ratings), dtype=bool)
    return Split(ratings.select(~test), ratings.select(nothing), ratings.select(test))


def _paper(ratings: Interactions, split: Split, setting: dict, units: Units) -> dict:
    """Explain the paper's test error of explicit ratings, one cause at a time, by test set."""
    ladder, how = {"as published": PUBLISHED}, PUBLISHED
    for name, change in CAUSES:
        how = how | change
        ladder[name] = how
    tests = {
        "five stars": _five_star_split(ratings, ratings.item),
        "five stars, last by time": _five_star_split(ratings, ratings.timestamp),
        "last two": split,
    }
    theirs = units.grouped(
        _theirs,
        {
            (place, name): [(place, how, seed) for seed in SEEDS]
            for place in tests
            for name, how in ladder.items()
        },
        tests,
    )
    ours = units.grouped(
        _ours, {place: [(place, setting, seed) for seed in SEEDS] for place in tests}, tests
    )
    found = {}
    for place, one in tests.items():
        truth = one.test.rating
        predictions = {name: theirs[place, name] for name in ladder} | {
            "MF of this course, tuned": ours[place],
            "always 5": [np.full(len(truth), 5.0)],
        }
        found[place] = {
            "ratings": len(truth),
            "share_of_fives": float((truth == 5).mean()),
            "rows": {name: _mean_errors(truth, each) for name, each in predictions.items()},
        }
    return found


def _theirs(tests: dict[str, Split], place: str, how: dict, seed: int) -> np.ndarray:
    return _paper_fit(tests[place].train, tests[place].test, seed, **how)


def _ours(tests: dict[str, Split], place: str, setting: dict, seed: int) -> np.ndarray:
    model, test = MF(**setting | {"seed": seed}).fit(tests[place].train), tests[place].test
    return model.predict(test.user, test.item)


def _mean_errors(truth: np.ndarray, predictions: list[np.ndarray]) -> dict:
    errors = np.array([(mae(truth, p), rmse(truth, p)) for p in predictions])
    spread = errors.std(axis=0, ddof=1) if len(errors) > 1 else np.zeros(2)
    return {
        "mean_prediction": float(np.mean(predictions)),
        "mae": float(errors[:, 0].mean()),
        "rmse": float(errors[:, 1].mean()),
        "mae_sd": float(spread[0]),
        "rmse_sd": float(spread[1]),
    }
