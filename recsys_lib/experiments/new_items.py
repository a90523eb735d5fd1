"""New items: what words say of products that nobody has met, or few (chapter 12).

The products are divided into five folds. In turn each of them is the test, and is taken out of
training entirely. Everything is chosen on the fold that comes next, which is taken out with it; for
the test, that fold is given back. Every model that learns has as many trials: two thirds of them
spread wide over stated ranges, one third small changes of the best of those. The best quarter of
all is run with two more seeds, and the setting with the best mean over folds and seeds is chosen.
`search` finds the settings, and looks at no test.

The hybrid is a weighted mean of three of the models, each user's scores brought to the same mean
and spread; its weights are chosen like all else, and they are the only thing that it has.

Two more questions are asked with the same models. How many events make a new product one that the
words have nothing to add to? And do words help with the products that everybody knows: one model
with and without them, both with a search of their own on the usual validation events.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split, item_features, split_items, split_new_items
from recsys_lib.evaluation import compare, evaluate, new_item_candidates, summary
from recsys_lib.experiments.contenders import CONTENDERS, FACTORIZATION, Range, Space, shared_out
from recsys_lib.experiments.protocol import (
    MAIN,
    mean_of_seeds,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.experiments.search import PARENTS, best_first, edges, near, settings_at, spread
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
TRIALS, SEEDS = 48, range(3)
METRIC = "ndcg@10"
COLUMNS = {
    "title": ("title",),
    "shelf": ("title", "main_category", "store", "price", "categories"),
    "all": None,  # the long texts too
}
WORDS: Space = {"columns": tuple(COLUMNS)}
SWEEPS = Range(4, 16, whole=True)
FACTORS: Space = {**WORDS, **CONTENDERS["iALS"].space, "epochs": SWEEPS}
SUMS: Space = {**FACTORIZATION, "epochs": Range(5, 60, whole=True)}
DROPOUT = Range(0, 0.95, log=False, ends=("low",))
SPACES: dict[str, Space] = {
    "Content": WORDS,
    "map": {**FACTORS, "ridge": Range(0.3, 100), "ridge_power": (0.0, 0.5, 1.0)},
    "neighbors": {**FACTORS, "n_neighbors": Range(3, 200, whole=True)},
    "FeatureMF": {**WORDS, **SUMS, "identity_dropout": DROPOUT},
}
WITH, WITHOUT = "with words", "without words"
KNOWN_SPACES: dict[str, Space] = {WITH: SPACES["FeatureMF"], WITHOUT: SUMS}
MIXED = ("Content", "map", "FeatureMF")
STEPS = 10  # of a weight in the hybrid, from 0 to 1
ENDS = ("chance", "popularity", "oracle")
COUNTS = (0, 1, 2, 4, 8, 16)  # events that are known of a new product
TEST_AFTER = COUNTS[-1]
CURVES = ("Content", "iALS", "FeatureMF")


class Hybrid(Recommender):
    """A weighted mean of fitted models, the scores of each user brought to one scale.

    Parameters
    ----------
    models : sequence of Recommender
    weights : sequence of float
        As many, with a sum of 1.
    """

    def __init__(self, models: Sequence[Recommender], weights: Sequence[float]):
        self.models, self.weights = models, weights

    def _fit(self, train: Interactions) -> None:
        pass

    def _score(self, users: np.ndarray) -> np.ndarray:
        both = zip(self.models, self.weights, strict=True)
        return np.sum([weight * _standard(model.score(users)) for model, weight in both], axis=0)


def _standard(scores: np.ndarray) -> np.ndarray:
    """Bring the scores of each user to a mean of 0 and a standard deviation of 1."""
    spread_ = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread_ > 0, spread_, 1)


def search(ratings: Interactions, units: Units | None = None) -> dict:
    """Choose the setting of every model on validation items; return all trials."""
    units = units or Units()
    models = {name: _chosen(name, SPACES[name], FOLDS, ratings, units) for name in SPACES}
    settings: dict[str, Any] = {name: one["setting"] for name, one in models.items()}
    each = units.each(_mixed, [(settings, fold) for fold in FOLDS], ratings)
    means = np.mean(each, axis=0)
    mixes = [
        {"weights": list(one), METRIC: float(mean)}
        for one, mean in zip(_weights(), means, strict=True)
    ]
    settings["hybrid"] = {"weights": mixes[means.argmax()]["weights"]}
    known = {
        name: _chosen(name, space, (None,), ratings, units) for name, space in KNOWN_SPACES.items()
    }
    settings |= {name: one["setting"] for name, one in known.items()}
    return {"models": models, "mixes": mixes, "known": known, "settings": settings}


def run(ratings: Interactions, new_items_search: dict, units: Units | None = None) -> dict:
    """Test every chosen setting on all folds: among the new items, and among all."""
    units, settings = units or Units(), new_items_search["settings"]
    names = (*ENDS, *SPACES, "hybrid")
    parts = {
        (name, seed): [(name, settings, seed, fold) for fold in FOLDS]
        for name in names
        for seed in _seeds(name)
    }
    runs = units.grouped(_tested, parts, ratings)
    found: dict = {"models": {name: {} for name in names}, "pairs": {}}
    for way in ("among new", "among all"):
        tables: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
        for (name, _), each in runs.items():
            tables[name].append(_joined([one[way] for one in each]))
        for name, each in tables.items():
            of_folds = [[one[way][m].mean() for one in runs[name, 0]] for m in MAIN]
            found["models"][name][way] = table(summary(each)) | {
                "folds": dict(zip(MAIN, map(mean_of_seeds, of_folds), strict=True))
            }
        ranked = sorted(names, key=lambda n: -found["models"][n][way]["hr@10"]["mean"])
        pairs = {*pairwise(ranked), *((one, "Content") for one in names if one != "Content")}
        found["pairs"][way] = _compared(tables, sorted(pairs))
    return found | {
        "known": _known(ratings, settings, units),
        "curve": _curve(ratings, settings, units),
    }


def _known(ratings: Interactions, settings: Mapping[str, Any], units: Units) -> dict:
    """Test one model with words and without on the last two products of each user."""
    parts = {name: [(name, settings, seed) for seed in SEEDS] for name in KNOWN_SPACES}
    tables = units.grouped(_tested_known, parts, ratings)
    return {
        "models": {name: table(summary(each)) for name, each in tables.items()},
        "pairs": _compared(tables, [(WITH, WITHOUT)]),
    }


def _curve(ratings: Interactions, settings: Mapping[str, Any], units: Units) -> list[dict]:
    """Test what is ranked how well of which so many events are known."""
    parts = {
        (n, name, seed): [(name, settings, seed, fold, n) for fold in FOLDS]
        for n in COUNTS
        for name in CURVES
        for seed in _seeds(name)
    }
    runs = units.grouped(_tested_early, parts, ratings)
    points = []
    for n in COUNTS:
        tables = {name: [_joined(runs[n, name, seed]) for seed in _seeds(name)] for name in CURVES}
        points.append(
            {
                "events": n,
                "models": {name: table(summary(each)) for name, each in tables.items()},
                "pairs": _compared(tables, list(pairwise(reversed(CURVES)))),
            }
        )
    return points


def quick_search(found: dict, ratings: Interactions) -> dict:
    """Words alone: what each choice of columns reached on the first fold."""
    trials = enumerate(found["models"]["Content"]["trials"])
    again = {
        place: {METRIC: {0: _validated(ratings, "Content", trial, SEEDS[0], FOLDS[0])}}
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


def _chosen(
    name: str, space: Space, folds: Sequence[int | None], ratings: Interactions, units: Units
) -> dict:
    """Try settings with one seed, the best quarter with more; return trials and choice."""
    kind = iALS if name in ("map", "neighbors") else FeatureMF
    settings: list[dict] = []
    runs: dict[int, list[dict]] = {}

    def tried(places: Sequence[int], seeds: range) -> None:
        parts = {
            place: [(name, shared(place), seed, fold) for seed in seeds for fold in folds]
            for place in places
        }
        for place, values in units.grouped(_validated, parts, ratings).items():
            runs[place] = runs.get(place, []) + [{METRIC: value} for value in values]

    def shared(place: int) -> dict:
        return shared_out(kind, settings[place], ratings)

    if name == "Content":  # three settings, and no chance in any
        settings = settings_at(space, np.arange(len(COLUMNS))[:, None] / len(COLUMNS))
        tried(range(len(settings)), SEEDS[:1])
        finalists = list(runs)
    else:
        wide = spread(space, TRIALS - TRIALS // 3)
        settings = settings_at(space, wide)
        tried(range(len(wide)), SEEDS[:1])
        settings += settings_at(
            space, near(space, wide[best_first(runs, runs)[:PARENTS]], TRIALS // 3)
        )
        tried(range(len(wide), TRIALS), SEEDS[:1])
        finalists = best_first(runs, runs)[: max(1, TRIALS // 4)]
        tried(finalists, SEEDS[1:])
    chosen = best_first(runs, finalists)[0]
    return {
        "trials": [
            setting | {METRIC: [one[METRIC] for one in runs[place]]}
            for place, setting in enumerate(settings)
        ],
        "setting": shared(chosen),
        "edges": edges(space, settings, settings[chosen]),
    }


def _seeds(name: str) -> range:
    """Return the seeds of a model's tests: one, where chance plays no part in how it is learned."""
    return SEEDS[:1] if name in (*ENDS, "Content") else SEEDS


def _compared(tables: Mapping[str, list[pd.DataFrame]], pairs: Sequence[tuple[str, str]]) -> dict:
    return {f"{a} - {b}": table(compare(tables[a], tables[b])) for a, b in pairs}


def _made(name: str, setting: Mapping[str, Any], seed: int) -> Recommender:
    """Return an unfitted model."""
    given = {key: value for key, value in setting.items() if key != "columns"}
    if name == "Content":
        return Content()
    if name in ("FeatureMF", *KNOWN_SPACES):
        return FeatureMF(**given, seed=seed)
    rest = {key: given.pop(key) for key in ("ridge", "ridge_power", "n_neighbors") if key in given}
    model = iALS(**given, seed=seed)
    if name == "neighbors":
        return MappedFactors(model, "nearest", **rest)
    if name == "map":
        ridge, power = rest["ridge"], rest["ridge_power"]
        return MappedFactors(model, "ridge", regularization=ridge, frequency_power=power)
    return model


@cache
def _features(ratings: Interactions, columns: str) -> Interactions:
    return ratings.with_features(items=item_features(ratings, COLUMNS[columns]))


def _described(ratings: Interactions, setting: Mapping[str, Any]) -> Interactions:
    """Return the ratings with what the setting lets the model know of the items."""
    return _features(ratings, setting["columns"]) if "columns" in setting else ratings


def _fitted(
    ratings: Interactions, name: str, setting: Mapping[str, Any], seed: int, fold: int, valid: bool
) -> tuple[Recommender, Split]:
    split = split_items(_described(ratings, setting), fold, len(FOLDS), valid=valid)
    return _made(name, setting, seed).fit(split.train), split


def _validated(
    ratings: Interactions, name: str, setting: dict, seed: int, fold: int | None
) -> float | None:
    """Return what a setting reaches on validation: the items of a fold, or what all know."""
    try:
        if fold is not None:
            return _among_new(*_fitted(ratings, name, setting, seed, fold, valid=True))
        split = tuning_split(paper_split(_described(ratings, setting)))
        model = _made(name, setting, seed).fit(split.train)
    except FloatingPointError:  # steps too large, or a penalty: no setting to choose
        return None
    return float(evaluate(model, split, on="valid")[METRIC].mean())


def _among_new(model: Recommender, split: Split) -> float:
    candidates = new_item_candidates(split, "valid")
    return float(evaluate(model, split, on="valid", candidates=candidates)[METRIC].mean())


def _weights() -> list[tuple[float, ...]]:
    """Return all weights of the models in the hybrid, in steps, with a sum of 1."""
    each = product(range(STEPS + 1), repeat=len(MIXED))
    return [tuple(n / STEPS for n in one) for one in each if sum(one) == STEPS]


def _mixed(ratings: Interactions, settings: dict, fold: int) -> list[float]:
    """Return what the hybrid reaches with all weights; its models are fitted once."""
    models, split = _parts_of(ratings, settings, SEEDS[0], fold, valid=True)
    return [_among_new(Hybrid(models, w).fit(split.train), split) for w in _weights()]


def _parts_of(
    ratings: Interactions, settings: Mapping[str, Any], seed: int, fold: int, valid: bool
) -> tuple[list[Recommender], Split]:
    """Return the models that the hybrid is a mean of, and a split they were fitted on."""
    fitted = [_fitted(ratings, name, settings[name], seed, fold, valid) for name in MIXED]
    return [model for model, _ in fitted], fitted[0][1]


def _tested(
    ratings: Interactions, name: str, settings: dict, seed: int, fold: int
) -> dict[str, pd.DataFrame]:
    """Fit a chosen setting; return its tables among the new items and among all."""
    model: Recommender
    if name in ENDS:
        split = split_items(ratings, fold, len(FOLDS), valid=False)  # no features are needed
        model = {
            "chance": Random(seed=seed).fit(split.train),
            "popularity": Popularity().fit(split.train),
            "oracle": Popularity().fit(split.test),
        }[name]
    elif name == "hybrid":
        models, split = _parts_of(ratings, settings, seed, fold, valid=False)
        model = Hybrid(models, settings[name]["weights"]).fit(split.train)
    else:
        model, split = _fitted(ratings, name, settings[name], seed, fold, valid=False)
    found = {
        "among new": evaluate(model, split, candidates=new_item_candidates(split)),
        "among all": evaluate(model, split),
    }
    return {way: each[list(MAIN)] for way, each in found.items()}


def _tested_known(ratings: Interactions, name: str, settings: dict, seed: int) -> pd.DataFrame:
    setting = settings[name]
    split = paper_split(_described(ratings, setting))
    return evaluate(_made(name, setting, seed).fit(split.train), split)[list(MAIN)]


def _tested_early(
    ratings: Interactions, name: str, settings: dict, seed: int, fold: int, n: int
) -> pd.DataFrame:
    """Fit a model when n events are known of each new item; rank these among themselves."""
    setting = settings["map" if name == "iALS" else name]
    described = _described(ratings, setting)
    split, new = (
        split_new_items(described, known, fold, len(FOLDS), test_after=TEST_AFTER)
        for known in (n, 0)
    )
    model = _made(name, setting, seed).fit(split.train)
    return evaluate(model, split, candidates=new_item_candidates(new))[list(MAIN)]


def _joined(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Return each user's mean over the folds in which there was something to find."""
    return pd.concat(folds).groupby(level=0).mean()
