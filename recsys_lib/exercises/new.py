"""Exercises of chapter 12."""

import math

import numpy as np
from scipy.special import expit

from recsys_lib.exercises.core import Case, Exercise

_RNG = np.random.default_rng(121)

# ------------------------------------------------------------------------ the weight of a word


def _counted(times, known):
    """Go through the known items one by one."""
    n = sum(bool(one) for one in known)
    weights = []
    for f in range(len(times[0])):
        having = sum(1 for row, one in zip(times, known, strict=True) if one and row[f] > 0)
        weights.append(math.log(n + 1) - math.log(having + 1))
    return np.array(weights)


def _texts(what, times, known):
    times, known = np.array(times), np.array(known, dtype=bool)
    return Case(what, (times, known), _counted(times.tolist(), known.tolist()))


NEW_1 = Exercise(
    "new-1",
    "word_weights(times, known)",
    (
        _texts("one word that one of three items has", [[1], [0], [0]], [1, 1, 1]),
        _texts("a word that every item has", [[1, 1], [1, 0]], [1, 1]),
        _texts("a word that stands twice in one item", [[2, 0], [0, 1], [1, 0]], [1, 1, 1]),
        _texts("a word that new items alone have", [[1, 0], [0, 1], [1, 0]], [1, 0, 1]),
        _texts("an item of which nothing is known", [[1, 3], [0, 0], [0, 1]], [1, 1, 0]),
        _texts("no known item", [[1, 2]], [0]),
        _texts("random", _RNG.poisson(0.4, size=(30, 6)), _RNG.random(30) < 0.7),
    ),
)


def _weights(times, known, n=1, having=1):
    return -np.log(((times[known] > 0).sum(axis=0) + having) / (known.sum() + n))


@NEW_1.mistake("you count how often a word stands in the texts; count the items that have it")
def _occurrences(times, known):
    return -np.log((times[known].sum(axis=0) + 1) / (known.sum() + 1))


@NEW_1.mistake(
    "you count the new items as well; on the day on which the model is made there are none of them"
)
def _all_items(times, known):
    return _weights(times, np.ones(len(times), dtype=bool))


@NEW_1.mistake("the one more item is missing, so a word that no known item has is infinite")
def _no_one_more(times, known):
    with np.errstate(divide="ignore", invalid="ignore"):
        return _weights(times, known, 0, 0)


@NEW_1.mistake("the one more item is counted above the line only; it is one of the n items, too")
def _one_above(times, known):
    with np.errstate(divide="ignore"):
        return _weights(times, known, 0, 1)


@NEW_1.mistake(
    "the one more item is counted below the line only; it has the word, so it counts above, too"
)
def _one_below(times, known):
    with np.errstate(divide="ignore"):
        return _weights(times, known, 1, 0)


@NEW_1.mistake("the sign is missing: a share is below 1, so its logarithm is negative")
def _no_sign(times, known):
    return -_weights(times, known)


@NEW_1.mistake("you return the shares; the weight is minus the logarithm of the share")
def _shares(times, known):
    return np.exp(-_weights(times, known))


@NEW_1.mistake("you take the logarithm to base 2; in this course it is the natural one, np.log")
def _base_two(times, known):
    return _weights(times, known) / np.log(2)


@NEW_1.mistake("you take the logarithm to base 10; in this course it is the natural one, np.log")
def _base_ten(times, known):
    return _weights(times, known) / np.log(10)


@NEW_1.mistake("you add 1 to the weight, as some libraries do; here a word that all have weighs 0")
def _plus_one(times, known):
    return 1 + _weights(times, known)


@NEW_1.mistake("n counts the new items as well; it is the number of known ones, as n_f is")
def _n_of_all(times, known):
    return -np.log(((times[known] > 0).sum(axis=0) + 1) / (len(times) + 1))


@NEW_1.mistake("n_f counts the new items as well; a word's items are those among the known ones")
def _having_of_all(times, known):
    return -np.log(((times > 0).sum(axis=0) + 1) / (known.sum() + 1))


@NEW_1.mistake("you count the new items alone; the model knows the others, those with True")
def _new_alone(times, known):
    return _weights(times, ~known)


@NEW_1.mistake("items without words are left out of n; it counts every known item")
def _with_words(times, known):
    return _weights(times, known & times.any(axis=1))


@NEW_1.mistake("a word that no known item has weighs 0; it is rare, and for it n_f is 0")
def _unknown_words(times, known):
    return np.where((times[known] > 0).any(axis=0), _weights(times, known), 0)


@NEW_1.mistake(
    "only items in which a word stands exactly once are counted; more is as good as once"
)
def _exactly_once(times, known):
    return _weights(times == 1, known)


@NEW_1.mistake("n is the number of all words in the texts; it is the number of known items")
def _among_words(times, known):
    return -np.log((times[known].sum(axis=0) + 1) / (times[known].sum() + 1))


@NEW_1.mistake(
    "parentheses are missing: n_f + 1 / n + 1 is n_f + (1 / n) + 1, and not (n_f + 1) / (n + 1)"
)
def _no_parentheses(times, known):
    with np.errstate(divide="ignore"):
        return -np.log((times[known] > 0).sum(axis=0) + 1 / known.sum() + 1)


@NEW_1.mistake("you divide after the logarithm; first comes the share, and then its logarithm")
def _divided_afterwards(times, known):
    return -np.log((times[known] > 0).sum(axis=0) + 1) / (known.sum() + 1)


@NEW_1.mistake("you return a row for each item; wanted is one weight for each word, whoever has it")
def _on_items(times, known):
    return times * _weights(times, known)


@NEW_1.mistake(
    "you count the words of each item, axis 1; wanted are the items of each word, axis 0"
)
def _words_of_items(times, known):
    return -np.log(((times[known] > 0).sum(axis=1) + 1) / (known.sum() + 1))


# -------------------------------------------------------------------------- scores from words


def _of_cosines(X, met):
    """Add up the rows number by number, and divide by both lengths."""
    X = np.array(X, dtype=float)
    profile = [math.fsum(X[i, f] for i in met) for f in range(X.shape[1])]
    length = math.sqrt(math.fsum(x * x for x in profile))
    return np.array(
        [math.fsum(a * b for a, b in zip(profile, x, strict=True)) / (length or 1.0) for x in X]
    )


def _unit(rows):
    rows = np.array(rows, dtype=float)
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows / np.where(length > 0, length, 1)


def _shelf(what, rows, met):
    X, met = _unit(rows), np.array(met, dtype=int)
    return Case(what, (X, met), _of_cosines(X, met))


NEW_2 = Exercise(
    "new-2",
    "scores_from_words(X, met)",
    (
        _shelf("one item met", [[1, 0], [0, 1]], [0]),
        _shelf("two items with nothing in common met", [[1, 0], [0, 1], [1, 1]], [0, 1]),
        _shelf("three met, two of them alike", [[1, 0], [1, 0], [0, 1], [3, 4]], [0, 1, 2]),
        _shelf("an item without words is among the rest", [[1, 2], [0, 0], [2, 1]], [0]),
        _shelf("an item without words was met", [[1, 2], [0, 0], [2, 1]], [0, 1]),
        _shelf("nothing met", [[1, 2], [2, 1]], []),
        _shelf("only an item without words was met", [[0, 0], [2, 1]], [0]),
        _shelf("vectors that point apart", [[1, 0], [-3, 4], [0, -1], [4, 3]], [1, 0]),
        _shelf("random", _RNG.random((8, 5)) * (_RNG.random((8, 5)) < 0.6), [6, 1, 4, 2]),
    ),
)


@NEW_2.mistake(
    "the profile has not the length 1: its scores grow with the number of items that were met"
)
def _long_profile(X, met):
    return X @ X[met].sum(axis=0)


@NEW_2.mistake(
    "you divide by the number of items met, which is not the length of their sum: take the root of "
    "the sum of its squares"
)
def _mean_row(X, met):
    return X @ (X[met].sum(axis=0) / max(len(met), 1))


@NEW_2.mistake(
    "where the profile is zero you divide by its length, 0; whoever met nothing scores 0 everywhere"
)
def _zero_by_zero(X, met):
    profile = X[met].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return X @ (profile / np.sqrt((profile**2).sum()))


@NEW_2.mistake("you take the best of the cosines with the items met; wanted is that with their sum")
def _best_of(X, met):
    return (X @ X[met].T).max(axis=1) if len(met) else np.zeros(len(X))


@NEW_2.mistake("you return scores of the items met alone; wanted is one for every item")
def _of_met(X, met):
    profile = X[met].sum(axis=0)
    return X[met] @ profile / (np.sqrt((profile**2).sum()) or 1)


@NEW_2.mistake(
    "you take the first item that was met alone; the profile is the sum over all of them"
)
def _first_alone(X, met):
    return X @ X[met[0]] if len(met) else np.zeros(len(X))


@NEW_2.mistake(
    "you divide the profile by the sum of its numbers; its length is the root of the sum of their "
    "squares"
)
def _by_sum(X, met):
    profile = X[met].sum(axis=0)
    return X @ (profile / (profile.sum() or 1))


@NEW_2.mistake("you return the squares of the cosines")
def _squared(X, met):
    profile = X[met].sum(axis=0)
    return (X @ profile / (np.sqrt((profile**2).sum()) or 1)) ** 2


@NEW_2.mistake(
    "you divide by the lengths of the rows as well, and an item without words has the length 0; it "
    "scores 0"
)
def _rows_by_zero(X, met):
    profile = X[met].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = X / np.sqrt((X**2).sum(axis=1, keepdims=True))
    return rows @ (profile / (np.sqrt((profile**2).sum()) or 1))


@NEW_2.mistake(
    "you take the mean of no rows, which is 0 divided by 0; whoever met nothing scores 0 everywhere"
)
def _mean_of_none(X, met):
    return _of_cosines(X, met) if len(met) else np.full(len(X), np.nan)


@NEW_2.mistake("the items that were met score 0; wanted are their cosines as well")
def _none_for_met(X, met):
    scores = _of_cosines(X, met)
    scores[met] = 0
    return scores


@NEW_2.mistake(
    "the items that were met are taken out, with minus infinity; wanted are their cosines as well"
)
def _met_taken_out(X, met):
    scores = _of_cosines(X, met)
    scores[met] = -np.inf
    return scores


@NEW_2.mistake("the profile has the largest number of each word; it is the sum of the rows")
def _largest(X, met):
    profile = X[met].max(axis=0) if len(met) else np.zeros(X.shape[1])
    return X @ (profile / (np.sqrt((profile**2).sum()) or 1))


@NEW_2.mistake(
    "you divide by the root of the number of items met; that is the length of their sum only if no "
    "two of them have a word in common"
)
def _by_root(X, met):
    return X @ X[met].sum(axis=0) / np.sqrt(max(len(met), 1))


@NEW_2.mistake("you divide by the square of the profile's length; take its root first")
def _by_square(X, met):
    profile = X[met].sum(axis=0)
    return X @ profile / ((profile**2).sum() or 1)


@NEW_2.mistake("the scores are scaled to length 1; it is the profile that is scaled, before them")
def _scaled_scores(X, met):
    scores = X @ X[met].sum(axis=0)
    return scores / (np.sqrt((scores**2).sum()) or 1)


@NEW_2.mistake("you return the numbers of the items, best first; wanted are the scores themselves")
def _items_in_order(X, met):
    return np.argsort(-_of_cosines(X, met), kind="stable")


@NEW_2.mistake("the profile is the sum of all rows; it is that of the items that were met")
def _profile_of_all(X, met):
    return _of_cosines(X, range(len(X)))


@NEW_2.mistake("you return the cosines with each of the items met; wanted is that with their sum")
def _with_each(X, met):
    return X @ X[met].T


# ---------------------------------------------------------------------------- the map, repaired


def _least_squares(X, Q, x, lam):
    """Solve for the map and its intercept as one problem of least squares."""
    n, m = X.shape
    rows = np.vstack([np.hstack([np.ones((n, 1)), X]), math.sqrt(lam) * np.eye(m + 1)[1:]])
    targets = np.vstack([Q, np.zeros((m, Q.shape[1]))])
    found = np.linalg.lstsq(rows, targets, rcond=None)[0]
    return np.concatenate([[1.0], x]) @ found


def _mapping(what, X, Q, x, lam):
    X, Q, x = (np.array(one, dtype=float) for one in (X, Q, x))
    return Case(what, (X, Q, x, lam), _least_squares(X, Q, x, lam))


NEW_3 = Exercise(
    "new-3",
    "repaired(X, Q, x, lam)",
    (
        _mapping("one word, two items", [[1], [0]], [[2], [0]], [1], 0.5),
        _mapping("a new item without words", [[1], [0]], [[2], [0]], [0], 0.5),
        _mapping("two words, one of them in both items", [[1, 1], [0, 1]], [[2], [0]], [1, 1], 1.0),
        _mapping("a word with a mean of its own", [[1, 0], [1, 1]], [[1, 0], [3, 2]], [0, 1], 1.0),
        _mapping(
            "more words than items", [[1, 0, 2], [0, 1, 1]], [[1, -1], [2, 0]], [1, 1, 0], 0.3
        ),
        _mapping("a large penalty: nearly the mean", [[1], [0]], [[2, 1], [0, 1]], [1], 1e4),
        _mapping("random", _RNG.random((7, 4)), _RNG.normal(size=(7, 3)) + 1, _RNG.random(4), 0.2),
    ),
)


def _mapped(X, Q, x, lam, x_mean=None, q_mean=None, centered=True):
    x_mean = X.mean(axis=0) if x_mean is None else x_mean
    q_mean = Q.mean(axis=0) if q_mean is None else q_mean
    A = X - x_mean
    K = A @ A.T + lam * np.eye(len(A))
    return q_mean + (x - x_mean * centered) @ A.T @ np.linalg.solve(K, Q - q_mean)


@NEW_3.mistake("the new item's words are not centered: subtract the same mean from them")
def _new_not_centered(X, Q, x, lam):
    return _mapped(X, Q, x, lam, centered=False)


@NEW_3.mistake(
    "X.mean() is one number, the mean of the whole table; each word has a mean of its own, axis 0"
)
def _one_mean(X, Q, x, lam):
    return _mapped(X, Q, x, lam, x_mean=X.mean())


@NEW_3.mistake("both faults are still there: one mean for the whole table, and x is not centered")
def _as_found(X, Q, x, lam):
    return _mapped(X, Q, x, lam, x_mean=X.mean(), centered=False)


@NEW_3.mistake("x is centered with the mean of its own words; take that of the known items")
def _own_mean(X, Q, x, lam):
    return _mapped(X, Q, x + X.mean(axis=0) - x.mean(), lam)


@NEW_3.mistake("nothing is centered now; without it the map has to pass through zero")
def _never_centered(X, Q, x, lam):
    return _mapped(X, Q, x, lam, x_mean=np.zeros(X.shape[1]), q_mean=np.zeros(Q.shape[1]))


@NEW_3.mistake("the mean of the known factors is not added again at the end")
def _without_mean(X, Q, x, lam):
    return _mapped(X, Q, x, lam) - Q.mean(axis=0)


@NEW_3.mistake("the means are taken of each item, axis 1; a word's mean is over the items, axis 0")
def _means_of_items(X, Q, x, lam):
    A = X - X.mean(axis=1, keepdims=True)
    K = A @ A.T + lam * np.eye(len(A))
    q_mean = Q.mean(axis=0)
    return q_mean + (x - x.mean()) @ A.T @ np.linalg.solve(K, Q - q_mean)


@NEW_3.mistake("axis=1 gives the mean of each item's words; each word has its own mean, axis=0")
def _axis_one(X, Q, x, lam):
    return _mapped(X, Q, x, lam, x_mean=X.mean(axis=1))


@NEW_3.mistake("nothing is penalized: lam has to stand on the diagonal, and nowhere else")
def _no_penalty(X, Q, x, lam):
    return _least_squares(X, Q, x, 1e-12)


@NEW_3.mistake(
    "x is centered with X.mean(), one number; subtract the mean of each word, as from the others"
)
def _one_mean_for_x(X, Q, x, lam):
    return _mapped(X, Q, x + X.mean(axis=0) - X.mean(), lam)


@NEW_3.mistake(
    "the known items are still centered with X.mean(), one number; the mean of each word has axis 0"
)
def _one_mean_for_known(X, Q, x, lam):
    return _mapped(X, Q, x - X.mean(axis=0) + X.mean(), lam, x_mean=X.mean())


@NEW_3.mistake("the mean is added to the new item's words; subtract it, as from the known items")
def _mean_added(X, Q, x, lam):
    return _mapped(X, Q, x + 2 * X.mean(axis=0), lam)


@NEW_3.mistake("the intercept is penalized, as if it were the weight of one more word")
def _penalized_intercept(X, Q, x, lam):
    Z = np.column_stack([X, np.ones(len(X))])
    return np.append(x, 1) @ np.linalg.solve(Z.T @ Z + lam * np.eye(Z.shape[1]), Z.T @ Q)


@NEW_3.mistake("the words are divided by their standard deviations; subtract the means and no more")
def _standardized(X, Q, x, lam):
    spread = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    return _mapped(X / spread, Q, x / spread, lam)


@NEW_3.mistake("lam is multiplied by the number of items; on the diagonal stands lam alone")
def _lam_per_item(X, Q, x, lam):
    return _mapped(X, Q, x, lam * len(X))


@NEW_3.mistake("the new item is counted in the mean; it is the mean of the known items alone")
def _new_in_mean(X, Q, x, lam):
    return _mapped(X, Q, x, lam, x_mean=np.vstack([X, x]).mean(axis=0))


@NEW_3.mistake("you return the mean of the known factors, whatever the words of the new item are")
def _mean_alone(X, Q, x, lam):
    return Q.mean(axis=0)


# ------------------------------------------------------------------- a step on a sum of features


def _by_differences(p, E, w, r, eta, h=1e-5):
    """Step along differences of the loss, number by number."""

    def loss(one):
        q = [math.fsum(w * one[:, k]) for k in range(one.shape[1])]
        x = math.fsum(a * b for a, b in zip(p, q, strict=True))
        return math.log1p(math.exp(-abs(x))) + max(x, 0) - r * x

    new = E.copy()
    for place in np.ndindex(E.shape):
        h_here = np.zeros(E.shape)
        h_here[place] = h
        new[place] -= eta * (loss(E + h_here) - loss(E - h_here)) / (2 * h)
    return new


def _stepped(what, p, E, w, r, eta):
    p, E, w = (np.array(one, dtype=float) for one in (p, E, w))
    return Case(what, (p, E, w, r, eta), _by_differences(p, E, w, r, eta))


NEW_4 = Exercise(
    "new-4",
    "feature_step(p, E, w, r, eta)",
    (
        _stepped("one feature: the step of chapter 6", [1, 0], [[0, 0]], [1], 1, 0.5),
        _stepped("two features, weights 1 and 1/2", [2], [[0], [0]], [1, 0.5], 1, 0.4),
        _stepped("a negative", [1, 1], [[1, 0], [0, 1]], [1, 1], 0, 0.2),
        _stepped("a score below 0", [1, -2], [[0, 1], [1, 1]], [1, 0.5], 1, 0.5),
        _stepped("a feature with the weight 0 stays", [1, 2], [[1, 1], [3, 1]], [1, 0], 1, 0.5),
        _stepped("p is zero: nothing is learned", [0, 0], [[1, 2], [2, 1]], [1, 1], 1, 0.3),
        _stepped("a score far above 0", [3, 2], [[1, 2], [2, 1]], [1, 0.5], 1, 0.5),
        _stepped("random", _RNG.normal(size=4), _RNG.normal(size=(3, 4)), [0.6, 1.5, -0.3], 0, 0.1),
    ),
    tolerance=1e-6,
)


def _move(p, E, w, g, eta):
    return E - eta * g * np.outer(w, p)


def _g(p, E, w, r):
    return expit(p @ (w @ E)) - r


@NEW_4.mistake("the weights are missing in the step: feature f moves by w_f times g p")
def _without_w(p, E, w, r, eta):
    return _move(p, E, np.ones_like(w), _g(p, E, w, r), eta)


@NEW_4.mistake("the weights are missing in the score: the item is the weighted sum of its features")
def _unweighted_score(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, np.ones_like(w), r), eta)


@NEW_4.mistake("the weights are used nowhere, neither in the score nor in the step")
def _no_weights(p, E, w, r, eta):
    one = np.ones_like(w)
    return _move(p, E, one, _g(p, E, one, r), eta)


@NEW_4.mistake("you step up the loss: subtract the gradient")
def _uphill(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, w, r), -eta)


@NEW_4.mistake("the label is missing: g is sigma(x) - r")
def _without_label(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, w, 0), eta)


@NEW_4.mistake(
    "every feature has its own score and its own g here; there is one score, of their sum"
)
def _own_scores(p, E, w, r, eta):
    return E - eta * (w * (expit(w * (E @ p)) - r))[:, None] * p


@NEW_4.mistake("the sigmoid is missing: g is sigma(x) - r, not x - r")
def _without_sigmoid(p, E, w, r, eta):
    return _move(p, E, w, p @ (w @ E) - r, eta)


@NEW_4.mistake("you return the step alone; wanted are the vectors after it")
def _step_alone(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, w, r), eta) - E


@NEW_4.mistake(
    "the features are moved along the item's vector; the score's derivative by q is the user's p"
)
def _along_q(p, E, w, r, eta):
    return _move(w @ E, E, w, _g(p, E, w, r), eta)


@NEW_4.mistake("you multiply by sigma (1 - sigma); with the logarithm it has canceled")
def _slope_again(p, E, w, r, eta):
    s = expit(p @ (w @ E))
    return _move(p, E, w, (s - r) * s * (1 - s), eta)


@NEW_4.mistake("eta is missing: it says how far along the gradient the step goes")
def _without_eta(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, w, r), 1)


@NEW_4.mistake("you return the gradient; wanted are the vectors after the step")
def _gradient_alone(p, E, w, r, eta):
    return _g(p, E, w, r) * np.outer(w, p)


@NEW_4.mistake(
    "the score is taken anew after every feature; all features move from one place, with one g"
)
def _one_by_one(p, E, w, r, eta):
    E = E.copy()
    for f in range(len(w)):
        E[f] -= eta * _g(p, E, w, r) * w[f] * p
    return E


@NEW_4.mistake("the item is the mean of its features; it is their sum, with the weights")
def _mean_of_features(p, E, w, r, eta):
    return _move(p, E, w / len(w), _g(p, E, w / len(w), r), eta)


@NEW_4.mistake("the weights are squared in the step; the score's derivative by e_f is w_f p")
def _weights_squared(p, E, w, r, eta):
    return _move(p, E, w**2, _g(p, E, w, r), eta)


@NEW_4.mistake(
    "the step has rows and columns exchanged: row f is w_f times p, as in np.outer(w, p)"
)
def _exchanged(p, E, w, r, eta):
    return E - eta * _g(p, E, w, r) * np.outer(p, w)


@NEW_4.mistake("the label of a negative is taken for -1; here it is 0, and g is sigma(x) - r")
def _minus_one(p, E, w, r, eta):
    return _move(p, E, w, _g(p, E, w, 2 * r - 1), eta)


@NEW_4.mistake("the weights are divided by their sum; they are used as they are")
def _weights_of_sum_one(p, E, w, r, eta):
    return _move(p, E, w / w.sum(), _g(p, E, w / w.sum(), r), eta)


@NEW_4.mistake("you take the sigmoid of minus the score; g is sigma(x) - r")
def _of_minus_the_score(p, E, w, r, eta):
    return _move(p, E, w, _g(-p, E, w, r), eta)


@NEW_4.mistake("you move the item's vector; wanted are the vectors of its features, after the step")
def _item_moved(p, E, w, r, eta):
    return w @ E - eta * _g(p, E, w, r) * p


@NEW_4.mistake("you return the user's vector as well; wanted are the vectors of the features alone")
def _user_as_well(p, E, w, r, eta):
    g = _g(p, E, w, r)
    return p - eta * g * (w @ E), _move(p, E, w, g, eta)


@NEW_4.mistake("p is missing in the step: the score's derivative by e_f is w_f p")
def _without_p(p, E, w, r, eta):
    return _move(np.ones_like(p), E, w, _g(p, E, w, r), eta)


@NEW_4.mistake("w * p goes number by number; feature f moves by w_f times p, as in np.outer(w, p)")
def _number_by_number(p, E, w, r, eta):
    return E - eta * _g(p, E, w, r) * w * p


# ----------------------------------------------------------------------------------- all pairs


def _each_pair(w, E):
    """Go through the pairs one by one."""
    n = len(w)
    return math.fsum(
        w[f] * w[g] * math.fsum(E[f] * E[g]) for f in range(n) for g in range(f + 1, n)
    )


def _row(what, w, E):
    w, E = np.array(w, dtype=float), np.array(E, dtype=float)
    return Case(what, (w, E), _each_pair(w, E))


NEW_5 = Exercise(
    "new-5",
    "pair_sum(w, E)",
    (
        _row("two features", [1, 1], [[1, 2], [3, 1]]),
        _row("one feature: no pair", [2], [[1, 3]]),
        _row("two features at right angles", [1, 1], [[1, 0], [0, 1]]),
        _row("two features that point apart", [1, 1], [[1, 2], [-3, 1]]),
        _row("weights other than 1", [2, 0.5], [[1, 2], [3, 1]]),
        _row("three features", [1, 1, 1], [[1, 0], [1, 1], [0, 2]]),
        _row("two features with the same vector", [1, 1, 1], [[1, 0], [1, 0], [1, 2]]),
        _row("a feature with the weight 0", [1, 0, 1], [[1, 0], [5, 5], [2, 1]]),
        _row("random", _RNG.normal(size=9), _RNG.normal(size=(9, 4))),
    ),
)


def _parts(w, E):
    total = w @ E
    return total @ total, (w**2 * (E**2).sum(axis=1)).sum()


@NEW_5.mistake("the half is missing: every pair stands in the square twice")
def _not_halved(w, E):
    square, own = _parts(w, E)
    return square - own


@NEW_5.mistake("you take each feature with itself as well: subtract the squares w_f^2 |e_f|^2")
def _with_itself(w, E):
    return _parts(w, E)[0] / 2


@NEW_5.mistake("the half is taken of the square of the sum alone; it belongs to the difference")
def _half_of_one(w, E):
    square, own = _parts(w, E)
    return square / 2 - own


@NEW_5.mistake(
    "the weights in the squares are not squared: a feature with itself has w_f times w_f"
)
def _weights_once(w, E):
    square, _ = _parts(w, E)
    return (square - (w * (E**2).sum(axis=1)).sum()) / 2


@NEW_5.mistake("the weights are not used")
def _unweighted(w, E):
    square, own = _parts(np.ones_like(w), E)
    return (square - own) / 2


@NEW_5.mistake("the sign is turned round: it is the square of the sum minus the squares")
def _turned(w, E):
    square, own = _parts(w, E)
    return (own - square) / 2


@NEW_5.mistake("you return one number for each factor; add them up, too")
def _by_factor(w, E):
    return ((w @ E) ** 2 - (w[:, None] ** 2 * E**2).sum(axis=0)) / 2


@NEW_5.mistake(
    "each feature is paired with itself as well: the squares are added, and have to be subtracted"
)
def _squares_added(w, E):
    square, own = _parts(w, E)
    return (square + own) / 2


@NEW_5.mistake(
    "you sum over the features and the factors at once; sum over the features alone, axis 0, then "
    "take the squares"
)
def _all_at_once(w, E):
    return ((w @ E).sum() ** 2 - _parts(w, E)[1]) / 2


@NEW_5.mistake("only features that stand side by side are paired; each is paired with all others")
def _side_by_side(w, E):
    return sum(w[f] * w[f + 1] * (E[f] @ E[f + 1]) for f in range(len(w) - 1))


@NEW_5.mistake("only one of the two weights of a pair is used; their product is")
def _one_weight(w, E):
    return sum(w[f] * (E[f] @ E[f + 1 :].sum(axis=0)) for f in range(len(w)))


EXERCISES = (NEW_1, NEW_2, NEW_3, NEW_4, NEW_5)
