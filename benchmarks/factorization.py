"""Learning factors: epochs of gradient descent, what memory would allow, and sweeps of ALS.

The ratings have the shapes of MovieLens-100K and MovieLens-1M and a planted structure, so that the
error on held-out ratings says whether a fast library also learns. Surprise and cornac take the same
steps as `MF` (biases, learning rate, regularization, spread of the initial factors); Surprise holds
its numbers in float64, goes through them user by user and reads the ratings as Python objects,
which is why it depends on whether they lie in memory in the order in which it reads them. An epoch
of a fit is timed as the difference between many epochs and few, so that set-up is not counted.

implicit's ALS is a yardstick and no contest: it solves another problem on the same matrix (all
cells, the empty ones as zeros, the filled ones weighted by their rating, in float32), but sums and
solves normal equations of the same size for every row. `ALS` works in float64, and its fit measures
loss and errors after each sweep; "solving" is the sweep without that.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from cornac.data import Dataset as CornacDataset
from cornac.models import MF as CornacMF
from implicit.als import AlternatingLeastSquares
from numba import njit
from scipy import sparse
from surprise import SVD, Dataset, Reader

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.als import ALS
from recsys_lib.models.mf import BLOCK, MF, blocks_in_order, epoch

from timing import alternate

SHAPES = {"100k": (943, 1_682, 100_000), "1m": (6_040, 3_706, 1_000_209)}
RANKS = (16, 100)
RATE, REGULARIZATION, SPREAD, EPOCHS = 0.005, 0.02, 0.1, 20
LONG = 10_000_000  # ratings whose columns fit in no cache
FAST = {"reassoc", "contract", "nsz"}  # as the kernel is compiled


@njit(fastmath=FAST)
def read_rows(users, items, ratings, P, Q):
    """Read all that an epoch reads, and only add it up."""
    total = np.float32(0)
    for s in range(len(ratings)):
        u, i = users[s], items[s]
        row = ratings[s]
        for f in range(P.shape[1]):
            row += P[u, f] + Q[i, f]
        total += row
    return total


@njit(fastmath=FAST)
def write_rows(users, items, ratings, P, Q, small):
    """Read all that an epoch reads and write both rows, with one addition per number."""
    for s in range(len(ratings)):
        u, i, step = users[s], items[s], small * ratings[s]
        for f in range(P.shape[1]):
            P[u, f] += step
            Q[i, f] -= step


@njit(fastmath=FAST)
def follow(order, users, items, ratings, mean, bu, bi, P, Q, rate, regularization, biases):
    """Take the steps of `recsys_lib.models.mf.sgd`, finding each rating through `order`."""
    squared, absolute = 0.0, 0.0
    for s in order:
        u, i = users[s], items[s]
        error = ratings[s] - mean - bu[u] - bi[i]
        for f in range(P.shape[1]):
            error -= P[u, f] * Q[i, f]
        squared += error * error
        absolute += abs(error)
        if biases:
            bu[u] += rate * (error - regularization * bu[u])
            bi[i] += rate * (error - regularization * bi[i])
        for f in range(P.shape[1]):
            p, q = P[u, f], Q[i, f]
            P[u, f] = p + rate * (error * q - regularization * p)
            Q[i, f] = q + rate * (error * p - regularization * q)
    return squared, absolute


def skewed_pairs(
    n_users: int, n_items: int, n: int, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` different pairs in random order, the items by a popularity like MovieLens'.

    `draws` pairs are drawn, so many more that as many as wanted are different.
    """
    popularity = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.6)
    cells = np.unique(
        rng.integers(0, n_users, draws) * n_items
        + rng.choice(n_items, draws, p=popularity / popularity.sum())
    )
    cells = rng.permutation(cells)[:n]
    assert len(cells) == n
    return cells // n_items, cells % n_items


def make(n_users: int, n_items: int, n_ratings: int) -> tuple[Interactions, Interactions]:
    """Draw ratings from a mean, biases, 8 factors and noise; split them at random, 90 to 10."""
    rng = np.random.default_rng(0)
    users, items = skewed_pairs(n_users, n_items, n_ratings, int(1.2 * n_ratings), rng)
    P, Q = (rng.normal(0, 0.4, (n, 8)) for n in (n_users, n_items))
    stars = 3.6 + rng.normal(0, 0.4, n_users)[users] + rng.normal(0, 0.5, n_items)[items]
    stars += (P[users] * Q[items]).sum(axis=1) + rng.normal(0, 0.8, n_ratings)
    every = Interactions(
        users,
        items,
        np.clip(np.rint(stars), 1, 5),
        np.zeros(n_ratings),
        np.arange(n_users),
        np.arange(n_items),
        scale=(1, 5),
    )
    train, test = every.select(slice(n_ratings // 10, None)), every.select(slice(n_ratings // 10))
    known = (train.user_counts > 0)[test.user] & (train.item_counts > 0)[test.item]
    return train, test.select(known)


def surprise_set(ratings: Interactions):
    """Return Surprise's training set, its objects made in the order of the ratings."""
    columns = {"user": ratings.user, "item": ratings.item, "rating": ratings.rating}
    reader = Reader(rating_scale=ratings.scale)
    return Dataset.load_from_df(pd.DataFrame(columns), reader).build_full_trainset()


def fitters(train: Interactions, rank: int, sets: dict) -> dict[str, Callable]:
    """Return functions from epochs (and a seed) to a fitted model, one per contender."""

    def ours(epochs: int, seed: int = 0) -> MF:
        model = MF(rank, RATE, REGULARIZATION, epochs, init_scale=SPREAD, seed=seed)
        return model.fit(train)

    def surprise(name: str) -> Callable[..., SVD]:
        def fit(epochs: int, seed: int = 0) -> SVD:
            model = SVD(
                n_factors=rank,
                n_epochs=epochs,
                biased=True,
                init_std_dev=SPREAD,
                lr_all=RATE,
                reg_all=REGULARIZATION,
                random_state=seed,
            )
            return model.fit(sets[name])

        return fit

    def cornac(epochs: int, seed: int = 0) -> CornacMF:
        rng = np.random.default_rng(seed)
        start = {
            name: rng.normal(0, SPREAD, (n, rank)).astype(np.float32)
            for name, n in (("U", sets["cornac"].num_users), ("V", sets["cornac"].num_items))
        }
        model = CornacMF(
            k=rank,
            max_iter=epochs,
            learning_rate=RATE,
            lambda_reg=REGULARIZATION,
            use_bias=True,
            early_stop=False,
            num_threads=1,
            init_params=start,
        )
        return model.fit(sets["cornac"])

    return {
        "recsys_lib": ours,
        "surprise": surprise("surprise"),
        "surprise_sorted": surprise("surprise_sorted"),
        "cornac": cornac,
    }


def learned(name: str, model, sets: dict, shape: tuple[int, int]) -> tuple:
    """Return mean, biases and factors of any contender, in our numbering."""
    if name == "recsys_lib":
        return model.global_mean_, *model._factors()
    if name == "cornac":
        users, items = sets[name].user_ids, sets[name].item_ids
        found = model.u_biases, model.i_biases, model.u_factors, model.i_factors
        mean = model.global_mean
    else:
        users = [sets[name].to_raw_uid(u) for u in range(sets[name].n_users)]
        items = [sets[name].to_raw_iid(i) for i in range(sets[name].n_items)]
        found, mean = (model.bu, model.bi, model.pu, model.qi), sets[name].global_mean
    placed = []
    for array, ids, n in zip(found, (users, items) * 2, shape * 2, strict=True):
        placed.append(np.zeros((n, *array.shape[1:])))
        placed[-1][list(ids)] = array
    return mean, *placed


def error(mean, bu, bi, P, Q, test: Interactions) -> float:
    predicted = mean + bu[test.user] + bi[test.item] + (P[test.user] * Q[test.item]).sum(axis=1)
    return float(np.sqrt(((np.clip(predicted, 1, 5) - test.rating) ** 2).mean()))


def per_epoch(fits: dict[str, Callable], few: int, many: int, repeats: int) -> dict[str, float]:
    """Seconds of one epoch of each fit, and of what the fit does once."""
    runs = {(name, n): lambda f=fit, n=n: f(n) for name, fit in fits.items() for n in (few, many)}
    seconds = alternate(runs, repeats)
    found = {}
    for name in fits:
        one = (seconds[name, many] - seconds[name, few]) / (many - few)
        found[name] = one
        found[f"{name}_once"] = seconds[name, few] - few * one
    return found


def kernel_input(train: Interactions, rank: int) -> tuple[tuple, tuple, np.ndarray]:
    """Return shuffled columns, the other arguments of the kernel, and an order of the blocks."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(train))
    columns = train.user[order], train.item[order], train.rating[order]
    factors = (rng.normal(0, SPREAD, (n, rank)).astype(np.float32) for n in train.shape)
    rest = (
        np.float32(train.rating.mean(dtype=np.float64)),
        *(np.zeros(n, dtype=np.float32) for n in train.shape),
        *factors,
        np.float32(RATE),
        np.float32(REGULARIZATION),
        True,
    )
    return columns, rest, rng.permutation(-(-len(train) // BLOCK))


def descend(train: Interactions, test: Interactions, rank: int, sets: dict, small: bool) -> dict:
    """Time gradient descent in all libraries, and measure what they learned."""
    fits = fitters(train, rank, sets)
    rmse = {}
    for name, fit in fits.items():  # small data: a mean, for the random start shifts it by 0.002
        models = (fit(EPOCHS, seed) for seed in range(5 if small else 1))
        errors = [error(*learned(name, model, sets, train.shape), test) for model in models]
        rmse[name] = float(np.mean(errors))
    spread = float(np.std(test.rating))
    assert all(0.8 < value < 0.97 * spread for value in rmse.values()), rmse
    assert all(rmse["recsys_lib"] < value + 0.002 for value in rmse.values()), rmse

    columns, rest, blocks = kernel_input(train, rank)
    kernel = alternate({"kernel": lambda: blocks_in_order(*columns, blocks, *rest)}, 15)
    quick = {name: fits[name] for name in ("recsys_lib", "cornac")}
    slow = {name: fits[name] for name in ("surprise", "surprise_sorted")}
    seconds = kernel | per_epoch(quick, 2, 12 if small else 7, 5)
    seconds |= per_epoch(slow, 1, 6 if small else 3, 3 if small else 2)
    return {
        "seconds": seconds,
        "nanoseconds": {
            name: 1e9 * value / len(train)
            for name, value in seconds.items()
            if not name.endswith("_once")
        },
        "rmse": rmse,
        "surprise_by_kernel": seconds["surprise"] / seconds["kernel"],
        "surprise_by_fit": seconds["surprise"] / seconds["recsys_lib"],
        "surprise_sorted_by_kernel": seconds["surprise_sorted"] / seconds["kernel"],
        "surprise_sorted_by_fit": seconds["surprise_sorted"] / seconds["recsys_lib"],
        "cornac_by_fit": seconds["cornac"] / seconds["recsys_lib"],
    }


def limits(train: Interactions, rank: int, repeats: int) -> dict[str, float]:
    """Nanoseconds per rating: the kernel, mere reading, mere writing, and following an order."""
    columns, rest, blocks = kernel_input(train, rank)
    P, Q = rest[3:5]
    order = np.random.default_rng(0).permutation(len(train))  # the one behind the columns
    original = train.user, train.item, train.rating
    first, second = (tuple(a.copy() if np.ndim(a) else a for a in rest) for _ in range(2))
    one, two = epoch(*columns, *first), follow(order, *original, *second)
    np.testing.assert_allclose(one, two, rtol=1e-4)
    np.testing.assert_allclose(first[3], second[3], atol=1e-4)
    small = np.float32(1e-9)
    seconds = alternate(
        {
            "kernel": lambda: blocks_in_order(*columns, blocks, *rest),
            "following_order": lambda: follow(order, *original, *rest),
            "read": lambda: read_rows(*columns, P, Q),
            "read_and_write": lambda: write_rows(*columns, P, Q, small),
        },
        repeats,
    )
    return {name: 1e9 * value / len(train) for name, value in seconds.items()}


class Long:
    """As many ratings as no cache holds, of the users and items of MovieLens-1M; pairs repeat."""

    shape = SHAPES["1m"][:2]

    def __init__(self, like: Interactions):
        rng = np.random.default_rng(1)
        which = rng.integers(0, len(like), LONG)
        self.user, self.item, self.rating = like.user[which], like.item[which], like.rating[which]

    def __len__(self) -> int:
        return LONG


def sweeps(train: Interactions, rank: int, heavy: bool) -> dict[str, float]:
    """Seconds of one sweep over all users and all items: the least of those of a few fits."""
    by_user = train.to_csr()
    by_item, matrix = by_user.T.tocsr(), sparse.csr_matrix(by_user)
    found = {}

    def note(name: str, seconds: float) -> None:
        found[name] = min(seconds, found.get(name, np.inf))

    for _ in range(1 if heavy else 3):
        for name, biases in (("recsys_lib", False), ("recsys_lib_biases", True)):
            model = ALS(rank, epochs=3, biases=biases).fit(train)
            note(name, float(model.history_["seconds"].diff().min()))  # without set-up
            sides = [
                np.column_stack([factors, bias])
                for factors, bias in (
                    (model.user_factors_, model.user_biases_),
                    (model.item_factors_, model.item_biases_),
                )
            ]
            for _ in range(2):
                start = time.perf_counter()
                model._half(by_user, sides[1], sides[0])
                model._half(by_item, sides[0], sides[1])
                note(f"{name}_solving", time.perf_counter() - start)
        peer = AlternatingLeastSquares(
            rank,
            use_cg=False,
            use_native=True,
            num_threads=1,
            calculate_training_loss=False,
            iterations=3,
            random_state=0,
        )
        peer.fit(matrix, show_progress=False, callback=lambda _, s, *rest: note("implicit", s))
    found["implicit_by_solving"] = found["implicit"] / found["recsys_lib_solving"]
    found["implicit_by_fit"] = found["implicit"] / found["recsys_lib"]
    return found


def main() -> dict:
    """Time everything; returns seconds, nanoseconds per rating, errors and ratios."""
    found = {"descent": {}, "limits": {}, "als": {}}
    for size, shape in SHAPES.items():
        train, test = make(*shape)
        in_order = np.lexsort((train.item, train.user))
        rows = zip(train.user.tolist(), train.item.tolist(), train.rating.tolist(), strict=True)
        sets = {
            "surprise": surprise_set(train),
            "surprise_sorted": surprise_set(train.select(in_order)),
            "cornac": CornacDataset.build(list(rows)),
        }
        small = size == "100k"
        for rank in RANKS:
            name = f"{size}_{rank}"
            found["descent"][name] = descend(train, test, rank, sets, small)
            found["limits"][name] = limits(train, rank, 15)
            found["als"][name] = sweeps(train, rank, heavy=not small and rank > 50)
    del sets
    longer = Long(train)
    for rank in RANKS:
        found["limits"][f"10m_{rank}"] = limits(longer, rank, 2)
    return found


if __name__ == "__main__":
    import json

    print(json.dumps(main(), indent=1))
