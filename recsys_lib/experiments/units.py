"""The independent parts of a recorded run: side by side, and each kept as soon as it is done.

A part, such as one trial or one seed, takes minutes. Its result is written to a file of its own, so
that a run of hours which is interrupted goes on from the parts that are there.
"""

import contextlib
import hashlib
import inspect
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from recsys_lib.files import read_npz, write_npz
from recsys_lib.validation import DataError

_given: tuple = ()  # what the processes of a pool find when they start


class Units:
    """Does the parts of a run, and keeps them.

    Parameters
    ----------
    folder : path, optional
        Where finished parts are kept; without it they are not.
    made_with : str
        Names code, data and settings. Parts that were made with others are left alone: another run
        may be at work on them.
    """

    def __init__(self, folder: Path | None = None, made_with: str = ""):
        self.folder = None if folder is None else folder / _short(made_with)

    def started(self) -> bool:
        """Whether a run that was broken off has left parts to go on from."""
        return self.folder is not None and self.folder.is_dir() and any(self.folder.iterdir())

    def each(self, function: Callable, parts: Sequence[tuple], *context: Any) -> list:
        """Return ``function(*context, *part)`` for each part, in the order of the parts.

        The parts run in processes of their own where the system can fork; the context, which may be
        large or impossible to send, is there already. What a part computes may not depend on
        others.

        Parameters
        ----------
        function : callable
            Of a module, by its name.
        parts : sequence of tuple
            Of text and numbers, and of dicts of them. What is kept is found by the function and the
            part, so all else that differs within a run has to be in the part: model, setting, seed.
        context
            Given to every call.

        Raises
        ------
        Exception
            Of a part that fails, with a note that names it. The parts that are done are kept.
        """
        global _given
        _given = (self, function, context)
        try:
            if "fork" not in multiprocessing.get_all_start_methods():  # Windows
                return [_do(part) for part in parts]
            with ProcessPoolExecutor(
                os.cpu_count(), multiprocessing.get_context("fork"), _start
            ) as pool:
                return list(pool.map(_do, parts))
        finally:
            _given = ()

    def grouped(
        self, function: Callable, groups: Mapping[Any, Sequence[tuple]], *context: Any
    ) -> dict[Any, list]:
        """Do the parts of all groups as `each` does; return the results by group."""
        parts = [part for each in groups.values() for part in each]
        results = iter(self.each(function, parts, *context))
        return {key: [next(results) for _ in each] for key, each in groups.items()}

    def do(self, function: Callable, context: tuple, part: tuple) -> Any:
        """Return the result of one part, read or made and then kept."""
        if self.folder is None:
            return function(*context, *part)
        name = f"{_called(function)}-{_short(repr(part))}.npz"
        path = self.folder / name
        if path.exists():
            with contextlib.suppress(DataError):  # a damaged file is made again
                arrays, text = read_npz(path)
                return unpack(text["result"], arrays)
        arrays = {}
        text = {"part": repr(part), "result": pack(function(*context, *part), arrays)}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_npz(path, arrays, text)
        return unpack(text["result"], arrays)  # what a later run will read


def _start() -> None:
    torch.set_num_threads(1)


def _do(part: tuple) -> Any:
    units, function, context = _given
    try:
        return units.do(function, context, part)
    except Exception as error:
        error.add_note(f"in the part {_named(function, part)}")
        raise


def _named(function: Callable, part: tuple) -> str:
    """Name a part: the function, and the values by the names of its last parameters."""
    names = list(inspect.signature(function).parameters)[-len(part) :] if part else []
    values = (f"{name}={value!r}" for name, value in zip(names, part, strict=True))
    return f"{_called(function)}({', '.join(values)})"


def _called(function: Callable) -> str:
    """Return the name of a function with that of its module."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__.strip('_')}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Turn a result into what JSON can hold; its arrays are added to `arrays` by name.

    Raises
    ------
    TypeError
        If it holds anything but dicts, lists, tuples, arrays, tables, text and numbers.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {"dict": [[pack(key, arrays), pack(one, arrays)] for key, one in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [pack(one, arrays) for one in value]}
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value.astype(str) if value.dtype == object else value
        return {"array": name}
    if isinstance(value, pd.DataFrame):
        columns = [[str(name), pack(value[name].to_numpy(), arrays)] for name in value]
        index = [value.index.name, pack(value.index.to_numpy(), arrays)]
        return {"table": {"columns": columns, "index": index}}
    raise TypeError(f"a part of a run cannot return a {type(value).__name__}")


def unpack(packed: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return what was packed."""
    if not isinstance(packed, dict):
        return packed
    ((kind, held),) = packed.items()
    if kind == "dict":
        return {unpack(key, arrays): unpack(one, arrays) for key, one in held}
    if kind == "list":
        return [unpack(one, arrays) for one in held]
    if kind == "tuple":
        return tuple(unpack(one, arrays) for one in held)
    if kind == "array":
        return arrays[held]
    name, index = held["index"]
    columns = {key: unpack(column, arrays) for key, column in held["columns"]}
    return pd.DataFrame(columns, pd.Index(unpack(index, arrays), name=name))
