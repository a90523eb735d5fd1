"""What stands between GMF and BinaryMF, which are both dot products (chapter 8).

They differ in their recipe: the size and the number of negatives that the search chose, biases, and
how they are trained: AdamW in batches with a penalty once an epoch, or plain single steps with a
penalty at each. All rungs are the dot product with an intercept and nothing else; they differ in
biases and in the way of training. What remains free is tuned again with as many trials for all, so
that no step is held back by settings that were chosen for another.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch

from recsys_lib.data import Interactions
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.contenders import CONTENDERS, FACTORIZATION, Contender, Space
from recsys_lib.experiments.protocol import SEEDS, paper_split, tuning_split
from recsys_lib.experiments.search import searched
from recsys_lib.experiments.testing import again, compared, on_test
from recsys_lib.experiments.units import Units
from recsys_lib.models import GMF, BinaryMF
from recsys_lib.models.network import embedding
from recsys_lib.models.neumf import GMFNetwork
from recsys_lib.models.training import Run

TRIALS = 24
SHARED = ("factors", "n_negatives")
BATCHES, STEPS = "AdamW in batches", "single steps"
WITHOUT, WITH = "without biases", "with biases"
RUNGS = [f"{way}, {biases}" for way in (BATCHES, STEPS) for biases in (WITHOUT, WITH)]
PAIRS = [
    (RUNGS[0], "GMF"),  # size and negatives, no weights of the output, fewer trials
    (RUNGS[1], RUNGS[0]),  # biases, in batches
    (RUNGS[3], RUNGS[2]),  # biases, in single steps
    (RUNGS[2], RUNGS[0]),  # the way of training, without biases
    (RUNGS[3], RUNGS[1]),  # the way of training, with biases
    (RUNGS[3], RUNGS[0]),  # both
    ("BinaryMF", RUNGS[3]),  # another search, in which biases were free
    ("BinaryMF", "GMF"),
]


class DotNetwork(GMFNetwork):
    """GMF's with the weights of its output held at 1: the dot product and an intercept."""

    def __init__(self, n_users: int, n_items: int, factors: int, init_scale: float = 0.1):
        super().__init__(n_users, n_items, factors, init_scale)
        self.output.weight.requires_grad_(False)


class BiasedNetwork(DotNetwork):
    """The same, with a bias for each user and each item, which start at 0."""

    def __init__(self, n_users: int, n_items: int, factors: int, init_scale: float = 0.1):
        super().__init__(n_users, n_items, factors, init_scale)
        self.user_bias, self.item_bias = embedding(n_users, 1, 0.0), embedding(n_items, 1, 0.0)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the logit of each pair, shape (n,)."""
        biases = self.user_bias(users) + self.item_bias(items)
        return super().forward(users, items) + biases.squeeze(-1)


class DotGMF(GMF):
    """GMF as a plain dot product with an intercept."""

    def _network(self, n_users: int, n_items: int) -> DotNetwork:
        return DotNetwork(n_users, n_items, self.factors, self.init_scale)


class Steps(BinaryMF):
    """BinaryMF, which without biases keeps the intercept."""

    def _start(self, train: Interactions) -> Run:
        run = super()._start(train)
        self.intercept_ = -math.log(self.n_negatives)
        return run


class BiasedGMF(GMF):
    """GMF with the biases that BinaryMF has."""

    def _network(self, n_users: int, n_items: int) -> BiasedNetwork:
        return BiasedNetwork(n_users, n_items, self.factors, self.init_scale)


def contenders(settings: Mapping[str, dict]) -> dict[str, Contender]:
    """Return the rungs, all of the size and with the negatives that BinaryMF has chosen."""
    held: Space = {name: (settings["BinaryMF"][name],) for name in SHARED}
    found = {}
    for name, kind in zip(RUNGS[:2], (DotGMF, BiasedGMF), strict=True):
        one = CONTENDERS["GMF"]
        found[name] = replace(one, kind=kind, space={**one.space, **held})
    for name, biases in zip(RUNGS[2:], (False, True), strict=True):
        one = CONTENDERS["BinaryMF"]
        space: Space = {**FACTORIZATION, **held, "biases": (biases,)}
        found[name] = replace(one, kind=Steps, space=space)
    return found


def run(
    ratings: Interactions,
    candidates: Candidates,
    search: dict,
    seeds: range = SEEDS,
    units: Units | None = None,
) -> dict:
    """Tune what lies between the two alike, test each, and compare each step."""
    units, split = units or Units(), paper_split(ratings)
    rungs = contenders(search["settings"])
    found = searched(rungs, tuning_split(split), units, TRIALS)
    ends = {name: search["settings"][name] for name in ("GMF", "BinaryMF")}
    result, tables = on_test(
        ends | found["settings"], split, candidates, seeds, units, CONTENDERS | rungs
    )
    for name, one in result.items():
        found["models"][name] = found["models"].get(name, {}) | one
    return found | {"pairs": compared(tables, PAIRS)}


def quick(found: dict, ratings: Interactions, candidates: Candidates, search: dict) -> dict:
    """The test of single steps with biases, with the first seed."""
    rungs, name = contenders(search["settings"]), RUNGS[3]
    return {"models": again(name, found["settings"], ratings, candidates, rungs)}
