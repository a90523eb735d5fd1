r"""Popularity that forgets: each event counts for less, the longer it is ago.

Popularity counts the events of an item. If each event at time :math:`t_k` is to count for half as
much when a half-life :math:`\tau` has passed, the item's score at the moment t is

.. math:: c_i(t) = \sum_{k \in S_i,\ t_k \le t} 2^{-(t - t_k)/\tau}

From the event at :math:`t_k` to the next, at :math:`t_{k+1}`, every term shrinks by one and the
same factor, so that the sum need not be added up again:

.. math:: c_i(t_{k+1}) = 2^{-(t_{k+1} - t_k)/\tau}\, c_i(t_k) + 1

(an exponentially weighted average; it is divided by nothing, as what it would be divided by is the
same for all items). One number for each event is all that has to be kept: it says what the item's
score was just after this event, and a factor what is left of it at any moment up to the next.
"""

import numpy as np
from numba import njit

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal, in_parts
from recsys_lib.validation import check_ids, check_int, check_real

DAY = {"s": 86_400, "ms": 86_400_000}  # in the units of timestamps
LOOKUP = 32  # a search among an item's events and a power take as long as so many multiplications


class Decay(Personal):
    """Score an item by its events up to the moment of the request, recent ones counting for more.

    The moment is the time of the user's last training event: what a service knew when the user was
    last there, and nothing of later. Events of that very time count.

    Parameters
    ----------
    half_life : float
        Days after which an event counts for half, above 0. After 150 half-lives nothing is left of
        it in float32.
    moment : int or array of int, shape (n_users,), optional
        Other moments of the request, one for all users or one for each, in the unit of the
        training data's timestamps. Users without a training row are then scored at theirs.

    Raises
    ------
    DataError
        On `fit`, if there are no timestamps.

    Attributes
    ----------
    times_ : ndarray of int64, shape (n_events,)
        Those of the events, item by item, the earliest first.
    counts_ : ndarray of float64, shape (n_events,)
        What the item's score was just after each of them.
    offsets_ : ndarray of int64, shape (n_items + 1,)
        Where each item's events begin.
    unit_ : int
        How many units of the timestamps a day has.
    moments_ : ndarray of int64, shape (n_users,)
        Of the request of each user.
    end_ : int
        Of the request of a user who comes after training: `moment` if that is one for all, else the
        time of the last training event of all.
    cold_, popularity_
        As in `base.Personal`; with `moment`, nobody is cold, and the popularity is that at `end_`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Decay
    >>> films = data.load()
    >>> model = Decay(half_life=365).fit(films)
    >>> items, _ = model.recommend([510, 250], k=2)  # who came last in 1996, and in 2016
    >>> [films.titles(row) for row in items]
    [['Get Shorty', 'Usual Suspects, The'], ['Inception', 'Matrix, The']]
    """

    times_: np.ndarray
    counts_: np.ndarray
    offsets_: np.ndarray
    unit_: int
    moments_: np.ndarray
    end_: int

    def __init__(self, half_life: float = 30.0, moment: int | np.ndarray | None = None):
        self.half_life = check_real("half_life", half_life, 0)
        if self.half_life == 0:
            raise ValueError("half_life must be above 0, got 0: nothing would be remembered")
        self.moment: int | np.ndarray | None = None
        if moment is not None and np.ndim(moment) > 0:
            self.moment = check_ids("moment", moment, np.iinfo(np.int64).max)
        elif moment is not None:
            self.moment = check_int("moment", moment)

    def _fit(self, train: Interactions) -> None:
        train.require_times("Decay")
        order = np.lexsort((train.timestamp, train.item))
        self.times_ = train.timestamp[order]
        self.offsets_ = np.r_[0, np.cumsum(train.item_counts)]
        self.unit_ = DAY[train.time_unit]
        self.counts_ = np.ones(len(train))
        remember(self.times_, self.offsets_, self.half_life * self.unit_, self.counts_)
        self.moments_, self.end_ = self._moments(train)
        if self.moment is not None:  # a user of whom nothing is known is scored at a moment, too
            self.popularity_ = self._fold_in(np.empty(0, int), np.empty(0))

    def _moments(self, train: Interactions) -> tuple[np.ndarray, int]:
        """Return the moment of the request of each user, and of one who comes after training."""
        end = int(train.timestamp.max())
        if self.moment is None:
            moments = np.full(train.n_users, train.timestamp.min())  # 1970 is not the first year
            np.maximum.at(moments, train.user, train.timestamp)
            return moments, end
        self.cold_[:] = False
        if isinstance(self.moment, int):
            return np.full(train.n_users, self.moment), self.moment
        if len(self.moment) != train.n_users:
            raise ValueError(
                f"moment must be one number, or one for each of the {train.n_users} users, "
                f"got {len(self.moment)}"
            )
        return self.moment.copy(), end

    def _personal(self, users: np.ndarray) -> np.ndarray:
        items = np.broadcast_to(np.arange(self.n_items_), (len(users), self.n_items_))
        return self._at(self.moments_[users], items)

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        scores = self._at(self.moments_[users], items)
        return np.where(self.cold_[users][:, None], self.popularity_[items], scores)

    def _at(self, moments: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the scores of some items at some moments, a row for each moment."""
        scores = np.zeros(items.shape, dtype=np.float32)
        rest = self.times_, self.offsets_, self.counts_, self.half_life * self.unit_
        for rows in in_parts(len(items), LOOKUP * items.shape[1]):
            remembered(moments[rows], items[rows], *rest, scores[rows])
        return scores

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        return self._at(np.array([self.end_]), np.arange(self.n_items_)[None])[0]


@njit(cache=True)
def remember(times, offsets, half_life, counts):
    """Add to each event's 1 what is left of the score after the item's event before it."""
    for i in range(len(offsets) - 1):
        for e in range(offsets[i] + 1, offsets[i + 1]):
            counts[e] += counts[e - 1] * 2.0 ** (-(times[e] - times[e - 1]) / half_life)


@njit(cache=True)
def remembered(moments, items, times, offsets, counts, half_life, scores):
    """Write what is left at each moment of the scores after the items' last events up to then."""
    for row in range(len(moments)):
        for column in range(items.shape[1]):
            start, stop = offsets[items[row, column]], offsets[items[row, column] + 1]
            e = start + np.searchsorted(times[start:stop], moments[row], side="right") - 1
            if e >= start:
                scores[row, column] = counts[e] * 2.0 ** (-(moments[row] - times[e]) / half_life)
