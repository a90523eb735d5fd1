r"""Means and biases: what can be said of a rating without any taste.

.. math:: \hat r_{ui} = \mu + b_u + b_i

:math:`\mu` is the mean of all training ratings; the biases minimize

.. math:: \sum_{(u,i)} (r_{ui} - \mu - b_u - b_i)^2 + \lambda \Big(\sum_u b_u^2 + \sum_i b_i^2\Big)

(Koren 2010, section 2.1). For a model of ratings this is the bar, as popularity is for ranking.
"""

import numpy as np

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import RatingPredictor
from recsys_lib.validation import check_bool, check_real


class Biases(RatingPredictor):
    r"""Global mean plus a bias for the user and one for the item.

    With the biases of the items held, the best bias of user u is a damped mean of what is left,

    .. math:: b_u = \frac{\sum_i (r_{ui} - \mu - b_i)}{n_u + \lambda},

    and the other way round; the two are alternated until nothing changes, at most 1000 times.

    Parameters
    ----------
    regularization : float
        :math:`\lambda`; a user with few ratings is drawn toward the mean.
    users, items : bool
        Which biases to use. With neither, the model is the global mean.

    Attributes
    ----------
    global_mean_ : float
    user_biases_, item_biases_ : ndarray of float64, shapes (n_users,), (n_items,)
        0 for a user or item without a training rating.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import Biases
    >>> films = data.load()
    >>> model = Biases().fit(films)
    >>> round(model.global_mean_, 2)
    3.54
    >>> films.titles([model.item_biases_.argmax(), model.item_biases_.argmin()])
    ['Godfather, The', 'Battlefield Earth']
    """

    global_mean_: float
    user_biases_: np.ndarray
    item_biases_: np.ndarray

    def __init__(self, regularization: float = 5.0, users: bool = True, items: bool = True):
        self.regularization = check_real("regularization", regularization, 0)
        self.users = check_bool("users", users)
        self.items = check_bool("items", items)

    def _fit(self, train: Interactions) -> None:
        rating = train.rating.astype(np.float64)
        self.global_mean_ = float(rating.mean())
        self.user_biases_, self.item_biases_ = np.zeros(train.n_users), np.zeros(train.n_items)
        for _ in range(1000):
            before = np.r_[self.user_biases_, self.item_biases_]
            if self.users:
                left = rating - self.global_mean_ - self.item_biases_[train.item]
                self.user_biases_ = self._damped_means(train.user, left, train.n_users)
            if self.items:
                left = rating - self.global_mean_ - self.user_biases_[train.user]
                self.item_biases_ = self._damped_means(train.item, left, train.n_items)
            change = np.abs(np.r_[self.user_biases_, self.item_biases_] - before).max()
            if change <= 1e-9 * np.abs(rating - self.global_mean_).max():
                break

    def _damped_means(self, groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
        total = np.bincount(groups, weights=values, minlength=n)
        weight = np.bincount(groups, minlength=n) + self.regularization
        return np.divide(total, weight, out=np.zeros(n), where=weight > 0)

    def _score(self, users: np.ndarray) -> np.ndarray:
        offset = self.global_mean_ + self.user_biases_[users]
        return (offset[:, None] + self.item_biases_).astype(np.float32)

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self.global_mean_ + self.user_biases_[users] + self.item_biases_[items]

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        offset = self.global_mean_
        if self.users and len(items):
            left = ratings - self.global_mean_ - self.item_biases_[items]
            offset += left.sum() / (len(items) + self.regularization)
        return (offset + self.item_biases_).astype(np.float32)
