"""iALS, BPR and EASE beside implicit's, and against the multiplications that must be done.

A sweep of iALS is timed as the difference between long and short fits, one thread, in float32 in
both libraries. implicit solves by Cholesky where `use_cg=False`, as we do; by default it takes
three steps of conjugate gradients, which solve approximately, and that time stands beside. BPR is
judged by what it reaches: both have the same settings to choose from by validation, and the time is
told that each needs for the NDCG@10 that implicit's reaches in the end.
"""

import json
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.split import Split
from recsys_lib.models.bpr import BPR
from recsys_lib.models.ease import EASE
from recsys_lib.models.ials import iALS

from implicit_feedback import PLANTED, SCALES, ndcg, planted, skewed
from timing import alternate

FACTORS, SWEEPS = 64, 4
RANK = 32
EPOCHS = (5, 10, 20, 40)  # each as many samples as there are interactions
GRID = [(rate, reg) for rate in (0.005, 0.01, 0.02, 0.05) for reg in (0.01, 0.02, 0.05)]


def of_rows(train: Interactions) -> sparse.csr_matrix:
    """Return the training cells as implicit takes them."""
    return sparse.csr_matrix(train.to_csr("ones"), dtype=np.float32)


def sweep(fit: Callable[[int], object]) -> float:
    """Seconds of one sweep: of a long fit less those of a short one."""
    seconds = alternate({"long": lambda: fit(1 + SWEEPS), "short": lambda: fit(1)}, 3)
    return (seconds["long"] - seconds["short"]) / SWEEPS


def sweeps() -> dict:
    """Seconds of a sweep of iALS at a million interactions, and of the products that it needs."""
    train = skewed(*SCALES["1m"])
    cells = of_rows(train)

    def ours(epochs: int) -> object:
        return iALS(FACTORS, epochs=epochs).fit(train)

    def theirs(epochs: int, use_cg: bool) -> object:
        model = AlternatingLeastSquares(
            FACTORS,
            regularization=0.1,
            use_cg=use_cg,
            iterations=epochs,
            num_threads=1,
            random_state=0,
        )
        return model.fit(cells, show_progress=False)

    seconds = {
        "recsys_lib": sweep(ours),
        "implicit": sweep(lambda epochs: theirs(epochs, use_cg=False)),
        "implicit_conjugate_gradients": sweep(lambda epochs: theirs(epochs, use_cg=True)),
    }
    n_rows = sum(train.shape)
    products = 2 * len(train) * FACTORS**2 + n_rows * FACTORS**3 / 3
    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    dense = alternate({"product": lambda: a @ a}, 5)["product"] / 1024**3
    return {
        "interactions": len(train),
        "rows": n_rows,
        "factors": FACTORS,
        "sweep": {f"{name}_seconds": value for name, value in seconds.items()},
        "implicit_by_fit": seconds["implicit"] / seconds["recsys_lib"],
        # the multiplications, at the speed of one large product of matrices
        "limit_seconds": products * dense,
    }


def steps(split: Split, rate: float, regularization: float) -> list[tuple[float, float, float]]:
    """Seconds so far, validation and test NDCG@10, after every fifth epoch of `BPR`."""
    model = BPR(RANK, learning_rate=rate, regularization=regularization)
    rows, seconds = [], 0.0
    with model._fitting(split.train):
        epochs = model._epochs(split.train, model._start(split.train))
        for n in range(1, EPOCHS[-1] + 1):
            start = time.perf_counter()
            next(epochs)
            seconds += time.perf_counter() - start
            if n % 5 == 0:
                rows.append((seconds, *(ndcg(model._score, split, on) for on in ("valid", "test"))))
    return rows


def their_steps(
    split: Split, rate: float, regularization: float
) -> list[tuple[float, float, float]]:
    """The same of implicit's, by a fit for each number of epochs: its callback sees no factors."""
    cells, rows = of_rows(split.train), []
    for n in EPOCHS:
        model = BayesianPersonalizedRanking(
            RANK,
            learning_rate=rate,
            regularization=regularization,
            iterations=n,
            num_threads=1,
            random_state=0,
        )
        start = time.perf_counter()
        model.fit(cells, show_progress=False)
        seconds = time.perf_counter() - start

        def score(users: np.ndarray, model: BayesianPersonalizedRanking = model) -> np.ndarray:
            return model.user_factors[users] @ model.item_factors.T

        rows.append((seconds, *(ndcg(score, split, on) for on in ("valid", "test"))))
    return rows


def pairs() -> dict:
    """Seconds that `BPR` and implicit's need for the NDCG@10 that implicit's reaches."""
    split, known = planted(*PLANTED)
    ours = {f"rate {r:g}, reg {g:g}": steps(split, r, g) for r, g in GRID}
    theirs = {f"rate {r:g}, reg {g:g}": their_steps(split, r, g) for r, g in GRID}
    setting, rows = max(theirs.items(), key=lambda one: max(row[1] for row in one[1]))
    seconds, goal, reached = max(rows, key=lambda row: row[1])
    there = {name: [row for row in some if row[1] >= goal] for name, some in ours.items()}
    quickest = min(((some[0][0], name) for name, some in there.items() if some), default=None)
    best, ours_rows = max(ours.items(), key=lambda one: max(row[1] for row in one[1]))
    return {
        "interactions": len(split.train),
        "factors": RANK,
        "ndcg_at_10": known,
        "implicit": {"setting": setting, "seconds": seconds, "ndcg_at_10": reached},
        "recsys_lib": quickest and {"setting": quickest[1], "seconds": quickest[0]},
        "fit_by_implicit": quickest and quickest[0] / seconds,
        "best_of_recsys_lib": {
            "setting": best,
            "ndcg_at_10": max(ours_rows, key=lambda row: row[1])[2],
        },
    }


def closed_form() -> dict:
    """Seconds and memory of EASE at the size of MovieLens-1M, and the product that limits it."""
    train = skewed(*SCALES["1m"])
    n = train.n_items
    model = EASE(200.0)
    a = np.random.default_rng(0).random((n, n))
    seconds = alternate({"fit": lambda: model.fit(train), "product": lambda: a @ a}, 2)
    tracemalloc.start()
    model.fit(train)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "items": n,
        "fit_seconds": seconds["fit"],
        "product_seconds": seconds["product"],  # as many multiplications as the inverse needs
        "peak_mb": peak / 1e6,
        "weights_mb": model.weights_.nbytes / 1e6,
    }


def main() -> dict:
    """Time everything; returns seconds, ratios, NDCG@10 and megabytes."""
    return {"ials": sweeps(), "bpr": pairs(), "ease": closed_form()}


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
