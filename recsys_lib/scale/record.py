"""Chapter 13's recorded run: ``make scale`` tries it small, ``make scale-full`` does all of it.

Each part is done in a process of its own, so that its memory can be measured, and is written into
``results/scale.json`` as soon as it is done; a run that was interrupted goes on with the others.
The made data are the same rows on every machine, and so is what an engine makes of them: the
checksums of small sizes are compared with the recorded ones wherever this runs.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from recsys_lib import results
from recsys_lib.data import Interactions, Split
from recsys_lib.evaluation import compare, evaluate
from recsys_lib.files import atomic_write
from recsys_lib.models import NeuMF, Recommender, iALS
from recsys_lib.scale import prepared
from recsys_lib.validation import DataError

SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000)
SMALL = SIZES[0]
MEMORY_GB = 4.0  # what an engine is told that it may take
ENGINES = ("NumPy", "DuckDB", "Polars", "Spark, 1 thread", "Spark, 2 threads")
STREAMING = ("DuckDB", "Polars", "Spark, 2 threads")  # NumPy would take too much memory
FACTORS, SWEEPS, ALPHA = 32, 10, 10.0
STRENGTHS = tuple(10.0 ** (e / 2) for e in range(-6, 4))  # of Spark's penalty: 0.001 to 32
JUDGED = 2000  # users whose lists are compared
BATCHES = (256, 1024, 8192, 65_536)
SHAPES = {  # users and items of the networks that processes train
    "as MovieLens 1M": (6040, 3706),
    "larger": (100_000, 50_000),
}

Found = dict[str, Any]


# ---- the parts -----------------------------------------------------------------------------------


def parts(sizes: Sequence[int] = SIZES) -> dict[str, tuple[Callable[..., Found], tuple]]:
    """Return every part by its name: a function, and its arguments besides the folder."""
    found: dict[str, tuple[Callable[..., Found], tuple]] = {}
    for rows in sizes:
        for engine in ENGINES if rows < SIZES[-1] else STREAMING:
            found[f"engines/{rows}/{engine}"] = _prepare, (rows, engine)
    for rows in sizes[:3]:
        for model in ("iALS", "Spark's ALS"):
            found[f"models/{rows}/{model}"] = _fit, (rows, model)
    for rows in sizes[:2]:
        found[f"quality/{rows}"] = _quality, (rows,)
    found["processes/equal"] = _equal, ()
    found["processes/killed"] = _killed, ()
    found["processes/sharded"] = _sharded, ()
    found["processes/batches"] = _batches, ()
    found["growth"] = _growth, ()
    return found


def made_data(folder: Path, rows: int) -> Path:
    """Return the folder with so many made rows, which are made if they are not there."""
    from recsys_lib.scale.made import made

    path = folder / f"made-{rows}"
    return path if path.is_dir() else made(path, rows)


def _prepare(folder: Path, rows: int, engine: str) -> Found:
    """Prepare made rows by one engine; the last preparation of a size is kept for the models."""
    source, target = made_data(folder, rows), folder / f"prepared-{rows}-{os.getpid()}"
    start = time.perf_counter()
    steps = _by(engine, source, target)
    seconds = time.perf_counter() - start
    sums = prepared.checksums(target)
    kept = folder / f"prepared-{rows}"
    if kept.exists():
        shutil.rmtree(target)
    else:
        os.rename(target, kept)
    return {
        "rows": rows,
        "seconds": seconds,
        "steps": json.loads(steps.to_json(orient="records")),
        "kept": {name: int(n) for name, n in sums["rows"].items()},
        "checksums": dict(sums["checksum"]),
    }


def _by(engine: str, source: Path, target: Path) -> Any:
    """Prepare a source by the engine of this name, which is imported only now."""
    if engine == "NumPy":
        from recsys_lib.scale import with_numpy

        return with_numpy.prepare(source, target)
    if engine == "DuckDB":
        from recsys_lib.scale import with_duckdb

        return with_duckdb.prepare(source, target, memory_gb=MEMORY_GB)
    if engine == "Polars":
        from recsys_lib.scale import with_polars

        return with_polars.prepare(source, target, memory_gb=MEMORY_GB)
    from recsys_lib.scale import with_spark

    threads = int(engine.split(", ")[1].split()[0])
    return with_spark.prepare(source, target, memory_gb=MEMORY_GB, threads=threads)


def _split(folder: Path, rows: int) -> Split:
    """Return the split that an engine has prepared."""
    target = folder / f"prepared-{rows}"
    if not target.exists():
        _prepare(folder, rows, "DuckDB")
    columns = {
        name: {
            column: np.concatenate([batch[column] for batch in prepared.batches(target, name)])
            for column in prepared.FILES[name]
        }
        for name in ("train", "valid", "test", "users", "items")
    }
    ids = columns["users"]["id"], columns["items"]["id"]
    return Split(
        *(
            Interactions(
                one["user"], one["item"], one["rating"], one["timestamp"], *ids,
                name=f"made-{rows}", scale=(1, 5), time_unit="s",
            )
            for one in (columns[name] for name in ("train", "valid", "test"))
        )
    )  # fmt: skip


def _model(name: str, split: Split, strength: float = 0.1, seed: int = 0) -> Recommender:
    """Return iALS, or Spark's ALS; the penalty is that of Spark, translated for iALS."""
    from recsys_lib.scale import with_spark

    if name == "Spark's ALS":
        return with_spark.SparkALS(FACTORS, strength, ALPHA, SWEEPS, seed)
    same: dict[str, Any] = {**with_spark.ials_parameters(split.train, strength, ALPHA)}
    return iALS(FACTORS, epochs=SWEEPS, seed=seed, **same)


def _fit(folder: Path, rows: int, name: str) -> Found:
    """Fit one of the two on prepared rows: seconds, the start of Java apart."""
    from recsys_lib.scale import with_spark

    split = _split(folder, rows)
    model = _model(name, split)
    if name == "iALS":
        model.fit(split.train)  # compiles
        start = time.perf_counter()
        model.fit(split.train)
        return {"rows": len(split.train), "seconds": time.perf_counter() - start}
    start = time.perf_counter()
    with with_spark.session(memory_gb=MEMORY_GB, folder=folder):
        started = time.perf_counter()
        model.fit(split.train)
        seconds = time.perf_counter() - started
    return {"rows": len(split.train), "seconds": seconds, "start_seconds": started - start}


def _quality(folder: Path, rows: int) -> Found:
    """Judge both, each with the penalty that validation chooses, by the lists of some users."""
    from recsys_lib.scale import with_spark

    split = _split(folder, rows)
    users = np.unique(split.test.user)
    users = np.random.default_rng(0).permutation(users)[:JUDGED]
    few = Split(
        split.train,
        *(part.select(np.isin(part.user, users)) for part in (split.valid, split.test)),
    )
    found: Found = {"rows": len(split.train), "users": len(users), "models": {}}
    tables = {}
    with with_spark.session(memory_gb=MEMORY_GB, folder=folder):
        for name in ("iALS", "Spark's ALS"):
            tried = {}
            for strength in STRENGTHS:
                model = _model(name, few, strength).fit(few.train)
                tried[strength] = float(evaluate(model, few, on="valid")["ndcg@10"].mean())
            best = max(tried, key=tried.__getitem__)
            tables[name] = [
                evaluate(_model(name, few, best, seed).fit(few.train), few) for seed in range(3)
            ]
            values = [float(one["ndcg@10"].mean()) for one in tables[name]]
            found["models"][name] = {
                "valid": {f"{strength:.3g}": value for strength, value in tried.items()},
                "strength": best,
                "at_an_end": best in (STRENGTHS[0], STRENGTHS[-1]),
                "ndcg@10": {"mean": float(np.mean(values)), "values": values},
            }
    row = compare(tables["iALS"], tables["Spark's ALS"]).loc["ndcg@10"]
    found["iALS - Spark's ALS"] = {key: float(row[key]) for key in ("difference", "low", "high")}
    return found


def _network(**settings: Any) -> NeuMF:
    given: dict[str, Any] = {"factors": 16, "layers": (64, 32, 16, 8)} | settings
    return NeuMF(**given)


def _equal(folder: Path) -> Found:
    """Losses of 100 steps by one process and by two, in float64."""
    from recsys_lib.scale.group import launch

    losses = [launch(n, _losses, str(folder), 100, timeout=300)[0] for n in (1, 2)]
    apart = np.abs(np.subtract(*losses))
    return {"steps": len(losses[0]), "largest_difference": float(apart.max())}


def _losses(group: Any, folder: str, steps: int) -> list[float]:
    from recsys_lib.scale.processes import parallel, step_losses

    train = _split(Path(folder), SMALL).train
    model = parallel(group, _network(batch_size=1024, dropout=0.2), "float64")
    return step_losses(model, train, steps)


def _killed(folder: Path) -> Found:
    """Kill one of two processes in an epoch, start again, and compare with a run that was whole."""
    from recsys_lib.scale.group import LostProcessError, launch

    state = folder / f"run-{os.getpid()}.state"
    arguments = str(folder), str(state)
    try:
        launch(2, _trained, *arguments, 1, timeout=120)
        raise DataError("no process was lost")
    except LostProcessError as error:
        message = str(error)
    again = launch(2, _trained, *arguments, None, timeout=300)[0]
    state.unlink()
    whole = launch(2, _trained, *arguments, None, timeout=300)[0]
    state.unlink()
    return {"message": message, "epochs": 3, "same_weights": again == whole}


def _trained(group: Any, folder: str, state: str, killed_in: int | None) -> str:
    """Train by a group; kill the second process while a later epoch runs. Return a checksum."""
    import hashlib
    import signal

    from recsys_lib.scale.processes import parallel

    train = _split(Path(folder), SMALL).train
    model = parallel(group, _network(batch_size=4096, epochs=3), state=state)
    steps, step = [0], model._step

    def counted(*given: Any) -> Any:
        steps[0] += 1
        per_epoch = -(-len(train) * (1 + model.n_negatives) // model.batch_size)
        if killed_in is not None and group.rank == 1 and steps[0] > per_epoch * killed_in + 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*given)

    model._step = counted  # type: ignore[assignment, method-assign]
    model.fit(train, progress=False)
    digest = hashlib.sha256()
    for name, array in sorted(model._weights().items()):
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


def _sharded(folder: Path) -> Found:
    """Compare a table that is split by rows over two processes with a whole one."""
    from recsys_lib.scale.group import launch
    from recsys_lib.scale.sharded import compare as compare_tables

    return launch(2, compare_tables, 100_000, 16, 1024, timeout=300)[0]


def _batches(folder: Path) -> Found:
    """Samples a second of one process and of two, by the size of the batch and of the tables."""
    from recsys_lib.scale.scaling import scaling, sent

    model = _network()
    return {
        name: {
            "shape": list(shape),
            "measured": scaling(BATCHES, model, shape, seconds=4.0),
            "sent": sent(model, shape, 2),
        }
        for name, shape in SHAPES.items()
    }


def _growth(folder: Path) -> Found:
    """Measure how time and memory of every model grow."""
    from recsys_lib.scale import growth

    return {"measured": json.loads(growth.measured().to_json(orient="records"))}


# ---- doing and writing them ----------------------------------------------------------------------


def do(name: str, folder: Path) -> Found:
    """Do a part in a process of its own; return what it found, with its seconds and its memory.

    Raises
    ------
    DataError
        If the process fails; with the end of what it said.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as out, tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "recsys_lib.scale.record", "--part", name]
        command += ["--folder", str(folder), "--out", out.name]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            peak = _watched(process)
        finally:
            _end(process)
        if process.returncode:
            log.seek(0)
            raise DataError(f"{name} failed:\n{log.read()[-3000:]}")
        found = json.loads(Path(out.name).read_text())
    own = found.pop("peak", 0.0)
    return found | {
        "gigabytes": max(peak, own),
        "part_seconds": time.perf_counter() - start,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _watched(process: subprocess.Popen) -> float:
    """Wait for a process; return the peak memory of it and its children together, in GB."""
    peak = 0.0
    while process.poll() is None:
        total = 0
        try:
            one = psutil.Process(process.pid)
            for each in (one, *one.children(recursive=True)):
                try:
                    total += each.memory_info().rss
                except psutil.Error:
                    continue
        except psutil.Error:
            break
        peak = max(peak, total / 1e9)
        time.sleep(0.05)
    process.wait()
    return peak


def _end(process: subprocess.Popen) -> None:
    """End a process that still runs, and those that it has started."""
    if process.poll() is None:
        for one in (*psutil.Process(process.pid).children(recursive=True), process):
            with contextlib.suppress(psutil.Error):
                one.kill()
        process.wait()


def _own_peak() -> float:
    """Return this process's own peak of resident memory in GB; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9
    except (OSError, IndexError):
        return 0.0


def full(folder: Path, only: str = "") -> None:
    """Do the parts that are not recorded yet, or those whose names begin with `only` again."""
    path = results.RESULTS / f"{results.SCALE}.json"
    if not any(name.startswith(only) for name in parts()):
        raise DataError(f"no part begins with {only!r}; there are {', '.join(parts())}")
    for name in parts():
        result = results.read(path, results.SCALE) if path.exists() else _new()
        if name in result["found"] if not only else not name.startswith(only):
            continue
        if ("Spark" in name or name.startswith("quality")) and not _java():
            continue
        print(f"{name} ...", flush=True)
        result["found"][name] = do(name, folder)
        result |= {"date": datetime.now(UTC).isoformat(timespec="seconds")}
        result["seconds"] = sum(one["part_seconds"] for one in result["found"].values())
        with atomic_write(path) as file:
            file.write(json.dumps(result, indent=1, allow_nan=False).encode() + b"\n")
        print(f"    {result['found'][name]['part_seconds']:.0f} s", flush=True)


def _new() -> Found:
    return {
        "name": results.SCALE,
        "command": results.command_of(results.SCALE),
        "data": {"name": "made data", "rows": list(SIZES)},
        "versions": _versions(),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "gigabytes": round(psutil.virtual_memory().total / 1e9),
        },
        "found": {},
    }


def _versions() -> dict[str, str]:
    names = ("recsys_lib", "numpy", "pandas", "torch", "duckdb", "polars", "pyarrow", "pyspark")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def _java() -> bool:
    """Whether Spark can start; if not, say what is missing and how to get it."""
    from recsys_lib.scale.with_spark import check_java

    try:
        check_java()
    except RuntimeError as error:
        print(f"Without Spark, as {error}", file=sys.stderr)
        return False
    return True


def small(folder: Path) -> list[str]:
    """Try what takes minutes at the smallest size, and print it; return what is not as recorded."""
    try:
        known = results.recorded(results.SCALE)["found"]
    except DataError:
        known = {}
    wrong = []
    engines = ENGINES if _java() else ENGINES[:3]
    print(f"{SMALL:,} made rows: repeats, k-core, counts, split, negatives")
    print(f"{'engine':18} {'seconds':>8} {'GB':>6}  rows")
    for engine in engines:
        name = f"engines/{SMALL}/{engine}"
        found = do(name, folder)
        sums = known.get(name, found)["checksums"]
        same = found["checksums"] == sums
        wrong += [] if same else [f"{engine}: other rows than are recorded"]
        said = "as recorded" if same and name in known else "not recorded" if same else "OTHER"
        print(f"{engine:18} {found['seconds']:8.1f} {found['gigabytes']:6.2f}  {said}", flush=True)
    for name in (f"models/{SMALL}/iALS", f"models/{SMALL}/Spark's ALS")[: len(engines) - 2]:
        found = do(name, folder)
        print(f"{name.split('/')[-1]:18} {found['seconds']:8.1f} {found['gigabytes']:6.2f}")
    apart = do("processes/equal", folder)["largest_difference"]
    print(f"two processes and one, 100 steps: losses differ by at most {apart:.1e}")
    wrong += [] if apart <= 1e-5 else ["two processes have other losses than one"]
    killed = do("processes/killed", folder)
    print(f"one process killed ({killed['message']}), started again: ", end="")
    print("the same weights" if killed["same_weights"] else "OTHER WEIGHTS")
    wrong += [] if killed["same_weights"] else ["a run that lost a process ended elsewhere"]
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m recsys_lib.scale.record", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all parts, into results/scale.json")
    parser.add_argument("--only", default="", metavar="PREFIX", help="do these parts again")
    parser.add_argument("--folder", type=Path, help="for data: 15 GB of room for all parts")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scale-") as own:
        folder = given.folder or Path(own)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if given.part:
                if given.part not in parts():
                    raise DataError(f"there is no part {given.part!r}; see {', '.join(parts())}")
                function, rest = parts()[given.part]
                found = function(folder, *rest) | {"peak": _own_peak()}
                given.out.write_text(json.dumps(found, allow_nan=False))
                return 0
            if given.full:
                full(folder, given.only)
                return 0
            wrong = small(folder)
        except (DataError, RuntimeError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
