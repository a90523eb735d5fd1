r"""Binary matrix factorization: the probability of an interaction from a dot product.

.. math::

    \hat r_{ui} = \sigma(x_{ui}), \qquad x_{ui} = c + b_u + b_i + p_u^\top q_i, \qquad
    \sigma(x) = \frac{1}{1 + e^{-x}}

is fitted to the training interactions (r = 1) and to sampled negatives (r = 0) by minimizing the
binary cross-entropy plus, at each sample, :math:`\frac\lambda2` times the squares of the numbers
that it involves. (Johnson 2014 calls it logistic matrix factorization; the paper BMF, without
biases and, in its code, without negatives.)
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import in_parts
from recsys_lib.models.factors import score_all, score_pairs
from recsys_lib.models.implicit import ImplicitModel, NegativeSampler, by_user, draw_for_one
from recsys_lib.models.training import Row, Run
from recsys_lib.validation import check_bool, check_int, check_real


def sgd(
    users, items, negatives, c, bu, bi, P, Q, decay_u, decay_i, learning_rate, biases,
    loss=0.0, right=0,
):  # fmt: skip
    """Step on each positive and its negatives, in the order given; change bu, bi, P, Q in place.

    `epoch` below is this function, compiled.

    Returns
    -------
    loss : float
        Sum over all samples, each measured just before its step, added to what is given: an epoch
        may be taken in parts, and its sum is the same to the last bit.
    right : int
        How many of them were on the right side of one half, added in the same way.
    """
    one = np.float32(1)
    for s in range(len(users)):
        u, product = users[s], 1.0
        for n in range(1 + negatives.shape[1]):
            i = items[s] if n == 0 else negatives[s, n - 1]
            x = c + bu[u] + bi[i]
            for f in range(P.shape[1]):
                x += P[u, f] * Q[i, f]
            # the loss is max(x, 0) - r x + log(1 + z); z is at most 1, so nothing can overflow
            z = np.exp(-abs(x))
            probability = one / (one + z) if x >= 0 else z / (one + z)
            if n == 0:  # r = 1
                g = probability - one
                loss += max(-x, 0)
                right += x > 0
            else:  # r = 0
                g = probability
                loss += max(x, 0)
                right += x <= 0
            product *= 1 + z  # the sum of logarithms is the logarithm of the product
            if product > 1e30:
                loss, product = loss + np.log(product), 1.0
            if biases:
                bu[u] -= learning_rate * (g + decay_u[u] * bu[u])
                bi[i] -= learning_rate * (g + decay_i[i] * bi[i])
            for f in range(P.shape[1]):
                p, q = P[u, f], Q[i, f]
                P[u, f] = p - learning_rate * (g * q + decay_u[u] * p)
                Q[i, f] = q - learning_rate * (g * p + decay_i[i] * q)
        loss += np.log(product)
    return loss, right


# Sums may be taken in any order ("reassoc"), so that the processor adds eight numbers at a time, a
# product be added as it is made ("contract"), and -0 be 0 ("nsz"). NaN and infinity stay what they
# are, and are found.
epoch = njit(cache=True, fastmath={"reassoc", "contract", "nsz"})(sgd)


class BinaryMF(ImplicitModel):
    r"""Binary matrix factorization, learned by stochastic gradient descent.

    Parameters
    ----------
    factors : int
        Length of :math:`p_u` and :math:`q_i`.
    learning_rate : float
        :math:`\eta`.
    regularization : float
        :math:`\lambda`.
    frequency_power : float
        At each sample, the penalty of the user is :math:`\lambda / n_u^a`, that of the item
        :math:`\lambda / n_i^a`, where n is the number of samples that an epoch holds of it, and
        this is a. At 0 the penalty is uniform: the same at each sample, so that it grows with the
        evidence (Koren et al. 2009). At 1 each user and item is penalized once an epoch (the
        paper's adaptive regularization). At 0.5 it is what the paper's code does.
    n_negatives : int
        With 0, the paper's own run: nothing says what people do not choose.
    biases : bool
        Learn :math:`b_u` and :math:`b_i`, and start at the share of positives. If False, the
        paper's model: the dot product alone.
    init_scale : float
        Standard deviation of the random initial factors.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    intercept_ : float
        c, the log-odds of a positive among the training samples, ``-log(n_negatives)``; 0 without
        biases or without negatives. It is not learned.
    user_biases_, item_biases_ : ndarray of float32, shapes (n_users,), (n_items,)
    user_factors_, item_factors_ : ndarray of float32, shapes (n_users, factors), (n_items, factors)
        Row u holds :math:`p_u`, row i holds :math:`q_i`.
    history_, best_epoch_, cold_, unseen_, popularity_
        As in `implicit.ImplicitModel`.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Interactions
    >>> from recsys_lib.models import BinaryMF
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> model = BinaryMF(factors=4).fit(train)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    intercept_: float
    user_biases_: np.ndarray
    item_biases_: np.ndarray
    user_factors_: np.ndarray
    item_factors_: np.ndarray

    def __init__(
        self,
        factors: int = 32,
        learning_rate: float = 0.05,
        regularization: float = 0.05,
        frequency_power: float = 0.0,
        n_negatives: int = 4,
        biases: bool = True,
        init_scale: float = 0.1,
        epochs: int = 30,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.learning_rate = check_real("learning_rate", learning_rate, 0)
        self.regularization = check_real("regularization", regularization, 0)
        self.frequency_power = check_real("frequency_power", frequency_power, 0, 1)
        self.biases = check_bool("biases", biases)
        self.init_scale = check_real("init_scale", init_scale, 0)
        self._check_implicit(n_negatives, epochs, patience, metric, seed)

    def _start(self, train: Interactions) -> Run:
        rng, n = np.random.default_rng(self.seed), self.n_negatives
        self.intercept_ = -float(np.log(n)) if self.biases and n > 0 else 0.0
        self.user_biases_ = np.zeros(train.n_users, dtype=np.float32)
        self.item_biases_ = np.zeros(train.n_items, dtype=np.float32)
        self.user_factors_, self.item_factors_ = (
            rng.normal(0, self.init_scale, (size, self.factors)).astype(np.float32)
            for size in train.shape
        )
        return Run(rng)

    def _epochs(self, train: Interactions, run: Run) -> Iterator[Row]:
        (users, items), sampler = by_user(train), NegativeSampler(train)
        penalties = decays(train, self.n_negatives, self.regularization, self.frequency_power)
        c, rate = np.float32(self.intercept_), np.float32(self.learning_rate)
        n_samples = len(users) * (1 + self.n_negatives)
        while True:
            negatives = sampler.draw(users, self.n_negatives, run.rng)
            order = run.rng.permutation(len(users))  # of the positives; their negatives go along
            samples = users[order], items[order], negatives[order]
            # as `sgd` takes them: c, bu, bi, P, Q, decay_u, decay_i, learning_rate, biases
            rest = c, *self._factors(), *penalties, rate, self.biases
            loss, right = 0.0, 0
            for part in in_parts(len(order), (1 + self.n_negatives) * self.factors):
                loss, right = epoch(*(column[part] for column in samples), *rest, loss, right)
            yield {"loss": loss / n_samples, "accuracy": right / n_samples}

    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return score_pairs(users, items, self.intercept_, *self._factors())

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return score_all(users, self.intercept_, *self._factors())

    def _factors(self) -> tuple[np.ndarray, ...]:
        return self.user_biases_, self.item_biases_, self.user_factors_, self.item_factors_

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Take the user through as many epochs as the others had, with what the items have held.

        Every sample gets a copy of its item's row: the step on it is nobody's but the user's.
        """
        if self.n_negatives > 0 and len(items) == self.n_items_:
            raise ValueError(f"items names all {len(items)} items: there is no negative to draw")
        rng, bu = np.random.default_rng(self.seed), np.zeros(1, dtype=np.float32)
        p = np.zeros((1, self.factors), dtype=np.float32)
        samples = (1 + self.n_negatives) * len(items)
        decay = np.full(1, self.regularization / samples**self.frequency_power, dtype=np.float32)
        c, rate = np.float32(self.intercept_), np.float32(self.learning_rate)
        places = np.arange(samples, dtype=np.int32).reshape(len(items), -1)
        columns = 0 * places[:, 0], places[:, 0].copy(), places[:, 1:].copy()
        for _ in range(self.best_epoch_):
            negatives = draw_for_one(items, self.n_items_, self.n_negatives, rng)
            drawn = np.column_stack([items, negatives])[rng.permutation(len(items))].ravel()
            held = self.item_biases_[drawn], p, self.item_factors_[drawn]
            penalties = decay, np.zeros(samples, dtype=np.float32)
            epoch(*columns, c, bu, *held, *penalties, rate, self.biases, 0.0, 0)
        factors = bu, self.item_biases_, p, self.item_factors_
        scores = score_all(np.array([0]), self.intercept_, *factors)[0]
        return np.where(self.unseen_, self.popularity_, scores)


def decays(
    train: Interactions, n_negatives: int, regularization: float, frequency_power: float
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return what multiplies the numbers of each user and each item at every sample of theirs.

    Returns
    -------
    users, items : ndarray of float32, shapes (n_users,), (n_items,)
        :math:`\lambda / n^a`, with n the number of samples that an epoch holds of the user, and on
        average of the item. Each positive brings `n_negatives` more samples of its user, which
        fall on the items evenly (nearly: a user's own items are left out, which matters little
        while they are few).
    """
    of_users = train.user_counts * (1.0 + n_negatives)
    of_items = train.item_counts + n_negatives * len(train) / train.n_items
    users, items = (
        (regularization / np.maximum(n, 1) ** frequency_power).astype(np.float32)
        for n in (of_users, of_items)
    )
    return users, items
