r"""Matrix factorization by stochastic gradient descent (the paper's algorithm 1, with biases).

The loss, over the observed ratings only, is

.. math::

    L = \sum_{(u,i)} (r_{ui} - \hat r_{ui})^2
        + \lambda \big(b_u^2 + b_i^2 + \lVert p_u \rVert^2 + \lVert q_i \rVert^2\big),
    \qquad \hat r_{ui} = \mu + b_u + b_i + p_u^\top q_i

(Koren, Bell and Volinsky 2009; without :math:`\mu, b_u, b_i` in the paper). One step takes one
rating and moves against the gradient of its term; the factor 2 is part of the learning rate.
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import in_parts
from recsys_lib.models.factors import FactorModel, score_all
from recsys_lib.models.training import EpochModel, Row, Run
from recsys_lib.validation import check_bool, check_int, check_real

BLOCK = 256  # ratings that stay together when an epoch goes through the blocks in a new order


def sgd(users, items, ratings, mean, bu, bi, P, Q, learning_rate, regularization, biases):
    """Take one step for each rating, in the order given; change bu, bi, P and Q in place.

    `epoch` below is this function, compiled.

    Returns
    -------
    squared, absolute : float
        Sums of the errors, each measured just before its step.
    """
    squared, absolute = 0.0, 0.0
    for s in range(len(ratings)):
        u, i = users[s], items[s]
        error = ratings[s] - mean - bu[u] - bi[i]
        for f in range(P.shape[1]):
            error -= P[u, f] * Q[i, f]
        squared += error * error
        absolute += abs(error)
        if biases:
            bu[u] += learning_rate * (error - regularization * bu[u])
            bi[i] += learning_rate * (error - regularization * bi[i])
        for f in range(P.shape[1]):
            p, q = P[u, f], Q[i, f]
            P[u, f] = p + learning_rate * (error * q - regularization * p)
            Q[i, f] = q + learning_rate * (error * p - regularization * q)
    return squared, absolute


# Sums may be taken in any order, which lets the processor add eight numbers at a time.
epoch = njit(cache=True, fastmath={"reassoc", "contract", "nsz"})(sgd)


@njit(cache=True)
def blocks_in_order(
    users, items, ratings, order, mean, bu, bi, P, Q, learning_rate, regularization, biases,
    squared=0.0, absolute=0.0,
):  # fmt: skip
    """Run `epoch` over blocks of `BLOCK` consecutive ratings, the blocks in the given order.

    The errors are added to the sums given: an epoch may be taken in parts, and its sums are the
    same to the last bit.
    """
    for block in order:
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        one = epoch(
            users[rows], items[rows], ratings[rows],
            mean, bu, bi, P, Q, learning_rate, regularization, biases,
        )  # fmt: skip
        squared += one[0]
        absolute += one[1]
    return squared, absolute


class MF(FactorModel, EpochModel):
    r"""Matrix factorization, learned by stochastic gradient descent.

    The ratings are shuffled once, into arrays that are read from front to back; every epoch then
    goes through them in blocks of 256, the blocks in a new random order. That is nearly as random
    as shuffling again and costs nothing.

    Parameters
    ----------
    factors : int
        Length of :math:`p_u` and :math:`q_i`.
    learning_rate : float
        :math:`\eta`.
    regularization : float
        :math:`\lambda`, applied at each rating.
    biases : bool
        Learn :math:`b_u` and :math:`b_i` and add the mean. If False, the paper's model: the dot
        product alone.
    init_scale : float
        Standard deviation of the random initial factors.
    item_init : ndarray, shape (n_items, factors), optional
        Start the item factors here, for example at `metadata.metadata_factors`.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    global_mean_, user_biases_, item_biases_, user_factors_, item_factors_
        As in `FactorModel`, in float32.
    history_, best_epoch_
        As in `training.EpochModel`; measured in training are train_rmse and train_mae, each rating
        just before its own step, unclipped.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import MF
    >>> films = data.k_core(data.load(), 50)
    >>> items, _ = MF().fit(films).similar_items([films.find_item("two towers")], k=2)
    >>> for title in films.titles(sorted(items[0])):
    ...     print(title)
    Lord of the Rings: The Fellowship of the Ring, The
    Lord of the Rings: The Return of the King, The
    """

    def __init__(
        self,
        factors: int = 16,
        learning_rate: float = 0.01,
        regularization: float = 0.05,
        epochs: int = 30,
        biases: bool = True,
        init_scale: float = 0.1,
        item_init: np.ndarray | None = None,
        patience: int | None = None,
        metric: str = "valid_rmse",
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.learning_rate = check_real("learning_rate", learning_rate, 0)
        self.regularization = check_real("regularization", regularization, 0)
        self.biases = check_bool("biases", biases)
        self.init_scale = check_real("init_scale", init_scale, 0)
        self.item_init = None if item_init is None else _check_init(item_init, self.factors)
        self._check_training(epochs, patience, metric, seed)

    def _start(self, train: Interactions) -> Run:
        rng = np.random.default_rng(self.seed)
        self.global_mean_ = float(train.rating.mean(dtype=np.float64)) if self.biases else 0.0
        self.user_biases_ = np.zeros(train.n_users, dtype=np.float32)
        self.item_biases_ = np.zeros(train.n_items, dtype=np.float32)
        self.user_factors_, self.item_factors_ = (
            rng.normal(0, self.init_scale, (n, self.factors)).astype(np.float32)
            for n in train.shape
        )
        self.user_factors_[train.user_counts == 0] = 0  # never trained, so they are to say nothing
        if self.item_init is None:
            self.item_factors_[train.item_counts == 0] = 0
        else:
            if len(self.item_init) != train.n_items:
                raise ValueError(
                    f"item_init must have one row for each of the {train.n_items} items, got shape "
                    f"{self.item_init.shape}"
                )
            self.item_factors_ = self.item_init.astype(np.float32)
        return Run(rng, order=rng.permutation(len(train)))

    def _epochs(self, train: Interactions, run: Run) -> Iterator[Row]:
        columns = train.user[run.order], train.item[run.order], train.rating[run.order]
        settings = self._settings()
        while True:
            blocks = run.rng.permutation(-(-len(train) // BLOCK))
            rest = np.float32(self.global_mean_), *self._factors(), *settings
            squared, absolute = 0.0, 0.0
            for part in in_parts(len(blocks), BLOCK * self.factors):
                sums = squared, absolute
                squared, absolute = blocks_in_order(*columns, blocks[part], *rest, *sums)
            yield {"train_rmse": (squared / len(train)) ** 0.5, "train_mae": absolute / len(train)}

    def _settings(self) -> tuple[np.float32, np.float32, bool]:
        return np.float32(self.learning_rate), np.float32(self.regularization), self.biases

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Take the user through as many epochs as the others had, with what the items have held.

        Every rating gets a copy of its item's row: the step on it is nobody's but the user's.
        """
        rng, bu = np.random.default_rng(self.seed), np.zeros(1, dtype=np.float32)
        p = np.zeros((1, self.factors), dtype=np.float32)
        mean, settings = np.float32(self.global_mean_), self._settings()
        places = np.arange(len(items), dtype=np.int32)
        for _ in range(self.best_epoch_):
            order = rng.permutation(len(items))
            held = self.item_biases_[items[order]], p, self.item_factors_[items[order]]
            epoch(0 * places, places, ratings[order].astype(np.float32), mean, bu, *held, *settings)
        factors = bu, self.item_biases_, p, self.item_factors_
        return score_all(np.array([0]), self.global_mean_, *factors)[0]


def _check_init(value: object, factors: int) -> np.ndarray:
    try:
        array = np.array(value, dtype=np.float64, order="C")  # sums are taken in its order
    except (TypeError, ValueError):
        raise TypeError(f"item_init must be an array of numbers, got {value!r}") from None
    if array.ndim != 2 or array.shape[1] != factors or not np.isfinite(array).all():
        raise ValueError(
            f"item_init must be finite numbers of shape (n_items, {factors}), got shape "
            f"{array.shape}"
        )
    return array
