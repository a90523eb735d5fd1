r"""Generalized and neural matrix factorization (He et al. 2017).

.. math::

    \phi^{MF} = p_u^G \odot q_i^G, \qquad \phi^{MLP} = z_L(p_u^M, q_i^M), \qquad
    \hat r_{ui} = \sigma\Big(h^\top \begin{bmatrix} \phi^{MF} \\ \phi^{MLP} \end{bmatrix} + b\Big)

with an embedding pair of its own for each half (the paper's formula lacks the sigma). GMF is the
first half alone; with h = 1 it is the dot product of chapter 6.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import nn

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import NotFittedError
from recsys_lib.models.implicit import popularity
from recsys_lib.models.mlp import MLP, MLPNetwork, Tower
from recsys_lib.models.network import NetworkModel, check_layers, embedding
from recsys_lib.models.training import Watch
from recsys_lib.validation import check_int, check_real


class Product(nn.Module):
    """The element-wise product of a user's and an item's embedding."""

    def __init__(self, n_users: int, n_items: int, factors: int, init_scale: float = 0.1):
        super().__init__()
        self.user_embedding = embedding(n_users, factors, init_scale)
        self.item_embedding = embedding(n_items, factors, init_scale)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the product of each pair, shape (n, factors)."""
        return self.user_embedding(users) * self.item_embedding(items)


class GMFNetwork(nn.Module):
    """The product, and one logit from it; h starts at 1, where it is the dot product."""

    def __init__(self, n_users: int, n_items: int, factors: int, init_scale: float = 0.1):
        super().__init__()
        self.product = Product(n_users, n_items, factors, init_scale)
        self.output = nn.Linear(factors, 1)
        nn.init.ones_(self.output.weight)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the logit of each pair, shape (n,)."""
        return self.output(self.product(users, items)).squeeze(-1)


class NeuMFNetwork(nn.Module):
    """Product and tower side by side, and one logit from both."""

    def __init__(
        self,
        n_users: int,
        n_items: int,
        factors: int,
        layers: Sequence[int],
        dropout: float = 0.0,
        init_scale: float = 0.1,
    ):
        super().__init__()
        self.product = Product(n_users, n_items, factors, init_scale)
        self.tower = Tower(n_users, n_items, layers, dropout, init_scale)
        self.output = nn.Linear(factors + layers[-1], 1)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the logit of each pair, shape (n,)."""
        both = torch.cat([self.product(users, items), self.tower(users, items)], dim=-1)
        return self.output(both).squeeze(-1)


class GMF(NetworkModel):
    """Generalized matrix factorization: a weighted dot product, the weights learned.

    Parameters
    ----------
    factors : int
        Length of the embeddings.
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
    >>> from recsys_lib.models import GMF
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> model = GMF(learning_rate=0.05, epochs=50).fit(train)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    network_: GMFNetwork

    def __init__(
        self,
        factors: int = 8,
        learning_rate: float = 0.001,
        regularization: float = 1.0,
        weight_decay: float = 0.01,
        batch_size: int = 256,
        n_negatives: int = 4,
        init_scale: float = 0.1,
        epochs: int = 20,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
        device: str = "cpu",
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_implicit(n_negatives, epochs, patience, metric, seed)

    def _network(self, n_users: int, n_items: int) -> GMFNetwork:
        return GMFNetwork(n_users, n_items, self.factors, self.init_scale)


class NeuMF(NetworkModel):
    r"""Neural matrix factorization: GMF beside an MLP, with one output layer over both.

    Parameters
    ----------
    factors : int
        Length of the embeddings of the GMF half.
    layers, dropout
        Of the MLP half, as in `MLP`.
    alpha : float
        With pretrained halves, the share of GMF in the first output layer:
        :math:`h = [\alpha h^{GMF}, (1 - \alpha) h^{MLP}]`.
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
    >>> from recsys_lib.models import GMF, MLP, NeuMF
    >>> events = {"user": list("aabbbcccdddeeefff"), "item": list("xyxyzxyzuvwuvwuvw")}
    >>> train = Interactions.from_frame(pd.DataFrame(events))
    >>> how = {"learning_rate": 0.05, "epochs": 50}
    >>> halves = GMF(4, **how).fit(train), MLP((8, 4), **how).fit(train)
    >>> model = NeuMF(4, (8, 4), **how).fit(train, pretrained=halves)
    >>> train.titles(model.recommend([0], k=1, exclude=train)[0][0])  # a is like b and c
    ['z']
    """

    network_: NeuMFNetwork

    def __init__(
        self,
        factors: int = 8,
        layers: tuple[int, ...] = (64, 32, 16, 8),
        learning_rate: float = 0.001,
        regularization: float = 1.0,
        weight_decay: float = 0.01,
        dropout: float = 0.0,
        alpha: float = 0.5,
        batch_size: int = 256,
        n_negatives: int = 4,
        init_scale: float = 0.01,
        epochs: int = 20,
        patience: int | None = None,
        metric: str = "valid_ndcg@10",
        seed: int = 0,
        device: str = "cpu",
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.layers = check_layers(layers)
        self.dropout = check_real("dropout", dropout, 0, 0.99)
        self.alpha = check_real("alpha", alpha, 0, 1)
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_implicit(n_negatives, epochs, patience, metric, seed)

    def fit(
        self,
        train: Interactions,
        *,
        pretrained: tuple[GMF, MLP] | None = None,
        watch: Watch | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Learn from the training interactions, from scratch or from two fitted halves.

        Parameters
        ----------
        pretrained : (GMF, MLP), optional
            Fitted on the same training set, with this model's `factors` and `layers`; not changed.
        train, watch, progress
            As in `training.EpochModel.fit`, which says what is returned and raised.
        """
        halves = None
        if pretrained is not None and isinstance(train, Interactions):  # else `_fitting` says so
            halves = self._check_halves(pretrained, train)
        with self._fitting(train):
            run = self._start(train)
            if halves is not None:
                gmf, mlp = halves
                join(self.network_, gmf.network_, mlp.network_, self.alpha)
            self._fit(train, run, watch, progress)
        return self

    def _check_halves(self, pretrained: tuple[GMF, MLP], train: Interactions) -> tuple[GMF, MLP]:
        halves = pretrained if isinstance(pretrained, tuple) else ()
        if len(halves) != 2 or not all(map(isinstance, halves, (GMF, MLP))):
            got = [type(one).__name__ for one in halves] if halves else pretrained
            raise TypeError(f"pretrained must be a tuple (GMF, MLP), got {got!r}")
        gmf, mlp = pretrained
        for half in pretrained:
            if not hasattr(half, "network_"):
                raise NotFittedError(
                    f"pretrained must be fitted, and this {type(half).__name__} is not fitted yet"
                )
        if gmf.factors != self.factors or mlp.layers != self.layers:
            raise ValueError(
                f"pretrained must have factors={self.factors} and layers={self.layers}, got "
                f"{gmf.factors} and {mlp.layers}"
            )
        for half in pretrained:
            if half.shape != train.shape:
                raise ValueError(
                    f"pretrained must be fitted on the {train.shape} users and items of train, "
                    f"got {type(half).__name__} fitted on {half.shape}"
                )
            counted = popularity(train, half.n_negatives)
            if not (
                np.array_equal(half.popularity_, counted)
                and np.array_equal(half.cold_, train.user_counts == 0)
            ):
                raise ValueError(
                    f"pretrained must be fitted on train itself, but {type(half).__name__} has "
                    "seen other interactions"
                )
        return gmf, mlp

    def _network(self, n_users: int, n_items: int) -> NeuMFNetwork:
        return NeuMFNetwork(
            n_users, n_items, self.factors, self.layers, self.dropout, self.init_scale
        )


def join(network: NeuMFNetwork, gmf: GMFNetwork, mlp: MLPNetwork, alpha: float) -> None:
    """Copy both halves into the network; its logit is then alpha GMF's + (1 - alpha) MLP's."""
    with torch.no_grad():
        network.product.load_state_dict(gmf.product.state_dict())
        halves = network.tower.parameters(), mlp.tower.parameters()
        for target, source in zip(*halves, strict=True):  # dropout, with none, may differ
            target.copy_(source)
        weights = [alpha * gmf.output.weight, (1 - alpha) * mlp.output.weight]
        network.output.weight.copy_(torch.cat(weights, dim=1))
        network.output.bias.copy_(alpha * gmf.output.bias + (1 - alpha) * mlp.output.bias)
