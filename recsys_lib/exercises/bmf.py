"""Exercises of chapter 6."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from recsys_lib.exercises.core import Case, Exercise

_LN3 = math.log(3)


def _by_sorting(p, Q, b, k):
    """Return the reasons, worked out with lists and without arrays."""
    taste = [math.fsum(x * y for x, y in zip(p, q, strict=True)) for q in Q.tolist()]
    bias = b.tolist()
    logits = [x + y for x, y in zip(taste, bias, strict=True)]
    first = {
        name: sorted(range(len(bias)), key=lambda i, one=one: -one[i])[:k]
        for name, one in (("taste", taste), ("bias", bias), ("logits", logits))
    }
    return [1.0 * (i in first["bias"]) + 2 * (i in first["taste"]) for i in first["logits"]]


def _listed_case(what, p, Q, b, k, expected):
    arguments = (np.array(p, dtype=float), np.array(Q, dtype=float), np.array(b, dtype=float), k)
    return Case(what, arguments, [float(code) for code in expected])  # 3.0 is right as well


_RNG = np.random.default_rng(61)
_RANDOM = (*(_RNG.normal(size=shape) for shape in (3, (200, 3), 200)), 40)
_FOUR = ([1.0], [[0.0], [5.0], [3.0], [1.0]], [4.0, -3.0, 2.5, 0.0])  # logits 4, 2, 5.5, 1

BMF_1 = Exercise(
    "bmf-1",
    "why_listed(p, Q, b, k)",
    (
        _listed_case("four items, a list of two", *_FOUR, 2, [3, 1]),
        _listed_case("one place, for an item that neither puts there", *_FOUR, 1, [0]),
        _listed_case("three places", *_FOUR, 3, [3, 1, 2]),
        _listed_case("all items", *_FOUR, 4, [3, 3, 3, 3]),
        _listed_case(
            "biases that are all large, and differ little",  # logits 11, 13.5, 9.2
            *([1.0, 1.0], [[1.0, 0.0], [2.0, 1.5], [-1.0, 0.1]], [10.0, 10.001, 10.1], 1),
            [2],
        ),
        _listed_case(
            "all biases and dot products below 0",  # logits -3, -7, -4.5, -4
            *([-1.0], [[1.0], [2.0], [4.0], [0.5]], [-2.0, -5.0, -0.5, -3.5], 2),
            [3, 2],
        ),
        _listed_case(
            "two factors, of which one is not used",  # dot products 0, -2, 3, 6, 4, 1
            *([0.0, 2.0], [[9, 0], [8, -1], [7, 1.5], [-5, 3], [0, 2], [1, 0.5]]),
            *([5.5, 3.0, 3.5, -2.0, 1.2, 0.2], 3),  # logits 5.5, 1, 6.5, 4, 5.2, 1.2
            [3, 1, 2],
        ),
        Case("two hundred random items", _RANDOM, _by_sorting(*_RANDOM)),
    ),
)


def _first(scores, k):
    return np.argsort(-scores, kind="stable")[:k]


def _reasons(items, bias, taste):
    """Return 1 for what is among the first by bias, 2 by taste, 3 by both, 0 by neither."""
    return np.isin(items, bias) + 2 * np.isin(items, taste)


@BMF_1.mistake(
    "you ask which of the two numbers of an item is larger; a large bias that all items have puts "
    "none of them into the list. Compare an item with the other items"
)
def _larger_part(p, Q, b, k):
    items = _first(Q @ p + b, k)
    return np.where(b[items] > (Q @ p)[items], 1, 2)


@BMF_1.mistake(
    "you ask which of the two numbers is above 0; where 0 lies says nothing of a list. Compare an "
    "item with the other items"
)
def _above_zero(p, Q, b, k):
    items = _first(Q @ p + b, k)
    return (b[items] > 0) + 2 * ((Q @ p)[items] > 0)


@BMF_1.mistake(
    "you ask which part lies above its mean over all items; whether it is enough for a place in "
    "the list, the k best by that part say"
)
def _above_the_mean(p, Q, b, k):
    items, taste = _first(Q @ p + b, k), Q @ p
    return (b > b.mean())[items] + 2 * (taste > taste.mean())[items]


@BMF_1.mistake("1 and 2 are exchanged: 1 is for the bias, 2 for the factors")
def _exchanged(p, Q, b, k):
    return _reasons(_first(Q @ p + b, k), _first(Q @ p, k), _first(b, k))


@BMF_1.mistake("you go through the list by the numbers of the items; the best comes first")
def _by_number(p, Q, b, k):
    return _reasons(np.sort(_first(Q @ p + b, k)), _first(b, k), _first(Q @ p, k))


@BMF_1.mistake("the last place of the list comes first in yours")
def _last_first(p, Q, b, k):
    return _reasons(_first(Q @ p + b, k)[::-1], _first(b, k), _first(Q @ p, k))


@BMF_1.mistake("you take the lowest numbers; the highest make the list")
def _worst_listed(p, Q, b, k):
    return _reasons(_first(-Q @ p - b, k), _first(-b, k), _first(-Q @ p, k))


@BMF_1.mistake("your list is that of the dot products alone; the bias belongs to the logit")
def _list_of_the_factors(p, Q, b, k):
    return _reasons(_first(Q @ p, k), _first(b, k), _first(Q @ p, k))


@BMF_1.mistake("your list is that of the biases alone; it is by the logit, p.q + b")
def _list_of_the_biases(p, Q, b, k):
    return _reasons(_first(b, k), _first(b, k), _first(Q @ p, k))


@BMF_1.mistake("you subtract the bias; the logit is p.q + b")
def _bias_subtracted(p, Q, b, k):
    return _reasons(_first(Q @ p - b, k), _first(b, k), _first(Q @ p, k))


@BMF_1.mistake(
    "you add up two probabilities; the logits add up, and the sigmoid of the sum is the probability"
)
def _probabilities_added(p, Q, b, k):
    return _reasons(_first(expit(Q @ p) + expit(b), k), _first(b, k), _first(Q @ p, k))


@BMF_1.mistake(
    "you compare the items of the list with each other, where the k best are all of them; compare "
    "with all items"
)
def _among_the_listed(p, Q, b, k):
    return np.full(k, 3)


@BMF_1.mistake("the lists of the parts have one place too many")
def _one_too_many(p, Q, b, k):
    return _reasons(_first(Q @ p + b, k), _first(b, k + 1), _first(Q @ p, k + 1))


@BMF_1.mistake("the lists of the parts have one place too few: the k-th best belongs to them")
def _one_too_few(p, Q, b, k):
    return _reasons(_first(Q @ p + b, k), _first(b, k - 1), _first(Q @ p, k - 1))


@BMF_1.mistake(
    "you ask np.isin the wrong way round: np.isin(items, others) says for each of `items` whether "
    "it is among `others`, so the list comes first"
)
def _asked_of_the_others(p, Q, b, k):
    listed = _first(Q @ p + b, k)
    return _reasons(_first(b, k), listed, []) + _reasons(_first(Q @ p, k), [], listed)


@BMF_1.mistake("you return the items; wanted is for each of them 0, 1, 2 or 3")
def _items(p, Q, b, k):
    return _first(Q @ p + b, k)


def _unmet(met, draws):
    """Return the unmet items from a list of them all."""
    met, draws = met.tolist(), draws.tolist()
    items = [i for i in range(len(met) + max(draws) + 1) if i not in met]
    return np.array([items[r] for r in draws])


_RNG = np.random.default_rng(62)
_MET, _DRAWS = np.sort(_RNG.choice(30, 12, replace=False)), _RNG.permutation(18)


def _unmet_case(what, met, draws, expected):
    return Case(what, (np.array(met, dtype=int), np.array(draws)), np.array(expected))


BMF_2 = Exercise(
    "bmf-2",
    "unmet(met, draws)",
    (
        _unmet_case("one item met, one draw", [0], [0], [1]),
        _unmet_case("two items met, far apart", [1, 3], [0, 1, 2], [0, 2, 4]),
        _unmet_case("nothing met", [], [0, 3, 1], [0, 3, 1]),
        _unmet_case("three met in a row", [0, 1, 2], [0, 1], [3, 4]),
        _unmet_case("all but one met", [0, 1, 3, 4], [0, 0], [2, 2]),
        _unmet_case("draws in any order, one twice", [2, 5, 6], [5, 0, 2, 5], [8, 0, 3, 8]),
        Case("every draw once, in random order", (_MET, _DRAWS), _unmet(_MET, _DRAWS)),
        Case(
            "every other one of 2,000 items met",
            (np.arange(0, 2000, 2), np.array([999, 998, 0])),
            np.array([1999, 1997, 1]),
        ),
        Case(
            "60 met in a row, and a large draw",
            (np.arange(60), np.array([0, 20_000])),
            np.array([60, 20_060]),
        ),
    ),
)


@BMF_2.mistake("you return the draws as they are, met items among them")
def _as_drawn(met, draws):
    return draws


@BMF_2.mistake(
    "you move on by one only where a draw is a met item; every draw has to pass all the met items "
    "before it"
)
def _one_further_if_met(met, draws):
    return draws + np.isin(draws, met)


@BMF_2.mistake(
    "you count the met items up to the draw; moving on by so many may pass further met items, "
    "which count as well"
)
def _by_the_draw(met, draws):
    return draws + np.searchsorted(met, draws, side="right")


@BMF_2.mistake(
    "a draw stops at a met item: if as many unmet items lie before a met item as the draw says, "
    "it has to be passed too"
)
def _by_how_many_before(met, draws):
    return draws + np.searchsorted(met - np.arange(len(met)), draws, side="left")


@BMF_2.mistake("you count the unmet items from 1; the draw 0 stands for the first")
def _from_one(met, draws):
    return _unmet(met, draws - 1)


@BMF_2.mistake("you sort the result; the first item belongs to the first draw")
def _sorted(met, draws):
    return np.sort(_unmet(met, draws))


@BMF_2.mistake(
    "you move on a fixed number of times; each move may uncover one more met item, so go on until "
    "nothing moves"
)
def _ten_rounds(met, draws):
    items = draws
    for _ in range(10):
        items = draws + np.searchsorted(met, items, side="right")
    return items


def _divided(lam, counts):
    return np.divide(lam, counts, out=np.zeros(len(counts)), where=counts > 0)


def _decay(user, n_users, n_negatives, lam):
    """Go through the samples of an epoch one by one, then share lam among those of each user."""
    samples = [0] * n_users
    for u in user.tolist():
        samples[u] += 1
        for _ in range(n_negatives):
            samples[u] += 1
    return np.array([lam / n if n else 0.0 for n in samples])


_USER = np.random.default_rng(63).integers(8, size=15)

BMF_3 = Exercise(
    "bmf-3",
    "my_decay(user, n_users, n_negatives, lam)",
    (
        Case("one positive, one negative", (np.array([0]), 1, 1, 1.0), np.array([0.5])),
        Case("two users", (np.array([0, 0, 1]), 2, 4, 1.0), np.array([0.1, 0.2])),
        Case(
            "users without positives, between and last",
            (np.array([2, 0, 2]), 4, 3, 2.0),
            np.array([0.5, 0.0, 0.25, 0.0]),
        ),
        Case("no negatives", (np.array([0, 1, 1]), 2, 0, 3.0), np.array([3.0, 1.5])),
        Case("no positives at all", (np.zeros(0, dtype=int), 2, 4, 1.0), np.zeros(2)),
        Case("no regularization", (np.array([1, 1]), 2, 1, 0.0), np.zeros(2)),
        Case("random users", (_USER, 9, 2, 1.5), _decay(_USER, 9, 2, 1.5)),
    ),
)


@BMF_3.mistake(
    "you count the positives alone; each comes with n_negatives more samples of its user"
)
def _positives_only(user, n_users, n_negatives, lam):
    return _divided(lam, np.bincount(user, minlength=n_users))


@BMF_3.mistake("you count the negatives alone; the positives are samples as well")
def _negatives_only(user, n_users, n_negatives, lam):
    return _divided(lam, n_negatives * np.bincount(user, minlength=n_users))


@BMF_3.mistake("you add n_negatives once per user; they are drawn for each positive anew")
def _negatives_added_once(user, n_users, n_negatives, lam):
    counts = np.bincount(user, minlength=n_users)
    return _divided(lam, np.where(counts > 0, counts + n_negatives, 0))


@BMF_3.mistake("you divide by 0 where a user has no samples. Such a user gets 0")
def _divided_by_zero(user, n_users, n_negatives, lam):
    return lam / (np.bincount(user, minlength=n_users) * (1 + n_negatives))


@BMF_3.mistake("the last users are missing if they have no positives: np.bincount needs minlength")
def _users_missing(user, n_users, n_negatives, lam):
    return _divided(lam, np.bincount(user) * (1 + n_negatives))


def _shares(y, right):
    return right[y == 1].mean(), right[y == 0].mean(), right.mean()


def _three_accuracies(y, p):
    """Count the right answers one by one."""
    right = {0: [], 1: []}
    for label, probability in zip(y.tolist(), p.tolist(), strict=True):
        said = 1 if probability > 0.5 else 0
        right[label].append(said == label)
    of = [right[1], right[0], right[0] + right[1]]
    return tuple(sum(answers) / len(answers) for answers in of)


_RNG = np.random.default_rng(64)
_Y, _P = _RNG.integers(2, size=15), _RNG.uniform(size=15)

BMF_4 = Exercise(
    "bmf-4",
    "three_accuracies(y, p)",
    (
        Case("one of each", (np.array([1, 0]), np.array([0.9, 0.2])), (1.0, 1.0, 1.0)),
        Case(
            "always 1",
            (np.array([1, 1, 0, 0, 0]), np.array([0.6, 0.9, 0.7, 0.8, 0.6])),
            (1.0, 0.0, 0.4),
        ),
        Case(
            "always 0",
            (np.array([0, 0, 1, 0]), np.array([0.1, 0.2, 0.1, 0.4])),
            (0.0, 1.0, 0.75),
        ),
        Case("exactly one half", (np.array([1, 0]), np.array([0.5, 0.5])), (0.0, 1.0, 0.5)),
        Case(
            "some right, some wrong",
            (np.array([1, 0, 1, 0, 0]), np.array([0.7, 0.6, 0.4, 0.1, 0.3])),
            (0.5, 2 / 3, 0.6),
        ),
        Case("random numbers", (_Y, _P), _three_accuracies(_Y, _P)),
        Case(
            "just above one half, and just below",
            (np.array([1, 0]), np.array([0.500001, 0.499999])),
            (1.0, 1.0, 1.0),
        ),
    ),
)


@BMF_4.mistake("you take p = 0.5 for a 1; here only p > 0.5 is one")
def _half_means_one(y, p):
    return _shares(y, (p >= 0.5) == (y == 1))


@BMF_4.mistake(
    "the third number is the mean of the other two; wanted is the share among all samples, of "
    "which there may be more of one kind"
)
def _mean_of_two(y, p):
    positives, negatives, _ = _shares(y, (p > 0.5) == (y == 1))
    return positives, negatives, (positives + negatives) / 2


@BMF_4.mistake(
    "you divide by how often the model says 1 or 0; wanted is the share among the samples whose "
    "label is 1 or 0"
)
def _by_what_is_said(y, p):
    right = (p > 0.5) == (y == 1)
    return right[p > 0.5].mean(), right[p <= 0.5].mean(), right.mean()


@BMF_4.mistake("you return how often the model says 1; among the negatives 0 is the right answer")
def _said_one(y, p):
    return _shares(y, p > 0.5)


@BMF_4.mistake("you return numbers of samples; wanted are shares")
def _numbers(y, p):
    right = (p > 0.5) == (y == 1)
    return right[y == 1].sum(), right[y == 0].sum(), right.sum()


def _descend(Q, y, lam, eta, steps, share=1.0):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        p = p - eta * (Q.T @ (expit(Q @ p) - y) * share + lam * p)
    return p


def _fold_in(Q, y, lam, eta, steps):
    """Descend with plain numbers, sum by sum."""
    p = [0.0] * Q.shape[1]
    for _ in range(steps):
        gradient = [lam * a for a in p]
        for q, label in zip(Q.tolist(), y.tolist(), strict=True):
            x = sum(a * b for a, b in zip(p, q, strict=True))
            for f, b in enumerate(q):
                gradient[f] += (1 / (1 + math.exp(-x)) - label) * b
        p = [a - eta * b for a, b in zip(p, gradient, strict=True)]
    return np.array(p)


def _lowest(Q, y, lam):
    """Return the p, of one factor, at which the slope of the loss is 0."""
    q = Q[:, 0]
    return np.array([brentq(lambda p: q @ (expit(q * p) - y) + lam * p, -10, 10, xtol=1e-12)])


_ONE_FACTOR = (np.array([[1.0], [2.0], [1.0]]), np.array([1, 1, 0]), 0.5)
_RNG = np.random.default_rng(65)
_MANY = (_RNG.normal(size=(7, 3)), np.array([1, 1, 0, 0, 1, 0, 0]), 0.4, 0.2, 6)

BMF_5 = Exercise(
    "bmf-5",
    "fold_in(Q, y, lam, eta, steps)",
    (
        Case(
            "one step, one sample",
            (np.array([[2.0, -1.0]]), np.array([1]), 3.0, 0.1, 1),
            np.array([0.1, -0.05]),
        ),
        Case(
            "one step, two positives and a negative",
            (np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([1, 0, 1]), 0.5, 0.2, 1),
            np.array([0.2, 0.0]),
        ),
        Case(
            "two steps; after the first the probability is 3/4",
            (np.array([[1.0]]), np.array([1]), 0.1, 2 * _LN3, 2),
            np.array([1.5 * _LN3 - 0.2 * _LN3**2]),
        ),
        Case("no steps", (np.ones((2, 3)), np.array([1, 0]), 0.1, 0.1, 0), np.zeros(3)),
        Case("no samples", (np.zeros((0, 2)), np.zeros(0, dtype=int), 0.1, 0.1, 3), np.zeros(2)),
        Case("200 steps, down to the lowest loss", (*_ONE_FACTOR, 0.2, 200), _lowest(*_ONE_FACTOR)),
        Case("random numbers, 6 steps", _MANY, _fold_in(*_MANY)),
        Case(
            "two steps; after the first the probability is close to 1",
            (np.array([[10.0]]), np.array([1]), 0.0, 1.0, 2),
            np.array([5.0]),
        ),
    ),
)


@BMF_5.mistake("you average over the samples; the loss is their sum")
def _averaged(Q, y, lam, eta, steps):
    return _descend(Q, y, lam, eta, steps, share=np.float64(1) / len(y))


@BMF_5.mistake("the penalty has a factor 2 too many: the derivative of lam/2 p^2 is lam p")
def _factor_two(Q, y, lam, eta, steps):
    return _descend(Q, y, 2 * lam, eta, steps)


@BMF_5.mistake("lam is not used: p is not pulled toward 0")
def _not_regularized(Q, y, lam, eta, steps):
    return _descend(Q, y, 0.0, eta, steps)


@BMF_5.mistake("you go up the loss: subtract eta times the gradient")
def _uphill(Q, y, lam, eta, steps):
    return _descend(Q, y, lam, -eta, steps)


@BMF_5.mistake("you move after every sample; one step adds up all samples at the same p")
def _sample_by_sample(Q, y, lam, eta, steps):
    p = np.zeros(Q.shape[1])
    for _ in range(steps):
        for q, label in zip(Q, y, strict=True):
            p = p - eta * ((expit(p @ q) - label) * q + lam * p)
    return p


@BMF_5.mistake("you take one step less than `steps`")
def _one_step_less(Q, y, lam, eta, steps):
    return _descend(Q, y, lam, eta, steps - 1)


EXERCISES = (BMF_1, BMF_2, BMF_3, BMF_4, BMF_5)
