r"""A recurrent network that reads a history event by event (GRU4Rec, Hidasi et al. 2016).

It has a state, a vector h, which each event changes (a gated recurrent unit, Cho et al. 2014):

.. math::

    r = \sigma(W_r q + U_r h), \quad u = \sigma(W_u q + U_u h), \quad
    \tilde h = \tanh(W q + r \odot (U h)), \quad h \leftarrow u \odot h + (1 - u) \odot \tilde h

with q the embedding of the event's item (and biases, left out here): r says how much of the past
goes into what is new, u how much of the state stays. Loss, windows and batches are those of
`SASRec`, and not those of the paper.
"""

from math import sqrt

import torch
from torch import nn

from recsys_lib.models.network import embedding
from recsys_lib.models.sequence import SequenceModel, SequenceNetwork
from recsys_lib.validation import check_int


class GRU4RecNetwork(SequenceNetwork):
    """From items in order to a query after each, the state of the last recurrent layer.

    Parameters
    ----------
    n_items, factors, dropout, init_scale
        As in `sasrec.SASRecNetwork`.
    blocks : int
        Recurrent layers, each of which reads the states of the one before.
    """

    def __init__(
        self,
        n_items: int,
        factors: int,
        blocks: int = 1,
        dropout: float = 0.0,
        init_scale: float = 0.1,
    ):
        super().__init__()
        self.item_embedding = embedding(n_items, factors, init_scale)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(factors, factors, blocks, batch_first=True)
        self.norm = nn.LayerNorm(factors)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Return the query after each item, shape (n, length, factors)."""
        scaled = sqrt(self.item_embedding.embedding_dim) * self.item_embedding(items)
        states, _ = self.gru(self.dropout(scaled))
        return self.norm(self.dropout(states))


class GRU4Rec(SequenceModel):
    """A gated recurrent unit in place of the attention of `SASRec`; all else is the same.

    Parameters
    ----------
    blocks : int
        Recurrent layers, at least 1.
    init_scale : float
        Standard deviation of the initial embeddings.
    factors, length, dropout, loss, n_negatives, batch_size
        As in `sequence.SequenceModel`.
    learning_rate, regularization, weight_decay, device
        As in `network.TorchModel`.
    epochs, patience, metric, seed
        As in `training.EpochModel`.

    Attributes
    ----------
    item_factors_ : ndarray of float32, shape (n_items, factors)
        The embeddings of the items.
    network_, events_, offsets_, history_, best_epoch_, cold_, popularity_
        As in `sequence.SequenceModel`.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Interactions
    >>> from recsys_lib.models import GRU4Rec
    >>> days = [list("tuvwxyz")[start:] + list("tuvwxyz")[:start] for start in range(7)]
    >>> frame = pd.DataFrame({"item": days, "user": range(7)}).explode("item")
    >>> train = Interactions.from_frame(frame.assign(timestamp=range(49)), time_unit="s")
    >>> model = GRU4Rec(factors=16, learning_rate=0.01, epochs=40).fit(train)
    >>> after = model.fold_in(train.item_index(["x", "u", "v"]))  # after each comes the next
    >>> train.titles([after.argmax()])
    ['w']
    """

    network_: GRU4RecNetwork

    def __init__(
        self,
        factors: int = 64,
        blocks: int = 1,
        length: int = 50,
        dropout: float = 0.3,
        loss: str = "softmax",
        n_negatives: int = 128,
        learning_rate: float = 0.003,
        regularization: float = 1.0,
        weight_decay: float = 0.01,
        batch_size: int = 256,
        init_scale: float = 0.1,
        epochs: int = 10,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
        device: str = "cpu",
    ):
        self.blocks = check_int("blocks", blocks, minimum=1)
        self._check_sequence(factors, length, dropout, loss, n_negatives)
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_training(epochs, patience, metric, seed)

    def _network(self, n_users: int, n_items: int) -> GRU4RecNetwork:
        return GRU4RecNetwork(n_items, self.factors, self.blocks, self.dropout, self.init_scale)
