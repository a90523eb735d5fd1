r"""Does the loss decide, or the architecture? On the paper's data, for chapter 11.

Every loss that the course derives is tried with a dot product (and a bias of the item) and with the
tower of chapter 7, all by one training loop and one search. A training example is a positive i of a
user u with n sampled negatives j; x are the scores:

.. math::

    \text{squared} &: (1 - x_{ui})^2 + \sum_j x_{uj}^2 &
    \text{logistic} &: -\log \sigma(x_{ui}) - \sum_j \log \sigma(-x_{uj}) \\
    \text{BPR} &: -\sum_j \log \sigma(x_{ui} - x_{uj}) &
    \text{softmax} &: -\log \frac{e^{x_{ui}}}{e^{x_{ui}} + \sum_j e^{x_{uj} + c}}

With :math:`c = \log(m / n)`, where m is the number of items that the user has not met, the sum
estimates that over all m: sampled softmax with its correction (Bengio and Senecal 2008). For the
dot product, which scores all items by one matrix product, the sum over all m stands beside it.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from recsys_lib.data import Interactions
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import (
    FACTORS,
    NETWORK,
    NETWORK_LENGTH,
    SCALE,
    Contender,
    Range,
    Space,
)
from recsys_lib.experiments.protocol import SEEDS, paper_split, tuning_split
from recsys_lib.experiments.search import searched
from recsys_lib.experiments.testing import again, compared, on_test
from recsys_lib.experiments.units import Units
from recsys_lib.models.implicit import NegativeSampler, by_user
from recsys_lib.models.mlp import MLPNetwork
from recsys_lib.models.network import NetworkModel, NetworkRun, embedding, one_thread
from recsys_lib.models.neumf import Product
from recsys_lib.models.training import Row
from recsys_lib.validation import check_choice, check_int

TRIALS = 24
QUICK = "logistic, dot product"
Scores = torch.Tensor  # (examples, 1 + n_negatives), the positive first


def squared(x: Scores, correction: torch.Tensor) -> torch.Tensor:
    """Return the loss of each example."""
    return (1 - x[:, 0]) ** 2 + (x[:, 1:] ** 2).sum(dim=1)


def logistic(x: Scores, correction: torch.Tensor) -> torch.Tensor:
    """Return the loss of each example: binary cross-entropy of all its samples."""
    return softplus(-x[:, 0]) + softplus(x[:, 1:]).sum(dim=1)


def bpr(x: Scores, correction: torch.Tensor) -> torch.Tensor:
    """Return the loss of each example, over its pairs."""
    return softplus(x[:, 1:] - x[:, :1]).sum(dim=1)


def softmax(x: Scores, correction: torch.Tensor) -> torch.Tensor:
    """Return the loss of each example; the negatives stand for all that they were drawn from."""
    logits = torch.cat([x[:, :1], x[:, 1:] + correction[:, None]], dim=1)
    return cross_entropy(logits, torch.zeros(len(x), dtype=torch.int64), reduction="none")


LOSSES: dict[str, Callable[[Scores, torch.Tensor], torch.Tensor]] = {
    "squared": squared,
    "logistic": logistic,
    "BPR": bpr,
    "sampled softmax": softmax,
}
WHOLE = "softmax"


class DotNetwork(nn.Module):
    """The dot product, plus a bias of the item."""

    def __init__(self, n_users: int, n_items: int, factors: int, init_scale: float):
        super().__init__()
        self.product = Product(n_users, n_items, factors, init_scale)
        self.item_bias = embedding(n_items, 1, 0.0)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the score of each pair, shape (n,)."""
        return self.product(users, items).sum(dim=-1) + self.item_bias(items).squeeze(-1)

    def of_all(self, users: torch.Tensor) -> torch.Tensor:
        """Return the scores of all items, shape (n, n_items)."""
        embeddings = self.product.item_embedding.weight
        return self.product.user_embedding(users) @ embeddings.T + self.item_bias.weight.T


class LossModel(NetworkModel):
    """One of the losses with a dot product or with a tower.

    Parameters
    ----------
    loss : str
        A key of `LOSSES`, or "softmax" over all items that the user has not met, for a dot product
        alone and without `n_negatives`.
    factors : int
        Length of the embeddings.
    layers : sequence of int, optional
        Of the tower, as in `MLP`; empty: a dot product.
    batch_size : int
        Positives in a step, each with its negatives.
    learning_rate, regularization, weight_decay, init_scale, device
        As in `network.NetworkModel`.
    n_negatives, epochs, patience, metric, seed
        As in `implicit.ImplicitModel`.
    """

    _met: torch.Tensor

    def __init__(
        self,
        loss: str = "logistic",
        factors: int = 32,
        layers: tuple[int, ...] = (),
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
        self.loss = check_choice("loss", loss, (*LOSSES, WHOLE))
        self.factors = check_int("factors", factors, minimum=1)
        self.layers = tuple(layers)
        if self.layers and loss == WHOLE:
            raise ValueError("the softmax over all items is for a dot product, not layers")
        self._check_network(
            learning_rate, regularization, weight_decay, batch_size, init_scale, device
        )
        self._check_implicit(n_negatives, epochs, patience, metric, seed)
        if loss == WHOLE and n_negatives:
            raise ValueError(f"n_negatives must be 0 where all items compete, got {n_negatives}")

    def _begin(self, train: Interactions) -> None:
        super()._begin(train)
        if self.loss == WHOLE:  # which looks at every item, met or not
            self.unseen_ = np.zeros(train.n_items, dtype=bool)
            self._met = torch.as_tensor(train.to_csr("ones").toarray() > 0)

    def _network(self, n_users: int, n_items: int) -> nn.Module:
        if self.layers:
            return MLPNetwork(n_users, n_items, self.layers, init_scale=self.init_scale)
        return DotNetwork(n_users, n_items, self.factors, self.init_scale)

    def _epochs(self, train: Interactions, run: NetworkRun) -> Iterator[Row]:
        (users, positives), sampler = by_user(train), NegativeSampler(train)
        n_unmet = train.n_items - train.user_counts
        corrections = np.log(n_unmet / max(self.n_negatives, 1)).astype(np.float32)
        n = self.n_negatives
        while True:
            negatives = sampler.draw(users, n, run.rng)
            order = run.rng.permutation(len(users))
            items = np.column_stack([positives, negatives])[order]
            columns = users[order], items, corrections[users[order]]
            loss = 0.0
            with one_thread(), run.random_numbers():
                for batch in self._batches(*columns):
                    losses = self._losses(*batch) / (1 + n)  # by samples, as the penalty counts
                    losses.mean().backward()
                    run.optimizer.step()
                    run.optimizer.zero_grad()
                    loss += float(losses.sum().detach())
            yield {"loss": loss / len(users)}

    def _losses(
        self, users: torch.Tensor, items: torch.Tensor, corrections: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each example of a batch."""
        if isinstance(self.network_, DotNetwork) and self.loss == WHOLE:
            positives = items[:, 0].long()
            scores = self.network_.of_all(users)
            others = self._met[users.long()].scatter(1, positives[:, None], False)
            return cross_entropy(
                scores.masked_fill(others, -torch.inf), positives, reduction="none"
            )
        x = self.network_(users.repeat_interleave(items.shape[1]), items.ravel())
        return LOSSES[self.loss](x.view(items.shape), corrections)


SHARED: Space = {
    **{name: NETWORK[name] for name in ("learning_rate", "regularization", "n_negatives")},
    "batch_size": Range(32, 1024, whole=True),
    "init_scale": SCALE,
}
ARCHITECTURES: dict[str, Space] = {
    "dot product": {"factors": FACTORS},
    "tower": {"tower": FACTORS, "weight_decay": NETWORK["weight_decay"]},
}
# what a sum over the whole catalog is estimated from
MANY: Space = {"n_negatives": Range(1, 64, whole=True, ends=("low",))}
CONTENDERS = {
    f"{loss}, {name}": Contender(
        LossModel,
        {"loss": (loss,), **own, **SHARED, **(MANY if loss == "sampled softmax" else {})},
        *NETWORK_LENGTH,
    )
    for name, own in ARCHITECTURES.items()
    for loss in LOSSES
}
CONTENDERS[f"{WHOLE}, dot product"] = Contender(
    LossModel,
    {"loss": (WHOLE,), **ARCHITECTURES["dot product"], **SHARED, "n_negatives": (0,)},
    *NETWORK_LENGTH,
)
PAIRS = [(f"{loss}, tower", f"{loss}, dot product") for loss in LOSSES] + [
    (f"{one}, {name}", f"{other}, {name}")
    for name in ARCHITECTURES
    for one, other in combinations(LOSSES, 2)
]
PAIRS += [(f"{WHOLE}, dot product", f"{loss}, dot product") for loss in LOSSES]


def run(
    ratings: Interactions,
    candidates: Candidates,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Tune every loss with both architectures alike, and test each choice once."""
    units, split = units or Units(), paper_split(ratings)
    found = searched(CONTENDERS, tuning_split(split), units, TRIALS)
    result, tables = on_test(found["settings"], split, candidates, seeds, units, CONTENDERS)
    for name, one in result.items():
        found["models"][name] |= one
    return found | {"pairs": compared(tables, PAIRS)}


def quick(found: dict, ratings: Interactions, candidates: Candidates) -> dict:
    """The test of the logistic loss with a dot product, with the first seed."""
    return {"models": again(QUICK, found["settings"], ratings, candidates, CONTENDERS)}
