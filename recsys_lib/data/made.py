"""Made ratings of the kind that the paper's data is, for whoever has not that data.

What is planted in them, so that models have something to learn:

- users have a taste: each belongs to one of `GROUPS`, whose items are `TASTE` times as likely for
  them as others are, and get more stars; users and items are stricter or milder besides;
- both tails are long, and some users have one or two events, so that a test set that takes the last
  two leaves nothing of them in training;
- every item is in fashion for some time, around a day of its own, and then less so;
- with a chance of `NEXT`, an event is of the item that stands behind the one before: an order;
- titles and the like say of an item which group it is of.

Weights are integers, and else only operations are used whose results are exact by IEEE 754: the
events are the same on every machine.
"""

import math

import numpy as np
import pandas as pd

from recsys_lib.data.interactions import Interactions
from recsys_lib.validation import check_int, check_real

GROUPS = {  # of items, and the words of their titles
    "Guitars": "acoustic electric guitar neck fret rosewood cutaway humbucker strap pickup",
    "Keyboards": "piano synthesizer keys weighted midi pedal arranger organ octave bench",
    "Drums": "snare cymbal kick drumsticks hardware tom brush practice pad throne",
    "Recording": "microphone condenser interface preamp usb shock vocal studio filter phantom",
    "Winds": "saxophone trumpet clarinet reed mouthpiece brass flute valve cork ligature",
    "Strings": "violin cello bow rosin chin bridge peg viola tailpiece mute",
}
COMMON = "black portable classic professional beginner set compact red deluxe travel"
TASTE, NEXT = 10, 0.15
FASHION = 8  # times as popular at the height of its fashion, which comes and goes in `SEASON`
SEASON, MONTHS, MONTH = 24, 120, 30 * 24 * 3600 * 1000  # months, and milliseconds
START = 1_356_998_400_000  # 1 January 2013, in milliseconds
FEWEST, LONGEST = 3, 6  # events of a user who is not new; and where the long tail is cut
# Share of ratings below 2, 3, 4 and 5, of items of one's own group and of others.
LIKED, OTHERS = np.array([0.03, 0.07, 0.15, 0.35]), np.array([0.10, 0.20, 0.35, 0.60])
LEAN = 0.2  # how far a user or an item may move these shares


def made(
    n_users: int = 600,
    n_items: int = 300,
    n_events: int = 12_000,
    *,
    new: float = 0.1,
    seed: int = 0,
) -> Interactions:
    """Make ratings in which a taste, an order and a fashion are planted; see the module.

    Parameters
    ----------
    n_users, n_items : int
        At least 1, and at least one item for each of the six groups. An item may stay without
        events.
    n_events : int
        About as many come out, and some fewer where users would meet more than half of the items.
        At least 3 for each user.
    new : float
        Share of the users who have one event or two, from 0 to 1.
    seed : int

    Returns
    -------
    Interactions
        With stars from 1 to 5, times in milliseconds over ten years, and a table of items with
        title, main_category, store, price, categories, features and description.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind, or too small.

    Examples
    --------
    >>> from recsys_lib.data.made import made
    >>> ratings = made(200, 100, 3_000)
    >>> ratings
    <made: ... ratings, 200 users x 100 items, ...% of the cells>
    >>> int(ratings.user_counts.min())
    1
    """
    n_users, n_items = check_int("n_users", n_users, 1), check_int("n_items", n_items, len(GROUPS))
    n_events = check_int("n_events", n_events, FEWEST * n_users)
    new, seed = check_real("new", new, 0, 1), check_int("seed", seed)
    rng = np.random.default_rng(seed)
    counts = _events_of_users(rng, n_users, n_items, n_events, new)
    user = np.repeat(np.arange(n_users), counts)
    month = _months(rng, counts)
    taste = rng.integers(len(GROUPS), size=n_users)
    item = _items(rng, counts, month, taste, n_items)
    lean = LEAN * (2 * rng.random(n_users)[user] - 1), LEAN * (2 * rng.random(n_items)[item] - 1)
    return Interactions(
        user,
        item,
        stars(rng.random(len(user)) + lean[0] + lean[1], item % len(GROUPS) == taste[user]),
        START + month * MONTH + _within_months(rng, user, month),
        np.array([f"user {number:06}" for number in range(n_users)]),
        np.array([f"item {number:06}" for number in range(n_items)]),
        name="made",
        scale=(1, 5),
        time_unit="ms",
        items=_described(rng, n_items),
    )


def stars(u: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return 1 to 5 stars for numbers drawn from [0, 1), more of them for items of one's taste."""
    return 1 + (u >= np.where(own, LIKED[:, None], OTHERS[:, None])).sum(axis=0)


def _events_of_users(
    rng: np.random.Generator, n_users: int, n_items: int, n_events: int, new: float
) -> np.ndarray:
    """Return how many events each user has: one or two, or by a long tail."""
    tail = np.minimum(1 / np.sqrt(1 - rng.random(n_users)), LONGEST) - 1
    few = rng.integers(1, 3, n_users)
    is_new = rng.permutation(n_users) < round(new * n_users)
    left = n_events - few[is_new].sum() - FEWEST * (~is_new).sum()
    more = tail * (left / max(math.fsum(tail[~is_new]), 1.0))  # the sum is exact, in any order
    return np.where(is_new, few, np.minimum(FEWEST + more.astype(int), max(1, n_items // 2)))


def _months(rng: np.random.Generator, counts: np.ndarray) -> np.ndarray:
    """Return the month of every event, rising for each user; later ones have more users."""
    first = (MONTHS * np.sqrt(rng.random(len(counts)))).astype(int)
    span = rng.integers(1, 1 + np.minimum(MONTHS - first, 2 * SEASON))
    user = np.repeat(np.arange(len(counts)), counts)
    month = first[user] + (span[user] * rng.random(len(user))).astype(int)
    return month[np.lexsort((month, user))]


def _within_months(rng: np.random.Generator, user: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return milliseconds from the beginning of a month, rising for each user and month."""
    later = rng.integers(MONTH, size=len(user))
    return later[np.lexsort((later, month, user))]


def _items(
    rng: np.random.Generator,
    counts: np.ndarray,
    month: np.ndarray,
    taste: np.ndarray,
    n_items: int,
) -> np.ndarray:
    """Return the item of every event, none twice for a user."""
    popularity = 10_000 // (2 + np.arange(n_items) // len(GROUPS))  # a long tail in every group
    height = rng.integers(MONTHS, size=n_items)
    from_height = np.abs(np.arange(MONTHS)[:, None] - height)
    in_fashion = 1 + FASHION * np.maximum(SEASON - from_height, 0) // SEASON
    behind = (np.arange(n_items) + len(GROUPS)) % n_items  # in the same group, but for the last
    found = np.empty(len(month), dtype=int)
    event = 0
    for count, group in zip(counts, taste, strict=True):
        weights = popularity * np.where(np.arange(n_items) % len(GROUPS) == group, TASTE, 1)
        item = -1
        for _ in range(count):
            if item >= 0 and rng.random() < NEXT and weights[behind[item]]:
                item = behind[item]
            else:
                total = np.cumsum(weights * in_fashion[month[event]])
                item = np.searchsorted(total, rng.integers(total[-1]), side="right")
            weights[item] = 0
            found[event] = item
            event += 1
    return found


def _described(rng: np.random.Generator, n_items: int) -> pd.DataFrame:
    """Return what is known of the items: words, of which most tell the group."""
    names, rows = list(GROUPS), []
    for number in range(n_items):
        name = names[number % len(names)]
        own, common = rng.permutation(GROUPS[name].split()), rng.permutation(COMMON.split())
        rows.append(
            {
                "title": f"{common[0]} {own[0]} {own[1]} {number}".capitalize(),
                "main_category": "Musical Instruments",
                "store": f"House of {common[4]} {name}",
                "price": int(rng.integers(5, 500)),
                "categories": ["Musical Instruments", name],
                "features": f"{own[2]} {own[3]} {common[1]}",
                "description": f"{own[4]} {own[5]} {common[2]} {common[3]}",
            }
        )
    return pd.DataFrame(rows)
