r"""A Markov chain of items: what comes next is told by what came last.

Of all events that followed item j in somebody's history, a share was item i. This share estimates
the probability that i comes next after j; and where little followed j, the popularity
:math:`\pi_i` of i is the better estimate. With :math:`n_{ji}` how often i followed j, and
:math:`n_j = \sum_i n_{ji}`,

.. math::

    P(i \mid j) = \frac{n_{ji} + \lambda\, \pi_i}{n_j + \lambda}
        = \frac{n_j}{n_j + \lambda} \cdot \frac{n_{ji}}{n_j}
        + \frac{\lambda}{n_j + \lambda} \cdot \pi_i

so that :math:`\lambda`, the shrinkage, is how many events popularity is worth. A chain of the last
event alone forgets all before it. With a longer memory, i counts as a follower of the last L events
before it, with the weight :math:`\gamma^{l-1}` for the one l places back, and a user's last L
events all say what comes next, with the same weights:

.. math:: x_{ui} = \sum_{l=1}^{L} \gamma^{l-1}\, P(i \mid j_l)
"""

import numpy as np
from scipy import sparse

from recsys_lib.data.histories import Histories, histories
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal
from recsys_lib.validation import check_int, check_real


class Markov(Personal):
    r"""Recommend what has followed a user's last items in the histories of all.

    Parameters
    ----------
    length : int
        L, how many events back a follower is looked for, and how many of a user's last events are
        asked.
    decay : float
        :math:`\gamma`, from 0 to 1: what the second last event weighs, beside 1 for the last.
    shrinkage : float
        :math:`\lambda`.

    Raises
    ------
    DataError
        On `fit`, if there are no timestamps.

    Attributes
    ----------
    transitions_ : csr_array, shape (n_items, n_items)
        Row j holds :math:`n_{ji}`, what followed item j.
    followed_ : ndarray of float32, shape (n_items,)
        :math:`n_j`, its sums.
    recent_ : csr_array, shape (n_users, n_items)
        What each of a user's last events weighs.
    cold_, popularity_
        As in `base.Personal`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Markov
    >>> films = data.k_core(data.load(), 50)
    >>> scores = Markov(length=1).fit(films).fold_in([films.find_item("Alien")])
    >>> films.titles(scores.argsort()[:-3:-1])
    ['Aliens', 'Die Hard']
    """

    transitions_: sparse.csr_array
    followed_: np.ndarray
    recent_: sparse.csr_array

    def __init__(self, length: int = 5, decay: float = 0.5, shrinkage: float = 10.0):
        self.length = check_int("length", length, minimum=1)
        self.decay = check_real("decay", decay, 0, 1)
        self.shrinkage = check_real("shrinkage", shrinkage, 0)

    def _fit(self, train: Interactions) -> None:
        past = histories(train)
        self.transitions_ = transitions(past, train.n_items, self.length, self.decay)
        self.followed_ = np.asarray(self.transitions_.sum(axis=1), dtype=np.float32)
        self.recent_ = past.recent(train.n_items, self.length, self.decay)

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self._after(self.recent_[users])

    def _after(self, recent: sparse.csr_array) -> np.ndarray:
        """Return the scores after some events, a row of their weights for each user."""
        total = self.followed_ + self.shrinkage
        seen = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        doubt = 1 - self.followed_ * seen  # of what nothing followed, popularity says all
        weighted = recent.copy()
        weighted.data = recent.data * seen[recent.indices]
        popular = self.popularity_ / self.popularity_.sum()
        return (weighted @ self.transitions_).toarray() + np.outer(recent @ doubt, popular)

    def _reads_order(self) -> bool:
        return True

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        past = Histories(items, np.array([0, len(items)]))
        return self._after(past.recent(self.n_items_, self.length, self.decay))[0]


def transitions(past: Histories, n_items: int, length: int, decay: float) -> sparse.csr_array:
    """Return how often each item followed each other, float32, shape (n_items, n_items).

    An item d places after another of the same user, up to `length`, counts ``decay ** (d - 1)``.
    """
    users = np.repeat(np.arange(len(past)), past.lengths)
    counts = sparse.csr_array((n_items, n_items), dtype=np.float32)
    for d in range(1, min(length, past.lengths.max(initial=0) - 1) + 1):
        same = users[:-d] == users[d:]
        pair = past.items[:-d][same], past.items[d:][same]
        weights = np.full(len(pair[0]), decay ** (d - 1), dtype=np.float32)
        counts = counts + sparse.coo_array((weights, pair), counts.shape).tocsr()
    return counts
