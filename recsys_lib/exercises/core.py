"""How an answer is tried and what is said of it."""

import contextlib
import copy
import inspect
import io
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

NOT_DONE = "not done yet"
TOO_SLOW = "not finished after a few seconds; is there a loop without an end?"
SECONDS = 2  # no exercise needs a tenth of this: an answer that does is stuck in a loop


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
    """A usual mistake: the wrong function, and the sentence that helps whoever wrote it.

    An answer is taken for this mistake if on every case it returns what `wrong` returns.
    """

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


@dataclass(frozen=True)
class Exercise:
    """One exercise and how its answers are judged.

    Attributes
    ----------
    name : str
    call : str
        How the function is called, for example ``"cosine(u, v)"``.
    cases : sequence of Case
    mistakes : sequence of Mistake
    tolerance : float
        Numbers may differ by this much, absolutely and relatively.
    ordered : bool
        Whether the order of a returned list matters.
    """

    name: str
    call: str
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...] = ()
    tolerance: float = 1e-6
    ordered: bool = True

    def check(self, answer: object) -> Verdict:
        """Try `answer` on every case and say what is wrong with the first that fails."""
        complaint = self._not_callable(answer)
        if complaint is not None:
            return Verdict(self.name, False, complaint)
        for number, case in enumerate(self.cases, start=1):
            complaint = self._try(answer, case)
            if complaint == NOT_DONE:
                return Verdict(self.name, False, NOT_DONE)
            if complaint is not None:
                stuck = complaint == TOO_SLOW
                shown = ", ".join(_show(argument) for argument in case.arguments)
                where = f"input {number} of {len(self.cases)}, {case.what}"
                lines = [where, f"given {shown}", complaint]
                lines.append("" if stuck else self._diagnosis(answer))
                return Verdict(self.name, False, "\n    ".join(line for line in lines if line))
        return Verdict(self.name, True, f"correct on all {len(self.cases)} inputs")

    def _not_callable(self, answer: object) -> str | None:
        if not callable(answer):
            return (
                f"give check the function itself, as in check({self.name!r}, "
                f"{self.call.partition('(')[0]}), not {_show(answer)}"
            )
        wanted = len(self.cases[0].arguments)
        with contextlib.suppress(ValueError, TypeError):
            try:
                inspect.signature(answer).bind(*range(wanted))
            except TypeError:
                return f"the function is called as {self.call}, so it must take {wanted} arguments"
        return None

    def _try(self, answer: Callable, case: Case) -> str | None:
        """Return what is wrong with the answer on this case, or None."""
        given = copy.deepcopy(case.arguments)
        try:
            with _limited(SECONDS), _quiet() as noticed:
                result = answer(*given)
        except NotImplementedError:
            return NOT_DONE
        except _TooSlow:
            return TOO_SLOW
        except SystemExit:
            return "your code ends the program, with exit() or the like; use return instead"
        except RecursionError:
            return "it calls itself without an end"
        except Exception as error:
            return f"your code raised {type(error).__name__}: {error}" + _where(error)
        if not _same(given, case.arguments, 0.0):
            changed = _first_changed(answer, given, case.arguments)
            return f"your code changed its input {changed}: the caller needs it. Work on a copy"
        complaint = _compare(result, case.expected, self.tolerance, self.ordered)
        if complaint and any(issubclass(warning.category, RuntimeWarning) for warning in noticed):
            complaint += f" (NumPy warned: {noticed[0].message})"
        return complaint

    def _diagnosis(self, answer: object) -> str:
        """Name the usual mistake whose results this answer has, or say nothing."""
        with contextlib.suppress(Exception):
            mine = [_outcome(answer, case) for case in self.cases]
            for mistake in self.mistakes:
                theirs = [_outcome(mistake.wrong, case) for case in self.cases]
                if all(_same(a, b, self.tolerance) for a, b in zip(mine, theirs, strict=True)):
                    return f"It looks as if {mistake.hint}."
        return ""


def _outcome(function: Callable, case: Case) -> object:
    """Return what a function returns, or the type of what it raises."""
    try:
        with _limited(SECONDS), _quiet():
            given = copy.deepcopy(case.arguments)
            result = function(*given)
    except (Exception, SystemExit, _TooSlow) as error:
        return type(error).__name__
    return result


class _TooSlow(BaseException):
    """Not an Exception, so that an answer's own ``except Exception`` does not swallow it."""


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Stop what takes longer; on systems and threads without alarms, let it run."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "setitimer"
    ):
        yield
        return

    def stop(*_: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


def _compare(result: object, expected: object, tolerance: float, ordered: bool) -> str | None:
    """Say how a result differs from what was expected; None where it does not."""
    if result is None:
        return "your function returned None. Is the `return` missing?"
    if hasattr(result, "to_numpy"):  # what pandas returns holds an array
        result = result.to_numpy()
    if isinstance(result, list | tuple) and _is_numeric(expected) and not _is_numeric(result):
        return f"expected {_show(expected)}, got {_show(result)}, which is no array of numbers"
    for kind in (_compare_kind, _compare_shape, _compare_numbers):
        complaint = kind(result, expected)
        if complaint:
            return complaint
    if not ordered and isinstance(expected, list | tuple | np.ndarray):
        result, expected = (
            sorted(np.asarray(result).tolist()),
            sorted(np.asarray(expected).tolist()),
        )
    if not _same(result, expected, tolerance):
        return f"expected {_show(expected)}, got {_show(result)}"
    return None


def _compare_kind(result: object, expected: object) -> str | None:
    families = {
        "a single number": (int, float, np.number, bool, np.bool_),
        "text": (str,),
        "a dictionary": (dict,),
        "a sparse array": (sparse.sparray, sparse.spmatrix),
        "an array": (np.ndarray,),
        "a list": (list, tuple),
        "a set": (set, frozenset),
    }
    wanted = next((n for n, types in families.items() if isinstance(expected, types)), None)
    if wanted is None or isinstance(result, families[wanted]):
        return None
    if wanted == "a single number" and isinstance(result, np.ndarray) and result.ndim == 0:
        return None
    if {wanted, _kind(result, families)} == {"an array", "a list"}:
        return None  # either serves
    return f"expected {wanted}, got {_show(result)} of type {type(result).__name__}"


def _kind(value: object, families: dict[str, tuple]) -> str:
    return next((n for n, types in families.items() if isinstance(value, types)), "")


def _compare_shape(result: object, expected: object) -> str | None:
    if isinstance(expected, dict):
        missing, extra = set(expected) - set(result), set(result) - set(expected)
        if missing or extra:
            return f"expected the keys {sorted(expected)}, got {sorted(result)}"
        return None
    if isinstance(expected, str | set) or not _is_numeric(expected):
        return None
    result, expected = _dense(result), _dense(expected)
    if expected.dtype.kind == "b" and expected.ndim and result.dtype.kind in "iu":
        return (
            f"expected {len(expected)} times True or False, got the numbers "
            f"{_show(result)} (dtype {result.dtype})"
        )
    if np.shape(result) == np.shape(expected):
        return None
    turned = " (the other way round: transposed?)" if result.T.shape == expected.shape else ""
    return f"expected shape {expected.shape}, got {result.shape}{turned}"


def _compare_numbers(result: object, expected: object) -> str | None:
    if isinstance(expected, str | set | dict) or not _is_numeric(expected):
        return None
    result, expected = _dense(result), _dense(expected)
    if result.dtype.kind not in "fiub":
        return f"expected numbers, got dtype {result.dtype}"
    if expected.dtype.kind == "b" and result.dtype.kind != "b":
        return f"expected True or False (dtype bool), got dtype {result.dtype}"
    if expected.dtype.kind in "iu" and result.dtype.kind == "f":
        if not (result % 1 == 0).all():
            return f"expected whole numbers, got {_show(result)}"
        if expected.ndim:
            return f"expected integers, which can index an array, got dtype {result.dtype}"
    if expected.dtype.kind == "f" and not np.isfinite(result).all() and np.isfinite(expected).all():
        return f"expected {_show(expected)}, got {_show(result)}: not finite"
    return None


def _is_numeric(value: object) -> bool:
    try:
        return _dense(value).dtype.kind in "fiub"
    except (TypeError, ValueError):
        return False


def _dense(value: object) -> np.ndarray:
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


def _same(a: object, b: object, tolerance: float) -> bool:
    """Whether two values are equal up to the tolerance, NaN equal to NaN, whatever they hold."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and not _is_numeric(b):
        return len(a) == len(b) and all(_same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if _is_numeric(a) and _is_numeric(b):
        a, b = _dense(a), _dense(b)
        return a.shape == b.shape and bool(
            np.allclose(
                a.astype(float), b.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True
            )
        )
    if hasattr(a, "to_frame") and hasattr(b, "to_frame"):
        return a is b or a.to_frame().equals(b.to_frame())
    return type(a) is type(b) and bool(a == b)


def _first_changed(answer: Callable, given: tuple, before: tuple) -> str:
    names = [f"number {i + 1}" for i in range(len(given))]
    with contextlib.suppress(ValueError, TypeError):
        names = [f"`{name}`" for name in inspect.signature(answer).parameters] or names
    changed = [i for i in range(len(given)) if not _same(given[i], before[i], 0.0)]
    return names[min(changed[0], len(names) - 1)]


def _show(value: object) -> str:
    """Return a value on one line, shortened."""
    if sparse.issparse(value):
        value = value.toarray()
    if isinstance(value, np.ndarray):
        tiny = value.dtype.kind == "f" and bool(((value != 0) & (abs(value) < 5e-5)).any())
        text = np.array2string(
            value,
            precision=6 if tiny else 4,
            separator=", ",
            threshold=24,
            edgeitems=3,
            suppress_small=not tiny,  # or what is small, and perhaps wrong, would show as 0
        )
    elif isinstance(value, float | np.floating):
        text = f"{value:.6g}"
    elif isinstance(value, np.generic):
        text = repr(value.item())
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:150]} ... {text[-6:]}"
