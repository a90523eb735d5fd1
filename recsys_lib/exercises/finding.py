"""Exercises that find something out: an answer is tried on real ratings, and judged by the result.

There are no hidden inputs, and no expected value: what was found is measured again, and the verdict
says what it means.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from recsys_lib import data
from recsys_lib.data import Interactions, Split
from recsys_lib.exercises.compare import show
from recsys_lib.exercises.core import Failed, Verdict, call, not_callable
from recsys_lib.exercises.limits import Budget

SECONDS = 60  # for an answer, which may have models to train


class Wrong(Exception):
    """Says what is wrong with what was found."""


@dataclass(frozen=True)
class Finding:
    """One such exercise.

    Attributes
    ----------
    name : str
    call : str
        How the function is called, for example ``"largest_core(ratings)"``.
    given : callable
        Returns the arguments.
    judge : callable
        Of the result and the arguments; returns what was found, in a sentence, or raises `Wrong`.
    """

    name: str
    call: str
    given: Callable[[], tuple]
    judge: Callable[..., str]

    def check(self, answer: Callable) -> Verdict:
        """Call `answer` with real ratings and judge what it returns."""
        arguments = self.given()
        complaint = not_callable(answer, self.name, self.call, len(arguments))
        if complaint is not None:
            return Verdict(self.name, False, complaint)
        try:
            result, _ = call(answer, copy.deepcopy(arguments), Budget(SECONDS))
            if result is None:
                raise Wrong("your function returned None. Is the `return` missing?")
            return Verdict(self.name, True, self.judge(result, *arguments))
        except (Failed, Wrong) as failure:
            return Verdict(self.name, False, str(failure))


def numbers(result: object, shape: tuple[int, ...], of: str) -> np.ndarray:
    """Return a result as an array of finite numbers; raise `Wrong` if it is none of this shape."""
    try:
        found = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"expected {of}, got {show(result)}") from None
    if found.shape != shape:
        raise Wrong(f"expected {of}, in the shape {shape}, got the shape {found.shape}")
    if not np.isfinite(found).all():
        raise Wrong(f"expected {of}, and some of yours are not finite")
    return found


@cache
def movielens() -> Interactions:
    """Return the ratings of the packaged data set."""
    return data.load("movielens-small")


@cache
def movielens_split() -> Split:
    """Return the split of the chapters."""
    return data.leave_last_out(movielens(), n_test=2, n_valid=1)
