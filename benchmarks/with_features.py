"""What features cost, and what cornac's hybrid models make of the same ones.

**Cost**: an epoch of `FeatureMF` beside one of `BinaryMF`, and the memory of both. They see the
same positives and draw as many negatives; an item has 20 features besides its identity, so a sample
reads and moves 21 rows in place of one. Time and memory grow with the interactions, and not with
their square: the second scale has ten times as many.

**New items**: a fifth of the films of MovieLens is left out entirely and ranked among themselves,
as in chapter 12. Every model that learns has twelve settings to choose from, by NDCG@10 on another
fifth of the films with one seed; the chosen one is fitted with three. VBPR (He and McAuley 2016)
takes the features where it would take those of an image, CTR (Wang and Blei 2011) takes their
counts as the words of a text. Negatives are drawn among the films that have an event, as ours are,
and what an identity without any has by its random start is set to 0. Seconds are the fewest of the
three fits.
"""

import json
import time
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
from cornac.data import Dataset
from cornac.models import CTR, VBPR
from scipy import sparse

from recsys_lib import data
from recsys_lib.data import Features, Interactions
from recsys_lib.evaluation import compare, evaluate, new_item_candidates, search
from recsys_lib.models import BinaryMF, Content, FeatureMF, MappedFactors, Popularity, Random, iALS
from recsys_lib.models.base import Recommender
from recsys_lib.models.content import tf_idf

from implicit_feedback import SCALES, skewed
from timing import alternate

FACTORS, EACH, KINDS = 32, 20, 2_000  # features of an item, and how many there are
METRICS, SEEDS = ("hr@10", "ndcg@10"), range(3)


def described(train: Interactions) -> Interactions:
    """Give every item `EACH` different features at random."""
    rng = np.random.default_rng(0)
    chosen = np.argsort(rng.random((train.n_items, KINDS)), axis=1)[:, :EACH]
    rows = np.repeat(np.arange(train.n_items), EACH)
    shape = train.n_items, KINDS
    cells = sparse.csr_array((np.ones(rows.size), (rows, chosen.ravel())), shape)
    names = [f"feature {number}" for number in range(KINDS)]
    return train.with_features(items=Features(cells, names, train.item_ids))


def epochs(scale: str) -> dict:
    """Seconds of an epoch of each, and the most memory that a fit of one epoch takes."""
    plain = skewed(*SCALES[scale])
    fits = {
        "BinaryMF": lambda n: BinaryMF(FACTORS, epochs=n).fit(plain),
        "FeatureMF": lambda n: FeatureMF(FACTORS, epochs=n).fit(with_features),
    }
    with_features = described(plain)
    runs = {
        f"{name} {n}": (lambda fit=fit, n=n: fit(n)) for name, fit in fits.items() for n in (1, 3)
    }
    seconds = alternate(runs, 3)
    found: dict = {}
    for name, fit in fits.items():
        tracemalloc.start()
        fit(1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        each = (seconds[f"{name} 3"] - seconds[f"{name} 1"]) / 2
        found[name] = {"epoch_seconds": each, "peak_mb": peak / 1e6}
    ratio = found["FeatureMF"]["epoch_seconds"] / found["BinaryMF"]["epoch_seconds"]
    return found | {"interactions": len(plain), "features_each": EACH, "ratio": ratio}


class Theirs(Recommender):
    """A model of cornac behind our interface, so that all are ranked by the same code."""

    def __init__(self, theirs: VBPR | CTR):
        self.theirs = theirs

    def _fit(self, train: Interactions) -> None:
        assert train.item_features is not None
        known = int((train.item_counts > 0).sum())
        self.order_ = np.argsort(train.item_counts == 0, kind="stable")  # those with events first
        place = np.argsort(self.order_)
        everybody, everything = (dict(zip(range(n), range(n), strict=True)) for n in train.shape)
        cells = train.user, place[train.item], np.ones(len(train))
        # VBPR draws its negatives among the first `num_items`; CTR draws none, and solves for all
        drawn = known if isinstance(self.theirs, VBPR) else train.n_items
        events = Dataset(train.n_users, drawn, everybody, everything, cells, seed=0)
        times = train.item_features.matrix
        weights = tf_idf(times, train.item_counts > 0)[self.order_].toarray()
        events.add_modalities(
            item_image=SimpleNamespace(features=weights),
            item_text=SimpleNamespace(
                batch_bow=lambda ids, keep_sparse: sparse.csr_matrix(times[self.order_[ids]]),
                vocab=SimpleNamespace(size=times.shape[1]),
            ),
        )
        self.theirs.fit(events)
        if isinstance(self.theirs, VBPR):
            self.theirs.gamma_item[known:] = 0
            self.theirs.beta_item[known:] = 0

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = np.empty((len(users), self.n_items_))
        for row, user in zip(scores, users.tolist(), strict=True):
            row[self.order_] = self.theirs.score(user)
        return scores


def vbpr(rate: float, penalty: float, seed: int = 0) -> Theirs:
    """VBPR with 16 factors for identities and 16 for features, 20 epochs."""
    model = VBPR(
        k=16,
        k2=16,
        n_epochs=20,
        learning_rate=rate,
        lambda_w=penalty,
        lambda_e=penalty,
        verbose=False,
        seed=seed,
    )
    return Theirs(model)


def ctr(lambda_v: float, b: float, seed: int = 0) -> Theirs:
    """CTR with 32 topics, 50 sweeps; b is the weight of a cell without an event."""
    model = CTR(k=32, lambda_u=0.01, lambda_v=lambda_v, b=b, max_iter=50, verbose=False, seed=seed)
    return Theirs(model)


def mapped(strength: float, weight: float, seed: int = 0) -> MappedFactors:
    """Ridge regression from features to the factors of iALS."""
    factors = iALS(32, unobserved_weight=weight, seed=seed)
    return MappedFactors(factors, regularization=strength)


def sums(penalty: float, dropout: float, seed: int = 0) -> FeatureMF:
    """Each item the sum of its features, 10 epochs."""
    return FeatureMF(32, regularization=penalty, identity_dropout=dropout, epochs=10, seed=seed)


TRIED: dict[str, tuple[Callable[..., Recommender], dict[str, tuple[float, ...]]]] = {
    "MappedFactors": (mapped, {"strength": (0.3, 1.0, 3.0, 10.0), "weight": (1.0, 3.0, 10.0)}),
    "FeatureMF": (sums, {"penalty": (3.0, 10.0, 30.0, 100.0), "dropout": (0.0, 0.25, 0.5)}),
    "cornac VBPR": (vbpr, {"rate": (1e-4, 3e-4, 1e-3, 3e-3), "penalty": (0.0, 1e-4, 1e-3)}),
    "cornac CTR": (ctr, {"lambda_v": (1e3, 1e4, 1e5), "b": (0.01, 0.03, 0.1, 0.3)}),
}
PAIRS = (("MappedFactors", "cornac CTR"), ("FeatureMF", "cornac VBPR"))


def new_items() -> dict:
    """What each model reaches among films that nobody has rated."""
    ratings = data.min_counts(data.load("movielens-small"), user=1, item=5)
    ratings = ratings.with_features(items=data.item_features(ratings))
    split = data.split_items(ratings, fold=0)
    on_valid, on_test = (new_item_candidates(split, on=on) for on in ("valid", "test"))
    fixed = {"chance": Random(seed=0), "oracle": Popularity(), "Content": Content()}
    makers: dict[str, list[Recommender]] = {name: [model] for name, model in fixed.items()}
    found: dict[str, dict] = {name: {} for name in makers}
    for name, (make, grid) in TRIED.items():
        trials = search(make, grid, split, candidates=on_valid)  # warns of a choice at an end
        best = trials.attrs["best"]
        makers[name] = [make(**best, seed=seed) for seed in SEEDS]
        found[name] = {
            "settings": trials[list(grid)].to_numpy().tolist(),
            "valid_ndcg@10": trials["ndcg@10"].tolist(),
            "chosen": best,
            "at_end": list(trials.attrs["at_end"]),
        }
    tables: dict[str, list] = {}
    for name, models in makers.items():
        train, seconds = split.test if name == "oracle" else split.train, []
        tables[name] = []
        for model in models:
            start = time.perf_counter()
            model.fit(train)
            seconds.append(time.perf_counter() - start)
            tables[name].append(evaluate(model, split, candidates=on_test))
        found[name]["fit_seconds"] = min(seconds)
        found[name] |= {m: [float(one[m].mean()) for one in tables[name]] for m in METRICS}
    rows = {f"{a} - {b}": compare(tables[a], tables[b]).loc[METRICS[0]] for a, b in PAIRS}
    differences = {
        pair: {name: float(row[name]) for name in ("difference", "low", "high")}
        for pair, row in rows.items()
    }
    return found | {"differences": differences}


def main() -> dict:
    """Return the cost at both scales, and what is reached among new items."""
    cost = {scale: epochs(scale) for scale in ("100k", "1m")}
    return {"cost": cost, "new_items": new_items()}


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
