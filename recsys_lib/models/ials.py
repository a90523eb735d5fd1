r"""Implicit alternating least squares: a squared loss over all cells, the known and the unknown.

.. math::

    L = \sum_{(u,i) \in S} (1 - p_u^\top q_i)^2
        + \alpha_0 \sum_u \sum_i (p_u^\top q_i)^2
        + \sum_u \lambda_u \|p_u\|^2 + \sum_i \lambda_i \|q_i\|^2

The first sum runs over the training interactions S, the second over all cells, each with the small
weight :math:`\alpha_0`: what nobody has met should score near 0. With the items held, L is
quadratic in the numbers of one user, and setting its gradient to zero gives

.. math:: \Big(\sum_{i \in S_u} q_i q_i^\top + \alpha_0\, Q^\top Q + \lambda_u I\Big)\, p_u
          = \sum_{i \in S_u} q_i

:math:`Q^\top Q`, the Gram matrix, is the same for all users. So the cost of a sweep grows with the
interactions and not with the cells (Hu et al. 2008; in this form Rendle et al. 2022).
"""

from collections.abc import Iterator

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal, one_blas_thread, rows_in_parts
from recsys_lib.models.training import EpochModel, Row, Run
from recsys_lib.validation import check_int, check_real


@njit(cache=True)
def solve_rows(indptr, others, Q, gram, penalties, out):
    r"""Solve for every user, given the items (or for every item, given the users).

    Parameters
    ----------
    indptr, others : ndarray
        A sparse matrix by rows: who is solved for, and whom they met.
    Q : ndarray of float32, shape (n_others, factors)
    gram : ndarray of float32, shape (factors, factors)
        :math:`\alpha_0 Q^\top Q`.
    penalties : ndarray of float32, shape (n_rows,)
        :math:`\lambda_u` of each row.
    out : ndarray of float32, shape (n_rows, factors)
        Receives the solutions; a row that has met nothing becomes 0.

    Returns
    -------
    explained : float
        Sum over the rows of the dot product of solution x and right-hand side b. As A x = b, it is
        also the sum of x A x; so of a row that has met n others, n - b x is left of the loss.
    """
    k, explained = Q.shape[1], 0.0
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        Z = np.empty((stop - start, k), dtype=np.float32)
        for place in range(stop - start):
            Z[place] = Q[others[start + place]]
        left = gram + Z.T @ Z
        for f in range(k):
            left[f, f] += penalties[row]
        right = Z.sum(axis=0)
        out[row] = solve_symmetric(left, right)
        explained += np.dot(out[row], right)
    return explained


@njit(cache=True)
def solve_symmetric(A, b):
    """Return x with A x = b, for a symmetric matrix whose eigenvalues are positive.

    A is taken apart into L times its transpose, with zeros above the diagonal of L; then both are
    solved from one end to the other (Cholesky).
    """
    L = np.linalg.cholesky(A)
    x = b.copy()
    for row in range(len(x)):
        for f in range(row):
            x[row] -= L[row, f] * x[f]
        x[row] /= L[row, row]
    for row in range(len(x) - 1, -1, -1):
        x[row] /= L[row, row]
        for f in range(row):
            x[f] -= L[row, f] * x[row]
    return x


class iALS(Personal, EpochModel):
    r"""Matrix factorization of implicit feedback by alternating least squares.

    Not to be taken for `ALS`, which predicts ratings and knows of no cell that was not rated.

    Parameters
    ----------
    factors : int
        Length of :math:`p_u` and :math:`q_i`.
    regularization : float
        :math:`\lambda`, positive.
    unobserved_weight : float
        :math:`\alpha_0`: what a cell without an interaction weighs, beside 1 for others; positive.
    frequency_power : float
        The penalty of user u is :math:`\lambda_u = \lambda\, n_u^{1-a}` with
        :math:`n_u = |S_u| + \alpha_0\, |I|`, the weight of the row, and a is this; of items
        likewise. At 0 it grows with the evidence, at 1 it is the same for all, as in `BinaryMF`.
        (Rendle et al. call 1 - a by the name of :math:`\nu`.)
    init_scale : float
        How long the random initial vectors of the items are, more or less, whatever their number of
        factors: the standard deviation of a factor is this divided by the root of `factors`.
    epochs, patience, metric, seed
        As in `training.EpochModel`; an epoch is a sweep over all users and then all items.

    Raises
    ------
    FloatingPointError
        On `fit`, if the equations cannot be solved in floating-point numbers, or if their solution
        is zero for everybody.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32, shapes (n_users, factors), (n_items, factors)
        Row u holds :math:`p_u`, row i holds :math:`q_i`; zeros for those without a training row.
    cold_, popularity_
        As in `base.Personal`.
    history_, best_epoch_
        As in `training.EpochModel`; measured in training, after each sweep, is the loss with its
        penalty, divided by the number of training interactions.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import iALS
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = iALS().fit(films).similar_items([films.find_item("Godfather, The")], k=2)
    >>> films.titles(items[0])
    ['Godfather: Part II, The', 'Goodfellas']
    """

    user_factors_: np.ndarray
    item_factors_: np.ndarray

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.003,
        unobserved_weight: float = 0.1,
        frequency_power: float = 0.0,
        init_scale: float = 0.1,
        epochs: int = 16,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.regularization = check_real("regularization", regularization, 0)
        self.unobserved_weight = check_real("unobserved_weight", unobserved_weight, 0)
        self.frequency_power = check_real("frequency_power", frequency_power, 0, 1)
        self.init_scale = check_real("init_scale", init_scale, 0)
        for name in ("regularization", "unobserved_weight", "init_scale"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} must be above 0, got 0")
        self._check_training(epochs, patience, metric, seed)

    def _start(self, train: Interactions) -> Run:
        rng = np.random.default_rng(self.seed)
        scale = self.init_scale / np.sqrt(self.factors)
        size = (train.n_items, self.factors)
        self.item_factors_ = rng.normal(0, scale, size).astype(np.float32)
        self.item_factors_[train.item_counts == 0] = 0
        self.user_factors_ = np.zeros((train.n_users, self.factors), dtype=np.float32)
        return Run(rng)

    def _epochs(self, train: Interactions, run: Run) -> Iterator[Row]:
        by_user = train.to_csr("ones")
        by_item = sparse.csr_array(by_user.T)
        P, Q = self.user_factors_, self.item_factors_
        while True:
            self._half(by_user, Q, P)
            explained = self._half(by_item, P, Q)
            if np.abs(P).max() * np.abs(Q).max() < 1e-12:
                raise FloatingPointError(
                    f"every score became 0: regularization={self.regularization:g} is too large "
                    f"for this data, or init_scale={self.init_scale:g} out of all bounds"
                )
            size = self._penalties(train.user_counts, len(Q)) @ (P.astype(np.float64) ** 2).sum(1)
            yield {"loss": float(len(train) - explained + size) / len(train)}

    def _half(self, matrix: sparse.csr_array, Q: np.ndarray, out: np.ndarray) -> float:
        """Solve for the rows of the matrix with the other side held; see `solve_rows`."""
        counts = np.diff(matrix.indptr)
        penalties = self._penalties(counts, len(Q))
        work = self.factors**2 * np.cumsum(counts + self.factors, dtype=np.int64)
        explained = 0.0
        try:
            with one_blas_thread():
                gram = (self.unobserved_weight * (Q.T @ Q)).astype(np.float32)
                for rows in rows_in_parts(work):
                    bounds = matrix.indptr[rows.start : rows.stop + 1]
                    parts = matrix.indices, Q, gram, penalties[rows], out[rows]
                    explained += solve_rows(bounds, *parts)
        except np.linalg.LinAlgError:
            raise FloatingPointError(
                f"the equations of a user or an item have no solution in these numbers: "
                f"regularization={self.regularization:g} is too small, or "
                f"init_scale={self.init_scale:g} too large"
            ) from None
        return explained

    def _penalties(self, counts: np.ndarray, n_others: int) -> np.ndarray:
        weights = counts + self.unobserved_weight * n_others
        return (self.regularization * weights ** (1 - self.frequency_power)).astype(np.float32)

    def _weights(self) -> dict[str, np.ndarray]:
        return {"user_factors_": self.user_factors_, "item_factors_": self.item_factors_}

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self.user_factors_[users] @ self.item_factors_.T

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Solve for the user as a half-sweep does, with the items held."""
        cells = np.ones(len(items), dtype=np.float32), items, np.array([0, len(items)])
        row = sparse.csr_array(cells, shape=(1, self.n_items_))
        solved = np.zeros((1, self.factors), dtype=np.float32)
        self._half(row, self.item_factors_, solved)
        return (solved @ self.item_factors_.T)[0]
