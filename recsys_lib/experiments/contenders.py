"""The models of the fair table: what may be tuned of each, and how one is made from a setting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from recsys_lib.data import Interactions
from recsys_lib.models import (
    BPR,
    EASE,
    GMF,
    MLP,
    BinaryMF,
    ItemKNN,
    NeuMF,
    Recommender,
    UserKNN,
    iALS,
)

PRETRAINED, HALVES = "NeuMF, pretrained", ("GMF", "MLP")
BEYOND = 0.2  # how far out of a range a small change may lead


@dataclass(frozen=True)
class Range:
    """The values from `low` to `high` that a hyperparameter may have.

    Attributes
    ----------
    low, high : float
    log : bool
        Spread by their logarithms.
    whole : bool
        Rounded.
    ends : tuple of str
        Which of "low" and "high" are ends of the thing itself, beyond which there is nothing.
    """

    low: float
    high: float
    log: bool = True
    whole: bool = False
    ends: tuple[str, ...] = ()

    def at(self, share: float) -> float | int:
        """Return the value at a share of the way: 0 at `low`, 1 at `high`."""
        low, high = (np.log([self.low, self.high])) if self.log else (self.low, self.high)
        value = low + share * (high - low)
        value = float(np.exp(value)) if self.log else float(value)
        return max(round(value), 1) if self.whole else float(f"{value:.3g}")

    def within(self, share: float) -> float:
        """Return the nearest share that a small change may lead to."""
        low, high = (0 if end in self.ends else -BEYOND for end in ("low", "high"))
        return float(np.clip(share, low, 1 - high))


Space = Mapping[str, Range | tuple]
FACTORS = Range(8, 256, whole=True)
NEGATIVES = Range(1, 10, whole=True, ends=("low",))
SCALE = Range(0.001, 0.5)
SHRINKAGE = Range(0.1, 300, ends=("low",))
FACTORIZATION: Space = {
    "factors": FACTORS,
    "learning_rate": Range(0.003, 0.3),
    "strength": Range(0.001, 0.5),
    "frequency_power": Range(0, 1, log=False, ends=("low", "high")),
    "n_negatives": NEGATIVES,
    "biases": (True, False),
    "init_scale": SCALE,
}
NETWORK: Space = {
    "learning_rate": Range(3e-4, 0.03),
    "regularization": Range(0.03, 100),  # counted once an epoch, as at a frequency power of 1
    "weight_decay": Range(0.01, 10),
    "batch_size": Range(256, 4096, whole=True),
    "n_negatives": NEGATIVES,
}


@dataclass(frozen=True)
class Contender:
    """A kind of model, the ranges of its hyperparameters, and how long a trial may be.

    Attributes
    ----------
    kind : callable
        Makes the model from a setting.
    space : mapping
        A range, or a tuple of values, for each hyperparameter.
    epochs, patience : int
        Of a trial; 0 of a model that is no `EpochModel`, in which chance plays no part.
    every : int
        Validation is measured after the first epoch of a trial and every so many.
    """

    kind: Callable[..., Recommender]
    space: Space
    epochs: int = 0
    patience: int = 0
    every: int = 1

    def seeds(self, seeds: range) -> range:
        """Return the seeds that it is tried with: one of them, where chance plays no part."""
        return seeds if self.epochs else seeds[:1]


NETWORK_LENGTH = 120, 25
MOST = 8e12  # multiplications of a trial's layers: some ten minutes of one core
FACTORS_LENGTH = 400, 30
# The best epoch of small steps may come after hundreds: `long_search` asks what that would change.
LONG: dict[str, Any] = {"epochs": 4000, "patience": 400, "every": 5}
CONTENDERS = {
    "UserKNN": Contender(
        UserKNN,
        {
            "n_neighbors": Range(5, 4000, whole=True),  # nearly all users with a training row
            "shrinkage": SHRINKAGE,
        },
    ),
    "ItemKNN": Contender(
        ItemKNN,
        {
            "n_neighbors": Range(5, 1003, whole=True, ends=("high",)),  # all items
            "shrinkage": SHRINKAGE,
        },
    ),
    "EASE": Contender(EASE, {"regularization": Range(1, 20_000)}),
    "iALS": Contender(
        iALS,
        {
            "factors": Range(8, 384, whole=True),  # with 256 the choice lay at this end,
            "strength": Range(0.1, 200),
            "unobserved_weight": Range(0.003, 3),
            "frequency_power": Range(0, 1, log=False, ends=("low", "high")),
            "init_scale": Range(0.001, 100),  # and with 0.5, then 5, at this one
        },
        *(60, 12),  # sweeps reach far
    ),
    "BPR": Contender(BPR, FACTORIZATION, *FACTORS_LENGTH),
    "BinaryMF": Contender(BinaryMF, FACTORIZATION, *FACTORS_LENGTH),
    "GMF": Contender(GMF, {"factors": FACTORS, **NETWORK, "init_scale": SCALE}, *NETWORK_LENGTH),
    "MLP": Contender(MLP, {"tower": FACTORS, **NETWORK, "init_scale": SCALE}, *NETWORK_LENGTH),
    "NeuMF": Contender(
        NeuMF,
        {"factors": FACTORS, "tower": FACTORS, **NETWORK, "init_scale": SCALE},
        *NETWORK_LENGTH,
    ),
    # from the chosen GMF and MLP, whose sizes it has to have
    PRETRAINED: Contender(
        NeuMF,
        {
            "alpha": Range(0, 1, log=False, ends=("low", "high")),
            **NETWORK,
            "learning_rate": Range(1e-6, 0.003),
        },
        *NETWORK_LENGTH,
    ),
}


def shared_out(kind: Callable, setting: dict, train: Interactions) -> dict:
    """Return a setting with the regularization that has its strength for the average user."""
    given = dict(setting)
    if "strength" in given:
        strength, power = given.pop("strength"), given["frequency_power"]
        n = len(train) / train.n_users
        if kind is iALS:
            n += given["unobserved_weight"] * train.n_items
            power -= 1  # there the penalty grows with the weight of the row
        else:
            n *= given["n_negatives"] + (isinstance(kind, type) and issubclass(kind, BinaryMF))
        given["regularization"] = float(f"{strength * n**power:.3g}")
    return given


def hyperparameters(setting: dict) -> dict:
    """Return a setting as a model takes it: the size of a tower becomes those of its layers."""
    given = dict(setting)
    if "tower" in given:
        d = given.pop("tower")
        given["layers"] = (2 * d, d, max(d // 2, 1), max(d // 4, 1))
    return given


def longest(
    name: str,
    setting: dict,
    train: Interactions,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> int:
    """Return how many epochs a trial may have: those of its kind, or fewer of a large tower.

    A sample takes each weight of the layers once on its way up, and twice on its way down.
    """
    epochs, layers = contenders[name].epochs, hyperparameters(setting).get("layers")
    if layers is None:
        return epochs
    weights = sum(a * b for a, b in pairwise(layers)) + layers[-1]
    samples = len(train) * (1 + setting.get("n_negatives", 0))
    return max(1, min(epochs, int(MOST / (3 * weights * samples))))


def made(
    name: str, setting: dict, contenders: Mapping[str, Contender] = CONTENDERS, **more: Any
) -> Any:
    """Return a contender with its setting, and with what else it is given, such as a seed."""
    return contenders[name].kind(**hyperparameters(setting) | more)


def fitted(
    name: str,
    settings: Mapping[str, dict],
    train: Interactions,
    seed: int,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> Recommender:
    """Fit a model as it was chosen; a pretrained one from the chosen halves with the same seed."""
    if not contenders[name].epochs:
        return made(name, settings[name], contenders).fit(train)
    model = made(name, settings[name], contenders, seed=seed)
    return model.fit(train, **fit_arguments(name, settings, train, seed, contenders))


def fit_arguments(
    name: str,
    settings: Mapping[str, dict],
    train: Interactions,
    seed: int,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> dict:
    """Return what `fit` is given besides the training set: nothing, or trained halves."""
    return halves(settings, train, seed, contenders) if name == PRETRAINED else {}


def halves(
    settings: Mapping[str, dict],
    train: Interactions,
    seed: int,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> dict:
    """Return what a NeuMF that starts from trained halves is given to fit: both, as chosen."""
    return {"pretrained": tuple(fitted(h, settings, train, seed, contenders) for h in HALVES)}
