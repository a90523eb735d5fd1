"""How the models are measured, on the paper's data: the figures of chapter 9 and the fair table."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, lists, over_seeds, summary
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.evaluation.significance import bootstrap_interval, holm, paired_test
from recsys_lib.experiments.contenders import (
    CONTENDERS,
    fitted,
    made,
    shared_out,
)
from recsys_lib.experiments.protocol import (
    MAIN,
    METRICS,
    SEEDS,
    YEAR,
    PopularityAround,
    mean_of_seeds,
    measuring,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.experiments.units import Units
from recsys_lib.metrics import METRICS as BY_RANK
from recsys_lib.models import SVD, Popularity, Random, Recommender
from recsys_lib.models.neighbors import cosine_similarity
from recsys_lib.models.training import EpochModel

KS = tuple(range(1, 11))
SAMPLES = (3, 9, 30, 99, 300, 600)
FLIPS = 99_999  # the smallest p-value, times the number of tests, must be able to fall below .05
ByModel = dict[str, list[pd.DataFrame]]  # a table for each seed
GROUPS = {"no training row": (0, 0), "1 to 4": (1, 4), "5 to 9": (5, 9), "10 and more": (10, 10**6)}


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    svd: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Measure every ranker of the course in every way that chapters 9 and 10 speak of."""
    units = units or Units()
    split = paper_split(ratings)
    settings, factors = search["settings"], svd["ranking"]["k"]
    drawn = {m: sample_candidates(split, m, seed=0) for m in SAMPLES}
    by_name = units.grouped(
        _measured,
        {name: [(name, seeds[0])] for name in BASELINES}
        | {name: [(name, seed) for seed in one.seeds(seeds)] for name, one in CONTENDERS.items()},
        *(split, candidates, drawn, settings, factors),
    )
    tables = {
        protocol: {name: [one[protocol] for one in each] for name, each in by_name.items()}
        for protocol in ("sampled", "full")
    }
    return {
        "models": _recorded(by_name, split),
        "pairs": _pairs(tables),
        "change": _change(tables),
        "gap": {
            protocol: table(compare(each["BinaryMF"], each["NeuMF"]))
            for protocol, each in tables.items()
        },  # at every length of the list: the paper says that it closes
        "widening": {
            protocol: table(compare(_longer(each["BinaryMF"]), _longer(each["NeuMF"])))
            for protocol, each in tables.items()
        },
        "agreement": _agreement(tables),
        "leakage": _leakage(split, candidates, search, seeds, units),
    }


def _measured(
    split: Split,
    candidates: Candidates,
    drawn: dict[int, Candidates],
    settings: dict,
    factors: int,
    name: str,
    seed: int,
) -> dict:
    """Fit a model; return its tables by protocol and number of negatives, and its lists of ten."""
    model = _fitted(name, settings, factors, split, seed)
    found: dict = {
        "sampled": evaluate(model, split, k=KS, candidates=candidates),
        "full": evaluate(model, split, k=KS),
    }
    found |= {str(m): evaluate(model, split, candidates=one) for m, one in drawn.items()}
    users = found["full"].index.to_numpy()
    if isinstance(model, EpochModel):
        found["seconds"] = float(model.history_["seconds"].iloc[-1])
    return found | {"lists": model.recommend(users, 10, exclude=split.train)[0]}


def _recorded(by_name: dict[str, list[dict]], split: Split) -> dict:
    """Return what is recorded of each model, from what each of its seeds measured."""
    columns = sparse.csr_array(split.train.to_csr("ones").T)
    similarity = cosine_similarity(columns).toarray()
    found = {}
    for name, runs in by_name.items():
        shown, users = [one["lists"] for one in runs], runs[0]["full"].index
        each = {key: [one[key] for one in runs] for key in runs[0] if key != "lists"}
        seconds = each.pop("seconds", [])
        both = {protocol: each[protocol] for protocol in ("sampled", "full")}
        found[name] = {
            "by_k": {protocol: table(summary(tables)) for protocol, tables in both.items()},
            "by_negatives": {
                str(m): table(summary(each[str(m)]).loc[list(METRICS)]) for m in SAMPLES
            },
            "lists": _beyond(shown, split, similarity),
            "lists_by_group": {
                group: _beyond([one[inside] for one in shown], split, similarity)
                for group, inside in _inside(users, split)
            },
            "groups": {protocol: _groups(tables, split) for protocol, tables in both.items()},
        }
        if seconds:  # other work on the machine only adds to them
            found[name]["training_seconds"] = min(seconds)
        if len(runs) > 1:
            found[name]["seeds"] = {
                protocol: {m: mean_of_seeds([one[m].mean() for one in tables]) for m in METRICS}
                for protocol, tables in both.items()
            }
    return found


def quick(
    found: dict, ratings: Interactions, candidates: Candidates, search: dict, svd: dict
) -> dict:
    """All that is recorded of the nearest users, which chance has no part in."""
    split = paper_split(ratings)
    drawn = {m: sample_candidates(split, m, seed=0) for m in SAMPLES}
    one = _measured(split, candidates, drawn, search["settings"], 0, "UserKNN", 0)
    return {"models": _recorded({"UserKNN": [one]}, split)}


BASELINES: dict[str, Callable[[Split, int], Recommender]] = {
    "Random": lambda split, factors: Random(),
    "Popularity": lambda split, factors: Popularity(),
    "Popularity of the year": lambda split, factors: PopularityAround(split, YEAR, 0),
    "SVD": lambda split, factors: SVD(factors),
}


def _fitted(name: str, settings: dict, factors: int, split: Split, seed: int) -> Recommender:
    """Fit a model by its name, and by its seed if chance plays a part in it."""
    if name in BASELINES:
        return BASELINES[name](split, factors).fit(split.train)
    return fitted(name, settings, split.train, seed)


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
            change, by_seed = np.zeros(len(tables["full"][one][0])), []
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


def _longer(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return what a list of ten has over a list of one, by user: a gap widens if this differs."""
    return [
        pd.DataFrame({name: one[f"{name}@10"] - one[f"{name}@1"] for name in BY_RANK})
        for one in tables
    ]


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


def _leakage(
    split: Split, candidates: Candidates, search: dict, seeds: range, units: Units
) -> dict:
    """What choosing on test adds, for BinaryMF and MLP.

    The setting: of the trials of the search, each trained once, the one best on validation against
    the one best on test. The epoch: of a run, the epoch that validation chose against the best on
    test, by seed. Both are chosen by each metric and judged in the same metric.
    """
    settings, tuning = search["settings"], tuning_split(split)
    trials = {name: _trials(name, search, tuning.train) for name in ("BinaryMF", "MLP")}
    on_test = units.grouped(
        _trial,
        {name: [(name, n) for n in range(len(each))] for name, each in trials.items()},
        *(split, candidates, trials),
    )
    by_epoch = units.grouped(
        _by_epoch,
        {name: [(name, seed) for seed in seeds] for name in trials},
        *(split, candidates, settings),
    )
    found = {}
    for name, each in trials.items():
        valid = [{f"valid {m}": trial[m] for m in MAIN} for trial in each]
        rows = [one | other for one, other in zip(valid, on_test[name], strict=True)]
        found[name] = _chosen_on(pd.DataFrame(rows), by_epoch[name], settings[name]["epochs"])
    trains = {
        "without the validation rows": tuning.train,
        "with them": split.train,
    }
    less = units.grouped(
        _less,
        {way: [(way, seed) for seed in seeds] for way in trains},
        *(split, candidates, settings, trains),
    )
    found["less data"] = {
        way: {m: mean_of_seeds([one[m] for one in runs]) for m in MAIN}
        for way, runs in less.items()
    }
    return found


def _trials(name: str, search: dict, train: Interactions) -> list[dict]:
    """Return the settings that the search tried, with the epoch and the figures of the first seed.

    Those that diverged are left out: nobody would choose them.
    """
    contender, found = CONTENDERS[name], []
    for trial in search["models"][name]["trials"]:
        first = {key: trial[key][0] for key in (*MAIN, "epochs")}
        if first["ndcg@10"] is not None:
            setting = {key: trial[key] for key in contender.space}
            found.append(shared_out(contender.kind, setting, train) | first)
    return found


def _trial(split: Split, candidates: Candidates, trials: dict, name: str, number: int) -> dict:
    """Test one setting of the search, trained once."""
    setting = {k: v for k, v in trials[name][number].items() if k not in MAIN}
    return measuring(split, candidates, "test")(made(name, setting).fit(split.train))


def _by_epoch(
    split: Split, candidates: Candidates, settings: dict, name: str, seed: int
) -> pd.DataFrame:
    """Train twice as long as chosen and test after every epoch."""
    model = made(name, settings[name], epochs=2 * settings[name]["epochs"], seed=seed)
    watch = measuring(split, candidates, "test")
    return model.fit(split.train, watch=watch).history_[list(MAIN)]


def _less(
    split: Split, candidates: Candidates, settings: dict, trains: dict, way: str, seed: int
) -> dict:
    """Test BinaryMF trained on all rows, or without those that validation takes."""
    model = fitted("BinaryMF", settings, trains[way], seed)
    return measuring(split, candidates, "test")(model)


def _chosen_on(trials: pd.DataFrame, runs: list[pd.DataFrame], epochs: int) -> dict:
    """Return what validation chose beside what the test would have: the setting, and the epoch."""
    return {
        "trials": len(trials),
        "rank_correlation": float(
            stats.spearmanr(trials["valid ndcg@10"], trials["ndcg@10"]).statistic
        ),
        "setting": {
            m: {
                "valid": float(trials[m][trials[f"valid {m}"].idxmax()]),
                "test": float(trials[m].max()),
            }
            for m in MAIN
        },
        "epoch": {
            m: {
                "valid": mean_of_seeds([run[m][epochs - 1] for run in runs]),
                "test": mean_of_seeds([run[m].max() for run in runs]),
                "gain": mean_of_seeds([run[m].max() - run[m][epochs - 1] for run in runs]),
            }
            for m in MAIN
        },
    }
