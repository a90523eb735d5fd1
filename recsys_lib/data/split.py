"""Splits into train, validation and test, always on one id vocabulary."""

from dataclasses import dataclass

import numpy as np

from recsys_lib.data.histories import mix, time_order
from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.validation import (
    DataError,
    check_bool,
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
    given : Interactions, optional
        First events of users who are not in `train`: a model is told these when it is tested, and
        not when it learns. `evaluate` scores such a user by `Recommender.fold_in` of them.

    Raises
    ------
    TypeError, DataError
        If one is something else, or has other users or items than `train`, or if `given` tells of
        users who are in `train`.

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
    given: Interactions | None = None

    def __post_init__(self) -> None:
        parts = {"train": self.train, "valid": self.valid, "test": self.test}
        if self.given is not None:
            parts["given"] = self.given
        for name, part in parts.items():
            check_interactions(name, part)
            check_vocabulary(name, part.vocabulary, "train", self.train.vocabulary)
        if self.given is not None:
            both = np.flatnonzero((self.given.user_counts > 0) & (self.train.user_counts > 0))
            if len(both):
                raise DataError(
                    f"given must be of users who are not in train, and user "
                    f"{self.train.user_ids[both[0]]} is"
                )

    def __repr__(self) -> str:
        names = ("train", "valid", "test") + ("given",) * (self.given is not None)
        sizes = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in names)
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


def split_items(
    ratings: Interactions, fold: int = 0, n_folds: int = 5, *, valid: bool = True, seed: int = 0
) -> Split:
    """Take a part of the items out of training entirely: the test asks for items nobody has met.

    All items of the vocabulary are divided at random into folds of one size (or one more). The
    events of one fold are the test set, those of the next the validation set (of the last, the
    first), so that what is tuned on new items is tuned on others than it is tested on. The features
    of all items stay where they are: they are what is known of a new item.

    Parameters
    ----------
    ratings : Interactions
    fold : int
        Which fold to test on, from 0.
    n_folds : int
        At least 2, and 3 with a validation set.
    valid : bool
        If False, the next fold stays in training and the validation set is empty: for the test,
        once everything is chosen.
    seed : int
        Of the folds, the same on every machine.

    Raises
    ------
    DataError
        If nothing is left to learn from.

    Examples
    --------
    >>> from recsys_lib import data
    >>> split = data.split_items(data.load(), fold=0)
    >>> split
    <split of 671 users x 9,066 items: train 60,127, valid 18,907, test 20,970>
    >>> int(split.train.item_counts[split.test.item].max())
    0
    """
    check_interactions("ratings", ratings)
    fold, n_folds = _check_folds(fold, n_folds, 3 if check_bool("valid", valid) else 2)
    of_event = _folds(ratings.n_items, n_folds, seed)[ratings.item]
    part = np.where(of_event == fold, 2, 0)
    if valid:
        part[of_event == (fold + 1) % n_folds] = 1
    if not (part == 0).any():
        raise DataError(f"{ratings.name}: no event is left for training")
    return _split(ratings, part)


def split_users(
    ratings: Interactions,
    known: int,
    fold: int = 0,
    n_folds: int = 5,
    *,
    test_after: int = 8,
    seed: int = 0,
) -> Split:
    """Take users out of training entirely, and tell their first events when they are tested.

    All users of the vocabulary are divided at random into folds of one size (or one more). The new
    users are those of one fold who have more than `test_after` events. The first `known` of these
    are the `given` of the split, from which a model is to know the user (`Recommender.fold_in`);
    those after the first `test_after` are the test set, and what lies between is the validation
    set. So the test asks for the same items among the same others, whatever is `known`. Everybody
    else is in training.

    Parameters
    ----------
    ratings : Interactions
        With timestamps. Events at one time are ordered as in `leave_last_out`.
    known : int
        Events told of each new user, 0 to `test_after`.
    fold : int
        Whose users to test on, from 0.
    n_folds : int
        At least 2.
    test_after : int
        How many of the first events are not tested on: the most that is to be told.
    seed : int
        Of the folds, the same on every machine, and of the order of events at one time.

    Raises
    ------
    DataError
        If there are no timestamps, or no new users with so many events, or nobody else.

    Examples
    --------
    >>> from recsys_lib import data
    >>> split = data.split_users(data.load(), known=2)
    >>> split
    <split of 671 users x 9,066 items: train 82,377, valid 810, test 16,547, given 270>
    >>> int(split.given.user_counts.max()), int(split.train.user_counts[split.given.user].max())
    (2, 0)
    """
    check_interactions("ratings", ratings).require_times("split_users")
    part = _told(ratings, "user", 3, known, fold, n_folds, test_after, seed)
    split = _split(ratings, part)
    given = ratings.select(part == 3, f"{ratings.name} given")
    return Split(split.train, split.valid, split.test, given)


def split_new_items(
    ratings: Interactions,
    known: int,
    fold: int = 0,
    n_folds: int = 5,
    *,
    test_after: int = 16,
    seed: int = 0,
) -> Split:
    """Let items be as new as they were after their first `known` events.

    The items are divided as in `split_items`. The new ones are those of one fold that have more
    than `test_after` events. The first `known` of these are in training, with all events of all
    other items; those after the first `test_after` are the test set, and what lies between is the
    validation set. So the test asks for the same items of the same users, whatever is `known`: the
    difference is what a few events tell. `new_item_candidates` of the split with none known are the
    new items among themselves.

    Parameters
    ----------
    ratings : Interactions
        With timestamps. Events at one time are ordered as in `leave_last_out`.
    known : int
        Events of each new item that are in training, 0 to `test_after`.
    fold : int
        Whose items are new, from 0.
    n_folds : int
        At least 2.
    test_after : int
        How many of the first events are not tested on: the most that is to be known.
    seed : int
        Of the folds, the same on every machine, and of the order of events at one time.

    Raises
    ------
    DataError
        If there are no timestamps, or no new items with so many events, or nothing else.

    Examples
    --------
    >>> from recsys_lib import data
    >>> split = data.split_new_items(data.load(), known=2)
    >>> split
    <split of 671 users x 9,066 items: train 85,345, valid 4,536, test 10,123>
    >>> int(split.train.item_counts[split.test.item].max())
    2
    """
    check_interactions("ratings", ratings).require_times("split_new_items")
    return _split(ratings, _told(ratings, "item", 0, known, fold, n_folds, test_after, seed))


def _told(
    ratings: Interactions,
    side: str,
    told: int,
    known: int,
    fold: int,
    n_folds: int,
    test_after: int,
    seed: int,
) -> np.ndarray:
    """Return the part of each event: of the new users or items `told` for their first `known`.

    After those come 1, for validation, and 2, for test; of all others the events are 0, training.
    """
    known, test_after = check_int("known", known), check_int("test_after", test_after)
    if known > test_after:
        raise ValueError(f"known must be at most test_after={test_after}, got {known}")
    fold, n_folds = _check_folds(fold, n_folds, 2)
    owner, counts = getattr(ratings, side), getattr(ratings, f"{side}_counts")
    new = (_folds(len(counts), n_folds, seed) == fold) & (counts > test_after)
    from_start = counts[owner] - 1 - _rank_from_end(ratings, seed, side)
    part = np.where(from_start < known, told, np.where(from_start >= test_after, 2, 1))
    part[~new[owner]] = 0
    if not new.any() or not (part == 0).any():
        what = f"has more than {test_after} events" if not new.any() else "else is left to train on"
        raise DataError(f"{ratings.name}: no {side} of fold {fold} of {n_folds} {what}")
    return part


def _check_folds(fold: int, n_folds: int, least: int) -> tuple[int, int]:
    n_folds, fold = check_int("n_folds", n_folds, minimum=least), check_int("fold", fold)
    if fold >= n_folds:
        raise ValueError(f"fold must be below n_folds={n_folds}, got {fold}")
    return fold, n_folds


def _folds(n: int, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each of n users or items: at random, and as many in each."""
    key = np.array([check_int("seed", seed) % 2**64], dtype=np.uint64)
    order = np.argsort(mix(np.arange(n, dtype=np.uint64) ^ mix(key)), kind="stable")
    folds = np.empty(n, dtype=np.int64)
    folds[order] = np.arange(n) % n_folds
    return folds


def _split(ratings: Interactions, part: np.ndarray) -> Split:
    names = ("train", "valid", "test")
    _ = ratings.vocabulary  # computed once, here, and handed on to the parts
    return Split(*(ratings.select(part == i, f"{ratings.name} {n}") for i, n in enumerate(names)))


def _rank_from_end(ratings: Interactions, seed: int, side: str = "user") -> np.ndarray:
    """For each event: how many events of the same user, or item, come after it."""
    owner, counts = getattr(ratings, side), getattr(ratings, f"{side}_counts")
    order = time_order(ratings, seed, side)
    last = np.cumsum(counts)  # one past the place of each one's last event
    rank = np.empty(len(ratings), dtype=np.int64)
    rank[order] = last[owner[order]] - 1 - np.arange(len(ratings))
    return rank
