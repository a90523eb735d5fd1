"""Rank a model of your own beside those of the course: ``python -m recsys_lib.rank FILE``.

FILE is a Python file that holds one or more subclasses of `recsys_lib.models.Recommender`, each
made without arguments (its hyperparameters have defaults). Each is fitted and tested like the
others, and compared with the best of them user by user.
"""

import argparse
import importlib.util
import inspect
import sys
import time
import traceback
import warnings
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from recsys_lib import data
from recsys_lib.data import Split
from recsys_lib.evaluation import compare, evaluate, leaderboard
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.metrics import METRICS
from recsys_lib.models import SVD, BinaryMF, ItemKNN, Popularity, Random, Recommender, UserKNN
from recsys_lib.validation import DataError, metric_length

OWN = "_ranked_"  # before the name of a file that is run, lest it takes the place of a library


def course_models(shape: tuple[int, int] | None = None) -> dict[str, Recommender]:
    """Return the models to be ranked with, by name; SVD with fewer factors for a small `shape`.

    Examples
    --------
    >>> from recsys_lib.rank import course_models
    >>> list(course_models())
    ['Random', 'Popularity', 'SVD', 'UserKNN', 'ItemKNN', 'BinaryMF']
    """
    most = 100 if shape is None else max(1, min(shape) - 1)
    return {
        "Random": Random(),
        "Popularity": Popularity(),
        "SVD": SVD(factors=min(100, most)),
        "UserKNN": UserKNN(),
        "ItemKNN": ItemKNN(),
        "BinaryMF": BinaryMF(factors=32, regularization=0.01, epochs=25),
    }


def read_models(path: str | Path) -> dict[str, Recommender]:
    """Return one model of each class that a Python file defines.

    Raises
    ------
    DataError
        If there is no such file, it cannot be run, it defines no model, or a model cannot be made.
    """
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise DataError(f"FILE must be a Python file that exists, got {path}")
    spec = importlib.util.spec_from_file_location(OWN + path.stem, path)
    assert spec is not None  # nor its loader, of a file that ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for dataclasses, and whoever else looks a class up
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)  # for what the file imports from beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise DataError(f"{path} does not run: {_told(error)}") from error
    kinds = [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Recommender)
    ]
    own = [kind for kind in kinds if kind.__module__ == spec.name]
    if not own:
        raise DataError(f"{path} defines no subclass of recsys_lib.models.Recommender")
    own = [kind for kind in own if not kind.__abstractmethods__] or own
    models = {}
    for kind in own:
        missing = sorted(kind.__abstractmethods__)
        if missing:
            raise DataError(f"{path}: {kind.__name__} has no {' and no '.join(missing)}")
        try:
            inspect.signature(kind).bind()
        except TypeError as error:
            raise DataError(
                f"{path}: {kind.__name__}() must work without arguments: {error}"
            ) from None
        try:
            models[kind.__name__] = kind()
        except Exception as error:
            raise DataError(f"{path}: {kind.__name__}() fails: {_told(error, path)}") from error
    return models


def _told(error: BaseException, file: str | Path | None = None) -> str:
    """Say in one line what went wrong, and where in the file, if it was there."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f"{text} (line {lines[-1]})" if lines else text


def rank(
    models: dict[str, Recommender],
    split: Split,
    candidates: Candidates | None = None,
    metric: str = "ndcg@10",
    optional: Collection[str] = (),
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Fit and test models; return the leaderboard, best first, and each model's table.

    Parameters
    ----------
    models : dict of str to Recommender
    split : Split
    candidates : Candidates, optional
        By default all unknown items compete.
    metric : str
        One of hr, ndcg, precision, recall, then @ and the length of the lists.

    optional : collection of str
        Names of models that may fail: such a one is left out with a warning.

    Raises
    ------
    DataError
        If the metric is none of these, or a model fails; with its name and the reason.

    Returns
    -------
    board : DataFrame
        Columns mean, low, high, users and seconds (of fitting).
    tables : dict of DataFrame
        From `evaluation.evaluate`.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.models import EASE, Popularity, Random
    >>> from recsys_lib.rank import rank
    >>> split = data.leave_last_out(data.k_core(data.load(), 50))
    >>> models = {"Random": Random(), "Popularity": Popularity(), "EASE": EASE()}
    >>> board, tables = rank(models, split)
    >>> list(board.index)
    ['EASE', 'Popularity', 'Random']
    """
    k = metric_length(metric, METRICS)
    tables, seconds = {}, {}
    for name, model in models.items():
        start = time.perf_counter()
        try:
            model.fit(split.train)
            seconds[name] = time.perf_counter() - start
            tables[name] = evaluate(model, split, k, candidates=candidates)
        except Exception as error:
            file = getattr(sys.modules.get(type(model).__module__), "__file__", None)
            if name not in optional:
                raise DataError(f"{name} fails: {_told(error, file)}") from error
            warnings.warn(f"{name} is left out: {_told(error)}", stacklevel=2)
    board = leaderboard(tables, metric).assign(seconds=pd.Series(seconds))
    return board.sort_values("mean", ascending=False, kind="stable"), tables


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.rank", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("file", metavar="FILE", help="a Python file with your model")
    parser.add_argument("--data", default="movielens-small", help="a data set of the catalog")
    parser.add_argument("--metric", default="ndcg@10", help="hr@10, ndcg@10, precision@10, ...")
    parser.add_argument(
        "--negatives", type=int, help="rank among so many sampled items, not among all"
    )
    parser.add_argument(
        "--on-bad-rows",
        choices=("error", "skip"),
        default="error",
        help="stop at a row of the data that cannot be used, or leave it out and count it",
    )
    return parser.parse_args(given)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    given = _arguments(arguments)
    try:
        metric_length(given.metric, METRICS)
        own = read_models(given.file)
        ratings = data.load(given.data, on_bad_rows=given.on_bad_rows)
        split = data.leave_last_out(ratings, n_test=2, n_valid=1)
        few = given.negatives
        candidates = None if few is None else sample_candidates(split, few)
        course = course_models(split.train.shape)
        others = {name: model for name, model in course.items() if name not in own}
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            board, tables = rank(others | own, split, candidates, given.metric, set(others))
    except (DataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for note in notes:
        print(f"note: {note.message}", file=sys.stderr)
    among = "all unknown items" if few is None else f"{few} sampled negatives"
    print(ratings)
    print(f"{given.metric} on the test set of {given.data}, among {among} [95 % over users]\n")
    _print_board(board, tables, own, given.metric)
    print("\nThis was the test set. Choose your settings on split.valid, and come here once.")
    return 0


def _print_board(
    board: pd.DataFrame, tables: dict[str, pd.DataFrame], own: Collection[str], metric: str
) -> None:
    """Print a line for each model, then how far those of one's own are from the course's best."""
    for name, row in board.iterrows():
        mark = "*" if name in own else " "
        print(
            f"{mark} {name:16} {row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
            f"   fitted in {row['seconds']:.1f} s"
        )
    best = next(name for name in board.index if name not in own)
    for name in own:
        d = compare(tables[name], tables[best]).loc[metric]
        print(
            f"\n{name} minus {best}: {d['difference']:+.4f} "
            f"[{d['low']:+.4f}, {d['high']:+.4f}], p = {d['p_value']:.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
