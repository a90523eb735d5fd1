"""What every engine that prepares data does, in one contract: files, arguments, checks, writing.

A preparation is a folder of Parquet files that holds what a model of this course starts from. Each
engine of this folder (NumPy, DuckDB, Polars, Spark) makes the same rows of the same source, by the
rules below, which are those of `recsys_lib.data`:

1. **Repeats.** Of the rows of one user and item the latest is kept, as in
   `Interactions.from_frame`; of several at the same second the one with the highest rating, since
   rows in many files have no order of which one could be the last.
2. **k-core.** Users and items with fewer than k events go, until none is left (`data.k_core`).
3. **Numbers.** Users and items are numbered from 0 in the order of their identifiers.
4. **Split.** The last `n_test` events of each user are for test and the `n_valid` before them for
   validation, in the order of `data.leave_last_out`: by time, and at the same second by
   ``mix(key ^ mix(seed))``, a number without a sign, where key is ``user * n_items + item`` (both
   numbered). Users with fewer than ``n_test + n_valid + 1`` events keep all of theirs in train.
5. **Negatives.** Each test event has the draws 0 to ``n_negatives - 1``. Try t of draw d, from
   t = 0 on, is the item ``(mix(mix(key ^ mix(seed)) ^ (d * TRIES + t)) >> 1) % n_items``, and the
   first that the user has met in no part of the core is taken. A draw none of whose `TRIES` tries
   is such an item is left out. Two draws may be the same item. (The shift by one leaves a number
   that is the same with a sign and without, as some engines only have the former.)

`mix` is that of `recsys_lib.data.histories`, seed is taken modulo 2**64.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recsys_lib.data.histories import mix
from recsys_lib.data.times import LATEST, check_times, other_unit
from recsys_lib.validation import DataError, check_int, check_real

TRIES = 16  # of a negative, until one is found that the user has not met
COPY_SHARE = 0.5  # a k-core copies its rows again when less than this share of them is left

_EVENTS = {"user": pa.int32(), "item": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
# What a preparation holds: NAME.parquet, a file or a folder of files, with these columns. `id` is
# the identifier of the source, `events` the number in the core; `negatives` names each test event
# by user and item, and has the number of the draw and the item drawn.
FILES: dict[str, dict[str, pa.DataType]] = {
    "train": _EVENTS,
    "valid": _EVENTS,
    "test": _EVENTS,
    "users": {"user": pa.int32(), "id": pa.int64(), "events": pa.int64()},
    "items": {"item": pa.int32(), "id": pa.int64(), "events": pa.int64()},
    "negatives": dict.fromkeys(("user", "item", "draw", "negative"), pa.int32()),
}
SOURCE = {"user": pa.int64(), "item": pa.int64(), "rating": pa.float32(), "timestamp": pa.int64()}


# ---- what is asked -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rules:
    """What a preparation is to be; the module's text has the rules.

    Attributes
    ----------
    k : int
        Least number of events of each user and item, at least 1.
    n_test, n_valid : int
        Events of each user to hold out; one of them may be 0.
    n_negatives : int
        Items drawn for each test event; may be 0.
    seed : int
        At least 0; for the order of events at the same second, and for the draws.

    Raises
    ------
    TypeError, ValueError
        If one is no integer, or too small.
    """

    k: int = 5
    n_test: int = 1
    n_valid: int = 1
    n_negatives: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("k", 1), ("n_test", 0), ("n_valid", 0), ("n_negatives", 0)):
            object.__setattr__(self, name, check_int(name, getattr(self, name), least))
        object.__setattr__(self, "seed", check_int("seed", self.seed) % 2**64)
        if self.n_test + self.n_valid == 0:
            raise ValueError("n_test and n_valid are both 0: nothing would be held out")

    @property
    def held_out(self) -> int:
        """Events that each user gives to test and validation together."""
        return self.n_test + self.n_valid

    @property
    def mixed_seed(self) -> int:
        """``mix(seed)``, from 0 to 2**64 - 1."""
        return int(mix(np.array([self.seed], dtype=np.uint64))[0])


def check_rules(rules: Rules | None) -> Rules:
    """Return `rules`, by default those of `Rules()`, or raise TypeError if they are no `Rules`."""
    if rules is None:
        return Rules()
    if not isinstance(rules, Rules):
        raise TypeError(f"rules must be Rules, got {rules!r} ({type(rules).__name__})")
    return rules


def check_machine(memory_gb: float, threads: int | None) -> tuple[float, int]:
    """Return the memory in GB, at least 0.25, and the number of threads; None is all there are."""
    memory_gb = check_real("memory_gb", memory_gb, minimum=0.25)
    threads = (os.cpu_count() or 1) if threads is None else threads
    return memory_gb, check_int("threads", threads, minimum=1)


# ---- the source ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Parquet files whose columns have been checked.

    Attributes
    ----------
    path : Path
        What was given.
    files : list of Path
        In the order of their names.
    rows : int
    dates : bool
        Whether `timestamp` is a column of points in time, and not one of seconds. Those with a time
        zone are the moments that they name, those without are taken for UTC.
    """

    path: Path
    files: list[Path]
    rows: int
    dates: bool

    @property
    def names(self) -> list[str]:
        """The files as text."""
        return [str(file) for file in self.files]


def check_source(source: str | os.PathLike) -> Source:
    """Check the columns of a Parquet file, or of all files ``*.parquet`` in a folder.

    Only the ends of the files are read, where their schema is. Further columns are passed over.

    Raises
    ------
    DataError
        If there is no such file, or none in the folder, one is damaged, a column is missing or has
        another type than `SOURCE`, or there are no rows. `timestamp` may be of dates, down to
        microseconds (Spark reads none that are finer).
    """
    path = Path(source)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    files = [file for file in files if not file.name.startswith((".", "_"))]
    if not files or not path.exists():
        what = "holds no file *.parquet" if path.is_dir() else "is no file and no folder"
        raise DataError(f"source {path} {what}")
    rows, kinds = 0, set()
    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                kinds.add(_kind_of_times(file, parquet.schema_arrow))
                rows += parquet.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file} is damaged or no Parquet file: {error}") from None
    if len(kinds) > 1:
        listed = ", ".join(sorted(map(str, kinds)))
        raise DataError(f"source {path}: column 'timestamp' must have one type, got {listed}")
    if rows == 0:
        raise DataError(f"source {path}: there are no rows")
    return Source(path, files, rows, dates=pa.types.is_timestamp(kinds.pop()))


def _kind_of_times(file: Path, schema: pa.Schema) -> pa.DataType:
    """Return the type of `timestamp` without the zone's name, or raise if a column is wrong."""
    for name, wanted in SOURCE.items():
        if schema.names.count(name) != 1:
            raise DataError(
                f"{file}: column {name!r} must be there once; found {', '.join(schema.names)}"
            )
        given = schema.field(name).type
        is_date = name == "timestamp" and pa.types.is_timestamp(given) and given.unit != "ns"
        if given != wanted and not is_date:
            dates = " or timestamp[s, ms or us]" if name == "timestamp" else ""
            raise DataError(f"{file}: column {name!r} must be {wanted}{dates}, got {given}")
    given = schema.field("timestamp").type
    zoned = "UTC" if pa.types.is_timestamp(given) and given.tz else None
    return pa.timestamp("us", zoned) if pa.types.is_timestamp(given) else given


def check_rows(
    source: Source, nulls: Mapping[str, int], not_finite: int, first: int | None, last: int | None
) -> None:
    """Raise DataError if what one pass over all rows has counted cannot be.

    Parameters
    ----------
    source : Source
    nulls : mapping of str to int
        Missing values of each column of `SOURCE`.
    not_finite : int
        Ratings that are NaN or infinite.
    first : int or None
        Earliest time, in seconds; None where all are missing.
    last : int or None
        Latest time.
    """
    for name, count in nulls.items():
        if count:
            raise DataError(f"source {source.path}: column {name!r} has {count:,} missing values")
    if not_finite:
        raise DataError(
            f"source {source.path}: column 'rating' holds {not_finite:,} values that are NaN or "
            "infinite, allowed are finite numbers"
        )
    what = f"source {source.path}: column 'timestamp'"
    if first is None or last is None:
        raise DataError(f"{what} is empty")
    for moment in (first, last):
        if not 0 <= moment <= LATEST["s"]:
            raise DataError(
                f"{what} holds {moment}, which is no time between 1970 and 2100 in seconds"
                f"{other_unit(moment)}"
            )
    check_times(np.array([first, last]), "s", what)


def check_core(source: Source, rules: Rules, rows: int) -> None:
    """Raise DataError if the core has no row."""
    if rows == 0:
        raise DataError(f"k_core({rules.k}) leaves nothing of {source.path}")


def n_buckets(rules: Rules, rows: int, n_users: int, bucket_rows: int) -> int:
    """Return into how many buckets the users of a core go, for so many rows or draws in each."""
    draws = min(rows, n_users * rules.n_test) * rules.n_negatives
    return -(-max(rows, draws) // bucket_rows)


# ---- writing -------------------------------------------------------------------------------------


@contextmanager
def whole_folder(
    target: str | os.PathLike, errors: tuple[type[Exception], ...] = (OSError,)
) -> Iterator[Path]:
    """Yield a new folder beside `target`, which takes its name when all in it has been written.

    What goes wrong in between leaves nothing under either name; a process that is killed leaves
    the new folder, whose name begins with a dot. A folder ``work`` in it, for what
    is needed only on the way, is removed before.

    Parameters
    ----------
    target : path
        Must not exist; the folder that it is in must.
    errors : tuple of exception types
        Of the engine, and OSError: raised again as DataError, which names the target.

    Raises
    ------
    DataError
        If `target` exists, its parent does not, or an error of `errors` came up: a damaged file, a
        full disk.
    """
    target = Path(target)
    if target.exists() or target.is_symlink():
        raise DataError(f"target {target} exists; remove it, or choose another name")
    if not target.parent.is_dir():
        raise DataError(f"target {target}: there is no folder {target.parent}")
    folder = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        (folder / "work").mkdir(parents=True)
        yield folder
        shutil.rmtree(folder / "work")
        for file in folder.rglob("*"):  # the name must not reach the disk before the bytes do
            if file.is_file():
                with open(file, "rb") as written:
                    os.fsync(written.fileno())
        os.rename(folder, target)
    except errors as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{target} was not written, and nothing is left of it: {type(error).__name__}: {error}"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def begun(
    source: str | os.PathLike,
    target: str | os.PathLike,
    rules: Rules | None,
    errors: tuple[type[Exception], ...] = (OSError,),
) -> Iterator[tuple[Rules, Source, Path, "Steps"]]:
    """Check what a preparation is given; yield rules, source, folder to write, and the steps.

    The arguments are those of every engine's ``prepare``, and `errors` as in `whole_folder`, which
    the folder is of.
    """
    rules, steps = check_rules(rules), Steps()
    checked = check_source(source)
    with whole_folder(target, errors) as folder:
        yield rules, checked, folder, steps


class Steps:
    """What a preparation did, step by step: rows that came out, and seconds since the last step."""

    def __init__(self) -> None:
        self._rows: list[dict[str, object]] = []
        self._last = time.perf_counter()

    def done(self, step: str, rows: int) -> None:
        """Note that a step is done."""
        now = time.perf_counter()
        self._rows.append({"step": step, "rows": int(rows), "seconds": now - self._last})
        self._last = now

    def table(self) -> pd.DataFrame:
        """Return the columns step, rows, seconds, in the order of the steps."""
        return pd.DataFrame(self._rows, columns=["step", "rows", "seconds"])


# ---- reading and comparing -----------------------------------------------------------------------


def files_of(target: str | os.PathLike, name: str) -> list[Path]:
    """Return the files of one part of a preparation, such as "train".

    Raises
    ------
    DataError
        If it is not there.
    """
    path = Path(target) / f"{name}.parquet"
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not path.exists() or not files:
        raise DataError(f"{target} is no whole preparation: {path.name} is missing")
    return files


def batches(
    target: str | os.PathLike, name: str, rows: int = 1_000_000
) -> Iterator[dict[str, np.ndarray]]:
    """Yield one part of a preparation as dicts of arrays, at most `rows` rows at a time.

    Raises
    ------
    DataError
        If it is not there, or has other columns than `FILES` says.
    """
    wanted = FILES[name]
    for file in files_of(target, name):
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            found = dict(zip(schema.names, schema.types, strict=True))
            if found != wanted:
                raise DataError(f"{file} must have the columns {wanted}, found {found}")
            for batch in parquet.iter_batches(rows, columns=list(wanted)):
                yield {column: batch.column(column).to_numpy() for column in wanted}


def read(target: str | os.PathLike) -> dict[str, pd.DataFrame]:
    """Return a whole preparation as one frame per part, its rows in order of all columns.

    For small ones: all of it is in memory. Raises DataError as `batches` does.
    """
    frames = {}
    for name, wanted in FILES.items():
        parts = [pd.DataFrame(batch) for batch in batches(target, name)]
        empty = {column: np.empty(0, kind.to_pandas_dtype()) for column, kind in wanted.items()}
        frame = pd.concat(parts) if parts else pd.DataFrame(empty)
        frames[name] = frame.sort_values(list(wanted), ignore_index=True)
    return frames


def checksums(target: str | os.PathLike) -> pd.DataFrame:
    """Return the number of rows and a checksum of each part, which no order of rows changes.

    All values of a row are mixed into one number of 64 bits, and the numbers of all rows are added
    up modulo 2**64, so that only a million rows are in memory at once.

    Returns
    -------
    DataFrame
        A row for each name in `FILES`: rows (int), checksum (16 hexadecimal digits).
    """
    found = {}
    for name in FILES:
        rows = total = 0
        for batch in batches(target, name):
            row = np.zeros(len(next(iter(batch.values()))), dtype=np.uint64)
            for values in batch.values():
                row = mix(row ^ _bits(values))
            rows, total = rows + len(row), (total + int(row.sum())) % 2**64
        found[name] = {"rows": rows, "checksum": f"{total:016x}"}
    return pd.DataFrame.from_dict(found, orient="index")


def _bits(values: np.ndarray) -> np.ndarray:
    """Return the values as unsigned integers; 0.0 and -0.0, which are equal, as one."""
    if values.dtype.kind == "f":
        return (values + np.float32(0)).view(np.uint32).astype(np.uint64)
    return values.astype(np.int64).view(np.uint64)


def rows_equal(one: str | os.PathLike, other: str | os.PathLike) -> pd.Series:
    """Return for each part of two preparations whether they have the same rows, in any order.

    Compared are their numbers of rows and `checksums`: equal rows are always found equal; that
    other rows are, too, is as likely as a random number of 64 bits hitting a given one.
    """
    return (checksums(one) == checksums(other)).all(axis=1)
