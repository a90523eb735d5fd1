"""Can a network learn a dot product? After Rendle et al. (2020), for chapter 8."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

SIZES = (1_000, 10_000, 100_000)
DIMENSIONS = (4, 16, 64)


def pairs(n: int, dimension: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return n pairs of random arrows, side by side, and their dot products with variance 1."""
    p, q = rng.normal(size=(2, n, dimension)).astype(np.float32)
    return torch.tensor(np.hstack([p, q])), torch.tensor((p * q).sum(1) / dimension**0.5)


def learn(dimension: int, n: int, seed: int, steps: int = 5000) -> float:
    """Fit a tower to n examples and return its RMSE on new ones, where its validation was best."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    (x, y), valid, test = (pairs(size, dimension, rng) for size in (n, 5000, 20000))
    sizes = 2 * dimension, 4 * dimension, 2 * dimension, dimension, 1
    layers = [(nn.Linear(m, k), nn.ReLU()) for m, k in pairwise(sizes)]
    net = nn.Sequential(*sum(layers, ())[:-1])  # no ReLU at the output
    adam = torch.optim.Adam(net.parameters(), lr=0.003)
    best, result = np.inf, np.inf
    for step in range(1, steps + 1):
        batch = torch.randint(n, (256,))
        loss = ((net(x[batch]).squeeze(1) - y[batch]) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 100 == 0:
            error = rmse(net, *valid)
            if error < best:
                best, result = error, rmse(net, *test)
    return result


def rmse(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the root of the mean squared error of a network on some pairs."""
    with torch.no_grad():
        return float(((net(x).squeeze(1) - y) ** 2).mean().sqrt())
