r"""Factorization with features: users and items are the sums of what is known of them.

.. math::

    x_{ui} = c + b_u + b_i + p_u^\top q_i, \qquad
    q_i = \sum_f w_{if}\, e_f, \quad b_i = \sum_f w_{if}\, b_f

and likewise of the user. Each feature f has factors :math:`e_f` and a bias :math:`b_f`, and among
the features of an item is its identity, which no other item has. With identities alone this is
`bmf`; an item that nobody has met is the sum of its other features (Kula 2015). By the chain rule,
a step moves the numbers of feature f by :math:`w_{if}` times what it would move the sum by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.data.features import Features
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import in_parts
from recsys_lib.models.bmf import BinaryMF
from recsys_lib.models.content import tf_idf
from recsys_lib.models.implicit import NegativeSampler, by_user
from recsys_lib.models.training import Row, Run
from recsys_lib.validation import check_bool, check_real


def sgd(
    users, items, negatives, left_out, c, of_users, bu, P, decay_u, of_items, bi, Q, decay_i,
    learning_rate, biases, loss=0.0, right=0,
):  # fmt: skip
    """Step on each positive and its negatives, in the order given; change bu, P, bi, Q in place.

    `epoch` below is this function, compiled. It is that of `bmf` but for the sums.

    Parameters
    ----------
    left_out : ndarray of bool, shape (n, 1 + n_negatives)
        Of the item of each sample: leave out its first feature, unless it is the only one.
    of_users, of_items : tuple of ndarray
        indptr, indices and data of a sparse matrix: the features of each row and their weights.
    bu, P, decay_u : ndarray, shapes (n_features,), (n_features, k), (n_features,)
        Of the features of users; the same of items.

    Returns
    -------
    loss, right
        As in `bmf.sgd`.
    """
    one, k = np.float32(1), P.shape[1]
    p, q = np.empty(k, P.dtype), np.empty(k, Q.dtype)  # the sums of the user and of the item
    (u_indptr, u_indices, u_data), (i_indptr, i_indices, i_data) = of_users, of_items
    for s in range(len(users)):
        u, product = users[s], 1.0
        for n in range(1 + negatives.shape[1]):
            i = items[s] if n == 0 else negatives[s, n - 1]
            first, last = i_indptr[i], i_indptr[i + 1]
            if left_out[s, n] and last - first > 1:
                first += 1
            x = c
            p[:] = 0
            q[:] = 0
            for t in range(u_indptr[u], u_indptr[u + 1]):
                e, w = u_indices[t], u_data[t]
                x += w * bu[e]
                for f in range(k):
                    p[f] += w * P[e, f]
            for t in range(first, last):
                e, w = i_indices[t], i_data[t]
                x += w * bi[e]
                for f in range(k):
                    q[f] += w * Q[e, f]
            for f in range(k):
                x += p[f] * q[f]
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
            for t in range(u_indptr[u], u_indptr[u + 1]):
                e, w = u_indices[t], u_data[t]
                if biases:
                    bu[e] -= learning_rate * (g * w + decay_u[e] * bu[e])
                for f in range(k):
                    P[e, f] -= learning_rate * (g * w * q[f] + decay_u[e] * P[e, f])
            for t in range(first, last):
                e, w = i_indices[t], i_data[t]
                if biases:
                    bi[e] -= learning_rate * (g * w + decay_i[e] * bi[e])
                for f in range(k):
                    Q[e, f] -= learning_rate * (g * w * p[f] + decay_i[e] * Q[e, f])
        loss += np.log(product)
    return loss, right


# As in `bmf`: sums in any order, a product added as it is made.
epoch = njit(cache=True, fastmath={"reassoc", "contract", "nsz"})(sgd)


@dataclass(kw_only=True)
class FeatureRun(Run):
    """A run that knows the features, of users and of items.

    Attributes
    ----------
    sides : tuple of csr_array, shapes (n_users, n_features), (n_items, n_features)
        The weight of each feature on each row.
    served : tuple of csr_array
        The same without the identities that are in no training row: what scores are made of.
    """

    sides: tuple[sparse.csr_array, ...]
    served: tuple[sparse.csr_array, ...]


def columns_of(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indptr, indices and data of a sparse matrix, of one type on every machine."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


class FeatureMF(BinaryMF):
    r"""Binary matrix factorization of users and items that are sums of their features.

    The features are those of the training set (`Interactions.with_features`); a side without any is
    its identities, and with none on either side this is `BinaryMF`, as long as every item has a
    training row. They are weighted by TF-IDF as
    in `Content`, and the weights of each item scaled to length 1, so that all its features together
    weigh as much as its identity; what every item has weighs nothing.

    **New items.** An item without a training row is the sum of its features without its identity,
    which was never trained; it is no negative either, as in service an item that comes tomorrow is
    none. An item of which nothing is known has the score that popularity gives it.

    **New users.** A user without a training row is scored by features, and by popularity where
    there are none. `fold_in` learns the sum of a user from events alone, as `BinaryMF` does, and
    draws negatives from all items, which are there to be chosen by then.

    Parameters
    ----------
    factors, learning_rate, regularization, n_negatives, biases, init_scale
        As in `BinaryMF`.
    frequency_power : float
        As in `BinaryMF`, with n the number of samples that an epoch holds of a feature: those of
        all items together that have it. At 1 each feature is penalized once an epoch, as in a ridge
        regression; at 0 at each sample, so that what frequent features could say is held down.
    identity : bool
        Whether users and items with features have their identity, too. If False, two items with the
        same features are the same.
    identity_dropout : float
        Share of the samples in which the identity of the item is left out, at least 0 and below 1,
        so that its features learn to do without it. Items without features keep it.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    intercept_
        As in `BinaryMF`.
    user_biases_, item_biases_, user_factors_, item_factors_
        As in `BinaryMF`: the sums.
    user_feature_biases_, item_feature_biases_ : ndarray of float32, shape (n,)
    user_feature_factors_, item_feature_factors_ : ndarray of float32, shape (n, factors)
        What is summed: rows for the identities in the order of the vocabulary, where there are any,
        and then for the features.
    cold_ : ndarray of bool, shape (n_users,)
        Users without training row and features; without identities, all without features.
    unseen_ : ndarray of bool, shape (n_items,)
        The same of items.
    history_, best_epoch_, popularity_
        As in `implicit.ImplicitModel`.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Features, Interactions
    >>> from recsys_lib.models import FeatureMF
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> kinds = Features.from_categories(list("uvwxyz"), ["red"] * 3 + ["blue"] * 3)
    >>> model = FeatureMF(factors=4).fit(train.with_features(items=kinds))
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    user_feature_biases_: np.ndarray
    item_feature_biases_: np.ndarray
    user_feature_factors_: np.ndarray
    item_feature_factors_: np.ndarray

    def __init__(
        self,
        factors: int = 32,
        learning_rate: float = 0.05,
        regularization: float = 3.0,
        frequency_power: float = 1.0,
        n_negatives: int = 4,
        biases: bool = True,
        identity: bool = True,
        identity_dropout: float = 0.0,
        init_scale: float = 0.1,
        epochs: int = 30,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
    ):
        super().__init__(
            factors, learning_rate, regularization, frequency_power, n_negatives, biases,
            init_scale, epochs, patience, metric, seed,
        )  # fmt: skip
        self.identity = check_bool("identity", identity)
        self.identity_dropout = check_real("identity_dropout", identity_dropout, 0, 1)
        if self.identity_dropout == 1 or (self.identity_dropout > 0 and not self.identity):
            raise ValueError(
                f"identity_dropout must be below 1, and 0 where identity is False, got "
                f"{identity_dropout!r}"
            )

    def _start(self, train: Interactions) -> FeatureRun:
        super()._start(train)  # the intercept, and room for the sums
        rng = np.random.default_rng(self.seed)
        known = train.user_counts > 0, train.item_counts > 0
        features = train.user_features, train.item_features
        both = [self._side(*one) for one in zip(features, known, strict=True)]
        sides, served = zip(*both, strict=True)
        for name, side in zip(("user", "item"), sides, strict=True):
            size = side.shape[1], self.factors
            factors = rng.normal(0, self.init_scale, size).astype(np.float32)
            setattr(self, f"{name}_feature_biases_", np.zeros(len(factors), dtype=np.float32))
            setattr(self, f"{name}_feature_factors_", factors)
        self.cold_, self.unseen_ = (np.diff(one.indptr) == 0 for one in served)
        run = FeatureRun(rng, sides=sides, served=served)
        self._sum_up(run)
        return run

    def _side(
        self, features: Features | None, known: np.ndarray
    ) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return the weight of each feature on each user or item, the identities first.

        Once as they are trained, and once without the identities that never are.
        """
        own = sparse.eye_array(len(known), dtype=np.float32, format="csr")
        met = own.copy()
        met.data[~known] = 0
        met.eliminate_zeros()
        if features is None:
            return own, met
        weighted = tf_idf(features.matrix, known)
        if not self.identity:
            return weighted, weighted
        return (
            sparse.hstack([own, weighted], format="csr"),
            sparse.hstack([met, weighted], format="csr"),
        )

    def _epochs(self, train: Interactions, run: Any) -> Iterator[Row]:
        (users, items), known = by_user(train), np.flatnonzero(train.item_counts)
        sampler, n = NegativeSampler(train, among=known), 1 + self.n_negatives
        of_users, of_items = (columns_of(one) for one in run.sides)
        decay_u, decay_i = self._penalties(train, run)
        c, rate = np.float32(self.intercept_), np.float32(self.learning_rate)
        (bu, P), (bi, Q) = self._tables()
        rest = c, of_users, bu, P, decay_u, of_items, bi, Q, decay_i, rate, self.biases
        cost = n * self.factors * sum(1 + one.nnz // len(one.indptr) for one in run.sides)
        while True:
            negatives = sampler.draw(users, self.n_negatives, run.rng)
            order = run.rng.permutation(len(users))  # of the positives; their negatives go along
            samples = users[order], items[order], negatives[order], self._left_out(run, len(order))
            loss, right = 0.0, 0
            for part in in_parts(len(order), cost):
                loss, right = epoch(*(column[part] for column in samples), *rest, loss, right)
            self._sum_up(run)
            yield {"loss": loss / (n * len(order)), "accuracy": right / (n * len(order))}

    def _left_out(self, run: Run, n_positives: int) -> np.ndarray:
        """Draw the samples in which the item goes without its identity; none without dropout."""
        shape = n_positives, 1 + self.n_negatives
        if self.identity_dropout == 0:  # nothing is drawn, so that all else is as in `BinaryMF`
            return np.zeros(shape, dtype=bool)
        return run.rng.random(shape, dtype=np.float32) < self.identity_dropout

    def _penalties(self, train: Interactions, run: FeatureRun) -> list[np.ndarray]:
        r"""Return :math:`\lambda / n^a` of each feature, with n its samples in an epoch."""
        known = train.item_counts > 0
        drawn = self.n_negatives * len(train) / known.sum()  # of each known item, on average
        samples = train.user_counts * (1.0 + self.n_negatives), train.item_counts + drawn * known
        penalties = []
        for count, side, dropout in zip(
            samples, run.sides, (0, self.identity_dropout), strict=True
        ):
            having = side.copy()
            having.data[:] = 1
            several = np.diff(side.indptr) > 1
            having.data[side.indptr[:-1][several]] -= dropout
            n = np.maximum(having.T @ count, 1)
            penalties.append((self.regularization / n**self.frequency_power).astype(np.float32))
        return penalties

    def _tables(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Return biases and factors of the features of users, and of items."""
        return (
            (self.user_feature_biases_, self.user_feature_factors_),
            (self.item_feature_biases_, self.item_feature_factors_),
        )

    def _sum_up(self, run: FeatureRun) -> None:
        """Set the numbers of each user and item: the sums over their features."""
        bu, bi, P, Q = self._factors()
        for side, table, sums in zip(run.served, self._tables(), ((bu, P), (bi, Q)), strict=True):
            for one, total in zip(table, sums, strict=True):
                total[:] = side @ one

    def _weights(self) -> dict[str, np.ndarray]:
        parts = ("biases", "factors")
        names = [f"{side}_feature_{what}_" for side in ("user", "item") for what in parts]
        return super()._weights() | {name: getattr(self, name) for name in names}
