"""How the models of chapters 6 to 8 are tuned and tested on the paper's data: all alike.

Settings are drawn at random from stated ranges, the same number of trials for every model, and
judged on validation: each user's last training event against 99 sampled negatives. The best epoch
of the best trial is part of its setting. The chosen setting is then fitted on all of train with
several seeds and tested on the paper's candidates; no test figure was looked at before.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from recsys_lib.data import Split
from recsys_lib.evaluation import Tables, compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.paper_data import YEAR, PopularityAround, held_out, table
from recsys_lib.models import ItemKNN, Popularity, Recommender, UserKNN
from recsys_lib.models.training import EpochModel, Watch

TRIALS = 24
SEEDS = range(5)  # if nothing else is said
PRETRAINED = "NeuMF, pretrained"
METRICS = ("hr@10", "ndcg@10", "precision@10", "recall@10")
SPACES = {
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
USER_KNN = {"n_neighbours": 2000}  # as chapter 2 chose them, on the same validation
ITEM_KNN = {"n_neighbours": 1000, "shrinkage": 5.0}
MOST_EPOCHS = {"BinaryMF": 200, "GMF": 80, "MLP": 80, "NeuMF": 80, PRETRAINED: 20}
PATIENCE = 15


def measuring(split: Split, candidates: Candidates, on: str) -> Watch:
    """Return what measures a model on some candidates after every epoch."""

    def watch(model: Recommender) -> dict[str, float]:
        means = evaluate(model, split, candidates=candidates, on=on).mean()
        return {name: float(means[name]) for name in METRICS}

    return watch


def validating(tuning: Split) -> Watch:
    """Return what measures a model on validation, as every setting is judged."""
    return measuring(tuning, held_out(tuning), "valid")


def search(
    kind: type[EpochModel],
    tuning: Split,
    name: str | None = None,
    fixed: dict | None = None,
    given: dict | None = None,
) -> tuple[dict, list[dict]]:
    """Try `TRIALS` settings; return the best, its epoch included, and all trials.

    Parameters
    ----------
    kind, tuning
        Which model, and what it learns from and is judged on.
    name : str, optional
        Of the space and the most epochs, if it is not the model's.
    fixed : dict, optional
        Hyperparameters that all trials share.
    given : dict, optional
        What `fit` is given besides the training set.
    """
    name, fixed, given = name or kind.__name__, fixed or {}, given or {}
    space, rng = SPACES[name], np.random.default_rng(0)
    watch = validating(tuning)
    trials = []
    for _ in range(TRIALS):
        setting = fixed | drawn(space, rng)
        model = kind(**setting, epochs=MOST_EPOCHS[name], patience=PATIENCE, metric="ndcg@10").fit(
            tuning.train, watch=watch, **given
        )
        row = model.history_.loc[model.best_epoch_ - 1]
        trial = {**setting, "epochs": model.best_epoch_, "stopped": len(model.history_)}
        trials.append(trial | {metric: float(row[metric]) for metric in ("hr@10", "ndcg@10")})
    best = max(trials, key=lambda trial: trial["ndcg@10"])
    return {name: best[name] for name in (*setting, "epochs")}, trials


def drawn(space: dict, rng: np.random.Generator) -> dict:
    """Draw one setting; names in a tuple are drawn together, where one makes sense with another."""
    setting = {}
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
    kind: type[EpochModel],
    setting: dict,
    split: Split,
    candidates: Candidates,
    seeds: range,
    given: Callable[[int], dict] = lambda seed: {},
) -> tuple[dict, dict[str, list[pd.DataFrame]]]:
    """Fit a chosen setting with every seed and test it.

    `given` says what `fit` gets besides the training set, by seed.

    Returns
    -------
    found : dict
        Summaries with intervals over users and seeds, the spread over seeds, and times.
    tables : dict of list of DataFrame
        "sampled" and "full": a table for each seed, to compare with.
    """
    each: dict[str, list[pd.DataFrame]] = {"sampled": [], "full": []}
    seconds = []
    for seed in seeds:
        model = kind(**setting, seed=seed).fit(split.train, **given(seed))
        seconds.append(float(model.history_["seconds"].iloc[-1]))
        each["sampled"].append(evaluate(model, split, candidates=candidates))
        each["full"].append(evaluate(model, split))
    found = {name: table(summary(parts)) for name, parts in each.items()}
    found["seeds"] = {
        name: {metric: mean_of_seeds([one[metric].mean() for one in parts]) for metric in METRICS}
        for name, parts in each.items()
    }
    found["training_seconds"] = float(np.min(seconds))  # other work on the machine only adds to it
    return found, each


def first_seed(kind: type[EpochModel], setting: dict, split: Split, candidates: Candidates) -> dict:
    """Return what `on_test` records of its first seed, in the shape of its "seeds"."""
    model = kind(**setting, seed=SEEDS[0]).fit(split.train)
    tables = {
        "sampled": evaluate(model, split, candidates=candidates),
        "full": evaluate(model, split),
    }
    return {
        protocol: {metric: {"values": {0: float(one[metric].mean())}} for metric in METRICS}
        for protocol, one in tables.items()
    }


def mean_of_seeds(values: list[float], level: float = 0.95) -> dict:
    """Return mean, values and Student's t interval over seeds."""
    values = np.array(values, dtype=np.float64)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    mean = float(values.mean())
    return {"mean": mean, "low": mean - half, "high": mean + half, "values": values.tolist()}


def baselines(split: Split, candidates: Candidates) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the tables of the models to beat, by protocol; neighbours as chapter 2 chose them."""
    models = {
        "Popularity": Popularity(),
        "Popularity of the year": PopularityAround(split, YEAR, 0),
        **{type(model).__name__: model for model in (UserKNN(**USER_KNN), ItemKNN(**ITEM_KNN))},
    }
    for model in models.values():
        model.fit(split.train)
    return {
        "sampled": {n: evaluate(m, split, candidates=candidates) for n, m in models.items()},
        "full": {n: evaluate(m, split) for n, m in models.items()},
    }


def against(one: Tables, others: dict[str, pd.DataFrame]) -> dict:
    """Return the paired comparisons of one model with others, user by user."""
    return {name: table(compare(one, other)) for name, other in others.items()}
