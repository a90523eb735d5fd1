r"""Alternating least squares: hold the items and solve for the users, then the other way round.

With the items held, the loss of `mf` is quadratic in the unknowns of one user,
:math:`x_u = (p_u, b_u)`. Let the rows of Z be :math:`(q_i, 1)` for the n items that u has rated,
and y their ratings minus :math:`\mu + b_i`. Setting the gradient to zero gives

.. math:: (Z^\top Z + \lambda n I)\, x_u = Z^\top y

(Zhou et al. 2008, there without biases), and the same with users and items exchanged. Each
half-step finds the lowest point of the loss in its own unknowns, so the loss never rises.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import one_blas_thread, rows_in_parts
from recsys_lib.models.factors import FactorModel, score_all
from recsys_lib.models.training import EpochModel, Row, Run
from recsys_lib.validation import check_bool, check_int, check_real


@njit(cache=True)
def solve_side(indptr, others, ratings, fixed, fixed_biases, mean, regularization, biases, out):
    """Solve for every user, given the items (or for every item, given the users).

    Parameters
    ----------
    indptr, others, ratings : ndarray
        A sparse matrix by rows: who is solved for, whom they met, and the rating.
    fixed, fixed_biases : ndarray of float64, shapes (n_others, k), (n_others,)
    mean, regularization : float
    biases : bool
    out : ndarray of float64, shape (n_rows, k + 1)
        Receives the factors and, in the last column, the bias; a row without ratings becomes 0.
    """
    k = fixed.shape[1]
    size = k + 1 if biases else k
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        n = stop - start
        out[row] = 0
        if n == 0:
            continue
        Z, y = np.ones((n, size)), np.empty(n)
        for place in range(n):
            other = others[start + place]
            Z[place, :k] = fixed[other]
            y[place] = ratings[start + place] - mean - fixed_biases[other]
        left = Z.T @ Z
        for f in range(size):
            left[f, f] += regularization * n
        out[row, :size] = np.linalg.solve(left, Z.T @ y)


class ALS(FactorModel, EpochModel):
    r"""Matrix factorization of ratings by alternating least squares; the model and loss of `MF`.

    This is the one for explicit feedback (Zhou et al. 2008), not that for implicit feedback (Hu et
    al. 2008), which other libraries mean by the name.

    Parameters
    ----------
    factors : int
        Length of :math:`p_u` and :math:`q_i`.
    regularization : float
        :math:`\lambda`, counted once per rating as in `MF`. Positive: with 0 a user with fewer
        ratings than factors has no unique solution.
    biases : bool
        As in `MF`.
    init_scale : float
        Standard deviation of the random initial item factors.
    epochs, patience, metric, seed
        As in `training.EpochModel`; an epoch is a sweep over all users and all items.

    Raises
    ------
    FloatingPointError
        On `fit`, if the equations cannot be solved in floating-point numbers.

    Attributes
    ----------
    global_mean_, user_biases_, item_biases_, user_factors_, item_factors_
        As in `FactorModel`, in float64.
    history_, best_epoch_
        As in `training.EpochModel`; measured in training, after each sweep, are the loss with its
        penalty, train_rmse and train_mae.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import ALS
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = ALS().fit(films).similar_items([films.find_item("two towers")], k=2)
    >>> for title in films.titles(sorted(items[0])):
    ...     print(title)
    Lord of the Rings: The Fellowship of the Ring, The
    Lord of the Rings: The Return of the King, The
    """

    def __init__(
        self,
        factors: int = 16,
        regularization: float = 0.1,
        epochs: int = 15,
        biases: bool = True,
        init_scale: float = 0.1,
        patience: int | None = None,
        metric: str = "valid_rmse",
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.regularization = check_real("regularization", regularization, 0)
        if self.regularization == 0:
            raise ValueError(
                "regularization must be above 0, got 0: a user with fewer ratings than factors "
                "would have no unique solution"
            )
        self.biases = check_bool("biases", biases)
        self.init_scale = check_real("init_scale", init_scale, 0)
        self._check_training(epochs, patience, metric, seed)

    def _start(self, train: Interactions) -> Run:
        rng = np.random.default_rng(self.seed)
        self.global_mean_ = float(train.rating.mean(dtype=np.float64)) if self.biases else 0.0
        users, items = (np.zeros((n, self.factors + 1)) for n in train.shape)
        items[:, :-1] = rng.normal(0, self.init_scale, (train.n_items, self.factors))
        self.user_factors_, self.user_biases_ = users[:, :-1], users[:, -1]
        self.item_factors_, self.item_biases_ = items[:, :-1], items[:, -1]
        return Run(rng)

    def _epochs(self, train: Interactions, run: Run) -> Iterator[Row]:
        by_user = train.to_csr("rating")
        by_item = by_user.T.tocsr()
        # `_start` has set views of two arrays, in which the biases stand last
        users = cast(np.ndarray, self.user_factors_.base)
        items = cast(np.ndarray, self.item_factors_.base)
        while True:
            self._half(by_user, items, users)
            self._half(by_item, users, items)
            value = loss(self, train, self.regularization)
            yield {"loss": value, **self._errors("train", train)}

    def _half(self, matrix: sparse.csr_array, fixed: np.ndarray, out: np.ndarray) -> None:
        """Solve for the rows of the matrix with the other side held."""
        factors, held_biases = np.ascontiguousarray(fixed[:, :-1]), fixed[:, -1].copy()
        cells = matrix.indices, matrix.data
        held = factors, held_biases, self.global_mean_, self.regularization, self.biases
        size, stops = self.factors + 1, matrix.indptr[1:].astype(np.int64)
        work = size**2 * (stops + size * np.arange(1, len(stops) + 1))
        try:
            with one_blas_thread():
                for rows in rows_in_parts(work):
                    bounds = matrix.indptr[rows.start : rows.stop + 1]
                    solve_side(bounds, *cells, *held, out[rows])
        except np.linalg.LinAlgError:
            raise FloatingPointError(
                f"the equations of a user or an item have no solution in these numbers: "
                f"regularization={self.regularization:g} is too small for the ratings, or "
                f"init_scale={self.init_scale:g} too large"
            ) from None

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Solve for the user as a half-sweep does, with the items held."""
        cells = ratings.astype(np.float32), items, np.array([0, len(items)])
        row = sparse.csr_array(cells, shape=(1, self.n_items_))
        solved = np.zeros((1, self.factors + 1))
        self._half(row, np.column_stack([self.item_factors_, self.item_biases_]), solved)
        factors = solved[:, -1], self.item_biases_, solved[:, :-1], self.item_factors_
        return score_all(np.array([0]), self.global_mean_, *factors)[0]


def loss(model: FactorModel, ratings: Interactions, regularization: float) -> float:
    """Return the loss that `MF` and `ALS` minimize, its penalty counted once per rating."""
    errors = ratings.rating - model._predict(ratings.user, ratings.item)
    user_norms = (model.user_factors_**2).sum(axis=1) + model.user_biases_**2
    item_norms = (model.item_factors_**2).sum(axis=1) + model.item_biases_**2
    penalty = user_norms[ratings.user] + item_norms[ratings.item]
    return float((errors**2).sum() + regularization * penalty.sum())
