"""How an answer is tried and what is said of it."""

import contextlib
import copy
import inspect
import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from recsys_lib.exercises import patterns
from recsys_lib.exercises.compare import compare, dense, is_numeric, same, show
from recsys_lib.exercises.limits import Budget, TooSlow, limited

NOT_DONE = "not done yet"
TOO_SLOW = "not finished after a few seconds; is there a loop without an end?"
SECONDS = 2  # for a whole check: no exercise needs a tenth of this, unless it is stuck in a loop


@dataclass(frozen=True)
class Case:
    """One input: what it is in words, the arguments, and what a right answer returns.

    `expected` is a value worked out by hand or by other means than the solution's.
    """

    what: str
    arguments: tuple
    expected: object


@dataclass(frozen=True)
class Mistake:
    """A usual mistake: the wrong function, and the sentence that helps whoever wrote it."""

    wrong: Callable
    hint: str


@dataclass(frozen=True)
class Verdict:
    """What `check` returns; a notebook shows its message."""

    name: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.name}: {self.message}"

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Show what is wrong as an error: nbgrader takes a cell for passed that shows a result.

        No exception is raised, so that a notebook runs to its end with exercises still to be done.
        """
        if self.passed:
            raise NotImplementedError  # to be shown as any other result
        sys.stderr.write(f"{self}\n")  # in one piece, so that Jupyter shows one


@dataclass(frozen=True)
class Exercise:
    """One exercise and how its answers are judged.

    Its usual mistakes stand below it, each above its wrong function::

        @MF_1.mistake("lam is not used: p and q are not pulled toward 0")
        def _no_penalty(p, q, r, eta, lam): ...

    Attributes
    ----------
    name : str
    call : str
        How the function is called, for example ``"cosine(u, v)"``.
    cases : sequence of Case
    tolerance : float
        Numbers may differ by this much, absolutely and relatively.
    ordered : bool
        Whether the order of a returned list matters.
    mistakes : list of Mistake
        In the order in which they are tried; filled by `mistake`.
    """

    name: str
    call: str
    cases: tuple[Case, ...]
    tolerance: float = 1e-6
    ordered: bool = True
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, hint: str) -> Callable[[Callable], Callable]:
        """State a usual mistake, above the wrong function, which stays as it is."""

        def keep(wrong: Callable) -> Callable:
            self.mistakes.append(Mistake(wrong, hint))
            return wrong

        return keep

    def check(self, answer: Callable) -> Verdict:
        """Try `answer` on every case and say what is wrong with the first that fails."""
        complaint = not_callable(answer, self.name, self.call, len(self.cases[0].arguments))
        if complaint is not None:
            return Verdict(self.name, False, complaint)
        budget = Budget(SECONDS)
        for number, case in enumerate(self.cases):
            complaint = self._try(answer, case, budget)
            if complaint == NOT_DONE:
                return Verdict(self.name, False, NOT_DONE)
            if complaint is not None:
                shown = ", ".join(show(argument) for argument in case.arguments)
                where = f"input {number + 1} of {len(self.cases)}, {case.what}"
                lines = [where, f"given {shown}", complaint]
                if complaint != TOO_SLOW:
                    lines.append(self._diagnosis(answer, number, budget))
                return Verdict(self.name, False, "\n    ".join(line for line in lines if line))
        return Verdict(self.name, True, f"correct on all {len(self.cases)} inputs")

    def _try(self, answer: Callable, case: Case, budget: Budget) -> str | None:
        """Return what is wrong with the answer on this case, or None."""
        given = copy.deepcopy(case.arguments)
        try:
            result, noticed = call(answer, given, budget)
        except Failed as failure:
            return str(failure)
        if not same(given, case.arguments, 0.0):
            changed = _first_changed(answer, given, case.arguments)
            return f"your code changed its input {changed}: the caller needs it. Work on a copy"
        complaint = compare(result, case.expected, self.tolerance, self.ordered)
        warned = [w.message for w in noticed if issubclass(w.category, RuntimeWarning)]
        if complaint and warned:
            complaint += f" (NumPy warned: {warned[0]})"
        return complaint

    def _diagnosis(self, answer: Callable, first: int, budget: Budget) -> str:
        """Name the usual mistake whose results this answer has, or say what else can be told.

        What is certain comes first: a mistake that agrees on every input, then a rule that holds
        for all numbers, then what is likely, then which inputs fail.
        """
        with contextlib.suppress(Exception, TooSlow):
            mine = [_outcome(answer, case, budget) for case in self.cases]
            right = [self._right(a, case) for a, case in zip(mine, self.cases, strict=True)]
            certain, likely = self._recognized(mine, right, first, budget)
            wanted = [case.expected for case in self.cases]
            pairs, things = patterns.paired(mine, wanted), patterns.sequences(mine, wanted)
            return (
                certain
                or patterns.constant(mine, wanted)
                or patterns.reordered(things, self.tolerance)
                or patterns.relation(pairs or patterns.flattened(mine, wanted))
                or patterns.part(pairs or things, self.tolerance)
                or likely
                or patterns.inputs(right, [case.what for case in self.cases], first)
                or patterns.direction(pairs)
            )
        return ""

    def _recognized(
        self, mine: list, right: list[bool], first: int, budget: Budget
    ) -> tuple[str, str]:
        """Return the mistake that it certainly is, and the one that it may be on this input.

        It certainly is the one that agrees on every input on which the answer is defined, the
        first failing one among them. It may be one that agrees there and on at least half of the
        failing inputs, and of all inputs: less would be chance.
        """
        failing = [i for i, fine in enumerate(right) if not fine]
        certain, likely, most = "", "", len(failing) / 2
        for mistake in self.mistakes:
            here = _outcome(mistake.wrong, self.cases[first], budget)
            if not same(mine[first], here, self.tolerance):
                continue
            theirs = [_outcome(mistake.wrong, case, budget) for case in self.cases]
            agree = [same(a, b, self.tolerance) for a, b in zip(mine, theirs, strict=True)]
            if all(agree):
                return f"It looks as if {mistake.hint}.", ""
            if isinstance(here, _Raised) or self._right(here, self.cases[first]):
                continue
            score = sum(agree[i] for i in failing)
            if all(a or _undefined(b) for a, b in zip(agree, mine, strict=True)):
                certain = certain or f"It looks as if {mistake.hint}."
            elif 2 * sum(agree) < len(agree):
                continue
            elif score > most or (score == most and not likely):
                likely, most = f"On this input the result is as if {mistake.hint}.", score
        return certain, likely

    def _right(self, outcome: object, case: Case) -> bool:
        return not isinstance(outcome, _Raised) and (
            compare(outcome, case.expected, self.tolerance, self.ordered) is None
        )


class Failed(Exception):
    """Says why an answer returned nothing."""


def not_callable(answer: object, name: str, how: str, n_arguments: int) -> str | None:
    """Return what is wrong with an answer that cannot be called as it must be, or None."""
    if not callable(answer):
        return (
            f"give check the function itself, as in check({name!r}, {how.partition('(')[0]}), "
            f"not {show(answer)}"
        )
    with contextlib.suppress(ValueError, TypeError):
        try:
            inspect.signature(answer).bind(*range(n_arguments))
        except TypeError:
            return f"the function is called as {how}, so it must take {n_arguments} arguments"
    return None


def call(
    answer: Callable, given: tuple, budget: Budget
) -> tuple[object, list[warnings.WarningMessage]]:
    """Return what an answer returns, and what was warned of; raise `Failed` if it does not."""
    try:
        with limited(budget.left()), _quiet() as noticed:
            return answer(*given), noticed
    except NotImplementedError:
        raise Failed(NOT_DONE) from None
    except TooSlow:
        raise Failed(TOO_SLOW) from None
    except SystemExit:
        raise Failed(
            "your code ends the program, with exit() or the like; use return instead"
        ) from None
    except RecursionError:
        raise Failed("it calls itself without an end") from None
    except Exception as error:
        where = _where(error)
        said = f"{type(error).__name__}: {error}{where}{_in_plain_words(error)}"
        raise Failed(f"your code raised {said}") from None


def _in_plain_words(error: Exception) -> str:
    """Say what those messages of NumPy mean that a beginner meets and cannot read."""
    text = str(error)
    if "truth value of an array" in text:
        return ". An `if` needs a single yes or no; for each entry of an array there is np.where"
    sizes = re.search(r"^matmul: .*size (\d+) is different from (\d+)", text)
    if sizes:
        rows, columns = sizes.groups()
        return (
            ". In A @ B each row of A must have as many numbers as B has rows; "
            f"here it has {columns}, and B has {rows}"
        )
    if text.startswith("solve") and "mismatch in its core dimension" in text:
        return ". In np.linalg.solve(A, b), A must be square, and b as long as A has rows"
    return ""


@dataclass(frozen=True)
class _Raised:
    """Stands for the result of a function that raised this kind of error."""

    kind: str


def _outcome(function: Callable, case: Case, budget: Budget) -> object:
    """Return what a function returns, or what kind of error it raises."""
    given = copy.deepcopy(case.arguments)
    try:
        with limited(budget.left()), _quiet():
            return function(*given)
    except (Exception, SystemExit) as error:
        return _Raised(type(error).__name__)


def _undefined(outcome: object) -> bool:
    """Whether an outcome is no finite number, as after a division by zero."""
    if isinstance(outcome, _Raised):
        return outcome.kind in ("ZeroDivisionError", "FloatingPointError")
    return is_numeric(outcome) and not np.isfinite(dense(outcome)).all()


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keep a student's prints and warnings out of the verdict; yield the warnings."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(record=True) as noticed,
    ):
        warnings.simplefilter("always")
        yield noticed


def _where(error: Exception) -> str:
    """Return the line of the student's own code that raised, if it can be told."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            line = trace.tb_lineno if line is None else line
        trace = trace.tb_next
    return f" (line {line} of your cell)" if line else ""


def _first_changed(answer: Callable, given: tuple, before: tuple) -> str:
    names = [f"number {i + 1}" for i in range(len(given))]
    with contextlib.suppress(ValueError, TypeError):
        names = [f"`{name}`" for name in inspect.signature(answer).parameters] or names
    changed = [i for i in range(len(given)) if not same(given[i], before[i], 0.0)]
    return names[min(changed[0], len(names) - 1)]
