"""How sure is a mean over users? Intervals, a paired test, several tests, and how many users."""

import math

import numpy as np
from numba import njit
from scipy import special

from recsys_lib.validation import check_int, check_real


def bootstrap_interval(
    values: np.ndarray, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron and Tibshirani 1993, chapter 13).

    The users of the test are a sample of all users we might have had. Draw as many again, with
    replacement, take the mean, repeat: the middle `level` of those means is the interval. It speaks
    of the choice of users alone, not of the training or the split, and it is rough where nearly
    all values are 0, as the hit ratio of a very bad model is.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One number per user, finite.
    level : float
        Between 0 and 1.
    n_resamples : int
    seed : int

    Returns
    -------
    low, high : float
    """
    values = _finite("values", values)
    sums = bootstrap_sums(values[:, None], n_resamples, seed)
    return middle(sums[:, 0] / len(values), level)


def middle(resampled: np.ndarray, level: float) -> tuple[float, float]:
    """Return the ends (low, high) of the middle `level`, from 0 to 1, of resampled values."""
    level = check_real("level", level, 0, 1)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
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
    try:
        columns = np.asarray(columns, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"columns must be numbers, got {columns!r}") from None
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


def paired_test(differences: np.ndarray, n_resamples: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value of "the two models do equally well", by flipping signs (Fisher 1935).

    If the models were exchangeable, each user's difference could as well have had the other sign.
    The p-value is the share of random sign patterns whose mean is at least as far from 0 as the
    mean that was found, that one included, so it is never 0.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Model minus baseline, one number per user, finite.
    n_resamples : int
    seed : int
    """
    differences = _finite("differences", differences)
    return _sign_flips(
        differences,
        check_int("n_resamples", n_resamples, minimum=1),
        np.random.default_rng(check_int("seed", seed)),
    )


@njit(cache=True)
def _sign_flips(differences, n_resamples, rng):
    moved = differences[differences != 0]  # a user without a difference contributes nothing
    found = abs(moved.sum()) - 1e-12 * np.abs(moved).sum()  # sums in other orders round otherwise
    as_far = 1
    for _ in range(n_resamples):
        total, bits, left = 0.0, np.int64(0), 0
        for d in moved:
            if left == 0:
                bits, left = rng.integers(0, np.int64(1) << 62), 62
            total += d if bits & 1 else -d
            bits >>= 1
            left -= 1
        as_far += abs(total) >= found
    return as_far / (n_resamples + 1)


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be a one-dimensional array of at least one finite number, "
            f"got shape {values.shape}"
        )
    return np.ascontiguousarray(values)


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
    """
    sd, difference = check_real("sd", sd, 0), check_real("difference", difference)
    if difference == 0:
        raise ValueError("difference must not be 0: no number of users shows that")
    return max(2, math.ceil((_z(level, power) * sd / difference) ** 2))


def noticeable(sd: float, n_users: int, level: float = 0.95, power: float = 0.8) -> float:
    """Return the smallest difference that so many users show: `users_needed`, solved for d."""
    n_users = check_int("n_users", n_users, minimum=2)
    return _z(level, power) * check_real("sd", sd, 0) / n_users**0.5


def _z(level: float, power: float) -> float:
    level = check_real("level", level, 0, 0.999999)
    power = check_real("power", power, 0.5, 0.999999)
    return float(special.ndtri((1 + level) / 2) + special.ndtri(power))
