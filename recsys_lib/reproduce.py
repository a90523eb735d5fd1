"""Make the recorded results again: ``python -m recsys_lib.reproduce list | run | verify``.

A file in ``results/`` holds what an experiment found and what is needed to judge and repeat it:
the command, the data and its checksum, versions, date, wall time and machine.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from recsys_lib import data
from recsys_lib.data.catalog import lookup
from recsys_lib.data.download import find
from recsys_lib.experiments import EXPERIMENTS, Experiment
from recsys_lib.files import atomic_write
from recsys_lib.sampling import read_candidates
from recsys_lib.validation import DataError, check_choice

RESULTS = Path(__file__).resolve().parent.parent / "results"
BENCHMARKS = "benchmarks"  # made by `make bench`, in an environment of its own
TOLERANCE = 1e-3  # between machines: sums in another order may turn a tie at the cut


def recorded(name: str) -> dict:
    """Return a recorded result, as the chapters show it.

    Raises
    ------
    DataError
        If the result is not recorded; the message has the command that makes it.
    """
    check_choice("name", name, (*EXPERIMENTS, BENCHMARKS))
    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise DataError(f"{path} is missing: make it with `{_command(name)}`")
    return _read(path, name)


def _read(path: Path, name: str) -> dict:
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): make it with `{_command(name)}`") from None
    if not isinstance(found, dict) or not {"command", "date", "found"} <= found.keys():
        raise DataError(f"{path} is no recorded result: make it with `{_command(name)}`")
    return found


def source(result: dict) -> str:
    """Say where a recorded result comes from, in two lines."""
    if "data" not in result:
        where = f"{result['machine']['processor']}, {result['machine']['threads']} thread"
    else:
        where = f"{result['data']['name']} in {result['seconds']:.0f} s"
    return f"Recorded {result['date'][:10]} on {where}\nwith {result['command']}"


def run(experiment: Experiment) -> dict:
    """Do an experiment and return it with all that is needed to judge it."""
    file, candidates_file = _files(experiment)
    needed = {name: recorded(name) for name in experiment.needs}
    ratings = data.load(experiment.data)
    candidates = read_candidates(candidates_file, ratings)
    start = time.perf_counter()
    found = experiment.run(ratings, candidates, **{k: one["found"] for k, one in needed.items()})
    return {
        "name": experiment.name,
        "command": _command(experiment.name),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - start,
        "data": {
            "name": experiment.data,
            "sha256": _sha256(file),
            "candidates_sha256": _sha256(candidates_file),
        },
        "needs": {name: one["date"] for name, one in needed.items()},
        "versions": {
            name: version(name)
            for name in ("recsys_lib", "numpy", "scipy", "pandas", "numba", "scikit-learn", "torch")
        }
        | {"python": platform.python_version()},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "found": json.loads(json.dumps(found)),  # as it will be read: no tuples, keys of text
    }


def _files(experiment: Experiment) -> tuple[Path, Path]:
    """Return the data file and the candidate file beside it, which no command can download."""
    place = lookup(experiment.data).file
    file = find(place) if place else None
    candidates = file and file.with_name("candidates.csv.gz")
    if not candidates or not candidates.exists():
        raise DataError(
            f"{experiment.name} needs {experiment.data} with its candidates.csv.gz, ready-made, "
            f"in {data.cache_folder()}; set RECSYS_DATA to the folder that holds them"
        )
    return file, candidates


def differences(old: object, new: object, where: str = "found") -> list[str]:
    """List where two results differ by more than the tolerance; times are not compared."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted((k for k in old.keys() | new.keys() if not k.endswith("seconds")), key=str)
        return [
            line
            for key in keys
            for line in differences(old.get(key), new.get(key), f"{where}.{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]")]
    if isinstance(old, float) and isinstance(new, int | float):
        same = math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    else:
        same = old == new
    return [] if same else [f"{where}: recorded {old!r}, found {new!r}"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.reproduce", description=__doc__.partition("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the experiments, and when each was recorded")
    for command, text in (
        ("run", "do an experiment and write its file in results/"),
        ("verify", "do it again and fail where it differs from what is recorded"),
    ):
        names = [*EXPERIMENTS, "all"]
        commands.add_parser(command, help=text).add_argument("name", choices=names)
    given = parser.parse_args(arguments)
    try:
        if given.command == "list":
            return _list()
        names = list(EXPERIMENTS) if given.name == "all" else [given.name]
        action = _record if given.command == "run" else _verify
        return max(action(name) for name in names)
    except (DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _list() -> int:
    for name, experiment in EXPERIMENTS.items():
        path = RESULTS / f"{name}.json"
        state = "not recorded"
        if path.exists():
            state = source(_read(path, name)).replace("\n", " ")
        print(f"{name:12} {experiment.data:34} {state}")
    return 0


def _record(name: str) -> int:
    result = run(EXPERIMENTS[name])
    RESULTS.mkdir(exist_ok=True)
    with atomic_write(RESULTS / f"{name}.json") as file:
        file.write(json.dumps(result, indent=1, allow_nan=False).encode() + b"\n")
    print(f"wrote results/{name}.json in {result['seconds']:.0f} s")
    return 0


def _verify(name: str) -> int:
    old, new = recorded(name), run(EXPERIMENTS[name])
    found = differences(old["data"], new["data"], "data") + differences(old["found"], new["found"])
    for line in found[:20]:
        print(line, file=sys.stderr)
    print(f"{name}: {'the same' if not found else f'{len(found)} differences'}")
    return 1 if found else 0


def _command(name: str) -> str:
    if name == BENCHMARKS:
        return "make bench"
    return f"python -m recsys_lib.reproduce run {name}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
