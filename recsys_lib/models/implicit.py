"""What the models of implicit feedback share: negatives, logits, and a list for new users."""

from abc import abstractmethod

import numpy as np
from numba import njit
from scipy import sparse

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import AT_ONCE, Personal
from recsys_lib.models.training import EpochModel
from recsys_lib.validation import DataError, check_int


class ImplicitModel(Personal, EpochModel):
    r"""A model that learns in epochs from positives and sampled negatives.

    Its scores are logits: :math:`\sigma` of them is the probability that a training sample of this
    user and item is positive (of `BPR`, :math:`\sigma` of the difference of two scores is that of
    their order). Users without any training row are scored by popularity, and so are items without
    one where there are no negatives: they are in no sample. (With negatives, nearly all are.)

    A subclass adds `_logits` and `_personal`, the same of all items, to what `EpochModel` asks for.

    Parameters
    ----------
    n_negatives : int
        Sampled anew for each positive in every epoch; never an item of the user's training rows.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    history_, best_epoch_
        As in `training.EpochModel`; measured in training are loss and accuracy over the samples,
        each before its own step.
    cold_
        As in `base.Personal`.
    unseen_ : ndarray of bool, shape (n_items,)
        Items without a training row, of a model without negatives.
    popularity_ : ndarray of float32, shape (n_items,)
        What users without a training row get: the log-odds that a sample of the item is positive.
    """

    n_negatives: int
    unseen_: np.ndarray

    def _check_implicit(
        self, n_negatives: int, epochs: int, patience: int | None, metric: str, seed: int
    ) -> None:
        self.n_negatives = check_int("n_negatives", n_negatives)
        self._check_training(epochs, patience, metric, seed)

    def _begin(self, train: Interactions) -> None:
        self.cold_ = train.user_counts == 0
        self.unseen_ = (train.item_counts == 0) & (self.n_negatives == 0)
        self.popularity_ = popularity(train, self.n_negatives)

    @abstractmethod
    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the logits of (user, item) pairs, shape (n,)."""

    def _sample_loss(self, scores: np.ndarray) -> float:
        """Return the mean loss of samples, (n, 1 + n_negatives): a positive, then its negatives."""
        losses = np.logaddexp(0, scores)  # of a negative: -log(1 - sigma) = log(1 + exp)
        losses[:, 0] -= scores[:, 0]  # of a positive: -log(sigma) = log(1 + exp) - logit
        return float(losses.mean())

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = super()._score(users)
        scores[:, self.unseen_] = self.popularity_[self.unseen_]
        return scores

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        logits = self._logits(np.repeat(users, items.shape[1]), items.ravel()).reshape(items.shape)
        popular = self.cold_[users][:, None] | self.unseen_[items]
        return np.where(popular, self.popularity_[items], logits).astype(np.float32)


def popularity(train: Interactions, n_negatives: int) -> np.ndarray:
    """Return the log-odds that a training sample of each item is positive, shape (n_items,)."""
    negatives = n_negatives * len(train) / train.n_items  # of each item, on average
    return np.log((train.item_counts + 0.5) / (negatives + 0.5)).astype(np.float32)


def by_user(train: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Return users and items of the positives, those of each user together."""
    order = np.argsort(train.user, kind="stable")
    return train.user[order], train.item[order]


class NegativeSampler:
    """Draws items that users have not met in training, uniformly and with repetition.

    Parameters
    ----------
    *met : Interactions
        What counts as met: the training set, and for validation that set too.
    among : ndarray of int, optional
        Draw from these items alone, none of them twice; by default from all.
    """

    def __init__(self, *met: Interactions, among: np.ndarray | None = None):
        matrix = sum((one.to_csr("ones") for one in met[1:]), met[0].to_csr("ones"))
        self._among = None if among is None else among.astype(np.int32)
        if among is not None:
            matrix = sparse.csr_array(matrix[:, among])
        self.n_items = matrix.shape[1]
        self._rows = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        self._full = np.diff(matrix.indptr) == self.n_items
        self._named = met[0]

    def draw(self, users: np.ndarray, n_negatives: int, rng: np.random.Generator) -> np.ndarray:
        """Return negatives for each of some users, int32, shape (len(users), n_negatives).

        Quickest where equal users stand together: what a user has met is then marked once. A user
        who has met more than nine in ten items draws from a list of the others; all others draw
        again until they hit one.

        Raises
        ------
        DataError
            If one of the users has met every item, so that there is nothing left to draw.
        """
        full = users[self._full[users]]
        if len(full) and n_negatives > 0:
            raise DataError(
                f"user {self._named.user_ids[full[0]]} of {self._named.name} has met all "
                f"{self.n_items} items: there is no negative to draw"
            )
        negatives = np.empty((len(users), n_negatives), dtype=np.int32)
        # a draw, here and there in memory, takes as long as some 16 multiplications
        step = max(1, AT_ONCE // (16 * max(1, n_negatives)))
        for start in range(0, len(users), step):
            part = slice(start, start + step)
            _draw_unmet(*self._rows, self.n_items, users[part], rng, negatives[part])
        return negatives if self._among is None else self._among[negatives]


def draw_for_one(
    items: np.ndarray, n_items: int, n_negatives: int, rng: np.random.Generator
) -> np.ndarray:
    """Return negatives for each item of a single user, int32, shape (len(items), n_negatives)."""
    negatives = np.empty((len(items), n_negatives), dtype=np.int32)
    row = np.array([0, len(items)]), items.astype(np.int32)
    _draw_unmet(*row, n_items, np.zeros(len(items), dtype=np.int32), rng, negatives)
    return negatives


@njit(cache=True)
def _draw_unmet(indptr, indices, n_items, users, rng, negatives):
    # user u has met indices[indptr[u] : indptr[u + 1]]
    met = np.zeros(n_items, dtype=np.bool_)
    marked, unmet, few_unmet = -1, np.empty(0, dtype=np.int64), False
    for s in range(len(users)):
        if users[s] != marked:
            if marked >= 0:
                met[indices[indptr[marked] : indptr[marked + 1]]] = False
            marked = users[s]
            met[indices[indptr[marked] : indptr[marked + 1]]] = True
            few_unmet = 10 * (indptr[marked + 1] - indptr[marked]) > 9 * n_items
            if few_unmet:  # drawing again until one is hit would go on for long
                unmet = np.flatnonzero(~met)
        for c in range(negatives.shape[1]):
            if few_unmet:
                negatives[s, c] = unmet[int(rng.random() * len(unmet))]
                continue
            item = int(rng.random() * n_items)
            while met[item]:
                item = int(rng.random() * n_items)
            negatives[s, c] = item
