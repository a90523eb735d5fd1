"""Exercises of chapter 2."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise

_HALF = np.sqrt(0.5)

COSINE_1 = Exercise(
    "cosine-1",
    "my_cosine(u, v)",
    (
        Case("parallel vectors", (np.array([1.0, 2.0]), np.array([2.0, 4.0])), 1.0),
        Case("no item in common", (np.array([3.0, 0.0]), np.array([0.0, 5.0])), 0.0),
        Case("an angle of 45 degrees", (np.array([2.0, 0.0]), np.array([3.0, 3.0])), _HALF),
        Case(
            "four items", (np.array([5.0, 3.0, 0, 1]), np.array([4.0, 0, 0, 1])), 21 / np.sqrt(595)
        ),
        Case("u without ratings", (np.array([0.0, 0.0]), np.array([1.0, 2.0])), 0.0),
        Case("v without ratings", (np.array([1.0, 2.0]), np.array([0.0, 0.0])), 0.0),
        Case("very small numbers", (np.array([3e-5, 4e-5]), np.array([1e-5, 0.0])), 0.6),
        Case(
            "ratings from which a mean was subtracted",
            (np.array([1.0, -1.0]), np.array([-2.0, 0.0])),
            -_HALF,
        ),
    ),
)


@COSINE_1.mistake("the square roots are missing: a length is the root of the sum of squares")
def _no_root(u, v):
    lengths = (u @ u) * (v @ v)
    return u @ v / lengths if lengths else 0.0


@COSINE_1.mistake(
    "you divide by the sums of the ratings; a length is the root of the sum of squares"
)
def _sums_as_lengths(u, v):
    lengths = u.sum() * v.sum()
    return u @ v / lengths if lengths else 0.0


@COSINE_1.mistake("you return the dot product, not yet divided by the two lengths")
def _dot_only(u, v):
    return u @ v


@COSINE_1.mistake(
    "a user without ratings has length 0, and 0 / 0 is no number. Return 0.0 in that case"
)
def _no_care_for_zero(u, v):
    return u @ v / np.sqrt((u @ u) * (v @ v))


@COSINE_1.mistake("you divide by the length of u only; v has a length too")
def _one_norm_only(u, v):
    return u @ v / np.sqrt(u @ u) if u.any() else 0.0


@COSINE_1.mistake("you subtract the means first, which is the Pearson correlation, another measure")
def _pearson(u, v):
    u, v = u - u.mean(), v - v.mean()
    return u @ v / np.sqrt((u @ u) * (v @ v)) if u.any() and v.any() else 0.0


@COSINE_1.mistake(
    "you take an array that adds up to 0 for one without ratings; numbers from which a mean was "
    "subtracted do so too. Ask whether the length is 0"
)
def _sum_of_zero(u, v):
    return u @ v / np.sqrt((u @ u) * (v @ v)) if u.sum() and v.sum() else 0.0


@COSINE_1.mistake("u * v is an array, not yet a number: add up its entries, as u @ v does")
def _not_added_up(u, v):
    lengths = np.sqrt((u @ u) * (v @ v))
    return u * v / lengths if lengths else 0.0


@COSINE_1.mistake(
    "you multiply by the length of v: a / b * c is (a / b) * c. Put the product of both lengths "
    "in parentheses"
)
def _no_parentheses(u, v):
    return u @ v / np.sqrt(u @ u) * np.sqrt(v @ v) if u.any() and v.any() else 0.0


@COSINE_1.mistake("you return the angle between the two; wanted is its cosine")
def _angle(u, v):
    lengths = np.sqrt(u @ u) * np.sqrt(v @ v)
    return np.arccos(np.clip(u @ v / lengths, -1, 1)) if lengths else 0.0


@COSINE_1.mistake(
    "your lengths are over the common items alone; a length takes in all ratings of its user"
)
def _common_lengths(u, v):
    common = (u != 0) & (v != 0)
    a, b = u[common], v[common]
    return a @ b / np.sqrt((a @ a) * (b @ b)) if common.any() else 0.0


def _unit_rows(R):
    norms = np.sqrt((R**2).sum(axis=1))
    return np.divide(R, norms[:, None], out=np.zeros(R.shape), where=norms[:, None] > 0)


def _all_pairs(R):
    unit = _unit_rows(R)
    return unit @ unit.T


COSINE_2 = Exercise(
    "cosine-2",
    "cosine_matrix(R)",
    (
        Case(
            "two users",
            (np.array([[1.0, 0.0], [1.0, 1.0]]),),
            np.array([[1.0, _HALF], [_HALF, 1.0]]),
        ),
        Case(
            "three users, two items",
            (np.array([[3.0, 4.0], [4.0, 3.0], [0.0, 2.0]]),),
            np.array([[1.0, 0.96, 0.8], [0.96, 1.0, 0.6], [0.8, 0.6, 1.0]]),
        ),
        Case(
            "two users, three items",
            (np.array([[1.0, 2.0, 2.0], [2.0, 1.0, 2.0]]),),
            np.array([[1.0, 8 / 9], [8 / 9, 1.0]]),
        ),
        Case(
            "lengths far below 1",
            (np.array([[0.005, 0.0], [0.003, 0.004]]),),
            np.array([[1.0, 0.6], [0.6, 1.0]]),
        ),
        Case(
            "a user without ratings",
            (np.array([[0.0, 0.0], [0.0, 2.0]]),),
            np.array([[0.0, 0.0], [0.0, 1.0]]),
        ),
        Case(
            "ratings from which a mean was subtracted",
            (np.array([[3.0, -4.0], [-4.0, 3.0], [4.0, 3.0]]),),
            np.array([[1.0, -0.96, 0.0], [-0.96, 1.0, -0.28], [0.0, -0.28, 1.0]]),
        ),
        Case(
            "rows that add up to 0",
            (np.array([[1.0, -1.0], [-2.0, 2.0]]),),
            np.array([[1.0, -1.0], [-1.0, 1.0]]),
        ),
    ),
)


@COSINE_2.mistake("you compare the items (columns); wanted are the users (rows)")
def _columns(R):
    return _all_pairs(R.T)


@COSINE_2.mistake(
    "a row of zeros has length 0, and dividing by it gives NaN. Divide only where the length is "
    "positive"
)
def _nan_for_empty(R):
    unit = R / np.sqrt((R**2).sum(axis=1))[:, None]
    return unit @ unit.T


@COSINE_2.mistake(
    "the lengths run along the columns instead of the rows: lengths[:, None] turns them"
)
def _forgotten_axis(R):
    norms = np.sqrt((R**2).sum(axis=1))
    unit = R / np.where(norms > 0, norms, 1)
    return unit @ unit.T


@COSINE_2.mistake(
    "you replace lengths below 1 by 1, but a row may be shorter than 1. Replace only 0"
)
def _at_least_one(R):
    unit = R / np.maximum(np.sqrt((R**2).sum(axis=1)), 1)[:, None]
    return unit @ unit.T


@COSINE_2.mistake("the square root is missing in the lengths")
def _squared_norms(R):
    norms = (R**2).sum(axis=1)
    unit = np.divide(R, norms[:, None], out=np.zeros(R.shape), where=norms[:, None] > 0)
    return unit @ unit.T


@COSINE_2.mistake("these are dot products; the lengths are not divided out yet")
def _not_normalized(R):
    return R @ R.T


@COSINE_2.mistake("you divide by the length of the row user only, so the table is not symmetric")
def _divided_once(R):
    norms = np.sqrt((R**2).sum(axis=1))
    product = R @ R.T
    return np.divide(product, norms[:, None], out=np.zeros(product.shape), where=norms[:, None] > 0)


@COSINE_2.mistake(
    "you add the squares up down the columns; the length of a user is along the row: axis=1"
)
def _lengths_of_columns(R):
    norms = np.sqrt((R**2).sum(axis=0))
    unit = R / np.where(norms > 0, norms, 1)
    return unit @ unit.T


@COSINE_2.mistake(
    "your lengths are those of the columns, and each row is divided by one of them; the length of "
    "a user is along the row: axis=1"
)
def _lengths_of_columns_turned(R):
    norms = np.sqrt((R**2).sum(axis=0))
    unit = R / np.where(norms > 0, norms, 1)[:, None]
    return unit @ unit.T


@COSINE_2.mistake(
    "the rows are scaled as they should be, but the transpose comes first in your product, which "
    "compares columns; it comes second"
)
def _transpose_first(R):
    unit = _unit_rows(R)
    return unit.T @ unit


@COSINE_2.mistake("* multiplies number by number; the product of two matrices is @")
def _number_by_number(R):
    unit = _unit_rows(R)
    return unit * unit.T


@COSINE_2.mistake(
    "you divide by the sums of the ratings; a length is the root of the sum of squares"
)
def _divided_by_sums(R):
    sums = R.sum(axis=1)
    unit = R / np.where(sums != 0, sums, 1)[:, None]
    return unit @ unit.T


@COSINE_2.mistake(
    "you set the diagonal to 0; the cosine of a user with themselves belongs there, which is 1, or "
    "0 for a row of zeros"
)
def _diagonal_of_zeros(R):
    S = _all_pairs(R)
    np.fill_diagonal(S, 0)
    return S


@COSINE_2.mistake(
    "you set the whole diagonal to 1; a row of zeros has the cosine 0 with itself as well"
)
def _diagonal_of_ones(R):
    S = _all_pairs(R)
    np.fill_diagonal(S, 1)
    return S


@COSINE_2.mistake("one half of the table is empty: the cosine of v and u is that of u and v")
def _upper_half(R):
    return np.triu(_all_pairs(R))


COSINE_3 = Exercise(
    "cosine-3",
    "shrink(similarity, common, shrinkage)",
    (
        Case(
            "one common item against nine",
            (np.array([1.0, 0.8]), np.array([1.0, 9.0]), 1.0),
            np.array([0.5, 0.72]),
        ),
        Case(
            "a table",
            (np.array([[1.0, 0.4], [0.4, 1.0]]), np.array([[3.0, 1.0], [1.0, 6.0]]), 3.0),
            np.array([[0.5, 0.1], [0.1, 2 / 3]]),
        ),
        Case(
            "shrinkage 0, and nothing in common",
            (np.array([0.3, 0.4]), np.array([2.0, 0.0]), 0.0),
            np.array([0.3, 0.0]),
        ),
        Case(
            "a negative similarity",
            (np.array([-0.6, 0.6]), np.array([2.0, 1.0]), 1.0),
            np.array([-0.4, 0.3]),
        ),
        Case(
            "shrinkage below 1",
            (np.array([0.9, 0.6]), np.array([1.0, 0.0]), 0.5),
            np.array([0.6, 0.0]),
        ),
        Case(
            "hundreds in common",
            (np.array([0.5, 0.25]), np.array([300.0, 100.0]), 100.0),
            np.array([0.375, 0.125]),
        ),
    ),
)


@COSINE_3.mistake(
    "your factor is shrinkage / (n + shrinkage), which grows when there is less evidence; it must "
    "grow with n"
)
def _wrong_way(similarity, common, shrinkage):
    total = common + shrinkage
    return similarity * np.divide(shrinkage, total, out=np.zeros(total.shape), where=total > 0)


@COSINE_3.mistake(
    "your factor is n / shrinkage, which can exceed 1; n belongs below the line as well"
)
def _no_common_in_denominator(similarity, common, shrinkage):
    return similarity * common / shrinkage if shrinkage else similarity * np.inf


@COSINE_3.mistake("you subtract; shrinkage multiplies the similarity by a factor")
def _subtracted(similarity, common, shrinkage):
    total = common + shrinkage
    return similarity - np.divide(shrinkage, total, out=np.zeros(total.shape), where=total > 0)


@COSINE_3.mistake(
    "with no common item and shrinkage 0 the factor is 0 / 0. Treat n = 0 as factor 0"
)
def _zero_over_zero(similarity, common, shrinkage):
    return similarity * common / (common + shrinkage)


@COSINE_3.mistake("n is missing above the line: the factor is n / (n + shrinkage)")
def _one_above(similarity, common, shrinkage):
    return similarity / np.where(common > 0, common + shrinkage, 1) * (common > 0)


@COSINE_3.mistake(
    "n is missing above the line, and n = 0 is let through: the factor is n / (n + shrinkage)"
)
def _one_above_without_care(similarity, common, shrinkage):
    return similarity / np.where(common > 0, common + shrinkage, 1)


@COSINE_3.mistake("you leave the similarity as it is where n is 0; it becomes 0 there")
def _left_where_nothing_is_common(similarity, common, shrinkage):
    factor = common / np.where(common > 0, common + shrinkage, 1)
    return np.where(common > 0, similarity * factor, similarity)


def _item_votes(R, S, u, k, own=False, weights=True, mean=False, upwards=False, without=None):
    scores, total = np.zeros(len(S)), np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        similar = S[j].copy()
        if not own:
            similar[j] = np.inf if upwards else -np.inf
        if without is not None:
            similar[without] = -np.inf
        neighbors = np.argsort(similar if upwards else -similar, kind="stable")[:k]
        scores[neighbors] += (R[u, j] if weights else 1.0) * S[j, neighbors]
        total[neighbors] += S[j, neighbors]
    return scores / np.where(total > 0, total, 1) if mean else scores


_R = np.array([[5.0, 0, 3, 0], [0, 2, 0, 4]])
_S = np.array([[1.0, 0.8, 0.2, 0.5], [0.8, 1, 0.4, 0.1], [0.2, 0.4, 1, 0.3], [0.5, 0.1, 0.3, 1]])

COSINE_4 = Exercise(
    "cosine-4",
    "score_items(R, S, u, k)",
    (
        Case("one neighbor for each item", (_R, _S, 0, 1), np.array([0.0, 5.2, 0.0, 0.0])),
        Case("two neighbors", (_R, _S, 0, 2), np.array([0.0, 5.2, 0.0, 3.4])),
        Case("another user", (_R, _S, 1, 2), np.array([3.6, 0.0, 2.0, 0.0])),
        Case("all other items are neighbors", (_R, _S, 0, 3), np.array([0.6, 5.2, 1.0, 3.4])),
        Case(
            "two items with similarity 1",
            (np.array([[2.0, 3.0]]), np.ones((2, 2)), 0, 1),
            np.array([3.0, 2.0]),
        ),
        Case(
            "half a star, and similarities that differ in the third digit",
            (
                np.array([[0.5, 0.0, 0.0]]),
                np.array([[1.0, 0.801, 0.802], [0.801, 1.0, 0.5], [0.802, 0.5, 1.0]]),
                0,
                1,
            ),
            np.array([0.0, 0.0, 0.401]),
        ),
    ),
)


@COSINE_4.mistake(
    "an item is among its own neighbors: nothing is more similar to it than itself. Leave it out"
)
def _own_neighbor(R, S, u, k):
    return _item_votes(R, S, u, k, own=True)


@COSINE_4.mistake("all items contribute; wanted are the k most similar to each j only")
def _no_cut(R, S, u, k):
    return R[u] @ (S - np.eye(len(S)))


@COSINE_4.mistake(
    "you add up similarities alone; each is to be multiplied by the user's rating of j"
)
def _stars_forgotten(R, S, u, k):
    return _item_votes(R, S, u, k, weights=False)


@COSINE_4.mistake(
    "you divide by the sum of the similarities. That predicts a rating; for ranking, the plain "
    "sum is wanted, so that more support counts more"
)
def _averaged(R, S, u, k):
    return _item_votes(R, S, u, k, mean=True)


@COSINE_4.mistake("you take the least similar items: np.argsort sorts upwards")
def _least_similar(R, S, u, k):
    return _item_votes(R, S, u, k, upwards=True)


@COSINE_4.mistake(
    "you take the neighbors of the item to be scored, i; the formula takes those of the items "
    "that the user knows, j"
)
def _neighbors_of_the_wrong_item(R, S, u, k):
    scores = np.zeros(len(S))
    for i in range(len(S)):
        similar = S[i].copy()
        similar[i] = -np.inf
        neighbors = np.argsort(-similar, kind="stable")[:k]
        scores[i] = S[i, neighbors] @ R[u, neighbors]
    return scores


@COSINE_4.mistake(
    "you take the lowest numbers, j itself first: np.argsort sorts upwards, so negate the row, or "
    "take the last k"
)
def _lowest_with_itself(R, S, u, k):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        similar = S[j].copy()
        similar[j] = -np.inf
        neighbors = np.argsort(similar, kind="stable")[:k]
        scores[neighbors] += R[u, j] * S[j, neighbors]
    return scores


@COSINE_4.mistake(
    "you add up ratings alone; each is to be multiplied by the similarity of j and the neighbor"
)
def _similarities_forgotten(R, S, u, k):
    ones = np.where(S > 0, 1.0, 0.0)
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        similar = S[j].copy()
        similar[j] = -np.inf
        neighbors = np.argsort(-similar, kind="stable")[:k]
        scores[neighbors] += R[u, j] * ones[j, neighbors]
    return scores


@COSINE_4.mistake(
    "you give no score to items that the user has rated; all items get one, and a list leaves them "
    "out later"
)
def _known_without_a_score(R, S, u, k):
    return np.where(R[u] > 0, 0.0, _item_votes(R, S, u, k))


@COSINE_4.mistake(
    "you choose neighbors among the items that the user has not rated; only j itself is left out"
)
def _neighbors_among_the_unknown(R, S, u, k):
    return _item_votes(R, S, u, k, without=R[u] > 0)


@COSINE_4.mistake("each j overwrites what the one before has given: add it, with +=")
def _overwritten(R, S, u, k):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        similar = S[j].copy()
        similar[j] = -np.inf
        neighbors = np.argsort(-similar, kind="stable")[:k]
        scores[neighbors] = R[u, j] * S[j, neighbors]
    return scores


@COSINE_4.mistake("you take one neighbor more than k")
def _one_neighbor_more(R, S, u, k):
    return _item_votes(R, S, u, k + 1)


@COSINE_4.mistake("you take one neighbor fewer than k; a slice [:k] ends before k, and has k items")
def _one_neighbor_fewer(R, S, u, k):
    return _item_votes(R, S, u, k - 1)


@COSINE_4.mistake(
    "you drop the last of the sorted row as if it were j itself; an item of the same similarity "
    "may stand there. Take j out by its number"
)
def _last_taken_for_itself(R, S, u, k):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        neighbors = np.argsort(S[j], kind="stable")[-k - 1 : -1]
        scores[neighbors] += R[u, j] * S[j, neighbors]
    return scores


@COSINE_4.mistake(
    "you skip the first of the sorted row as if it were j itself; an item of the same similarity "
    "may stand there. Take j out by its number"
)
def _first_taken_for_itself(R, S, u, k):
    scores = np.zeros(len(S))
    for j in np.flatnonzero(R[u]):
        neighbors = np.argsort(-S[j], kind="stable")[1 : k + 1]
        scores[neighbors] += R[u, j] * S[j, neighbors]
    return scores


@COSINE_4.mistake("you return the items in the order of their scores; wanted are the scores")
def _ranking(R, S, u, k):
    return np.argsort(-_item_votes(R, S, u, k), kind="stable")


def _centered_rows(R):
    rated = R > 0
    means = R.sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return np.where(rated, R - means[:, None], 0.0)


_LEANING = 8 / 3 / np.sqrt(96 / 9 * 8.75)  # (4, 4, -8, 0) / 3 and (-1.75, 2.25, -0.75, 0.25)

COSINE_5 = Exercise(
    "cosine-5",
    "centered_cosine(R)",
    (
        Case(
            "opposite tastes",
            (np.array([[5.0, 1.0, 0.0], [1.0, 5.0, 0.0]]),),
            np.array([[1.0, -1.0], [-1.0, 1.0]]),
        ),
        Case(
            "a mild and a harsh user agree",
            (np.array([[5.0, 3.0, 0.0], [3.0, 1.0, 0.0]]),),
            np.array([[1.0, 1.0], [1.0, 1.0]]),
        ),
        Case(
            "different items rated",
            (np.array([[5.0, 3.0, 1.0], [4.0, 0.0, 2.0], [0.0, 2.0, 4.0]]),),
            np.array([[1.0, 1.0, -0.5], [1.0, 1.0, -0.5], [-0.5, -0.5, 1.0]]),
        ),
        Case(
            "ratings close together",
            (np.array([[1.0, 1.5], [1.5, 1.0]]),),
            np.array([[1.0, -1.0], [-1.0, 1.0]]),
        ),
        Case(
            "a user without ratings",
            (np.array([[0.0, 0.0], [1.0, 5.0]]),),
            np.array([[0.0, 0.0], [0.0, 1.0]]),
        ),
        Case(
            "a user who gives every film the same",
            (np.array([[3.0, 3.0], [1.0, 5.0]]),),
            np.array([[0.0, 0.0], [0.0, 1.0]]),
        ),
        Case(
            "users whose mean is no middle",
            (np.array([[5.0, 5.0, 1.0, 0.0], [1.0, 5.0, 2.0, 3.0]]),),
            np.array([[1.0, _LEANING], [_LEANING, 1.0]]),
        ),
        Case(
            "half a star",
            (np.array([[0.5, 4.5, 0.0], [4.5, 0.5, 0.0]]),),
            np.array([[1.0, -1.0], [-1.0, 1.0]]),
        ),
    ),
)

COSINE_5.mistake("the means are not subtracted: this is the plain cosine")(_all_pairs)


@COSINE_5.mistake("you average over all cells; a 0 says 'not rated' and must not enter the mean")
def _zeros_averaged(R):
    return _all_pairs(R - R.mean(axis=1)[:, None])


@COSINE_5.mistake(
    "the mean is right, but you subtract it from the empty cells as well, which turns 'not rated' "
    "into a dislike. Leave them 0"
)
def _zeros_centered(R):
    rated = R > 0
    means = R.sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return _all_pairs(R - means[:, None])


@COSINE_5.mistake("you subtract the mean of each item; wanted is each user's own mean")
def _item_means(R):
    rated = R > 0
    means = R.sum(axis=0) / np.maximum(rated.sum(axis=0), 1)
    return _all_pairs(np.where(rated, R - means[None, :], 0.0))


@COSINE_5.mistake(
    "you ask for ratings of 1 or more; some scales begin at half a star. Ask for R > 0"
)
def _half_stars_lost(R):
    rated = R >= 1
    means = np.where(rated, R, 0.0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return _all_pairs(np.where(rated, R - means[:, None], 0.0))


@COSINE_5.mistake(
    "you divide the sum of a row by the number of all cells; a 0 says 'not rated', so count the "
    "rated ones"
)
def _mean_over_all_cells(R):
    return _all_pairs(np.where(R > 0, R - R.mean(axis=1)[:, None], 0.0))


@COSINE_5.mistake("you subtract one mean, that of all ratings; wanted is each user's own mean")
def _one_mean_for_all(R):
    return _all_pairs(np.where(R > 0, R - R[R > 0].mean(), 0.0))


@COSINE_5.mistake(
    "a user without ratings, or whose ratings are all equal, becomes a row of length 0, and 0 / 0 "
    "is no number. Divide only where the length is positive"
)
def _no_care_for_rows_of_zeros(R):
    unit = _centered_rows(R)
    unit = unit / np.sqrt((unit**2).sum(axis=1))[:, None]
    return unit @ unit.T


@COSINE_5.mistake("your lengths are those of the ratings; take those of the centered rows")
def _lengths_before_centering(R):
    norms = np.sqrt((R**2).sum(axis=1))
    unit = _centered_rows(R) / np.where(norms > 0, norms, 1)[:, None]
    return unit @ unit.T


@COSINE_5.mistake(
    "you look at the common items of each pair alone, for its means and its lengths, as the "
    "Pearson correlation does; here a user has one mean and one length, of all their ratings"
)
def _pairwise_means(R):
    S = np.zeros((len(R), len(R)))
    for a in range(len(R)):
        for b in range(len(R)):
            common = (R[a] > 0) & (R[b] > 0)
            if common.any():
                x, y = R[a, common] - R[a, common].mean(), R[b, common] - R[b, common].mean()
                lengths = np.sqrt((x @ x) * (y @ y))
                S[a, b] = x @ y / lengths if lengths else 0.0
    return S


@COSINE_5.mistake(
    "your lengths are over the common items of each pair; a length takes in all ratings of its user"
)
def _pairwise_lengths(R):
    X, S = _centered_rows(R), np.zeros((len(R), len(R)))
    for a in range(len(R)):
        for b in range(len(R)):
            common = (R[a] > 0) & (R[b] > 0)
            x, y = X[a, common], X[b, common]
            lengths = np.sqrt((x @ x) * (y @ y))
            S[a, b] = x @ y / lengths if lengths else 0.0
    return S


EXERCISES = (COSINE_1, COSINE_2, COSINE_3, COSINE_4, COSINE_5)
