"""The search before the table of chapter 10: every model tuned with the same freedom.

Each model has as many trials as any other. The first two thirds of its settings are spread wide
over stated ranges by a Sobol sequence, on a logarithmic scale where a factor matters more than a
difference. The last third are small changes of the best of those; they may leave a range by a fifth
of it, where there is something beyond. Where a frequency power shares the penalty out, its strength
for the average user is what is drawn: otherwise nearly all pairs of the two would be absurd.

A trial is judged on validation, as all in this course: each user's last training event against 99
sampled negatives, NDCG@10 at the best epoch. The best quarter of the trials are run with two more
seeds, and the setting with the best mean over the three is chosen: one seed can be lucky. A trial
ends when its validation stops rising; after so many epochs in any case; and a large network, after
so many multiplications (`contenders.longest`). Nothing here reads the test set.

Where a choice lies at an end of its range, the range is widened and that model searched again; what
is recorded of the others, whose ranges are as they were, is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc

from recsys_lib.data import Interactions, Split
from recsys_lib.experiments.contenders import (
    CONTENDERS,
    HALVES,
    PRETRAINED,
    Contender,
    Range,
    Space,
    halves,
    longest,
    made,
    shared_out,
)
from recsys_lib.experiments.protocol import paper_split, seldom, tuning_split, validating
from recsys_lib.experiments.units import Units
from recsys_lib.models.training import EpochModel, Watch

TRIALS = 48
SEEDS = range(3)
PARENTS = 6  # of the wide settings, the best, which are changed a little
STEP = 0.1  # of the way through a range: the standard deviation of a small change
METRIC = "ndcg@10"
KEPT = (METRIC, "hr@10", "epochs", "stopped")  # of every run


def run(ratings: Interactions, units: Units | None = None, before: dict | None = None) -> dict:
    """Search for the setting of every model; return all trials, and what was chosen.

    `before` is what is recorded already: a model whose ranges have stayed is not searched again.
    """
    tuning = tuning_split(paper_split(ratings))
    known = kept(CONTENDERS, before)
    return searched(CONTENDERS, tuning, units or Units(), TRIALS, known)


def kept(contenders: Mapping[str, Contender], before: dict | None) -> dict[str, dict]:
    """Return what is known of models whose ranges and lengths are those of their search."""
    known: dict[str, dict] = {}
    if before is not None:
        for name, one in contenders.items():
            halves_too = name != PRETRAINED or all(half in known for half in HALVES)
            same_space = before["spaces"].get(name) == _recorded(one.space)
            length = before.get("lengths", {}).get(name)  # an old record does not have it
            if same_space and length in (None, _length(one)) and halves_too:
                known[name] = before["models"][name]
    return known


def _length(one: Contender) -> list[int]:
    """Return what is recorded of how long a trial may be."""
    return [one.epochs, one.patience, one.every]


def searched(
    contenders: Mapping[str, Contender],
    tuning: Split,
    units: Units,
    trials: int = TRIALS,
    known: Mapping[str, dict] | None = None,
) -> dict:
    """Search for the setting of every contender, all with as many trials.

    Those that are `known` are taken as they are.

    Returns
    -------
    found : dict
        "spaces", "lengths", the "settings" chosen, and in "models" for each: "trials", with what
        every seed said; "budgets", what a third, two thirds and all of the trials would choose; and
        "edges", see `edges`.
    """
    models: dict[str, dict] = {}
    for name in contenders:
        if known and name in known:
            models[name] = known[name]
            continue
        parts = {half: models[half]["setting"] for half in HALVES if name == PRETRAINED}
        models[name] = _chosen(name, contenders, tuning, parts, units, trials)
    return {
        "spaces": {name: _recorded(one.space) for name, one in contenders.items()},
        "lengths": {name: _length(one) for name, one in contenders.items()},
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


def _at(values: Range | tuple, share: float) -> Any:
    if isinstance(values, Range):
        return values.at(share)
    return values[int(np.clip(share * len(values), 0, len(values) - 1))]


def _chosen(
    name: str,
    contenders: Mapping[str, Contender],
    tuning: Split,
    parts: dict[str, dict],
    units: Units,
    n_trials: int,
) -> dict:
    """Try all settings of a model with one seed, the best of every budget with more; choose."""
    sizes = {k: v for one in parts.values() for k, v in one.items() if k in ("factors", "tower")}
    contender = contenders[name]
    context = tuning, validating(tuning), contenders, parts
    settings: list[dict] = []
    runs: dict[int, list[dict]] = {}

    def tried(points: np.ndarray) -> None:
        settings.extend(sizes | setting for setting in settings_at(contender.space, points))
        new = [(name, shared(one), SEEDS[0]) for one in settings[len(runs) :]]
        for one in units.each(_trial, new, *context):
            runs[len(runs)] = [one]

    def shared(setting: dict) -> dict:
        return shared_out(contender.kind, setting, tuning.train)

    wide = spread(contender.space, n_trials - n_trials // 3)
    tried(wide)
    parents = wide[best_first(runs, range(len(wide)))[:PARENTS]]
    tried(near(contender.space, parents, n_trials // 3))
    finalists = {n: best_first(runs, range(n))[: max(1, n // 4)] for n in _budgets(n_trials)}
    if contender.epochs:
        again = sorted(set().union(*finalists.values()))
        seeds = {p: [(name, shared(settings[p]), seed) for seed in SEEDS[1:]] for p in again}
        for place, more in units.grouped(_trial, seeds, *context).items():
            runs[place] += more
    chosen = {n: best_first(runs, places)[0] for n, places in finalists.items()}
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


def best_first(runs: Mapping[int, Sequence[Mapping]], places: Iterable[int]) -> list[int]:
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
    parts: dict[str, dict],
    name: str,
    setting: dict,
    seed: int,
) -> dict:
    """Train one setting with one seed; return what validation says of its best epoch."""
    epochs = longest(name, setting, tuning.train, contenders)
    length = {"epochs": epochs, "patience": contenders[name].patience}
    found: dict = {METRIC: None, "hr@10": None, "epochs": 0, "stopped": 0}
    if not length["epochs"]:
        measured = watch(made(name, setting, contenders).fit(tuning.train))
        return found | {metric: measured[metric] for metric in (METRIC, "hr@10")}
    model = made(name, setting, contenders, **length, metric=METRIC, seed=seed)
    assert isinstance(model, EpochModel)
    given = _pretrained(tuning, parts, seed, contenders) if parts else {}
    try:
        model.fit(tuning.train, watch=seldom(contenders[name].every, watch), **given)
    except FloatingPointError:  # steps too large: no setting to choose
        return found
    row = model.history_.loc[model.best_epoch_ - 1]
    found |= {metric: float(row[metric]) for metric in (METRIC, "hr@10")}
    return found | {"epochs": model.best_epoch_, "stopped": len(model.history_)}


_fitted: dict[tuple[str, int], dict] = {}  # halves, which many trials of a process begin with


def _pretrained(
    tuning: Split, parts: dict[str, dict], seed: int, contenders: Mapping[str, Contender]
) -> dict:
    key = repr(parts), seed
    if key not in _fitted:
        _fitted[key] = halves(parts, tuning.train, seed, contenders)
    return _fitted[key]


def _recorded(space: Space) -> dict[str, list]:
    """Return the ends of each range, or the values, for JSON."""
    return {
        name: [values.low, values.high] if isinstance(values, Range) else list(values)
        for name, values in space.items()
    }
