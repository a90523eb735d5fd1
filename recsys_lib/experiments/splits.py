"""Which verdicts hold elsewhere: other sampled candidates, and calendar time (chapter 10).

The settings are those of the search, for all splits: they were chosen on validation events of
which some are later than these moments, alike for all models, and the data had been filtered
before. What is trained on is never later. On the paper's split, candidates are drawn three times
more. By calendar time, three moments are looked at: all that happened before is known, each model
is fitted on it, and the tenth of the events that comes next is to be found. Users and items that
nobody knew at that moment are part of it, as they are in a shop.
"""

from itertools import combinations

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, sample_candidates, summary
from recsys_lib.evaluation.verdicts import verdict
from recsys_lib.experiments.contenders import CONTENDERS, fitted
from recsys_lib.experiments.protocol import MAIN, paper_split, table
from recsys_lib.experiments.units import Units
from recsys_lib.models import Popularity

SEEDS = range(3)
MOMENTS = (0.7, 0.8, 0.9)
HORIZON = 0.1
DRAWS = (1, 2, 3)
POPULARITY = "Popularity"
Tables = dict[str, list[pd.DataFrame]]  # by model, one for each seed


def at_moment(ratings: Interactions, share: float, horizon: float = HORIZON) -> Split:
    """Return what was known when a share of the events had happened, and what came next.

    Events at the very moment are not known yet. There is no validation set.
    """
    start, end = np.quantile(ratings.timestamp, [share, min(share + horizon, 1)])
    known = ratings.timestamp < start
    following = ~known & (ratings.timestamp <= end)
    nothing = np.zeros(len(ratings), dtype=bool)
    parts = {"train": known, "valid": nothing, "test": following}
    return Split(*(ratings.select(rows, f"{ratings.name} {n}") for n, rows in parts.items()))


def run(ratings: Interactions, search: dict, units: Units | None = None) -> dict:
    """Test every chosen model on every split; compare all pairs on each, and the verdicts."""
    units, settings = units or Units(), search["settings"]
    named = {"the paper's": paper_split(ratings)}
    named |= {f"at {share:.0%}": at_moment(ratings, share) for share in MOMENTS}
    parts = {
        (place, name): [(place, name, seed) for seed in _seeds(name)]
        for place in named
        for name in (POPULARITY, *CONTENDERS)
    }
    runs = units.grouped(_measured, parts, named, settings)
    found: dict = {"splits": {place: _counted(split) for place, split in named.items()}}
    results = {}
    for place in named:
        for way in _ways(place):
            tables = {
                name: [one[way] for one in runs[place, name]] for name in (POPULARITY, *CONTENDERS)
            }
            results[f"{place}, {way}"] = _compared(tables)
    return found | {"results": results, "verdicts": _verdicts(results)}


def quick(found: dict, ratings: Interactions, search: dict) -> dict:
    """Popularity and EASE at the first moment."""
    place = f"at {MOMENTS[0]:.0%}"
    named = {place: at_moment(ratings, MOMENTS[0])}
    runs = {n: _measured(named, search["settings"], place, n, 0) for n in (POPULARITY, "EASE")}
    again = {}
    for way in _ways(place):
        means = {name: table(summary(run[way][list(MAIN)])) for name, run in runs.items()}
        again[f"{place}, {way}"] = {"models": means}
    return {"results": again}


def _seeds(name: str) -> range:
    return SEEDS[:1] if name == POPULARITY else CONTENDERS[name].seeds(SEEDS)


def _ways(place: str) -> list[str]:
    """Return how a split is measured: among all items, and among sampled ones."""
    drawn = DRAWS if place == "the paper's" else DRAWS[:1]
    return ["full", *(f"sampled {number}" for number in drawn)]


def _measured(
    named: dict[str, Split], settings: dict, place: str, name: str, seed: int
) -> dict[str, pd.DataFrame]:
    """Fit a model on a split; return its tables, one for each way."""
    split, train = named[place], named[place].train
    counted = name == POPULARITY
    model = Popularity().fit(train) if counted else fitted(name, settings, train, seed)
    found = {"full": evaluate(model, split)}
    for way in _ways(place)[1:]:
        candidates = sample_candidates(split, 99, seed=int(way.split()[1]))
        found[way] = evaluate(model, split, candidates=candidates)
    return {way: one[list(MAIN)] for way, one in found.items()}


def _counted(split: Split) -> dict:
    """Return how much a split knows, and how many of its users and items are new."""
    users = np.unique(split.test.user)
    new_items = split.train.item_counts[split.test.item] == 0
    return {
        "train": len(split.train),
        "test": len(split.test),
        "users": len(users),
        "new_users": int((split.train.user_counts[users] == 0).sum()),
        "events_of_new_items": int(new_items.sum()),
    }


def _compared(tables: Tables) -> dict:
    """Return means with their intervals, and all pairs compared."""
    pairs = {
        f"{one} - {other}": table(compare(tables[one], tables[other]))
        for one, other in combinations(tables, 2)
    }
    return {"models": {n: table(summary(each)) for n, each in tables.items()}, "pairs": pairs}


def _verdicts(results: dict) -> dict:
    """Return for every pair and metric in how many results it is ahead, level and behind."""
    some = next(iter(results.values()))
    found: dict = {}
    for pair in some["pairs"]:
        rows = {m: [one["pairs"][pair][m] for one in results.values()] for m in MAIN}
        found[pair] = {
            metric: {
                word: sum(
                    verdict(row["low"], row["high"], "behind", "level", "ahead") == word
                    for row in each
                )
                for word in ("ahead", "level", "behind")
            }
            for metric, each in rows.items()
        }
    return found
