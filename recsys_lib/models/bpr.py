r"""Bayesian personalized ranking: what was met is to score higher than what was not.

For a user u, an item i that u has met and an item j that u has not, the probability that u prefers
i to j is modeled as

.. math::

    \sigma(x_{uij}), \qquad x_{uij} = x_{ui} - x_{uj}, \qquad x_{ui} = b_i + p_u^\top q_i

and the sum of :math:`-\log \sigma(x_{uij})` over sampled pairs is minimized, plus, at each pair,
:math:`\frac\lambda2` times the squares of the numbers that it involves (Rendle et al. 2009). A bias
of the user would cancel: nothing is said of how likely an interaction is, only of the order.
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
    users, items, negatives, bi, P, Q, decay_u, decay_i, learning_rate, biases, loss=0.0, right=0
):
    """Step on each positive with each of its negatives, in the order given; change bi, P, Q.

    `epoch` below is this function, compiled.

    Returns
    -------
    loss : float
        Sum over all pairs, each measured just before its step, added to what is given.
    right : int
        How many of them were in the right order, added in the same way.
    """
    one = np.float32(1)
    for s in range(len(users)):
        u, i, product = users[s], items[s], 1.0
        for n in range(negatives.shape[1]):
            j = negatives[s, n]
            x = bi[i] - bi[j]
            for f in range(P.shape[1]):
                x += P[u, f] * (Q[i, f] - Q[j, f])
            # the loss is max(-x, 0) + log(1 + z); z is at most 1, so nothing can overflow
            z = np.exp(-abs(x))
            g = -z / (one + z) if x >= 0 else -one / (one + z)  # sigma(x) - 1
            loss += max(-x, 0)
            right += x > 0
            product *= 1 + z  # the sum of logarithms is the logarithm of the product
            if product > 1e30:
                loss, product = loss + np.log(product), 1.0
            if biases:
                bi[i] -= learning_rate * (g + decay_i[i] * bi[i])
                bi[j] -= learning_rate * (-g + decay_i[j] * bi[j])
            for f in range(P.shape[1]):
                p, q, r = P[u, f], Q[i, f], Q[j, f]
                P[u, f] = p - learning_rate * (g * (q - r) + decay_u[u] * p)
                Q[i, f] = q - learning_rate * (g * p + decay_i[i] * q)
                Q[j, f] = r - learning_rate * (-g * p + decay_i[j] * r)
        loss += np.log(product)
    return loss, right


# As in `bmf`: sums in any order, a product added as it is made.
epoch = njit(cache=True, fastmath={"reassoc", "contract", "nsz"})(sgd)


class BPR(ImplicitModel):
    r"""Matrix factorization that learns the order of pairs, by stochastic gradient descent.

    Parameters
    ----------
    factors : int
        Length of :math:`p_u` and :math:`q_i`.
    learning_rate : float
        :math:`\eta`.
    regularization, frequency_power : float
        :math:`\lambda` and a of the penalties :math:`\lambda / n^a`, as in `BinaryMF`.
    n_negatives : int
        Pairs of each positive in every epoch, at least 1.
    biases : bool
        Learn :math:`b_i`.
    init_scale : float
        Standard deviation of the random initial factors.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    item_biases_ : ndarray of float32, shape (n_items,)
    user_factors_, item_factors_ : ndarray of float32, shapes (n_users, factors), (n_items, factors)
        Row u holds :math:`p_u`, row i holds :math:`q_i`.
    history_, best_epoch_, cold_, unseen_, popularity_
        As in `implicit.ImplicitModel`; accuracy is the share of sampled pairs in the right order,
        an estimate of the AUC on the training set.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Interactions
    >>> from recsys_lib.models import BPR
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> model = BPR(factors=4, epochs=100).fit(train)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    item_biases_: np.ndarray
    user_factors_: np.ndarray
    item_factors_: np.ndarray

    def __init__(
        self,
        factors: int = 32,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        frequency_power: float = 0.0,
        n_negatives: int = 1,
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
        check_int("n_negatives", n_negatives, minimum=1)

    def _start(self, train: Interactions) -> Run:
        rng = np.random.default_rng(self.seed)
        self.item_biases_ = np.zeros(train.n_items, dtype=np.float32)
        self.user_factors_, self.item_factors_ = (
            rng.normal(0, self.init_scale, (size, self.factors)).astype(np.float32)
            for size in train.shape
        )
        return Run(rng)

    def _epochs(self, train: Interactions, run: Run) -> Iterator[Row]:
        (users, items), sampler = by_user(train), NegativeSampler(train)
        penalties, rate = self._penalties(train), np.float32(self.learning_rate)
        n_pairs = len(users) * self.n_negatives
        while True:
            negatives = sampler.draw(users, self.n_negatives, run.rng)
            order = run.rng.permutation(len(users))
            pairs = users[order], items[order], negatives[order]
            # as `sgd` takes them: bi, P, Q, decay_u, decay_i, learning_rate, biases
            rest = *self._weights().values(), *penalties, rate, self.biases
            loss, right = 0.0, 0
            for part in in_parts(len(order), self.n_negatives * self.factors):
                loss, right = epoch(*(column[part] for column in pairs), *rest, loss, right)
            yield {"loss": loss / n_pairs, "accuracy": right / n_pairs}

    def _penalties(self, train: Interactions) -> tuple[np.ndarray, np.ndarray]:
        """Return the penalty of each user and item at each pair, by how many an epoch holds."""
        of_users = train.user_counts * float(self.n_negatives)
        of_items = (train.item_counts + len(train) / train.n_items) * self.n_negatives
        return self._shared_out(of_users), self._shared_out(of_items)

    def _shared_out(self, n: np.ndarray) -> np.ndarray:
        penalties = self.regularization / np.maximum(n, 1) ** self.frequency_power
        return penalties.astype(np.float32)

    def _weights(self) -> dict[str, np.ndarray]:
        names = "item_biases_", "user_factors_", "item_factors_"
        return {name: getattr(self, name) for name in names}

    def _sample_loss(self, scores: np.ndarray) -> float:
        return float(np.logaddexp(0, scores[:, 1:] - scores[:, :1]).mean())

    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return score_pairs(users, items, 0.0, *self._factors())

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return score_all(users, 0.0, *self._factors())

    def _factors(self) -> tuple[np.ndarray, ...]:
        """Return them as the models with a bias of the user do, which is 0 here."""
        return np.zeros(self.n_users_, dtype=np.float32), *self._weights().values()

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Take the user through as many epochs as the others had, with what the items have held.

        Every pair gets copies of its items' rows: the step on them is nobody's but the user's.
        """
        if len(items) == self.n_items_:
            raise ValueError(f"items names all {len(items)} items: there is no negative to draw")
        rng, p = np.random.default_rng(self.seed), np.zeros((1, self.factors), dtype=np.float32)
        n_pairs = len(items) * self.n_negatives
        penalties = self._shared_out(np.full(1, n_pairs)), np.zeros(2 * n_pairs, np.float32)
        places = np.arange(2 * n_pairs, dtype=np.int32).reshape(2, n_pairs)
        columns = 0 * places[0], places[0], places[1][:, None]
        for _ in range(self.best_epoch_):
            negatives = draw_for_one(items, self.n_items_, self.n_negatives, rng)
            order = rng.permutation(len(items))
            drawn = np.r_[np.repeat(items[order], self.n_negatives), negatives[order].ravel()]
            held = self.item_biases_[drawn], p, self.item_factors_[drawn]
            epoch(*columns, *held, *penalties, np.float32(self.learning_rate), self.biases, 0.0, 0)
        nothing = np.zeros(1, dtype=np.float32)
        return score_all(np.array([0]), 0.0, nothing, self.item_biases_, p, self.item_factors_)[0]
