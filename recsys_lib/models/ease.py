r"""EASE: predict each item from all others, by one matrix that has a closed form.

Let X be the training matrix of ones and zeros, a row for each user. A matrix of weights B, one for
each pair of items, is to give X back from itself:

.. math:: \min_B \|X - XB\|^2 + \lambda \|B\|^2 \quad\text{with}\quad B_{ii} = 0 \text{ for all } i

Without the condition and without the penalty the answer would be the identity, as every item is
best predicted by itself. With a Lagrange multiplier for each item, and
:math:`P = (X^\top X + \lambda I)^{-1}`,

.. math:: B_{ji} = -\frac{P_{ji}}{P_{ii}} \quad (j \ne i)

(Steck 2019). Nothing is drawn at random, and there is one hyperparameter.
"""

import numpy as np
from scipy import linalg, sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal
from recsys_lib.validation import DataError, check_real

MOST_ITEMS = 25_000  # for so many the inverse takes 13 GB, for 3,706 as measured 0.28


class EASE(Personal):
    r"""Embarrassingly shallow autoencoder: a linear model from what was met to what to recommend.

    Parameters
    ----------
    regularization : float
        :math:`\lambda`, positive; of the order of the counts of items, 10 to 1,000.

    Raises
    ------
    DataError
        On `fit`, of a catalog too large for a weight for every pair of its items.
    FloatingPointError
        On `fit`, if `regularization` is too small for the matrix to be inverted.

    Attributes
    ----------
    weights_ : ndarray of float32, shape (n_items, n_items)
        B: row j is what having met item j adds to the scores of all others.
    matrix_ : csr_array, shape (n_users, n_items)
        X, the training cells.
    cold_, popularity_
        As in `base.Personal`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import EASE
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = EASE().fit(films).similar_items([films.find_item("Godfather, The")], k=2)
    >>> films.titles(items[0])
    ['Godfather: Part II, The', 'Goodfellas']
    """

    weights_: np.ndarray
    matrix_: sparse.csr_array

    def __init__(self, regularization: float = 250.0):
        self.regularization = check_real("regularization", regularization, 0)
        if self.regularization == 0:
            raise ValueError(
                "regularization must be above 0, got 0: what nobody has met, or two items that the "
                "same users met, would have no unique weights"
            )

    def _fit(self, train: Interactions) -> None:
        if train.n_items > MOST_ITEMS:
            raise DataError(
                f"EASE keeps a weight for every pair of items, and {train.n_items:,} items would "
                f"take {4 * train.n_items**2 / 1e9:,.0f} GB for them; it is for up to "
                f"{MOST_ITEMS:,}: leave out the rare ones (data.min_counts), or take ItemKNN"
            )
        self.matrix_ = train.to_csr("ones")
        P = self._inverse()
        self.weights_ = np.empty(P.shape, dtype=np.float32)
        np.divide(P, -np.diag(P), out=self.weights_, casting="same_kind")
        np.fill_diagonal(self.weights_, 0)

    def _inverse(self) -> np.ndarray:
        """Return P, symmetric, in float64."""
        gram = (self.matrix_.T @ self.matrix_).astype(np.float64).toarray(order="F")
        too_small = self.regularization < 1e-13 * np.trace(gram)  # little is left of 16 digits
        gram[np.diag_indices_from(gram)] += self.regularization
        try:
            if too_small:
                raise linalg.LinAlgError
            factor, _ = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
            P, info = linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
            if info:
                raise linalg.LinAlgError
        except linalg.LinAlgError:
            raise FloatingPointError(
                f"the matrix of items has no inverse in these numbers: "
                f"regularization={self.regularization:g} is too small"
            ) from None
        _mirror(P)
        return P

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self.matrix_[users] @ self.weights_

    def _similar(self, items: np.ndarray) -> np.ndarray:
        weights = self.weights_[items]
        return np.where(weights != 0, weights, -np.inf)

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        return self.weights_[items].sum(axis=0)


def _mirror(P: np.ndarray) -> None:
    """Write what stands below the diagonal above it, too, a few rows at a time."""
    for start in range(0, len(P), 512):
        stop = start + 512
        lower = np.tril(P[start:stop, start:stop], -1)
        P[start:stop, start:stop] = lower + lower.T + np.diag(np.diag(P)[start:stop])
        P[start:stop, stop:] = P[stop:, start:stop].T
