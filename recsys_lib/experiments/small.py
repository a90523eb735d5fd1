"""The recorded experiments in small, for whoever has not their data: `reproduce try`.

An experiment is done by the same functions as when it is recorded, but on data that are made
(`data.made`) or on few films, and with the values of `_constants` in place of its own. What it
needs of other experiments is found in small first: nothing that is recorded is read, and nothing is
kept.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from recsys_lib import data
from recsys_lib.data.made import made
from recsys_lib.evaluation import items
from recsys_lib.evaluation.candidates import sample_candidates
from recsys_lib.experiments import (
    AMAZON,
    EXPERIMENTS,
    Experiment,
    bmf,
    contenders,
    evaluation,
    films,
    ladder,
    ledger,
    long_search,
    losses,
    movielens,
    networks,
    new_items,
    order,
    order_million,
    order_search,
    published,
    ratings,
    search,
    splits,
    svd,
)
from recsys_lib.experiments.contenders import Contender, Range, Space
from recsys_lib.experiments.protocol import paper_split
from recsys_lib.experiments.units import Units
from recsys_lib.validation import DataError, check_int, check_real

Constants = dict[ModuleType, dict[str, Any]]  # by module, their names and values
USERS, ITEMS, EVENTS = 600, 300, 12_000  # at a size of 1
SMALLEST, LARGEST = 0.2, 100.0
FEWEST_ITEMS = 200  # so that there are 99 which a user has not met
TRIALS = (3, 6, 12, 24, 48)  # two thirds of each are a power of 2, as a Sobol sequence wants it
EPOCHS, PATIENCE = 8, 3  # of a trial
MOST = {"factors": 32, "tower": 32, "epochs": EPOCHS, "n_negatives": 16}  # where ranges end
SHOWN = {  # where in a result the figures are that a short table shows; * for all that stands there
    "paper_data": "baselines.*.*.ndcg@10",
    "svd": "figure_5.rows.*.explained",
    "ratings": "spread.*.rmse_mean",
    "movielens": "test.rmse.*",
    "search": "models.*.budgets.*.ndcg@10",
    "long_search": "models.*.budgets.*.ndcg@10",
    "bmf": "factors.*.ndcg@10",
    "networks": "pretraining.means.*.ndcg@10",
    "ladder": "pairs.sampled.*.ndcg@10",
    "splits": "results.*, full.models.*.ndcg@10",
    "films": "models.*.sampled.ndcg@10",
    "losses": "models.*.sampled.ndcg@10",
    "published": "chains.*.*.mean.ndcg@10",
    "evaluation": "models.*.by_k.*.ndcg@10",
    "choices": "values.*.*.validation.the paper's.ndcg@10",
    "ledger": "rows.*.metrics.ndcg@10",
    "new_items_search": "mixes.*.ndcg@10",
    "new_items": "models.*.among new.ndcg@10",
    "order_search": "models.*.budgets.*.ndcg@10",
    "order": "models.*.sampled.ndcg@10",
    "order_films": "models.*.sampled.ndcg@10",
    "order_million": "models.*.full.ndcg@10",
}


class OneProcess(Units):
    """Does the parts of a run one after the other: they are so short that processes cost more."""

    def each(self, function: Callable, parts: Sequence[tuple], *context: Any) -> list:
        """Return ``function(*context, *part)`` for each part, in the order of the parts."""
        return [function(*context, *part) for part in parts]


def in_small(
    experiment: Experiment,
    size: float = 1.0,
    seeds: int = 2,
    trials: int = 3,
    known: dict[str, dict] | None = None,
) -> dict:
    """Do an experiment in small; return what it found.

    Parameters
    ----------
    experiment : Experiment
    size : float
        Of the data; at 1 they are about a tenth of the paper's.
    seeds, trials : int
        How many, where chance plays a part and where settings are searched for.
    known : dict, optional
        What was found so far with the same numbers, by name; what is found is added.

    Raises
    ------
    TypeError, ValueError
        If a number is not one of those that are allowed.

    Examples
    --------
    >>> from recsys_lib.experiments import EXPERIMENTS
    >>> from recsys_lib.experiments.small import in_small, lines
    >>> for line in lines("paper_data", in_small(EXPERIMENTS["paper_data"], size=0.2)):
    ...     print(line)
    baselines.*.*.ndcg@10
    random, sampled ...
    random, full ...
    popularity, sampled ...
    popularity, full ...
    """
    seeds, known = check_int("seeds", seeds, minimum=2), {} if known is None else known
    if trials not in TRIALS:
        raise ValueError(f"trials must be one of {', '.join(map(str, TRIALS))}, got {trials!r}")
    if experiment.name in known:
        return known[experiment.name]
    needed = {
        name: in_small(EXPERIMENTS[name], size, seeds, trials, known) for name in experiment.needs
    }
    given = stand_in(experiment, size) | experiment.given(needed)
    if experiment.seeds is not None:
        given["seeds"] = range(seeds)
    if experiment.in_units:
        given["units"] = OneProcess()
    with _changed(_constants(range(seeds), trials)):
        known[experiment.name] = experiment.run(**given)
    return known[experiment.name]


def takes(experiment: Experiment) -> set[str]:
    """Return which of "seeds" and "trials" an experiment depends on, itself or by what it needs.

    A search for settings has both: what its trials find is confirmed with the other seeds.

    Examples
    --------
    >>> from recsys_lib.experiments import EXPERIMENTS
    >>> from recsys_lib.experiments.small import takes
    >>> sorted(takes(EXPERIMENTS["search"])), sorted(takes(EXPERIMENTS["ratings"]))
    (['seeds', 'trials'], ['seeds'])
    >>> takes(EXPERIMENTS["svd"])
    set()
    """
    found = set().union(*(takes(EXPERIMENTS[name]) for name in experiment.needs))
    module = sys.modules[experiment.run.__module__]
    names = " ".join(_constants(range(2), TRIALS[0]).get(module, ()))
    if experiment.seeds is not None or "SEEDS" in names:
        found.add("seeds")
    return found | {"seeds", "trials"} if "TRIALS" in names else found


def check_taken(experiment: Experiment, **given: int | None) -> None:
    """Refuse a number of seeds or trials on which nothing in an experiment depends.

    Parameters
    ----------
    experiment : Experiment
    **given : int or None
        Under "seeds" and "trials" what was asked for; None, if nothing was.

    Raises
    ------
    DataError
        Names the argument, what was given, and the experiments that take it.

    Examples
    --------
    >>> from recsys_lib.experiments import EXPERIMENTS
    >>> from recsys_lib.experiments.small import check_taken
    >>> check_taken(EXPERIMENTS["svd"], trials=6)
    Traceback (most recent call last):
    recsys_lib.validation.DataError: --trials must be left out for svd, which has no ... got 6; ...
    """
    for argument, number in given.items():
        if number is not None and argument not in takes(experiment):
            those = ", ".join(name for name, one in EXPERIMENTS.items() if argument in takes(one))
            raise DataError(
                f"--{argument} must be left out for {experiment.name}, which has no {argument} to "
                f"choose, got {number}; it is for {those}"
            )


def stand_in(experiment: Experiment, size: float = 1.0) -> dict[str, Any]:
    """Return ratings, and candidates if it wants them, in place of the data of an experiment.

    In place of MovieLens-1M there are made data in which everybody has some events; of the packaged
    MovieLens, those of its films that have the most ratings.

    Examples
    --------
    >>> from recsys_lib.experiments import EXPERIMENTS
    >>> from recsys_lib.experiments.small import stand_in
    >>> given = stand_in(EXPERIMENTS["evaluation"], size=0.2)
    >>> given["ratings"]
    <made: ... ratings, 120 users x ... items, ...% of the cells>
    >>> given["candidates"].negatives.shape
    (120, 99)
    """
    size = check_real("size", size, SMALLEST, LARGEST)
    n_users, n_items = round(USERS * size), max(FEWEST_ITEMS, round(ITEMS * size))
    if experiment.data == "movielens-small":
        films_ = data.load(experiment.data)
        most = np.argsort(-films_.item_counts, kind="stable")[:n_items]
        return {
            "ratings": films_.select(
                np.isin(films_.item, most) & (films_.user < n_users // 2)
            ).compact()
        }
    of_paper = experiment.data == AMAZON
    events = made(n_users, n_items, round(EVENTS * size), new=0.1 if of_paper else 0.0).compact()
    split = paper_split(events) if of_paper else data.leave_last_out(events, n_test=1, n_valid=0)
    drawn = {"candidates": sample_candidates(split)} if experiment.candidates else {}
    return {"ratings": events} | drawn


def lines(name: str, found: dict, most: int = 30) -> list[str]:
    """Return a short table of what an experiment found: the figures that `SHOWN` names."""
    rows = list(_figures(found, SHOWN[name].split(".")))
    width = max((len(label) for label, _ in rows), default=0)
    shown = [f"{label:{width}}  {figure}" for label, figure in rows[:most]]
    more = [f"and {len(rows) - most} more; --to FILE has all"] if len(rows) > most else []
    return [SHOWN[name], *shown, *more]


def _figures(found: Any, path: Sequence[str], label: str = "") -> Iterator[tuple[str, str]]:
    """Yield label and figure of everything at a path: means with intervals, means of lists."""
    if not path:
        yield label.removeprefix(", "), _figure(found)
        return
    key, *rest = path
    if isinstance(found, list):  # of rows, which the first of their values names, if it is no dict
        firsts = [next(iter(row.values())) for row in found]
        names = [n if isinstance(first, dict) else str(first) for n, first in enumerate(firsts)]
        found = dict(zip(names, found, strict=True))
    for one in found:
        if fnmatchcase(str(one), key):
            yield from _figures(found[one], rest, f"{label}, {one}" if "*" in key else label)


def _figure(found: Any) -> str:
    if isinstance(found, dict):
        mean = f"{found['mean' if 'mean' in found else 'difference']:.3f}"
        return f"{mean} [{found['low']:.3f}, {found['high']:.3f}]" if "low" in found else mean
    values = found if isinstance(found, list) else [found]
    return "diverged" if None in values else f"{np.mean(values):.3f}"


def _constants(seeds: range, trials: int) -> Constants:
    """Return what stands in place of the constants of each module."""
    return _of_grids(seeds) | _of_searches(seeds, trials)


def _of_grids(seeds: range) -> Constants:
    return {
        items: {  # of which `compare` makes its intervals and p-values
            "bootstrap_interval": partial(items.bootstrap_interval, n_resamples=400),
            "paired_test": partial(items.paired_test, n_resamples=999),
        },
        svd: {"SOLVER_RANKS": (1, 5, 20), "SIZES": (250, 500)},
        ratings: {
            "SEEDS": seeds,
            "TUNING_SEEDS": seeds,
            "STRENGTHS": (0.0, 2.0, 10.0),
            "SVD_FACTORS": (1, 4),
            "MF_GRID": {"factors": (1, 8), "learning_rate": (0.01,), "regularization": (0.02, 0.1)},
            "ALS_GRIDS": (({"factors": (1, 8), "regularization": (0.2, 0.8)}, 5),),
            "MOST_EPOCHS": 100,
            "PATIENCE": 20,
            "ONE_SWEEP": ((16, 0.8), (32, 0.4)),
            "STEPS": (1, 3, 10),
        },
        movielens: {
            "SEEDS": seeds,
            "TUNING_SEEDS": seeds,
            "STRENGTHS": (2.0, 5.0),
            "SVD_FACTORS": (2, 10),
            "GRIDS": {n: {"factors": (8, 16), "regularization": (0.1,)} for n in movielens.GRIDS},
            "LONG": {name: {"epochs": 50, "patience": 10} for name in movielens.LONG},
            "KNOBS": {name: values[1:3] for name, values in movielens.KNOBS.items()},
        },
        bmf: {
            "CURVE": 20,
            "MOVED": {"regularization": (0.0, 1.0, 4.0), "n_negatives": (1, 4)},
            "FACTORS": (4, 16, 64),
            "PENALTIES": {0.0: (0.01, 0.05), 0.5: (0.05, 0.3), 1.0: (0.5, 2.0)},
        },
        networks: {
            "RATES": (0.03, 0.003),
            "SHARES": (0.0, 0.5, 1.0),
            "DIMENSIONS": (4,),
            "SIZES": (1_000,),
            "learn": partial(networks.learn, steps=500),
        },
        splits: {"SEEDS": seeds, "MOMENTS": (0.8,)},
        published: {
            "budget": lambda step: published.Budget(EPOCHS),
            "TRIED": {"MLP": {"SGD": (0.1, 1.0)}, "NeuMF": {"Adam": (0.05, 0.3)}},
            "AGAIN": [(name, *fitting) for name, fitting in published.FITTING.items()],
        },
        evaluation: {"FLIPS": 999},
        ledger: {"MODELS": {name: _shorter(one) for name, one in ledger.MODELS.items()}},
        order_million: {
            "RECIPES": {name: _shorter(one) for name, one in order_million.RECIPES.items()}
        },
    }


def _of_searches(seeds: range, trials: int) -> Constants:
    return {
        contenders: {"CONTENDERS": _short(contenders.CONTENDERS)},
        search: {"SEEDS": seeds, "TRIALS": trials, "_fitted": {}},  # what was fitted to other data
        long_search: {"TRIALS": trials, "LONGER": _short(long_search.LONGER)},
        ladder: {"TRIALS": trials},
        films: {"TRIALS": trials, "OF_FILMS": _short(films.OF_FILMS)},
        losses: {"TRIALS": trials, "CONTENDERS": _short(losses.CONTENDERS)},
        new_items: {
            "TRIALS": trials,
            "SEEDS": seeds,
            "FOLDS": range(3),
            "COUNTS": (0, 4, 16),
            "SPACES": _narrow(new_items.SPACES),
            "KNOWN_SPACES": _narrow(new_items.KNOWN_SPACES),
        },
        order_search: {
            "TRIALS": trials,
            "TRIALS_OF_A_LOSS": trials,
            "CONTENDERS": _short(order_search.CONTENDERS),
            "LOSSES": _short(order_search.LOSSES),
        },
        order: {"FILM_TRIALS": trials, "OF_FILMS": _short(order.OF_FILMS)},
    }


def _short(several: Mapping[str, Contender]) -> dict[str, Contender]:
    """Return contenders whose trials are short, of small models."""
    spaces = _narrow({name: one.space for name, one in several.items()})
    length = {
        n: (min(one.epochs, EPOCHS), min(one.patience, PATIENCE)) for n, one in several.items()
    }
    return {n: Contender(one.kind, spaces[n], *length[n]) for n, one in several.items()}


def _narrow(spaces: Mapping[str, Space]) -> dict[str, Space]:
    """Return spaces whose ranges end where `MOST` says."""
    return {
        name: {
            key: replace(values, high=min(values.high, MOST[key]))
            if key in MOST and isinstance(values, Range)
            else values
            for key, values in space.items()
        }
        for name, space in spaces.items()
    }


def _shorter(recipe: Any) -> Any:
    """Return a recipe with fewer epochs, if it has any."""
    epochs = {"epochs": min(recipe.settings["epochs"], 4)} if "epochs" in recipe.settings else {}
    return replace(recipe, settings={**recipe.settings, **epochs})


@contextmanager
def _changed(constants: Constants) -> Iterator[None]:
    """Put values in place of those of modules for a while.

    A dict is changed itself, for other modules hold it too.
    """
    before = [(m, name, getattr(m, name)) for m, values in constants.items() for name in values]
    kept = [dict(value) if isinstance(value, dict) else value for _, _, value in before]
    try:
        for module, values in constants.items():
            for name, value in values.items():
                _put(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(before, kept, strict=True):
            _put(module, name, value)


def _put(module: ModuleType, name: str, value: Any) -> None:
    held = getattr(module, name)
    if isinstance(held, MutableMapping):
        held.clear()
        held.update(value)
    else:
        setattr(module, name, value)
