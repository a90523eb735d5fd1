"""How much is the order of events worth? The test of chapter 14, on the paper's data and on films.

Two controls have no order. One is the same model on shuffled histories, the other a bag: the same
loss, windows and batches, with the mean of what was met in place of what attention makes of it. The
model minus the shuffled one is what time is worth to it; the bag minus the shuffled bag is how much
of it can be had without the order within the window; the shuffled ones minus a matrix factorization
is what the loss and the network are worth without time.

At the test a model reads a user's training events and nothing later, and from there is asked for
both of the user's test events. The second of them is not what comes next but what comes after: so
the first one alone is asked for, too. Where all items compete, the second is one of them then, as
nobody knows yet that it was to come.

A user is recent if their first test event lies in the last year of the data, up to its last event
of all, and old if it lies before.

On films the last event of each user is the test, and the trials are a quarter as many: what is
asked is whether the verdicts are the same. There the softmax is sampled, with `SAMPLED` negatives
for all networks alike; over all nine thousand films it takes four times as long. Of many films
nobody knows the order: they were rated in the same second. So the pairs are compared once more
among those users whose test event shares its second with no other of theirs.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from recsys_lib.data import Interactions, Split, leave_last_out
from recsys_lib.data.histories import time_order
from recsys_lib.evaluation import compare, evaluate, sample_candidates, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments import contenders as chapter_10
from recsys_lib.experiments.contenders import Contender, Range, Space, fitted
from recsys_lib.experiments.order_search import (
    CONTENDERS,
    CONTROL,
    CONTROL_BAG,
    LOSSES,
    NETWORK,
    WITHOUT_CHANCE,
    bounded,
)
from recsys_lib.experiments.protocol import (
    MAIN,
    SEEDS,
    YEAR,
    PopularityAround,
    mean_of_seeds,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.experiments.search import searched
from recsys_lib.experiments.units import Units
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models import Popularity
from recsys_lib.models.training import EpochModel

REFERENCES = ("ItemKNN", "iALS", "BinaryMF")  # as chapter 10 has chosen them
POPULARITY, OF_THE_YEAR = "Popularity", "Popularity of the year"
DECISIVE = [
    ("SASRec", CONTROL),
    ("SASRec", "Bag"),
    ("Bag", CONTROL_BAG),
    (CONTROL, CONTROL_BAG),
    ("SASRec", "iALS"),
    (CONTROL, "iALS"),
]
PAIRS = [
    *DECISIVE,
    ("SASRec", "BinaryMF"),
    ("SASRec", "GRU4Rec"),
    ("SASRec", "Markov"),
    ("Bag", "iALS"),
    (CONTROL_BAG, "iALS"),
    ("Markov", "ItemKNN"),
    ("Markov", "RecentItemKNN"),
    ("RecentItemKNN", "ItemKNN"),
    ("Decay", POPULARITY),
    ("Decay", OF_THE_YEAR),
    *combinations(reversed(LOSSES), 2),
    ("softmax", CONTROL),
]
FILM_TRIALS, FILM_SEEDS = 12, range(3)
SAMPLED = 512
FILM_NETWORK: Space = {
    **NETWORK,
    "loss": ("sampled softmax",),
    "n_negatives": (SAMPLED,),
    "length": Range(10, 300, whole=True),
    "batch_size": Range(256, 4096, whole=True),
}
OF_FILMS = {
    name: Contender(CONTENDERS[name].kind, FILM_NETWORK, 120, 20, 2)
    for name in ("SASRec", CONTROL, "Bag", CONTROL_BAG)
} | {
    "Markov": Contender(
        CONTENDERS["Markov"].kind,
        {**CONTENDERS["Markov"].space, "length": Range(1, 300, whole=True, ends=("low",))},
    ),
    "iALS": chapter_10.CONTENDERS["iALS"],
}
FILM_PAIRS = [*DECISIVE, ("SASRec", "Markov"), ("Markov", CONTROL)]
Ways = Mapping[str, tuple[Split, Candidates | None]]  # what is asked for, and among which items
Tables = dict[str, dict[str, list[pd.DataFrame]]]  # by way and by model, one for each seed


def run(
    ratings: Interactions,
    candidates: Candidates,
    order_search: dict,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Test every chosen setting; compare, in all ways, and by recent and old users.

    Returns
    -------
    found : dict
        "models": of each its summaries by way ("sampled", "full", and of the first test event alone
        "next, sampled" and "next, full"), and its "seeds". "pairs": the comparisons by way.
        "recent", "old": of each group the number of "users", and the same of the decisive pairs.
    """
    units, split = units or Units(), paper_split(ratings)
    settings = chosen(order_search, search)
    models, tables = measured(settings, ways(split, candidates), contenders(split), seeds, units)
    recent = recent_users(ratings, split)
    old = np.setdiff1d(split.test.user, recent)
    return {
        "models": models,
        "pairs": compared(tables, PAIRS),
        "recent": of_users(recent, tables, DECISIVE),
        "old": of_users(old, tables, DECISIVE),
    }


def quick(
    found: dict,
    ratings: Interactions,
    candidates: Candidates,
    order_search: dict,
    search: dict,
) -> dict:
    """All that is recorded of the decay and the Markov chain, which chance has no part in."""
    split, settings = paper_split(ratings), chosen(order_search, search)
    asked, kinds = ways(split, candidates), contenders(split)
    runs = {name: _tested(asked, kinds, name, settings[name], 0) for name in WITHOUT_CHANCE}
    return {"models": {name: _summaries([one]) for name, one in runs.items()}}


def films(ratings: Interactions, seeds: range = FILM_SEEDS, units: Units | None = None) -> dict:
    """Search for the settings on films, test them, and say how many events share a second."""
    units, split = units or Units(), leave_last_out(ratings, n_test=1, n_valid=0)
    tuning = tuning_split(split)
    found = searched(bounded(OF_FILMS, tuning.train), tuning, units, FILM_TRIALS)
    asked = film_ways(split)
    result, tables = measured(found["settings"], asked, OF_FILMS, seeds, units)
    for name, one in result.items():
        found["models"][name] |= one
    alone = users_without_tie(split)
    shared = in_the_same_second(ratings)
    return found | {
        "pairs": compared(tables, FILM_PAIRS),
        "ties": {
            "events": len(ratings),
            "tied": int(shared.sum()),
            "users": len(split.test),
            "users with a tied test event": len(split.test) - len(alone),
        },
        "without ties": of_users(alone, tables, FILM_PAIRS),
    }


def quick_films(found: dict, ratings: Interactions) -> dict:
    """The test of the Markov chain, which chance has no part in."""
    asked = film_ways(leave_last_out(ratings, n_test=1, n_valid=0))
    one = _tested(asked, OF_FILMS, "Markov", found["settings"]["Markov"], 0)
    return {"models": {"Markov": _summaries([one])}}


def chosen(order_search: dict, search: dict) -> dict[str, dict]:
    """Return all settings to be tested: those that both searches have chosen, and empty ones."""
    losses = {name: order_search["losses"]["settings"][name] for name in LOSSES}
    of_chapter_10 = {name: search["settings"][name] for name in REFERENCES}
    return {POPULARITY: {}, OF_THE_YEAR: {}} | of_chapter_10 | order_search["settings"] | losses


def contenders(split: Split) -> dict[str, Contender]:
    """Return the kinds of all models to be tested."""
    return (
        {
            POPULARITY: Contender(Popularity, {}),
            OF_THE_YEAR: Contender(partial(PopularityAround, split, YEAR, 0), {}),
        }
        | {name: chapter_10.CONTENDERS[name] for name in REFERENCES}
        | CONTENDERS
        | LOSSES
    )


def ways(split: Split, candidates: Candidates) -> dict[str, tuple[Split, Candidates | None]]:
    """Return what a model is asked: both test events or the first, among candidates or all."""
    first = first_alone(split)
    named = np.full(split.train.n_users, NO_ITEM, dtype=np.int32)
    named[first.test.user] = first.test.item
    asked = named[candidates.users] != NO_ITEM
    users, negatives = candidates.users[asked], candidates.negatives[asked]
    nearer = Candidates(users, named[users][:, None], negatives, candidates.vocabulary)
    return {
        "sampled": (split, candidates),
        "full": (split, None),
        "next, sampled": (first, nearer),
        "next, full": (first, None),
    }


def film_ways(split: Split) -> dict[str, tuple[Split, Candidates | None]]:
    """Return what a model is asked of films: the last event, among 99 others or all films."""
    return {"sampled": (split, sample_candidates(split, 99)), "full": (split, None)}


def first_alone(split: Split) -> Split:
    """Return a split in whose test stands the first test event of each user alone."""
    order, counts = time_order(split.test, seed=0), split.test.user_counts
    firsts = order[(np.cumsum(counts) - counts)[counts > 0]]
    kept = np.zeros(len(split.test), dtype=bool)
    kept[firsts] = True
    return Split(split.train, split.valid, split.test.select(kept, f"{split.test.name}, first"))


def recent_users(ratings: Interactions, split: Split) -> np.ndarray:
    """Return the users whose first test event lies in the last year of the data (milliseconds)."""
    test = first_alone(split).test
    return np.sort(test.user[test.timestamp > ratings.timestamp.max() - YEAR])


def in_the_same_second(ratings: Interactions) -> np.ndarray:
    """Return of each event whether another one of its user has the same time."""
    times = pd.DataFrame({"user": ratings.user, "time": ratings.timestamp})
    return times.duplicated(keep=False).to_numpy()


def users_without_tie(split: Split) -> np.ndarray:
    """Return the users whose test event, their last, is later than all they did before."""
    last = np.full(split.train.n_users, np.iinfo(np.int64).min)
    np.maximum.at(last, split.train.user, split.train.timestamp)
    test = split.test
    return np.sort(test.user[test.timestamp > last[test.user]])


def measured(
    settings: Mapping[str, dict],
    asked: Ways,
    kinds: Mapping[str, Contender],
    seeds: range,
    units: Units,
) -> tuple[dict, Tables]:
    """Fit every chosen setting with every seed, each a unit, and ask it in all ways.

    Returns
    -------
    found : dict
        For each model, by way: summaries with intervals over users and seeds. Under "seeds" the
        means of each, and under "training_seconds" the least.
    tables : dict of dict of list of DataFrame
        By way and name a table for each seed.
    """
    parts = {
        name: [(name, setting, seed) for seed in kinds[name].seeds(seeds)]
        for name, setting in settings.items()
    }
    runs = units.grouped(_tested, parts, asked, kinds)
    tables: Tables = {way: {n: [one[way] for one in runs[n]] for n in runs} for way in asked}
    return {name: _summaries(each) for name, each in runs.items()}, tables


def _tested(
    asked: Ways, kinds: Mapping[str, Contender], name: str, setting: dict, seed: int
) -> dict:
    """Fit a setting with one seed; return its tables by way, and how long it took."""
    train = next(iter(asked.values()))[0].train  # the same in all
    model = fitted(name, {name: setting}, train, seed, kinds)
    found: dict = {
        way: evaluate(model, split, candidates=candidates)[list(MAIN)]
        for way, (split, candidates) in asked.items()
    }
    if isinstance(model, EpochModel):
        found["seconds"] = float(model.history_["seconds"].iloc[-1])
    return found


def _summaries(runs: Sequence[Mapping]) -> dict:
    """Return what is recorded of a model: by way, and what each seed gave."""
    by_way = {way: [one[way] for one in runs] for way in runs[0] if way != "seconds"}
    found = {way: table(summary(each)) for way, each in by_way.items()}
    if len(runs) > 1:
        found["seeds"] = {
            way: {m: mean_of_seeds([one[m].mean() for one in each]) for m in MAIN}
            for way, each in by_way.items()
        }
    if "seconds" in runs[0]:  # other work on the machine only adds to them
        found["training_seconds"] = min(one["seconds"] for one in runs)
    return found


def compared(tables: Tables, pairs: Sequence[tuple[str, str]]) -> dict[str, dict]:
    """Compare pairs of models by way, over users and the seeds of both: "one - other"."""
    return {
        way: {f"{a} - {b}": table(compare(by_name[a], by_name[b])) for a, b in pairs}
        for way, by_name in tables.items()
    }


def of_users(users: np.ndarray, tables: Tables, pairs: Sequence[tuple[str, str]]) -> dict:
    """Return how many users there are in a group, how models do there, and their pairs compared."""
    if len(users) < 2:  # of whom no interval can be had
        return {"users": len(users)}
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    inside: Tables = {
        way: {n: [one[one.index.isin(users)] for one in by_name[n]] for n in names}
        for way, by_name in tables.items()
    }
    means = {
        way: {name: table(summary(each)) for name, each in by_name.items()}
        for way, by_name in inside.items()
    }
    return {"users": len(users), "models": means, "pairs": compared(inside, pairs)}
