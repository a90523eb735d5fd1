"""Splits into train, validation and test, always on one id vocabulary."""

from dataclasses import dataclass

import numpy as np

from recsys_lib.data.histories import time_order
from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.validation import (
    DataError,
    check_choice,
    check_int,
    check_real,
    check_vocabulary,
    fitted_on,
)


@dataclass(frozen=True)
class Split:
    """Three disjoint parts of one set of interactions, on its vocabularies.

    Attributes
    ----------
    train, valid, test : Interactions

    Raises
    ------
    TypeError, DataError
        If one is something else, or has other users or items than `train`.

    Examples
    --------
    >>> import numpy as np
    >>> from recsys_lib import data
    >>> films = data.load()
    >>> tenth = np.arange(len(films)) % 10  # 0 to test, 1 to validate, the others to learn from
    >>> data.Split(*(films.select(which) for which in (tenth > 1, tenth == 1, tenth == 0)))
    <split of 671 users x 9,066 items: train 80,002, valid 10,001, test 10,001>
    """

    train: Interactions
    valid: Interactions
    test: Interactions

    def __post_init__(self) -> None:
        parts = {"train": self.train, "valid": self.valid, "test": self.test}
        for name, part in parts.items():
            check_interactions(name, part)
            check_vocabulary(name, part.vocabulary, "train", self.train.vocabulary)

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{part} {len(getattr(self, part)):,}" for part in ("train", "valid", "test")
        )
        return f"<split of {self.train.n_users:,} users x {self.train.n_items:,} items: {sizes}>"


def check_split(split: object, model: object) -> None:
    """Raise unless `split` is one, and `model` was fitted on its users and items."""
    if not isinstance(split, Split):
        cure = ""
        if isinstance(split, Interactions):
            cure = "; leave_last_out and split_by_time make one of interactions"
        raise TypeError(f"split must be a Split, got {type(split).__name__}{cure}")
    if not hasattr(model, "score") or isinstance(model, type):
        raise TypeError(f"model must be a fitted model, got {model!r}")
    wanted = fitted_on(model)  # first, so that a model that is not fitted says so
    check_vocabulary(
        "split", split.train.vocabulary, f"the data that {model!r} was fitted on", wanted
    )


def leave_last_out(
    ratings: Interactions,
    n_test: int = 2,
    n_valid: int = 1,
    too_few: str = "train",
    seed: int = 0,
) -> Split:
    """Hold out each user's last `n_test` events for test and the `n_valid` before for validation.

    Events of one user are ordered by time. Events of one user at the same time are ordered by a
    pseudo-random key made from `seed` and the numbers of the user and the item: the same on every
    machine, independent of the order of the rows, and no item is favored, as it would be by the
    order of a file that is sorted by item.

    Parameters
    ----------
    ratings : Interactions
        With timestamps.
    n_test, n_valid : int
        Events per user to hold out; `n_valid` may be 0.
    too_few : {"train", "test", "drop", "error"}
        What becomes of a user with fewer than ``n_test + n_valid + 1`` events, who cannot give all
        that is asked and keep one to learn from. "train": all events go to train and the user is
        not evaluated. "test": test is served first, then validation, and train gets what is left,
        perhaps nothing (so does the paper's code). "drop": the events go nowhere. "error": refuse.
    seed : int
        At least 0; for the order of events at the same time, and for nothing else.

    Raises
    ------
    DataError
        If there are no timestamps, or, with "error", if a user has too few events.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import data
    >>> frame = pd.DataFrame({"user": "ann", "item": ["tea", "jam", "egg", "ham"]})
    >>> orders = data.Interactions.from_frame(frame.assign(timestamp=range(4)), time_unit="s")
    >>> split = data.leave_last_out(orders, n_test=2, n_valid=1)
    >>> [part.to_frame()["item"].tolist() for part in (split.train, split.valid, split.test)]
    [['tea'], ['jam'], ['egg', 'ham']]
    """
    n_test, n_valid = check_int("n_test", n_test), check_int("n_valid", n_valid)
    seed = check_int("seed", seed)
    check_choice("too_few", too_few, ("train", "test", "drop", "error"))
    if n_test + n_valid == 0:
        raise ValueError("n_test and n_valid are both 0: nothing would be held out")
    check_interactions("ratings", ratings).require_times("leave_last_out")
    counts = ratings.user_counts
    short = (counts < n_test + n_valid + 1) & (counts > 0)
    if too_few == "error" and short.any():
        raise DataError(
            f"{short.sum()} users of {ratings.name} have fewer than {n_test + n_valid + 1} events,"
            f" for example {ratings.user_ids[np.flatnonzero(short)[0]]}"
        )
    from_end = _rank_from_end(ratings, seed)
    part = np.where(from_end < n_test, 2, np.where(from_end < n_test + n_valid, 1, 0))
    if too_few in ("train", "drop"):
        part[short[ratings.user]] = 0 if too_few == "train" else -1
    return _split(ratings, part)


def split_by_time(ratings: Interactions, test: float = 0.1, valid: float = 0.1) -> Split:
    """Cut at two moments, the same for everybody: nothing in train is later than anything in test.

    Parameters
    ----------
    ratings : Interactions
        With timestamps.
    test, valid : float
        Fractions of the events, at least 0 and together less than 1; one above 0 means at least one
        event. Events at the very moment of a cut all go to the later part, so the fractions are met
        up to ties: where one moment has many events, the validation set may be empty. Users and
        items that appear only after the cut stay in the test set: that is what a system meets in
        service.

    Raises
    ------
    DataError
        If there are no timestamps, too few events, or none before the first cut.

    Examples
    --------
    >>> from recsys_lib import data
    >>> split = data.split_by_time(data.load(), test=0.1, valid=0.1)
    >>> split
    <split of 671 users x 9,066 items: train 80,003, valid 10,001, test 10,000>
    >>> print(split.train.dates.max(), "and then", split.valid.dates.min())
    2012-06-09T07:31:41 and then 2012-06-09T07:32:05
    """
    test, valid = check_real("test", test, 0, 1), check_real("valid", valid, 0, 1)
    if not 0 < test + valid < 1:
        raise ValueError(f"test + valid must lie between 0 and 1, got {test} + {valid}")
    check_interactions("ratings", ratings).require_times("split_by_time")
    times = np.sort(ratings.timestamp)
    n = len(times)
    n_test = max(1, round(n * test)) if test else 0
    n_held_out = max(n_test + (valid > 0), round(n * (test + valid)))
    if n_held_out >= n:
        raise DataError(f"{ratings.name} has {n} events, too few for test={test}, valid={valid}")
    first_test = times[n - n_test] if n_test else times[-1] + 1
    part = (ratings.timestamp >= times[n - n_held_out]).astype(int)
    part[ratings.timestamp >= first_test] = 2
    if not (part == 0).any():
        raise DataError(
            f"{ratings.name}: no event is earlier than the cut, which is at {times[0]}, "
            "the time of the first"
        )
    return _split(ratings, part)


def _split(ratings: Interactions, part: np.ndarray) -> Split:
    names = ("train", "valid", "test")
    _ = ratings.vocabulary  # computed once, here, and handed on to the parts
    return Split(*(ratings.select(part == i, f"{ratings.name} {n}") for i, n in enumerate(names)))


def _rank_from_end(ratings: Interactions, seed: int) -> np.ndarray:
    """For each event: how many events of the same user come after it."""
    order = time_order(ratings, seed)
    last = np.cumsum(ratings.user_counts)  # one past the place of each user's last event
    rank = np.empty(len(ratings), dtype=np.int64)
    rank[order] = last[ratings.user[order]] - 1 - np.arange(len(ratings))
    return rank
