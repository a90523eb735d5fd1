"""Exercises of chapter 3."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise


def _right_rank(U, s, Vt, k):
    return (U[:, :k] * s[:k]) @ Vt[:k]


_TURN = np.array([[0.6, -0.8], [0.8, 0.6]])
_BACK = np.array([[0.8, 0.6], [-0.6, 0.8]])
_THIRDS = np.array([[2.0, -2.0, 1.0], [2.0, 1.0, -2.0], [1.0, 2.0, 2.0]]) / 3  # orthogonal

SVD_1 = Exercise(
    "svd-1",
    "truncate(U, s, Vt, k)",
    (
        Case(
            "two users, two items, rank 1",
            (_TURN, np.array([5.0, 2.0]), _BACK, 1),
            np.array([[2.4, 1.8], [3.2, 2.4]]),
        ),
        Case(
            "the same with all that there is, rank 2",
            (_TURN, np.array([5.0, 2.0]), _BACK, 2),
            np.array([[3.36, 0.52], [2.48, 3.36]]),
        ),
        Case(
            "three users, three items, rank 2",
            (np.eye(3), np.array([9.0, 6.0, 3.0]), _THIRDS, 2),
            np.array([[6.0, -6.0, 3.0], [4.0, 2.0, -4.0], [0.0, 0.0, 0.0]]),
        ),
        Case(
            "the same with all that there is, rank 3",
            (np.eye(3), np.array([9.0, 6.0, 3.0]), _THIRDS, 3),
            np.array([[6.0, -6.0, 3.0], [4.0, 2.0, -4.0], [1.0, 2.0, 2.0]]),
        ),
        Case(
            "three users, three items, rank 1",
            (_THIRDS, np.array([9.0, 6.0, 3.0]), _THIRDS, 1),
            np.array([[4.0, -4.0, 2.0], [4.0, -4.0, 2.0], [2.0, -2.0, 1.0]]),
        ),
        Case(
            "three users, two items, rank 1",
            (_THIRDS[:, :2], np.array([5.0, 3.0]), np.eye(2), 1),
            np.array([[10 / 3, 0.0], [10 / 3, 0.0], [5 / 3, 0.0]]),
        ),
        Case(
            "two users, three items, rank 2",
            (np.eye(2), np.array([6.0, 3.0]), _THIRDS[:2], 2),
            np.array([[4.0, -4.0, 2.0], [2.0, 1.0, -2.0]]),
        ),
        Case(
            "two equal singular values, rank 1",
            (np.eye(2), np.array([2.0, 2.0]), np.eye(2), 1),
            np.array([[2.0, 0.0], [0.0, 0.0]]),
        ),
    ),
)


@SVD_1.mistake("you keep the largest singular value only, whatever k is; wanted are the first k")
def _largest_only(U, s, Vt, k):
    return s[0] * np.outer(U[:, 0], Vt[0])


@SVD_1.mistake("you keep the k-th singular value alone; wanted are the first k")
def _kth_only(U, s, Vt, k):
    return s[k - 1] * np.outer(U[:, k - 1], Vt[k - 1])


@SVD_1.mistake("you take the first k rows of U; a singular vector is a column of U: U[:, :k]")
def _rows_of_u(U, s, Vt, k):
    return (U[:k].T * s[:k]) @ Vt[:k]


@SVD_1.mistake(
    "you take the first k columns of Vt; Vt is transposed already, so its rows are the singular "
    "vectors: Vt[:k]"
)
def _columns_of_vt(U, s, Vt, k):
    return (U[:, :k] * s[:k]) @ Vt[:, :k].T


@SVD_1.mistake("the singular values are missing between U and Vt")
def _without_sigma(U, s, Vt, k):
    return U[:, :k] @ Vt[:k]


@SVD_1.mistake("each singular value enters twice; scale either U or Vt by it, not both")
def _sigma_squared(U, s, Vt, k):
    return (U[:, :k] * s[:k] ** 2) @ Vt[:k]


@SVD_1.mistake("you keep all singular values; wanted are the first k")
def _all_kept(U, s, Vt, k):
    return (U * s) @ Vt


@SVD_1.mistake("you keep k + 1 singular values: a slice [:k] holds k already")
def _one_too_many(U, s, Vt, k):
    return _right_rank(U, s, Vt, k + 1)


@SVD_1.mistake("you keep k - 1 singular values: a slice [:k] leaves k itself out")
def _one_too_few(U, s, Vt, k):
    return _right_rank(U, s, Vt, k - 1)


@SVD_1.mistake("you keep the last k singular values, the smallest; they come in descending order")
def _smallest_kept(U, s, Vt, k):
    return (U[:, -k:] * s[-k:]) @ Vt[-k:]


@SVD_1.mistake("you cut out a table of k x k; the rank is k, but every user and item stays")
def _k_by_k(U, s, Vt, k):
    return _right_rank(U, s, Vt, k)[:k, :k]


SVD_2 = Exercise(
    "svd-2",
    "lost_share(s, k)",
    (
        Case("one of two kept", (np.array([4.0, 3.0]), 1), 0.36),
        Case("one of three kept", (np.array([6.0, 3.0, 2.0]), 1), 13 / 49),
        Case("two of three kept", (np.array([6.0, 3.0, 2.0]), 2), 4 / 49),
        Case("two of four kept", (np.array([5.0, 3.0, 1.0, 1.0]), 2), 1 / 18),
        Case("nothing kept", (np.array([4.0, 3.0]), 0), 1.0),
        Case("all kept", (np.array([4.0, 3.0]), 2), 0.0),
        Case("singular values below 1", (np.array([0.3, 0.1]), 1), 0.1),
        Case("a singular value of 0", (np.array([2.0, 1.0, 0.0]), 1), 0.2),
        Case("three of four values lost", (np.array([3.0, 2.0, 2.0, 1.0]), 1), 0.5),
    ),
)


@SVD_2.mistake("the squares are missing: what adds up is s squared")
def _no_squares(s, k):
    return s[k:].sum() / s.sum()


@SVD_2.mistake("you square the sums; each singular value is to be squared before they are added")
def _square_of_sums(s, k):
    return s[k:].sum() ** 2 / s.sum() ** 2


@SVD_2.mistake("you return the share that is kept; wanted is the share lost")
def _share_kept(s, k):
    return (s[:k] ** 2).sum() / (s**2).sum()


@SVD_2.mistake(
    "you count the k-th value among the lost: it has index k - 1, so the lost begin at k"
)
def _from_k_minus_one(s, k):
    return (s[max(k - 1, 0) :] ** 2).sum() / (s**2).sum()


@SVD_2.mistake(
    "you leave out the first of the lost values: it has index k, as counting starts at 0"
)
def _from_k_plus_one(s, k):
    return (s[k + 1 :] ** 2).sum() / (s**2).sum()


@SVD_2.mistake("you take a square root; wanted is the share of the squared norm")
def _root_of_the_share(s, k):
    return np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


@SVD_2.mistake("you return the loss itself; divide it by the sum over all values")
def _not_divided(s, k):
    return (s[k:] ** 2).sum()


@SVD_2.mistake("you divide the lost by the kept; a share is a part divided by the whole")
def _lost_by_kept(s, k):
    kept = (s[:k] ** 2).sum()
    return (s[k:] ** 2).sum() / kept if kept else np.inf


@SVD_2.mistake("you count singular values; wanted is the share of their squares")
def _number_lost(s, k):
    return (len(s) - k) / len(s)


@SVD_2.mistake("you count one of the lost values only; all those after the k-th are lost")
def _next_one_only(s, k):
    return (s[k : k + 1] ** 2).sum() / (s**2).sum()


def _user_means(R, empty):
    rated = ~np.isnan(R)
    means = np.where(rated, R, 0.0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return np.where(rated.any(axis=1), means, empty)


def _fill(R, means):
    return np.where(np.isnan(R), means[:, None], R)


SVD_3 = Exercise(
    "svd-3",
    "fill_users(R)",
    (
        Case(
            "two users, three items",
            (np.array([[5.0, np.nan, 3.0], [np.nan, 2.0, np.nan]]),),
            np.array([[5.0, 4.0, 3.0], [2.0, 2.0, 2.0]]),
        ),
        Case(
            "one user with three ratings",
            (np.array([[1.0, 1.0, 5.0, np.nan]]),),
            np.array([[1.0, 1.0, 5.0, 7 / 3]]),
        ),
        Case(
            "a user without ratings",
            (np.array([[5.0, 3.0, np.nan], [np.nan] * 3, [2.0, 2.0, 2.0]]),),
            np.array([[5.0, 3.0, 4.0], [2.8, 2.8, 2.8], [2.0, 2.0, 2.0]]),
        ),
        Case(
            "two users without ratings, the first among them",
            (np.array([[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [3.0, 5.0]]),),
            np.array([[3.0, 3.0], [1.0, 1.0], [3.0, 3.0], [3.0, 5.0]]),
        ),
        Case(
            "an item without ratings",
            (np.array([[1.0, np.nan], [3.0, np.nan]]),),
            np.array([[1.0, 1.0], [3.0, 3.0]]),
        ),
        Case(
            "a scale on which 0 is a rating",
            (np.array([[0.0, np.nan, 4.0], [-2.0, 0.0, np.nan]]),),
            np.array([[0.0, 2.0, 4.0], [-2.0, 0.0, -1.0]]),
        ),
        Case(
            "no cell empty",
            (np.array([[1.0, 4.0], [2.0, 5.0]]),),
            np.array([[1.0, 4.0], [2.0, 5.0]]),
        ),
        Case(
            "a scale around 0, and a user without ratings",
            (np.array([[-1.0, 1.0, np.nan], [4.0, np.nan, 4.0], [np.nan] * 3]),),
            np.array([[-1.0, 1.0, 0.0], [4.0, 4.0, 4.0], [2.0, 2.0, 2.0]]),
        ),
    ),
)


@SVD_3.mistake("you fill in the mean of the item; wanted is the mean of the user")
def _item_means(R):
    return _fill(R.T, _user_means(R.T, np.nanmean(R))).T


@SVD_3.mistake("empty cells enter the mean as zeros; divide by the number of ratings, not of items")
def _zeros_counted(R):
    return _fill(R, np.nan_to_num(R).mean(axis=1))


@SVD_3.mistake(
    "you fill every cell with the mean of all ratings; each user has a mean of their own"
)
def _global_mean(R):
    return np.where(np.isnan(R), np.nanmean(R), R)


@SVD_3.mistake("you overwrite the ratings too; only empty cells are to be filled")
def _rated_overwritten(R):
    return np.repeat(_user_means(R, np.nanmean(R))[:, None], R.shape[1], axis=1)


@SVD_3.mistake(
    "a user without ratings still has NaN, since there is nothing to average. Use the mean of all "
    "ratings there"
)
def _nan_for_the_empty(R):
    return _fill(R, _user_means(R, np.nan))


@SVD_3.mistake("a user without ratings gets 0, which is no mean. Use the mean of all ratings there")
def _zero_for_the_empty(R):
    return _fill(R, _user_means(R, 0.0))


@SVD_3.mistake(
    "a user without ratings gets the mean of the users' means (or of the table after filling, "
    "which is the same). Take the mean of the ratings in R"
)
def _mean_of_means(R):
    return _fill(R, _user_means(R, np.nanmean(_user_means(R, np.nan))))


@SVD_3.mistake("you treat 0 as an empty cell; here only NaN means empty. Ask np.isnan(R)")
def _zero_is_empty(R):
    R = np.where(R == 0, np.nan, R)
    return _fill(R, _user_means(R, np.nanmean(R)))


@SVD_3.mistake("you fill with zeros; wanted is the mean of the user")
def _zero_fill(R):
    return np.nan_to_num(R)


@SVD_3.mistake("you fill with the median; wanted is the mean")
def _median(R):
    rated = [row[~np.isnan(row)] for row in R]
    middle = [np.median(row) if len(row) else np.nanmean(R) for row in rated]
    return _fill(R, np.array(middle))


SVD_4 = Exercise(
    "svd-4",
    "fold_in(V, row)",
    (
        Case(
            "two items, one factor",
            (np.array([[0.6], [0.8]]), np.array([5.0, 0.0])),
            np.array([1.8, 2.4]),
        ),
        Case(
            "three items, two factors",
            (_THIRDS[:, :2], np.array([3.0, 0.0, 0.0])),
            np.array([8 / 3, 2 / 3, -2 / 3]),
        ),
        Case(
            "another user",
            (_THIRDS[:, :2], np.array([1.0, 2.0, 3.0])),
            np.array([2 / 3, 8 / 3, 7 / 3]),
        ),
        Case(
            "a user of whom nothing lies in the directions kept",
            (_THIRDS[:, :2], np.array([3.0, -6.0, 6.0])),
            np.array([0.0, 0.0, 0.0]),
        ),
        Case(
            "as many factors as items: nothing is lost",
            (_TURN, np.array([5.0, 10.0])),
            np.array([5.0, 10.0]),
        ),
    ),
)


@SVD_4.mistake("you return the k numbers p; multiply them by V to get one score per item")
def _factors_only(V, row):
    return V.T @ row


@SVD_4.mistake("you return the row as it was given; project it with V.T, then go back with V")
def _row_again(V, row):
    return row.copy()


@SVD_4.mistake("you use the first column of V only; all k columns count")
def _first_direction_only(V, row):
    return V[:, 0] * (V[:, 0] @ row)


@SVD_4.mistake("V and its transpose are the wrong way round: V.T @ row first (k numbers), then V")
def _wrong_order(V, row):
    return V.T @ (V @ row)


@SVD_4.mistake("you put the given cells back over the scores; wanted is the score of every item")
def _known_kept(V, row):
    return np.where(row != 0, row, V @ (V.T @ row))


@SVD_4.mistake("you scale p to length 1; its length belongs to the scores")
def _scaled_to_one(V, row):
    p = V.T @ row
    return V @ p / np.sqrt(p @ p) if p.any() else V @ p


@SVD_4.mistake("you return what the projection leaves out; wanted is the projection itself")
def _what_is_left(V, row):
    return row - V @ (V.T @ row)


@SVD_4.mistake("you divide by the number of items; V p is the score already")
def _averaged_projection(V, row):
    return V @ (V.T @ row) / len(row)


def _power(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
        v = v / np.sqrt(v @ v)
    return v


_SMALL = 100 * 0.9**160  # what 40 steps leave of the second direction, squared
_GROWN = 1e-9 * 1.05 ** (2 * 212)  # what 212 steps make of 1e-9 beside the second direction

SVD_5 = Exercise(
    "svd-5",
    "largest_singular_value(A, v, steps)",
    (
        Case(
            "a diagonal table, one step",
            (np.diag([2.0, 1.0]), np.array([1.0, 1.0]), 1),
            np.sqrt(65 / 17),
        ),
        Case(
            "the same, two steps",
            (np.diag([2.0, 1.0]), np.array([1.0, 1.0]), 2),
            np.sqrt(1025 / 257),
        ),
        Case(
            "two users, two items, many steps",
            (np.array([[3.0, 0.0], [4.0, 5.0]]), np.array([1.0, 2.0]), 30),
            np.sqrt(45),
        ),
        Case(
            "one user, two items",
            (np.array([[3.0, 4.0]]), np.array([1.0, 0.0]), 5),
            5.0,
        ),
        Case(
            "three users, two items, a start of length 10",
            (np.array([[1.0, 1.0], [1.0, 1.0], [1.0, -1.0]]), np.array([10.0, 0.0]), 40),
            2.0,
        ),
        Case(
            "a start at right angles to the largest direction",
            (np.diag([2.0, 1.0]), np.array([0.0, 1.0]), 3),
            1.0,
        ),
        Case(
            "large numbers and many steps",
            (np.diag([30.0, 10.0]), np.array([1.0, 1.0]), 300),
            30.0,
        ),
        Case(
            "two singular values that are close, and 40 steps",
            (np.diag([10.0, 9.0]), np.array([1.0, 10.0]), 40),
            10 * np.sqrt((1 + 0.81 * _SMALL) / (1 + _SMALL)),
        ),
        Case(
            "a start nearly at right angles to the largest direction, and 212 steps",
            (np.diag([1.05, 1.0]), np.array([1e-9, 1.0]), 212),
            np.sqrt((1 + 1.05**2 * _GROWN**2) / (1 + _GROWN**2)),
        ),
    ),
)


@SVD_5.mistake("v is never scaled to length 1, so it grows with every step and |A v| with it")
def _never_scaled(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
    return np.linalg.norm(A @ v)


@SVD_5.mistake(
    "you scale v only after the last step. With many steps it grows past the largest number a "
    "computer holds: scale it in every step"
)
def _scaled_at_the_end(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
    return np.linalg.norm(A @ (v / np.sqrt(v @ v)))


@SVD_5.mistake("you multiply by A alone; a step is A first, then its transpose")
def _a_only(A, v, steps):
    for _ in range(steps):
        v = A @ v
        v = v / np.sqrt(v @ v)
    return np.linalg.norm(A @ v)


@SVD_5.mistake("you multiply by the transpose first; v has one number per column, so A comes first")
def _transpose_first(A, v, steps):
    return np.linalg.norm(A @ _power(A.T, v, steps))


@SVD_5.mistake("you return the length of A^T A v, which is the square; wanted is that of A v")
def _its_square(A, v, steps):
    return np.linalg.norm(A.T @ (A @ _power(A, v, steps)))


@SVD_5.mistake("you return the squared length of A v, an eigenvalue of A^T A; take its root")
def _squared_length(A, v, steps):
    image = A @ _power(A, v, steps)
    return image @ image


@SVD_5.mistake(
    "you return the root of the length that v had before its last scaling; wanted is the length "
    "of A v after it"
)
def _root_of_the_growth(A, v, steps):
    before = _power(A, v, steps - 1)
    return np.sqrt(np.linalg.norm(A.T @ (A @ before)))


@SVD_5.mistake("you return the Frobenius norm, in which all singular values take part")
def _frobenius(A, v, steps):
    return np.linalg.norm(A)


@SVD_5.mistake("you make one step only, whatever `steps` says")
def _one_step(A, v, steps):
    return np.linalg.norm(A @ _power(A, v, 1))


@SVD_5.mistake("you make one step too many")
def _one_step_more(A, v, steps):
    return np.linalg.norm(A @ _power(A, v, steps + 1))


@SVD_5.mistake("you make one step too few")
def _one_step_less(A, v, steps):
    before = _power(A, v, steps - 1)
    return np.linalg.norm(A @ before) / np.linalg.norm(before)


@SVD_5.mistake("you return the length of v, which is 1; wanted is that of A v")
def _length_one(A, v, steps):
    return np.linalg.norm(_power(A, v, steps))


@SVD_5.mistake("you divide by the sum of the entries; a length is the root of the sum of squares")
def _by_the_sum(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
        v = v / np.abs(v).sum()
    return np.linalg.norm(A @ v)


@SVD_5.mistake(
    "you ask NumPy for the singular value; wanted is what the steps give, which is not quite the "
    "same after few of them"
)
def _by_library(A, v, steps):
    return np.linalg.svd(A)[1][0]


@SVD_5.mistake("you return v; wanted is one number, the length of A v")
def _the_vector(A, v, steps):
    return _power(A, v, steps)


EXERCISES = (SVD_1, SVD_2, SVD_3, SVD_4, SVD_5)
