"""How time and memory grow: with what is asked, and not with the catalog or with its square.

The same events in catalogs of 10,000 to 80,000 items; negatives for a user who has met all items
but one; validation after an epoch; the diversity of lists. `tests/library/test_growth.py` holds
the same by counting operations and bytes.
"""

import json
import tracemalloc
from collections.abc import Callable

import numpy as np

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.split import leave_last_out
from recsys_lib.evaluation import watching
from recsys_lib.evaluation.lists import diversity
from recsys_lib.models.bmf import BinaryMF
from recsys_lib.models.implicit import NegativeSampler
from recsys_lib.models.neighbors import ItemKNN

from timing import alternate

CATALOGS = (10_000, 20_000, 40_000, 80_000)
N_USERS, EACH = 2_000, 10
REPEATS = 3


def scattered(n_users: int, n_items: int, each: int, seed: int = 0) -> Interactions:
    """Return `each` events of every user, on items drawn from all."""
    rng = np.random.default_rng(seed)
    cells = np.repeat(np.arange(n_users), each) * n_items + rng.integers(0, n_items, n_users * each)
    user, item = np.divmod(np.unique(cells), n_items)
    return interactions(user, item, n_users, n_items)


def interactions(user: np.ndarray, item: np.ndarray, n_users: int, n_items: int) -> Interactions:
    """Return events without ratings, in the order given."""
    n = len(user)
    vocabularies = range(n_users), range(n_items)
    return Interactions(user, item, np.ones(n), np.arange(n), *vocabularies, time_unit="s")


def neighbors(n_items: int) -> Callable[[], object]:
    """Fit the neighbors of all items of 20,000 events."""
    train = scattered(N_USERS, n_items, EACH)
    return lambda: ItemKNN().fit(train)


def negatives(n_items: int) -> Callable[[], object]:
    """Draw an epoch's negatives for a user who has met all items but one."""
    met = np.arange(n_items - 1)
    sampler = NegativeSampler(interactions(0 * met, met, 1, n_items))
    users = np.zeros(len(met), dtype=np.int32)
    return lambda: sampler.draw(users, 4, np.random.default_rng(0))


def validation(n_items: int) -> Callable[[], object]:
    """Measure a model on the last event of 2,000 users among all items."""
    split = leave_last_out(scattered(N_USERS, n_items, EACH), n_test=0, n_valid=1)
    model, watch = BinaryMF(8, epochs=1).fit(split.train), watching(split)
    return lambda: watch(model)


def alike(n_items: int) -> Callable[[], object]:
    """Measure the diversity of 2,000 lists of ten, with a sparse similarity."""
    similarity = ItemKNN().fit(scattered(N_USERS, n_items, EACH)).similarity_
    shown = np.random.default_rng(0).integers(0, n_items, (N_USERS, 10))
    return lambda: diversity(shown, similarity)


def megabytes(run: Callable[[], object]) -> float:
    """Return the most memory that NumPy had taken at a time."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main() -> dict:
    """Return seconds and megabytes by what is done and by the size of the catalog."""
    found = {}
    for what in (neighbors, negatives, validation, alike):
        runs = {str(n_items): what(n_items) for n_items in CATALOGS}
        found[what.__name__] = {
            "seconds": alternate(runs, REPEATS),
            "megabytes": {n_items: megabytes(run) for n_items, run in runs.items()},
        }
    return found


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
