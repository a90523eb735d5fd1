"""Compare what came back with what was expected, and show both."""

import contextlib
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse

SHORT, LONG = 150, 24  # a line has so many characters, an array or list so many numbers


def compare(result: object, expected: object, tolerance: float, ordered: bool) -> str | None:
    """Say how a result differs from what was expected; None where it does not."""
    if result is None:
        return "your function returned None. Is the `return` missing?"
    if hasattr(result, "to_numpy"):  # what pandas returns holds an array
        result = result.to_numpy()
    if np.ma.is_masked(result):
        return "your result has masked entries (--); fill them, with .filled(0) for example"
    if isinstance(result, list | tuple) and is_numeric(expected) and not is_numeric(result):
        return f"expected {show(expected)}, got {show(result)}, which is no array of numbers"
    for kind in (_compare_kind, _compare_shape, _compare_numbers):
        complaint = kind(result, expected)
        if complaint:
            return complaint
    if not ordered and isinstance(expected, list | tuple | np.ndarray):
        result, expected = (
            sorted(np.asarray(result).tolist()),
            sorted(np.asarray(expected).tolist()),
        )
    if not same(result, expected, tolerance):
        return _told_apart(result, expected) + _whole_only(result, expected)
    return None


def _whole_only(result: object, expected: object) -> str:
    """Name the dtype of an array that cannot hold what was expected."""
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "iu":
        return ""
    if not is_numeric(expected) or (dense(expected) % 1 == 0).all():
        return ""
    return f" (an array of dtype {result.dtype} holds whole numbers only)"


def _compare_kind(result: object, expected: object) -> str | None:
    families = {
        "a single number": (Real, np.number, np.bool_),  # a Fraction, too
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
    return f"expected {wanted}, got {show(result)} of type {type(result).__name__}"


def _kind(value: object, families: dict[str, tuple]) -> str:
    return next((n for n, types in families.items() if isinstance(value, types)), "")


def _compare_shape(result: object, expected: object) -> str | None:
    if isinstance(expected, dict) and isinstance(result, dict):
        missing, extra = set(expected) - set(result), set(result) - set(expected)
        if missing or extra:
            return f"expected the keys {sorted(expected)}, got {sorted(result)}"
        return None
    if isinstance(expected, str | set) or not is_numeric(expected):
        return None
    result, expected = dense(result), dense(expected)
    if expected.dtype.kind == "b" and expected.ndim and result.dtype.kind in "iu":
        return (
            f"expected {len(expected)} times True or False, got the numbers "
            f"{show(result)} (dtype {result.dtype})"
        )
    if np.shape(result) == np.shape(expected):
        return None
    turned = " (the other way round: transposed?)" if result.T.shape == expected.shape else ""
    return f"expected shape {expected.shape}, got {result.shape}{turned}"


def _compare_numbers(result: object, expected: object) -> str | None:
    if isinstance(expected, str | set | dict) or not is_numeric(expected):
        return None
    result, expected = dense(result), dense(expected)
    if result.dtype.kind not in "fiub":
        return f"expected numbers, got dtype {result.dtype}"
    if expected.dtype.kind == "b" and result.dtype.kind != "b":
        return f"expected True or False (dtype bool), got dtype {result.dtype}"
    if expected.dtype.kind in "iu" and result.dtype.kind == "f":
        if not (result % 1 == 0).all():
            return f"expected whole numbers, got {show(result)}"
        if expected.ndim:
            return f"expected integers, which can index an array, got dtype {result.dtype}"
    if expected.dtype.kind == "f" and not np.isfinite(result).all() and np.isfinite(expected).all():
        return f"expected {show(expected)}, got {show(result)}: not finite"
    return None


def is_numeric(value: object) -> bool:
    """Whether a value is a number, or an array (or what can become one) of numbers, none masked."""
    try:
        return not np.ma.is_masked(value) and dense(value).dtype.kind in "fiub"
    except (TypeError, ValueError):
        return False


def dense(value: Any) -> np.ndarray:
    """Return a value as an array; a sparse one as a dense one, fractions as decimals."""
    array = value.toarray() if sparse.issparse(value) else np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(number, Real) for number in array.flat):
        with contextlib.suppress(OverflowError):
            return array.astype(float)
    return array


def same(a: object, b: object, tolerance: float) -> bool:
    """Whether two values are equal up to the tolerance, NaN equal to NaN, whatever they hold."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and not is_numeric(b):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if is_numeric(a) and is_numeric(b):
        a, b = dense(a), dense(b)
        return a.shape == b.shape and bool(
            np.allclose(
                a.astype(float), b.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True
            )
        )
    if hasattr(a, "to_frame") and hasattr(b, "to_frame"):
        return a is b or a.to_frame().equals(b.to_frame())
    return type(a) is type(b) and bool(a == b)


def _told_apart(result: object, expected: object) -> str:
    """Show two values that differ, with as many digits as it takes to see it."""
    for digits in (None, 8, 12, 17):
        wanted, found = show(expected, digits), show(result, digits)
        if wanted != found:
            return f"expected {wanted}, got {found}"
    place = _first_difference(result, expected)
    if place is None:
        return f"expected {wanted}, got the same as {type(result).__name__}"
    where, a, b = place
    return f"expected {show(expected)}; the first difference is at {where}: {_told_apart(b, a)}"


def _first_difference(result: object, expected: object) -> tuple[str, object, object] | None:
    """Return the place of the first number that differs, and what stands there in both."""
    if not (is_numeric(result) and is_numeric(expected)):
        return None
    result, expected = dense(result), dense(expected)
    if result.shape != expected.shape or not result.ndim:
        return None
    places = np.argwhere(~np.isclose(result.astype(float), expected.astype(float), rtol=1e-12))
    if not len(places):
        return None
    place = tuple(places[0].tolist())
    return f"{list(place)}", expected[place], result[place]


def show(value: object, digits: int | None = None) -> str:
    """Return a value on one line, shortened; `digits` shows more than the usual ones."""
    text = " ".join(_text(value, digits).split())
    return text if len(text) <= SHORT + 10 else f"{text[:SHORT]} ... {text[-6:]}"


def _text(value: Any, digits: int | None) -> str:
    if sparse.issparse(value):
        value = value.toarray()
    if isinstance(value, np.ndarray):
        return _array_text(value, digits)
    if isinstance(value, float | np.floating):
        return f"{value:.{digits or 6}g}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, dict):
        pairs = (f"{_text(k, digits)}: {_text(v, digits)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if type(value) in (tuple, list, set):
        inside = ", ".join(_text(one, digits) for one in value)
        if isinstance(value, tuple):
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        return (
            f"[{inside}]" if isinstance(value, list) else "{" + inside + "}" if value else "set()"
        )
    return repr(value)


def _array_text(value: np.ndarray, digits: int | None) -> str:
    tiny = value.dtype.kind == "f" and bool(((value != 0) & (abs(value) < 5e-5)).any())
    return np.array2string(
        value,
        precision=digits or (6 if tiny else 4),
        separator=", ",
        threshold=LONG,
        edgeitems=3,
        suppress_small=not (tiny or digits),  # or what is small, and perhaps wrong, shows as 0
    )
