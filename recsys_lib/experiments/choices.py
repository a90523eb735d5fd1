"""In how many ways one can look at the same models, and who wins in each (the game of chapter 10).

One number of a table depends on choices that nobody sees: which of several seeds is shown, whether
the epoch was chosen on validation or on the test itself, what the others are shown with, which
competitors were drawn, and which metric is printed. Every model is measured in all combinations, so
that a page can let its reader choose until a model of theirs is ahead.
"""

import numpy as np

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import evaluate, sample_candidates
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import CONTENDERS, fit_arguments, made
from recsys_lib.experiments.protocol import SEEDS, paper_split
from recsys_lib.experiments.units import Units
from recsys_lib.models import Recommender

KS = (1, 5, 10)
METRICS = [f"{name}@{k}" for name in ("hr", "ndcg") for k in KS if (name, k) != ("ndcg", 1)]
DRAWS = (1, 2, 3)
LOOKS = 10  # at the test, by who chooses the epoch there
VALIDATION, BEST = "validation", "test"
Values = dict[str, dict[str, float]]  # by way of measuring and metric


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Measure every chosen model in all combinations of the choices."""
    units, split, settings = units or Units(), paper_split(ratings), search["settings"]
    parts = {n: [(n, seed) for seed in one.seeds(seeds)] for n, one in CONTENDERS.items()}
    runs = units.grouped(_measured, parts, split, _ways(split, candidates), settings)
    return {"ways": list(_ways(split, candidates)), "metrics": METRICS, "values": runs}


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """EASE in all ways of measuring."""
    split = paper_split(ratings)
    one = _measured(split, _ways(split, candidates), search["settings"], "EASE", 0)
    return {"values": {"EASE": {0: one}}}


def _ways(split: Split, candidates: Candidates) -> dict[str, Candidates | None]:
    """Return what a positive can be ranked among."""
    drawn = {f"drawn again, {seed}": sample_candidates(split, 99, seed=seed) for seed in DRAWS}
    popular = sample_candidates(split, 99, seed=0, weights=split.train.item_counts)
    return {"the paper's": candidates, **drawn, "popular ones": popular, "all": None}


def _measured(
    split: Split, ways: dict[str, Candidates | None], settings: dict, name: str, seed: int
) -> dict[str, Values]:
    """Fit a model; return its figures at the epoch of validation, and at the best on the test.

    For the latter it is trained twice as long as chosen, and looked at ten times on the way. The
    best is chosen for each figure anew, as one would who looks at that figure alone.
    """
    if not CONTENDERS[name].epochs:
        return {VALIDATION: _figures(made(name, settings[name]).fit(split.train), split, ways)}
    chosen = settings[name]["epochs"]
    looks = {round(e) for e in np.linspace(0, 2 * chosen, LOOKS + 1)[1:]} | {chosen}
    seen: dict[int, Values] = {}
    epochs = 0

    def watch(model: Recommender) -> dict[str, float]:
        nonlocal epochs
        epochs += 1
        if epochs in looks:
            seen[epochs] = _figures(model, split, ways)
        return {}

    model = made(name, settings[name], epochs=2 * chosen, seed=seed)
    model.fit(split.train, watch=watch, **fit_arguments(name, settings, split.train, seed))
    best = {way: {m: max(one[way][m] for one in seen.values()) for m in METRICS} for way in ways}
    return {VALIDATION: seen[chosen], BEST: best}


def _figures(model: Recommender, split: Split, ways: dict[str, Candidates | None]) -> Values:
    """Return every metric in every way of measuring, means over users."""
    found = {}
    for way, candidates in ways.items():
        means = evaluate(model, split, k=KS, candidates=candidates).mean()
        found[way] = {metric: round(float(means[metric]), 5) for metric in METRICS}
    return found
