"""Polars: the preparation in lazy frames, run by the streaming engine.

What is as large as the data is read from Parquet files and written to others, some thousand rows at
a time. It is given no limit of memory here, so the limit is kept by what is asked of
it: counts of users and items, two numbers for each, are in memory; what has to be grouped by user
and item, or put in order, is taken a bucket of users at a time. The k-core is peeled as in
`recsys_lib.scale.with_duckdb`.
"""

import os
from pathlib import Path

import pandas as pd
import polars as pl

from recsys_lib.scale import prepared
from recsys_lib.scale.prepared import TRIES, Rules, Source

BUCKET_ROWS = 1_500_000  # for each GB: rows that are in memory at once


def prepare(
    source: str | os.PathLike,
    target: str | os.PathLike,
    rules: Rules | None = None,
    *,
    memory_gb: float = 4.0,
) -> pd.DataFrame:
    """Prepare events with Polars; `recsys_lib.scale.prepared` says what and how.

    It takes as many threads as the environment variable POLARS_MAX_THREADS said when polars was
    imported, or all there are; that cannot be changed later.

    Parameters
    ----------
    source : path
        A Parquet file or a folder of them, with the columns of `prepared.SOURCE`.
    target : path
        The folder to be written; must not exist. Beside it there must be room for about three times
        the size of the source.
    rules : Rules, optional
    memory_gb : float
        What the process is to take, at least 0.25: the buckets are as large as that allows. No
        limit is set.

    Returns
    -------
    DataFrame
        The steps: what was done, the rows that came out, seconds.

    Raises
    ------
    DataError
        If the source is not as it must be, the core is empty, or the target cannot be written.
    """
    memory_gb, _ = prepared.check_machine(memory_gb, None)
    errors = pl.exceptions.PolarsError, OSError
    with prepared.begun(source, target, rules, errors) as (rules, checked, folder, steps):
        work, bucket_rows = folder / "work", int(BUCKET_ROWS * memory_gb)
        rows = _read(checked)
        steps.done("read", checked.rows)
        rows, kept = _drop_rare(rows, rules.k, work)
        steps.done("drop the rare", kept)
        rows, kept = _merge(rows, kept, bucket_rows, work)
        steps.done("merge repeats", kept)
        rows, users, items, rounds = _core(rows, kept, rules.k, work)
        kept = int(items["n"].sum())
        prepared.check_core(checked, rules, kept)
        steps.done(f"k-core, {rounds} rounds", kept)
        rows = _number(rows, users, items, folder)
        steps.done("number and count", len(users) + len(items))
        n_buckets = prepared.n_buckets(rules, kept, len(users), bucket_rows)
        for bucket in range(n_buckets):
            _split(
                rows.filter(pl.col("user") % n_buckets == bucket), rules, len(items), folder, bucket
            )
        steps.done("split", kept)
        drawn = 0
        for bucket in range(n_buckets):
            met = rows.filter(pl.col("user") % n_buckets == bucket)
            drawn += _negatives(met, rules, len(items), folder, bucket)
        steps.done("negatives", drawn)
    return steps.table()


def _now(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def _written(frame: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    """Write a frame to a Parquet file piece by piece, and return it as read from there."""
    frame.sink_parquet(path, compression="snappy", maintain_order=False, engine="streaming")
    return pl.scan_parquet(path, glob=False)


def _n_rows(frame: pl.LazyFrame) -> int:
    return _now(frame.select(pl.len())).item()


def _schema(name: str) -> pl.Schema:
    """Return the columns of a file of a preparation."""
    kinds = {"int32": pl.Int32(), "int64": pl.Int64(), "float": pl.Float32()}
    return pl.Schema({name: kinds[str(kind)] for name, kind in prepared.FILES[name].items()})


def _keep(frame: pl.DataFrame, folder: Path, name: str, bucket: int) -> None:
    """Write one bucket of a file of the preparation."""
    path = folder / f"{name}.parquet"
    path.mkdir(exist_ok=True)
    schema = _schema(name)
    frame.select(schema.names()).cast(dict(schema)).write_parquet(path / f"{bucket:05d}.parquet")


# ---- reading and the k-core ----------------------------------------------------------------------


def _read(source: Source) -> pl.LazyFrame:
    """Return the rows of the source, after a look at all of them."""
    time = pl.col("timestamp")
    seconds = time.dt.timestamp("us") // 1_000_000 if source.dates else time
    files = [pl.scan_parquet(name, glob=False) for name in source.names]
    rows = pl.concat(
        [file.select("user", "item", "rating", seconds.alias("timestamp")) for file in files]
    )
    columns = pl.col(*prepared.SOURCE)
    facts = _now(
        rows.select(
            columns.null_count(),
            not_finite=(~pl.col("rating").is_finite()).sum(),
            first=pl.col("timestamp").min(),
            last=pl.col("timestamp").max(),
        )
    ).row(0, named=True)
    nulls = {name: facts[name] for name in prepared.SOURCE}
    prepared.check_rows(source, nulls, facts["not_finite"], facts["first"], facts["last"])
    return rows


def _drop_rare(rows: pl.LazyFrame, k: int, work: Path) -> tuple[pl.LazyFrame, int]:
    """Keep the rows of users and items with k rows, one round.

    A user with fewer than k rows has fewer than k items, so this drops nothing of the core, and
    repeats have to be merged in what is left only.
    """
    for side in ("user", "item"):
        counts = rows.group_by(side).len().filter(pl.col("len") >= k)
        rows = rows.join(_now(counts.select(side)).lazy(), on=side, how="semi")
    rows = _written(rows, work / "often.parquet")
    return rows, _n_rows(rows)


def _merge(
    rows: pl.LazyFrame, n_rows: int, bucket_rows: int, work: Path
) -> tuple[pl.LazyFrame, int]:
    """Keep one row of each user and item, a bucket of users at a time.

    Most come once, so the latest is looked for among the few that do not.
    """
    n_buckets, kept, pair = max(1, -(-n_rows // bucket_rows)), 0, ["user", "item"]
    (work / "merged").mkdir()
    for bucket in range(n_buckets):
        part = _now(rows.filter(pl.col("user").hash() % n_buckets == bucket))
        often = part.group_by(pair).len().filter(pl.col("len") > 1)
        once = part.join(often, on=pair, how="anti")
        latest = part.join(often, on=pair, how="semi").sort("timestamp", "rating")
        part = pl.concat([once, latest.group_by(pair).last().select(once.columns)])
        part.write_parquet(work / "merged" / f"{bucket:05d}.parquet", compression="snappy")
        kept += len(part)
    (work / "often.parquet").unlink()
    return pl.scan_parquet(sorted((work / "merged").iterdir()), glob=False), kept


def _core(
    rows: pl.LazyFrame, n_rows: int, k: int, work: Path
) -> tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame, int]:
    """Find the users and items of the k-core; return rows, users, items and the number of rounds.

    Users and items have the columns id and n, their events in the core; rows may still hold others.
    """
    sides = {
        side: _now(rows.group_by(id=side).agg(n=pl.len().cast(pl.Int64)))
        for side in ("user", "item")
    }
    in_files, rounds, gone = n_rows, 0, 1
    while gone and n_rows:
        gone = _peel(rows, sides, k, "user", "item") + _peel(rows, sides, k, "item", "user")
        rounds += 1
        n_rows = int(sides["item"]["n"].sum())
        if gone and 0 < n_rows < prepared.COPY_SHARE * in_files:
            for side, counts in sides.items():
                rows = rows.join(counts.lazy(), left_on=side, right_on="id", how="semi")
            rows, in_files = _written(rows, work / f"round{rounds}.parquet"), n_rows
    return rows, sides["user"], sides["item"], rounds


def _peel(rows: pl.LazyFrame, sides: dict[str, pl.DataFrame], k: int, side: str, other: str) -> int:
    """Drop what has fewer than k events on one side, and its rows from the counts of the other.

    A row is taken from the count of its item when its user goes, and not again when the item goes,
    since a count is only kept of those that stay. Returns how many were dropped.
    """
    rare = pl.col("n") < k
    gone = sides[side].filter(rare)
    if len(gone):
        lost = rows.join(gone.lazy(), left_on=side, right_on="id", how="semi")
        lost_of = _now(lost.group_by(id=other).agg(lost=pl.len().cast(pl.Int64)))
        left = pl.col("n") - pl.col("lost").fill_null(0)
        sides[side] = sides[side].filter(~rare)
        sides[other] = sides[other].join(lost_of, on="id", how="left").select("id", n=left)
    return len(gone)


# ---- what is written -----------------------------------------------------------------------------


def _number(
    rows: pl.LazyFrame, users: pl.DataFrame, items: pl.DataFrame, folder: Path
) -> pl.LazyFrame:
    """Number users and items, write their counts, and return the rows of the core, numbered."""
    for side, counts in (("user", users), ("item", items)):
        numbered = counts.sort("id").with_row_index("number").cast({"number": pl.Int32})
        _keep(numbered.rename({"number": side, "n": "events"}), folder, f"{side}s", 0)
        numbers = numbered.select(pl.col("id").alias(side), "number").lazy()
        rows = rows.join(numbers, on=side).drop(side).rename({"number": side})
    return _written(
        rows.select("user", "item", "rating", "timestamp"), folder / "work" / "core.parquet"
    )


def _split(rows: pl.LazyFrame, rules: Rules, n_items: int, folder: Path, bucket: int) -> None:
    """Write train, valid and test of a bucket of users."""
    rows = rows.with_columns(key=_mix(_pair("item", n_items) ^ _uint(rules.mixed_seed)))
    in_order = _now(rows).sort("user", "timestamp", "key", descending=[False, True, True])
    n = rules.held_out
    place = pl.int_range(pl.len()).over("user")
    part = (place >= rules.n_test).cast(pl.Int8) + (place >= n).cast(pl.Int8)
    whole = pl.len().over("user") > n
    in_order = in_order.with_columns(part=pl.when(whole).then(part).otherwise(2))
    for number, name in enumerate(("test", "valid", "train")):
        _keep(in_order.filter(pl.col("part") == number), folder, name, bucket)


def _negatives(met: pl.LazyFrame, rules: Rules, n_items: int, folder: Path, bucket: int) -> int:
    """Write the negatives of a bucket of users, who have met these rows; return their number."""
    pairs = _now(met.select(pair=_pair("item", n_items)))
    test = pl.read_parquet(folder / "test.parquet" / f"{bucket:05d}.parquet", glob=False)
    draws = pl.DataFrame({"draw": pl.int_range(rules.n_negatives, dtype=pl.UInt64, eager=True)})
    seeded = _mix(_pair("item", n_items) ^ _uint(rules.mixed_seed))
    open_ = test.select("user", "item", key=seeded).join(draws, how="cross")
    found = []
    for attempt in range(TRIES):
        number = pl.col("draw") * _uint(TRIES) + _uint(attempt)
        item = (_mix(pl.col("key") ^ number) // _uint(2)) % _uint(n_items)
        tried = open_.with_columns(negative=item).with_columns(pair=_pair("negative", n_items))
        found.append(tried.join(pairs, on="pair", how="anti"))
        open_ = tried.join(pairs, on="pair", how="semi").select(open_.columns)
        if not len(open_):
            break
    drawn = pl.concat(found)
    _keep(drawn, folder, "negatives", bucket)
    return len(drawn)


def _uint(number: int) -> pl.Expr:
    return pl.lit(number, dtype=pl.UInt64)


def _pair(item: str, n_items: int) -> pl.Expr:
    return pl.col("user").cast(pl.UInt64) * _uint(n_items) + pl.col(item).cast(pl.UInt64)


def _mix(x: pl.Expr) -> pl.Expr:
    """Scramble 64-bit integers as `recsys_lib.data.histories.mix` does; Polars lets them wrap."""
    x = x + _uint(0x9E3779B97F4A7C15)
    x = (x ^ (x // _uint(2**30))) * _uint(0xBF58476D1CE4E5B9)
    x = (x ^ (x // _uint(2**27))) * _uint(0x94D049BB133111EB)
    return x ^ (x // _uint(2**31))
