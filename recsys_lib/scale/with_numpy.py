"""The reference: what `recsys_lib.data` makes of a Parquet folder, all of it in memory.

Every other engine has to make the same rows.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recsys_lib import data
from recsys_lib.data.histories import mix
from recsys_lib.data.times import from_datetimes
from recsys_lib.scale import prepared
from recsys_lib.scale.prepared import TRIES, Rules, Source


def prepare(
    source: str | os.PathLike, target: str | os.PathLike, rules: Rules | None = None
) -> pd.DataFrame:
    """Prepare events with NumPy and pandas; `recsys_lib.scale.prepared` says what and how.

    Memory grows with the data: some 200 bytes for each row of the source.

    Parameters
    ----------
    source : path
        A Parquet file or a folder of them, with the columns of `prepared.SOURCE`.
    target : path
        The folder to be written; must not exist.
    rules : Rules, optional

    Returns
    -------
    DataFrame
        The steps: what was done, the rows that came out, seconds.

    Raises
    ------
    DataError
        If the source is not as it must be, the core is empty, or the target cannot be written.
    """
    errors = pa.ArrowException, OSError
    with prepared.begun(source, target, rules, errors) as (rules, checked, folder, steps):
        ratings = _read(checked)
        steps.done("read", checked.rows)
        core = data.k_core(ratings, rules.k)
        steps.done("repeats and k-core", len(core))
        _write_counts(core, folder)
        steps.done("count", core.n_users + core.n_items)
        split = data.leave_last_out(core, rules.n_test, rules.n_valid, seed=rules.seed)
        for name in ("train", "valid", "test"):
            part = getattr(split, name)
            columns = {column: getattr(part, column) for column in prepared.FILES[name]}
            _write(columns, folder, name)
        steps.done("split", len(core))
        drawn = negatives(core, split.test, rules)
        _write(drawn, folder, "negatives")
        steps.done("negatives", len(drawn["draw"]))
    return steps.table()


def _read(source: Source) -> data.Interactions:
    """Read all files; the highest rating last, which is the one kept at equal times."""
    tables = [pq.read_table(file, columns=list(prepared.SOURCE)) for file in source.files]
    frame = pa.concat_tables([_with_seconds(table) for table in tables]).to_pandas()
    times, rating = frame["timestamp"].dropna(), frame["rating"]
    prepared.check_rows(
        source,
        nulls=_nulls(tables),
        not_finite=int((~np.isfinite(rating)).sum()),
        first=int(times.min()) if len(times) else None,
        last=int(times.max()) if len(times) else None,
    )
    frame = frame.sort_values("rating", kind="stable")
    return data.Interactions.from_frame(frame, name=str(source.path), time_unit="s", merge="latest")


def _nulls(tables: list[pa.Table]) -> dict[str, int]:
    return {name: sum(table[name].null_count for table in tables) for name in prepared.SOURCE}


def _with_seconds(table: pa.Table) -> pa.Table:
    """Return the table with points in time as seconds since 1970."""
    if not pa.types.is_timestamp(table["timestamp"].type):
        return table
    seconds = from_datetimes(table["timestamp"].to_pandas(), "s")
    place = table.schema.get_field_index("timestamp")
    return table.set_column(place, "timestamp", pa.array(seconds))


def _write_counts(core: data.Interactions, folder: Path) -> None:
    for side in ("user", "item"):
        ids, events = getattr(core, f"{side}_ids"), getattr(core, f"{side}_counts")
        _write({side: np.arange(len(ids)), "id": ids, "events": events}, folder, f"{side}s")


def _write(columns: dict[str, np.ndarray], folder: Path, name: str) -> None:
    table = pa.table(columns).cast(pa.schema(list(prepared.FILES[name].items())))
    pq.write_table(table, folder / f"{name}.parquet")


def negatives(
    core: data.Interactions, test: data.Interactions, rules: Rules
) -> dict[str, np.ndarray]:
    """Draw items that the users of some events have not met; see `recsys_lib.scale.prepared`.

    Parameters
    ----------
    core : Interactions
        All that the users have met.
    test : Interactions
        The events to draw for, on the vocabularies of `core`.
    rules : Rules

    Returns
    -------
    dict of str to ndarray of int64
        The columns user, item, draw and negative; a row for each draw that found an item.
    """
    met = np.sort(core._keys())
    key = mix(test._keys().astype(np.uint64) ^ np.uint64(rules.mixed_seed))
    event, draw = np.divmod(np.arange(len(test) * rules.n_negatives), max(1, rules.n_negatives))
    negative = np.full(len(event), -1)
    open_ = np.arange(len(event))  # the draws that have found none
    for attempt in range(TRIES):
        number = (draw[open_] * TRIES + attempt).astype(np.uint64)
        item = (mix(key[event[open_]] ^ number) >> np.uint64(1)) % np.uint64(core.n_items)
        wanted = test.user[event[open_]].astype(np.int64) * core.n_items + item.astype(np.int64)
        place = np.minimum(np.searchsorted(met, wanted), len(met) - 1)
        fresh = met[place] != wanted
        negative[open_[fresh]] = item[fresh]
        open_ = open_[~fresh]
    found = negative >= 0
    event, draw, negative = event[found], draw[found], negative[found]
    return {"user": test.user[event], "item": test.item[event], "draw": draw, "negative": negative}
