"""Checks on arguments. Every message names the argument, what was given and what is allowed."""

import re
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

SHOWN = 60  # letters of a value that a message repeats
OTHER_METRICS = {  # what others call ours
    "hit": "hr", "hits": "hr", "hitrate": "hr", "hitratio": "hr", "p": "precision",
    "prec": "precision", "r": "recall", "rec": "recall", "dcg": "ndcg",
}  # fmt: skip


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


def check_kind(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise unless `value` is of a class, which the message calls what is `wanted`.

    Examples
    --------
    >>> from recsys_lib.validation import check_kind
    >>> check_kind("row", 7, dict, "a mapping")
    Traceback (most recent call last):
    TypeError: row must be a mapping, got 7 (int)
    """
    if not isinstance(value, kind):
        given = " ".join(f"{value!r}".split())
        given = given if len(given) <= SHOWN else f"{given[:SHOWN]} …"
        raise TypeError(f"{name} must be {wanted}, got {given} ({type(value).__name__})")


def check_scale(name: str, value: Iterable[float] | None) -> tuple[float, float] | None:
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
    single = isinstance(k, Integral) and not isinstance(k, bool)
    try:
        values = [k] if single else list(k)  # type: ignore[arg-type]  # True raises, as it should
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
        cure = ""
        if bad >= size and name in ("users", "items"):
            cure = f"; if it is an identifier, {name[:-1]}_index of the interactions has its index"
            if name == "users":
                cure += ", and somebody who is not in the training data gets scores by fold_in"
        raise IndexError(f"{name} holds {bad}, allowed are 0 to {size - 1}{cure}")
    return array


def check_vocabulary(name: str, given: str, other: str, wanted: str) -> None:
    """Raise DataError if the indices of `name` and of `other` speak of other users or items.

    Parameters
    ----------
    name, other : str
        What the two are called in the message.
    given, wanted : str
        Their `Interactions.vocabulary`: sizes and checksum. Where one has the sizes alone, as a
        model from an older file has, only these are compared.
    """
    if given == wanted:
        return
    (sizes, _, mark), (wanted_sizes, _, wanted_mark) = given.partition("-"), wanted.partition("-")
    if sizes == wanted_sizes and not (mark and wanted_mark):
        return
    (a, b), (c, d) = sizes.split("x"), wanted_sizes.split("x")
    if sizes == wanted_sizes:
        what = f"has as many, {a} and {b}, but others or in another order"
    else:
        what = f"has {a} and {b}, not {c} and {d}"
    raise DataError(
        f"{name} must have the users and items of {other}; it {what}. Take both from one set of "
        "interactions: by a split, by `select`, or numbered alike with user_index and item_index"
    )


def fitted_on(model: Any) -> str:
    """Return the vocabulary that a model was fitted on; its sizes alone if it knows no more."""
    n_users, n_items = model.shape
    return getattr(model, "vocabulary_", f"{n_users}x{n_items}")


def metric_length(metric: object, ranking: Iterable[str], others: Iterable[str] = ()) -> int:
    """Return K of a metric such as "ndcg@10", or raise DataError with what may be meant.

    `ranking` are the names that need one, `others` those that have none.
    """
    ranking = list(ranking)
    match = re.fullmatch(rf"({'|'.join(ranking)})@([1-9]\d{{0,5}})", str(metric))
    if match is None:
        k = re.sub(r"\D", "", str(metric)).lstrip("0") or "10"
        known = [*(f"{name}@{k}" for name in ranking), *others]
        allowed = f"{', '.join(ranking)} with @K" + "".join(f", {name}" for name in others)
        raise DataError(
            f"metric must be one of {allowed}, got {metric!r}{metric_meant(metric, known)}"
        )
    return int(match[2])


def metric_meant(given: object, known: Iterable[str]) -> str:
    """Return a question after the metric that may be meant; empty if there is none.

    Of "recall", "Recall_at_10" or "hit_rate@10"; `known` are names such as "hr@10".
    """
    parts = re.fullmatch(r"([a-z]+?)(?:at)?(\d*)", re.sub(r"[\W_]", "", str(given).casefold()))
    if parts is None:
        return ""
    word, k = OTHER_METRICS.get(parts[1], parts[1]), parts[2]
    near = [name for name in known if name.partition("@")[0] == word]
    near = [name for name in near if name == f"{word}@{k}"] or near
    return f"; is {near[0]!r} meant?" if near else ""
