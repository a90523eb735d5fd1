"""How the models are measured, on the paper's data: the figures of chapter 9 and the fair table."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from recsys_lib import beyond
from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.experiments.implicit import (
    ITEM_KNN,
    METRICS,
    PRETRAINED,
    SEEDS,
    USER_KNN,
    mean_table,
    over_seeds,
    watching,
)
from recsys_lib.experiments.networks import KINDS, halves, nothing
from recsys_lib.experiments.paper_data import (
    YEAR,
    PopularityAround,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.models import SVD, BinaryMF, ItemKNN, Popularity, Random, Recommender, UserKNN
from recsys_lib.models.neighbours import cosine_similarity
from recsys_lib.sampling import Candidates, sample_candidates
from recsys_lib.significance import holm

KS = tuple(range(1, 11))
SAMPLES = (9, 30, 99, 300)
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
    found["pairs"] = {protocol: _pairs(by_name) for protocol, by_name in tables.items()}
    found["change"] = _change(tables)
    found["gap"] = {
        protocol: table(compare(by_name["BinaryMF"], by_name["NeuMF"]))
        for protocol, by_name in tables.items()
    }  # at every length of the list: the paper says that it closes
    found["agreement"] = _agreement(tables)
    found["leakage"] = _leakage(split, candidates, networks)
    return found


def _models(
    named: Iterable[tuple[str, Iterator[Recommender]]], split: Split, candidates: Candidates
) -> tuple[dict, dict[str, dict[str, pd.DataFrame]]]:
    """Return what is recorded of each model, and the users' results by protocol and model."""
    columns = sparse.csr_array(split.train.to_csr("ones").T)
    similarity = cosine_similarity(columns).toarray()
    drawn = {m: sample_candidates(split, m, seed=0) for m in SAMPLES}
    found = {}
    tables: dict = {"sampled": {}, "full": {}}
    for name, models in named:
        each: dict[str, list[pd.DataFrame]] = {protocol: [] for protocol in (*tables, *drawn)}
        lists = []
        for model in models:
            each["sampled"].append(evaluate(model, split, k=KS, candidates=candidates))
            each["full"].append(evaluate(model, split, k=KS))
            for m, one in drawn.items():
                each[m].append(evaluate(model, split, candidates=one))
            users = each["full"][-1].index.to_numpy()
            lists.append(model.recommend(users, 10, exclude=split.train)[0])
        means = {protocol: mean_table(parts) for protocol, parts in each.items()}
        for protocol, by_name in tables.items():
            by_name[name] = means[protocol]
        found[name] = {
            "by_k": {protocol: table(summary(means[protocol])) for protocol in tables},
            "by_negatives": {str(m): table(summary(means[m]).loc[list(METRICS)]) for m in SAMPLES},
            "lists": _beyond(lists, split, similarity),
            "lists_by_group": {
                group: _beyond([one[inside] for one in lists], split, similarity)
                for group, inside in _inside(means["full"].index, split)
            },
            "groups": {protocol: _groups(means[protocol], split) for protocol in tables},
        }
        if len(each["full"]) > 1:
            found[name]["seeds"] = {
                protocol: {
                    m: over_seeds([one[m].mean() for one in each[protocol]]) for m in METRICS
                }
                for protocol in tables
            }
    return found, tables


def quick(
    found: dict, ratings: Interactions, candidates: Candidates, networks: dict, svd: dict
) -> dict:
    """All that is recorded of the nearest users, which chance has no part in."""
    split = paper_split(ratings)
    named = [(UserKNN.__name__, iter([WithPopularity(UserKNN(**USER_KNN)).fit(split.train)]))]
    return {"models": _models(named, split, candidates)[0]}


class WithPopularity(Recommender):
    """A model, and popularity for users without a training row, as every learned model has it."""

    def __init__(self, model: Recommender):
        self.model = model

    def _fit(self, train: Interactions, valid: Interactions | None) -> None:
        self.model.fit(train, valid)
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
        ("UserKNN", WithPopularity(UserKNN(**USER_KNN))),
        ("ItemKNN", WithPopularity(ItemKNN(**ITEM_KNN))),
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


def _beyond(lists: list[np.ndarray], split: Split, similarity: np.ndarray) -> dict:
    """What the lists of ten are like; means over seeds."""
    counts, (n_users, n_items) = split.train.item_counts, split.train.shape
    rows = [
        {
            "coverage": beyond.coverage(one, n_items),
            "gini": beyond.gini(one, n_items),
            "novelty": float(np.nanmean(beyond.novelty(one, counts, n_users))),
            "popularity": float(np.nanmean(beyond.popularity(one, counts))),
            "diversity": float(np.nanmean(beyond.diversity(one, similarity))),
        }
        for one in lists
    ]
    return pd.DataFrame(rows).mean().to_dict()


def _inside(users: pd.Index, split: Split) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each group's name and which of the users are in it, by their training rows."""
    counts = split.train.user_counts[users]
    for name, (low, high) in GROUPS.items():
        yield name, (counts >= low) & (counts <= high)


def _groups(one: pd.DataFrame, split: Split) -> dict:
    """The metrics by how many training rows a user has."""
    return {
        name: {"users": int(inside.sum()), **table(summary(one.loc[inside, list(METRICS)]))}
        for name, inside in _inside(one.index, split)
    }


def _pairs(by_name: dict[str, pd.DataFrame]) -> dict:
    """Every pair of models compared user by user, with p-values by Holm over all pairs."""
    found: dict = {}
    for metric in ("hr@10", "ndcg@10"):
        rows = {}
        for one, other in combinations(by_name, 2):
            row = compare(by_name[one][[metric]], by_name[other][[metric]]).loc[metric].to_dict()
            row["sd"] = float((by_name[one][metric] - by_name[other][metric]).std(ddof=1))
            rows[f"{one} - {other}"] = row
        adjusted = holm(np.array([row["p_value"] for row in rows.values()]))
        for row, p in zip(rows.values(), adjusted, strict=True):
            row["holm"] = float(p)
        found[metric] = rows
    return found


def _change(tables: dict[str, dict[str, pd.DataFrame]]) -> dict:
    """Test for every pair whether its relative difference changes with the protocol, user by user.

    A difference is divided by the mean of both models, as full ranking has smaller numbers.
    """
    found: dict = {}
    for metric in ("hr@10", "ndcg@10"):
        relative = {}
        for protocol, by_name in tables.items():
            values = pd.DataFrame({name: one[metric] for name, one in by_name.items()})
            relative[protocol] = pd.DataFrame(
                {
                    f"{one} - {other}": (values[one] - values[other])
                    / values[[one, other]].to_numpy().mean()
                    for one, other in combinations(by_name, 2)
                }
            )
        change = compare(relative["full"], relative["sampled"])
        change["holm"] = holm(change["p_value"].to_numpy())
        found[metric] = change.to_dict("index")
    return found


def _agreement(tables: dict[str, dict[str, pd.DataFrame]]) -> dict:
    """Whether both protocols put the models into one order."""
    found = {}
    for metric in ("hr@10", "ndcg@10"):
        means = {p: [one[metric].mean() for one in by.values()] for p, by in tables.items()}
        found[metric] = {
            "kendall": float(stats.kendalltau(means["sampled"], means["full"]).statistic),
            "order": {
                p: [list(tables[p])[k] for k in np.argsort(-np.array(values), kind="stable")]
                for p, values in means.items()
            },
        }
    return found


def _leakage(split: Split, candidates: Candidates, networks: dict) -> dict:
    """What choosing on test adds, in points of HR@10 and NDCG@10, for BinaryMF and MLP.

    The setting: of the trials of the search, the one best on validation against the one best on
    test. The epoch: of one run, the epoch that validation chose against the best on test.
    """
    tuning, found = tuning_split(split), {}
    watch = watching(split, candidates, "test")
    for name in ("BinaryMF", "MLP"):
        rows = []
        for trial in networks["models"][name]["trials"]:
            setting = {k: v for k, v in trial.items() if k != "stopped" and "@" not in k}
            model = KINDS[name](**setting).fit(split.train)
            rows.append({"valid": trial["ndcg@10"], **watch(model)})
        trials = pd.DataFrame(rows)
        chosen, best = trials.loc[trials["valid"].idxmax()], trials.loc[trials["ndcg@10"].idxmax()]
        setting = networks["settings"][name]
        model = KINDS[name](**{**setting, "epochs": 2 * setting["epochs"]})
        history = model.fit(split.train, watch=watch).history_
        at = history.loc[setting["epochs"] - 1]
        found[name] = {
            "trials": len(trials),
            "rank_correlation": float(
                stats.spearmanr(trials["valid"], trials["ndcg@10"]).statistic
            ),
            "setting": {m: {"valid": chosen[m], "test": best[m]} for m in ("hr@10", "ndcg@10")},
            "epoch": {m: {"valid": at[m], "test": history[m].max()} for m in ("hr@10", "ndcg@10")},
        }
    model = BinaryMF(**networks["settings"]["BinaryMF"])
    found["less data"] = {
        "without the validation rows": watch(model.fit(tuning.train)),
        "with them": watch(model.fit(split.train)),
    }
    return found
