"""Exercises of chapter 4."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise


def _clipped(e, c):
    return np.clip(e, -c, c)


def _step(p, q, e, eta, lam):
    return p + eta * (e * q - lam * p), q + eta * (e * p - lam * q)


def _robust_case(what, p, q, r, c, eta, lam, expected):
    return Case(what, (np.array(p), np.array(q), r, c, eta, lam), np.array(expected))


MF_1 = Exercise(
    "mf-1",
    "robust_step(p, q, r, c, eta, lam)",
    (
        _robust_case(
            "an error of 3, beyond c",
            *([1.0, 0.0], [1.0, 1.0], 4.0, 1.0, 0.1, 0.0),
            [[1.1, 0.1], [1.1, 1.0]],
        ),
        _robust_case(
            "an error of 2, within c",
            *([1.0, 0.0], [1.0, 1.0], 3.0, 2.5, 0.1, 0.0),
            [[1.2, 0.2], [1.2, 1.0]],
        ),
        _robust_case(
            "an error of c, with a penalty",
            *([1.0, 2.0], [2.0, 1.0], 5.0, 1.0, 0.1, 0.5),
            [[1.15, 2.0], [2.0, 1.15]],
        ),
        _robust_case(
            "predicted too high by more than c, with a penalty",
            *([1.0, 1.0], [2.0, 1.0], 1.0, 0.5, 0.1, 1.0),
            [[0.8, 0.85], [1.75, 0.85]],
        ),
        _robust_case(
            "an error of 1.25, beyond c",
            *([0.5, 0.5], [1.5, 2.0], 3.0, 1.0, 0.2, 0.0),
            [[0.8, 0.9], [1.6, 2.1]],
        ),
        _robust_case(
            "predicted 6 stars, within c",
            *([2.0, 1.0], [2.0, 2.0], 5.0, 5.0, 0.1, 0.0),
            [[1.8, 0.8], [1.8, 1.9]],
        ),
        _robust_case(
            "half a star where 6 were predicted",
            *([2.0, 1.0], [2.0, 2.0], 0.5, 0.25, 0.4, 0.0),
            [[1.8, 0.8], [1.8, 1.9]],
        ),
        _robust_case(
            "predicted -1 stars, an error of c",
            *([1.0, -1.0], [1.0, 2.0], 2.0, 3.0, 0.1, 0.0),
            [[1.3, -0.4], [1.3, 1.7]],
        ),
        _robust_case(
            "predicted exactly: only the penalty acts",
            *([1.0, 1.0], [1.0, 2.0], 3.0, 1.0, 0.1, 0.2),
            [[0.98, 0.98], [0.98, 1.96]],
        ),
        _robust_case(
            "three factors",
            *([1.0, 0.0, 2.0], [0.0, 3.0, 1.0], 4.0, 0.5, 0.5, 0.1),
            [[0.95, 0.75, 2.15], [0.25, 2.85, 1.45]],
        ),
        _robust_case(
            "a rating from which the mean was subtracted",
            *([1.0, 0.0], [1.0, 1.0], -1.0, 4.0, 0.1, 0.0),
            [[0.8, -0.2], [0.8, 1.0]],
        ),
        _robust_case(
            "errors with three digits",
            *([0.5, 0.25], [0.3, 0.7], 1.0, 10.0, 0.1, 0.02),
            [[0.51925, 0.29675], [0.33315, 0.715475]],
        ),
        _robust_case(
            "c is 0: no rating moves anything",
            *([1.0, 2.0], [3.0, 1.0], 1.0, 0.0, 0.1, 0.5),
            [[0.95, 1.9], [2.85, 0.95]],
        ),
    ),
)


@MF_1.mistake("c is not used: every error pulls with its full size, as in the chapter")
def _not_robust(p, q, r, c, eta, lam):
    return _step(p, q, r - p @ q, eta, lam)


@MF_1.mistake(
    "a rating with an error beyond c moves nothing; the straight line has a slope, too, that of "
    "the parabola at c"
)
def _dropped(p, q, r, c, eta, lam):
    e = r - p @ q
    return _step(p, q, e if abs(e) <= c else 0.0, eta, lam)


@MF_1.mistake("beyond c you lose the sign of the error: where it is below -c, its part is -c")
def _sign_lost(p, q, r, c, eta, lam):
    e = r - p @ q
    return _step(p, q, e if abs(e) <= c else c, eta, lam)


@MF_1.mistake("you cut errors above c and none below -c; the line goes on at both ends")
def _cut_above(p, q, r, c, eta, lam):
    return _step(p, q, min(r - p @ q, c), eta, lam)


@MF_1.mistake(
    "you keep the factor 2 of the straight line; it is part of eta, as that of the parabola is"
)
def _factor_two_beyond(p, q, r, c, eta, lam):
    e = r - p @ q
    return _step(p, q, e if abs(e) <= c else 2 * c * np.sign(e), eta, lam)


@MF_1.mistake(
    "beyond c you put in the sign of the error alone; the slope of the line has c as well"
)
def _slope_one(p, q, r, c, eta, lam):
    e = r - p @ q
    return _step(p, q, e if abs(e) <= c else np.sign(e), eta, lam)


@MF_1.mistake(
    "beyond c you put in the loss itself; the step needs its derivative, which is constant there"
)
def _loss_itself(p, q, r, c, eta, lam):
    e = r - p @ q
    return _step(p, q, e if abs(e) <= c else 2 * c * abs(e) - c**2, eta, lam)


@MF_1.mistake(
    "you cut every number of the change at c; it is the error that the loss bounds, before it is "
    "multiplied by q or p"
)
def _change_cut(p, q, r, c, eta, lam):
    e = r - p @ q
    return p + eta * (_clipped(e * q, c) - lam * p), q + eta * (_clipped(e * p, c) - lam * q)


@MF_1.mistake("q is moved with the new p; both moves start from the same place, so keep the old p")
def _q_from_the_new_p(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    p = p + eta * (e * q - lam * p)
    return p, q + eta * (e * p - lam * q)


@MF_1.mistake("p is moved with the new q; both moves start from the same place, so keep the old q")
def _p_from_the_new_q(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    q = q + eta * (e * p - lam * q)
    return p + eta * (e * q - lam * p), q


@MF_1.mistake("you compute the error again after p has moved; one error serves both moves")
def _error_again(p, q, r, c, eta, lam):
    new = p + eta * (_clipped(r - p @ q, c) * q - lam * p)
    return new, q + eta * (_clipped(r - new @ q, c) * p - lam * q)


@MF_1.mistake("your error is p.q - r, so both move away from the rating; it is r - p.q")
def _error_reversed(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(p @ q - r, c), eta, lam)


@MF_1.mistake("you go against the formula, up the loss: add eta times the bracket")
def _uphill(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), -eta, lam)


@MF_1.mistake("you add the penalty, which lets the factors grow; subtract it")
def _penalty_added(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), eta, -lam)


@MF_1.mistake("you keep the factor 2 of the gradient; here it is part of eta already")
def _factor_two(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), 2 * eta, lam)


@MF_1.mistake("lam is not used: p and q are not pulled toward 0")
def _no_penalty(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), eta, 0.0)


@MF_1.mistake("the penalty is not multiplied by eta; the whole bracket is")
def _penalty_without_eta(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    return p + eta * e * q - lam * p, q + eta * e * p - lam * q


@MF_1.mistake("you round the prediction before taking the error, and a small error becomes none")
def _rounded(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - np.round(p @ q), c), eta, lam)


@MF_1.mistake("you round the error or the prediction to two digits, and a small error becomes none")
def _rounded_to_two_digits(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(np.round(r - p @ q, 2), c), eta, lam)


@MF_1.mistake(
    "you clip the prediction before taking the error; a prediction of 6 stars then never learns "
    "that it is too high"
)
def _prediction_clipped(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - np.clip(p @ q, 1, 5), c), eta, lam)


@MF_1.mistake("you move p only; q learns from the rating too")
def _p_only(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), eta, lam)[0], q


@MF_1.mistake("you add the bare error; it is multiplied by q in the line of p, by p in that of q")
def _not_scaled_by_the_other(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    return p + eta * (e - lam * p), q + eta * (e - lam * q)


@MF_1.mistake("you multiply the error by the factor that is moved; p moves along q, and q along p")
def _own_factor(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    return p + eta * (e * p - lam * p), q + eta * (e * q - lam * q)


@MF_1.mistake("you return the changes alone; add them to p and q")
def _change_only(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    return eta * (e * q - lam * p), eta * (e * p - lam * q)


@MF_1.mistake("you return q first; wanted is p, then q")
def _swapped(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), eta, lam)[::-1]


@MF_1.mistake(
    "the penalty in the line of p pulls with q, and in that of q with p; each pulls alone"
)
def _penalty_of_the_other(p, q, r, c, eta, lam):
    e = _clipped(r - p @ q, c)
    return p + eta * (e * q - lam * q), q + eta * (e * p - lam * p)


@MF_1.mistake("your error is an array, one for each factor: p * q is to be added up, as p @ q does")
def _error_per_factor(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p * q, c), eta, lam)


@MF_1.mistake("you return p alone; wanted are both, p and q")
def _p_returned_alone(p, q, r, c, eta, lam):
    return _step(p, q, _clipped(r - p @ q, c), eta, lam)[0]


def _errors(P, Q, R):
    return np.nan_to_num(R - P @ Q.T)


def _counts(R):
    return (~np.isnan(R)).sum(axis=1)[:, None]


def _gradient(P, Q, R, lam):
    return 2 * (lam * _counts(R) * P - _errors(P, Q, R) @ Q)


_Q = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]])

MF_2 = Exercise(
    "mf-2",
    "gradient(P, Q, R, lam)",
    (
        Case(
            "one user, two items, one factor",
            (np.array([[1.0]]), np.array([[2.0], [1.0]]), np.array([[3.0, np.nan]]), 0.0),
            np.array([[-4.0]]),
        ),
        Case(
            "the same with regularization",
            (np.array([[1.0]]), np.array([[2.0], [1.0]]), np.array([[3.0, np.nan]]), 0.5),
            np.array([[-3.0]]),
        ),
        Case(
            "two users, three items",
            (np.eye(2), _Q, np.array([[3.0, np.nan, 2.0], [np.nan, 4.0, np.nan]]), 0.5),
            np.array([[-4.0, -10.0], [-12.0, -5.0]]),
        ),
        Case(
            "a user without ratings",
            (np.eye(2), _Q, np.array([[3.0, np.nan, 2.0], [np.nan] * 3]), 0.5),
            np.array([[-4.0, -10.0], [0.0, 0.0]]),
        ),
        Case(
            "predicted too high and exactly",
            (
                np.array([[3.0, 1.0], [1.0, 1.0]]),
                _Q[:2],
                np.array([[3.0, 4.0], [np.nan, 3.0]]),
                0.1,
            ),
            np.array([[17.2, 14.4], [0.2, 0.2]]),
        ),
        Case(
            "a rating of 0, predicted below it",
            (np.array([[0.5, -1.0]]), _Q[:2], np.array([[0.0, np.nan]]), 0.5),
            np.array([[-2.5, -7.0]]),
        ),
        Case(
            "a rating from which the mean was subtracted",
            (np.array([[1.0]]), np.array([[2.0], [1.0]]), np.array([[-1.0, np.nan]]), 0.0),
            np.array([[12.0]]),
        ),
        Case(
            "numbers with three digits",
            (np.array([[0.125]]), np.array([[0.25], [1.0]]), np.array([[1.0, np.nan]]), 0.1),
            np.array([[-0.459375]]),
        ),
        Case(
            "a rating below 0, with regularization",
            (np.array([[1.0]]), np.array([[2.0], [1.0]]), np.array([[-1.0, np.nan]]), 0.5),
            np.array([[13.0]]),
        ),
    ),
)


@MF_2.mistake("the factor 2 is missing; here the exact gradient is wanted")
def _half(P, Q, R, lam):
    return _gradient(P, Q, R, lam) / 2


@MF_2.mistake("the penalty lacks the factor 2: it has a square as well")
def _half_the_penalty(P, Q, R, lam):
    return lam * _counts(R) * P - 2 * _errors(P, Q, R) @ Q


@MF_2.mistake("the errors lack the factor 2: the derivative of e^2 is 2 e e'")
def _half_the_errors(P, Q, R, lam):
    return 2 * lam * _counts(R) * P - _errors(P, Q, R) @ Q


@MF_2.mistake("the penalty counts once per user; the loss counts it once per rating, n_u times")
def _penalty_once(P, Q, R, lam):
    return 2 * (lam * P - _errors(P, Q, R) @ Q)


@MF_2.mistake(
    "the penalty counts once for each user who has ratings; the loss counts it once per rating, "
    "n_u times"
)
def _penalty_once_per_active(P, Q, R, lam):
    return 2 * (lam * np.minimum(_counts(R), 1) * P - _errors(P, Q, R) @ Q)


@MF_2.mistake("the penalty counts once per item; only items that the user has rated are in the sum")
def _penalty_per_item(P, Q, R, lam):
    return 2 * (lam * len(Q) * P - _errors(P, Q, R) @ Q)


@MF_2.mistake("the penalty is missing from the gradient")
def _penalty_forgotten(P, Q, R, lam):
    return -2 * _errors(P, Q, R) @ Q


@MF_2.mistake("you subtract the penalty; in the loss, and so in its gradient, it has a plus")
def _penalty_subtracted(P, Q, R, lam):
    return -2 * (lam * _counts(R) * P + _errors(P, Q, R) @ Q)


@MF_2.mistake("empty cells enter as ratings of 0; only observed cells are in the sum")
def _empty_as_zero(P, Q, R, lam):
    return 2 * (lam * _counts(R) * P - (np.nan_to_num(R) - P @ Q.T) @ Q)


@MF_2.mistake("NaN of the empty cells has spread over the sum. Make their errors 0")
def _nan_everywhere(P, Q, R, lam):
    return 2 * (lam * _counts(R) * P - (R - P @ Q.T) @ Q)


@MF_2.mistake("the sign is reversed: this is the way down, the gradient points up")
def _downhill(P, Q, R, lam):
    return -_gradient(P, Q, R, lam)


@MF_2.mistake("the errors have the wrong sign: with e = r - p.q, the derivative of e is -q")
def _errors_reversed(P, Q, R, lam):
    return 2 * (lam * _counts(R) * P + _errors(P, Q, R) @ Q)


@MF_2.mistake("you return the derivative by Q; wanted is that by P")
def _for_the_items(P, Q, R, lam):
    return _gradient(Q, P, R.T, lam)


@MF_2.mistake("you average over the ratings of each user; the loss is a sum")
def _averaged(P, Q, R, lam):
    return _gradient(P, Q, R, lam) / np.maximum(_counts(R), 1)


@MF_2.mistake("you treat a rating of 0 as an empty cell; only NaN means empty")
def _zero_is_empty(P, Q, R, lam):
    return _gradient(P, Q, np.where(R == 0, np.nan, R), lam)


@MF_2.mistake(
    "you count the ratings with R >= 0, and ratings from which a mean was subtracted may lie below "
    "0; count those that are not NaN"
)
def _negative_not_counted(P, Q, R, lam):
    return 2 * (lam * (R >= 0).sum(axis=1)[:, None] * P - _errors(P, Q, R) @ Q)


@MF_2.mistake(
    "you count the ratings of each item; n_u counts those of each user, along the row: axis=1"
)
def _counted_down_the_columns(P, Q, R, lam):
    counts = (~np.isnan(R)).sum(axis=0)[:, None]
    return 2 * (lam * counts * P - _errors(P, Q, R) @ Q)


@MF_2.mistake(
    "n_u runs along the factors instead of the users: counts[:, None] turns it, so that each row "
    "of P has its own"
)
def _counts_not_turned(P, Q, R, lam):
    return 2 * (lam * _counts(R)[:, 0] * P - _errors(P, Q, R) @ Q)


@MF_2.mistake("the penalty counts once for every rating there is; for p_u only those of u count")
def _all_ratings_counted(P, Q, R, lam):
    return 2 * (lam * (~np.isnan(R)).sum() * P - _errors(P, Q, R) @ Q)


@MF_2.mistake("the penalty holds q_i; of the penalty only that on p_u depends on P")
def _penalty_of_the_items(P, Q, R, lam):
    return 2 * (lam * (~np.isnan(R)).astype(float) @ Q - _errors(P, Q, R) @ Q)


@MF_2.mistake("the penalty is not differentiated: the derivative of lam p^2 is 2 lam p")
def _penalty_as_in_the_loss(P, Q, R, lam):
    return lam * _counts(R) * P**2 - 2 * _errors(P, Q, R) @ Q


@MF_2.mistake("you return the loss, one number; wanted is its derivative, of the shape of P")
def _the_loss(P, Q, R, lam):
    seen = ~np.isnan(R)
    penalty = (P**2).sum(axis=1)[:, None] + (Q**2).sum(axis=1)
    return (_errors(P, Q, R) ** 2).sum() + lam * penalty[seen].sum()


@MF_2.mistake("you treat a rating below 0 as an empty cell; only NaN means empty")
def _below_zero_is_empty(P, Q, R, lam):
    return _gradient(P, Q, np.where(R < 0, np.nan, R), lam)


def _rest(R, mu, b_i):
    return np.nan_to_num(R - mu - b_i)


def _n(R):
    return (~np.isnan(R)).sum(axis=1)


def _divide(total, n):
    return np.divide(total, n, out=np.zeros(len(total)), where=n > 0)


MF_3 = Exercise(
    "mf-3",
    "user_biases(R, mu, b_i, lam)",
    (
        Case(
            "a user with two ratings and one without any",
            (np.array([[5.0, np.nan, 3.0], [np.nan] * 3]), 3.0, np.array([1.0, 0.0, -1.0]), 1.0),
            np.array([2 / 3, 0.0]),
        ),
        Case(
            "the same without regularization",
            (np.array([[5.0, np.nan, 3.0], [np.nan] * 3]), 3.0, np.array([1.0, 0.0, -1.0]), 0.0),
            np.array([1.0, 0.0]),
        ),
        Case(
            "a mild user and a harsh one",
            (np.array([[4.0, 4.0], [2.0, np.nan]]), 3.0, np.array([0.5, -0.5]), 2.0),
            np.array([0.5, -0.5]),
        ),
        Case(
            "only well liked films rated",
            (np.array([[5.0, 4.0, np.nan]]), 3.5, np.array([1.0, 0.5, -2.0]), 3.0),
            np.array([0.1]),
        ),
        Case(
            "a rating of 0",
            (np.array([[0.0, 2.0], [np.nan, 0.0]]), 1.0, np.array([-0.5, 0.5]), 1.0),
            np.array([0.0, -0.75]),
        ),
        Case(
            "one rating and much regularization",
            (np.array([[np.nan, 5.0]]), 3.0, np.array([0.7, 0.0]), 9.0),
            np.array([0.2]),
        ),
        Case(
            "ratings from which a mean was subtracted",
            (np.array([[-1.0, 1.0]]), 0.0, np.array([0.0, 0.5]), 1.0),
            np.array([-1 / 6]),
        ),
        Case(
            "lam below 1",
            (np.array([[4.0, np.nan]]), 3.0, np.array([0.25, 0.0]), 0.5),
            np.array([0.5]),
        ),
    ),
)


@MF_3.mistake("you take the plain mean; lam belongs below the line, beside n_u")
def _lam_ignored(R, mu, b_i, lam):
    return _divide(_rest(R, mu, b_i).sum(axis=1), _n(R))


@MF_3.mistake(
    "you divide by n_u + lam n_u; lam is added once, so that it matters less the more ratings "
    "there are"
)
def _lam_times_n(R, mu, b_i, lam):
    return _divide(_rest(R, mu, b_i).sum(axis=1), _n(R) * (1 + lam))


@MF_3.mistake("you subtract lam from n_u; it is added, to pull toward 0")
def _lam_subtracted(R, mu, b_i, lam):
    return _divide(_rest(R, mu, b_i).sum(axis=1), _n(R) - lam)


@MF_3.mistake("the biases of the items are not subtracted: who rates good films seems mild")
def _items_not_subtracted(R, mu, b_i, lam):
    return _divide(np.nan_to_num(R - mu).sum(axis=1), _n(R) + lam)


@MF_3.mistake("you add the biases of the items; subtract them from the ratings")
def _items_added(R, mu, b_i, lam):
    return _divide(_rest(R, mu, -b_i).sum(axis=1), _n(R) + lam)


@MF_3.mistake("the mean mu is not subtracted from the ratings")
def _mu_not_subtracted(R, mu, b_i, lam):
    return _divide(_rest(R, 0.0, b_i).sum(axis=1), _n(R) + lam)


@MF_3.mistake("mu is subtracted once per user; subtract it from each rating")
def _subtracted_once(R, mu, b_i, lam):
    total = np.nan_to_num(R).sum(axis=1) - mu - np.where(np.isnan(R), 0, b_i).sum(axis=1)
    return np.where(_n(R) > 0, _divide(total, _n(R) + lam), 0.0)


@MF_3.mistake("without ratings and with lam = 0 you divide 0 by 0. Such a user has the bias 0")
def _zero_over_zero(R, mu, b_i, lam):
    return _rest(R, mu, b_i).sum(axis=1) / (_n(R) + lam)


@MF_3.mistake("you divide by the number of all items; n_u counts those that the user has rated")
def _by_all_items(R, mu, b_i, lam):
    return _rest(R, mu, b_i).sum(axis=1) / (R.shape[1] + lam)


@MF_3.mistake("empty cells enter as ratings of 0; leave them out")
def _empty_cells_count(R, mu, b_i, lam):
    return _divide((np.nan_to_num(R) - mu - b_i).sum(axis=1), _n(R) + lam)


@MF_3.mistake("you return the sum; divide it by n_u + lam")
def _sum_only(R, mu, b_i, lam):
    return _rest(R, mu, b_i).sum(axis=1)


@MF_3.mistake("you treat a rating of 0 as an empty cell; only NaN means empty")
def _rating_of_zero(R, mu, b_i, lam):
    R = np.where(R == 0, np.nan, R)
    return _divide(_rest(R, mu, b_i).sum(axis=1), _n(R) + lam)


@MF_3.mistake("you subtract the biases of all items; only those that the user has rated count")
def _all_items_subtracted(R, mu, b_i, lam):
    total = np.nan_to_num(R - mu).sum(axis=1) - b_i.sum()
    return _divide(total, _n(R) + lam)


@MF_3.mistake(
    "NaN of the empty cells has spread over the sum. Make these cells 0 before you add up"
)
def _nan_everywhere_in_the_sum(R, mu, b_i, lam):
    return (R - mu - b_i).sum(axis=1) / np.where(_n(R) > 0, _n(R) + lam, 1)


@MF_3.mistake("you add up down the columns, one number per item; wanted is one per user: axis=1")
def _one_per_item(R, mu, b_i, lam):
    n = (~np.isnan(R)).sum(axis=0)
    return _rest(R, mu, b_i).sum(axis=0) / np.where(n > 0, n + lam, 1)


@MF_3.mistake("you subtract the mean of R; wanted is mu, which is given")
def _own_mean_as_mu(R, mu, b_i, lam):
    return _divide(_rest(R, np.nanmean(R), b_i).sum(axis=1), _n(R) + lam)


def _stop(errors, patience, tie=False, previous=False, reset=True):
    """The best epoch and the last one; the keywords are three ways to get it wrong."""
    best, waited = 0, 0
    for t in range(1, len(errors)):
        rival = errors[t - 1] if previous else errors[best]
        better = errors[t] < rival or (tie and errors[t] == rival)
        if better:
            waited = 0 if reset else waited
        else:
            waited += 1
        if errors[t] < errors[best] or (tie and errors[t] == errors[best]):
            best = t
        if waited == patience:
            return best + 1, t + 1
    return best + 1, len(errors)


MF_4 = Exercise(
    "mf-4",
    "best_epoch(errors, patience)",
    (
        Case("stopped before a late fall", ([1.0, 0.9, 0.8, 0.85, 0.9, 0.7], 2), 3),
        Case("a patience that reaches the late fall", ([1.0, 0.9, 0.8, 0.85, 0.9, 0.7], 3), 6),
        Case("better every time", ([0.9, 0.8, 0.7], 1), 3),
        Case("worse from the second epoch on", ([0.5, 0.6, 0.7, 0.8, 0.1], 3), 1),
        Case("a peak, and then slowly down", ([1.0, 0.5, 0.9, 0.8, 0.7, 0.4], 3), 2),
        Case("worse now and then, never in a row", ([1.0, 1.1, 0.9, 1.0, 0.8], 2), 5),
        Case("an equal error, and the patience is 1", ([0.9, 0.9, 0.8], 1), 1),
        Case("equal errors, with a patience of 2", ([0.8, 0.9, 0.8, 0.7], 2), 1),
        Case("the training ends while it waits", ([0.9, 0.7, 0.8, 0.7], 3), 2),
        Case("improved in the last epoch of the patience", ([0.9, 1.0, 1.0, 0.8], 3), 4),
        Case("two falls too late", ([1.0, 0.8, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8, 0.1], 2), 2),
        Case("one epoch", ([0.5], 3), 1),
        Case("an improvement in the fourth decimal", ([0.9, 0.8996, 0.95, 0.95], 2), 2),
        Case("errors above 2", ([2.5, 2.2, 2.4], 1), 2),
        Case("an error of 0", ([0.3, 0.0, 0.1, 0.2], 3), 2),
        Case("errors above 100", ([250.0, 240.0, 245.0, 200.0], 1), 2),
        Case("an improvement in the ninth decimal", ([0.9, 0.899999999, 0.95, 0.95], 2), 2),
        Case("errors in the billions", ([2.5e12, 2.4e12, 2.45e12, 2e12], 1), 2),
    ),
)


@MF_4.mistake("you look at all epochs, also those after the stop, which are never computed")
def _best_of_all(errors, patience):
    return int(np.argmin(errors)) + 1


@MF_4.mistake("you count the epochs from 0; the first one is epoch 1")
def _counted_from_zero(errors, patience):
    return _stop(errors, patience)[0] - 1


@MF_4.mistake("you return the epoch where the training stops; wanted is the best one until then")
def _where_it_stops(errors, patience):
    return _stop(errors, patience)[1]


@MF_4.mistake(
    "you subtract the patience from the last epoch; when the training comes to its end without a "
    "stop, that is not the best one"
)
def _patience_before(errors, patience):
    return _stop(errors, patience)[1] - patience


@MF_4.mistake("you wait for one epoch more than `patience`")
def _too_patient(errors, patience):
    return _stop(errors, patience + 1)[0]


@MF_4.mistake("you stop one epoch too early")
def _impatient(errors, patience):
    return _stop(errors, patience - 1)[0] if patience > 1 else 1


@MF_4.mistake("you compare with the epoch before; compare with the best so far")
def _against_the_previous(errors, patience):
    return _stop(errors, patience, previous=True)[0]


@MF_4.mistake("an equal error counts as better; only a smaller one does")
def _tie_is_better(errors, patience):
    return _stop(errors, patience, tie=True)[0]


@MF_4.mistake("you count all epochs without improvement; an improvement starts the count anew")
def _not_in_a_row(errors, patience):
    return _stop(errors, patience, reset=False)[0]


@MF_4.mistake("you return the error; wanted is the number of its epoch")
def _the_error(errors, patience):
    return errors[_stop(errors, patience)[0] - 1]


@MF_4.mistake("you look for the highest error; the lowest is the best")
def _highest(errors, patience):
    return _stop([-error for error in errors], patience)[0]


@MF_4.mistake(
    "where the training comes to its end without a stop you return its last epoch; wanted is the "
    "best one"
)
def _last_without_a_stop(errors, patience):
    best, last = _stop(errors, patience)
    return best if last - best == patience else last


@MF_4.mistake(
    "your lowest error begins with a number that an error can exceed; begin with the first error, "
    "or with np.inf"
)
def _begins_with_999(errors, patience):
    best, lowest = 0, 999
    for epoch, error in enumerate(errors, start=1):
        if error < lowest:
            best, lowest = epoch, error
        elif epoch - best == patience:
            break
    return best


def _als(Q, r, penalty):
    return np.linalg.solve(Q.T @ Q + penalty * np.eye(Q.shape[1]), Q.T @ r)


MF_5 = Exercise(
    "mf-5",
    "als_user(Q, r, lam)",
    (
        Case(
            "each item has a factor of its own",
            (np.eye(2), np.array([4.0, 2.0]), 0.5),
            np.array([2.0, 1.0]),
        ),
        Case(
            "one factor, two ratings",
            (np.array([[1.0], [2.0]]), np.array([3.0, 4.0]), 0.5),
            np.array([11 / 6]),
        ),
        Case(
            "two factors that overlap",
            (np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([3.0, 1.0]), 0.5),
            np.array([0.5, 1.0]),
        ),
        Case(
            "two factors, three ratings",
            (np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.array([3.0, 2.0, 4.0]), 1.0),
            np.array([1.25, 0.5]),
        ),
        Case(
            "one rating, two factors",
            (np.array([[1.0, 1.0]]), np.array([4.0]), 1.0),
            np.array([4 / 3, 4 / 3]),
        ),
        Case(
            "a rating below the mean, which was subtracted",
            (np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([-1.0, 2.0]), 0.5),
            np.array([0.6, -0.8]),
        ),
        Case(
            "no regularization",
            (np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 2.0]]), np.array([5.0, 2.0, 4.0]), 0.0),
            np.array([3.0, 2.0]),
        ),
        Case(
            "a rating of 0",
            (np.array([[1.0], [1.0]]), np.array([0.0, 3.0]), 0.5),
            np.array([1.0]),
        ),
        Case("a penalty below 1", (np.array([[1.0]]), np.array([3.0]), 0.5), np.array([2.0])),
        Case(
            "three factors, and two equal ratings",
            (
                np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]),
                np.array([4.0, 4.0, 2.0]),
                1 / 3,
            ),
            np.array([1.0, 1.0, 2.0]),
        ),
    ),
)


@MF_5.mistake("lam enters once; the penalty counts once per rating, so it is lam times n_u")
def _lam_once(Q, r, lam):
    return _als(Q, r, lam)


@MF_5.mistake("lam is multiplied by the number of factors; wanted is the number of ratings, len(r)")
def _lam_times_k(Q, r, lam):
    return _als(Q, r, lam * Q.shape[1])


@MF_5.mistake("you subtract the penalty; it is added to Q^T Q")
def _lam_negative(Q, r, lam):
    return _als(Q, r, -lam * len(r))


@MF_5.mistake("lam is not used: this is least squares without a penalty")
def _not_regularized(Q, r, lam):
    return np.linalg.lstsq(Q, r)[0]


@MF_5.mistake("Q and its transpose are the wrong way round: Q^T Q has one row per factor")
def _turned(Q, r, lam):
    return np.linalg.solve(Q @ Q.T + lam * len(r) * np.eye(len(r)), Q @ r)


@MF_5.mistake("you return Q^T r; the equations are not solved yet")
def _not_solved(Q, r, lam):
    return Q.T @ r


@MF_5.mistake(
    "you add the penalty to every entry of Q^T Q; it belongs on the diagonal: lam * n times "
    "np.eye(k)"
)
def _no_identity(Q, r, lam):
    return np.linalg.solve(Q.T @ Q + lam * len(r), Q.T @ r)


@MF_5.mistake(
    "you divide by the diagonal alone; the factors depend on each other, so solve all equations "
    "together"
)
def _entry_by_entry(Q, r, lam):
    return Q.T @ r / ((Q**2).sum(axis=0) + lam * len(r))


@MF_5.mistake("you multiply by the matrix; wanted is its inverse: np.linalg.solve(matrix, Q.T @ r)")
def _not_inverted(Q, r, lam):
    return (Q.T @ Q + lam * len(r) * np.eye(Q.shape[1])) @ (Q.T @ r)


@MF_5.mistake("Q^T r is divided by the number of ratings, but Q^T Q is not; both are sums")
def _mean_of_products(Q, r, lam):
    return _als(Q, r / len(r), lam * len(r))


@MF_5.mistake("you return the predictions Q p; wanted is p")
def _predictions(Q, r, lam):
    return Q @ _als(Q, r, lam * len(r))


@MF_5.mistake(
    "the penalty stands at every third entry of Q^T Q, which is the diagonal only where there are "
    "two factors; np.eye(k) fits any number"
)
def _diagonal_of_two(Q, r, lam):
    A = Q.T @ Q
    A.flat[::3] += lam * len(r)
    return np.linalg.solve(A, Q.T @ r)


@MF_5.mistake("np.eye(n) has a row for each rating; np.eye(k) has one for each factor, as Q^T Q")
def _eye_of_the_ratings(Q, r, lam):
    return np.linalg.solve(Q.T @ Q + lam * len(r) * np.eye(len(r)), Q.T @ r)


@MF_5.mistake(
    "you take 1 divided by each entry, which is what ** -1 does; the inverse of a matrix is "
    "something else: np.linalg.solve(matrix, Q.T @ r)"
)
def _inverted_entry_by_entry(Q, r, lam):
    return (1 / (Q.T @ Q + lam * len(r) * np.eye(Q.shape[1]))) @ (Q.T @ r)


@MF_5.mistake("Q is not turned in Q @ r: wanted is Q^T r, one number for each factor")
def _right_side_not_turned(Q, r, lam):
    return np.linalg.solve(Q.T @ Q + lam * len(r) * np.eye(Q.shape[1]), Q @ r)


@MF_5.mistake(
    "the penalty counts twice: the formula has no factor 2, both halves of it lost theirs"
)
def _penalty_twice(Q, r, lam):
    return _als(Q, r, 2 * lam * len(r))


EXERCISES = (MF_1, MF_2, MF_3, MF_4, MF_5)
