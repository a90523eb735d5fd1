r"""A control of chapter 14: what `SASRec` is without the order in what it reads.

The query after event t is made of the mean of the embeddings up to it,

.. math:: z_t = \frac1t \sum_{s \le t} q_{i_s}

which says what was met and not in which order. Loss, windows, batches and the layers that change a
vector by itself are those of `SASRec`; positions and attention are left out, and with them the last
event's own vector. Two things keep what `SASRec` has beyond this from being the order alone:
attention also weighs the events by what they are, which a mean does not; and the bag still knows
something of time, as it learns what came after what, and reads the last `length` events. The other
control, `SASRec` on `data.shuffled_times`, has attention and no order.
"""

from math import sqrt

import torch
from torch import nn

from recsys_lib.models.network import embedding
from recsys_lib.models.sasrec import Residual, feed_forward
from recsys_lib.models.sequence import SequenceModel, SequenceNetwork
from recsys_lib.validation import check_int


class BagNetwork(SequenceNetwork):
    """From items in order to a query after each, in which their order is not to be found.

    Parameters
    ----------
    n_items, factors, blocks, dropout, init_scale
        As in `sasrec.SASRecNetwork`, of which a block has no attention here.
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
        self.layers = nn.Sequential()
        for _ in range(blocks):
            self.layers.append(Residual(feed_forward(factors), factors, dropout))
        self.norm = nn.LayerNorm(factors)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        """Return the query after each item, shape (n, length, factors)."""
        numbers = torch.arange(1, items.shape[1] + 1, device=items.device)
        means = self.item_embedding(items).cumsum(dim=1) / numbers[:, None]
        z = self.dropout(sqrt(self.item_embedding.embedding_dim) * means)
        return self.norm(self.layers(z))


class Bag(SequenceModel):
    """The mean of what was met before, trained as `SASRec` is: a control that reads no order.

    Parameters
    ----------
    blocks : int
        Layers that change the mean.
    init_scale : float
        Standard deviation of the initial embeddings.
    factors, length, dropout, loss, n_negatives, batch_size
        As in `sequence.SequenceModel`. The mean is of the last `length` events.
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
    >>> from recsys_lib.models import Bag
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> frame = pd.DataFrame(events).assign(timestamp=range(17))
    >>> train = Interactions.from_frame(frame, time_unit="s")
    >>> model = Bag(factors=8, learning_rate=0.01, epochs=40).fit(train)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    network_: BagNetwork

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
        self.blocks = check_int("blocks", blocks)
        self._check_sequence(factors, length, dropout, loss, n_negatives)
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_training(epochs, patience, metric, seed)

    def _network(self, n_users: int, n_items: int) -> BagNetwork:
        return BagNetwork(n_items, self.factors, self.blocks, self.dropout, self.init_scale)
