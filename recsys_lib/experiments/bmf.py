"""Binary matrix factorization on the paper's data and candidates (chapter 6)."""

import numpy as np
import pandas as pd
from scipy import stats

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, over_seeds
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import (
    METRICS,
    SEEDS,
    against,
    baselines,
    first_seed,
    held_out,
    measuring,
    on_test,
    paper_split,
    table,
    tuning_split,
    validating,
)
from recsys_lib.experiments.tuning import SPACES, ranges, search
from recsys_lib.models import BinaryMF, Popularity

# In the manner of the paper: no negatives, no biases, its learning rate, lambda over the frequency.
PAPER = {
    "factors": 32,
    "learning_rate": 0.01,
    "regularization": 0.1,
    "frequency_power": 1.0,
    "n_negatives": 0,
    "biases": False,
}
CURVE = 100
FACTORS = (4, 8, 16, 32, 64, 128)
PENALTIES = {  # lambda, by the power of the frequency that divides it
    0.0: (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1),
    0.5: (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7),
    1.0: (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0),
}


def run(ratings: Interactions, candidates: Candidates, seeds: range = SEEDS) -> dict:
    """Tune on validation, test the choice once with five seeds, and take the paper's run apart."""
    split = paper_split(ratings)
    tuning = tuning_split(split)
    setting, trials = search(BinaryMF, tuning)
    result, tables = on_test(BinaryMF, setting, split, candidates, seeds)
    rivals = baselines(split, candidates)
    return {
        "space": ranges(SPACES["BinaryMF"]),
        "trials": trials,
        "setting": setting,
        "test": result,
        "rivals": {
            protocol: {name: one[list(METRICS)].mean().to_dict() for name, one in tables_.items()}
            for protocol, tables_ in rivals.items()
        },
        "against": {name: against(tables[name], rivals[name]) for name in tables},
        "curves": {
            name: _curves(given, tuning, split, candidates)
            for name, given in (("paper", PAPER), ("ours", setting))
        },
        "popularity": {
            "valid": validating(tuning)(Popularity().fit(tuning.train)),
            "test": measuring(split, candidates, "test")(Popularity().fit(split.train)),
        },
        "positives_only": [_positives_only(split, epochs) for epochs in (50, 200)],
        "factors": [_of_factors(setting, k, tuning, seeds) for k in FACTORS],
        "penalty": _penalty(setting, tuning, seeds),
    }


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test of the chosen setting with the first seed."""
    split = paper_split(ratings)
    return {"test": {"seeds": first_seed(BinaryMF, found["setting"], split, candidates)}}


def _curves(setting: dict, tuning: Split, split: Split, candidates: Candidates) -> dict:
    """Every metric after every epoch, on validation and on test; nothing is chosen by them."""
    found = {}
    for name, train, watch in (
        ("valid", tuning.train, validating(tuning)),
        ("test", split.train, measuring(split, candidates, "test")),
    ):
        model = BinaryMF(**{**setting, "epochs": CURVE}).fit(train, watch=watch)
        found[name] = {c: model.history_[c].tolist() for c in ("loss", "accuracy", *METRICS)}
    return found


def _positives_only(split: Split, epochs: int) -> dict:
    """What a model has learned that never saw a negative."""
    model = BinaryMF(**PAPER, epochs=epochs).fit(split.train)
    logits = model.user_factors_.astype(np.float64) @ model.item_factors_.T
    energy = np.linalg.svd(logits, compute_uv=False) ** 2
    counts = split.train.item_counts
    return {
        "epochs": epochs,
        "train_accuracy": float(model.history_["accuracy"].iloc[-1]),
        "says_one": float((logits[~model.cold_] > 0).mean()),
        "first_singular_vector": float(energy[0] / energy.sum()),
        "rank_correlation_with_popularity": float(
            stats.spearmanr(logits[~model.cold_].mean(axis=0), counts).statistic
        ),
    }


def _of_factors(setting: dict, factors: int, tuning: Split, seeds: range) -> dict:
    """Validation of one number of factors, all else as chosen, mean over seeds."""
    watch, rows = validating(tuning), []
    for seed in seeds:
        model = BinaryMF(**{**setting, "factors": factors}, seed=seed).fit(tuning.train)
        rows.append(watch(model))
    means = pd.DataFrame(rows)
    return {
        "factors": factors,
        **means.mean().to_dict(),
        "sd": means.std(ddof=1).to_dict(),
        "seconds": float(model.history_["seconds"].iloc[-1]),
    }


def _penalty(setting: dict, tuning: Split, seeds: range) -> dict:
    """Lambda, over the root of the frequency, and over the frequency, each at its best lambda.

    By groups of users (training events) and of items (training events of the held-out item), on
    validation, each user's result a mean over seeds.
    """
    found: dict = {"trials": {}, "groups": {}, "difference": {}}
    lists, tables = held_out(tuning), {}
    for power, strengths in PENALTIES.items():
        means = {}
        for strength in strengths:
            given = {**setting, "frequency_power": power, "regularization": strength}
            models = (BinaryMF(**given, seed=seed).fit(tuning.train) for seed in seeds)
            means[strength] = [
                evaluate(model, tuning, candidates=lists, on="valid") for model in models
            ]
        found["trials"][str(power)] = [
            {"regularization": strength} | _means(parts) for strength, parts in means.items()
        ]
        tables[power] = max(means.values(), key=lambda parts: _means(parts)["ndcg@10"])
    users = tables[0.0][0].index.to_numpy()
    item = np.empty(tuning.train.n_users, dtype=int)
    item[tuning.valid.user] = tuning.valid.item
    sizes = {
        "users": tuning.train.user_counts[users],
        "items": tuning.train.item_counts[item[users]],
    }
    for side, counts in sizes.items():
        edges = np.quantile(counts, (1 / 3, 2 / 3))
        group = np.searchsorted(edges, counts)  # 0, 1 or 2: few, some, many
        found["groups"][side] = [
            {
                "from": int(counts[group == which].min()),
                "to": int(counts[group == which].max()),
                "users": int((group == which).sum()),
                **{str(p): _means(one)["ndcg@10"] for p, one in inside.items()},
                "adaptive - uniform": table(compare(inside[1.0], inside[0.0])),
            }
            for which in range(3)
            for inside in [
                {p: [one[group == which] for one in parts] for p, parts in tables.items()}
            ]
        ]
    for power in (0.5, 1.0):
        found["difference"][str(power)] = table(compare(tables[power], tables[0.0]))
    return found


def _means(tables: list[pd.DataFrame]) -> dict[str, float]:
    """HR and NDCG, means over users and seeds."""
    return over_seeds(tables)[0][["hr@10", "ndcg@10"]].mean().to_dict()
