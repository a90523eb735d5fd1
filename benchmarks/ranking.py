"""Full ranking of MovieLens-1M's shape: top 10 of 6,040 users by 3,706 items, then the metrics.

Ranking is timed beside implicit's `recommend`, the metrics beside ranx, whose conversion from
arrays to its own types is counted because there is no way round it.
"""

import numpy as np
from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase
from ranx import Qrels, Run, evaluate
from scipy import sparse

from recsys_lib.metrics import METRICS, ranks_from_lists
from recsys_lib.top_k import top_k

from timing import alternate

USERS, ITEMS, FACTORS, K = 6_040, 3_706, 16, 10
RATINGS = 1_000_209
KS = range(1, K + 1)


class Factors(MatrixFactorizationBase):
    """Ready-made factors behind implicit's own recommend."""

    def fit(self, *_: object) -> None:
        """Nothing to fit."""

    def save(self, *_: object) -> None:
        """Nothing to save."""


def make() -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix, np.ndarray]:
    """Return random user and item factors, a training matrix and two relevant items per user."""
    rng = np.random.default_rng(0)
    users = rng.normal(size=(USERS, FACTORS)).astype(np.float32)
    items = rng.normal(size=(ITEMS, FACTORS)).astype(np.float32)
    popularity = rng.permutation(1 / np.arange(1, ITEMS + 1) ** 0.6)
    cells = np.unique(
        rng.integers(0, USERS, RATINGS) * ITEMS
        + rng.choice(ITEMS, RATINGS, p=popularity / popularity.sum())
    )
    ones = np.ones(len(cells), dtype=np.float32)
    train = sparse.csr_matrix((ones, (cells // ITEMS, cells % ITEMS)), (USERS, ITEMS))
    relevant = np.array([rng.choice(ITEMS, 2, replace=False) for _ in range(USERS)])
    return users, items, train, relevant


def rank(users: np.ndarray, items: np.ndarray, train: sparse.csr_array, batch: int = 512):
    """Score and rank, as `Recommender.recommend` does."""
    lists = np.empty((len(users), K), dtype=np.int32)
    scores = np.empty((len(users), K), dtype=np.float32)
    for start in range(0, len(users), batch):
        rows = slice(start, start + batch)
        lists[rows], scores[rows] = top_k(users[rows] @ items.T, K, train[rows])
    return lists, scores


def metrics_here(lists: np.ndarray, relevant: np.ndarray) -> dict[str, np.ndarray]:
    ranks = ranks_from_lists(lists, relevant)
    return {name: metric(ranks, KS).mean(axis=0) for name, metric in METRICS.items()}


def metrics_ranx(lists: np.ndarray, scores: np.ndarray, relevant: np.ndarray) -> dict[str, float]:
    qrels = Qrels({str(u): {str(i): 1 for i in row} for u, row in enumerate(relevant.tolist())})
    run = Run(
        {
            str(u): dict(zip(map(str, row), values, strict=True))
            for u, (row, values) in enumerate(zip(lists.tolist(), scores.tolist(), strict=True))
        }
    )
    names = [f"{m}@{k}" for m in ("hit_rate", "ndcg", "precision", "recall") for k in KS]
    return evaluate(qrels, run, names)


def main() -> dict:
    """Time everything; returns seconds and ratios."""
    users, items, train, relevant = make()
    train_array = sparse.csr_array(train)
    peer = Factors(num_threads=1)
    peer.user_factors, peer.item_factors = users, items
    everybody = np.arange(USERS)

    lists, scores = rank(users, items, train_array)
    theirs, _ = peer.recommend(everybody, train, N=K, filter_already_liked_items=True)
    assert (lists == theirs).mean() > 0.999  # equal but for scores that differ in the last digit
    here, there = metrics_here(lists, relevant), metrics_ranx(lists, scores, relevant)
    for name, other in (("hr", "hit_rate"), ("ndcg",) * 2, ("precision",) * 2, ("recall",) * 2):
        np.testing.assert_allclose(here[name], [there[f"{other}@{k}"] for k in KS], atol=1e-12)

    ranking = alternate(
        {
            "recsys_lib": lambda: rank(users, items, train_array),
            "implicit": lambda: peer.recommend(
                everybody, train, N=K, filter_already_liked_items=True
            ),
        }
    )
    measuring = alternate(
        {
            "recsys_lib": lambda: metrics_here(lists, relevant),
            "ranx": lambda: metrics_ranx(lists, scores, relevant),
        },
        repeats=3,
    )
    return {
        "ranking": {**ranking, "ratio": ranking["implicit"] / ranking["recsys_lib"]},
        "metrics": {**measuring, "ratio": measuring["ranx"] / measuring["recsys_lib"]},
    }
