"""Exercises of chapter 5."""

import math
from collections.abc import Callable
from unittest import mock

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from recsys_lib.exercises.core import Case, Exercise, Verdict


class _Deaf(np.errstate):
    """Changes nothing: an answer cannot silence what is to be avoided."""

    def __init__(self, **_: object) -> None:
        super().__init__()


class _WithoutWarnings(Exercise):
    """An exercise in which what NumPy only warns of (overflow, 1/0, 0/0) is an error."""

    def check(self, answer: Callable) -> Verdict:
        """Try `answer` on every case and say what is wrong with the first that fails."""
        with (
            np.errstate(over="raise", divide="raise", invalid="raise"),
            mock.patch.object(np, "errstate", _Deaf),
            mock.patch.object(np, "seterr", return_value=np.geterr()),
        ):
            return super().check(answer)


_X = np.random.default_rng(5).normal(scale=3.0, size=7)

BCE_1 = _WithoutWarnings(
    "bce-1",
    "my_sigmoid(x)",
    (
        Case("a single 0", (np.array([0.0]),), np.array([0.5])),
        Case(
            "the log-odds of 3 to 1, 1 to 3 and 9 to 1",
            (np.log([3.0, 1 / 3, 9.0]),),
            np.array([0.75, 0.25, 0.9]),
        ),
        Case("far below 0", (np.array([-1000.0, 0.0]),), np.array([0.0, 0.5])),
        Case("far above 0", (np.array([0.0, 1000.0]),), np.array([0.5, 1.0])),
        Case(
            "a table",
            (np.log([[1.0, 4.0, 19.0], [0.25, 1.0, 1 / 19]]),),
            np.array([[0.5, 0.8, 0.95], [0.2, 0.5, 0.05]]),
        ),
        Case("random numbers", (_X,), (1 + np.tanh(_X / 2)) / 2),
        Case(
            "so far below 0 that hardly anything is left",
            (-np.log([1e9, 3e12]),),
            1 / (1 + np.array([1e9, 3e12])),
        ),
        Case(
            "whole numbers, and three axes",
            (np.array([[[-1000, 0, 1000]]]),),
            np.array([[[0.0, 0.5, 1.0]]]),
        ),
    ),
    tolerance=1e-12,
)


@BCE_1.mistake(
    "you use 1 / (1 + exp(-x)) for every x: at x = -1000 it takes exp(1000), which overflows"
)
def _plain(x):
    return 1 / (1 + np.exp(-x))


@BCE_1.mistake(
    "you use exp(x) / (1 + exp(x)) for every x: at x = 1000 it takes exp(1000), which overflows"
)
def _other_form(x):
    return np.exp(x) / (1 + np.exp(x))


@BCE_1.mistake(
    "you choose between the two forms too late: np.where computes both for every x, and one of "
    "them overflows. Take exp(-abs(x)), which serves both"
)
def _both_branches(x):
    return np.where(x >= 0, _plain(x), _other_form(x))


@BCE_1.mistake("you return the sigmoid of -x: it has to rise with x")
def _falling(x):
    return expit(-x)


@BCE_1.mistake("the sign of the exponent is wrong: 1 / (1 + exp(x)) falls with x, and overflows")
def _falling_and_plain(x):
    return 1 / (1 + np.exp(x))


@BCE_1.mistake("you return tanh(x), which runs from -1 to 1; a probability runs from 0 to 1")
def _hyperbolic_tangent(x):
    return np.tanh(x)


@BCE_1.mistake(
    "your result can hold whole numbers only, as x does here: np.zeros_like(x) takes over the type "
    "of x. Write np.zeros(x.shape)"
)
def _type_of_x(x):
    result = np.zeros_like(x)
    result[...] = expit(x)
    return result


def _coin(label, x, eps):
    """Return what a sample costs on average, if a coin may be tossed in place of its label."""
    positive, negative = math.log1p(math.exp(-x)), math.log1p(math.exp(x))
    kept = positive if label == 1 else negative
    return (1 - eps) * kept + eps * (positive + negative) / 2


def _smoothed_case(what, y, p, eps, h=1e-5):
    """Work out a case from what the coin may show, and the derivatives from differences."""
    x = [math.log(a / (1 - a)) for a in p]
    costs = [_coin(label, a, eps) for label, a in zip(y, x, strict=True)]
    slopes = [
        (_coin(label, a + h, eps) - _coin(label, a - h, eps)) / (2 * h)
        for label, a in zip(y, x, strict=True)
    ]
    best = brentq(lambda a: _coin(1, a + h, eps) - _coin(1, a - h, eps), -1, 20, xtol=1e-9)
    expected = (math.fsum(costs) / len(costs), np.array(slopes), best)
    return Case(what, (np.array(y), np.array(p), eps), expected)


_RNG = np.random.default_rng(52)
_Y, _P = _RNG.integers(2, size=9), _RNG.uniform(0.05, 0.95, size=9)

BCE_2 = Exercise(
    "bce-2",
    "smoothed(y, p, eps)",
    (
        Case(
            "a positive and a negative, both with a coin's p",
            (np.array([1, 0]), np.array([0.5, 0.5]), 0.5),
            (math.log(2), np.array([-0.25, 0.25]), math.log(3)),
        ),
        Case(
            "every label is a coin's toss",
            (np.array([1, 0]), np.array([0.75, 0.25]), 1.0),
            (math.log(4) - math.log(3) / 2, np.array([0.25, -0.25]), 0.0),
        ),
        Case(
            "a positive and two negatives, one label in five tossed",  # 0.9 and 0.1
            (np.array([1, 0, 0]), np.array([0.5, 0.9, 0.1]), 0.2),
            (
                (math.log(2) + math.log(10) - 0.1 * math.log(9) + math.log(10) - 0.9 * math.log(9))
                / 3,
                np.array([-0.4, 0.8, 0.0]),
                math.log(9),
            ),
        ),
        _smoothed_case("positives, the last one surer than its target", [1, 1], [0.6, 0.99], 0.1),
        _smoothed_case("negatives only", [0, 0, 0], [0.1, 0.2, 0.001], 0.05),
        _smoothed_case("hardly a coin", [1, 0, 1], [0.7, 0.4, 0.2], 1e-4),
        _smoothed_case("random numbers", _Y.tolist(), _P.tolist(), 0.3),
        _smoothed_case("sure of itself and wrong", [1, 0], [1e-5, 1 - 1e-5], 0.4),
    ),
)


def _best(eps):
    return math.log((2 - eps) / eps)


def _with_target(t, p, eps):
    """Return what the exercise wants, from the targets."""
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), p - t, _best(eps)


def _target(y, eps):
    return (1 - eps) * y + eps / 2


@BCE_2.mistake("the labels are not smoothed: eps has to move them toward 1/2")
def _not_smoothed(y, p, eps):
    return _with_target(y, p, eps)


@BCE_2.mistake(
    "you turn over a share eps of the labels; a coin leaves half of those that it replaces as they "
    "were, so a positive keeps the target 1 - eps/2"
)
def _turned_over(y, p, eps):
    t = (1 - eps) * y + eps * (1 - y)
    return *_with_target(t, p, eps)[:2], math.log((1 - eps) / eps) if eps < 1 else -math.inf


@BCE_2.mistake(
    "you turn over a share eps of the labels; a coin leaves half of those that it replaces as they "
    "were, so the targets are 1 - eps/2 and eps/2. Only your third number knows that"
)
def _turned_over_in_two(y, p, eps):
    return _with_target((1 - eps) * y + eps * (1 - y), p, eps)


@BCE_2.mistake(
    "your targets are all cut down to 0: a copy of y holds whole numbers only. Compute them from "
    "y, or with np.where"
)
def _whole_targets(y, p, eps):
    t = y.copy()
    t[:] = _target(y, eps)
    return _with_target(t, p, eps)


@BCE_2.mistake("the negatives keep the target 0; the coin can make positives of them: eps/2")
def _negatives_kept(y, p, eps):
    return _with_target(y * (1 - eps / 2), p, eps)


@BCE_2.mistake(
    "you only take the share eps away; the coin gives half of it back: (1 - eps) y + eps/2"
)
def _coin_gives_nothing(y, p, eps):
    return _with_target((1 - eps) * y, p, eps)


@BCE_2.mistake("the loss is a sum; divide it by the number of samples")
def _sum(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss * len(y), slopes, best


@BCE_2.mistake("the minus sign of the loss is missing")
def _below_zero(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return -loss, slopes, best


@BCE_2.mistake(
    "the loss is that of the labels as they were; it needs the targets, as the slopes do"
)
def _loss_of_the_labels(y, p, eps):
    return _with_target(y, p, eps)[0], *_with_target(_target(y, eps), p, eps)[1:]


@BCE_2.mistake(
    "the derivatives are p - y; that prediction minus truth is the slope holds for any target, so "
    "put the target in"
)
def _slopes_of_the_labels(y, p, eps):
    loss, _, best = _with_target(_target(y, eps), p, eps)
    return loss, p - y, best


@BCE_2.mistake("your derivatives are truth minus prediction; it is the other way round")
def _slopes_turned(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss, -slopes, best


@BCE_2.mistake("you divide the derivatives by n; each is that of the sample's own loss")
def _slopes_of_the_mean(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss, slopes / len(y), best


@BCE_2.mistake(
    "your derivatives are those with respect to p; with respect to the logit, dp/dx = p (1 - p) "
    "cancels the denominator"
)
def _slopes_in_p(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss, slopes / (p * (1 - p)), best


@BCE_2.mistake("you multiply the derivatives by p (1 - p); with the cross-entropy it has canceled")
def _slope_of_the_sigmoid(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss, slopes * p * (1 - p), best


@BCE_2.mistake(
    "your third number is the probability at which a positive costs least; wanted is its logit"
)
def _best_probability(y, p, eps):
    return *_with_target(_target(y, eps), p, eps)[:2], 1 - eps / 2


@BCE_2.mistake(
    "your third number is log((1 - eps) / eps); the slope is 0 where p is the target of a "
    "positive, 1 - eps/2"
)
def _best_of_the_turned(y, p, eps):
    best = math.log((1 - eps) / eps) if eps < 1 else -math.inf
    return *_with_target(_target(y, eps), p, eps)[:2], best


@BCE_2.mistake("your third number is that of a negative; wanted is that of a positive, above 0")
def _best_of_a_negative(y, p, eps):
    loss, slopes, best = _with_target(_target(y, eps), p, eps)
    return loss, slopes, -best


def _mean_by_hand(y, p):
    """Return the mean of minus the log of what was given to the label that came, one by one."""
    given = [a if label == 1 else 1 - a for label, a in zip(y.tolist(), p.tolist(), strict=True)]
    return -math.fsum(math.log(a) for a in given) / len(given)


def _errors(p, Q, r):
    return expit(Q @ p) - r


def _by_differences(p, Q, r, lam, h=1e-5):
    """Return the gradient as differences of the loss at p + h and p - h, number by number."""

    def total(p):
        costs = [_mean_by_hand(r[i : i + 1], expit(Q[i : i + 1] @ p)) for i in range(len(r))]
        return math.fsum(costs) + lam * math.fsum(p**2)

    return np.array([(total(p + e) - total(p - e)) / (2 * h) for e in h * np.eye(len(p))])


_RNG = np.random.default_rng(53)
_RANDOM = (_RNG.normal(size=3), _RNG.normal(size=(6, 3)), np.array([1, 0, 0, 1, 0, 0]), 0.3)
_LN3 = math.log(3)

BCE_3 = Exercise(
    "bce-3",
    "my_gradient(p, Q, r, lam)",
    (
        Case(
            "one item, one factor, p at 0",
            (np.array([0.0]), np.array([[2.0]]), np.array([1]), 0.5),
            np.array([-1.0]),
        ),
        Case(
            "a positive and a negative, both with the probability 3/4",
            (np.array([_LN3]), np.array([[1.0], [1.0]]), np.array([1, 0]), 0.0),
            np.array([0.5]),
        ),
        Case(
            "the same with regularization",
            (np.array([_LN3]), np.array([[1.0], [1.0]]), np.array([1, 0]), 0.5),
            np.array([0.5 + _LN3]),
        ),
        Case(
            "two factors, the probabilities 3/4, 9/10 and 1/2",
            (
                np.array([_LN3, 2 * _LN3]),
                np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]),
                np.array([1, 0, 1]),
                0.1,
            ),
            np.array([-1.25 + 0.2 * _LN3, 1.4 + 0.4 * _LN3]),
        ),
        Case(
            "no items: only the penalty is left",
            (np.array([1.0, -2.0]), np.zeros((0, 2)), np.zeros(0, dtype=int), 0.5),
            np.array([1.0, -2.0]),
        ),
        Case("random numbers", _RANDOM, _by_differences(*_RANDOM)),
        Case(
            "the same without regularization",
            (*_RANDOM[:3], 0.0),
            _by_differences(*_RANDOM[:3], 0.0),
        ),
        Case(
            "probabilities close to 1 and 0, and both wrong",
            (np.array([10.0]), np.array([[1.0], [-1.0]]), np.array([0, 1]), 0.0),
            np.array([2 / (1 + math.exp(-10))]),
        ),
    ),
)


@BCE_3.mistake("the penalty lacks the factor 2: the derivative of lam p^2 is 2 lam p")
def _half_the_penalty(p, Q, r, lam):
    return Q.T @ _errors(p, Q, r) + lam * p


@BCE_3.mistake("the penalty counts once per item; here it stands outside the sum and counts once")
def _penalty_per_item(p, Q, r, lam):
    return Q.T @ _errors(p, Q, r) + 2 * lam * len(r) * p


@BCE_3.mistake("the penalty is missing from the gradient")
def _penalty_forgotten(p, Q, r, lam):
    return Q.T @ _errors(p, Q, r)


@BCE_3.mistake(
    "the error has the wrong sign: where the probability is too low the gradient points away from "
    "q, so the error is sigma - r"
)
def _error_reversed(p, Q, r, lam):
    return -Q.T @ _errors(p, Q, r) + 2 * lam * p


@BCE_3.mistake(
    "you multiply by sigma (1 - sigma); the derivative of the logarithm has canceled it already"
)
def _slope_again(p, Q, r, lam):
    s = expit(Q @ p)
    return Q.T @ ((s - r) * s * (1 - s)) + 2 * lam * p


@BCE_3.mistake("you average over the items; the loss is a sum")
def _averaged(p, Q, r, lam):
    return Q.T @ _errors(p, Q, r) / len(r) + 2 * lam * p


@BCE_3.mistake("the sigmoid is missing: p.q is a logit, not a probability")
def _without_sigmoid(p, Q, r, lam):
    return Q.T @ (Q @ p - r) + 2 * lam * p


# Of all pairs of a kind so many are positive, and of the negatives so many were kept, one in four.
_POSITIVE, _KEPT = np.random.default_rng(54).integers(1, 40, size=(2, 6))

BCE_4 = Exercise(
    "bce-4",
    "true_probability(p, rate)",
    (
        Case("even odds, half of the negatives", (np.array([0.5]), 0.5), np.array([1 / 3])),
        Case(
            "10 positives and 20 negatives, which were 200; then 1 and 3, which were 30",
            (np.array([1 / 3, 1 / 4]), 0.1),
            np.array([10 / 210, 1 / 31]),
        ),
        Case(
            "all negatives kept: nothing to correct",
            (np.array([0.2, 0.5, 0.9]), 1.0),
            np.array([0.2, 0.5, 0.9]),
        ),
        Case("impossible and certain", (np.array([0.0, 1.0]), 0.1), np.array([0.0, 1.0])),
        Case(
            "random numbers of positives and negatives",
            (_POSITIVE / (_POSITIVE + _KEPT), 0.25),
            _POSITIVE / (_POSITIVE + 4 * _KEPT),
        ),
        Case(
            "nearly certain, and one in a million kept",
            (np.array([1 - 1e-6]), 1e-6),
            np.array([(1 - 1e-6) / (2 - 1e-6)]),
        ),
    ),
)


@BCE_4.mistake(
    "you multiply the probability by the rate; it is the odds p / (1 - p) that change so"
)
def _probability_scaled(p, rate):
    return rate * p


@BCE_4.mistake("you divide the odds by the rate; with the missing negatives the odds get smaller")
def _odds_divided(p, rate):
    return p / (p + rate * (1 - p))


@BCE_4.mistake("you return the odds; make a probability of them")
def _odds_returned(p, rate):
    return rate * p / (1 - p)


@BCE_4.mistake(
    "you compute the odds themselves, and at p = 1 they are infinite. Multiply above and below "
    "the line by 1 - p"
)
def _infinite_odds(p, rate):
    odds = rate * p / (1 - p)
    return odds / (1 + odds)


@BCE_4.mistake(
    "you multiply 1 - p by the rate; the negatives that were left out make it larger, not smaller"
)
def _negatives_scaled(p, rate):
    return 1 - rate * (1 - p)


def _from_logits(y, x):
    return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


_RNG = np.random.default_rng(55)
_YS, _XS = _RNG.integers(2, size=8), _RNG.normal(scale=3.0, size=8)

BCE_5 = _WithoutWarnings(
    "bce-5",
    "loss_from_logits(y, x)",
    (
        Case("one label and the logit 0", (np.array([1]), np.array([0.0])), math.log(2)),
        Case(
            "a positive and a negative, both with the probability 3/4",
            (np.array([1, 0]), np.array([_LN3, _LN3])),
            math.log(4) - _LN3 / 2,
        ),
        Case("wrong with the logit 40", (np.array([0]), np.array([40.0])), 40.0),
        Case(
            "right with the logits 1000 and -1000",
            (np.array([1, 0]), np.array([1000.0, -1000.0])),
            0.0,
        ),
        Case(
            "wrong with the logit 1000",
            (np.array([0, 1]), np.array([1000.0, 0.0])),
            500 + math.log(2) / 2,
        ),
        Case("wrong with the logit -1000", (np.array([1]), np.array([-1000.0])), 1000.0),
        Case("random numbers", (_YS, _XS), _mean_by_hand(_YS, (1 + np.tanh(_XS / 2)) / 2)),
        Case(
            "whole logits",
            (np.array([1, 0]), np.array([2, -3])),
            (math.log1p(math.exp(-2)) + math.log1p(math.exp(-3))) / 2,
        ),
    ),
)


@BCE_5.mistake(
    "you compute the probability first: at the logit 40 it is rounded to 1, and log(1 - p) is "
    "log(0). Stay with the logits"
)
def _through_the_probability(y, x):
    p = expit(x)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


@BCE_5.mistake(
    "you clip the probability: that avoids log(0), but whoever is wrong with the logit 1000 then "
    "pays no more than with 28"
)
def _clipped(y, x):
    return _through_the_probability(y, np.clip(x, *(np.log(1e12) * np.array([-1, 1]))))


@BCE_5.mistake("you take exp(-x), which overflows at x = -1000; take exp(-abs(x))")
def _exponential_of_minus_x(y, x):
    return ((1 - y) * x + np.log1p(np.exp(-x))).mean()


@BCE_5.mistake("you take exp(x), which overflows at x = 1000; take exp(-abs(x))")
def _exponential_of_x(y, x):
    return (np.log1p(np.exp(x)) - x * y).mean()


@BCE_5.mistake("you return the sum; divide it by the number of labels")
def _sum_from_logits(y, x):
    return _from_logits(y, x).sum()


@BCE_5.mistake("the labels are swapped: a positive costs little where its logit is large")
def _labels_swapped_from_logits(y, x):
    return _from_logits(1 - y, x).mean()


EXERCISES = (BCE_1, BCE_2, BCE_3, BCE_4, BCE_5)
