"""Predicted ratings on the paper's data: every model of chapters 3 and 4, and the paper's own run.

All settings are chosen on validation ratings taken from the training set, each user's last one; the
test ratings, each user's last two, are predicted once by each chosen model. A grid ends where its
winner lies inside it, or where the next value means nothing: one factor, one epoch, no penalty.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

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
PUBLISHED = {"rounding": True, "renewed": True, "centered": False, "biases": False}
STEPS = (1, 2, 3, 5, 8, 12, 20, 30, 50)


def run(ratings: Interactions, candidates: Candidates) -> dict:
    """Return the figures of chapter 4, and the fills of chapter 3, on the paper's data."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    chosen, trials = _tune_all(tuning)
    tested = {name: _test(make, split) for name, make in chosen.items()}
    found = {
        "trials": trials,
        "settings": {name: make(0).parameters for name, make in chosen.items()},
        "spread": {name: _spread(tables) for name, tables in tested.items()},
    }
    means = {name: mean_errors(tables) for name, tables in tested.items()}
    for metric in ("rmse", "mae"):
        found[metric] = table(rating_leaderboard(means, metric))
    found["against_biases"] = {
        name: table(compare_ratings(tables, tested["Biases"])) for name, tables in tested.items()
    }
    return found | {
        **_ranking(chosen, split, candidates),
        "figure_6": _figure_6(tuning, chosen["MF with biases"](0)),
        "metadata": _metadata(tuning, chosen["MF with biases"](0)),
        "one_sweep": _one_sweep(tuning),
        "convergence": _convergence(tuning),
        "paper": _paper(ratings, split, chosen["MF with biases"]),
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test error of three chosen models, and of the paper's run as published."""
    split = paper_split(ratings)
    spread = {}
    for name, kind in (("Biases", Biases), ("SVD, bias fill", SVD), ("MF with biases", MF)):
        setting = found["settings"][name]
        spread[name] = _spread(_test(partial(_made, kind, setting), split))
    five_stars = _five_star_split(ratings, ratings.item)
    row = _as_in_the_paper(five_stars, PUBLISHED)
    return {"spread": spread, "paper": {"five stars": {"rows": {"as published": row}}}}


def _made(kind: type[RatingPredictor], setting: dict, seed: int) -> RatingPredictor:
    """Make a model from its recorded setting; a seed is given to those that have one."""
    return kind(**{name: seed if name == "seed" else value for name, value in setting.items()})


# ---------------------------------------------------------------------------------------- the table


def _tune_all(tuning: Split) -> tuple[dict[str, Callable[[int], RatingPredictor]], dict]:
    """Return what makes each chosen model from a seed, and all trials behind the choice."""
    chosen: dict[str, Callable[[int], RatingPredictor]] = {
        "Global mean": lambda seed: Biases(0.0, users=False, items=False)
    }
    trials = {}
    for name, sides in (
        ("User biases", {"items": False}),
        ("Item biases", {"users": False}),
        ("Biases", {}),
    ):
        grid = [{"regularization": value, **sides} for value in STRENGTHS]
        best, trials[name] = _best(judged(Biases, one, tuning) for one in grid)
        chosen[name] = lambda seed, best=best: Biases(**best)
    for fill in ("zero", "user", "item", "bias"):
        grid = [{"factors": k, "fill": fill} for k in SVD_FACTORS]
        best, trials[f"SVD, {fill} fill"] = _best(judged(SVD, one, tuning) for one in grid)
        chosen[f"SVD, {fill} fill"] = lambda seed, best=best: SVD(**best)
    for name, biases in (("MF without biases", False), ("MF with biases", True)):
        grid = [{**one, "biases": biases} for one in every_combination(MF_GRID)]
        most = {"epochs": MOST_EPOCHS, "patience": PATIENCE}
        best, trials[name] = _best(_watched(MF, one, tuning, **most) for one in grid)
        chosen[name] = lambda seed, best=best: MF(**best, seed=seed)
    best, trials["ALS"] = _best(
        _watched(ALS, one, tuning, epochs=sweeps)
        for grid, sweeps in ALS_GRIDS
        for one in every_combination(grid)
    )
    chosen["ALS"] = lambda seed: ALS(**best, seed=seed)
    return chosen, trials


def best_of(trials: Sequence[dict]) -> dict:
    """Return the setting with the lowest RMSE on validation."""
    winner = min(trials, key=lambda trial: trial["rmse"])
    found = ("rmse", "mae", "values")
    return {name: value for name, value in winner.items() if name not in found}


def _best(trials: Iterable[dict]) -> tuple[dict, list[dict]]:
    """Return the setting with the lowest RMSE on validation, and all of them with their errors."""
    tried = list(trials)
    return best_of(tried), tried


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


def _watched(kind: type[MF] | type[ALS], setting: dict, tuning: Split, **most: int) -> dict:
    """Return a setting, its best epoch in it, with its mean errors there over a few seeds."""
    models = [kind(**setting, **most, seed=seed) for seed in TUNING_SEEDS]
    return mean_at_best_epoch(setting, [at_best_epoch(model, tuning) for model in models])


def _test(make: Callable[[int], RatingPredictor], split: Split) -> list[pd.DataFrame]:
    """Fit and test: the errors of each user, a table for each seed."""
    seeds = SEEDS if isinstance(make(0), MF | ALS) else (0,)
    return [evaluate_ratings(make(seed).fit(split.train), split) for seed in seeds]


def _spread(tables: Sequence[pd.DataFrame]) -> dict:
    """Return how many seeds there were, and the mean and the spread of their RMSE."""
    errors = np.array([rating_error(one) for one in tables])
    return {
        "seeds": len(tables),
        "rmse_mean": float(errors.mean()),
        "rmse_sd": float(errors.std(ddof=1)) if len(tables) > 1 else 0.0,
    }


def _ranking(chosen: dict, split: Split, candidates: Candidates) -> dict:
    """How the models that predict ratings best do at what chapters 2 and 9 ask for: ranking.

    The global mean scores all items alike. Ties count in expectation, so it is exactly chance.
    """
    names = ("Biases", "SVD, zero fill", "SVD, bias fill", "MF with biases", "ALS")
    tables = {}
    for name in ("Global mean", *names):
        seeds = SEEDS if name in ("MF with biases", "ALS") else (0,)
        fitted = [chosen[name](seed).fit(split.train) for seed in seeds]
        tables[name] = [evaluate(model, split, candidates=candidates) for model in fitted]
    return {
        "ranking": {name: table(summary(one)) for name, one in tables.items()},
        "ranking_against_chance": {
            name: table(compare(tables[name], tables["Global mean"])) for name in names
        },
    }


# ------------------------------------------------------------------------------- learning in detail


def _figure_6(tuning: Split, chosen: MF) -> dict:
    """Errors over epochs, on train and on validation, without stopping; and rounded predictions."""
    settings = chosen.parameters | {"epochs": 150, "patience": None}
    model = MF(**settings).fit(tuning.train, watch=watching(tuning))
    history = model.history_.drop(columns="seconds")
    stopped = chosen.fit(tuning.train)
    predicted = stopped.predict(tuning.valid.user, tuning.valid.item)
    stars = np.rint(predicted).astype(int), tuning.valid.rating.astype(int)
    confusion = np.zeros((5, 5), dtype=int)
    np.add.at(confusion, (stars[1] - 1, stars[0] - 1), 1)
    return {
        "history": {name: history[name].tolist() for name in history},
        "confusion": confusion.tolist(),
    }


def _metadata(tuning: Split, chosen: MF) -> dict:
    """Item factors started from metadata or at random: validation RMSE, each run at its best epoch.

    The control starts from the same rows in a wrong order, another one for each seed: equal in
    scale, without information.
    """
    settings = chosen.parameters | {"factors": 16, "epochs": MOST_EPOCHS, "patience": PATIENCE}
    start = metadata_factors(tuning.train, 16)
    counts = tuning.train.item_counts[tuning.valid.item]
    edges = [int(edge) for edge in np.quantile(counts, (1 / 3, 2 / 3))]
    groups = {
        "all": np.ones(len(counts), dtype=bool),
        "rare": counts <= edges[0],
        "medium": (counts > edges[0]) & (counts <= edges[1]),
        "popular": counts > edges[1],
    }
    found = {
        "edges": edges,
        "sizes": {name: int(mask.sum()) for name, mask in groups.items()},
    }
    for way in ("random", "metadata", "shuffled"):
        found[way] = {name: [] for name in ("epochs", *groups)}
        for seed in SEEDS:
            wrong = np.random.default_rng(seed).permutation(len(start))
            init = {"random": None, "metadata": start, "shuffled": start[wrong]}[way]
            model = MF(**settings | {"item_init": init, "seed": seed})
            history = model.fit(tuning.train, watch=watching(tuning)).history_
            found[way]["epochs"].append(int(history["epoch"][history["valid_rmse"].idxmin()]))
            predicted = model.predict(tuning.valid.user, tuning.valid.item)
            for name, mask in groups.items():
                found[way][name].append(rmse(tuning.valid.rating[mask], predicted[mask]))
    return found


def _one_sweep(tuning: Split) -> list[dict]:
    """Validation RMSE of one sweep of ALS from random vectors, and of vectors at right angles."""
    truth, pairs = tuning.valid.rating, (tuning.valid.user, tuning.valid.item)
    rows = []
    for factors, strength in ((128, 0.8), (256, 0.4), (384, 0.2)):
        random = [
            ALS(factors, strength, 1, seed=seed).fit(tuning.train).predict(*pairs)
            for seed in TUNING_SEEDS
        ]
        squared_length = factors * ALS().init_scale ** 2  # of a random vector, on average
        straight = sweep_from_right_angles(tuning.train, squared_length, strength, *pairs)
        rows.append(
            {
                "factors": factors,
                "regularization": strength,
                "random": float(np.mean([rmse(truth, one) for one in random])),
                "right_angles": rmse(truth, np.clip(straight, truth.min(), truth.max())),
            }
        )
    return rows


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
    """The same loss by SGD and by ALS: after each epoch, and after how many seconds."""
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


def _paper(ratings: Interactions, split: Split, chosen: Callable[[int], MF]) -> dict:
    """Explain the paper's test error of explicit ratings, one cause at a time, by test set."""
    ladder = {"as published": PUBLISHED}
    for name, change in (
        ("no rounding or clipping inside", {"rounding": False}),
        ("and the old p for q", {"renewed": False}),
        ("and minus the mean", {"centered": True}),
        ("and with biases", {"biases": True}),
    ):
        ladder[name] = list(ladder.values())[-1] | change
    found = {}
    tests = {
        "five stars": _five_star_split(ratings, ratings.item),
        "five stars, last by time": _five_star_split(ratings, ratings.timestamp),
        "last two": split,
    }
    for place, one in tests.items():
        truth = one.test.rating
        rows = {}
        for name, how in ladder.items():
            rows[name] = _as_in_the_paper(one, how)
        fitted = [chosen(seed).fit(one.train) for seed in SEEDS]
        rows["MF of this course, tuned"] = _mean_errors(
            truth, [m.predict(one.test.user, one.test.item) for m in fitted]
        )
        rows["always 5"] = _mean_errors(truth, [np.full(len(truth), 5.0)])
        found[place] = {
            "ratings": len(truth),
            "share_of_fives": float((truth == 5).mean()),
            "rows": rows,
        }
    return found


def _as_in_the_paper(split: Split, how: dict) -> dict:
    """Return the test errors after the paper's loop, over seeds."""
    predictions = [_paper_fit(split.train, split.test, seed, **how) for seed in SEEDS]
    return _mean_errors(split.test.rating, predictions)


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
