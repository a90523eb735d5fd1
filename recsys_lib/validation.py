"""Checks on arguments. Every message names the argument, what was given and what is allowed."""

from collections.abc import Collection, Sequence
from numbers import Integral, Real

import numpy as np


class DataError(ValueError):
    """Data that is not what it should be. The message says where and what was expected."""


def check_int(name: str, value: object, minimum: int = 0) -> int:
    """Return `value` as an int, or raise if it is no integer of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def check_real(
    name: str, value: object, minimum: float = -np.inf, maximum: float = np.inf
) -> float:
    """Return `value` as a float, or raise if it is no finite number in ``[minimum, maximum]``."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        number = np.inf
    if not np.isfinite(number) or not minimum <= number <= maximum:
        raise ValueError(
            f"{name} must be a finite number in [{minimum:g}, {maximum:g}], got {value!r}"
        )
    return number


def check_bool(name: str, value: object) -> bool:
    """Return `value`, or raise if it is not True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def check_scale(name: str, value: object) -> tuple[float, float] | None:
    """Return `value` as (lowest, highest) rating, or raise if it is neither that nor None."""
    if value is None:
        return None
    try:
        low, high = (check_real(name, end) for end in value)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if low > high:
        raise ValueError(f"{name} must be None or (lowest, highest), got {value!r}")
    return low, high


def check_choice(name: str, value: object, allowed: Collection[str]) -> str:
    """Return `value`, or raise if it is not one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def check_ks(k: int | Sequence[int]) -> np.ndarray:
    """Return the list lengths `k` (one or several positive integers) as an int64 array."""
    wanted = "k must be a positive integer or a sequence of them"
    if isinstance(k, Integral) and not isinstance(k, bool):
        k = [k]
    try:
        values = list(k)
    except TypeError:
        raise TypeError(f"{wanted}, got {k!r} ({type(k).__name__})") from None
    if not values:
        raise ValueError(f"{wanted}, got an empty one")
    return np.array([check_int("k", one, minimum=1) for one in values], dtype=np.int64)


def check_ids(name: str, values: object, size: int) -> np.ndarray:
    """Return `values` as a 1-D int64 array of indices below `size`, or raise.

    Raises
    ------
    TypeError
        If the values are not integers.
    ValueError
        If they are not one-dimensional.
    IndexError
        If one lies outside ``0 .. size - 1``.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise ValueError(f"{name} must be a one-dimensional array of indices") from None
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be a one-dimensional array of indices, got shape {array.shape}"
        )
    if array.size and array.dtype.kind not in "iu":
        cure = ""
        if array.dtype.kind in "USO":  # identifiers, it seems
            cure = "; user_index and item_index of the interactions turn identifiers into indices"
        raise TypeError(f"{name} must hold integer indices, got dtype {array.dtype}{cure}")
    array = array.astype(np.int64)
    if array.size and (array.min() < 0 or array.max() >= size):
        bad = array[(array < 0) | (array >= size)][0]
        raise IndexError(f"{name} holds {bad}, allowed are 0 to {size - 1}")
    return array
