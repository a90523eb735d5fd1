"""Two stages at a large catalog: how long a list takes, and how good it is.

The events are made, as for the index (see there). The first stage is iALS, whose candidates come
from an index; the second is ItemKNN or NeuMF. All are fitted on the same events, with settings that
nobody has tuned: what is asked is what becomes of a model as a second stage, not which model is the
better one. Times are of one user at a time, without leaving out what is known.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from recsys_lib.data import Interactions, Split, leave_last_out
from recsys_lib.evaluation import evaluate
from recsys_lib.evaluation.significance import bootstrap_interval
from recsys_lib.models import ItemKNN, NeuMF, Recommender, iALS
from recsys_lib.scale.nearest import ItemIndex, TwoStages, vectors

from index import FACTORS, FEWER, made
from timing import alternate

JUDGED, TIMED, REPEATS, K = 2000, 50, 3, 10
CANDIDATES, CELLS = (100, 1000), 64


def few_users(split: Split, n: int) -> Split:
    """Return the split with the test events of some users alone."""
    users = np.random.default_rng(0).permutation(np.unique(split.test.user))[:n]
    kept: list[Interactions] = [
        part.select(np.isin(part.user, users)) for part in (split.valid, split.test)
    ]
    return Split(split.train, *kept)


def lists(model: Recommender, users: np.ndarray) -> Callable[[], None]:
    """Return what is timed: the list of each user alone."""

    def run() -> None:
        for user in users:
            model.recommend(np.array([user]), k=K)

    return run


def main(n_items: int = FEWER, judged: int = JUDGED) -> dict:
    """Return NDCG@10 with its interval over users, and milliseconds for a list, of every way."""
    events = made(n_items)  # without times: a random event of each user is the last one
    order = np.random.default_rng(1).permutation(len(events)) + 1
    events = replace(events, timestamp=order, time_unit="s")
    split = few_users(leave_last_out(events), judged)
    first = iALS(FACTORS, unobserved_weight=1000 / n_items, epochs=8).fit(split.train)
    slower: dict[str, Recommender] = {
        "ItemKNN": ItemKNN(100).fit(split.train),
        "NeuMF": NeuMF(
            factors=16, layers=(32, 16), batch_size=8192, learning_rate=0.005, epochs=10
        ).fit(split.train, progress=False),
    }
    search = partial(ItemIndex(vectors(first)[1]).search, n_probe=CELLS)
    ways: dict[str, Recommender] = {"iALS alone": first}
    for name, second in slower.items():
        ways[f"{name} alone"] = second
        for n in CANDIDATES:
            both = TwoStages(first, second, n, search=search).fit(split.train)
            ways[f"index, {name} of {n}"] = both
    timed = np.unique(split.test.user)[:TIMED]
    times = alternate({name: lists(model, timed) for name, model in ways.items()}, REPEATS)
    tables = {name: evaluate(model, split, k=K)["ndcg@10"] for name, model in ways.items()}
    found = {}
    for name, ndcg in tables.items():
        change = ndcg - tables["iALS alone"]
        low, high = bootstrap_interval(change.to_numpy())
        found[name] = {
            "milliseconds": 1000 * times[name] / len(timed),
            "ndcg": float(ndcg.mean()),
            "to_first_alone": {"difference": float(change.mean()), "low": low, "high": high},
        }
    return {"items": n_items, "rows": len(split.train), "users": judged, "ways": found}


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
