"""Rank a model of your own beside those of the course: ``python -m recsys_lib.rank FILE``.

FILE is a Python file that holds one or more subclasses of `recsys_lib.models.Recommender`, each
made without arguments (its hyperparameters have defaults);
``python -m recsys_lib.rank --template FILE`` writes one to begin with. Each is fitted and tested
like the others, and compared with the best of them user by user, under two protocols: all unknown
items compete, or 99 sampled ones for each user. A model may be first in one and sixth in the other.
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
from typing import TypeAlias

import pandas as pd

from recsys_lib import data
from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate, leaderboard
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.files import atomic_write
from recsys_lib.metrics import METRICS
from recsys_lib.models import (
    SVD,
    BinaryMF,
    Content,
    ItemKNN,
    Popularity,
    Random,
    Recommender,
    UserKNN,
)
from recsys_lib.validation import DataError, metric_length

Ranking: TypeAlias = tuple[pd.DataFrame, dict[str, pd.DataFrame]]  # leaderboard, tables by model

TEMPLATE = Path(__file__).with_name("template.txt")
NEGATIVES = 99  # of the second protocol, where none is asked for
OWN = "_ranked_"  # before the name of a file that is run, lest it takes the place of a library


def course_models(
    shape: tuple[int, int] | None = None, words: bool = False
) -> dict[str, Recommender]:
    """Return the models to be ranked with, by name.

    Parameters
    ----------
    shape : (int, int), optional
        Of the training set: with few users or items SVD gets fewer factors.
    words : bool
        The training set has features of its items, so Content can be ranked, too.

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
    } | ({"Content": Content()} if words else {})


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
        raise DataError(f"{path} does not run: {_told(error, path)}") from error
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
    here = file and Path(file).resolve()  # a frame has the whole path, whatever was given
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == here]
    return f"{text} (line {lines[-1]})" if lines else text


def rank(
    models: dict[str, Recommender],
    split: Split,
    candidates: Candidates | None = None,
    metric: str = "ndcg@10",
    optional: Collection[str] = (),
) -> Ranking:
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
    return rank_under(models, split, {"": candidates}, metric, optional)[""]


def rank_under(
    models: dict[str, Recommender],
    split: Split,
    protocols: dict[str, Candidates | None],
    metric: str = "ndcg@10",
    optional: Collection[str] = (),
) -> dict[str, Ranking]:
    """Fit models once and test them under several protocols; what `rank` returns, for each.

    Parameters
    ----------
    protocols : dict of str to Candidates or None
        By the name to be shown; with None all unknown items compete.
    models, split, metric, optional
        As in `rank`.

    Raises
    ------
    DataError
        As `rank`, or if there is no protocol.

    Returns
    -------
    dict of str to (DataFrame, dict of DataFrame)
        Leaderboard and tables, by the name of the protocol, in the order given.
    """
    if not protocols:
        raise DataError("protocols is empty: name at least one, {'all items': None} for example")
    k = metric_length(metric, METRICS)
    seconds: dict[str, float] = {}
    tables: dict[str, dict[str, pd.DataFrame]] = {protocol: {} for protocol in protocols}
    for name, model in models.items():
        start = time.perf_counter()
        try:
            model.fit(split.train)
            took = time.perf_counter() - start
            tested = [evaluate(model, split, k, candidates=one) for one in protocols.values()]
        except Exception as error:
            file = getattr(sys.modules.get(type(model).__module__), "__file__", None)
            if name not in optional:
                raise DataError(f"{name} fails: {_told(error, file)}") from error
            warnings.warn(f"{name} is left out: {_told(error)}", stacklevel=2)
            continue
        seconds[name] = took
        for protocol, table in zip(protocols, tested, strict=True):
            tables[protocol][name] = table
    return {protocol: (_board(of, metric, seconds), of) for protocol, of in tables.items()}


def _board(tables: dict[str, pd.DataFrame], metric: str, seconds: dict[str, float]) -> pd.DataFrame:
    board = leaderboard(tables, metric).assign(seconds=pd.Series(seconds))
    return board.sort_values("mean", ascending=False, kind="stable")


def write_template(path: str | Path) -> Path:
    """Write a file with a whole model, commented, to begin one's own with.

    Parameters
    ----------
    path : path
        Ends in .py. A file that exists is never overwritten.

    Raises
    ------
    DataError
        If there is something under this name, the name is no Python file's, or its folder is not
        there.
    """
    path = Path(path)
    if path.suffix != ".py":
        raise DataError(f"FILE must end in .py, got {path}")
    if path.exists() or path.is_symlink():
        raise DataError(f"FILE must be a new file, but {path} exists: it is left as it is")
    if not path.parent.is_dir():
        raise DataError(f"FILE must lie in a folder that exists, got {path}")
    text = TEMPLATE.read_text(encoding="utf-8").replace("mine.py", path.name)
    with atomic_write(path) as file:
        file.write(text.encode())
    return path


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.rank", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("file", metavar="FILE", help="a Python file with your model")
    parser.add_argument(
        "--template", action="store_true", help="write FILE, a commented model to begin with"
    )
    parser.add_argument("--data", default="movielens-small", help="a data set of the catalog")
    parser.add_argument("--metric", default="ndcg@10", help="hr@10, ndcg@10, precision@10, ...")
    parser.add_argument(
        "--negatives",
        type=int,
        help=f"rank among so many sampled items alone, not among all and among {NEGATIVES}",
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
        if given.template:
            path = write_template(given.file)
            print(f"{path} holds a whole model. Change it, choose its settings on validation with")
            print(f"python {path}, and then, once: python -m recsys_lib.rank {path}")
            return 0
        metric_length(given.metric, METRICS)
        own = read_models(given.file)
        ratings = data.load(given.data, on_bad_rows=given.on_bad_rows)
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            ratings = _described(ratings)
            split = data.leave_last_out(ratings, n_test=2, n_valid=1)
            protocols = _protocols(split, given.negatives)
            course = course_models(split.train.shape, ratings.item_features is not None)
            others = {name: model for name, model in course.items() if name not in own}
            found = rank_under(others | own, split, protocols, given.metric, set(others))
    except (DataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for note in notes:
        print(f"note: {note.message}", file=sys.stderr)
    print(ratings)
    among = next(iter(found)) if len(found) == 1 else "two protocols"
    print(f"{given.metric} on the test set of {given.data}, {among} [95% intervals over users]\n")
    if len(found) == 1:
        _print_board(*found[among], own)
    else:
        _print_boards(found, own)
    _print_differences(found, own, given.metric)
    print("\nThis was the test set. Choose your settings on split.valid, and come here once.")
    return 0


def _described(ratings: Interactions) -> Interactions:
    """Return the ratings with what is known of the items; as they are, and say why, if nothing."""
    try:
        return ratings.with_features(items=data.item_features(ratings))
    except DataError as error:
        warnings.warn(
            "the items have no features (train.item_features is None), so the Content of the "
            f"course is left out: {error}",
            stacklevel=2,
        )
        return ratings


def _protocols(split: Split, negatives: int | None) -> dict[str, Candidates | None]:
    """Return the protocols to test under, by name: two, unless a number of negatives is given."""
    few = NEGATIVES if negatives is None else negatives
    sampled: dict[str, Candidates | None] = {
        f"among {few} sampled negatives": sample_candidates(split, few)
    }
    return sampled if negatives is not None else {"among all unknown items": None, **sampled}


def _print_board(
    board: pd.DataFrame, tables: dict[str, pd.DataFrame], own: Collection[str]
) -> None:
    """Print a line for each model, best first."""
    for name, row in board.iterrows():
        mark = "*" if name in own else " "
        print(f"{mark} {name:16} {_interval(row)}   fitted in {row['seconds']:.1f} s")


def _print_boards(found: dict[str, Ranking], own: Collection[str]) -> None:
    """Print a line for each model with its place under each protocol, in the order of the first."""
    boards = [board for board, _ in found.values()]
    print(" " * 17 + "".join(f"{protocol:<32}" for protocol in found))
    for name in boards[0].index:
        mark = "*" if name in own else " "
        cells = [
            f"{board.index.get_loc(name) + 1:3}.  {_interval(board.loc[name])}" for board in boards
        ]
        seconds = boards[0].loc[name, "seconds"]
        print(f"{mark} {name:12}" + "    ".join(cells) + f"   fitted in {seconds:.1f} s")


def _interval(row: pd.Series) -> str:
    return f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"


def _print_differences(found: dict[str, Ranking], own: Collection[str], metric: str) -> None:
    """Print how far one's own models are from the best of the course, under each protocol."""
    for name in own:
        print()
        for protocol, (board, tables) in found.items():
            best = next(other for other in board.index if other not in own)
            d = compare(tables[name], tables[best]).loc[metric]
            under = f"   {protocol}" if len(found) > 1 else ""
            print(
                f"{name} minus {best}: {d['difference']:+.4f} "
                f"[{d['low']:+.4f}, {d['high']:+.4f}], p = {d['p_value']:.4f}{under}"
            )


if __name__ == "__main__":
    sys.exit(main())
