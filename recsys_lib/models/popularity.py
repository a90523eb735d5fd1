"""The baselines that every model must beat: what everybody buys, and pure chance."""

import numpy as np

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Recommender
from recsys_lib.validation import check_int


class Popularity(Recommender):
    """Score an item by the number of users who interacted with it: the same list for everybody.

    Attributes
    ----------
    counts_ : ndarray of float32, shape (n_items,)

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Popularity
    >>> films = data.load()
    >>> items, counts = Popularity().fit(films).recommend([0], k=2)
    >>> films.titles(items[0]), counts[0].tolist()
    (['Forrest Gump', 'Pulp Fiction'], [341.0, 324.0])
    """

    counts_: np.ndarray

    def _fit(self, train: Interactions) -> None:
        self.counts_ = train.item_counts.astype(np.float32)

    def _score(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.counts_, (len(users), 1))

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        return self.counts_.copy()


class Random(Recommender):
    """Score every item at random: the floor below which a model is worse than not trying.

    Parameters
    ----------
    seed : int
        A user's scores depend on `seed` and the user alone, not on who else is asked for.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Random
    >>> model = Random(seed=1).fit(data.load())
    >>> bool((model.score([7]) == model.score([3, 7])[1]).all())
    True
    """

    def __init__(self, seed: int = 0):
        self.seed = check_int("seed", seed)

    def _fit(self, train: Interactions) -> None:
        """Nothing to learn."""

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = np.empty((len(users), self.n_items_), dtype=np.float32)
        for row, user in enumerate(users):
            rng = np.random.default_rng([self.seed, user])
            scores[row] = rng.random(self.n_items_, dtype=np.float32)
        return scores

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([self.seed, self.n_users_, *items])
        return rng.random(self.n_items_, dtype=np.float32)
