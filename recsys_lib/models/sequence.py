r"""What the networks of chapter 14 share: they read a history in order and say what comes next.

After each event of a history a network makes a vector h, the query, from this event and those
before it. The logit of item i as the next event is its dot product with the item's embedding,
:math:`x_i = h^\top q_i`, and the embeddings are those from which the query was made. So a history
of n events gives n - 1 samples at once: after each of its events but the last, what came next is
known. The loss of a sample, with :math:`i^+` the item that came next, is one of three:

.. math::

    \text{softmax} \quad & -\log \frac{e^{x_{i^+}}}{\sum_i e^{x_i}} \\
    \text{bce} \quad & -\log \sigma(x_{i^+}) - \sum_{j \in N} \log(1 - \sigma(x_j)) \\
    \text{sampled softmax} \quad & -\log \frac{e^{x_{i^+}}}
        {e^{x_{i^+}} + \sum_{j \in N,\, j \ne i^+} e^{x_j - \log(|N| / |I|)}}

with sampled negatives N. In the last, each item is expected :math:`|N| / |I|` times among those
drawn from all items I, and so each of them stands for :math:`|I| / |N|` items: the sum in the
denominator is on average that of the softmax (Bengio and Senécal 2008).
"""

from collections.abc import Callable, Iterator
from math import log

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, embedding, softplus

from recsys_lib.data.histories import Histories, batches_by_length, histories, of_like_length
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.implicit import NegativeSampler
from recsys_lib.models.network import NetworkRun, TorchModel, one_thread
from recsys_lib.models.training import Row
from recsys_lib.validation import DataError, check_choice, check_int, check_real

PAIRS = 1 << 20  # of events that look at each other, read at a time when scoring: some 50 MB


def softmax_loss(
    queries: torch.Tensor, items: torch.Tensor, table: torch.Tensor, drawn: torch.Tensor | None
) -> torch.Tensor:
    """Return the mean cross-entropy of what came next among all items.

    Parameters
    ----------
    queries : Tensor, shape (n, factors)
    items : Tensor of int, shape (n,)
        What came next.
    table : Tensor, shape (n_items, factors)
        The embeddings of the items.
    drawn : None
        No negatives: all other items are.
    """
    return cross_entropy(queries @ table.T, items)


def binary_loss(
    queries: torch.Tensor, items: torch.Tensor, table: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    """Return the mean over the samples of the binary cross-entropies of each, added up.

    `drawn`, (n, n_negatives), holds each sample's own negatives; all else is as in `softmax_loss`.
    """
    positive = (queries * embedding(items, table)).sum(1)
    negative = (embedding(drawn, table) @ queries[:, :, None]).squeeze(2)
    return (softplus(-positive) + softplus(negative).sum(1)).mean()


def sampled_softmax_loss(
    queries: torch.Tensor, items: torch.Tensor, table: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    """Return the mean cross-entropy of what came next among itself and some items, corrected.

    `drawn`, (n_negatives,), are items drawn uniformly from all, the same for all samples; one that
    is what came next does not count. All else is as in `softmax_loss`.
    """
    positive = (queries * embedding(items, table)).sum(1, keepdim=True)
    negative = queries @ embedding(drawn, table).T - log(len(drawn) / len(table))
    negative = negative.masked_fill(drawn == items[:, None], -torch.inf)
    return cross_entropy(torch.cat([positive, negative], dim=1), torch.zeros_like(items))


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "softmax": softmax_loss,
    "bce": binary_loss,
    "sampled softmax": sampled_softmax_loss,
}


class SequenceNetwork(nn.Module):
    """A network that turns items in order, (n, width), into queries, (n, width, factors).

    Attributes
    ----------
    item_embedding : torch.nn.Embedding
        The table from which it makes them, and with whose rows they are multiplied.
    """

    item_embedding: nn.Embedding


class SequenceModel(TorchModel):
    """A network that reads a user's events in order, and learns at each what came next.

    A step takes whole windows of histories, those of like length together. The table in which they
    stand is filled up on the right: where a query is made from what came before alone, what stands
    to the right of a history cannot change it.

    A subclass adds `_network`, which makes a `SequenceNetwork`.

    Parameters
    ----------
    factors : int
        Length of embeddings and queries.
    length : int
        Events that are read at most: of a user who is scored, the last; of a longer history in
        training, so many before each event or fewer (see `Histories.windows`).
    dropout : float
        Share of the numbers that is set to 0 while training, in [0, 1).
    loss : {"softmax", "bce", "sampled softmax"}
    n_negatives : int
        At least 1, sampled anew at each step. Of "bce" for each sample, never an item of the user's
        training rows; of "sampled softmax" for all samples of a step together. Of "softmax" none.
    batch_size : int
        Samples in one step, more or less, as no window is divided; the mean of their losses is
        taken. In a step, "softmax" holds so many rows of n_items logits.
    learning_rate, regularization, weight_decay, init_scale, device
        As in `network.TorchModel`, a sample being an event that is predicted.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Raises
    ------
    DataError
        On `fit`, if there are no timestamps, or no user with two events.

    Attributes
    ----------
    network_ : torch.nn.Module
    events_, offsets_ : ndarray of int32 and int64
        The histories of the training data, as `Histories` has them.
    history_, best_epoch_
        As in `training.EpochModel`; measured in training is the loss, each sample's before its own
        step.
    cold_, popularity_
        As in `base.Personal`.
    """

    network_: SequenceNetwork
    events_: np.ndarray
    offsets_: np.ndarray

    def _check_sequence(
        self, factors: int, length: int, dropout: float, loss: str, n_negatives: int
    ) -> None:
        self.factors = check_int("factors", factors, minimum=1)
        self.length = check_int("length", length, minimum=1)
        self.dropout = check_real("dropout", dropout, 0, 0.99)
        self.loss = check_choice("loss", loss, LOSSES)
        self.n_negatives = check_int("n_negatives", n_negatives, minimum=1)

    @property
    def item_factors_(self) -> np.ndarray:
        """The embeddings of the items, float32, shape (n_items, factors)."""
        return self._weights()["item_embedding.weight"]

    def _n_samples(self, train: Interactions) -> int:
        return int(np.maximum(train.user_counts - 1, 0).sum())

    def _start(self, train: Interactions) -> NetworkRun:
        past = histories(train)
        self.events_, self.offsets_ = past.items, past.offsets
        if self._n_samples(train) == 0:
            raise DataError(f"{train.name} has no user with two events: nothing follows anything")
        return super()._start(train)

    def _epochs(self, train: Interactions, run: NetworkRun) -> Iterator[Row]:
        past, sampler = Histories(self.events_, self.offsets_), NegativeSampler(train)
        users, starts, stops = past.windows(self.length)
        sizes = stops - starts - 1  # samples of each window
        while True:
            total = torch.tensor(0.0)
            self.network_.train()
            with one_thread(), run.random_numbers():
                for batch in batches_by_length(sizes, self.batch_size, run.rng):
                    drawn = self._draw(sampler, np.repeat(users[batch], sizes[batch]), run.rng)
                    rows = self._tensor(past.rows(starts[batch], stops[batch]))
                    total += self._step(run.optimizer, rows, drawn) * int(sizes[batch].sum())
            yield {"loss": float(total) / int(sizes.sum())}

    def _draw(
        self, sampler: NegativeSampler, users: np.ndarray, rng: np.random.Generator
    ) -> torch.Tensor | None:
        """Return the negatives of a step, whose samples are of these users."""
        if self.loss == "softmax":
            return None
        if self.loss == "bce":
            return self._tensor(sampler.draw(users, self.n_negatives, rng))
        return self._tensor(rng.integers(self.n_items_, size=self.n_negatives))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.int64, device=self.device)

    def _step(
        self, optimizer: torch.optim.Optimizer, rows: torch.Tensor, drawn: torch.Tensor | None
    ) -> torch.Tensor:
        """Take one step on windows, filled up with -1; return the mean loss of its samples."""
        read, follows = rows[:, :-1], rows[:, 1:]
        real = follows >= 0
        queries = self.network_(read.clamp(min=0))[real]
        table = self.network_.item_embedding.weight
        loss = LOSSES[self.loss](queries, follows[real], table, drawn)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach().cpu()

    def _personal(self, users: np.ndarray) -> np.ndarray:
        past = Histories(self.events_, self.offsets_)
        return self._after(past, *past.last(users, self.length))

    def _after(self, past: Histories, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Return the scores of all items after pieces of histories; zeros after an empty one."""
        scores = np.zeros((len(starts), self.n_items_), dtype=np.float32)
        some, lengths = np.flatnonzero(stops > starts), stops - starts
        # a short history is dear by its vectors, a long one by its pairs
        cost = lengths * np.maximum(lengths, 64)
        table = self.network_.item_embedding.weight
        self.network_.eval()
        with one_thread(), torch.inference_mode():
            for alike in of_like_length(lengths[some]):
                for batch in batches_by_length(cost[some[alike]], PAIRS):
                    of = some[alike[batch]]
                    rows = self._tensor(past.rows(starts[of], stops[of])).clamp(min=0)
                    ends = self._tensor(lengths[of] - 1)
                    queries = self.network_(rows)[torch.arange(len(rows)), ends]
                    scores[of] = (queries @ table.T).cpu().numpy()
        return scores

    def _reads_order(self) -> bool:
        return True

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Read the items in the order given; nothing has to be learned of who met them."""
        past = Histories(items, np.array([0, len(items)]))
        return self._after(past, *past.last(np.array([0]), self.length))[0]
