"""Made events of the shape of Amazon Reviews 2023, as many as are asked for, in Parquet.

The full data (Hou et al. 2024) has 571.54 million ratings by 54.51 million users of 48.19 million
items. What is made here is like them in these ways:

- events per user and per item, 10.5 and 11 to 12 on average, with medians of 3 and 4 (in the data 1
  or 2): half of the users are at the lowest of some levels, a quarter at the next, and so on, and
  each level has as many events as any other; so, nearly, have the items. Both tails are long;
- a user comes in sessions, with many events within an hour and some at the same second, over 27
  years that have more and more events;
- a user and an item come again in some hundredths of the rows;
- identifiers are integers with gaps, in no order, and most ratings are 5.

It is unlike them in others: a user's taste is one of `groups` groups of items, of equal size and
popularity, from which a share `taste` of the events is drawn, and all else is popularity; items do
not come and go; few users meet few items only, so that a 5-core keeps two thirds of the events,
more than of real ones; nothing depends on what was met before.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recsys_lib.data.histories import mix
from recsys_lib.data.made import stars
from recsys_lib.scale import prepared
from recsys_lib.validation import check_int, check_real

PART_ROWS = 1_000_000  # in one file, and in memory at once
USER_LEVELS, ITEM_LEVELS = 12, 16
# Events for each user and item that might turn up: of so many, those who do have about as many on
# average as in 571.54 million ratings by 54.51 million users of 48.19 million items.
EVENTS_PER_USER, EVENTS_PER_ITEM = 9.24, 10.8
START, SPAN = 832_000_000, 862_000_000  # seconds: May 1996, and up to September 2023
AGAIN = 0.01  # share of the events that repeat the user and item of the one before
SAME_SECOND = 0.25  # share of the events at the very start of their session
HOUR = 3600


def made(
    target: str | os.PathLike,
    n_rows: int,
    *,
    n_users: int | None = None,
    n_items: int | None = None,
    groups: int = 20,
    taste: float = 0.7,
    seed: int = 0,
) -> Path:
    """Write made events into a folder of Parquet files of a million rows each.

    The rows are the same on every machine: only operations are used whose results are exact by
    IEEE 754. All of the folder is written, or nothing.

    Parameters
    ----------
    target : path
        The folder to be written; must not exist. Its columns are those of `prepared.SOURCE`.
    n_rows : int
        Events, at least 1.
    n_users : int, optional
        How many might turn up, at least 1. Of as many as are taken without it, about four in five
        do, so that events, users and items stand in the proportion of the real data.
    n_items : int, optional
        The same of items, at least `groups`.
    groups : int
        Of users and of items, at least 1.
    taste : float
        Share of a user's events whose item is of the user's group for sure, from 0 to 1. Of the
        others it may be.
    seed : int
        At least 0.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind, or too small.
    DataError
        If the target exists or cannot be written.
    """
    n_rows, groups = check_int("n_rows", n_rows, 1), check_int("groups", groups, 1)
    if n_users is None:
        n_users = max(1, round(n_rows / EVENTS_PER_USER))
    if n_items is None:
        n_items = max(groups, round(n_rows / EVENTS_PER_ITEM))
    n_users, n_items = check_int("n_users", n_users, 1), check_int("n_items", n_items, groups)
    taste, seed = check_real("taste", taste, 0, 1), check_int("seed", seed)
    with prepared.whole_folder(target, (pa.ArrowException, OSError)) as folder:
        for part, start in enumerate(range(0, n_rows, PART_ROWS)):
            rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, part])))
            rows = min(PART_ROWS, n_rows - start)
            table = pa.table(_part(rng, rows, n_users, n_items, groups, taste))
            pq.write_table(table, folder / f"part-{part:05d}.parquet")
    return Path(target)


def _part(
    rng: np.random.Generator, rows: int, n_users: int, n_items: int, groups: int, taste: float
) -> dict[str, np.ndarray]:
    """Return the columns of some rows."""
    user, level = _tail(rng.random(rows), n_users, _levels(n_users, USER_LEVELS))
    again = rng.random(rows) < AGAIN
    again[0] = False
    before = np.arange(rows) - again  # the event whose user and item this one has
    user, level = user[before], level[before]
    own = (rng.random(rows) < taste)[before]
    group = np.where(own, user % groups, (rng.random(rows) * groups).astype(np.int64)[before])
    # who meets more goes further down the tail, or would meet the few most popular again and again
    levels = np.maximum(1, _levels(n_items // groups, ITEM_LEVELS) - 3 * level // 4)
    in_group, _ = _tail(rng.random(rows)[before], n_items // groups, levels)
    item = in_group * groups + group
    rating = stars(rng.random(rows), own)
    return {
        "user": _identifiers(user, n_users),
        "item": _identifiers(item, n_items),
        "rating": rating.astype(np.float32),
        "timestamp": _times(rng, user, level),
    }


def _levels(n: int, most: int) -> int:
    """Return the number of levels of n ranks: no more than there are ranks to fill them."""
    return min(most, n.bit_length())


def _tail(u: np.ndarray, n: int, levels: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Return for numbers in [0, 1) one of n ranks, drawn by a long tail, and its level.

    Level 0 is the half of the highest ranks, level 1 the quarter below it and so on, and the last
    has the rest; each is drawn equally often.
    """
    level = (u * levels).astype(np.int64)
    within = u * levels - level
    last = level == levels - 1
    place = np.ldexp(np.where(last, within, 0.5 + within / 2), -level)
    return np.minimum((place * n).astype(np.int64), n - 1), level


def _times(rng: np.random.Generator, user: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return seconds since 1970. A user of a level has twice as many sessions two levels on."""
    sessions = 2 << (level // 2)
    session = (rng.random(len(user)) * sessions).astype(np.int64)
    # the start of a session is drawn by the numbers of user and session, so all parts agree on it
    drawn = mix((user * (2 << USER_LEVELS) + session).astype(np.uint64)) >> np.uint64(11)
    start = START + (SPAN * np.sqrt(drawn * 2.0**-53)).astype(np.int64)  # more and more of them
    later = rng.random(len(user))
    later = np.where(later < SAME_SECOND, 0.0, later)
    return start + (HOUR * later * later).astype(np.int64)


def _identifiers(ranks: np.ndarray, n: int) -> np.ndarray:
    """Return an integer for each rank, others for others, with gaps and in no order of ranks.

    A product with an odd number and a shifted exclusive or can both be undone modulo a power of 2.
    """
    bits = n.bit_length() + 2
    whole = np.int64(2**bits - 1)
    mixed = (ranks * 0x9E3779B1) & whole
    return ((mixed ^ (mixed >> (bits // 2))) * 0x85EBCA6B) & whole
