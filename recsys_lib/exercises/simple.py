"""Exercises of chapter 11."""

import math

import numpy as np
from scipy.special import expit

from recsys_lib.exercises.core import Case, Exercise


def _by_cells(P, Q):
    """Go through the table cell by cell."""
    return math.fsum(
        math.fsum(a * b for a, b in zip(p, q, strict=True)) ** 2
        for p in P.tolist()
        for q in Q.tolist()
    )


def _grams(what, P, Q):
    P, Q = np.array(P, dtype=float), np.array(Q, dtype=float)
    return Case(what, (P.T @ P, Q.T @ Q), _by_cells(P, Q))


_RNG = np.random.default_rng(111)

SIMPLE_1 = Exercise(
    "simple-1",
    "sum_of_squares(G_users, G_items)",
    (
        _grams("one factor", [[1], [2]], [[3], [1]]),
        _grams("two factors, one user and one item", [[1, 2]], [[3, -1]]),
        _grams("two factors that never meet", [[1, 0], [2, 0]], [[0, 1], [0, 3]]),
        _grams("two factors with a mixed part", [[1, 1], [1, -2]], [[1, 2], [0, 1]]),
        _grams("three factors, random", _RNG.normal(size=(5, 3)), _RNG.normal(size=(4, 3))),
        _grams(
            "many users, small numbers", _RNG.normal(size=(60, 4)) / 100, _RNG.normal(size=(3, 4))
        ),
    ),
)


@SIMPLE_1.mistake(
    "you multiply the two matrices as matrices and add up all of the result; wanted is the sum of "
    "the products cell by cell"
)
def _matrix_product(G_users, G_items):
    return (G_users @ G_items).sum()


@SIMPLE_1.mistake(
    "you take the diagonals alone: they leave out what two different factors have together"
)
def _diagonals(G_users, G_items):
    return (np.diag(G_users) * np.diag(G_items)).sum()


@SIMPLE_1.mistake("you multiply the two sums; the products have to be added, cell by cell")
def _product_of_sums(G_users, G_items):
    return G_users.sum() * G_items.sum()


@SIMPLE_1.mistake(
    "you multiply the sums of the two diagonals; that holds only where all vectors point the same "
    "way"
)
def _traces(G_users, G_items):
    return np.trace(G_users) * np.trace(G_items)


@SIMPLE_1.mistake("you take the root at the end; wanted is the sum of the squares itself")
def _root(G_users, G_items):
    return np.sqrt((G_users * G_items).sum())


@SIMPLE_1.mistake(
    "you square the products before you add them; the sum of the products is the sum of the "
    "squares of the cells already"
)
def _squared_again(G_users, G_items):
    return ((G_users * G_items) ** 2).sum()


@SIMPLE_1.mistake("you return the products one by one; add them all up")
def _not_added(G_users, G_items):
    return G_users * G_items


@SIMPLE_1.mistake(
    "you add up the rows alone, as Python's sum does, which leaves a number for each column; take "
    ".sum() of the array, without an axis"
)
def _columns(G_users, G_items):
    return sum(G_users * G_items)


# ------------------------------------------------------------------------------- a user of iALS


def _solve(Q, items, alpha, lam, met=1.0, target=1.0):
    Z = Q[items]
    A = met * Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    return np.linalg.solve(A, target * Z.sum(axis=0))


def _least_squares(Q, items, alpha, lam):
    """Write every cell, and the penalty, as a row of an ordinary least-squares problem."""
    k = Q.shape[1]
    rows = [Q[i] for i in items] + [math.sqrt(alpha) * q for q in Q]
    rows += [math.sqrt(lam) * one for one in np.eye(k)]
    targets = [1.0] * len(items) + [0.0] * (len(Q) + k)
    return np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]


def _user(what, Q, items, alpha, lam):
    Q, items = np.array(Q, dtype=float), np.array(items, dtype=int)
    return Case(what, (Q, items, alpha, lam), _least_squares(Q, items, alpha, lam))


SIMPLE_2 = Exercise(
    "simple-2",
    "solve_user(Q, items, alpha, lam)",
    (
        _user("one factor, one item met of two", [[1], [2]], [0], 0.2, 1.0),
        _user("nothing met", [[1, 2], [3, 4]], [], 0.5, 1.0),
        _user("two factors at right angles", [[1, 0], [0, 1], [0, 2]], [0, 2], 0.5, 0.5),
        _user("everything met", [[1, 0], [1, 1]], [0, 1], 0.1, 0.3),
        _user("items in falling order", [[1, 0], [0, 1], [1, 1]], [2, 0], 1.0, 0.1),
        _user("a small penalty", [[1, 2], [2, 1], [1, 1]], [1], 0.3, 1e-3),
        _user("alpha and lam above 1", [[1, 0], [1, 2], [2, 1]], [0, 1], 2.0, 3.0),
        _user("random", _RNG.normal(size=(12, 4)), [0, 3, 7, 11], 0.4, 0.7),
    ),
)


@SIMPLE_2.mistake("alpha is not used: the cells that the user has not met pull toward 0 as well")
def _met_alone(Q, items, alpha, lam):
    return _solve(Q, items, 0.0, lam)


@SIMPLE_2.mistake("lam is not used: add it to the diagonal of the matrix")
def _no_penalty(Q, items, alpha, lam):
    Z = Q[items]
    return np.linalg.lstsq(Z.T @ Z + alpha * Q.T @ Q, Z.sum(axis=0), rcond=None)[0]


@SIMPLE_2.mistake(
    "your second sum runs over the unmet items alone; in this loss it runs over all of them"
)
def _unmet_alone(Q, items, alpha, lam):
    others = np.setdiff1d(np.arange(len(Q)), items)
    Z, N = Q[items], Q[others]
    A = Z.T @ Z + alpha * N.T @ N + lam * np.eye(Q.shape[1])
    return np.linalg.solve(A, Z.sum(axis=0))


@SIMPLE_2.mistake("alpha is not multiplied with the Gram matrix: every cell weighs 1")
def _weight_of_one(Q, items, alpha, lam):
    return _solve(Q, items, 1.0, lam)


@SIMPLE_2.mistake("the right-hand side has the sum over all items; it is over the met ones")
def _right_side_of_all(Q, items, alpha, lam):
    Z = Q[items]
    A = Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1])
    return np.linalg.solve(A, Q.sum(axis=0))


@SIMPLE_2.mistake("lam is added to all numbers of the matrix; it belongs on the diagonal alone")
def _everywhere(Q, items, alpha, lam):
    Z = Q[items]
    return np.linalg.lstsq(Z.T @ Z + alpha * Q.T @ Q + lam, Z.sum(axis=0), rcond=None)[0]


@SIMPLE_2.mistake("the penalty is counted twice: the 2 of its derivative cancels as all others do")
def _two_lambda(Q, items, alpha, lam):
    return _solve(Q, items, alpha, 2 * lam)


@SIMPLE_2.mistake(
    "lam is multiplied by the number of met items, as in mf-5; in this loss the penalty stands once"
)
def _lambda_per_item(Q, items, alpha, lam):
    return _solve(Q, items, alpha, lam * len(items))


@SIMPLE_2.mistake("alpha and lam are swapped: alpha weighs the Gram matrix, lam the identity")
def _swapped(Q, items, alpha, lam):
    return _solve(Q, items, lam, alpha)


@SIMPLE_2.mistake(
    "the matrix lacks the products of the met items; they come on top of the Gram matrix"
)
def _gram_alone(Q, items, alpha, lam):
    return _solve(Q, items, alpha, lam, met=0.0)


@SIMPLE_2.mistake("alpha weighs the met items; it weighs the second sum, the one over all items")
def _alpha_of_the_met(Q, items, alpha, lam):
    return _solve(Q, items, 1.0, lam, met=alpha)


@SIMPLE_2.mistake(
    "the right-hand side is multiplied by 1 + alpha; in the second sum all targets are 0, those of "
    "the met items as well"
)
def _target_in_both(Q, items, alpha, lam):
    return _solve(Q, items, alpha, lam, target=1 + alpha)


@SIMPLE_2.mistake("you return the scores of the items, Q p; wanted is p itself")
def _scores_of_the_user(Q, items, alpha, lam):
    return Q @ _solve(Q, items, alpha, lam)


@SIMPLE_2.mistake("the right-hand side has the mean over the met items; it is their sum")
def _mean_of_the_met(Q, items, alpha, lam):
    Z = Q[items]
    return np.linalg.solve(Z.T @ Z + alpha * Q.T @ Q + lam * np.eye(Q.shape[1]), Z.mean(axis=0))


# -------------------------------------------------------------------------------------- EASE


def _inverse(X, lam):
    return np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1]))


def _one_by_one(X, lam):
    """Predict each column from the others by ridge regression."""
    X = np.array(X, dtype=float)
    n = X.shape[1]
    B = np.zeros((n, n))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        Z = X[:, others]
        A = np.vstack([Z, math.sqrt(lam) * np.eye(n - 1)])
        b = np.concatenate([X[:, i], np.zeros(n - 1)])
        B[others, i] = np.linalg.lstsq(A, b, rcond=None)[0]
    return B


def _table(what, X, lam):
    return Case(what, (np.array(X, dtype=float), lam), _one_by_one(X, lam))


SIMPLE_3 = Exercise(
    "simple-3",
    "repaired(X, lam)",
    (
        _table("two items, both met by one user", [[1, 1]], 1.0),
        _table("two items, one met by one more", [[1, 1], [1, 0]], 1.0),
        _table("three items", [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]], 0.5),
        _table("an item that nobody has met", [[1, 1, 0], [1, 0, 0]], 2.0),
        _table("two items without a user in common", [[1, 1, 0], [1, 0, 1], [1, 1, 0]], 0.1),
        _table("a large penalty", [[1, 1, 0], [0, 1, 1]], 100.0),
        _table("random", _RNG.random((9, 5)) < 0.4, 0.7),
    ),
)


@SIMPLE_3.mistake("the sign is missing: the weights are minus C divided by its diagonal")
def _without_sign(X, lam):
    C = _inverse(X, lam)
    B = C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake(
    "you divide each row by its diagonal number; the weights that predict item i stand in column "
    "i, so each column is divided"
)
def _by_rows(X, lam):
    C = _inverse(X, lam)
    B = -C / np.diag(C)[:, None]
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake("the diagonal is not 0: an item would predict itself")
def _with_diagonal(X, lam):
    C = _inverse(X, lam)
    return -C / np.diag(C)


@SIMPLE_3.mistake("lam is missing: add it to the diagonal before you take the inverse")
def _no_ridge(X, lam):
    C = np.linalg.pinv(X.T @ X)
    d = np.diag(C)
    B = -np.divide(C, d, out=np.zeros_like(C), where=d != 0)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake(
    "lam is missing, and without it some of these matrices have no inverse: add it to the diagonal "
    "first"
)
def _no_ridge_at_all(X, lam):
    C = np.linalg.inv(X.T @ X)
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake("lam is added to all numbers of the matrix; it belongs on the diagonal alone")
def _ridge_everywhere(X, lam):
    C = np.linalg.inv(X.T @ X + lam)
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake(
    "the inverse is missing: C is the inverse of X^T X + lam I, not that matrix itself"
)
def _no_inverse(X, lam):
    C = X.T @ X + lam * np.eye(X.shape[1])
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake("you return the scores, X B; wanted are the weights, B")
def _scores_of_the_users(X, lam):
    C = _inverse(X, lam)
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return X @ B


@SIMPLE_3.mistake(
    "nothing is divided; each column of C has to be divided by its number on the diagonal"
)
def _not_divided(X, lam):
    B = -_inverse(X, lam)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake(
    "this is ridge regression with every item among its own predictors, and the diagonal set to 0 "
    "afterwards; the condition has to hold while the weights are found"
)
def _zeroed_afterwards(X, lam):
    B = _inverse(X, lam) @ (X.T @ X)
    np.fill_diagonal(B, 0)
    return B


@SIMPLE_3.mistake("you use the table of the users, X X^T; wanted is that of the items, X^T X")
def _of_users(X, lam):
    C = np.linalg.inv(X @ X.T + lam * np.eye(len(X)))
    B = -C / np.diag(C)
    np.fill_diagonal(B, 0)
    return B


# --------------------------------------------------------------------------------------- BPR


def _moved(p, q_i, q_j, g, eta, lam):
    return np.array(
        [
            p - eta * (g * (q_i - q_j) + lam * p),
            q_i - eta * (g * p + lam * q_i),
            q_j - eta * (-g * p + lam * q_j),
        ]
    )


def _by_differences(p, q_i, q_j, eta, lam, h=1e-5):
    """Step along differences of the loss of one pair, number by number."""

    def loss(all_three):
        p, q_i, q_j = all_three
        margin = math.fsum(p * q_i) - math.fsum(p * q_j)
        return math.log1p(math.exp(-margin)) + lam / 2 * math.fsum((all_three**2).ravel())

    old = np.array([p, q_i, q_j])
    new = old.copy()
    for place in np.ndindex(old.shape):
        h_here = np.zeros(old.shape)
        h_here[place] = h
        new[place] -= eta * (loss(old + h_here) - loss(old - h_here)) / (2 * h)
    return new


def _pair(what, p, q_i, q_j, eta, lam):
    p, q_i, q_j = (np.array(a, dtype=float) for a in (p, q_i, q_j))
    return Case(what, (p, q_i, q_j, eta, lam), _by_differences(p, q_i, q_j, eta, lam))


_P, _Q_I, _Q_J = _RNG.normal(size=(3, 5))

SIMPLE_4 = Exercise(
    "simple-4",
    "bpr_step(p, q_i, q_j, eta, lam)",
    (
        Case(
            "both items score the same",
            (np.array([1.0, 1.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.2, 0.0),
            np.array([[1.1, 0.9], [1.1, 0.1], [-0.1, 0.9]]),
        ),
        _pair("the right order, no penalty", [1, 0], [2, 1], [1, 0], 0.5, 0.0),
        _pair("the wrong order", [1, 0], [0, 1], [1, 1], 0.5, 0.0),
        _pair("with a penalty", [1, -1], [0.5, 0.5], [2, 1], 0.1, 0.3),
        _pair("p at 0: nothing of the items is learned", [0, 0], [1, 2], [2, 1], 0.3, 0.0),
        _pair("one factor", [2], [1], [3], 0.1, 0.1),
        _pair("the right order, by far", [2, 1], [2, 1], [0, 1], 0.5, 0.1),
        _pair("random", _P, _Q_I, _Q_J, 0.05, 0.02),
        Case(
            "an order that is nearly certain",
            (np.array([5.0]), np.array([4.0]), np.array([-4.0]), 0.1, 0.0),
            np.array([[5.0], [4.0], [-4.0]]),
        ),
        Case(
            "the wrong order, by far",
            (np.array([5.0]), np.array([-4.0]), np.array([4.0]), 0.1, 0.0),
            np.array([[4.2], [-3.5], [3.5]]),
        ),
    ),
    tolerance=1e-6,
)


@SIMPLE_4.mistake("your g is sigma of the margin; it is sigma minus 1, as the label is 1")
def _no_minus_one(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, expit(p @ (q_i - q_j)), eta, lam)


@SIMPLE_4.mistake("you go up the loss: the margin must grow, so g is sigma minus 1, not 1 minus it")
def _uphill(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, 1 - expit(p @ (q_i - q_j)), eta, lam)


@SIMPLE_4.mistake("q_j moves the same way as q_i; its sign is the opposite, for it is subtracted")
def _both_up(p, q_i, q_j, eta, lam):
    g = expit(p @ (q_i - q_j)) - 1
    new = _moved(p, q_i, q_j, g, eta, lam)
    new[2] = q_j - eta * (g * p + lam * q_j)
    return new


@SIMPLE_4.mistake("the items are moved with the new p; all three moves start from the same place")
def _with_the_new_p(p, q_i, q_j, eta, lam):
    g = expit(p @ (q_i - q_j)) - 1
    new = _moved(p, q_i, q_j, g, eta, lam)
    moved = _moved(new[0], q_i, q_j, g, eta, lam)
    return np.array([new[0], moved[1], moved[2]])


@SIMPLE_4.mistake("p moves along q_i alone; the margin has q_i minus q_j")
def _along_one(p, q_i, q_j, eta, lam):
    g = expit(p @ (q_i - q_j)) - 1
    new = _moved(p, q_i, q_j, g, eta, lam)
    new[0] = p - eta * (g * q_i + lam * p)
    return new


@SIMPLE_4.mistake("the penalty is missing")
def _no_decay(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, expit(p @ (q_i - q_j)) - 1, eta, 0.0)


@SIMPLE_4.mistake("sigma is taken of the two scores apart; it is taken of their difference")
def _two_sigmas(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, expit(p @ q_i) - expit(p @ q_j) - 1, eta, lam)


@SIMPLE_4.mistake("the margin is turned round: it is the score of i minus that of j")
def _margin_turned(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, expit(p @ (q_j - q_i)) - 1, eta, lam)


@SIMPLE_4.mistake("you return how far the three move; wanted is where they stand afterwards")
def _moves_alone(p, q_i, q_j, eta, lam):
    g = expit(p @ (q_i - q_j)) - 1
    return _moved(p, q_i, q_j, g, eta, lam) - np.array([p, q_i, q_j])


@SIMPLE_4.mistake(
    "the sigmoid is missing: g is sigma of the margin minus 1, not the margin minus 1"
)
def _without_sigmoid(p, q_i, q_j, eta, lam):
    return _moved(p, q_i, q_j, p @ (q_i - q_j) - 1, eta, lam)


@SIMPLE_4.mistake("you multiply by sigma (1 - sigma); with the logarithm it has canceled")
def _slope_again(p, q_i, q_j, eta, lam):
    s = expit(p @ (q_i - q_j))
    return _moved(p, q_i, q_j, (s - 1) * s * (1 - s), eta, lam)


@SIMPLE_4.mistake(
    "you take the cross-entropy of each item apart, as BinaryMF does; here one g, that of the "
    "margin, moves both items"
)
def _two_labels(p, q_i, q_j, eta, lam):
    g_i, g_j = expit(p @ q_i) - 1, expit(p @ q_j)
    return np.array(
        [
            p - eta * (g_i * q_i + g_j * q_j + lam * p),
            q_i - eta * (g_i * p + lam * q_i),
            q_j - eta * (g_j * p + lam * q_j),
        ]
    )


# --------------------------------------------------------------------------------------- AUC


def _pairs(scores, relevant):
    """Look at every pair."""
    scores, chosen = scores.tolist(), set(relevant.tolist())
    right = total = 0.0
    for i, x in enumerate(scores):
        for j, y in enumerate(scores):
            if i in chosen and j not in chosen:
                total += 1
                right += 1.0 if x > y else 0.5 if x == y else 0.0
    return right / total


def _scored(what, scores, relevant):
    scores, relevant = np.array(scores, dtype=float), np.array(relevant)
    return Case(what, (scores, relevant), _pairs(scores, relevant))


def _shared(scores, relevant, tie):
    others = np.setdiff1d(np.arange(len(scores)), relevant)
    gap = scores[relevant][:, None] - scores[others]
    return (gap > 0).mean() + tie * (gap == 0).mean()


SIMPLE_5 = Exercise(
    "simple-5",
    "right_pairs(scores, relevant)",
    (
        _scored("the relevant item on top", [3.0, 1.0, 2.0], [0]),
        _scored("the relevant item last", [3.0, 1.0, 2.0], [1]),
        _scored("one of three others above", [5.0, 1.0, 2.0, 3.0], [3]),
        _scored("two relevant items, one on top and one last", [4.0, 3.0, 2.0, 1.0], [0, 3]),
        _scored("two relevant items beside each other", [4.0, 3.0, 2.0, 1.0], [1, 2]),
        _scored("all scores the same", [2.0, 2.0, 2.0, 2.0], [1]),
        _scored("a tie with one of the others", [3.0, 2.0, 2.0, 1.0, 0.0], [2]),
        _scored("negative scores", [-2.0, -0.5, -1.0, -5.0], [0, 1]),
        _scored("all but one relevant", [1.0, 2.0, 3.0, 4.0], [0, 2, 3]),
        _scored("relevant items in any order", [1.0, 4.0, 2.0, 3.0, 5.0], [3, 0]),
        _scored("a tie of two relevant items", [2.0, 3.0, 3.0, 1.0, 0.0], [1, 2, 4]),
        _scored("scores below 1", [0.9, 0.2, 0.4, 0.3, 0.8], [4]),
        _scored("scores that differ by little", [1000.001, 1000.002, 1000.0, 999.999], [0]),
        _scored("random", _RNG.integers(0, 8, 30), [0, 7, 12, 29]),
    ),
)


@SIMPLE_5.mistake("a tie counts as right; half of the orders are, so it counts one half")
def _tie_is_right(scores, relevant):
    return _shared(scores, relevant, 1.0)


@SIMPLE_5.mistake("a tie counts as wrong; half of the orders are right, so it counts one half")
def _tie_is_wrong(scores, relevant):
    return _shared(scores, relevant, 0.0)


@SIMPLE_5.mistake("you compare a relevant item with all items, the relevant ones included")
def _with_all(scores, relevant):
    gap = scores[relevant][:, None] - scores
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


@SIMPLE_5.mistake("you count the pairs in the wrong order: the relevant item has to score higher")
def _other_way(scores, relevant):
    return 1 - _shared(scores, relevant, 0.5)


@SIMPLE_5.mistake("you return a number of pairs; wanted is their share")
def _number(scores, relevant):
    n = len(relevant) * (len(scores) - len(relevant))
    return _shared(scores, relevant, 0.5) * n


@SIMPLE_5.mistake(
    "you take places in the whole list, where the other relevant items stand as well; compare each "
    "of them only with items that are not relevant"
)
def _places(scores, relevant):
    above = (scores > scores[relevant][:, None]).sum(axis=1)
    tied = (scores == scores[relevant][:, None]).sum(axis=1) - 1
    return 1 - (above + tied / 2).mean() / (len(scores) - 1)


@SIMPLE_5.mistake("only the best relevant item is looked at; all of them are")
def _best_alone(scores, relevant):
    best = relevant[np.argmax(scores[relevant])]
    others = np.setdiff1d(np.arange(len(scores)), relevant)
    gap = scores[best] - scores[others]
    return (gap > 0).mean() + 0.5 * (gap == 0).mean()


EXERCISES = (SIMPLE_1, SIMPLE_2, SIMPLE_3, SIMPLE_4, SIMPLE_5)
