r"""Self-attentive sequential recommendation (SASRec, Kang and McAuley 2018).

Each event of a history begins as a vector, the embedding of its item plus that of its position.
In a layer of self-attention, with one head, the vectors :math:`z_1, \dots, z_n` become

.. math::

    e_{ts} = k_s^\top a_t / \sqrt d \ \ (s \le t), \qquad
    \alpha_{ts} = \frac{\exp(e_{ts})}{\sum_{s' \le t} \exp(e_{ts'})}, \qquad
    o_t = \sum_{s \le t} \alpha_{ts}\, v_s

with :math:`a_t = W_Q z_t,\ k_s = W_K z_s,\ v_s = W_V z_s`,
so that event t takes from the events up to it, itself included, as much as its query agrees with
their keys, and nothing from later ones. A layer of two small matrices with a ReLU in between then
changes each vector by itself. Each layer f is put into the network as

.. math:: z \leftarrow z + \text{dropout}(f(\text{norm}(z)))

where norm gives each vector the mean 0 and the variance 1 (and then a scale and a shift for each
coordinate, which are learned). The paper learns from the last events of each user alone, with
binary cross-entropy and one negative, and its authors' program normalizes the queries alone. Here
all events are learned from, the loss can be chosen, and keys and values are normalized, too.
"""

from math import sqrt

import numpy as np
import torch
from torch import nn

from recsys_lib.models.network import embedding, one_thread
from recsys_lib.models.sequence import SequenceModel, SequenceNetwork
from recsys_lib.validation import check_int


class Attention(nn.Module):
    """Causal self-attention: each event gathers from itself and those before it.

    With several heads each has its own part of the coordinates, and its own attention.

    Parameters
    ----------
    factors : int
    heads : int
        A divisor of `factors`.
    """

    def __init__(self, factors: int, heads: int = 1):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(factors, factors, bias=False)
        self.key = nn.Linear(factors, factors, bias=False)
        self.value = nn.Linear(factors, factors, bias=False)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return what each event has gathered, of the shape of z: (n, length, factors)."""
        gathered = self.weights(z) @ self._by_head(self.value(z))
        return gathered.transpose(1, 2).flatten(2)

    def weights(self, z: torch.Tensor) -> torch.Tensor:
        """Return how much each event takes of each, shape (n, heads, length, length).

        Rows add up to 1, and what lies above the diagonal, in the future, is 0.
        """
        queries, keys = self._by_head(self.query(z)), self._by_head(self.key(z))
        agree = queries @ keys.transpose(2, 3) / sqrt(queries.shape[3])
        future = torch.ones_like(agree[0, 0], dtype=torch.bool).triu(1)
        return agree.masked_fill(future, -torch.inf).softmax(dim=3)

    def _by_head(self, z: torch.Tensor) -> torch.Tensor:
        """Divide the coordinates among the heads: (n, heads, length, factors / heads)."""
        return z.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Residual(nn.Module):
    """A layer as it is put into the network: what it makes of z, normalized, is added to z."""

    def __init__(self, layer: nn.Module, factors: int, dropout: float = 0.0):
        super().__init__()
        self.norm = nn.LayerNorm(factors)
        self.layer = layer
        self.dropout = nn.Dropout(dropout)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return z and what the layer has to add, of the shape of z."""
        return z + self.dropout(self.layer(self.norm(z)))


def feed_forward(factors: int) -> nn.Sequential:
    """Return the layer that changes each event's vector by itself."""
    return nn.Sequential(nn.Linear(factors, factors), nn.ReLU(), nn.Linear(factors, factors))


class SASRecNetwork(SequenceNetwork):
    """From items in order to a query after each.

    Parameters
    ----------
    n_items : int
    factors : int
    blocks : int
        How often a layer of attention and one that follows it are put on each other.
    heads : int
    length : int
        Positions that there are.
    dropout : float
    init_scale : float
        Standard deviation of the initial embeddings of the items; those of positions begin at 0.
    """

    def __init__(
        self,
        n_items: int,
        factors: int,
        blocks: int = 1,
        heads: int = 1,
        length: int = 50,
        dropout: float = 0.0,
        init_scale: float = 0.1,
    ):
        super().__init__()
        self.item_embedding = embedding(n_items, factors, init_scale)
        self.position_embedding = nn.Embedding(length, factors)
        nn.init.zeros_(self.position_embedding.weight)  # one that nothing trains says nothing
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential()
        for _ in range(blocks):
            for layer in (Attention(factors, heads), feed_forward(factors)):
                self.layers.append(Residual(layer, factors, dropout))
        self.norm = nn.LayerNorm(factors)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Return the query after each item, shape (n, length, factors)."""
        return self.norm(self.layers(self.begin(items)))

    def begin(self, items: torch.Tensor) -> torch.Tensor:
        """Return the vectors with which the events begin, shape (n, length, factors)."""
        positions = torch.arange(items.shape[1], device=items.device)
        # as in the Transformer: an item is to count for more than its position
        scaled = sqrt(self.item_embedding.embedding_dim) * self.item_embedding(items)
        return self.dropout(scaled + self.position_embedding(positions))


class SASRec(SequenceModel):
    """Self-attention over a user's history, trained to say at each event which comes next.

    Positions are counted from the first event that is read. A query hangs on nothing that comes
    later, not even on how much does: training on a history is training on all its beginnings. The
    last position of the longest history is read when its user is scored, and by nobody in training:
    positions begin at zero, so that one that was never trained adds nothing.

    Parameters
    ----------
    blocks : int
        Layers of attention, each with a layer after it that changes each event by itself. With 0
        the query is the last item and its position alone: a Markov chain of factors.
    heads : int
        Of each layer of attention, a divisor of `factors`.
    init_scale : float
        Standard deviation of the initial embeddings of the items.
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
    >>> from recsys_lib.models import SASRec
    >>> days = [list("tuvwxyz")[start:] + list("tuvwxyz")[:start] for start in range(7)]
    >>> frame = pd.DataFrame({"item": days, "user": range(7)}).explode("item")
    >>> train = Interactions.from_frame(frame.assign(timestamp=range(49)), time_unit="s")
    >>> model = SASRec(factors=16, learning_rate=0.01, epochs=40).fit(train)
    >>> after = model.fold_in(train.item_index(["x", "u", "v"]))  # after each comes the next
    >>> train.titles([after.argmax()])
    ['w']
    """

    network_: SASRecNetwork

    def __init__(
        self,
        factors: int = 64,
        blocks: int = 1,
        heads: int = 1,
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
        self.blocks = check_int("blocks", blocks)
        self.heads = check_int("heads", heads, minimum=1)
        self._check_sequence(factors, length, dropout, loss, n_negatives)
        if self.factors % self.heads:
            raise ValueError(f"heads must divide factors={factors}, got {heads}")
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_training(epochs, patience, metric, seed)

    def _network(self, n_users: int, n_items: int) -> SASRecNetwork:
        return SASRecNetwork(
            n_items,
            self.factors,
            self.blocks,
            self.heads,
            self.length,
            self.dropout,
            self.init_scale,
        )

    def attention(self, items: np.ndarray) -> np.ndarray:
        """Return what each event of a history takes from each, in every block and head.

        Parameters
        ----------
        items : array of int, shape (n,)
            A history, the earliest first; its last `length` events are read.

        Returns
        -------
        ndarray of float32, shape (blocks, heads, n, n)
            Row t holds the weights of event t: 0 for later events, 1 in all.

        Raises
        ------
        NotFittedError, TypeError, ValueError, IndexError
            If the model is not fitted, or `items` are no items in order, none twice.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.models import SASRec
        >>> films = data.k_core(data.load(), 50)
        >>> SASRec(factors=8, epochs=1).fit(films).attention([4, 1, 7]).shape
        (1, 1, 3, 3)
        """
        self._check_fitted()
        items = self._checked_row(items, None)[0][-self.length :]
        found = np.empty((self.blocks, self.heads, len(items), len(items)), dtype=np.float32)
        self.network_.eval()
        with one_thread(), torch.inference_mode():
            z = self.network_.begin(self._tensor(items[None]))
            for place, layer in enumerate(self.network_.layers):
                if isinstance(layer, Residual) and isinstance(layer.layer, Attention):
                    found[place // 2] = layer.layer.weights(layer.norm(z))[0].cpu().numpy()
                z = layer(z)
        return found
