"""Make the recorded results again: ``python -m recsys_lib.reproduce list | run | verify | try``.

`verify NAME --quick` does only a cheap part again, and says which.

`try NAME` needs no data: it does the experiment in small, on data that are made, or on few of the
packaged films if it is about films, and prints some of what it finds. The numbers are not those of
the page, but the code is: change a number in ``recsys_lib/experiments/`` (what stands in place of
the long grids and the many epochs is in ``small.py``) and try again. It writes nothing, unless
``--to FILE`` names a file for all that was found.

`table` and `figure` show table 1 and figure 4 of the paper with every model of the course.

A file in ``results/`` holds what an experiment found and what is needed to judge and repeat it:
the command, the data and its checksum, versions, date, wall time and machine.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from recsys_lib import data, results
from recsys_lib.data.catalog import lookup
from recsys_lib.data.download import find
from recsys_lib.evaluation.candidates import read_candidates
from recsys_lib.experiments import EXPERIMENTS, Experiment, small
from recsys_lib.experiments.protocol import METRICS
from recsys_lib.experiments.units import Units
from recsys_lib.files import atomic_write
from recsys_lib.metrics import METRICS as BY_RANK
from recsys_lib.results import command_of, read, recorded, source
from recsys_lib.validation import DataError, check_int

FORMATS = (".svg", ".png", ".pdf")
# What the same seed may differ by on another processor, by metric: what other seeds differ by here.
ONE_RUN = {"hr@10": 0.03, "ndcg@10": 0.015, "recall@10": 0.02, "precision@10": 0.004}
SETTINGS = {  # are chosen, and not measured: they come out again to the digit
    *("alpha", "frequency_power", "init_scale", "learning_rate", "rate", "regularization"),
    *("weight_decay",),
}
Files = tuple[Path, Path] | None


class _Nothing:
    """Stands where one of two results has no such key."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Nothing()


def run(experiment: Experiment, seeds: int | None = None) -> dict:
    """Do an experiment and return it with all that is needed to judge it.

    Parameters
    ----------
    experiment : Experiment
    seeds : int, optional
        How many, if not as many as it has by itself.
    """
    chosen = {}
    if experiment.seeds is not None:
        chosen["seeds"] = range(
            check_int("seeds", experiment.seeds if seeds is None else seeds, minimum=2)
        )
    elif seeds is not None:
        raise DataError(f"{experiment.name} has no number of seeds to choose; leave --seeds out")
    files = _files(experiment)
    needed = {name: recorded(name) for name in experiment.needs}
    inputs = _inputs(experiment, files, needed)
    if experiment.adds:
        inputs["before"] = _before(experiment.name)
    read_from = _data(experiment, files)
    start = time.perf_counter()
    parts = {}
    if experiment.in_units:
        made_with = [CODE, read_from, chosen, needed, _versions()]
        parts["units"] = Units(_units_of(experiment.name), repr(made_with))
    resumed = any(units.started() for units in parts.values())
    found = experiment.run(**inputs, **chosen, **parts)
    return {
        "name": experiment.name,
        "command": command_of(experiment.name) + (f" --seeds {seeds}" if seeds is not None else ""),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - start,
        **({"resumed": True} if resumed else {}),  # then these are the seconds of the last leg
        "data": read_from,
        "seeds": len(chosen.get("seeds", ())) or None,
        "needs": {name: one["date"] for name, one in needed.items()},
        "versions": _versions(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        },
        "found": json.loads(json.dumps(found)),  # as it will be read: no tuples, keys of text
    }


def _versions() -> dict[str, str]:
    names = ("recsys_lib", "numpy", "scipy", "pandas", "numba", "scikit-learn", "torch")
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def _code() -> str:
    """Return a checksum of the library, which tells parts of a run from those of other code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


CODE = _code()  # now, for what runs is what was imported, whatever is written meanwhile


def _units_of(name: str) -> Path:
    """Return the folder in which finished parts of a run are kept until it is whole."""
    return results.RESULTS / ".units" / name


def _quick(experiment: Experiment, part: Callable[..., dict], old: dict) -> dict:
    """Do the cheap part of an experiment."""
    files = _files(experiment)
    needed = {name: recorded(name) for name in experiment.needs}
    found = part(old["found"], **_inputs(experiment, files, needed))
    return {"data": _data(experiment, files), "found": found}


def _inputs(experiment: Experiment, files: Files, needed: dict) -> dict:
    """Return what an experiment is given: ratings, candidates, and what others found."""
    ratings = data.load(experiment.data, metadata=experiment.texts)
    others = experiment.given({name: one["found"] for name, one in needed.items()})
    if files is None:
        return {"ratings": ratings} | others
    candidates = read_candidates(files[1], ratings, experiment.repeats)
    return {"ratings": ratings, "candidates": candidates} | others


def _before(name: str) -> dict | None:
    """Return what is recorded already, if anything is, to add to."""
    return recorded(name)["found"] if (results.RESULTS / f"{name}.json").exists() else None


def _data(experiment: Experiment, files: Files) -> dict:
    """Return the name and the checksums of what an experiment reads."""
    if files is None:
        ratings = data.load(experiment.data)
        columns = (ratings.user, ratings.item, ratings.rating, ratings.timestamp)
        content = b"".join(column.astype("<f8").tobytes() for column in columns)
        return {"name": experiment.data, "sha256": hashlib.sha256(content).hexdigest()}
    file, candidates = map(_sha256, files)
    return {"name": experiment.data, "sha256": file, "candidates_sha256": candidates}


def _files(experiment: Experiment) -> Files:
    """Return the data file and the candidate file beside it, which no command can download.

    None, if the experiment needs neither: its data comes with the library.
    """
    if not experiment.candidates:
        return None
    place = lookup(experiment.data).file
    file = find(place) if place else None
    candidates = None if file is None else file.with_name("candidates.csv.gz")
    if file is None or candidates is None or not candidates.exists():
        raise DataError(
            f"{experiment.name} needs {experiment.data} with its candidates.csv.gz, ready-made, "
            f"in {data.cache_folder()}; set RECSYS_DATA to the folder that holds them"
        )
    return file, candidates


def picked(old: Any, shape: object) -> Any:
    """Return the part of a result that has the shape of another; an integer picks from a list."""
    if not isinstance(shape, dict):
        return old
    found = {}
    for key, value in shape.items():
        try:
            found[key] = picked(old[key], value)
        except (KeyError, IndexError, TypeError):
            found[key] = None  # a difference, which `differences` names
    return found


def differences(
    old: object, new: object, where: str = "found", tolerance: float = 1e-3
) -> list[str]:
    """List where two results differ by more than the tolerance; times are not compared.

    Under the key "values" stand single runs, one for each seed. The same seed ends a little
    elsewhere on another processor, as another seed does on the same: there `ONE_RUN` is allowed. An
    interval that comes to the other side of 0, or a p-value to that of 0.05, is a difference
    however small: words depend on it.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(
            (k for k in old.keys() | new.keys() if not str(k).endswith("seconds")), key=str
        )
        found = [
            line
            for key in keys
            for line in differences(
                old.get(key, MISSING),
                new.get(key, MISSING),
                f"{where}.{key}",
                _allowed(str(key), where, tolerance),
            )
        ]
        return found or [f"{where}: {name} changes sides" for name in _turned(old, new)]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [
            line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]", tolerance)
        ]
    if isinstance(old, float) and isinstance(new, int | float):
        same = math.isclose(old, new, rel_tol=max(tolerance, 1e-12), abs_tol=tolerance)
    else:
        same = old == new and isinstance(old, bool) == isinstance(new, bool)
    return [] if same else [f"{where}: recorded {old!r}, found {new!r}"]


def _allowed(key: str, where: str, tolerance: float) -> float:
    """Return by how much two numbers under a key may differ."""
    if key in SETTINGS:
        return 0.0
    if key != "values":
        return tolerance
    return max(tolerance, ONE_RUN.get(where.rpartition(".")[2], max(ONE_RUN.values())))


def _turned(old: dict, new: dict) -> list[str]:
    """Name what is the same within the tolerance and yet changes a word of the course."""
    lines = {"low": 0.0, "high": 0.0, "holm": 0.05, "p_value": 0.05}
    return [
        name
        for name, line in lines.items()
        if isinstance(old.get(name), float) and (old[name] > line) != (new[name] > line)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.reproduce", description=__doc__.partition("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the experiments, and when each was recorded")
    names = [*EXPERIMENTS, "all"]
    for command, text in (
        ("run", "do an experiment and write its file in results/; all: those that are missing"),
        ("verify", "do it again and fail where it differs from what is recorded"),
    ):
        one = commands.add_parser(command, help=text)
        one.add_argument("name", choices=names)
        one.add_argument("--data", metavar="FOLDER", help="in place of RECSYS_DATA")
        if command == "verify":
            one.add_argument("--quick", action="store_true", help="only the cheap part, seconds")
        else:
            one.add_argument("--seeds", type=int, metavar="N", help="how many, where chance plays")
            one.add_argument("--again", action="store_true", help="all, recorded or not")
    one = commands.add_parser("try", help="do it in small, on made data, and print what it finds")
    one.add_argument("name", choices=list(EXPERIMENTS))
    one.add_argument("--size", type=float, default=1.0, metavar="X", help="of the data: 1, a tenth")
    one.add_argument(
        "--seeds", type=int, metavar="N", help="how many, where chance plays; 2, if not given"
    )
    one.add_argument(
        "--trials", type=int, choices=small.TRIALS, help="of a search; 3, if not given"
    )
    one.add_argument("--to", metavar="FILE", help="JSON for all that was found")
    commands.add_parser("table", help="table 1 of the paper with every model, as Markdown")
    figure = commands.add_parser("figure", help="figure 4 of the paper with every model")
    figure.add_argument("file", nargs="?", default="figure_4.svg", help="to be written")
    given = parser.parse_args(arguments)
    before = os.environ.get("RECSYS_DATA")
    try:
        if getattr(given, "data", None) is not None:
            os.environ["RECSYS_DATA"] = given.data
        return _do(given)
    except (DataError, OSError, ValueError) as error:
        notes = getattr(error, "__notes__", ())  # which part of the run it was
        print("; ".join([f"error: {error}", *notes]), file=sys.stderr)
        return 1
    finally:
        if before is not None:
            os.environ["RECSYS_DATA"] = before
        elif getattr(given, "data", None) is not None:
            del os.environ["RECSYS_DATA"]


def _do(given: argparse.Namespace) -> int:
    if given.command == "list":
        return _list()
    if given.command == "table":
        print(table())
        return 0
    if given.command == "try":
        return _try(given)
    if given.command == "figure":
        draw(given.file)
        print(f"wrote {given.file}")
        return 0
    chosen = list(EXPERIMENTS) if given.name == "all" else [given.name]
    if given.command == "verify":
        return max(_verify(EXPERIMENTS[name], given.quick) for name in chosen)
    if given.name == "all" and given.seeds is not None:
        raise DataError("--seeds is for one experiment; name it in place of all")
    if given.name == "all" and not given.again:
        chosen = [name for name in chosen if _missing(name)]
        if not chosen:
            print("nothing is missing; --again makes all of them anew")
    return max((_record(name, given.seeds) for name in chosen), default=0)


def _try(given: argparse.Namespace) -> int:
    """Do an experiment in small and print some of it; results/ is neither read nor written."""
    if given.to is not None:
        _check_place(Path(given.to))
    experiment = EXPERIMENTS[given.name]
    numbers = {"seeds": given.seeds, "trials": given.trials}
    small.check_taken(experiment, **numbers)
    what = small.stand_in(experiment, given.size)["ratings"]
    how = "few of the real films" if experiment.data == "movielens-small" else "the data are made"
    print(f"{given.name} in small: {how}, and the numbers are not the page's. {what!r}", flush=True)
    start = time.perf_counter()
    chosen = {name: number for name, number in numbers.items() if number is not None}
    found = small.in_small(experiment, given.size, **chosen)
    print("\n".join(small.lines(given.name, found)))
    print(f"in {time.perf_counter() - start:.0f} s", end="")
    if given.to is not None:
        with atomic_write(Path(given.to)) as file:
            file.write(json.dumps(found, indent=1).encode() + b"\n")
        print(f"; all of it is in {given.to}", end="")
    print()
    return 0


def _check_place(path: Path) -> None:
    if not path.parent.is_dir() or results.RESULTS in path.resolve().parents:
        raise DataError(
            f"to must be a file in a folder that exists, but not in {results.RESULTS}, where the "
            f"recorded results are, got {str(path)!r}"
        )


def _missing(name: str) -> bool:
    """Whether a result is not there, or was made from results that have been made anew since."""
    try:
        found = recorded(name)
        dates = {other: recorded(other)["date"] for other in EXPERIMENTS[name].needs}
    except DataError:
        return True
    return found.get("needs", {}) != dates


def table(protocols: tuple[str, ...] = ("sampled", "full")) -> str:
    """Return table 1 of the paper with every model of the course, as Markdown."""
    result = recorded("evaluation")
    lines = [
        f"| model | ranking | {' | '.join(METRICS)} |",
        "|---|---|" + "---|" * len(METRICS),
    ]
    for name, one in result["found"]["models"].items():
        for protocol in protocols:
            cells = (one["by_k"][protocol][metric] for metric in METRICS)
            shown = (f"{c['mean']:.3f} [{c['low']:.3f}, {c['high']:.3f}]" for c in cells)
            lines.append(f"| {name} | {protocol} | {' | '.join(shown)} |")
    return "\n".join([*lines, "", *source(result).splitlines()])


def draw(file: str | os.PathLike) -> None:
    """Draw figure 4 of the paper with every model of the course into a file."""
    path = Path(file)
    if path.suffix not in FORMATS or not path.parent.is_dir():
        raise DataError(
            f"file must end in {', '.join(FORMATS)} and lie in a folder that exists, got {file!r}"
        )
    models = recorded("evaluation")["found"]["models"]
    fig = Figure(figsize=(9, 7), layout="constrained")
    axes = fig.subplots(2, 2, sharex=True)
    for ax, metric in zip(axes.ravel(), BY_RANK, strict=True):
        for name, one in models.items():
            rows = [one["by_k"]["sampled"][f"{metric}@{k}"] for k in range(1, 11)]
            (line,) = ax.plot(range(1, 11), [row["mean"] for row in rows], label=name)
            ends = zip(*((row["low"], row["high"]) for row in rows), strict=True)
            ax.fill_between(range(1, 11), *ends, color=line.get_color(), alpha=0.15, lw=0)
        ax.set(title=f"{metric}@K", xlabel="K")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    with atomic_write(path) as target:
        fig.savefig(target, format=path.suffix[1:])


def _list() -> int:
    for name, experiment in EXPERIMENTS.items():
        path = results.RESULTS / f"{name}.json"
        state = "not recorded"
        if path.exists():
            state = source(read(path, name)).replace("\n", " ")
        print(f"{name:12} {experiment.data:34} {state}")
    return 0


def _record(name: str, seeds: int | None = None) -> int:
    result = run(EXPERIMENTS[name], seeds)
    results.RESULTS.mkdir(exist_ok=True)
    with atomic_write(results.RESULTS / f"{name}.json") as file:
        file.write(json.dumps(result, indent=1, allow_nan=False).encode() + b"\n")
    shutil.rmtree(_units_of(name), ignore_errors=True)
    print(f"wrote results/{name}.json in {result['seconds']:.0f} s")
    return 0


def _verify(experiment: Experiment, quick: bool) -> int:
    name, old = experiment.name, recorded(experiment.name)
    part = experiment.quick if quick else None
    new = run(experiment, old.get("seeds")) if part is None else _quick(experiment, part, old)
    found = differences(old["data"], new["data"], "data")
    needs = {other: recorded(other)["date"] for other in experiment.needs}
    found += differences(old.get("needs", {}), needs, "needs")
    before = old["found"] if part is None else picked(old["found"], new["found"])
    found += differences(before, new["found"], tolerance=experiment.tolerance)
    for line in found[:20]:
        print(line, file=sys.stderr)
    what = "" if part is None else f" ({(part.__doc__ or '').strip().rstrip('.')})"
    if part is None:
        shutil.rmtree(_units_of(name), ignore_errors=True)  # the next one is to do it again
    print(f"{name}: {'the same' if not found else f'{len(found)} differences'}{what}")
    return 1 if found else 0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
