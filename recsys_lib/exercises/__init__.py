"""`check`: what a student calls to be told at once whether an answer is right, and if not, why.

Each chapter's exercises stand in a file of their own. An exercise holds inputs, what a right
answer returns for them, and the usual mistakes, each below it with the sentence that helps above
the wrong function. What it expects comes from elsewhere than the chapter's solution, which it
does not use. One exercise a chapter is tried on real ratings instead, and judged by what it finds.
"""

from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches

from recsys_lib.exercises import (
    bce,
    bmf,
    cosine,
    data,
    evaluation,
    mf,
    mlp,
    neumf,
    new,
    order,
    scale,
    simple,
    start,
    svd,
    trust,
)
from recsys_lib.exercises.core import Case, Exercise, Mistake, Verdict
from recsys_lib.exercises.finding import Finding
from recsys_lib.exercises.real import FINDINGS as REAL

CHAPTERS = (
    start,
    data,
    cosine,
    svd,
    mf,
    bce,
    bmf,
    mlp,
    neumf,
    evaluation,
    trust,
    simple,
    new,
    scale,
    order,
)
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for chapter in CHAPTERS for exercise in chapter.EXERCISES
}
FINDINGS: dict[str, Finding] = {finding.name: finding for finding in REAL}


def check(name: str, answer: Callable) -> Verdict:
    """Try an answer on several inputs, or on real ratings, and say what is wrong with it.

    Parameters
    ----------
    name : str
        The exercise, as its heading states it, for example ``"cosine-1"``.
    answer : callable
        The function you wrote.

    Returns
    -------
    Verdict
        Printed by Jupyter as text; ``verdict.passed`` is True or False.

    Raises
    ------
    TypeError
        If the name is no text.
    ValueError
        If there is no exercise of this name; it says which one may be meant.

    Examples
    --------
    >>> from recsys_lib.exercises import check
    >>> verdict = check("cosine-1", lambda u, v: u @ v)
    >>> verdict.passed
    False
    >>> print(verdict)
    ✗ cosine-1: input 1 of 8, parallel vectors
        given [1., 2.], [2., 4.]
        expected 1, got 10
        It looks as if you return the dot product, not yet divided by the two lengths.
    """
    if not isinstance(name, str):
        raise TypeError(f'name must be text, as in check("cosine-1", cosine), got {name!r}')
    exercises: dict[str, Exercise | Finding] = EXERCISES | FINDINGS
    if name not in exercises:
        close = get_close_matches(name.lower(), exercises, n=1, cutoff=0.5)
        ask = f"did you mean {close[0]!r}? " if close else ""
        chapters = Counter(one.rpartition("-")[0] for one in exercises)
        known = ", ".join(f"{chapter}-1 to {n}" for chapter, n in chapters.items())
        raise ValueError(f"there is no exercise {name!r}; {ask}name must be one of {known}")
    return exercises[name].check(answer)


__all__ = ["EXERCISES", "FINDINGS", "Case", "Exercise", "Finding", "Mistake", "Verdict", "check"]
