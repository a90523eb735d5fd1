"""DuckDB: the preparation in SQL that streams, in bounded memory on one machine.

What makes it fast at a hundred million rows is what it leaves out:

- Of the k-core only the first rounds copy rows. After that a round reads no more than the rows of
  the users (or items) that have just fallen below k, and takes them from the counts of the other
  side (peeling: Batagelj and Zaversnik 2003, here many at a time).
- Nothing is sorted but what may be held out: the latest times of each user say from when on.
- The 64-bit arithmetic of ties is done for these few rows alone.

Rows stand in Parquet files, tables of users and items in a file of DuckDB, both in the folder that
is renamed at the end; what does not fit into memory is spilled there, too.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from recsys_lib.scale import prepared
from recsys_lib.scale.prepared import TRIES, Rules, Source

BUCKET_ROWS = 2_500_000  # for each GB: rows that are grouped or joined at once
LIMIT = 0.65  # DuckDB's own limit as a part of the memory; its buffers of files are not in it

# Wrap-around arithmetic by way of 128 bits, which DuckDB has; plain UBIGINT refuses to overflow.
MACROS = """
CREATE MACRO low64(x) AS (x & 18446744073709551615::UHUGEINT)::UBIGINT;
CREATE MACRO plus64(x, y) AS low64(x::UHUGEINT + y::UHUGEINT);
CREATE MACRO times64(x, y) AS low64(x::UHUGEINT * y::UHUGEINT);
CREATE MACRO folded(x, bits) AS xor(x, x >> bits);
CREATE MACRO mix(x) AS folded(times64(folded(times64(folded(
    plus64(x, 11400714819323198485), 30), 13787848793156543929), 27), 10723151780598845931), 31);
"""

# a folder that is called "user=1" is no column
OF_FILES = "hive_partitioning = false"


def prepare(
    source: str | os.PathLike,
    target: str | os.PathLike,
    rules: Rules | None = None,
    *,
    memory_gb: float = 4.0,
    threads: int | None = None,
) -> pd.DataFrame:
    """Prepare events with DuckDB; `recsys_lib.scale.prepared` says what and how.

    Parameters
    ----------
    source : path
        A Parquet file or a folder of them, with the columns of `prepared.SOURCE`.
    target : path
        The folder to be written; must not exist. Beside it there must be room for about three times
        the size of the source.
    rules : Rules, optional
    memory_gb : float
        What the process may take, at least 0.25. What does not fit is spilled.
    threads : int, optional
        All there are by default.

    Returns
    -------
    DataFrame
        The steps: what was done, the rows that came out, seconds.

    Raises
    ------
    DataError
        If the source is not as it must be, the core is empty, or the target cannot be written.
    """
    memory_gb, threads = prepared.check_machine(memory_gb, threads)
    errors = duckdb.Error, OSError
    with (
        prepared.begun(source, target, rules, errors) as (rules, checked, folder, steps),
        _opened(folder / "work", memory_gb, threads) as db,
    ):
        bucket_rows = int(BUCKET_ROWS * memory_gb)
        _interruptible(db, lambda: _prepare(db, checked, rules, bucket_rows, folder, steps))
    return steps.table()


def _prepare(
    db: duckdb.DuckDBPyConnection,
    checked: Source,
    rules: Rules,
    bucket_rows: int,
    folder: Path,
    steps: prepared.Steps,
) -> None:
    _read(db, checked)
    steps.done("read", checked.rows)
    kept = _drop_rare(db, rules.k, folder / "work")
    steps.done("drop the rare", kept)
    kept = _merge(db, kept, bucket_rows, folder / "work")
    steps.done("merge repeats", kept)
    rounds, kept = _core(db, rules.k, kept, folder / "work")
    prepared.check_core(checked, rules, kept)
    steps.done(f"k-core, {rounds} rounds", kept)
    n_users, n_items = _number(db, folder)
    steps.done("number and count", n_users + n_items)
    _split(db, rules, n_items, folder)
    steps.done("split", kept)
    n_buckets = prepared.n_buckets(rules, kept, n_users, bucket_rows)
    drawn = _negatives(db, rules, n_items, n_buckets, folder)
    steps.done("negatives", drawn)


def _interruptible(db: duckdb.DuckDBPyConnection, work: Callable[[], None]) -> None:
    """Do the work in a thread of its own, so that a Ctrl-C reaches this one at once.

    A query in the main thread may sleep until its workers are done, and sees no signal before.
    """
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        try:
            doing.result()
        except KeyboardInterrupt:
            while not doing.done():  # between two queries there is nothing to interrupt
                db.interrupt()
                wait([doing], timeout=0.05)
            raise


@contextmanager
def _opened(work: Path, memory_gb: float, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose tables and spilled blocks are in the folder, and close it after."""
    settings: dict[str, str | bool | int] = {
        "memory_limit": f"{memory_gb * LIMIT:.3f}GB",
        "threads": threads,
        "temp_directory": str(work / "spilled"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with closing(duckdb.connect(str(work / "tables.duckdb"), config=settings)) as db:
        db.execute(MACROS)
        yield db


def _count(db: duckdb.DuckDBPyConnection, what: str) -> int:
    return db.execute(f"SELECT count(*) FROM {what}").fetchall()[0][0]


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _copy(db: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of a query to a Parquet file, return how many there were."""
    path.parent.mkdir(exist_ok=True)
    return db.execute(f"COPY ({query}) TO {_quoted(path)} (FORMAT parquet)").fetchall()[0][0]


def _point_rows_at(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let the view `rows` be the rows of a file, or of all files in a folder."""
    files = path / "*.parquet" if path.is_dir() else path
    db.execute(f"CREATE OR REPLACE VIEW rows AS FROM read_parquet({_quoted(files)}, {OF_FILES})")


# ---- reading and the k-core ----------------------------------------------------------------------


def _read(db: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Let the view `rows` be the source, and look at all of it once."""
    files = ", ".join(_quoted(_no_pattern(name)) for name in source.names)
    seconds = "floor(epoch_us(timestamp) / 1000000)::BIGINT" if source.dates else "timestamp"
    db.execute(f"""
        CREATE VIEW rows AS SELECT "user", item, rating, {seconds} AS timestamp
        FROM read_parquet([{files}], {OF_FILES})""")
    missing = ", ".join(f'count(*) - count("{name}")' for name in prepared.SOURCE)
    *nulls, not_finite, first, last = db.execute(f"""
        SELECT {missing}, count(*) FILTER (NOT isfinite(rating)), min(timestamp), max(timestamp)
        FROM rows""").fetchall()[0]
    named = dict(zip(prepared.SOURCE, nulls, strict=True))
    prepared.check_rows(source, named, not_finite, first, last)


def _no_pattern(name: str) -> str:
    """Return a file name in which no sign stands for several names."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _drop_rare(db: duckdb.DuckDBPyConnection, k: int, work: Path) -> int:
    """Keep the rows of users and items with k rows, one round; return how many are left.

    A user with fewer than k rows has fewer than k items, so this drops nothing of the core, and
    repeats have to be merged in what is left only.
    """
    db.execute(f"""
        CREATE TABLE often_users AS SELECT "user" FROM rows GROUP BY ALL HAVING count(*) >= {k};
        CREATE TABLE often_items AS SELECT item FROM rows SEMI JOIN often_users USING ("user")
            GROUP BY ALL HAVING count(*) >= {k}""")
    query = 'FROM rows SEMI JOIN often_users USING ("user") SEMI JOIN often_items USING (item)'
    kept = _copy(db, query, work / "often.parquet")
    db.execute("DROP TABLE often_users; DROP TABLE often_items")
    _point_rows_at(db, work / "often.parquet")
    return kept


def _merge(db: duckdb.DuckDBPyConnection, n_rows: int, bucket_rows: int, work: Path) -> int:
    """Keep one row of each user and item, a bucket of users at a time; return how many there are.

    Most come once, so the latest is looked for among the few that do not.
    """
    n_buckets, kept, merged = max(1, -(-n_rows // bucket_rows)), 0, work / "merged"
    for bucket in range(n_buckets):
        db.execute(f"""
            CREATE OR REPLACE TEMP TABLE pairs AS
            SELECT "user", item, any_value(rating) AS rating, max(timestamp) AS timestamp,
                count(*) AS n
            FROM rows WHERE hash("user") % {n_buckets} = {bucket} GROUP BY "user", item""")
        query = """
            SELECT "user", item, rating, timestamp FROM pairs WHERE n = 1
            UNION ALL
            FROM (FROM rows SEMI JOIN (FROM pairs WHERE n > 1) USING ("user", item))
            QUALIFY row_number() OVER (
                PARTITION BY "user", item ORDER BY timestamp DESC, rating DESC) = 1"""
        kept += _copy(db, query, merged / f"{bucket:05d}.parquet")
    db.execute("DROP TABLE pairs")
    _point_rows_at(db, merged)
    (work / "often.parquet").unlink()
    return kept


def _core(db: duckdb.DuckDBPyConnection, k: int, n_rows: int, work: Path) -> tuple[int, int]:
    """Find the users and items of the k-core; return the number of rounds and of rows.

    Tables `users` and `items` are left, each with the columns id and n, its events in the core. The
    view `rows` may still hold others.
    """
    for side in ("user", "item"):
        db.execute(
            f'CREATE TABLE {side}s AS SELECT "{side}" AS id, count(*) AS n FROM rows GROUP BY ALL'
        )
    in_files, rounds, gone = n_rows, 0, 1
    while gone and n_rows:
        gone = _peel(db, k, "user", "item") + _peel(db, k, "item", "user")
        rounds += 1
        n_rows = db.execute("SELECT coalesce(sum(n), 0)::BIGINT FROM items").fetchall()[0][0]
        if gone and 0 < n_rows < prepared.COPY_SHARE * in_files:
            path = work / f"round{rounds}.parquet"
            query = """
                FROM rows
                WHERE "user" IN (SELECT id FROM users) AND item IN (SELECT id FROM items)"""
            in_files = _copy(db, query, path)
            _point_rows_at(db, path)
    return rounds, n_rows


def _peel(db: duckdb.DuckDBPyConnection, k: int, side: str, other: str) -> int:
    """Drop what has fewer than k events on one side, and its rows from the counts of the other.

    A row is taken from the count of its item when its user goes, and not again when the item goes,
    since a count is only kept of those that stay. Returns how many were dropped.
    """
    db.execute(f"CREATE OR REPLACE TEMP TABLE gone AS SELECT id FROM {side}s WHERE n < {k}")
    gone = _count(db, "gone")
    if gone:
        db.execute(f"""
            CREATE OR REPLACE TABLE {side}s AS FROM {side}s WHERE n >= {k};
            CREATE OR REPLACE TABLE {other}s AS
            SELECT id, n - coalesce(lost, 0) AS n FROM {other}s LEFT JOIN (
                SELECT "{other}" AS id, count(*) AS lost FROM rows
                WHERE "{side}" IN (SELECT id FROM gone) GROUP BY ALL) USING (id)""")
    return gone


# ---- what is written -----------------------------------------------------------------------------


def _number(db: duckdb.DuckDBPyConnection, folder: Path) -> tuple[int, int]:
    """Number users and items, write their counts, and let `rows` be the core, numbered."""
    counts = []
    for side in ("user", "item"):
        db.execute(f"""
            CREATE OR REPLACE TABLE {side}s AS
            SELECT (row_number() OVER (ORDER BY id) - 1)::INTEGER AS number, id, n FROM {side}s""")
        query = f'SELECT number AS "{side}", id, n AS events FROM {side}s'
        counts.append(_copy(db, query, folder / f"{side}s.parquet"))
    query = """
        SELECT users.number AS "user", items.number AS item, rating, timestamp
        FROM rows JOIN users ON rows."user" = users.id JOIN items ON rows.item = items.id"""
    _copy(db, query, folder / "work" / "core.parquet")
    db.execute("DROP TABLE users; DROP TABLE items")
    _point_rows_at(db, folder / "work" / "core.parquet")
    return counts[0], counts[1]


def _split(db: duckdb.DuckDBPyConnection, rules: Rules, n_items: int, folder: Path) -> None:
    """Write train, valid and test; leave the table `late` of what may be held out, with its key."""
    db.execute(f"""
        CREATE TABLE cuts AS SELECT "user", list_min(max(timestamp, {rules.held_out})) AS cut
        FROM rows GROUP BY ALL HAVING count(*) > {rules.held_out};
        CREATE TABLE late AS
        SELECT *, row_number() OVER (
            PARTITION BY "user" ORDER BY timestamp DESC, key DESC) AS from_end
        FROM (
            SELECT "user", item, rating, timestamp,
                mix(xor({_pair("item", n_items)}, {rules.mixed_seed}::UBIGINT)) AS key
            FROM rows JOIN cuts USING ("user") WHERE timestamp >= cut)""")
    columns = 'SELECT "user", item, rating, timestamp'
    early = (
        f'{columns} FROM rows LEFT JOIN cuts USING ("user") WHERE cut IS NULL OR timestamp < cut'
    )
    rest = f"{columns} FROM late WHERE from_end > {rules.held_out}"
    _copy(db, f"{early} UNION ALL {rest}", folder / "train.parquet")
    valid = f"{columns} FROM late WHERE from_end BETWEEN {rules.n_test + 1} AND {rules.held_out}"
    _copy(db, valid, folder / "valid.parquet")
    _copy(db, f"{columns} FROM late WHERE from_end <= {rules.n_test}", folder / "test.parquet")


def _pair(item: str, n_items: int) -> str:
    return f'("user"::UBIGINT * {n_items} + {item}::UBIGINT)'


def _negatives(
    db: duckdb.DuckDBPyConnection, rules: Rules, n_items: int, n_buckets: int, folder: Path
) -> int:
    """Write the negatives, a bucket of users at a time; return how many there are."""
    drawn = 0
    for bucket in range(n_buckets):
        inside = f'"user" % {n_buckets} = {bucket}'
        db.execute(f"""
            CREATE OR REPLACE TEMP TABLE open AS SELECT "user", item, key, draw::INTEGER AS draw
            FROM late, range({rules.n_negatives}) AS draws(draw)
            WHERE from_end <= {rules.n_test} AND {inside}""")
        for attempt in range(TRIES):
            path = folder / "negatives.parquet" / f"{bucket:05d}-{attempt:02d}.parquet"
            drawn += _attempt(db, attempt, n_items, inside, path)
            if not _count(db, "open"):
                break
    return drawn


def _attempt(
    db: duckdb.DuckDBPyConnection, attempt: int, n_items: int, inside: str, path: Path
) -> int:
    """Try each open draw once more, write those that found an item, leave the others open."""
    number = f"(draw::UBIGINT * {TRIES} + {attempt})"
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE tried AS
        SELECT *, {_pair("negative", n_items)} AS pair FROM (
            SELECT *, ((mix(xor(key, {number})) >> 1) % {n_items})::INTEGER AS negative FROM open);
        CREATE OR REPLACE TEMP TABLE met AS
        SELECT {_pair("item", n_items)} AS pair FROM rows
        WHERE {inside} AND {_pair("item", n_items)} IN (SELECT pair FROM tried);
        CREATE OR REPLACE TEMP TABLE open AS
        SELECT "user", item, key, draw FROM tried SEMI JOIN met USING (pair)""")
    query = 'SELECT "user", item, draw, negative FROM tried ANTI JOIN met USING (pair)'
    return _copy(db, query, path)
