r"""What all factor models share: a rating is a mean, two biases and a dot product.

.. math:: \hat r_{ui} = \mu + b_u + b_i + p_u^\top q_i

The models differ in how they find these numbers, and in which of them they hold at zero.
"""

import numpy as np
from numba import njit

from recsys_lib.data.interactions import Interactions
from recsys_lib.metrics import mae, rmse
from recsys_lib.models.base import Personal, RatingPredictor, in_parts


class FactorModel(Personal, RatingPredictor):
    """Scores and predictions from learned factors; a subclass learns them in `_fit`.

    Attributes
    ----------
    global_mean_ : float
    user_biases_, item_biases_ : ndarray, shapes (n_users,), (n_items,)
    user_factors_, item_factors_ : ndarray, shapes (n_users, factors), (n_items, factors)
        Row u holds :math:`p_u`, row i holds :math:`q_i`.
    cold_, popularity_
        As in `base.Personal`: no list can be made from the ratings of a user without a training
        row, which are as good as the mean and the biases of the items. (`predict` returns them.)
    """

    global_mean_: float
    user_biases_: np.ndarray
    item_biases_: np.ndarray
    user_factors_: np.ndarray
    item_factors_: np.ndarray

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return score_all(users, self.global_mean_, *self._factors())

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return score_pairs(users, items, self.global_mean_, *self._factors())

    def _factors(self) -> tuple[np.ndarray, ...]:
        return self.user_biases_, self.item_biases_, self.user_factors_, self.item_factors_

    def _errors(self, which: str, ratings: Interactions) -> dict[str, float]:
        """Return RMSE and MAE on some ratings, clipped to the scale, named for `history_`."""
        predicted = np.clip(self._predict(ratings.user, ratings.item), *self.scale_)
        return {
            f"{which}_rmse": rmse(ratings.rating, predicted),
            f"{which}_mae": mae(ratings.rating, predicted),
        }


def score_all(
    users: np.ndarray, mean: float, bu: np.ndarray, bi: np.ndarray, P: np.ndarray, Q: np.ndarray
) -> np.ndarray:
    """Return mean + b_u + b_i + p_u . q_i for some users and all items, float32."""
    products = P[users] @ Q.T
    return ((mean + bu[users])[:, None] + bi + products).astype(np.float32, copy=False)


def score_pairs(
    users: np.ndarray,
    items: np.ndarray,
    mean: float,
    bu: np.ndarray,
    bi: np.ndarray,
    P: np.ndarray,
    Q: np.ndarray,
) -> np.ndarray:
    """Return the same for pairs of a user and an item, float64, shape (len(users),)."""
    products = np.zeros(len(users))
    for part in in_parts(len(users), P.shape[1]):
        _dot_products(users[part], items[part], P, Q, products[part])
    return mean + bu[users] + bi[items] + products


@njit(cache=True)
def _dot_products(users, items, P, Q, products):
    """Add the dot product of row u of P and row i of Q for each pair, without copying rows."""
    for s in range(len(users)):
        for f in range(P.shape[1]):
            products[s] += P[users[s], f] * Q[items[s], f]
