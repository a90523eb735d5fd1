"""Exercises of chapter 3."""

import numpy as np

from recsys_lib.exercises.core import Case, Exercise, Mistake


def _largest_only(U, s, Vt, k):
    return s[0] * np.outer(U[:, 0], Vt[0])


def _kth_only(U, s, Vt, k):
    return s[k - 1] * np.outer(U[:, k - 1], Vt[k - 1])


def _rows_of_u(U, s, Vt, k):
    return (U[:k].T * s[:k]) @ Vt[:k]


def _columns_of_vt(U, s, Vt, k):
    return (U[:, :k] * s[:k]) @ Vt[:, :k].T


def _without_sigma(U, s, Vt, k):
    return U[:, :k] @ Vt[:k]


def _sigma_squared(U, s, Vt, k):
    return (U[:, :k] * s[:k] ** 2) @ Vt[:k]


def _all_kept(U, s, Vt, k):
    return (U * s) @ Vt


def _one_too_many(U, s, Vt, k):
    return _right_rank(U, s, Vt, k + 1)


def _one_too_few(U, s, Vt, k):
    return _right_rank(U, s, Vt, k - 1)


def _smallest_kept(U, s, Vt, k):
    return (U[:, -k:] * s[-k:]) @ Vt[-k:]


def _k_by_k(U, s, Vt, k):
    return _right_rank(U, s, Vt, k)[:k, :k]


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
    (
        Mistake(
            _largest_only,
            "you keep the largest singular value only, whatever k is; wanted are the first k",
        ),
        Mistake(_kth_only, "you keep the k-th singular value alone; wanted are the first k"),
        Mistake(
            _rows_of_u,
            "you take the first k rows of U; a singular vector is a column of U: U[:, :k]",
        ),
        Mistake(
            _columns_of_vt,
            "you take the first k columns of Vt; Vt is transposed already, so its rows are the "
            "singular vectors: Vt[:k]",
        ),
        Mistake(_without_sigma, "the singular values are missing between U and Vt"),
        Mistake(
            _sigma_squared,
            "each singular value enters twice; scale either U or Vt by it, not both",
        ),
        Mistake(_all_kept, "you keep all singular values; wanted are the first k"),
        Mistake(_one_too_many, "you keep k + 1 singular values: a slice [:k] holds k already"),
        Mistake(_one_too_few, "you keep k - 1 singular values: a slice [:k] leaves k itself out"),
        Mistake(
            _smallest_kept,
            "you keep the last k singular values, the smallest; they come in descending order",
        ),
        Mistake(
            _k_by_k,
            "you cut out a table of k x k; the rank is k, but every user and item stays",
        ),
    ),
)


def _no_squares(s, k):
    return s[k:].sum() / s.sum()


def _share_kept(s, k):
    return (s[:k] ** 2).sum() / (s**2).sum()


def _from_k_minus_one(s, k):
    return (s[max(k - 1, 0) :] ** 2).sum() / (s**2).sum()


def _from_k_plus_one(s, k):
    return (s[k + 1 :] ** 2).sum() / (s**2).sum()


def _root_of_the_share(s, k):
    return np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


def _not_divided(s, k):
    return (s[k:] ** 2).sum()


def _square_of_sums(s, k):
    return s[k:].sum() ** 2 / s.sum() ** 2


def _lost_by_kept(s, k):
    kept = (s[:k] ** 2).sum()
    return (s[k:] ** 2).sum() / kept if kept else np.inf


def _number_lost(s, k):
    return (len(s) - k) / len(s)


def _next_one_only(s, k):
    return (s[k : k + 1] ** 2).sum() / (s**2).sum()


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
    (
        Mistake(_no_squares, "the squares are missing: what adds up is s squared"),
        Mistake(
            _square_of_sums,
            "you square the sums; each singular value is to be squared before they are added",
        ),
        Mistake(_share_kept, "you return the share that is kept; wanted is the share lost"),
        Mistake(
            _from_k_minus_one,
            "you count the k-th value among the lost: it has index k - 1, so the lost begin at k",
        ),
        Mistake(
            _from_k_plus_one,
            "you leave out the first of the lost values: it has index k, as counting starts at 0",
        ),
        Mistake(
            _root_of_the_share, "you take a square root; wanted is the share of the squared norm"
        ),
        Mistake(_not_divided, "you return the loss itself; divide it by the sum over all values"),
        Mistake(
            _lost_by_kept,
            "you divide the lost by the kept; a share is a part divided by the whole",
        ),
        Mistake(_number_lost, "you count singular values; wanted is the share of their squares"),
        Mistake(
            _next_one_only,
            "you count one of the lost values only; all those after the k-th are lost",
        ),
    ),
)


def _user_means(R, empty):
    rated = ~np.isnan(R)
    means = np.where(rated, R, 0.0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    return np.where(rated.any(axis=1), means, empty)


def _fill(R, means):
    return np.where(np.isnan(R), means[:, None], R)


def _item_means(R):
    return _fill(R.T, _user_means(R.T, np.nanmean(R))).T


def _zeros_counted(R):
    return _fill(R, np.nan_to_num(R).mean(axis=1))


def _global_mean(R):
    return np.where(np.isnan(R), np.nanmean(R), R)


def _rated_overwritten(R):
    return np.repeat(_user_means(R, np.nanmean(R))[:, None], R.shape[1], axis=1)


def _nan_for_the_empty(R):
    return _fill(R, _user_means(R, np.nan))


def _zero_for_the_empty(R):
    return _fill(R, _user_means(R, 0.0))


def _mean_of_means(R):
    return _fill(R, _user_means(R, np.nanmean(_user_means(R, np.nan))))


def _zero_is_empty(R):
    R = np.where(R == 0, np.nan, R)
    return _fill(R, _user_means(R, np.nanmean(R)))


def _zero_fill(R):
    return np.nan_to_num(R)


def _median(R):
    rated = [row[~np.isnan(row)] for row in R]
    middle = [np.median(row) if len(row) else np.nanmean(R) for row in rated]
    return _fill(R, np.array(middle))


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
    (
        Mistake(_item_means, "you fill in the mean of the item; wanted is the mean of the user"),
        Mistake(
            _zeros_counted,
            "empty cells enter the mean as zeros; divide by the number of ratings, not of items",
        ),
        Mistake(
            _global_mean,
            "you fill every cell with the mean of all ratings; each user has a mean of their own",
        ),
        Mistake(
            _rated_overwritten,
            "you overwrite the ratings too; only empty cells are to be filled",
        ),
        Mistake(
            _nan_for_the_empty,
            "a user without ratings still has NaN, since there is nothing to average. Use the mean "
            "of all ratings there",
        ),
        Mistake(
            _zero_for_the_empty,
            "a user without ratings gets 0, which is no mean. Use the mean of all ratings there",
        ),
        Mistake(
            _mean_of_means,
            "a user without ratings gets the mean of the users' means (or of the table after "
            "filling, which is the same). Take the mean of the ratings in R",
        ),
        Mistake(
            _zero_is_empty,
            "you treat 0 as an empty cell; here only NaN means empty. Ask np.isnan(R)",
        ),
        Mistake(_zero_fill, "you fill with zeros; wanted is the mean of the user"),
        Mistake(_median, "you fill with the median; wanted is the mean"),
    ),
)


def _factors_only(V, row):
    return V.T @ row


def _row_again(V, row):
    return row.copy()


def _first_direction_only(V, row):
    return V[:, 0] * (V[:, 0] @ row)


def _wrong_order(V, row):
    return V.T @ (V @ row)


def _known_kept(V, row):
    return np.where(row != 0, row, V @ (V.T @ row))


def _scaled_to_one(V, row):
    p = V.T @ row
    return V @ p / np.sqrt(p @ p) if p.any() else V @ p


def _what_is_left(V, row):
    return row - V @ (V.T @ row)


def _averaged_projection(V, row):
    return V @ (V.T @ row) / len(row)


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
    (
        Mistake(
            _factors_only,
            "you return the k numbers p; multiply them by V to get one score per item",
        ),
        Mistake(
            _row_again,
            "you return the row as it was given; project it with V.T, then go back with V",
        ),
        Mistake(_first_direction_only, "you use the first column of V only; all k columns count"),
        Mistake(
            _wrong_order,
            "V and its transpose are the wrong way round: V.T @ row first (k numbers), then V",
        ),
        Mistake(
            _known_kept,
            "you put the given cells back over the scores; wanted is the score of every item",
        ),
        Mistake(_scaled_to_one, "you scale p to length 1; its length belongs to the scores"),
        Mistake(
            _what_is_left,
            "you return what the projection leaves out; wanted is the projection itself",
        ),
        Mistake(
            _averaged_projection, "you divide by the number of items; V p is the score already"
        ),
    ),
)


def _power(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
        v = v / np.sqrt(v @ v)
    return v


def _never_scaled(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
    return np.linalg.norm(A @ v)


def _scaled_at_the_end(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
    return np.linalg.norm(A @ (v / np.sqrt(v @ v)))


def _a_only(A, v, steps):
    for _ in range(steps):
        v = A @ v
        v = v / np.sqrt(v @ v)
    return np.linalg.norm(A @ v)


def _transpose_first(A, v, steps):
    return np.linalg.norm(A @ _power(A.T, v, steps))


def _its_square(A, v, steps):
    return np.linalg.norm(A.T @ (A @ _power(A, v, steps)))


def _squared_length(A, v, steps):
    image = A @ _power(A, v, steps)
    return image @ image


def _root_of_the_growth(A, v, steps):
    before = _power(A, v, steps - 1)
    return np.sqrt(np.linalg.norm(A.T @ (A @ before)))


def _frobenius(A, v, steps):
    return np.linalg.norm(A)


def _one_step(A, v, steps):
    return np.linalg.norm(A @ _power(A, v, 1))


def _one_step_more(A, v, steps):
    return np.linalg.norm(A @ _power(A, v, steps + 1))


def _one_step_less(A, v, steps):
    before = _power(A, v, steps - 1)
    return np.linalg.norm(A @ before) / np.linalg.norm(before)


def _length_one(A, v, steps):
    return np.linalg.norm(_power(A, v, steps))


def _by_the_sum(A, v, steps):
    for _ in range(steps):
        v = A.T @ (A @ v)
        v = v / np.abs(v).sum()
    return np.linalg.norm(A @ v)


def _by_library(A, v, steps):
    return np.linalg.svd(A)[1][0]


def _the_vector(A, v, steps):
    return _power(A, v, steps)


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
    ),
    (
        Mistake(
            _never_scaled,
            "v is never scaled to length 1, so it grows with every step and |A v| with it",
        ),
        Mistake(
            _scaled_at_the_end,
            "you scale v only after the last step. With many steps it grows past the largest "
            "number a computer holds: scale it in every step",
        ),
        Mistake(_a_only, "you multiply by A alone; a step is A first, then its transpose"),
        Mistake(
            _transpose_first,
            "you multiply by the transpose first; v has one number per column, so A comes first",
        ),
        Mistake(
            _its_square,
            "you return the length of A^T A v, which is the square; wanted is that of A v",
        ),
        Mistake(
            _squared_length,
            "you return the squared length of A v, an eigenvalue of A^T A; take its root",
        ),
        Mistake(
            _root_of_the_growth,
            "you return the root of the length that v had before its last scaling; wanted is the "
            "length of A v after it",
        ),
        Mistake(
            _frobenius,
            "you return the Frobenius norm, in which all singular values take part",
        ),
        Mistake(_one_step, "you make one step only, whatever `steps` says"),
        Mistake(_one_step_more, "you make one step too many"),
        Mistake(_one_step_less, "you make one step too few"),
        Mistake(_length_one, "you return the length of v, which is 1; wanted is that of A v"),
        Mistake(
            _by_the_sum,
            "you divide by the sum of the entries; a length is the root of the sum of squares",
        ),
        Mistake(
            _by_library,
            "you ask NumPy for the singular value; wanted is what the steps give, which is not "
            "quite the same after few of them",
        ),
        Mistake(_the_vector, "you return v; wanted is one number, the length of A v"),
    ),
)

EXERCISES = (SVD_1, SVD_2, SVD_3, SVD_4, SVD_5)
