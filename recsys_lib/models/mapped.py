r"""From words to factors: what the factors of an item are that nobody has met.

A factor model learns :math:`q_i` of the items that were met. Let the rows of X be their words, as
`content` weighs them, and those of Q their factors. A linear map from words to factors that has

.. math:: \min_B \sum_i n_i^a\, \|q_i - b - B^\top x_i\|^2 + \lambda \|B\|^2

is found by setting the gradient to zero. With a = 0, and with X and Q less the means of their
columns, which takes care of b,

.. math:: B = (X^\top X + \lambda I)^{-1} X^\top Q = X^\top (X X^\top + \lambda I)^{-1} Q

(Hoerl and Kennard 1970). Both are the same, as :math:`X^\top (X X^\top + \lambda I) =
(X^\top X + \lambda I) X^\top`; the one has as many equations as there are words, the other as there
are items. A new item with the words x then has the factors :math:`b + B^\top x` (Gantner et al.
2010). Or they are a mean over the items with the most similar words.
"""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal
from recsys_lib.models.bmf import BinaryMF
from recsys_lib.models.bpr import BPR
from recsys_lib.models.content import needed_features, tf_idf
from recsys_lib.models.ials import iALS
from recsys_lib.models.neighbors import ItemKNN
from recsys_lib.validation import DataError, check_choice, check_int, check_real

MODELS = {one.__name__: one for one in (iALS, BinaryMF, BPR)}
MOST_EQUATIONS = 25_000  # for so many the matrix takes 5 GB


def ridge(
    X: sparse.csr_array, Y: np.ndarray, regularization: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return B and b of a ridge regression.

    They minimize :math:`\sum_i w_i \|y_i - b - B^\top x_i\|^2 + \lambda \|B\|^2`.

    Parameters
    ----------
    X : csr_array, shape (n, p)
    Y : ndarray, shape (n, k)
    regularization : float
        :math:`\lambda`, positive.
    weights : ndarray, shape (n,)
        Positive.

    Returns
    -------
    B, b : ndarrays of float64, shapes (p, k), (k,)
    """
    X, total = X.astype(np.float64), weights.sum()
    x_mean, y_mean = X.T @ weights / total, weights @ Y / total
    left_over = Y - y_mean
    n, p = X.shape
    if min(n, p) > MOST_EQUATIONS:
        raise DataError(
            f"a ridge regression of {n:,} items on {p:,} features has {min(n, p):,} equations, "
            f"more than {MOST_EQUATIONS:,}: keep fewer words (most=, min_items=)"
        )
    if p <= n:
        weighted = sparse.csr_array(sparse.diags_array(weights) @ X)
        A = (X.T @ weighted).toarray() - total * np.outer(x_mean, x_mean)
        A[np.diag_indices(p)] += regularization
        B = np.linalg.solve(A, weighted.T @ left_over)
    else:
        toward = X @ x_mean
        A = (X @ X.T).toarray() - toward[:, None] - toward + x_mean @ x_mean
        A[np.diag_indices(n)] += regularization / weights
        dual = np.linalg.solve(A, left_over)
        B = X.T @ dual - np.outer(x_mean, dual.sum(axis=0))
    return B, y_mean - x_mean @ B


class MappedFactors(Personal):
    r"""A factor model whose new items have the factors that their features speak for.

    The model is fitted to the items that have a training row, as if there were no others. These
    keep what was learned of them; all others get factors, and a bias where the model has one, from
    their features, weighted as in `Content`. An item of which nothing is known gets the mean of the
    known ones.

    Parameters
    ----------
    model : iALS, BinaryMF or BPR
        The factor model, with its hyperparameters; a copy of it is fitted.
    method : {"ridge", "nearest"}
        By a ridge regression from features to factors, or by the mean over the known items whose
        features are most similar, weighted by the cosine.
    regularization : float
        :math:`\lambda` of the ridge regression, positive.
    frequency_power : float
        a: how much an item counts in the regression whose factors rest on more events. At 0 all
        count alike, at 1 an item with twice the events counts twice. The weights have the mean 1.
    n_neighbors : int
        Similar items to take the mean of.

    Attributes
    ----------
    model_ : Recommender
        The fitted copy, with numbers for all items.
    item_factors_ : ndarray of float32, shape (n_items, factors)
        Those of `model_`.
    cold_, popularity_
        As in `base.Personal`.

    Raises
    ------
    DataError
        On `fit`, if the training set has no features of its items, or too many for the equations.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import MappedFactors, iALS
    >>> films = data.k_core(data.load(), 20)
    >>> films = films.with_features(items=data.item_features(films))
    >>> alien = films.find_item("Alien")
    >>> before = films.select(films.item != alien)  # as if it came tomorrow
    >>> items, _ = MappedFactors(iALS()).fit(before).similar_items([alien], k=2)
    >>> films.titles(items[0])
    ['Alien: Resurrection', 'Alien³ (a.k.a. Alien 3)']
    """

    model_: Any

    def __init__(
        self,
        model: iALS | BinaryMF | BPR,
        method: str = "ridge",
        regularization: float = 3.0,
        frequency_power: float = 0.0,
        n_neighbors: int = 50,
    ):
        if type(model) not in MODELS.values():
            raise TypeError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
        self.model = model
        self.method = check_choice("method", method, ("ridge", "nearest"))
        self.regularization = check_real("regularization", regularization, 0)
        if self.regularization == 0:
            raise ValueError(
                "regularization must be above 0, got 0: with more words than items there would be "
                "no unique solution"
            )
        self.frequency_power = check_real("frequency_power", frequency_power, 0, 1)
        self.n_neighbors = check_int("n_neighbors", n_neighbors, minimum=1)

    @property
    def item_factors_(self) -> np.ndarray:
        """Factors of all items."""
        return self.model_.item_factors_

    def _fit(self, train: Interactions) -> None:
        features, counts = needed_features(train, self), train.item_counts
        known = np.flatnonzero(counts)
        model = copy.copy(self.model).fit(_of_items(train, known))
        biases = getattr(model, "item_biases_", np.empty((len(known), 0)))
        learned = np.column_stack([model.item_factors_, biases]).astype(np.float64)
        X = tf_idf(features.matrix, counts > 0)
        numbers = np.tile(learned.mean(axis=0), (train.n_items, 1))
        new = np.flatnonzero((counts == 0) & (np.diff(X.indptr) > 0))
        numbers[known] = learned
        if len(new):
            numbers[new] = self._mapped(X[new], X[known], learned, counts[known])
        model.item_factors_ = numbers[:, : model.factors].astype(np.float32)
        if hasattr(model, "item_biases_"):
            model.item_biases_ = numbers[:, model.factors].astype(np.float32)
        # from here on it is a model of all items
        model.n_items_, model.vocabulary_ = train.n_items, train.vocabulary
        model._begin(train)
        if hasattr(model, "unseen_"):
            model.unseen_[:] = False
        self.model_ = model

    def _mapped(
        self, new: sparse.csr_array, known: sparse.csr_array, learned: np.ndarray, n: np.ndarray
    ) -> np.ndarray:
        """Return the numbers of new items from those learned of known ones, met n times each."""
        if self.method == "ridge":
            weights = n.astype(np.float64) ** self.frequency_power
            B, b = ridge(known, learned, self.regularization, weights / weights.mean())
            return b + new @ B
        similar = ItemKNN(self.n_neighbors)._neighbors(new, known).astype(np.float64)
        total = similar.sum(axis=1)
        alone = total == 0  # no word in common with anything known
        means = (similar @ learned) / np.where(alone, 1, total)[:, None]
        return np.where(alone[:, None], learned.mean(axis=0), means)

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self.model_._personal(users)

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Do as the model does, with the factors of all items held."""
        return self.model_._fold_in(items, ratings)

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        inner = state.pop("model_")._state()
        return state | {f"model_.{name}": value for name, value in inner.items()}

    def _set_state(self, arrays: dict[str, np.ndarray]) -> None:
        inner = {key: arrays.pop(key) for key in list(arrays) if key.startswith("model_.")}
        super()._set_state(arrays)
        self.model_ = copy.copy(self.model)
        self.model_._set_state({k.removeprefix("model_."): array for k, array in inner.items()})

    @staticmethod
    def _portable(parameters: dict[str, Any]) -> dict[str, Any]:
        """Make the factor model that was saved by its name and its hyperparameters."""
        inner = parameters.get("model")
        if not isinstance(inner, dict) or inner.get("model") not in MODELS:
            return parameters
        return parameters | {"model": MODELS[inner["model"]](**inner["parameters"])}


def _of_items(train: Interactions, items: np.ndarray) -> Interactions:
    """Return the training set with a vocabulary of these items alone; the users stay."""
    place = np.full(train.n_items, -1)
    place[items] = np.arange(len(items))
    return replace(
        train,
        item=place[train.item],
        item_ids=train.item_ids[items],
        items=None,
        item_features=None,
    )
