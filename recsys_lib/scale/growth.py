r"""How the time and the memory of every model grow: formulas, and what is measured beside them.

A formula is a text in the symbols of the book's notation page (`SYMBOLS` has them all), such as
``N (1 + s) 7 k``, and it is this text that is computed: what is shown cannot differ from it. Each
model has five, read off its code: multiplications made once and in each epoch, bytes of what is
learned, bytes that a fit holds besides at its peak, and multiplications for the scores of one user.
(Where a model only adds, compares or looks up, these are counted.) Seconds are multiplications
divided by a rate, which `measured` measures: a fit of one epoch in a process of its own.

What a machine can hold and do in a day then says where a model breaks as the data grow, and by
what: `breaks_first`. The sizes are those of Amazon Reviews 2023 (Hou et al. 2024), whole or with
all three sides smaller in proportion.
"""

import ctypes
import functools
import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log2
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_lib import models
from recsys_lib.data.features import Features
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Recommender
from recsys_lib.validation import check_choice, check_int, check_kind, check_real

GB, DAY = 1e9, 86_400.0
SYMBOLS = {
    "N": "number of ratings",
    "m": "number of users",
    "n": "number of items",
    "n_u": "ratings that the user of a rating has, on average over the ratings",
    "n_i": "ratings that the item of a rating has, on average over the ratings",
    "f": "features of an item, on average",
    "p": "number of features",
    "k": "factors; of UserKNN and ItemKNN, neighbors",
    "s": "negatives sampled for a positive",
    "b": "samples in a step",
    "z": "length of an embedding of the tower, half of its first layer",
    "W": "weights and biases of the layers above the embeddings",
    "B": "blocks",
    "L": "events that are read at most",
    "l": "events that are read, on average: at most L, and at most n_u",
    "c": "items among which what comes next is told from others",
    "t": "pairs that a sparse table of pairs keeps",
    "a": "bytes of an index of that table: 4, from 2 billion pairs on 8",
    "r": "cells of the table of the last L events of all users",
    "q": "repetitions until nothing changes, or products until the solver is done: counted, see Q",
}
# How often the iterations of two models go on, which hangs on the data: counted on made data of
# 100,000 ratings. Biases: sweeps. SVD: products with the matrix, and as many with its transpose.
Q = {"Biases": 40, "SVD": 110}
_FUNCTIONS: dict[str, Any] = {"min": min, "max": max, "log2": log2, "__builtins__": {}}


@dataclass(frozen=True)
class Formula:
    """A text that is a formula, and its value.

    Numbers, symbols and brackets with a space between them are multiplied; ``²`` and ``³`` are
    powers; ``min``, ``max`` and ``log2`` are functions. What follows a ``/`` is one symbol, number
    or bracket.

    Examples
    --------
    >>> from recsys_lib.scale.growth import Formula
    >>> sweep = Formula("k² (2 N + k (m + n))")
    >>> sweep({"k": 2, "N": 10, "m": 3, "n": 4})
    136.0
    """

    text: str

    def __call__(self, values: Mapping[str, float]) -> float:
        """Return the value for values of the symbols."""
        return float(eval(_compiled(self.text), _FUNCTIONS, dict(values)))

    def __str__(self) -> str:
        return self.text


@functools.cache
def _compiled(text: str) -> CodeType:
    """Return the text, which is one of this module or of a reader's own, as Python can have it."""
    product = re.sub(r"(?<=[\w)²³]) (?=[\w(])", " * ", text)
    return compile(product.replace("²", "**2").replace("³", "**3"), "<formula>", "eval")


@dataclass(frozen=True)
class Growth:
    """The formulas of one model.

    Attributes
    ----------
    once, epoch : Formula
        Multiplications of a fit, and of each of its epochs or sweeps.
    learned : Formula
        Bytes of all learned arrays whose size hangs on the data or on a hyperparameter.
    temporary : Formula
        Bytes that a fit holds at its peak besides these and the training set, in leading terms.
    one_user : Formula
        Multiplications for one user's scores of all items.
    pairs : Formula
        The symbol t, at most: which pairs there are hangs on the data.
    """

    once: Formula
    epoch: Formula
    learned: Formula
    temporary: Formula
    one_user: Formula
    pairs: Formula = Formula("0")


def _growth(
    learned: str, temporary: str, one_user: str, once: str = "0", epoch: str = "0", pairs: str = "0"
) -> Growth:
    return Growth(*map(Formula, (once, epoch, learned, temporary, one_user, pairs)))


def _of_network(
    numbers: str, samples: str, each: str, besides: str, of_tables: str, kept: str, one_user: str
) -> Growth:
    """Return the formulas of a network.

    Forward and back are three times the multiplications of forward. Adam takes some ten for each
    number of the network in each step, those of users and items included that are not in it.
    Besides the numbers, their gradient and two running means are held.
    """
    return _growth(
        f"4 ({numbers}) + {kept}",
        f"12 ({numbers}) + {besides}",
        one_user,
        epoch=f"{samples} (3 ({each}) + 10 ({of_tables}) / b)",
    )


# the columns of an epoch's samples, and of the sampler; of a network's samples, one row for each
_SAMPLES = "N (32 + 8 s)"
_ROWS = "24 N (1 + s)"
# cold_ and popularity_; and unseen_, or scale_
_PERSONAL, _IMPLICIT, _RATINGS = "m + 4 n", "m + 5 n", "m + 4 n + 16"
_MATRIX = "8 N + 4 (m + 1)"  # matrix_, in rows of users
_PAIRS = "12 t + 8 ({} + 1)"  # similarity_, with indices of 8 bytes
_EVENTS = f"4 N + 8 (m + 1) + {_PERSONAL}"  # events_ and offsets_ too
_SGD = "N (1 + s) (7 k + 10)"
_SEQUENCE = "(N - m)"  # what follows nothing is not predicted
_LOGITS = "12 b c + 4 n k"
GROWTH = {
    "Popularity": _growth("4 n", "8 N + 8 n", "n", once="N"),
    "Biases": _growth("8 (m + n) + 16", "32 N + 8 (m + n)", "n", once="6 q N"),
    "UserKNN": _growth(
        f"{_PAIRS.format('m')} + {_MATRIX} + {_PERSONAL}",
        "32 N + 32 m + 12 t + 8 min(t, 3e7)",
        "k n_u + n",
        once="N n_i",
        pairs="min(m k, N n_i)",
    ),
    "ItemKNN": _growth(
        f"{_PAIRS.format('n')} + {_MATRIX} + {_PERSONAL}",
        "32 N + 32 n + 12 t + 8 min(t, 3e7)",
        "k n_u + n",
        once="N n_u",
        pairs="min(n k, N n_u)",
    ),
    "RecentItemKNN": _growth(
        f"{_PAIRS.format('n')} + 12 N + 8 (m + 1) + {_PERSONAL}",
        "32 N + 32 n + 12 t + 8 min(t, 3e7)",
        "k n_u + n",
        once="N n_u",
        pairs="min(n k, N n_u)",
    ),
    "SVD": _growth(
        "8 (m + n) (k + 2) + 8 k + m + 4 n + 16",
        "24 N + 8 (m + n) k + 16 min(m, n) k",
        "n k",
        once="q (2 N + 4 k min(m, n))",
    ),
    "MF": _growth(
        f"4 (m + n) (k + 1) + {_RATINGS}", "max(20 N, 8 m k)", "n k", epoch="N (7 k + 10)"
    ),
    "ALS": _growth(
        f"8 (m + n) (k + 1) + {_RATINGS}",
        "40 N + 16 (m + n)",
        "n k",
        epoch="(k + 1)² (2 N + ((k + 1) / 3 + 1) (m + n))",
    ),
    "BinaryMF": _growth(f"4 (m + n) (k + 1) + {_IMPLICIT}", _SAMPLES, "n k", epoch=_SGD),
    "BPR": _growth(
        f"4 (m + n) k + 4 n + {_IMPLICIT}", _SAMPLES, "n k", epoch="N s (10 k + 10)"
    ),
    "iALS": _growth(
        f"4 (m + n) k + {_PERSONAL}",
        "16 N + 8 m k",
        "n k",
        epoch="k² (2 N + (k / 6 + 2) (m + n))",
    ),
    "EASE": _growth(
        f"4 n² + {_MATRIX} + {_PERSONAL}",
        "max(8 n², 4 n² + 12 t)",
        "n_u n",
        once="N n_u + n³ / 2",
        pairs="min(n², N n_u)",
    ),
    "FeatureMF": _growth(
        f"8 (m + n) (k + 1) + 4 p (k + 1) + {_IMPLICIT}",
        f"{_SAMPLES} + N (1 + s) + 28 n f",
        "n k",
        epoch="N (1 + s) k (11 + 5 f)",
    ),
    "Content": _growth(
        f"8 n f + 4 (n + 1) + {_MATRIX} + {_PERSONAL}", "12 n f", "n f", once="4 n f"
    ),
    "MappedFactors": _growth(
        f"4 (m + n) k + 2 ({_PERSONAL})",
        "16 N + 8 m k + 16 min(n, p)² + 16 n k",
        "n k",
        once="min(n, p)³ / 3 + n f² + n f k",
        epoch="k² (2 N + (k / 6 + 2) (m + n))",
    ),
    **{
        name: _of_network(
            f"{tables} + W", "N (1 + s)", each, _ROWS, tables, _IMPLICIT, one_user
        )
        for name, tables, each, one_user in (
            ("GMF", "(m + n) k", "2 k", "2 n k"),
            ("MLP", "(m + n) z", "W", "n W"),
            ("NeuMF", "(m + n) (k + z)", "W + k", "n (W + k)"),
        )
    },
    "Decay": _growth(
        f"16 N + 8 (n + 1) + 8 m + {_PERSONAL}", "8 N + 8 m", "32 n", once="N log2(N) + 32 N"
    ),
    "Markov": _growth(
        f"(4 + a) t + a (n + 1) + 4 n + 12 r + 8 (m + 1) + {_PERSONAL}",
        "12 t + 12 N",
        "min(L, n_u) t / n + 2 n",
        once="N L (L + 1) / 2",
        pairs="min(n², N L)",
    ),
    "Bag": _of_network(
        "n k + W", _SEQUENCE, "W + c k", _LOGITS, "n k", _EVENTS, "n k + l W"
    ),
    "SASRec": _of_network(
        "n k + L k + W", _SEQUENCE, "W + 2 B k l + c k", _LOGITS, "n k", _EVENTS,
        "n k + l (W + 2 B k l)",
    ),
    "GRU4Rec": _of_network(
        "n k + W", _SEQUENCE, "W + c k", _LOGITS, "n k", _EVENTS, "n k + l W"
    ),
}  # fmt: skip
DATA = Formula("20 N + 8 (m + n)")  # bytes of the training set itself, its identifiers numbers


# ---- sizes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """How large a data set is.

    Attributes
    ----------
    rows, users, items : int
    of_user, of_item : float
        How many ratings the user, and the item, of a rating has, on average over the ratings: more
        than users and items have on average, as those with many are met often. All pairs of two
        items of one user, or of two users of one item, are ``rows`` times as many.
    features, each : float
        Number of features, and how many of them an item has.

    Raises
    ------
    TypeError, ValueError
        If one is no number; if rows, users or items are fewer than 1, another below 0.

    Examples
    --------
    >>> from recsys_lib.scale.growth import AMAZON
    >>> AMAZON.scaled(1_000_000).users
    95374
    """

    rows: int
    users: int
    items: int
    of_user: float
    of_item: float
    features: float = 10_000
    each: float = 20

    def __post_init__(self) -> None:
        for name in ("rows", "users", "items"):
            check_int(name, getattr(self, name), minimum=1)
        for name in ("of_user", "of_item", "features", "each"):
            check_real(name, getattr(self, name), minimum=0)

    @classmethod
    def of(cls, train: Interactions) -> "Sizes":
        """Return the sizes of a training set.

        Examples
        --------
        >>> from recsys_lib import data
        >>> from recsys_lib.scale.growth import Sizes
        >>> sizes = Sizes.of(data.load())
        >>> round(sizes.of_user), round(sizes.of_item)
        (507, 63)
        """
        tails = (
            float((counts.astype(np.float64) ** 2).sum() / len(train))
            for counts in (train.user_counts, train.item_counts)
        )
        sizes = cls(len(train), *train.shape, *tails)
        if train.item_features is None:
            return sizes
        matrix = train.item_features.matrix
        return replace(sizes, features=matrix.shape[1], each=matrix.nnz / train.n_items)

    def scaled(self, rows: float) -> "Sizes":
        """Return as many rows with users and items in proportion, who have as much each."""
        rows = check_real("rows", rows, minimum=1)
        part = rows / self.rows
        return replace(
            self,
            rows=round(rows),
            users=max(1, round(self.users * part)),
            items=max(1, round(self.items * part)),
        )


def size_biased(mean: float, median: float) -> float:
    """Return how many ratings the user of a rating has, of a log-normal long tail.

    With logarithms of standard deviation σ, the mean is the median times ``exp(σ² / 2)``, and the
    mean over the ratings is the mean times ``exp(σ²)``: the mean's third power over the median's
    second.

    Examples
    --------
    >>> from recsys_lib.scale.growth import size_biased
    >>> size_biased(mean=10, median=2)
    250.0
    """
    return mean**3 / median**2


# Hou et al. 2024. How long the tails are, their table does not say, and it is assumed here: the
# median user has two ratings, the median item one, and the most popular item then some 200,000.
_COUNTS = 571_540_000, 54_510_000, 48_190_000
AMAZON = Sizes(
    *_COUNTS, size_biased(_COUNTS[0] / _COUNTS[1], 2), size_biased(_COUNTS[0] / _COUNTS[2], 1)
)


# ---- costs ---------------------------------------------------------------------------------------


class Rate(NamedTuple):
    """Multiplications a second: of a fit, and of the scores of users."""

    fit: float
    scores: float


@dataclass(frozen=True)
class Cost:
    """What a model takes.

    Attributes
    ----------
    data, learned, temporary : float
        Gigabytes of the training set, of the learned arrays, and of what a fit holds besides.
    fit, scoring : float
        Seconds of a fit, and of the scores of all users.
    """

    data: float
    learned: float
    temporary: float
    fit: float
    scoring: float

    @property
    def gigabytes(self) -> float:
        """Gigabytes at the peak of a fit."""
        return self.data + self.learned + self.temporary

    @property
    def seconds(self) -> float:
        """Seconds of a fit."""
        return self.fit


def with_defaults(name: str, **settings: Any) -> Recommender:
    """Return the model of this name, not fitted, with its defaults but for what is given.

    Examples
    --------
    >>> from recsys_lib.scale.growth import with_defaults
    >>> with_defaults("EASE")
    EASE(regularization=250.0)
    """
    check_choice("name", name, GROWTH)
    if name == "MappedFactors":
        return models.MappedFactors(models.iALS(**settings))
    return getattr(models, name)(**settings)


def _known(model: str | Recommender) -> tuple[str, Recommender]:
    """Return the name of a model whose formulas are here, and the model, or raise."""
    if isinstance(model, str):
        return check_choice("model", model, GROWTH), with_defaults(model)
    check_kind("model", model, Recommender, "a model or the name of one")
    name = type(model).__name__
    if name not in GROWTH or type(model) is not getattr(models, name):
        raise ValueError(
            f"model must be of the library itself, one of {', '.join(GROWTH)}, got {model!r}: what "
            f"one of one's own takes is in its code, and not in that of the class it comes from"
        )
    if isinstance(model, models.MappedFactors) and type(model.model) is not models.iALS:
        raise ValueError(f"model must have the factors of iALS, got {model!r}")
    return name, model


def _rate(name: str, rates: Mapping[str, Rate] | None) -> Rate:
    """Return the rate of a model, or raise."""
    known = RATES if rates is None else rates
    check_kind("rates", known, Mapping, "a dict of Rate by the model's name")
    if name not in known:
        given = ", ".join(map(repr, known)) or "none"
        raise ValueError(f"rates must have one for {name!r}, got {given}")
    check_kind(f"rates[{name!r}]", known[name], Rate, "a Rate")
    if min(known[name]) <= 0:
        raise ValueError(f"rates[{name!r}] must be of positive numbers, got {known[name]}")
    return known[name]


def _names(names: Sequence[str]) -> list[str]:
    """Return names of models, or raise if they are none, or one of them is not known."""
    if isinstance(names, str):
        raise TypeError(f"names must be a sequence of names, got the text {names!r}")
    found = [check_choice("names", name, GROWTH) for name in names]
    if not found:
        raise ValueError(f"names must have at least one of {', '.join(GROWTH)}, got none")
    return found


def _rows(rows: Sequence[float]) -> list[float]:
    """Return numbers of rows, or raise if they are none or one is too small."""
    found = [check_real("rows", one, minimum=1) for one in rows]
    if not found:
        raise ValueError("rows must have at least one number, got none")
    return found


def symbols(model: str | Recommender, sizes: Sizes) -> dict[str, float]:
    """Return the value of every symbol of a model's formulas.

    Parameters and errors are as of `costs`.

    Examples
    --------
    >>> from recsys_lib.scale.growth import AMAZON, symbols
    >>> symbols("BPR", AMAZON)["k"]
    32
    """
    name, model = _known(model)
    check_kind("sizes", sizes, Sizes, "Sizes, such as Sizes.of(train)")
    given = getattr(model, "model", model).parameters
    found: dict[str, float] = {
        **{"N": sizes.rows, "m": sizes.users, "n": sizes.items},
        **{"n_u": min(sizes.of_user, sizes.items), "n_i": min(sizes.of_item, sizes.users)},
        **{"f": sizes.each, "p": sizes.features, "q": Q.get(name, 0)},
        "k": given.get("factors", given.get("n_neighbors", 0)),
    }
    for symbol, key in {
        "s": "n_negatives",
        "b": "batch_size",
        "B": "blocks",
        "L": "length",
    }.items():
        found[symbol] = given.get(key, 0)
    layers = given.get("layers", (0,))
    found["z"], found["W"] = layers[0] // 2, _weights(name, found, layers)
    found["l"] = min(found["L"], found["n_u"])
    found["c"] = found["n"] if given.get("loss") == "softmax" else 1 + found["s"]
    found["r"] = min(found["N"], found["m"] * found["L"])
    found["t"] = GROWTH[name].pairs(found)
    found["a"] = 4 if found["t"] < 2**31 else 8
    return found


def _weights(name: str, found: Mapping[str, float], layers: Sequence[int]) -> float:
    """Return how many weights and biases stand above the embeddings (W)."""
    k, blocks = found["k"], found["B"]
    tower = sum((size + 1) * above for size, above in pairwise(layers))
    of = {
        "GMF": k + 1,
        "MLP": tower + layers[-1] + 1,
        "NeuMF": tower + layers[-1] + k + 1,
        "Bag": blocks * (2 * k * k + 4 * k) + 2 * k,
        "SASRec": blocks * (5 * k * k + 6 * k) + 2 * k,
        "GRU4Rec": blocks * (6 * k * k + 6 * k) + 2 * k,
    }
    return of.get(name, 0)


def costs(model: str | Recommender, sizes: Sizes, rates: Mapping[str, Rate] | None = None) -> Cost:
    """Return what a model takes on data of these sizes.

    Parameters
    ----------
    model : str or Recommender
        The name of a model, which has its defaults then, or one that need not be fitted. It is
        one of `GROWTH`: of a model of one's own no formula is known, whatever it is derived from.
    sizes : Sizes
    rates : dict of Rate, optional
        By the model's name; by default `RATES`.

    Raises
    ------
    TypeError, ValueError
        If there is no such model or no formula for it, `sizes` are none, or `rates` has no positive
        rate of the model.

    Examples
    --------
    >>> from recsys_lib.models import MF
    >>> from recsys_lib.scale.growth import AMAZON, costs
    >>> round(costs(MF(factors=16), AMAZON).learned, 1)  # gigabytes
    7.2
    """
    name, model = _known(model)
    values, growth, rate = symbols(model, sizes), GROWTH[name], _rate(name, rates)
    epochs = getattr(getattr(model, "model", model), "epochs", 1)
    return Cost(
        data=DATA(values) / GB,
        learned=growth.learned(values) / GB,
        temporary=growth.temporary(values) / GB,
        fit=(growth.once(values) + epochs * growth.epoch(values)) / rate.fit,
        scoring=sizes.users * growth.one_user(values) / rate.scores,
    )


def formulas() -> pd.DataFrame:
    """Return the texts of all formulas, one row for each model.

    Examples
    --------
    >>> from recsys_lib.scale.growth import formulas
    >>> print(formulas().loc["iALS", "each epoch"])
    k² (2 N + (k / 6 + 2) (m + n))
    """
    columns = {
        "once": "once",
        "each epoch": "epoch",
        "learned (bytes)": "learned",
        "besides (bytes)": "temporary",
        "one user": "one_user",
    }
    rows = {
        name: {column: str(getattr(one, key)) for column, key in columns.items()}
        for name, one in GROWTH.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def table(
    rows: Sequence[float] = (1e5, 1e6, 1e7, 1e8, _COUNTS[0]),
    names: Sequence[str] = tuple(GROWTH),
    rates: Mapping[str, Rate] | None = None,
    whole: Sizes = AMAZON,
) -> pd.DataFrame:
    """Return what models take at several sizes, one row for each model and size.

    Columns are model, rows, users, items; epoch_seconds, of a fit of one epoch, fit_seconds and
    scoring_seconds (of all users); data_gb, learned_gb, temporary_gb; of the last two fit_gb, the
    sum, and of all gigabytes. Those of `measured` with the same names can be drawn beside them.

    Raises
    ------
    TypeError, ValueError
        As of `costs`; and if `rows` or `names` are empty.

    Examples
    --------
    >>> from recsys_lib.scale.growth import table
    >>> table([1e6, 2e6], ["EASE"])["learned_gb"].round().tolist()
    [28.0, 114.0]
    """
    check_kind("whole", whole, Sizes, "Sizes")
    found, rows = [], _rows(rows)
    for name in _names(names):
        for size in map(whole.scaled, rows):
            cost = costs(name, size, rates)
            found.append(
                {
                    "model": name,
                    **{"rows": size.rows, "users": size.users, "items": size.items},
                    "epoch_seconds": _one_epoch(name, size) / _rate(name, rates).fit,
                    **{"fit_seconds": cost.fit, "scoring_seconds": cost.scoring},
                    **{"data_gb": cost.data, "learned_gb": cost.learned},
                    "temporary_gb": cost.temporary,
                    "fit_gb": cost.learned + cost.temporary,
                    "gigabytes": cost.gigabytes,
                }
            )
    return pd.DataFrame(found)


# ---- what breaks ---------------------------------------------------------------------------------

LIMITS: dict[str, Callable[[Cost, float, float], bool]] = {  # cost, gigabytes, seconds
    "learned arrays": lambda cost, memory, _: cost.data + cost.learned > memory,
    "a temporary": lambda cost, memory, _: cost.gigabytes > memory,
    "time of the fit": lambda cost, _, seconds: cost.fit > seconds,
    "scoring of all users": lambda cost, _, seconds: cost.scoring > seconds,
}
SMALLEST = 100_000  # rows at which the search for a limit begins


def breaking_rows(
    model: str | Recommender,
    what: str,
    memory: float = 128.0,
    seconds: float = DAY,
    rates: Mapping[str, Rate] | None = None,
    whole: Sizes = AMAZON,
) -> float:
    """Return how many rows a model cannot be given any more; NaN if it can have all.

    Parameters
    ----------
    model, rates
        As in `costs`.
    what : {"learned arrays", "a temporary", "time of the fit", "scoring of all users"}
        Which limit. A temporary breaks where the learned arrays alone would still fit.
    memory : float
        Gigabytes of the machine.
    seconds : float
        What a fit, or the scores of all users, may take.
    whole : Sizes
        All data; smaller ones have users and items in proportion. 100,000 rows are the fewest.

    Examples
    --------
    >>> from recsys_lib.scale.growth import breaking_rows
    >>> round(breaking_rows("EASE", "learned arrays", memory=128), -4)
    2120000.0
    """
    check_choice("what", what, LIMITS)
    memory, seconds = check_real("memory", memory, 0), check_real("seconds", seconds, 0)
    check_kind("whole", whole, Sizes, "Sizes")
    _, model = _known(model)

    def broken(rows: int) -> bool:
        return LIMITS[what](costs(model, whole.scaled(rows), rates), memory, seconds)

    low, high = min(SMALLEST, whole.rows), whole.rows
    if not broken(high):
        return float("nan")
    if broken(low):
        return float(low)
    while high - low > 1:  # what a model takes only grows
        middle = (low + high) // 2
        low, high = (low, middle) if broken(middle) else (middle, high)
    return float(high)


def breaks_first(
    memory: float = 128.0,
    seconds: float = DAY,
    names: Sequence[str] = tuple(GROWTH),
    rates: Mapping[str, Rate] | None = None,
    whole: Sizes = AMAZON,
) -> pd.DataFrame:
    """Return at which size each model breaks first, and by what; the first to break on top.

    Parameters are as of `breaking_rows`, and `names` those of models, at least one.

    Returns
    -------
    DataFrame
        Index: model. Columns: rows, at which it breaks first, and breaks, by what ("nothing" and
        NaN if it holds all data); then for each limit of `LIMITS` the rows at which that one is
        reached; and at the size of the whole data learned_gb, temporary_gb, fit_days, scoring_days.

    Examples
    --------
    >>> from recsys_lib.scale.growth import breaks_first
    >>> breaks_first(names=["Popularity", "EASE", "iALS"]).index[0]
    'EASE'
    """
    found = {}
    for name in _names(names):
        at = {what: breaking_rows(name, what, memory, seconds, rates, whole) for what in LIMITS}
        reached = {what: rows for what, rows in at.items() if rows == rows}
        first = min(reached, key=reached.__getitem__, default="nothing")
        cost = costs(name, whole, rates)
        found[name] = {
            **{"rows": reached.get(first, float("nan")), "breaks": first, **at},
            **{"learned_gb": cost.learned, "temporary_gb": cost.temporary},
            **{"fit_days": cost.fit / DAY, "scoring_days": cost.scoring / DAY},
        }
    frame = pd.DataFrame.from_dict(found, orient="index").rename_axis("model")
    return frame.sort_values("rows", kind="stable")


# ---- what is measured ----------------------------------------------------------------------------


def made(sizes: Sizes, seed: int = 0) -> Interactions:
    """Return made ratings with long tails, as many as `sizes` has rows, with features of items.

    How active users are and how popular items is log-normal: such that the median user has two
    ratings and the median item one, were there enough of them. (Few have shorter tails.)

    Parameters
    ----------
    sizes : Sizes
        Of which rows, users, items, features and each are taken.
    seed : int

    Examples
    --------
    >>> from recsys_lib.scale.growth import AMAZON, made
    >>> made(AMAZON.scaled(1000))
    <made: 1,000 ratings, 95 users x 84 items, 12.53% of the cells>
    """
    rng, wanted = np.random.default_rng(check_int("seed", seed)), sizes.rows
    if 2 * wanted > sizes.users * sizes.items:
        raise ValueError(f"sizes must have twice as many cells as rows, got {sizes}")
    shares = []
    for number, median in ((sizes.users, 2), (sizes.items, 1)):
        spread = np.sqrt(2 * np.log(max(wanted / number / median, 1)))
        shares.append(np.cumsum(rng.lognormal(0, spread, number)))
    cells = np.empty(0, dtype=np.int64)
    while len(cells) < wanted:
        drawn = (np.searchsorted(one, rng.random(wanted) * one[-1]) for one in shares)
        user, item = (np.minimum(a, len(b) - 1) for a, b in zip(drawn, shares, strict=True))
        cells = np.unique(np.r_[cells, user * sizes.items + item])
    user, item = np.divmod(rng.permutation(cells)[:wanted], sizes.items)
    ratings, times = rng.integers(1, 6, wanted), rng.integers(0, 10**9, wanted)
    ids = np.arange(sizes.users), np.arange(sizes.items)
    events = Interactions(
        user, item, ratings, times, *ids, name="made", scale=(1, 5), time_unit="s"
    )
    return events.with_features(items=_words(sizes, rng))


def _words(sizes: Sizes, rng: np.random.Generator) -> Features:
    """Return `each` of the words for each item, drawn evenly; the same word twice counts two."""
    n_words, each = int(min(sizes.features, sizes.items)), int(sizes.each)
    columns = rng.integers(0, n_words, each * sizes.items, dtype=np.int32)
    places = np.repeat(np.arange(sizes.items, dtype=np.int32), each), columns
    table = sparse.coo_array((np.ones(len(places[0])), places), (sizes.items, n_words)).tocsr()
    return Features(table, tuple(f"word {w}" for w in range(n_words)), np.arange(sizes.items))


STEPS = (10_000, 31_600, 100_000, 316_000, 1_000_000)
SCORED = 32  # users whose scores are timed


def measured(
    names: Sequence[str] = tuple(GROWTH),
    rows: Sequence[int] = STEPS,
    seconds: float = 8.0,
    whole: Sizes = AMAZON,
) -> pd.DataFrame:
    """Fit models at growing sizes, in one process and on one thread; measure time and memory.

    Parameters
    ----------
    names : sequence of str
        At least one.
    rows : sequence of int
        Sizes in rising order, at least one; users and items in proportion to those of `whole`.
    seconds : float
        For each model, about: it goes on to the next size as long as its formula and what it has
        taken so far say that it will not take longer in all.
    whole : Sizes

    Returns
    -------
    DataFrame
        One row for each model and size: model, rows, users, items; of_user and of_item of the data
        made; multiplications and epoch_seconds of a fit of one epoch; expected_gb by the formulas
        and fit_gb as measured, of what is learned and what a fit holds besides (the rise of the
        process's peak of resident memory; NaN where the system does not tell, and noise below some
        10 MB); scored, how many users' scores took score_seconds, with score_multiplications.

    Examples
    --------
    >>> from recsys_lib.scale.growth import measured
    >>> found = measured(["Popularity", "MF"], rows=[1000, 2000])  # doctest: +SKIP
    """
    names = _names(names)
    rows = [check_int("rows", size, minimum=1) for size in rows]
    _rows(rows)
    seconds = check_real("seconds", seconds, 0)
    check_kind("whole", whole, Sizes, "Sizes")
    given = json.dumps({"names": names, "rows": rows, "seconds": seconds, "whole": vars(whole)})
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-m", __name__ if __name__ != "__main__" else __spec__.name, given],
        env=os.environ | one_thread,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the process that measures failed: {done.stderr.strip()[-2000:]}")
    return pd.DataFrame(json.loads(done.stdout.splitlines()[-1]))


def measure(
    names: Sequence[str], rows: Sequence[int], seconds: float, whole: Sizes
) -> list[dict[str, Any]]:
    """Do what `measured` says, in this process; return its rows."""
    found = []
    for name in names:
        # equal ratings, items without events and such are nothing to be warned of here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _measure_one(name, made(whole.scaled(2000)))  # what has to be compiled is
            left, last = seconds, None  # seconds that are left, and the last row
            for size in rows:
                sizes = whole.scaled(size)
                if last is not None:
                    left -= max(last["epoch_seconds"], 0.01)
                    more = _one_epoch(name, sizes) / last["multiplications"]
                    if more * last["epoch_seconds"] > left:
                        break
                if name == "EASE" and sizes.items > 15_000:  # more than 3 GB
                    break
                last = _measure_one(name, made(sizes))
                found.append(last)
    return found


def _one_epoch(name: str, sizes: Sizes) -> float:
    values = symbols(name, sizes)
    return GROWTH[name].once(values) + GROWTH[name].epoch(values)


def _measure_one(name: str, train: Interactions) -> dict[str, Any]:
    sizes = Sizes.of(train)
    brief = {"epochs": 1} if hasattr(models.__dict__[name], "_epochs") else {}
    if name == "MappedFactors":
        brief = {"epochs": 1}
    model, values = with_defaults(name, **brief), symbols(name, sizes)
    before = _resident(reset=True)
    seconds = _quickest(lambda: model.fit(train))
    peak = _resident() - before
    users = np.arange(min(SCORED, train.n_users))
    score_seconds = _quickest(lambda: model.score(users))
    growth = GROWTH[name]
    return {
        **{"model": name, "rows": sizes.rows, "users": sizes.users, "items": sizes.items},
        **{"of_user": sizes.of_user, "of_item": sizes.of_item},
        **{"multiplications": _one_epoch(name, sizes), "epoch_seconds": seconds},
        "expected_gb": (growth.learned(values) + growth.temporary(values)) / GB,
        "fit_gb": peak / GB,
        **{"scored": len(users), "score_seconds": score_seconds},
        "score_multiplications": len(users) * growth.one_user(values),
    }


def _quickest(run: Callable[[], object]) -> float:
    """Return the seconds that it takes; of what takes less than a second, the least of three."""
    seconds = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        run()
        seconds = min(seconds, time.perf_counter() - start)
        if seconds > 1:
            break
    return seconds


def _resident(reset: bool = False) -> float:
    """Return the process's peak of resident memory, in bytes, or begin a new peak; NaN if unknown.

    Linux tells (proc(5): status, and clear_refs, to which 5 is written). What was freed before is
    given back first, so that a fit has to ask for its memory (malloc_trim(3)).
    """
    try:
        if reset:
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except (OSError, AttributeError, TypeError):  # no such files, or another malloc
        return float("nan")
    return 1024.0 * int(status.split("VmHWM:")[1].split()[0])


def rates_of(found: pd.DataFrame) -> dict[str, Rate]:
    """Return the rate of each model that was measured, at the largest of its sizes.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.scale.growth import rates_of
    >>> one = {"model": "MF", "multiplications": 6e8, "epoch_seconds": 2.0}
    >>> one |= {"score_multiplications": 8e6, "score_seconds": 0.5}
    >>> rates_of(pd.DataFrame([one]))
    {'MF': Rate(fit=300000000.0, scores=16000000.0)}
    """
    columns = ["model", "multiplications", "epoch_seconds"]
    columns += ["score_multiplications", "score_seconds"]
    check_kind("found", found, pd.DataFrame, "a table such as `measured` returns")
    missing = [column for column in columns if column not in found]
    if missing:
        raise ValueError(f"found must have the columns of `measured`, and has no {missing[0]!r}")
    largest = found.groupby("model", sort=False).tail(1)
    return {
        name: Rate(float(fit / seconds), float(scores / score_seconds))
        for name, fit, seconds, scores, score_seconds in largest[columns].itertuples(index=False)
    }


# One significant digit, of one core of a busy machine of 2026; `rates_of(measured())` has those of
# another. What is said of all data hangs on the orders of magnitude alone.
RATES = {
    "Popularity": Rate(6e8, 5e9),
    "Biases": Rate(3e8, 9e8),
    **dict.fromkeys(("UserKNN", "ItemKNN", "RecentItemKNN"), Rate(4e7, 2e9)),
    "SVD": Rate(5e8, 3e9),
    "MF": Rate(5e8, 6e9),
    "ALS": Rate(1e9, 3e9),
    **dict.fromkeys(("BinaryMF", "BPR", "FeatureMF"), Rate(6e8, 6e9)),
    **dict.fromkeys(("iALS", "MappedFactors"), Rate(4e9, 6e9)),
    "EASE": Rate(8e9, 3e9),
    "Content": Rate(3e7, 2e8),
    **dict.fromkeys(("GMF", "MLP", "NeuMF"), Rate(2e9, 1e9)),
    "Decay": Rate(1e8, 4e8),
    "Markov": Rate(1e7, 4e8),
    **dict.fromkeys(("Bag", "SASRec", "GRU4Rec"), Rate(3e9, 3e9)),
}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asked["whole"] = Sizes(**asked["whole"])
    print(json.dumps(measure(**asked)))
