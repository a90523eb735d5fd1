"""Histories: the events of each user in the order of time, all in one array.

Some users have one event and some a thousand, so a table with a row for each user would hold mostly
nothing. The events of all users stand one after the other instead, those of a user together, and
offsets say where each user's begin. A model that reads in order takes pieces of this array: the
last events of a user to score from, windows of the whole to learn from, rows of like length
together, so that little has to be filled up.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.metrics import NO_ITEM
from recsys_lib.validation import check_int


@dataclass(frozen=True, eq=False, repr=False)
class Histories:
    """The items of every user, in the order in which they were met.

    Attributes
    ----------
    items : ndarray of int32, shape (n_events,)
        Those of user u are ``items[offsets[u] : offsets[u + 1]]``, the earliest first.
    offsets : ndarray of int64, shape (n_users + 1,)

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import data
    >>> frame = pd.DataFrame({"user": ["ann", "bob", "ann"], "item": ["tea", "jam", "egg"]})
    >>> orders = data.Interactions.from_frame(frame.assign(timestamp=[2, 0, 1]), time_unit="s")
    >>> of = data.histories(orders)
    >>> of
    <2 histories of 1 to 2 events, 3 in all>
    >>> orders.titles(of.items[of.offsets[0] : of.offsets[1]])  # of ann
    ['egg', 'tea']
    """

    items: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        n = self.lengths if len(self) else np.zeros(1, dtype=int)
        return (
            f"<{len(self):,} histories of {n.min():,} to {n.max():,} events, "
            f"{len(self.items):,} in all>"
        )

    @property
    def lengths(self) -> np.ndarray:
        """Number of events of each user, shape (n_users,)."""
        return np.diff(self.offsets)

    def last(self, users: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the last `length` events of some users start and stop in `items`.

        A user with fewer has them all, one with none starts and stops at the same place.

        Examples
        --------
        >>> import numpy as np
        >>> from recsys_lib.data import Histories
        >>> of = Histories(items=np.array([7, 3, 5, 9, 4]), offsets=np.array([0, 4, 5]))
        >>> of.last(np.array([0, 1]), 2)
        (array([2, 4]), array([4, 5]))
        """
        stops = self.offsets[users + 1]
        return np.maximum(self.offsets[users], stops - length), stops

    def windows(self, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return windows in which each event is predicted once from the up to `length` before it.

        A window holds at most ``length + 1`` events: all but its last are read, all but its first
        are predicted. The first event of a user is predicted in none, as nothing comes before it.
        A longer history is cut from its end; the last event of a window is the first of the next.

        Parameters
        ----------
        length : int
            At least 1.

        Returns
        -------
        users, starts, stops : ndarray of int64, shape (n_windows,)
            Whose it is, and where in `items` it starts and stops. Users of fewer than two events
            have none.

        Examples
        --------
        >>> import numpy as np
        >>> from recsys_lib.data import Histories
        >>> of = Histories(items=np.array([7, 3, 5, 9, 4]), offsets=np.array([0, 4, 5]))
        >>> users, starts, stops = of.windows(2)
        >>> [of.items[a:b].tolist() for a, b in zip(starts, stops)]
        [[7, 3], [3, 5, 9]]
        """
        each = -(-np.maximum(self.lengths - 1, 0) // length)  # windows of each user, rounded up
        users = np.repeat(np.arange(len(self)), each)
        from_last = np.repeat(np.cumsum(each), each) - 1 - np.arange(len(users))
        stops = self.offsets[users + 1] - length * from_last
        return users, np.maximum(self.offsets[users], stops - length - 1), stops

    def rows(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Return pieces of `items` as the rows of a table, filled up with -1 on the right.

        Returns
        -------
        ndarray of int32, shape (len(starts), length of the longest)

        Examples
        --------
        >>> import numpy as np
        >>> from recsys_lib.data import Histories
        >>> of = Histories(items=np.array([7, 3, 5, 9, 4]), offsets=np.array([0, 4, 5]))
        >>> of.rows(*of.last(np.array([0, 1]), 3))
        array([[ 3,  5,  9],
               [ 4, -1, -1]], dtype=int32)
        """
        places = starts[:, None] + np.arange((stops - starts).max(initial=0))
        filled = places < stops[:, None]
        rows = np.full(places.shape, NO_ITEM, dtype=np.int32)
        rows[filled] = self.items[places[filled]]
        return rows

    def recent(self, n_items: int, length: int, decay: float) -> sparse.csr_array:
        """Return what the last `length` events of each user weigh, float32, (n_users, n_items).

        The last weighs 1, the one before it `decay`, the one before that its square, and so on.

        Examples
        --------
        >>> import numpy as np
        >>> from recsys_lib.data import Histories
        >>> of = Histories(items=np.array([2, 3, 0, 1, 3]), offsets=np.array([0, 4, 5]))
        >>> of.recent(n_items=4, length=3, decay=0.5).toarray()
        array([[0.5 , 1.  , 0.  , 0.25],
               [0.  , 0.  , 0.  , 1.  ]], dtype=float32)
        """
        from_last = np.repeat(self.offsets[1:], self.lengths) - 1 - np.arange(len(self.items))
        users = np.repeat(np.arange(len(self)), self.lengths)
        kept = from_last < length
        weights = (decay ** from_last[kept]).astype(np.float32)
        cells = weights, (users[kept], self.items[kept])
        return sparse.coo_array(cells, (len(self), n_items)).tocsr()


def histories(ratings: Interactions, seed: int = 0) -> Histories:
    """Return the history of each user.

    Events of one user at the same time stand in a pseudo-random order, in that of `leave_last_out`
    with the same `seed`: what it held out is what comes next. That order is the same on every
    machine, but it is not the one in which things happened, which nobody knows. In MovieLens a
    third of the events share their second with another of their user.

    Parameters
    ----------
    ratings : Interactions
        With timestamps.
    seed : int
        At least 0; for the order of events at the same time, and for nothing else.

    Raises
    ------
    TypeError, DataError
        If `ratings` are no `Interactions`, or have no timestamps.

    Examples
    --------
    >>> from recsys_lib import data
    >>> films = data.load()
    >>> of = data.histories(films)
    >>> of
    <671 histories of 20 to 2,391 events, 100,004 in all>
    >>> films.titles(of.items[of.offsets[14] :][:2])  # the first films of the user with index 14
    ["Schindler's List", 'Fish Called Wanda, A']
    """
    check_interactions("ratings", ratings).require_times("a history")
    order = time_order(ratings, check_int("seed", seed))
    offsets = np.r_[0, np.cumsum(ratings.user_counts)]
    return Histories(ratings.item[order], offsets)


def shuffled_times(ratings: Interactions, seed: int = 0) -> Interactions:
    """Return the same events with the times of each user dealt out anew among their events.

    Who met what stays, and so does when each user was there; the order of a user's events is lost.
    A model that gains nothing from the order does as well on these. With the order goes what came
    last: a model that reads the last events of a user reads any of them.

    Parameters
    ----------
    ratings : Interactions
        With timestamps. Shuffle a training set, and not what is split afterward.
    seed : int
        At least 0.

    Raises
    ------
    TypeError, DataError
        If `ratings` are no `Interactions`, or have no timestamps.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import data
    >>> frame = pd.DataFrame({"user": "ann", "item": ["tea", "jam", "egg", "ham"]})
    >>> orders = data.Interactions.from_frame(frame.assign(timestamp=range(4)), time_unit="s")
    >>> of = data.histories(data.shuffled_times(orders))
    >>> orders.titles(of.items)
    ['ham', 'egg', 'jam', 'tea']
    """
    check_interactions("ratings", ratings).require_times("shuffled_times")
    rng = np.random.default_rng(check_int("seed", seed))
    # both name the rows of one user after those of another: this user's in order, and shuffled
    rows = time_order(ratings, seed)
    shuffled = rows[np.lexsort((rng.random(len(rows)), ratings.user[rows]))]
    timestamp = np.empty_like(ratings.timestamp)
    timestamp[shuffled] = ratings.timestamp[rows]
    return replace(ratings, timestamp=timestamp)


def batches_by_length(
    lengths: np.ndarray, size: int, rng: np.random.Generator | None = None
) -> list[np.ndarray]:
    """Divide rows into batches of about `size` events each, rows of like length together.

    So a batch is filled up by little, and one of long rows holds fewer of them.

    Parameters
    ----------
    lengths : array of int, shape (n,)
        Events of each row, at least 1.
    size : int
        Events in a batch. All have about as many, so that none is a small rest; no row is divided.
    rng : numpy.random.Generator, optional
        Shuffles rows of one length, and the batches.

    Returns
    -------
    list of ndarray of int64
        Places of the rows of each batch; each place is in one of them.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.data.histories import batches_by_length
    >>> [rows.tolist() for rows in batches_by_length(np.array([4, 1, 2, 4, 1]), size=4)]
    [[1, 4, 2], [0], [3]]
    """
    if len(lengths) == 0:
        return []
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    ends = np.cumsum(lengths[order])
    n_batches = max(1, round(ends[-1] / size))
    batch = (ends - 1) * n_batches // ends[-1]  # of the n equal parts, that of a row's last event
    parts = np.split(order, np.flatnonzero(np.diff(batch)) + 1)
    return parts if rng is None else [parts[place] for place in rng.permutation(len(parts))]


def of_like_length(lengths: np.ndarray) -> list[np.ndarray]:
    """Divide rows into groups in each of which none is twice as long as another, or longer.

    Batches by length hold about as many events each; but where a few long rows stand beside many
    short ones, a table of both would be filled up to the length of the longest.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib.data.histories import of_like_length
    >>> [rows.tolist() for rows in of_like_length(np.array([4, 1, 2, 7, 3]))]
    [[1], [2, 4], [0, 3]]
    """
    doubled = np.frexp(lengths)[1]  # how often 1 was doubled, and one more
    order = np.argsort(doubled, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(doubled[order])) + 1)


def time_order(ratings: Interactions, seed: int, side: str = "user") -> np.ndarray:
    """Return the places of the events, those of a user (or an item) together, the earliest first.

    Events at the same time are ordered by a pseudo-random key made from `seed` and the numbers of
    the user and the item: the same on every machine, independent of the order of the rows, and no
    item is favored, as it would be by the order of a file that is sorted by item.
    """
    mixed = mix(np.array([seed % 2**64], dtype=np.uint64))
    key = mix(ratings._keys().astype(np.uint64) ^ mixed)
    return np.lexsort((key, ratings.timestamp, getattr(ratings, side)))


def mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers (the finalizer of splitmix64, Steele, Lea and Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
