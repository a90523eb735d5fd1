"""SVD truncation on the paper's data: its figure 5, held-out ranking, and what it costs."""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, summary
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.protocol import (
    YEAR,
    PopularityAround,
    held_out,
    paper_split,
    table,
    tuning_split,
)
from recsys_lib.models import SVD, Popularity, Recommender
from recsys_lib.models.svd import truncated_svd

T = TypeVar("T")
RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1003)
SOLVER_RANKS = (1, 2, 5, 10, 20, 50, 100, 200)
SIZES = (250, 500, 1000, 2000, 4000, 16_000, 64_000)
LARGEST_FULL = 2000
PER_ROW = 20
RATED_OFTEN = 20
DECIMALS = 9


def run(ratings: Interactions, candidates: Candidates) -> dict:
    """Return the figures of chapter 3 that are not computed on its page; times on one thread."""
    split = paper_split(ratings)
    with threadpool_limits(limits=1):
        figure_5 = _figure_5(ratings)
        return {
            "figure_5": figure_5,
            "solvers": _solvers(ratings.to_csr("rating"), np.array(figure_5["singular_values"])),
            "ranking": _ranking(split, candidates),
            "axes": _axes(ratings, split),
            "scaling": _scaling(),
        }


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """Figure 5: the full decomposition and what every rank explains."""
    with threadpool_limits(limits=1):
        return {"figure_5": _figure_5(ratings)}


def _figure_5(ratings: Interactions) -> dict:
    """Reconstruct the zero-filled matrix of all ratings from its full SVD, as the paper does."""
    dense = ratings.to_csr("rating").toarray().astype(np.float64)
    seconds, (u, s, vt) = _timed(partial(np.linalg.svd, dense, full_matrices=False))
    energy = s**2
    rows = []
    for k in RANKS:
        taken, rebuilt = _timed(partial(_terms, u, s, vt, k))
        rows.append(
            {
                "k": k,
                "reconstruction_seconds": taken,
                "error": float(np.linalg.norm(dense - rebuilt) / np.linalg.norm(dense)),
                "explained": float(energy[:k].sum() / energy.sum()),
            }
        )
    return {
        "shape": list(dense.shape),
        "rank": int(np.linalg.matrix_rank(dense)),
        "full_seconds": seconds,
        "dense_mb": dense.nbytes / 1e6,
        "rows": rows,
        "singular_values": s.tolist(),
    }


def _terms(u: np.ndarray, s: np.ndarray, vt: np.ndarray, k: int) -> np.ndarray:
    """Return the sum of the first k terms of a decomposition."""
    return (u[:, :k] * s[:k]) @ vt[:k]


def _solvers(matrix: sparse.csr_array, singular_values: np.ndarray) -> list[dict]:
    """Time the truncated decompositions, and compare what each explains with the best possible."""
    matrix = matrix.astype(np.float64)
    best = singular_values**2
    rows = []
    for k in SOLVER_RANKS:
        for solver in ("arpack", "propack", "randomized"):
            seconds, (_, s, _) = _timed(partial(truncated_svd, matrix, k, solver))
            rows.append(
                {
                    "k": k,
                    "solver": solver,
                    "seconds": seconds,
                    "explained_of_best": float((s**2).sum() / best[:k].sum()),
                }
            )
    return rows


def _timed(function: Callable[[], T], repeats: int = 3) -> tuple[float, T]:
    """Return the least time of a few runs, for whatever else the machine does only adds to it."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


class Truncated(Recommender):
    """Scores from the first k terms of a decomposition that is ready, to nine decimals.

    At full rank the cells that were filled with 0 come back as 0 but for rounding, about 2e-14.
    Left as they are, these remainders would rank: they are larger where a product has more ratings.
    """

    def __init__(self, u: np.ndarray, s: np.ndarray, vt: np.ndarray, k: int):
        self.u, self.s, self.vt, self.k = u, s, vt, k

    def _fit(self, train: Interactions) -> None:
        """Nothing to learn."""

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = (self.u[users, : self.k] * self.s[: self.k]) @ self.vt[: self.k]
        return scores.round(DECIMALS).astype(np.float32)


def _ranking(split: Split, candidates: Candidates) -> dict:
    """Choose k on validation by NDCG@10, among ranks up to the full one; test the choice once.

    Users without training data get popularity, as from all other models of the course.
    """
    tuning = tuning_split(split)
    lists = held_out(tuning)
    dense = tuning.train.to_csr("rating").toarray().astype(np.float64)
    u, s, vt = np.linalg.svd(dense, full_matrices=False)
    trials = []
    for k in RANKS:
        model = Truncated(u, s, vt, k).fit(tuning.train)
        left = 1 - (s[:k] ** 2).sum() / (s**2).sum()
        row = {"k": k, **_means(model, tuning, lists)}
        trials.append(row | {"training_error": float(np.sqrt(max(left, 0.0)))})
    best = max((t for t in trials if t["k"] < min(dense.shape)), key=lambda t: t["ndcg@10"])
    chosen = SVD(factors=best["k"]).fit(split.train)
    tested = evaluate(chosen, split, candidates=candidates)
    found = {
        "trials": trials,
        "validation_popularity": _means(Popularity().fit(tuning.train), tuning, lists),
        "k": best["k"],
        "sampled": table(summary(tested)),
        "full": table(summary(evaluate(chosen, split))),
    }
    rivals = {
        "popularity": Popularity().fit(split.train),
        "recent_popularity": PopularityAround(split, YEAR, 0).fit(split.train),
    }
    for name, rival in rivals.items():
        baseline = evaluate(rival, split, candidates=candidates)
        found[name] = table(summary(baseline))
        found[f"against_{name}"] = table(compare(tested, baseline))
    return found


def _means(model: Recommender, split: Split, candidates: Candidates) -> dict:
    means = evaluate(model, split, on="valid", candidates=candidates).mean()
    return {"hr@10": means["hr@10"], "ndcg@10": means["ndcg@10"]}


def _axes(ratings: Interactions, split: Split) -> list[dict]:
    """Products rated often that lie at the ends of the first three axes, and what they go with."""
    model = SVD(3).fit(split.train)
    counts = split.train.item_counts
    often = np.flatnonzero(counts >= RATED_OFTEN)
    rows = []
    for axis, factor in enumerate(model.item_factors_.T):
        order = often[np.argsort(factor[often], kind="stable")]
        rows.append(
            {
                "singular_value": float(model.singular_values_[axis]),
                "low": ratings.titles(order[:3].tolist()),
                "high": ratings.titles(order[::-1][:3].tolist()),
                "correlation_with_count": float(np.corrcoef(factor, counts)[0, 1]),
            }
        )
    return rows


def _scaling() -> list[dict]:
    """Time square matrices of growing size, 20 entries a row: all at once, and 16 terms of it."""
    rows = []
    rng = np.random.default_rng(0)
    for n in SIZES:
        cells = np.repeat(np.arange(n), PER_ROW), rng.integers(0, n, n * PER_ROW)
        matrix = sparse.csr_array((rng.normal(size=n * PER_ROW), cells), shape=(n, n))
        row = {
            "n": n,
            "dense_mb": n * n * 8 / 1e6,
            "sparse_mb": (matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes) / 1e6,
        }
        caught = {}
        for solver in ("arpack", "randomized"):
            row[f"{solver}_seconds"], (_, s, _) = _timed(partial(truncated_svd, matrix, 16, solver))
            caught[solver] = (s**2).sum()
        row["randomized_of_arpack"] = float(caught["randomized"] / caught["arpack"])
        if n <= LARGEST_FULL:
            dense = matrix.toarray()
            row["full_seconds"], _ = _timed(partial(np.linalg.svd, dense, full_matrices=False))
        rows.append(row)
    return rows
