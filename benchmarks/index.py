"""Lists from a million items: the exact product beside indexes, one user at a time, one thread.

The vectors are learned and not drawn: random ones have no neighborhoods, and are far from what an
index meets. The events they are learned from are made, of groups of items with a long tail in each,
and of users who like some of the groups. With a million items, `iALS` learns from the items that
are met most; then all items, and at last all users, are solved for as in its sweeps.

Recall is the share of the 100 best that a search finds, a mean over users; the clock runs over all
of them, one after the other. Graphs take minutes to build at this size, so the libraries are
compared at a tenth of it, each with the product itself and with the trick that turns it into a
distance (`recsys_lib.scale.nearest`).
"""

import contextlib
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import faiss
import numpy as np
from scipy import sparse
from usearch.index import Index as UsearchIndex

from recsys_lib.data.interactions import Interactions
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models.ials import iALS
from recsys_lib.scale.nearest import (
    Found,
    InvertedLists,
    ItemIndex,
    augmented,
    augmented_queries,
    exact,
    recall,
)

from timing import alternate

Search = Callable[[np.ndarray], Found]

N_ITEMS, FEWER, FACTORS, K = 1_000_000, 100_000, 64, 100
N_USERS, REPEATS = 200, 5
EVENTS = 100  # of each user
PROBES = (1, 2, 4, 8, 16, 32, 64, 128)
WIDTHS = (100, 200, 400, 800)  # of the search in a graph
LINKS, WIDTH_OF_BUILD = 16, 100  # of each item, to others; how widely these are searched
PACKAGES = ("faiss-cpu", "usearch", "hnswlib", "numpy", "scikit-learn")


def falling(rng: np.random.Generator, n: int, head: float, size: int | tuple) -> np.ndarray:
    """Draw numbers below n, number r about as often as 1 / (r + head)."""
    drawn = head * ((1 + n / head) ** rng.random(size) - 1)
    return np.minimum(drawn.astype(np.int64), n - 1)


def made(n_items: int, seed: int = 0) -> Interactions:
    """Return events of a tenth as many users as items; each item is met at least once."""
    rng, n_users, n_groups = np.random.default_rng(seed), n_items // 10, round(n_items**0.5)
    likes = falling(rng, n_groups, n_groups / 10, (n_users, 5))
    user = np.repeat(np.arange(n_users), EVENTS)
    group = likes[user, falling(rng, 5, 2, len(user))]
    chance = rng.random(len(user)) < 0.1
    group[chance] = falling(rng, n_groups, n_groups / 10, int(chance.sum()))
    place = falling(rng, n_items // n_groups, 10, len(user))
    item = np.minimum(place * n_groups + group, n_items - 1)
    cells = np.r_[user * n_items + item, rng.integers(n_users, size=n_items) * n_items]
    cells[len(user) :] += np.arange(n_items)
    return interactions(*np.divmod(np.unique(cells), n_items), n_users, n_items)


def interactions(user: np.ndarray, item: np.ndarray, n_users: int, n_items: int) -> Interactions:
    """Return events without ratings and times."""
    n = len(user)
    return Interactions(user, item, np.ones(n), np.zeros(n), range(n_users), range(n_items))


def learnt(n_items: int, factors: int = FACTORS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of users and items that `iALS` has learned, float32."""
    train = made(n_items, seed)
    often = np.argsort(-train.item_counts, kind="stable")[: n_items // 20]
    place = np.full(n_items, NO_ITEM)
    place[often] = np.arange(len(often))
    kept = place[train.item] != NO_ITEM
    part = train.user[kept], place[train.item[kept]], train.n_users, len(often)
    # what nobody has met weighs 1,000 events in all
    model = iALS(factors, unobserved_weight=1000 / n_items, epochs=4, seed=seed)
    users = model.fit(interactions(*part), progress=False).user_factors_
    cells, items = train.to_csr("ones"), np.zeros((n_items, factors), dtype=np.float32)
    model._half(sparse.csr_array(cells.T), users, items)
    model._half(cells, items, users)
    return users, items


def timed(build: Callable[[], object]) -> tuple[object, float]:
    """Return what is built, and the seconds that it takes."""
    start = time.perf_counter()
    return build(), time.perf_counter() - start


def one_by_one(search: Search, users: np.ndarray) -> Found:
    """Return what a search finds for each user alone."""
    found = [search(users[[row]]) for row in range(len(users))]
    items, scores = zip(*found, strict=True)
    return np.vstack(items), np.vstack(scores)


def curves(searches: dict[str, Search], users: np.ndarray, items: np.ndarray) -> dict:
    """Return recall and milliseconds of each search, beside those of the exact product."""
    best = exact(users, items, k=K)
    runs = {name: partial(one_by_one, search, users) for name, search in searches.items()}
    runs["exact"] = partial(one_by_one, lambda user: exact(user, items, k=K), users)
    # without finding the best of the scores
    runs["product"] = lambda: [items @ user for user in users]
    seconds = {name: each / len(users) for name, each in alternate(runs, REPEATS).items()}
    found = {name: {"milliseconds": 1000 * each} for name, each in seconds.items()}
    for name, search in searches.items():
        found[name] |= {
            "recall_at_100": float(recall(one_by_one(search, users), best).mean()),
            "times_faster_than_exact": seconds["exact"] / seconds[name],
            "times_faster_than_product": seconds["product"] / seconds[name],
        }
    return found


def with_products(found: np.ndarray, users: np.ndarray, items: np.ndarray) -> Found:
    """Return the items with their scores, which are not counted as the search's own work."""
    found = found.astype(np.int64)
    return found, np.einsum("nkd,nd->nk", items[found], users)


def a_million(n_items: int = N_ITEMS) -> dict:
    """Time the index of the library, and the same in NumPy, at full size."""
    (users, items), learning = timed(lambda: learnt(n_items))
    users = users[np.random.default_rng(1).choice(len(users), N_USERS, replace=False)]
    index, building = timed(lambda: ItemIndex(items))
    lists, clustering = timed(lambda: InvertedLists(index.n_cells).fit(items))
    searches = {f"faiss, {n} cells": partial(index.search, k=K, n_probe=n) for n in PROBES}
    for n in PROBES[2:-1]:
        searches[f"NumPy, {n} cells"] = partial(lists.search, k=K, n_probe=n)
    with tempfile.TemporaryDirectory() as folder:
        path, saving = timed(lambda: index.save(Path(folder) / "items.index"))
        _, loading = timed(lambda: ItemIndex.load(path))
        megabytes = path.stat().st_size / 1e6
    return {
        "items": n_items,
        "factors": FACTORS,
        "cells": index.n_cells,
        "learning_seconds": learning,
        "build_seconds": building,
        "numpy_build_seconds": clustering,
        "save_seconds": saving,
        "load_seconds": loading,
        "megabytes": megabytes,
        "vectors_megabytes": items.nbytes / 1e6,
        "curves": curves(searches, users, items),
    }


def lists_of_faiss(stored: np.ndarray, metric: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a search by inverted lists, by number of cells."""
    how = {faiss.METRIC_L2: faiss.IndexFlatL2, faiss.METRIC_INNER_PRODUCT: faiss.IndexFlatIP}
    width, n_cells = stored.shape[1], int(4 * len(stored) ** 0.5)
    index = faiss.IndexIVFFlat(how[metric](width), width, n_cells, metric)
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 64, 1
    index.train(stored)
    index.add(stored)

    def search(queries: np.ndarray, n: int) -> np.ndarray:
        return index.search(queries, K, params=faiss.SearchParametersIVF(nprobe=n))[1]

    return search


def graph_of_faiss(stored: np.ndarray, metric: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a search in a graph (HNSW), by its width."""
    index = faiss.IndexHNSWFlat(stored.shape[1], LINKS, metric)
    index.hnsw.efConstruction = WIDTH_OF_BUILD
    index.add(stored)

    def search(queries: np.ndarray, n: int) -> np.ndarray:
        return index.search(queries, K, params=faiss.SearchParametersHNSW(efSearch=n))[1]

    return search


def graph_of_usearch(stored: np.ndarray, metric: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return the same of usearch."""
    name = {faiss.METRIC_L2: "l2sq", faiss.METRIC_INNER_PRODUCT: "ip"}[metric]
    index = UsearchIndex(
        ndim=stored.shape[1],
        metric=name,
        dtype="f32",
        connectivity=LINKS,
        expansion_add=WIDTH_OF_BUILD,
    )
    index.add(np.arange(len(stored)), stored, threads=1)

    def search(queries: np.ndarray, n: int) -> np.ndarray:
        index.expansion_search = n
        return index.search(queries[0], K, threads=1).keys[None]

    return search


def graph_of_hnswlib(stored: np.ndarray, metric: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return the same of hnswlib."""
    import hnswlib  # which has to be compiled, and may be missing

    name = {faiss.METRIC_L2: "l2", faiss.METRIC_INNER_PRODUCT: "ip"}[metric]
    index = hnswlib.Index(name, stored.shape[1])
    index.init_index(len(stored), M=LINKS, ef_construction=WIDTH_OF_BUILD, random_seed=0)
    index.add_items(stored, num_threads=1)

    def search(queries: np.ndarray, n: int) -> np.ndarray:
        index.set_ef(n)
        return index.knn_query(queries, K, num_threads=1)[0]

    return search


LIBRARIES = {
    "faiss lists": (lists_of_faiss, PROBES[2:-1]),
    "faiss graph": (graph_of_faiss, WIDTHS),
    "usearch graph": (graph_of_usearch, WIDTHS),
    "hnswlib graph": (graph_of_hnswlib, WIDTHS),
}


def libraries(n_items: int = FEWER) -> dict:
    """Time lists and graphs of three libraries, by the product itself and by the trick."""
    users, items = learnt(n_items)
    users = users[np.random.default_rng(1).choice(len(users), N_USERS, replace=False)]
    ways = {
        "product": (items, users, faiss.METRIC_INNER_PRODUCT),
        "distance": (augmented(items), augmented_queries(users), faiss.METRIC_L2),
    }
    building, searches, queries = {}, {}, {}
    for library, (build, settings) in LIBRARIES.items():
        if library.startswith("hnswlib") and importlib.util.find_spec("hnswlib") is None:
            continue
        for way, (stored, asked, metric) in ways.items():
            name = f"{library}, {way}"
            search, building[name] = timed(partial(build, stored, metric))
            for n in settings:
                searches[f"{name}, {n}"] = partial(search, n=n)
                queries[f"{name}, {n}"] = asked
    best = exact(users, items, k=K)
    runs = {name: partial(each_alone, one, queries[name]) for name, one in searches.items()}
    seconds = {name: each / len(users) for name, each in alternate(runs, REPEATS).items()}
    found = {}
    for name, run in runs.items():
        share = recall(with_products(run(), users, items), best).mean()
        found[name] = {"recall_at_100": float(share), "milliseconds": 1000 * seconds[name]}
    return {"items": n_items, "build_seconds": building, "curves": found}


def each_alone(search: Callable[[np.ndarray], np.ndarray], queries: np.ndarray) -> np.ndarray:
    """Return the items found for each query alone."""
    return np.vstack([search(queries[[row]]) for row in range(len(queries))])


def main() -> dict:
    """Return recall, milliseconds, seconds to build and megabytes, and the libraries' versions."""
    faiss.omp_set_num_threads(1)
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # hnswlib is, where nothing compiles it
            versions[name] = version(name)
    return {"a_million": a_million(), "libraries": libraries(), "versions": versions}


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
