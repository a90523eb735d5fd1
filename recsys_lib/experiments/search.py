"""The search before the table of chapter 10: every model tuned with the same freedom.

Each model has as many trials as any other. The first two thirds of its settings are spread wide
over stated ranges by a Sobol sequence, on a logarithmic scale where a factor matters more than a
difference. The last third are small changes of the best of those; they may leave a range by a fifth
of it, where there is something beyond. Where a frequency power shares the penalty out, its strength
for the average user is what is drawn: otherwise nearly all pairs of the two would be absurd.

A trial is judged on validation, as all in this course: each user's last training event against 99
sampled negatives, NDCG@10 at the best epoch. The best quarter of the trials are run with two more
seeds, and the setting with the best mean over the three is chosen: one seed can be lucky. Nothing
here reads the test set.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import qmc

from recsys_lib.data import Interactions, Split
from recsys_lib.experiments.protocol import paper_split, tuning_split, validating
from recsys_lib.experiments.units import Units
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
from recsys_lib.models.training import EpochModel, Watch

TRIALS = 48
SEEDS = range(3)
PARENTS = 6  # of the wide settings, the best, which are changed a little
STEP = 0.1  # of the way through a range: the standard deviation of a small change
BEYOND = 0.2  # how far out of a range a small change may lead
METRIC = "ndcg@10"
KEPT = (METRIC, "hr@10", "epochs", "stopped")  # of every run
PRETRAINED = "NeuMF, pretrained"


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
    """

    kind: Callable[..., Recommender]
    space: Space
    epochs: int = 0
    patience: int = 0


NETWORK_LENGTH = 120, 25
FACTORS_LENGTH = 400, 30  # steps that start small wait long
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
            "factors": FACTORS,
            "strength": Range(0.1, 200),
            "unobserved_weight": Range(0.003, 3),
            "frequency_power": Range(0, 1, log=False, ends=("low", "high")),
            "init_scale": SCALE,
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


def run(ratings: Interactions, units: Units | None = None) -> dict:
    """Search for the setting of every model; return all trials, and what was chosen."""
    tuning = tuning_split(paper_split(ratings))
    return searched(CONTENDERS, tuning, units or Units())


def searched(
    contenders: Mapping[str, Contender], tuning: Split, units: Units, trials: int = TRIALS
) -> dict:
    """Search for the setting of every contender, all with as many trials.

    Returns
    -------
    found : dict
        "spaces", the "settings" chosen, and in "models" for each: "trials", with what every seed
        said; "budgets", what a third, two thirds and all of the trials would choose; and "edges",
        see `edges`.
    """
    models: dict[str, dict] = {}
    for name in contenders:
        halves = {half: models[half]["setting"] for half in ("GMF", "MLP") if name == PRETRAINED}
        models[name] = _chosen(name, contenders, tuning, halves, units, trials)
    return {
        "spaces": {name: _recorded(one.space) for name, one in contenders.items()},
        "models": models,
        "settings": {name: one["setting"] for name, one in models.items()},
    }


def quick(found: dict, ratings: Interactions) -> dict:
    """What validation says of the chosen settings of models that are fitted in seconds."""
    tuning = tuning_split(paper_split(ratings))
    again = {}
    for name in ("UserKNN", "ItemKNN", "EASE", "iALS"):
        model = found["models"][name]
        trial = model["trials"][model["budgets"][str(TRIALS)]["trial"]]
        setting = {key: trial[key] for key in CONTENDERS[name].space}
        given = shared_out(CONTENDERS[name].kind, setting, tuning.train)
        value = _trial(tuning, validating(tuning), CONTENDERS, {}, name, given, SEEDS[0])[METRIC]
        again[name] = {"budgets": {str(TRIALS): {METRIC: {0: value}}}}
    return {"models": again}


def spread(space: Space, n: int) -> np.ndarray:
    """Return n points spread wide, as shares of the ranges; more would only be added at the end."""
    return qmc.Sobol(len(space), rng=0).random(n)


def near(space: Space, parents: np.ndarray, n: int) -> np.ndarray:
    """Return n points that are small changes of others, each of them in its turn."""
    steps = STEP * np.random.default_rng(0).standard_normal((n, len(space)))
    points = parents[np.arange(n) % len(parents)] + steps
    for column, values in zip(points.T, space.values(), strict=True):
        column[:] = [values.within(x) if isinstance(values, Range) else x for x in column]
    return points


def settings_at(space: Space, points: np.ndarray) -> list[dict]:
    """Return the settings at points that are given as shares of the ranges."""
    return [
        {name: _at(one, share) for (name, one), share in zip(space.items(), point, strict=True)}
        for point in points
    ]


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


def _at(values: Range | tuple, share: float) -> Any:
    if isinstance(values, Range):
        return values.at(share)
    return values[int(np.clip(share * len(values), 0, len(values) - 1))]


def _chosen(
    name: str,
    contenders: Mapping[str, Contender],
    tuning: Split,
    halves: dict[str, dict],
    units: Units,
    n_trials: int,
) -> dict:
    """Try all settings of a model with one seed, the best of every budget with more; choose."""
    sizes = {k: v for one in halves.values() for k, v in one.items() if k in ("factors", "tower")}
    contender = contenders[name]
    context = tuning, validating(tuning), contenders, halves
    settings: list[dict] = []
    runs: dict[int, list[dict]] = {}

    def tried(points: np.ndarray) -> None:
        settings.extend(sizes | setting for setting in settings_at(contender.space, points))
        parts = [(name, shared(one), SEEDS[0]) for one in settings[len(runs) :]]
        for one in units.each(_trial, parts, *context):
            runs[len(runs)] = [one]

    def shared(setting: dict) -> dict:
        return shared_out(contender.kind, setting, tuning.train)

    wide = spread(contender.space, n_trials - n_trials // 3)
    tried(wide)
    parents = wide[_best(runs, range(len(wide)))[:PARENTS]]
    tried(near(contender.space, parents, n_trials // 3))
    finalists = {n: _best(runs, range(n))[: max(1, n // 4)] for n in _budgets(n_trials)}
    if contender.epochs:
        again = sorted(set().union(*finalists.values()))
        parts = {p: [(name, shared(settings[p]), seed) for seed in SEEDS[1:]] for p in again}
        for place, more in units.grouped(_trial, parts, *context).items():
            runs[place] += more
    chosen = {n: _best(runs, places)[0] for n, places in finalists.items()}
    best = chosen[n_trials]
    epochs = [one["epochs"] for one in runs[best] if one["epochs"]]
    return {
        "trials": [
            setting | {key: [one[key] for one in runs[place]] for key in KEPT}
            for place, setting in enumerate(settings)
        ],
        "budgets": {
            str(n): {"trial": place, METRIC: [one[METRIC] for one in runs[place]]}
            for n, place in chosen.items()
        },
        "setting": shared(settings[best]) | ({"epochs": round(np.mean(epochs))} if epochs else {}),
        "edges": edges(contender.space, settings, settings[best]),
    }


def _budgets(n_trials: int) -> tuple[int, ...]:
    """Return the numbers of trials whose choices are compared, the last of which counts."""
    return n_trials // 3, n_trials - n_trials // 3, n_trials


def _best(runs: dict[int, list[dict]], places: Sequence[int]) -> list[int]:
    """Return places by the mean over their seeds, the best first; what ever diverged is last."""
    values = {place: [one[METRIC] for one in runs[place]] for place in places}
    means = {k: -np.inf if None in v else np.mean(v) for k, v in values.items()}
    return sorted(places, key=lambda place: -means[place])


def edges(space: Space, tried: Sequence[dict], setting: dict, share: float = 0.05) -> list[str]:
    """Return where a setting is in the outermost twentieth of a range, and nothing lies beyond it.

    Beyond is what was tried farther out; and nothing can be where the range ends by itself.
    """
    found = []
    for name, values in space.items():
        if not isinstance(values, Range):
            continue
        column = [one[name] for one in tried]
        outermost = {
            "low": setting[name] < values.at(share) and setting[name] == min(column),
            "high": setting[name] > values.at(1 - share) and setting[name] == max(column),
        }
        found += [
            f"{name}: {end}" for end in outermost if outermost[end] and end not in values.ends
        ]
    return found


def _trial(
    tuning: Split,
    watch: Watch,
    contenders: Mapping[str, Contender],
    halves: dict[str, dict],
    name: str,
    setting: dict,
    seed: int,
) -> dict:
    """Train one setting with one seed; return what validation says of its best epoch."""
    contender = contenders[name]
    found: dict = {METRIC: None, "hr@10": None, "epochs": 0, "stopped": 0}
    if not contender.epochs:
        measured = watch(contender.kind(**setting).fit(tuning.train))
        return found | {metric: measured[metric] for metric in (METRIC, "hr@10")}
    length = {"epochs": contender.epochs, "patience": contender.patience}
    model = contender.kind(**hyperparameters(setting), **length, metric=METRIC, seed=seed)
    assert isinstance(model, EpochModel)
    given: dict[str, Any] = {}
    if halves:
        given["pretrained"] = _pretrained(tuning, halves, seed)
    try:
        model.fit(tuning.train, watch=watch, **given)
    except FloatingPointError:  # steps too large: no setting to choose
        return found
    row = model.history_.loc[model.best_epoch_ - 1]
    found |= {metric: float(row[metric]) for metric in (METRIC, "hr@10")}
    return found | {"epochs": model.best_epoch_, "stopped": len(model.history_)}


def hyperparameters(setting: dict) -> dict:
    """Return a setting as a model takes it: the size of a tower becomes those of its layers."""
    given = dict(setting)
    if "tower" in given:
        d = given.pop("tower")
        given["layers"] = (2 * d, d, max(d // 2, 1), max(d // 4, 1))
    return given


_fitted: dict[tuple[str, int], tuple] = {}  # halves, which many trials of a process begin with


def _pretrained(tuning: Split, halves: dict[str, dict], seed: int) -> tuple[Recommender, ...]:
    key = repr(halves), seed
    if key not in _fitted:
        _fitted[key] = tuple(
            CONTENDERS[name].kind(**hyperparameters(setting), seed=seed).fit(tuning.train)
            for name, setting in halves.items()
        )
    return _fitted[key]


def _recorded(space: Space) -> dict[str, list]:
    """Return the ends of each range, or the values, for JSON."""
    return {
        name: [values.low, values.high] if isinstance(values, Range) else list(values)
        for name, values in space.items()
    }
