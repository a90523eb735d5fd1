"""How things are timed: on one thread, in one process, the best of several alternating runs."""

import time
from collections.abc import Callable


def alternate(runs: dict[str, Callable[[], object]], repeats: int = 7) -> dict[str, float]:
    """Seconds of each run: the least of `repeats`, the runs taking turns.

    Taking turns spreads whatever else the machine does over all of them; the least is what each
    takes when left alone. Each runs once before, so that compilation is not counted.
    """
    for run in runs.values():
        run()
    seconds = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds
