"""New items: what words say of products that nobody has met (chapter 12).

The products are divided into five folds. In turn each of them is the test, and is taken out of
training entirely. Everything is chosen on the fold that comes next, which is taken out with it; for
the test, that fold is given back. Every model that learns has as many trials, spread wide over
stated ranges; the best quarter of them is run with two more seeds, and the setting with the best
mean over folds and seeds is chosen. `search` finds the settings, and looks at no test.

The hybrid is a weighted mean of words and map, each user's scores brought to the same mean and
spread; its share is chosen like all else, and it is the only thing that it has.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split, item_features, split_items
from recsys_lib.evaluation import compare, evaluate, new_item_candidates, summary
from recsys_lib.experiments.contenders import Range, Space
from recsys_lib.experiments.protocol import MAIN, mean_of_seeds, table
from recsys_lib.experiments.search import edges, settings_at, spread
from recsys_lib.experiments.units import Units
from recsys_lib.models import (
    Content,
    FeatureMF,
    MappedFactors,
    Popularity,
    Random,
    Recommender,
    iALS,
)

FOLDS = range(5)
TRIALS, SEEDS = 32, range(3)
METRIC = "ndcg@10"
COLUMNS = {
    "title": ("title",),
    "shelf": ("title", "main_category", "store", "price", "categories"),
    "all": None,  # the long texts too
}
WORDS: Space = {"columns": tuple(COLUMNS)}
FACTORS: Space = {
    **WORDS,
    "factors": Range(8, 256, whole=True),
    "unobserved_weight": Range(0.003, 1),
    "regularization": Range(0.0003, 0.1),
    "epochs": Range(4, 16, whole=True),
}
SPACES: dict[str, Space] = {
    "Content": WORDS,
    "map": {**FACTORS, "ridge": Range(0.3, 100), "ridge_power": (0.0, 0.5, 1.0)},
    "neighbors": {**FACTORS, "n_neighbors": Range(3, 200, whole=True)},
    "FeatureMF": {
        **WORDS,
        "factors": Range(8, 256, whole=True),
        "learning_rate": Range(0.01, 0.2),
        "regularization": Range(0.1, 30),
        "frequency_power": Range(0, 1, log=False, ends=("low", "high")),
        "n_negatives": Range(1, 10, whole=True, ends=("low",)),
        "identity_dropout": Range(0, 0.95, log=False, ends=("low",)),
        "epochs": Range(5, 60, whole=True),
    },
}
SHARES = tuple(np.round(np.arange(0, 1.01, 0.1), 1).tolist())  # of the map in the hybrid
ENDS = ("chance", "popularity", "oracle")


class Hybrid(Recommender):
    """A weighted mean of two fitted models, the scores of each user brought to one scale.

    Parameters
    ----------
    models : pair of Recommender
    share : float
        Of the second.
    """

    def __init__(self, models: tuple[Recommender, Recommender], share: float):
        self.models, self.share = models, share

    def _fit(self, train: Interactions) -> None:
        pass

    def _score(self, users: np.ndarray) -> np.ndarray:
        one, other = (_standard(model.score(users)) for model in self.models)
        return (1 - self.share) * one + self.share * other


def _standard(scores: np.ndarray) -> np.ndarray:
    """Bring the scores of each user to a mean of 0 and a standard deviation of 1."""
    spread_ = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread_ > 0, spread_, 1)


def search(ratings: Interactions, units: Units | None = None) -> dict:
    """Choose the setting of every model on validation items; return all trials."""
    units = units or Units()
    models = {name: _searched(name, ratings, units) for name in SPACES}
    settings: dict[str, Any] = {name: one["setting"] for name, one in models.items()}
    each = units.each(_mixed, [(settings, fold) for fold in FOLDS], ratings)
    by_share = {
        share: float(np.mean([one[place] for one in each])) for place, share in enumerate(SHARES)
    }
    settings["hybrid"] = {"share": max(by_share, key=lambda share: by_share[share])}
    return {
        "models": models,
        "shares": [{"share": share, METRIC: mean} for share, mean in by_share.items()],
        "settings": settings,
    }


def run(ratings: Interactions, new_items_search: dict, units: Units | None = None) -> dict:
    """Test every chosen setting on all folds: among the new items, and among all."""
    units, settings = units or Units(), new_items_search["settings"]
    names = (*ENDS, *SPACES, "hybrid")
    parts = {
        (name, seed): [(name, settings, seed, fold) for fold in FOLDS]
        for name in names
        for seed in (SEEDS if name not in (*ENDS, "Content") else SEEDS[:1])
    }
    runs = units.grouped(_tested, parts, ratings)
    found: dict = {"models": {name: {} for name in names}, "pairs": {}}
    tables: dict[str, dict[str, list[pd.DataFrame]]] = {}
    for way in ("among new", "among all"):
        tables[way] = {name: [] for name in names}
        for (name, _), each in runs.items():
            tables[way][name].append(_joined([one[way] for one in each]))
        for name, each in tables[way].items():
            of_folds = [[one[way][m].mean() for one in runs[name, 0]] for m in MAIN]
            found["models"][name][way] = table(summary(each)) | {
                "folds": dict(zip(MAIN, map(mean_of_seeds, of_folds), strict=True))
            }
        ranked = sorted(names, key=lambda n: -found["models"][n][way]["hr@10"]["mean"])
        pairs = {*pairwise(ranked), *((one, "Content") for one in names if one != "Content")}
        found["pairs"][way] = {
            f"{a} - {b}": table(compare(tables[way][a], tables[way][b])) for a, b in sorted(pairs)
        }
    return found


def quick_search(found: dict, ratings: Interactions) -> dict:
    """Words alone: what each choice of columns reached on the first fold."""
    trials = enumerate(found["models"]["Content"]["trials"])
    again = {
        place: {METRIC: {0: _validated(ratings, "Content", trial, SEEDS[0], FOLDS[0])[METRIC]}}
        for place, trial in trials
    }
    return {"models": {"Content": {"trials": again}}}


def quick(found: dict, ratings: Interactions, new_items_search: dict) -> dict:
    """Words alone, on the first fold."""
    one = _tested(ratings, "Content", new_items_search["settings"], 0, FOLDS[0])
    return {
        "models": {
            "Content": {
                way: {"folds": {m: {"values": {0: float(each[m].mean())}} for m in MAIN}}
                for way, each in one.items()
            }
        }
    }


def _searched(name: str, ratings: Interactions, units: Units) -> dict:
    """Try settings with one seed, the best quarter with more; return trials and choice."""
    space = SPACES[name]
    n = len(COLUMNS) if name == "Content" else TRIALS
    points = np.arange(n)[:, None] / n if name == "Content" else spread(space, n)
    settings = settings_at(space, points)
    runs: dict[int, list[float]] = {}

    def tried(places: list[int], seeds: range) -> None:
        parts = {
            p: [(name, settings[p], seed, fold) for seed in seeds for fold in FOLDS] for p in places
        }
        for place, each in units.grouped(_validated, parts, ratings).items():
            runs[place] = runs.get(place, []) + [one[METRIC] for one in each]

    def best(places: list[int]) -> list[int]:
        return sorted(places, key=lambda place: -np.mean(runs[place]))

    tried(list(range(n)), SEEDS[:1])
    if name != "Content":
        finalists = best(list(runs))[: n // 4]
        tried(finalists, SEEDS[1:])
    chosen = best(list(runs) if name == "Content" else finalists)[0]
    return {
        "trials": [settings[place] | {METRIC: runs[place]} for place in range(n)],
        "setting": settings[chosen],
        "edges": edges(space, settings, settings[chosen]),
    }


def _made(name: str, setting: Mapping[str, Any], seed: int) -> Recommender:
    """Return an unfitted model."""
    given = {key: value for key, value in setting.items() if key != "columns"}
    if name == "Content":
        return Content()
    if name == "FeatureMF":
        return FeatureMF(**given, seed=seed)
    if name == "neighbors":
        near = given.pop("n_neighbors")
        return MappedFactors(iALS(**given, seed=seed), "nearest", n_neighbors=near)
    ridge, power = given.pop("ridge"), given.pop("ridge_power")
    model = iALS(**given, seed=seed)
    return MappedFactors(model, "ridge", regularization=ridge, frequency_power=power)


def _fitted(
    ratings: Interactions, name: str, setting: Mapping[str, Any], seed: int, fold: int, valid: bool
) -> tuple[Recommender, Split]:
    split = _split(ratings, setting["columns"], fold, valid)
    return _made(name, setting, seed).fit(split.train), split


@cache
def _features(ratings: Interactions, columns: str) -> Interactions:
    return ratings.with_features(items=item_features(ratings, COLUMNS[columns]))


def _split(ratings: Interactions, columns: str, fold: int, valid: bool) -> Split:
    return split_items(_features(ratings, columns), fold, len(FOLDS), valid=valid)


def _validated(
    ratings: Interactions, name: str, setting: dict, seed: int, fold: int
) -> dict[str, float]:
    model, split = _fitted(ratings, name, setting, seed, fold, valid=True)
    return _means(model, split, "valid")


def _mixed(ratings: Interactions, settings: dict, fold: int) -> list[float]:
    """Return what the hybrid reaches with every share; its two models are fitted once."""
    models, split = _two(ratings, settings, SEEDS[0], fold, valid=True)
    return [_means(Hybrid(models, s).fit(split.train), split, "valid")[METRIC] for s in SHARES]


def _means(model: Recommender, split: Split, on: str) -> dict[str, float]:
    found = evaluate(model, split, on=on, candidates=new_item_candidates(split, on))
    return {metric: float(found[metric].mean()) for metric in MAIN}


def _two(
    ratings: Interactions, settings: dict, seed: int, fold: int, valid: bool
) -> tuple[tuple[Recommender, Recommender], Split]:
    """Return the two models that the hybrid is a mean of, and the split they were fitted on."""
    words, split = _fitted(ratings, "Content", settings["Content"], seed, fold, valid)
    mapped, _ = _fitted(ratings, "map", settings["map"], seed, fold, valid)
    return (words, mapped), split


def _tested(
    ratings: Interactions, name: str, settings: dict, seed: int, fold: int
) -> dict[str, pd.DataFrame]:
    """Fit a chosen setting; return its tables among the new items and among all."""
    if name in ENDS:
        split = split_items(ratings, fold, len(FOLDS), valid=False)  # no features are needed
        model = {
            "chance": Random(seed=seed).fit(split.train),
            "popularity": Popularity().fit(split.train),
            "oracle": Popularity().fit(split.test),
        }[name]
    elif name == "hybrid":
        models, split = _two(ratings, settings, seed, fold, valid=False)
        model = Hybrid(models, settings[name]["share"]).fit(split.train)
    else:
        model, split = _fitted(ratings, name, settings[name], seed, fold, valid=False)
    found = {
        "among new": evaluate(model, split, candidates=new_item_candidates(split)),
        "among all": evaluate(model, split),
    }
    return {way: each[list(MAIN)] for way, each in found.items()}


def _joined(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Return each user's mean over the folds in which there was something to find."""
    return pd.concat(folds).groupby(level=0).mean()
