"""How sure is a mean? Intervals over users and seeds, a paired test, several tests, how many users.

A result of this course is a mean over the users of the test and, where chance takes part in the
training, over seeds. Both are samples: other users, other seeds would have given another number. So
the intervals and the test here take both, if they are told what each seed gave.
"""

import math
from collections.abc import Sequence

import numpy as np
from numba import njit
from scipy import special

from recsys_lib.validation import check_int, check_real


def bootstrap_interval(
    values: np.ndarray,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    by_seed: Sequence[np.ndarray] = (),
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron and Tibshirani 1993, chapter 13).

    The users of the test are a sample of all users we might have had. Draw as many again, with
    replacement, take the mean, repeat: the middle `level` of those means is the interval. With
    `by_seed`, each of those means is moved by what other seeds might have given, see `seed_noise`:
    then it is an interval over users and seeds. It does not speak of the split, and it is rough
    where nearly all values are 0, as the hit ratio of a very bad model is.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One number per user, finite; the mean over seeds, if there are several.
    level : float
        Between 0 and 1.
    n_resamples : int
    seed : int
        Of the resampling.
    by_seed : sequence of ndarray
        For each model that was trained with several seeds, the mean over users that each seed gave:
        at least two numbers each.

    Returns
    -------
    low, high : float
    """
    values = _finite("values", values)
    sums = bootstrap_sums(values[:, None], n_resamples, seed)
    return middle(sums[:, 0] / len(values) + seed_noise(by_seed, n_resamples, seed), level)


def seed_noise(by_seed: Sequence[np.ndarray], n_resamples: int, seed: int = 0) -> np.ndarray:
    r"""Draw how far a mean over other seeds might lie from the mean over these.

    The mean of S results with standard deviation s lies from the mean of very many as
    :math:`s / \sqrt S` times a number from Student's t distribution with S - 1 degrees of freedom,
    if the results are normal. So that is what is drawn, for each model apart. To draw the S results
    with replacement, as the users are drawn, would not do: of five, it makes the interval a third
    too short (chapter 9 shows it).

    The means of the seeds also vary by what is left of users and seeds together, over the number of
    users; where users are drawn besides, that is counted twice, and the interval is somewhat wide.

    Parameters
    ----------
    by_seed : sequence of ndarray
        As in `bootstrap_interval`; empty where chance takes no part.
    n_resamples, seed : int

    Returns
    -------
    ndarray of float64, shape (n_resamples,)
        Sums over the models, around 0.
    """
    noise = np.zeros(check_int("n_resamples", n_resamples, minimum=1))
    rng = np.random.default_rng([check_int("seed", seed), 1])  # not the numbers that draw the users
    for results in _each_model(by_seed):
        if len(results) < 2:
            raise ValueError(
                "by_seed must hold the results of two seeds or more for each model, got "
                f"{len(results)}: leave out what was trained once"
            )
        error = results.std(ddof=1) / len(results) ** 0.5
        noise += error * rng.standard_t(len(results) - 1, len(noise))
    return noise


def _each_model(by_seed: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the results of each model as an array, or say which shape was meant."""
    wanted = "by_seed must hold one array for each model that was trained with several seeds"
    if isinstance(by_seed, dict | str) or hasattr(by_seed, "columns"):
        raise TypeError(f"{wanted}, in a list, got {type(by_seed).__name__}")
    try:
        every = list(by_seed)
    except TypeError:
        raise TypeError(f"{wanted}, got {by_seed!r}") from None
    if every and all(np.ndim(results) == 0 for results in every):
        raise ValueError(f"{wanted}, got {len(every)} numbers: write [results] for one model")
    return [_finite(f"by_seed[{number}]", results) for number, results in enumerate(every)]


def middle(resampled: np.ndarray, level: float) -> tuple[float, float]:
    """Return the ends (low, high) of the middle `level`, from 0 to 1, of resampled values."""
    level = check_real("level", level, 0, 1)
    low, high = np.quantile(_finite("resampled", resampled), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_sums(columns: np.ndarray, n_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """Sums over users drawn with replacement, all columns from the same draw.

    For what is no mean over users but a function of sums over them, as an RMSE is: apply the
    function to each row of the result, and take quantiles.

    Parameters
    ----------
    columns : ndarray, shape (n_users, c)
        Finite numbers.
    n_resamples : int
    seed : int

    Returns
    -------
    ndarray of float64, shape (n_resamples, c)
    """
    columns = _numbers("columns", columns)
    if columns.ndim != 2 or len(columns) == 0 or not np.isfinite(columns).all():
        raise ValueError(
            "columns must be finite numbers of shape (n_users, n_columns), with at least one user, "
            f"got shape {columns.shape}"
        )
    return _resampled_sums(
        np.ascontiguousarray(columns),
        check_int("n_resamples", n_resamples, minimum=1),
        np.random.default_rng(check_int("seed", seed)),
    )


@njit(cache=True)
def _resampled_sums(columns, n_resamples, rng):
    n, width = columns.shape
    sums = np.zeros((n_resamples, width))
    for b in range(n_resamples):
        for _ in range(n):
            user = rng.integers(0, n)
            for c in range(width):
                sums[b, c] += columns[user, c]
    return sums


def paired_test(
    differences: np.ndarray,
    n_resamples: int = 9999,
    seed: int = 0,
    by_seed: Sequence[np.ndarray] = (),
) -> float:
    """Two-sided p-value of "the two models do equally well", by flipping signs (Fisher 1935).

    If the models were exchangeable, each user's difference could as well have had the other sign.
    The p-value is the share of random sign patterns whose mean is at least as far from 0 as the
    mean that was found, that one included, so it is never 0. With `by_seed`, the mean of each
    pattern is moved as in `bootstrap_interval`: the luck of the seeds could have made it, too.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Model minus baseline, one number per user, finite.
    n_resamples : int
    seed : int
    by_seed : sequence of ndarray
        As in `bootstrap_interval`.
    """
    differences = _finite("differences", differences)
    n_resamples = check_int("n_resamples", n_resamples, minimum=1)
    rng = np.random.default_rng(check_int("seed", seed))
    moved = differences[differences != 0]  # a user without a difference contributes nothing
    sums = _flipped_sums(moved, n_resamples, rng)
    sums += len(differences) * seed_noise(by_seed, n_resamples, seed)
    found = abs(moved.sum()) - 1e-12 * np.abs(moved).sum()  # sums in other orders round otherwise
    return float((1 + np.count_nonzero(np.abs(sums) >= found)) / (n_resamples + 1))


@njit(cache=True)
def _flipped_sums(moved, n_resamples, rng):
    sums = np.zeros(n_resamples)
    for b in range(n_resamples):
        bits, left = np.int64(0), 0
        for d in moved:
            if left == 0:
                bits, left = rng.integers(0, np.int64(1) << 62), 62
            sums[b] += d if bits & 1 else -d
            bits >>= 1
            left -= 1
    return sums


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    values = _numbers(name, values)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be a one-dimensional array of at least one finite number, "
            f"got shape {values.shape}"
        )
    return np.ascontiguousarray(values)


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    """Return what are numbers, none of them masked, as float64; their sums must be finite, too."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must hold no masked numbers: leave them out")
    try:
        given = np.asarray(values)
        text = given.dtype.kind == "O" and any(isinstance(one, str | bytes) for one in given.flat)
        if text or given.dtype.kind not in "biufO":
            raise TypeError
        numbers = given.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers, got {values!r}") from None
    largest = np.abs(numbers).max(initial=0.0)
    if np.isfinite(largest) and largest > np.finfo(np.float64).max / max(len(numbers.flat), 1):
        raise ValueError(f"{name} must have sums that are finite, got numbers up to {largest:g}")
    return numbers


def holm(p_values: np.ndarray) -> np.ndarray:
    r"""Adjust p-values for having tested several differences at once (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on, none above 1 and none below
    the one before. Whoever then calls those below 0.05 real is wrong about *any* of them with a
    probability of at most 0.05, however the tests depend on each other.

    Parameters
    ----------
    p_values : ndarray, shape (m,)
        Each in [0, 1].

    Returns
    -------
    ndarray, shape (m,)
        In the order given.

    Examples
    --------
    >>> from recsys_lib.evaluation.significance import holm
    >>> holm([0.01, 0.04, 0.03])  # 3 times 0.01, 2 times 0.03, and no less than that
    array([0.03, 0.06, 0.06])
    """
    p = _finite("p_values", p_values)
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"p_values must lie between 0 and 1, got {p.min():g} to {p.max():g}")
    order = np.argsort(p, kind="stable")
    raised = np.minimum(p[order] * np.arange(len(p), 0, -1), 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(raised)
    return adjusted


def users_needed(sd: float, difference: float, level: float = 0.95, power: float = 0.8) -> int:
    r"""How many users a paired comparison needs to notice a difference (normal approximation).

    .. math:: n = \left(\frac{(z_{(1 + \text{level})/2} + z_{\text{power}})\, s}{d}\right)^2

    Parameters
    ----------
    sd : float
        s, the standard deviation over users of the difference of two models, at least 0.
    difference : float
        d, the difference of the means to be noticed, not 0.
    level : float
        Of the interval that shall not hold 0.
    power : float
        With which probability it shall not.

    Examples
    --------
    >>> from recsys_lib.evaluation.significance import users_needed
    >>> users_needed(sd=0.3, difference=0.03)
    785
    """
    sd, difference = check_real("sd", sd, 0), check_real("difference", difference)
    if difference == 0:
        raise ValueError("difference must not be 0: no number of users shows that")
    z = _z(level, power)
    try:
        return max(2, math.ceil((z * sd / difference) ** 2))
    except OverflowError:
        raise ValueError(
            f"difference must not be so small beside sd, got {difference!r} and {sd!r}: no number "
            "can hold how many users that takes"
        ) from None


def noticeable(sd: float, n_users: int, level: float = 0.95, power: float = 0.8) -> float:
    """Return the smallest difference that so many users show: `users_needed`, solved for d."""
    n_users = check_int("n_users", n_users, minimum=2)
    return _z(level, power) * check_real("sd", sd, 0) / n_users**0.5


def _z(level: float, power: float) -> float:
    level = check_real("level", level, 0, 0.999999)
    power = check_real("power", power, 0.5, 0.999999)
    return float(special.ndtri((1 + level) / 2) + special.ndtri(power))
