r"""SVD truncation: the best approximation of a filled rating matrix by one of low rank.

.. math:: F \approx U_k \Sigma_k V_k^\top

F is the rating matrix with something in its empty cells. Every fill offered here is of the form
:math:`x_u + y_i`, so :math:`F = S + x 1^\top + 1 y^\top` with a sparse S: products with F need S
and two vectors, and the full matrix is never formed. (Sarwar et al. 2000; with zeros in the empty
cells, and for ranking, it is the PureSVD of Cremonesi et al. 2010.)
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import ArpackError, LinearOperator, aslinearoperator, svds

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.biases import Biases
from recsys_lib.models.factors import FactorModel
from recsys_lib.validation import DataError, check_bool, check_choice, check_int

SOLVERS = ("arpack", "propack", "randomized")
_NO_SUCH = "{} found no {} singular vectors ({}); is the rank lower? Ask for fewer, or use another"
FILLS = ("zero", "user", "item", "bias")


def filled_matrix(sparse_part: sparse.csr_array, x: np.ndarray, y: np.ndarray) -> LinearOperator:
    r"""Return :math:`S + x 1^\top + 1 y^\top` as an operator that multiplies without forming it.

    Parameters
    ----------
    sparse_part : csr_array, shape (m, n)
    x, y : ndarray, shapes (m,), (n,)
    """
    transposed = sparse.csr_array(sparse_part.T)

    def product(v: np.ndarray) -> np.ndarray:
        return sparse_part @ v + _outer(x, v.sum(axis=0)) + y @ v

    def transposed_product(w: np.ndarray) -> np.ndarray:
        return transposed @ w + x @ w + _outer(y, w.sum(axis=0))

    return LinearOperator(
        sparse_part.shape,
        matvec=product,
        rmatvec=transposed_product,
        matmat=product,
        rmatmat=transposed_product,
        dtype=np.float64,
    )


def _outer(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    return column * row if np.ndim(row) == 0 else np.outer(column, row)


def randomized_svd(
    matrix: LinearOperator, k: int, n_oversamples: int = 10, n_iterations: int = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the k largest singular values by projecting on random directions.

    Multiply random vectors by the matrix: what comes out lies mostly along the directions that
    the matrix stretches most. Find an orthonormal basis of it, and take the SVD of the small
    matrix that is left. Each further iteration sharpens the basis (Halko, Martinsson and Tropp
    2011, algorithms 4.4 and 5.1).

    Parameters
    ----------
    matrix : array, sparse array or LinearOperator, shape (m, n)
    k : int
    n_oversamples : int
        Random directions beyond k.
    n_iterations : int
        Multiplications with the transpose and the matrix once more.
    seed : int

    Returns
    -------
    U, s, Vt : ndarrays, shapes (m, k), (k,), (k, n)
        Singular values in falling order.
    """
    matrix = aslinearoperator(matrix)
    rng = np.random.default_rng(seed)
    width = min(k + n_oversamples, *matrix.shape)
    basis, _ = np.linalg.qr(matrix.matmat(rng.normal(size=(matrix.shape[1], width))))
    for _ in range(n_iterations):
        other, _ = np.linalg.qr(matrix.rmatmat(basis))
        basis, _ = np.linalg.qr(matrix.matmat(other))
    small = matrix.rmatmat(basis).T
    u, s, vt = np.linalg.svd(small, full_matrices=False)
    return basis @ u[:, :k], s[:k], vt[:k]


def truncated_svd(
    matrix: LinearOperator, k: int, solver: str = "arpack", seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the k largest singular values and their vectors.

    The pair (u, v) of a singular value may be replaced by (-u, -v). Here the entry of v that is
    largest in absolute value is made positive.

    Parameters
    ----------
    matrix : array, sparse array or LinearOperator, shape (m, n)
    k : int
        At least 1 and below min(m, n).
    solver : {"arpack", "propack", "randomized"}
        The first two are SciPy's and exact to rounding; the third is `randomized_svd`.
    seed : int
        Of the starting vector or the random directions.

    Returns
    -------
    U, s, Vt : ndarrays, shapes (m, k), (k,), (k, n)
        Singular values in falling order.

    Raises
    ------
    ValueError
        If `k` or `solver` is not allowed.
    DataError
        If the solver fails, as PROPACK does where `k` exceeds the rank.
    """
    check_choice("solver", solver, SOLVERS)
    check_int("k", k, minimum=1)
    smaller = min(matrix.shape)
    if k >= smaller:
        raise ValueError(
            f"k must be below {smaller}, the smaller side of a {matrix.shape[0]} x "
            f"{matrix.shape[1]} matrix, got {k}"
        )
    operator, rng = aslinearoperator(matrix), np.random.default_rng(seed)
    if not np.any(operator.matmat(rng.normal(size=(matrix.shape[1], 1)))):
        # the zero matrix, which the solvers take for an accident
        return np.zeros((matrix.shape[0], k)), np.zeros(k), np.zeros((k, matrix.shape[1]))
    if solver == "randomized":
        u, s, vt = randomized_svd(matrix, k, seed=seed)
    else:
        # ARPACK works on the smaller of the two squares, PROPACK starts on the left
        start = rng.normal(size=smaller if solver == "arpack" else matrix.shape[0])
        # by default PROPACK's search space has 10 k dimensions, too few for a small k
        limit = min(smaller + 1, 10 * k + 100) if solver == "propack" else None
        try:
            u, s, vt = svds(matrix, k=k, solver=solver, v0=start, maxiter=limit)
        except ArpackError:  # it gives up on a matrix that is zero but for rounding
            u, s, vt = randomized_svd(matrix, k, seed=seed)
        except np.linalg.LinAlgError as error:
            raise DataError(_NO_SUCH.format(solver, k, error)) from None
        if solver == "propack" and not np.allclose(vt @ vt.T, np.eye(k), atol=1e-6):
            raise DataError(_NO_SUCH.format(solver, k, "directions came out twice"))
        order = np.argsort(-s, kind="stable")
        u, s, vt = u[:, order], s[order], vt[order]
    largest = np.abs(vt).argmax(axis=1)
    signs = np.where(vt[np.arange(k), largest] < 0, -1.0, 1.0)
    return u * signs, s, vt * signs[:, None]


class SVD(FactorModel):
    r"""Truncated singular value decomposition of the filled rating matrix.

    Parameters
    ----------
    factors : int
        Singular values to keep, k.
    fill : {"zero", "user", "item", "bias"}
        What stands in the empty cells: 0, the mean of the user's ratings, the mean of the item's
        ratings, or :math:`\mu + b_u + b_i` of `Biases`.
    center : bool
        Subtract the mean of each (filled) column before decomposing and add it afterwards, as
        principal component analysis does, so that no factor is spent on it.
    solver : {"arpack", "propack", "randomized"}
    seed : int

    Attributes
    ----------
    singular_values_ : ndarray of float64, shape (factors,)
    user_factors_ : ndarray of float64, shape (n_users, factors)
        :math:`U_k \Sigma_k`.
    item_factors_ : ndarray of float64, shape (n_items, factors)
        :math:`V_k`, its columns of length 1.
    item_biases_ : ndarray of float64, shape (n_items,)
        The means of the columns, 0 without `center`.
    user_fill_, item_fill_ : ndarray of float64, shapes (n_users,), (n_items,)
        x and y: an empty cell was filled with ``user_fill_[u] + item_fill_[i]``.
    filler_ : ndarray of float64, shape (2,)
        Unless `fill` is "zero": the mean rating and the regularization behind the fill.

    Raises
    ------
    DataError
        On `fit`, if `factors` is not below the number of users and of items.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import SVD
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = SVD().fit(films).similar_items([films.find_item("Godfather, The")], k=2)
    >>> films.titles(items[0])
    ['Godfather: Part II, The', 'Goodfellas']
    """

    singular_values_: np.ndarray
    user_fill_: np.ndarray
    item_fill_: np.ndarray
    filler_: np.ndarray

    def __init__(
        self,
        factors: int = 20,
        fill: str = "zero",
        center: bool = False,
        solver: str = "arpack",
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.fill = check_choice("fill", fill, FILLS)
        self.center = check_bool("center", center)
        self.solver = check_choice("solver", solver, SOLVERS)
        self.seed = check_int("seed", seed)

    def _fit(self, train: Interactions) -> None:
        if self.factors >= min(train.shape):
            raise DataError(
                f"factors must be below the {train.n_users} users and {train.n_items} items of "
                f"train, got {self.factors}"
            )
        self.global_mean_, self.user_biases_ = 0.0, np.zeros(train.n_users)
        self.user_fill_, self.item_fill_ = self._fills(train)
        left = train.rating - self.user_fill_[train.user] - self.item_fill_[train.item]
        matrix = sparse.csr_array((left, (train.user, train.item)), shape=train.shape)
        self.item_biases_ = np.zeros(train.n_items)
        if self.center:
            column_sums = np.bincount(train.item, weights=left, minlength=train.n_items)
            self.item_biases_ = (
                self.item_fill_ + self.user_fill_.mean() + column_sums / train.n_users
            )
        operator = filled_matrix(matrix, self.user_fill_, self.item_fill_ - self.item_biases_)
        u, s, vt = truncated_svd(operator, self.factors, self.solver, self.seed)
        self.singular_values_, self.user_factors_, self.item_factors_ = s, u * s, vt.T.copy()

    def _counts_unrated(self) -> bool:
        return True  # or fills that in from `Biases`, which learn from ratings alone and warn

    def _fills(self, train: Interactions) -> tuple[np.ndarray, np.ndarray]:
        nothing = np.zeros(train.n_users), np.zeros(train.n_items)
        if self.fill == "zero":
            return nothing
        sides = {"users": self.fill != "item", "items": self.fill != "user"}
        means = Biases(5.0 if self.fill == "bias" else 0.0, **sides).fit(train)
        self.filler_ = np.array([means.global_mean_, means.regularization])
        if self.fill == "item":
            return nothing[0], means.global_mean_ + means.item_biases_
        return means.global_mean_ + means.user_biases_, means.item_biases_

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        r"""Fill the row in as all others were, and project it on the directions found.

        :math:`p = V_k^\top f`; for a row of the training data that is exactly what `score` returns.
        """
        row = self._user_fill(items, ratings) + self.item_fill_
        row[items] = ratings
        projected = self.item_factors_.T @ (row - self.item_biases_)
        return (self.item_biases_ + self.item_factors_ @ projected).astype(np.float32)

    def _user_fill(self, items: np.ndarray, ratings: np.ndarray) -> float:
        if self.fill in ("zero", "item"):
            return 0.0
        mean, regularization = self.filler_
        left = ratings - mean - self.item_fill_[items]
        return float(mean + left.sum() / max(len(items) + regularization, 1))
