"""Do independent parts of a recorded run side by side, each on one core."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch

_given: tuple = ()


def each(function: Callable, parts: Sequence[tuple], *context: Any) -> list:
    """Return ``function(*context, *part)`` for each part, in the order of the parts.

    The parts run in processes of their own where the system can fork; the context, which may be
    large or impossible to send, is there already. What a part computes may not depend on others.

    Parameters
    ----------
    function : callable
        Of a module, by its name.
    parts : sequence of tuple
        Of what can be pickled.
    context
        Given to every call.
    """
    global _given
    if "fork" not in multiprocessing.get_all_start_methods():  # Windows
        return [function(*context, *part) for part in parts]
    _given = (function, context)
    try:
        with ProcessPoolExecutor(
            os.cpu_count(), multiprocessing.get_context("fork"), _start
        ) as pool:
            return list(pool.map(_call, parts))
    finally:
        _given = ()


def _start() -> None:
    torch.set_num_threads(1)


def _call(part: tuple) -> Any:
    function, context = _given
    return function(*context, *part)
