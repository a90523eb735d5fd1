"""Cosine collaborative filtering on the paper's data and candidates (chapter 2)."""

import pandas as pd

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import (
    YEAR,
    PopularityAround,
    every_combination,
    held_out,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.models import ItemKNN, Popularity, Random, Recommender, UserKNN

GRID = {
    "n_neighbors": (20, 50, 100, 200, 500, 1000, 2000, 5000),
    "shrinkage": (0.0, 5.0, 20.0),
    "values": ("ones", "rating"),
}


def run(ratings: Interactions, candidates: Candidates) -> dict:
    """Tune both neighborhood models on validation, then test each once.

    Validation is carved from train: each user's last training event, with 99 sampled negatives.
    The setting with the highest NDCG@10 there is fitted on all of train and tested.
    """
    split = paper_split(ratings)
    tuning = tuning_split(split)
    of_the_year = PopularityAround(split, YEAR, 0).fit(split.train)
    recent = evaluate(of_the_year, split, candidates=candidates)
    chance, _ = _test(Random(), split, candidates)
    popularity, baseline = _test(Popularity(), split, candidates)
    found: dict[str, dict] = {
        "grid": {name: list(values) for name, values in GRID.items()},
        "models": {"Random": chance, "Popularity": popularity},
        "trials": {},
    }
    for model in (UserKNN, ItemKNN):
        trials = _tune(model, tuning)
        best = max(trials, key=lambda trial: trial["ndcg@10"])
        chosen = model(**{name: best[name] for name in GRID})
        result, tested = _test(chosen, split, candidates)
        result["against_popularity"] = table(compare(tested, baseline))
        result["against_recent_popularity"] = table(compare(tested, recent))
        found["trials"][model.__name__] = trials
        found["models"][model.__name__] = result
    return found


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test of both baselines and of both neighborhood models, as they were chosen."""
    split = paper_split(ratings)
    kinds = {kind.__name__: kind for kind in (Random, Popularity, UserKNN, ItemKNN)}
    tested = {}
    for name, kind in kinds.items():
        tested[name], _ = _test(kind(**found["models"][name]["settings"]), split, candidates)
    return {"models": tested}


def _tune(model: type, tuning: Split) -> list[dict]:
    candidates, trials = held_out(tuning), []
    for setting in every_combination(GRID):
        means = evaluate(
            model(**setting).fit(tuning.train), tuning, on="valid", candidates=candidates
        ).mean()
        trials.append({**setting, "hr@10": means["hr@10"], "ndcg@10": means["ndcg@10"]})
    return trials


def _test(model: Recommender, split: Split, candidates: Candidates) -> tuple[dict, pd.DataFrame]:
    """Return what is recorded of a model, and its table on the candidates, to compare with."""
    model.fit(split.train)
    sampled = evaluate(model, split, candidates=candidates)
    result = {
        "settings": model.parameters,
        "sampled": table(summary(sampled)),
        "full": table(summary(evaluate(model, split))),
    }
    return result, sampled
