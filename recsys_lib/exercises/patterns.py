"""What a wrong answer's results have to do with the right ones, told in a sentence."""

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np
from numpy import errstate  # by name: an exercise may put another in its place

from recsys_lib.exercises.compare import dense, is_numeric, same, show

Pairs = list[tuple[np.ndarray, np.ndarray]]
Things = list[tuple[Sequence, Sequence]]  # several that are returned each time


def _never_below_zero(x: np.ndarray) -> np.ndarray:
    return x.clip(0)


RELATIONS: Sequence[tuple[str, Callable[[np.ndarray], np.ndarray]]] = (
    ("Your numbers have the wrong sign, all of them.", lambda x: -x),
    ("Your numbers are 1 minus what is wanted.", lambda x: 1 - x),
    ("Your numbers are the squares of what is wanted.", np.square),
    ("Your numbers are the square roots of what is wanted.", lambda x: np.sqrt(np.abs(x))),
    ("Your numbers are 1 divided by what is wanted.", lambda x: 1 / np.where(x, x, np.nan)),
    ("Your numbers are cut down to whole ones; return them as they are.", np.floor),
    ("Your numbers are cut down to whole ones; return them as they are.", np.trunc),
    ("You return no number below 0; wanted are negative ones as well.", _never_below_zero),
    ("Your numbers have lost their sign; wanted are negative ones as well.", np.abs),
)
LOSSY = (np.floor, np.trunc, _never_below_zero, np.abs)  # these explain nothing that is NaN


def paired(found: list, wanted: list) -> Pairs:
    """Return results and expected values as arrays, or an empty list where shapes differ."""
    if not all(is_numeric(x) for x in (*found, *wanted)):
        return []
    pairs = [(dense(a), dense(b)) for a, b in zip(found, wanted, strict=True)]
    return pairs if all(a.shape == b.shape for a, b in pairs) else []


def flattened(found: list, wanted: list) -> Pairs:
    """Pair what is returned as several arrays of unequal shapes, as one row of numbers each."""
    pairs = []
    for a, b in sequences(found, wanted):
        if not all(is_numeric(x) for x in (*a, *b)):
            return []
        mine, right = [dense(x) for x in a], [dense(x) for x in b]
        if [x.shape for x in mine] != [x.shape for x in right]:
            return []
        pairs.append(
            (np.concatenate([x.ravel() for x in mine]), np.concatenate([x.ravel() for x in right]))
        )
    return pairs


def sequences(found: list, wanted: list) -> Things:
    """Pair what is returned as several things each time, always as many, or return nothing."""
    everything = (*found, *wanted)
    if not all(isinstance(x, tuple | list) for x in everything) or any(map(is_numeric, wanted)):
        return []
    return list(zip(found, wanted, strict=True)) if len({len(x) for x in everything}) == 1 else []


def constant(found: list, wanted: list) -> str:
    """Say that the result never changes, where that of a right answer does."""
    if not all(is_numeric(x) and dense(x).dtype.kind in "fiu" for x in found):
        return ""
    if not all(same(found[0], x, 1e-9) for x in found):
        return ""
    others = sum(not same(wanted[0], x, 1e-9) for x in wanted[1:])
    return "You return the same on every input, whatever is given." if others > 1 else ""


def reordered(pairs: Things, tolerance: float) -> str:
    """Say that the right things are returned in another order, if they are."""
    n = len(pairs[0][1]) if pairs else 0
    if not 2 <= n <= 4:
        return ""
    for order in list(permutations(range(n)))[1:]:
        if all(same(a[i], b[k], tolerance) for a, b in pairs for k, i in enumerate(order)):
            wanted = ", then ".join(f"your number {i + 1}" for i in order)
            return f"What you return is right, but in another order: wanted is {wanted}."
    return ""


def relation(pairs: Pairs) -> str:
    """Say how all numbers found, on all inputs, follow from those wanted, if they do."""
    if not pairs:
        return ""
    if all(same(a, b, 1e-9) for a, b in pairs):
        return ""  # the numbers are right, and something else was wrong
    found, wanted = _joined(pairs)
    if wanted.dtype.kind == "b":
        turned = "Your True and False are the wrong way round, all of them."
        return turned if (found != wanted).all() else ""
    if all(same(np.sort(a.ravel()), np.sort(b.ravel()), 1e-9) for a, b in pairs):
        return "Your numbers are the right ones; only their order is not."
    known = np.isfinite(found.astype(float))
    found, wanted = found[known].astype(float), wanted[known].astype(float)
    if len(np.unique(wanted)) < 3:
        return ""
    with errstate(all="ignore"):
        for sentence, change in RELATIONS:
            if not known.all() and change in LOSSY:
                continue
            if np.allclose(found, change(wanted), rtol=1e-6, atol=1e-9):
                return sentence
    for digits in range(7):
        if np.allclose(found, np.round(wanted, digits), rtol=0, atol=1e-12):
            to = f"{digits} digits" if digits > 1 else ("whole ones", "one digit")[digits]
            return f"Your numbers are rounded to {to}; return them as they are."
    return _factor_or_shift(found, wanted)


def _joined(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    found, wanted = zip(*pairs, strict=True)
    return np.concatenate([x.ravel() for x in found]), np.concatenate([x.ravel() for x in wanted])


def _factor_or_shift(found: np.ndarray, wanted: np.ndarray) -> str:
    used = wanted != 0
    factors = found[used] / wanted[used]
    if np.ptp(factors) < 1e-6 * abs(factors[0]) and not found[~used].any():
        far = abs(factors[0] - 1) > 1e-3
        return f"Everywhere your number is {show(factors[0])} times what is wanted." if far else ""
    if np.ptp(found - wanted) < 1e-9:
        by = found[0] - wanted[0]
        return f"Everywhere your number is {show(abs(by))} too {'large' if by > 0 else 'small'}."
    return ""


def part(pairs: Things | Pairs, tolerance: float) -> str:
    """Say which of the few things that are returned each time are wrong, if others are right."""
    sizes = {0 if isinstance(b, np.ndarray) and not b.ndim else len(b) for _, b in pairs}
    (n,) = sizes if len(sizes) == 1 else (0,)
    if not 2 <= n <= 4 or len(pairs) < 3:
        return ""
    right = [all(same(a[i], b[i], tolerance) for a, b in pairs) for i in range(n)]
    if not any(right) or all(right):
        return ""
    wrong = " and ".join(f"number {i + 1}" for i in range(n) if not right[i])
    fine = " and ".join(f"number {i + 1}" for i in range(n) if right[i])
    verb = "is" if sum(right) == 1 else "are"
    return f"Of the {n} that you return, {fine} {verb} right on every input; look at {wrong}."


def inputs(right: list[bool], names: list[str], first: int) -> str:
    """Say which inputs come out right, if some do: what sets them apart tells what is missing."""
    if sum(right) == len(right) - 1 > 1:
        return "All other inputs come out right, so ask what is special about this one."
    others = [name for i, name in enumerate(names) if not right[i] and i != first]
    if others and sum(right) >= len(right) / 2:
        return f"Wrong as well: {'; '.join(others)}. The others come out right."
    return ""


def direction(pairs: Pairs) -> str:
    """Say on which side the numbers are wrong, if it is always the same."""
    if not pairs:
        return ""
    found, wanted = _joined(pairs)
    if wanted.dtype.kind == "b":
        added, lost = (found & ~wanted).any(), (wanted & ~found).any()
        if added and lost:
            return ""
        return f"You have {'too many' if added else 'too few'} True: none is wrongly {not added}."
    off = found.astype(float) - wanted.astype(float)
    off = off[np.abs(off) > 1e-6]
    if len(off) < 3 or not np.isfinite(off).all() or ((off > 0).any() and (off < 0).any()):
        return ""
    return f"Wherever it is wrong, your number is too {'large' if off[0] > 0 else 'small'}."
