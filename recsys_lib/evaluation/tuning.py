"""Choose hyperparameters on the validation set; the test set is not even at hand."""

import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Real

import numpy as np
import pandas as pd

from recsys_lib.data.split import Split
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.evaluation.items import evaluate
from recsys_lib.evaluation.ratings import ERRORS, evaluate_ratings, rating_error
from recsys_lib.evaluation.watch import watching
from recsys_lib.metrics import METRICS
from recsys_lib.models.base import Recommender
from recsys_lib.validation import DataError, check_int, metric_length

Setting = dict[str, object]


def search(
    make_model: Callable[..., Recommender],
    space: Mapping[str, Sequence],
    split: Split,
    metric: str = "ndcg@10",
    *,
    trials: int | None = None,
    seeds: Sequence[int] = (),
    seed: int = 0,
    candidates: Candidates | None = None,
) -> pd.DataFrame:
    """Fit a model with many settings on `split.train` and measure each on `split.valid`.

    Parameters
    ----------
    make_model : callable
        Makes a model of a setting: a class such as ``BinaryMF``, or a function of your own. One
        that makes it with `patience` makes it stop by what `watching` measures.
    space : dict of str to sequence
        The values to try of each hyperparameter, by its name.
    split : Split
        Its `test` is never read.
    metric : str
        hr, ndcg, precision or recall with @K, or rmse or mae, which are better when lower.
    trials : int, optional
        So many settings, drawn at random without repetition; by default all combinations.
    seeds : sequence of int, optional
        Make each setting with each of these seeds and take the mean.
    seed : int
        Of drawing the settings.
    candidates : Candidates, optional
        Of the validation set; without them all items compete.

    Returns
    -------
    DataFrame
        One row per trial, the best first, of equal ones the first tried: the hyperparameters as
        they were given; the metric, NaN where the numbers of the training grew beyond all bounds;
        sd, its standard deviation over several seeds; seconds. The best setting is
        ``table.attrs["best"]``, for ``make_model(**best)``; ``table.attrs["at_end"]`` names what of
        it is "lowest" or "highest" of the values tried, as the warning does.

    Warns
    -----
    UserWarning
        If the best value of a hyperparameter is the lowest (but not 0) or highest tried.

    Raises
    ------
    TypeError, ValueError, DataError
        If an argument is something else, the validation set is empty, or no trial came to a number.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import search
    >>> from recsys_lib.models import EASE
    >>> split = data.leave_last_out(data.k_core(data.load(), 50))
    >>> trials = search(EASE, {"regularization": (1, 10, 100, 1000)}, split)
    >>> trials[["regularization", "ndcg@10"]].round(3)
      regularization  ndcg@10
    0            100    0.089
    1             10    0.070
    2           1000    0.067
    3              1    0.056
    >>> trials.attrs["best"]
    {'regularization': 100}
    """
    tuning, grid = _without_test(split), _settings(space, trials, seed)
    k = 0 if metric in ERRORS else metric_length(metric, METRICS, ERRORS)
    chance = [{"seed": check_int("seeds", one)} for one in seeds]
    if chance and "seed" in space:
        raise ValueError("seeds must be empty where space has a seed")

    rows = []
    for setting in grid:
        start = time.perf_counter()
        found = [
            _on_validation(make_model(**setting, **one), tuning, metric, k, candidates)
            for one in chance or [{}]
        ]
        sd = {"sd": np.std(found, ddof=1)} if len(found) > 1 else {}
        seconds = time.perf_counter() - start
        rows.append(setting | {metric: np.mean(found)} | sd | {"seconds": seconds})
    table = pd.DataFrame(rows).astype(dict.fromkeys(space, object))  # 32 stays 32, not 32.0
    if table[metric].isna().all():
        raise DataError(f"no trial came to a number, the first of {len(grid)} being {grid[0]}")
    order = table[metric].sort_values(ascending=metric in ERRORS, kind="stable").index
    best = grid[order[0]]
    ends = {name: end for name in space if (end := _end(best[name], space[name]))}
    for name, end in ends.items():
        warnings.warn(
            f"the best trial has {name}={best[name]!r}, the {end} tried; "
            "a better one may lie beyond",
            stacklevel=2,
        )
    table = table.loc[order].reset_index(drop=True)
    table.attrs |= {"best": best, "at_end": ends}
    return table


def _on_validation(
    model: Recommender, split: Split, metric: str, k: int, candidates: Candidates | None
) -> float:
    """Fit a model and return its metric, NaN if the numbers of the training grew without end."""
    if not isinstance(model, Recommender):
        raise TypeError(f"make_model must return a model, got {model!r}")
    patient = getattr(model, "patience", None) is not None
    try:
        model.fit(split.train, **({"watch": watching(split, candidates)} if patient else {}))
    except FloatingPointError:  # a step too large: nothing to choose, and no reason to stop
        return np.nan
    if metric in ERRORS:
        # evaluate_ratings says so where the model only ranks
        table = evaluate_ratings(model, split, on="valid")  # type: ignore[arg-type]
        return rating_error(table, metric)
    return evaluate(model, split, k, on="valid", candidates=candidates)[metric].mean()


def _without_test(split: Split) -> Split:
    """Return train and validation set with nothing to test on."""
    if not isinstance(split, Split):
        raise TypeError(f"split must be a Split, got {type(split).__name__}")
    if len(split.valid) == 0:
        raise DataError("split must have a validation set, and this one's is empty")
    nothing = split.valid.select(np.zeros(len(split.valid), bool))
    return Split(split.train, split.valid, nothing, split.given)


def _settings(space: Mapping[str, Sequence], trials: int | None, seed: int) -> list[Setting]:
    """Return all combinations of the values, or some of them in random order."""
    if not isinstance(space, Mapping) or not space:
        raise TypeError(f"space must be a dict from names to values to try, got {space!r}")
    for name, values in space.items():
        if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
            raise TypeError(f"space[{name!r}] must be a sequence of values, got {values!r}")
        if len(values) == 0:
            raise ValueError(f"space[{name!r}] must hold a value to try")
    grid = [dict(zip(space, each, strict=True)) for each in itertools.product(*space.values())]
    if trials is None or check_int("trials", trials, minimum=1) >= len(grid):
        return grid
    rng = np.random.default_rng(check_int("seed", seed))
    return [grid[place] for place in rng.permutation(len(grid))[:trials]]


def _end(value: object, tried: Sequence) -> str | None:
    """Return "lowest" or "highest" if a number is that of those tried, and some may lie beyond."""
    numeric = all(isinstance(one, Real) and not isinstance(one, bool) for one in tried)
    if not numeric or len(set(tried)) == 1:
        return None
    end = {max(tried): "highest", min(tried): "lowest"}.get(value)
    return None if end == "lowest" and value == 0 else end  # nothing lies below no regularization
