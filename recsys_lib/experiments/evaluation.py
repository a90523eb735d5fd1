"""How the models are measured, on the paper's data: the figures of chapter 9 and the fair table."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, lists, over_seeds, summary
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.evaluation.significance import bootstrap_interval, holm, paired_test
from recsys_lib.experiments.networks import KINDS, halves, nothing
from recsys_lib.experiments.protocol import (
    ITEM_KNN,
    METRICS,
    SEEDS,
    USER_KNN,
    YEAR,
    PopularityAround,
    mean_of_seeds,
    measuring,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.experiments.tuning import PRETRAINED
from recsys_lib.models import SVD, BinaryMF, ItemKNN, Popularity, Random, Recommender, UserKNN
from recsys_lib.models.neighbors import cosine_similarity

KS = tuple(range(1, 11))
SAMPLES = (9, 30, 99, 300)
MAIN = ("hr@10", "ndcg@10")
FLIPS = 99_999  # of the 220 tests, the smallest p-value times 220 must be able to fall below .05
ByModel = dict[str, list[pd.DataFrame]]  # a table for each seed
GROUPS = {"no training row": (0, 0), "1 to 4": (1, 4), "5 to 9": (5, 9), "10 and more": (10, 10**6)}


def run(
    ratings: Interactions,
    candidates: Candidates,
    networks: dict,
    svd: dict,
    seeds: range = SEEDS,
) -> dict:
    """Measure every ranker of the course in every way that chapters 9 and 10 speak of."""
    split = paper_split(ratings)
    found: dict = {}
    found["models"], tables = _models(
        _all(split, networks["settings"], svd["ranking"]["k"], seeds), split, candidates
    )
    found["pairs"] = _pairs(tables)
    found["change"] = _change(tables)
    found["gap"] = {
        protocol: table(compare(by_name["BinaryMF"], by_name["NeuMF"]))
        for protocol, by_name in tables.items()
    }  # at every length of the list: the paper says that it closes
    found["agreement"] = _agreement(tables)
    found["leakage"] = _leakage(split, candidates, networks, seeds)
    return found


def _models(
    named: Iterable[tuple[str, Iterator[Recommender]]], split: Split, candidates: Candidates
) -> tuple[dict, dict[str, ByModel]]:
    """Return what is recorded of each model, and its tables, one a seed, by protocol and model."""
    columns = sparse.csr_array(split.train.to_csr("ones").T)
    similarity = cosine_similarity(columns).toarray()
    drawn = {m: sample_candidates(split, m, seed=0) for m in SAMPLES}
    found = {}
    tables: dict = {"sampled": {}, "full": {}}
    for name, models in named:
        each: dict[str, list[pd.DataFrame]] = {protocol: [] for protocol in (*tables, *drawn)}
        shown = []
        for model in models:
            each["sampled"].append(evaluate(model, split, k=KS, candidates=candidates))
            each["full"].append(evaluate(model, split, k=KS))
            for m, one in drawn.items():
                each[m].append(evaluate(model, split, candidates=one))
            users = each["full"][-1].index.to_numpy()
            shown.append(model.recommend(users, 10, exclude=split.train)[0])
        for protocol, by_name in tables.items():
            by_name[name] = each[protocol]
        found[name] = {
            "by_k": {protocol: table(summary(each[protocol])) for protocol in tables},
            "by_negatives": {str(m): table(summary(each[m]).loc[list(METRICS)]) for m in SAMPLES},
            "lists": _beyond(shown, split, similarity),
            "lists_by_group": {
                group: _beyond([one[inside] for one in shown], split, similarity)
                for group, inside in _inside(each["full"][0].index, split)
            },
            "groups": {protocol: _groups(each[protocol], split) for protocol in tables},
        }
        if len(each["full"]) > 1:
            found[name]["seeds"] = {
                protocol: {
                    m: mean_of_seeds([one[m].mean() for one in each[protocol]]) for m in METRICS
                }
                for protocol in tables
            }
    return found, tables


def quick(
    found: dict, ratings: Interactions, candidates: Candidates, networks: dict, svd: dict
) -> dict:
    """All that is recorded of the nearest users, which chance has no part in."""
    split = paper_split(ratings)
    named = [(UserKNN.__name__, iter([UserKNN(**USER_KNN).fit(split.train)]))]
    return {"models": _models(named, split, candidates)[0]}


class WithPopularity(Recommender):
    """The SVD, and popularity for users without a training row, as the other models have it."""

    def __init__(self, model: Recommender):
        self.model = model

    def _fit(self, train: Interactions) -> None:
        self.model.fit(train)
        self.cold_ = train.user_counts == 0
        self.popularity_ = train.item_counts.astype(np.float32)

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = self.model.score(users)
        return np.where(self.cold_[users][:, None], self.popularity_, scores)


def _all(
    split: Split, settings: dict, factors: int, seeds: range
) -> Iterator[tuple[str, Iterator[Recommender]]]:
    """Yield each model's name and its fitted models: one for each seed, if chance plays a part."""
    for name, model in (
        ("Random", Random()),
        ("Popularity", Popularity()),
        ("Popularity of the year", PopularityAround(split, YEAR, 0)),
        ("SVD", WithPopularity(SVD(factors))),
        ("UserKNN", UserKNN(**USER_KNN)),
        ("ItemKNN", ItemKNN(**ITEM_KNN)),
    ):
        yield name, iter([model.fit(split.train)])
    for name, kind in KINDS.items():
        given = partial(halves, settings) if name == PRETRAINED else nothing
        yield (
            name,
            (
                kind(**settings[name], seed=seed).fit(split.train, **given(split.train, seed))
                for seed in seeds
            ),
        )


def _beyond(shown: list[np.ndarray], split: Split, similarity: np.ndarray) -> dict:
    """What the lists of ten are like; means over seeds."""
    counts, (n_users, n_items) = split.train.item_counts, split.train.shape
    rows = [
        {
            "coverage": lists.coverage(one, n_items),
            "gini": lists.gini(one, n_items),
            "novelty": float(np.nanmean(lists.novelty(one, counts, n_users))),
            "popularity": float(np.nanmean(lists.popularity(one, counts))),
            "diversity": float(np.nanmean(lists.diversity(one, similarity))),
        }
        for one in shown
    ]
    return pd.DataFrame(rows).mean().to_dict()


def _inside(users: pd.Index, split: Split) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each group's name and which of the users are in it, by their training rows."""
    counts = split.train.user_counts[users]
    for name, (low, high) in GROUPS.items():
        yield name, (counts >= low) & (counts <= high)


def _groups(tables: list[pd.DataFrame], split: Split) -> dict:
    """The metrics by how many training rows a user has."""
    return {
        name: {
            "users": int(inside.sum()),
            **table(summary([one.loc[inside, list(METRICS)] for one in tables])),
        }
        for name, inside in _inside(tables[0].index, split)
    }


def _pairs(tables: dict[str, ByModel]) -> dict:
    """Every pair of models compared user by user and over the seeds of both.

    The p-values are adjusted by Holm over one family: all pairs, under both protocols, in both
    metrics, since that is the family of which chapter 10 picks its lines.
    """
    found: dict = {protocol: {} for protocol in tables}
    rows = []
    for protocol, by_name in tables.items():
        for metric in MAIN:
            columns = {name: [one[[metric]] for one in parts] for name, parts in by_name.items()}
            pairs = {}
            for one, other in combinations(by_name, 2):
                row = table(compare(columns[one], columns[other]))[metric]
                difference, by_seed = _difference(columns[one], columns[other], metric)
                row["p_value"] = paired_test(difference, FLIPS, by_seed=by_seed)
                row["sd"] = float(difference.std(ddof=1))
                rows.append(row)
                pairs[f"{one} - {other}"] = row
            found[protocol][metric] = pairs
    for row, p in zip(rows, holm(np.array([row["p_value"] for row in rows])), strict=True):
        row["holm"] = float(p)
    return found


def _difference(
    one: list[pd.DataFrame], other: list[pd.DataFrame], metric: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the users' differences of two models, and what each seed gave of both."""
    (mine, seeds), (theirs, their_seeds) = over_seeds(one), over_seeds(other)
    by_seed = [part[metric].to_numpy() for part in (seeds, their_seeds) if part is not None]
    return (mine[metric] - theirs[metric]).to_numpy(), by_seed


def _change(tables: dict[str, ByModel]) -> dict:
    """Test for every pair whether its relative difference changes with the protocol, user by user.

    A difference is divided by the mean of both models, as full ranking has smaller numbers. One
    family of p-values: all pairs in both metrics.
    """
    found: dict = {}
    rows = []
    for metric in MAIN:
        found[metric] = {}
        for one, other in combinations(tables["full"], 2):
            change, by_seed = 0.0, []
            for protocol, sign in (("full", 1), ("sampled", -1)):
                pair = (tables[protocol][one], tables[protocol][other])
                scale = sign / np.mean([over_seeds(parts)[0][metric].mean() for parts in pair])
                difference, seeds = _difference(*pair, metric)
                change = change + scale * difference
                by_seed.append([scale * part for part in seeds])
            # one training of a model serves both protocols: its luck is that of their difference
            moved = [sum(parts) for parts in zip(*by_seed, strict=True)]
            low, high = bootstrap_interval(change, by_seed=moved)
            row = {
                "difference": float(change.mean()),
                "low": low,
                "high": high,
                "p_value": paired_test(change, FLIPS, by_seed=moved),
            }
            rows.append(row)
            found[metric][f"{one} - {other}"] = row
    for row, p in zip(rows, holm(np.array([row["p_value"] for row in rows])), strict=True):
        row["holm"] = float(p)
    return found


def _agreement(tables: dict[str, ByModel]) -> dict:
    """Whether both protocols put the models into one order."""
    found = {}
    for metric in MAIN:
        means = {
            p: [over_seeds(parts)[0][metric].mean() for parts in by.values()]
            for p, by in tables.items()
        }
        found[metric] = {
            "kendall": float(stats.kendalltau(means["sampled"], means["full"]).statistic),
            "order": {
                p: [list(tables[p])[k] for k in np.argsort(-np.array(values), kind="stable")]
                for p, values in means.items()
            },
        }
    return found


def _leakage(split: Split, candidates: Candidates, networks: dict, seeds: range) -> dict:
    """What choosing on test adds, for BinaryMF and MLP.

    The setting: of the trials of the search, each trained once, the one best on validation against
    the one best on test. The epoch: of a run, the epoch that validation chose against the best on
    test, by seed. Both are chosen by each metric and judged in the same metric.
    """
    tuning, found = tuning_split(split), {}
    watch = measuring(split, candidates, "test")
    for name in ("BinaryMF", "MLP"):
        rows = []
        for trial in networks["models"][name]["trials"]:
            setting = {k: v for k, v in trial.items() if k != "stopped" and "@" not in k}
            model = KINDS[name](**setting).fit(split.train)
            rows.append({f"valid {m}": trial[m] for m in MAIN} | watch(model))
        trials = pd.DataFrame(rows)
        setting = networks["settings"][name]
        given = {**setting, "epochs": 2 * setting["epochs"]}
        runs = [
            KINDS[name](**given, seed=seed).fit(split.train, watch=watch).history_ for seed in seeds
        ]
        found[name] = {
            "trials": len(trials),
            "rank_correlation": float(
                stats.spearmanr(trials["valid ndcg@10"], trials["ndcg@10"]).statistic
            ),
            "setting": {
                m: {
                    "valid": trials[m][trials[f"valid {m}"].idxmax()],
                    "test": trials[m].max(),
                }
                for m in MAIN
            },
            "epoch": {
                m: {
                    "valid": mean_of_seeds([run[m][setting["epochs"] - 1] for run in runs]),
                    "test": mean_of_seeds([run[m].max() for run in runs]),
                    "gain": mean_of_seeds(
                        [run[m].max() - run[m][setting["epochs"] - 1] for run in runs]
                    ),
                }
                for m in MAIN
            },
        }
    setting = networks["settings"]["BinaryMF"]
    found["less data"] = {
        name: {m: mean_of_seeds([one[m] for one in each]) for m in MAIN}
        for name, each in (
            (label, [watch(BinaryMF(**setting, seed=seed).fit(train)) for seed in seeds])
            for label, train in (
                ("without the validation rows", tuning.train),
                ("with them", split.train),
            )
        )
    }
    return found
