"""Exercises of chapter 5."""

import math
from collections.abc import Callable
from unittest import mock

import numpy as np
from scipy.special import expit, xlogy

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


def _mean_by_hand(y, p):
    """Return the mean of minus the log of what was given to the label that came, one by one."""
    given = [a if label == 1 else 1 - a for label, a in zip(y.tolist(), p.tolist(), strict=True)]
    return -math.fsum(math.log(a) for a in given) / len(given)


_RNG = np.random.default_rng(52)
_Y, _P = _RNG.integers(2, size=9), _RNG.uniform(0.05, 0.95, size=9)

BCE_2 = Exercise(
    "bce-2",
    "my_loss(y, p)",
    (
        Case("one label and a coin's p", (np.array([1]), np.array([0.5])), math.log(2)),
        Case(
            "a positive and a negative",
            (np.array([1, 0]), np.array([0.8, 0.4])),
            -math.log(0.8 * 0.6) / 2,
        ),
        Case(
            "one p for all, the share of positives",
            (np.array([1, 1, 1, 0]), np.array([0.75, 0.75, 0.75, 0.75])),
            math.log(4) - 0.75 * math.log(3),
        ),
        Case(
            "negatives only",
            (np.array([0, 0]), np.array([0.1, 0.2])),
            -math.log(0.9 * 0.8) / 2,
        ),
        Case(
            "sure of itself and wrong",
            (np.array([1, 0]), np.array([1e-6, 1 - 1e-6])),
            6 * math.log(10),
        ),
        Case("random numbers", (_Y, _P), _mean_by_hand(_Y, _P)),
        Case(
            "a label that was nearly ruled out",
            (np.array([1, 0]), np.array([1e-9, 0.5])),
            (9 * math.log(10) + math.log(2)) / 2,
        ),
    ),
)


@BCE_2.mistake("you return the sum; divide it by the number of labels")
def _sum(y, p):
    return -(xlogy(y, p) + xlogy(1 - y, 1 - p)).sum()


@BCE_2.mistake(
    "the minus sign is missing: the logarithm of a probability is negative, and a loss is not"
)
def _below_zero(y, p):
    return (xlogy(y, p) + xlogy(1 - y, 1 - p)).mean()


@BCE_2.mistake("the negatives cost nothing: the term (1 - y) log(1 - p) is missing")
def _positives_only(y, p):
    return -xlogy(y, p).mean()


@BCE_2.mistake("the two terms are swapped: log(p) belongs to y = 1, log(1 - p) to y = 0")
def _labels_swapped(y, p):
    return -(xlogy(1 - y, p) + xlogy(y, 1 - p)).mean()


@BCE_2.mistake("you take logarithms to base 2; here the natural ones are wanted")
def _in_bits(y, p):
    return -(y * np.log2(p) + (1 - y) * np.log2(1 - p)).mean()


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
