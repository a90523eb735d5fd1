"""`check`: what a student calls to be told at once whether an answer is right, and if not, why.

Each chapter's exercises stand in a file of their own. An exercise holds inputs, what a right
answer returns for them, and the usual mistakes, each with the sentence that helps; it does not
hold the solution's text, which stands in the chapter alone.
"""

from recsys_lib.exercises import (
    bce,
    bmf,
    cosine,
    data,
    evaluation,
    mf,
    mlp,
    neumf,
    start,
    svd,
    trust,
)
from recsys_lib.exercises.core import Case, Exercise, Mistake, Verdict
from recsys_lib.validation import check_choice

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
)
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for chapter in CHAPTERS for exercise in chapter.EXERCISES
}


def check(name: str, answer: object) -> Verdict:
    """Try an answer on several inputs and say what is wrong with it.

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
    ValueError
        If there is no exercise of this name.
    """
    check_choice("name", name, EXERCISES)
    return EXERCISES[name].check(answer)


__all__ = ["EXERCISES", "Case", "Exercise", "Mistake", "Verdict", "check"]
