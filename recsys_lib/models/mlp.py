r"""The multi-layer perceptron of neural collaborative filtering (He et al. 2017).

.. math::

    z_1 = \begin{bmatrix} p_u \\ q_i \end{bmatrix}, \qquad
    z_j = \mathrm{ReLU}(W_j^\top z_{j-1} + b_j) \ \ (j = 2, \dots, L), \qquad
    \hat r_{ui} = \sigma(h^\top z_L + b)
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import linear

from recsys_lib.models.network import NetworkModel, check_layers, embedding
from recsys_lib.validation import check_real


class Tower(nn.Module):
    """From a user and an item to the last hidden layer, z_L.

    Parameters
    ----------
    n_users, n_items : int
    layers : sequence of int
        Sizes of z_1, the concatenation, to z_L.
    dropout : float
        Share of each hidden layer's numbers that is set to 0 while training.
    init_scale : float
        Standard deviation of the initial embeddings.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        layers: Sequence[int],
        dropout: float = 0.0,
        init_scale: float = 0.1,
    ):
        super().__init__()
        self.user_embedding = embedding(n_users, layers[0] // 2, init_scale)
        self.item_embedding = embedding(n_items, layers[0] // 2, init_scale)
        self.layers = nn.Sequential()
        for size_in, size_out in pairwise(layers):
            linear = nn.Linear(size_in, size_out)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            self.layers.extend([linear, nn.ReLU()])
            if dropout > 0:
                self.layers.append(nn.Dropout(dropout))

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return z_L of each pair, shape (n, layers[-1]).

        Where many pairs are scored, the first layer is worked out once for each user and each item
        and not for every pair: of a concatenation it makes a sum of two parts.
        """
        user, item = self.user_embedding, self.item_embedding
        few = len(users) < user.num_embeddings + item.num_embeddings
        if self.training or few or not len(self.layers):
            return self.layers(torch.cat([user(users), item(items)], dim=-1))
        first: nn.Linear = self.layers[0]  # type: ignore[assignment]
        weights = first.weight.split(user.embedding_dim, dim=1)
        of_users = linear(user.weight, weights[0])
        of_items = linear(item.weight, weights[1], first.bias)
        return self.layers[1:](of_users[users] + of_items[items])


class MLPNetwork(nn.Module):
    """The tower, and one logit from its last layer."""

    def __init__(
        self,
        n_users: int,
        n_items: int,
        layers: Sequence[int],
        dropout: float = 0.0,
        init_scale: float = 0.1,
    ):
        super().__init__()
        self.tower = Tower(n_users, n_items, layers, dropout, init_scale)
        self.output = nn.Linear(layers[-1], 1)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the logit of each pair, shape (n,)."""
        return self.output(self.tower(users, items)).squeeze(-1)


class MLP(NetworkModel):
    """Multi-layer perceptron on the embeddings of user and item, side by side.

    Parameters
    ----------
    layers : sequence of int
        Sizes of the layers, the concatenation of the two embeddings first, so that each embedding
        has half of it.
    dropout : float
        Share of each hidden layer's numbers that is set to 0 while training, in [0, 1).
    init_scale : float
        Standard deviation of the initial embeddings.
    learning_rate, regularization, weight_decay, batch_size, device
        As in `network.NetworkModel`.
    n_negatives, epochs, patience, metric, seed
        As in `implicit.ImplicitModel`.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Interactions
    >>> from recsys_lib.models import MLP
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> model = MLP((32, 16), init_scale=0.1, learning_rate=0.02, epochs=60).fit(train)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    network_: MLPNetwork

    def __init__(
        self,
        layers: tuple[int, ...] = (64, 32, 16, 8),
        learning_rate: float = 0.001,
        regularization: float = 1.0,
        weight_decay: float = 0.01,
        dropout: float = 0.0,
        batch_size: int = 256,
        n_negatives: int = 4,
        init_scale: float = 0.01,
        epochs: int = 20,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
        device: str = "cpu",
    ):
        self.layers = check_layers(layers)
        self.dropout = check_real("dropout", dropout, 0, 0.99)
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_implicit(n_negatives, epochs, patience, metric, seed)

    def _network(self, n_users: int, n_items: int) -> MLPNetwork:
        return MLPNetwork(n_users, n_items, self.layers, self.dropout, self.init_scale)
