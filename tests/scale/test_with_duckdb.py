"""DuckDB makes the rows of `recsys_lib.data`."""

from engines import engine

engine("pyarrow", "duckdb")

import os
import signal
import threading

import duckdb
import numpy as np
import pytest

from recsys_lib.data.histories import mix
from recsys_lib.scale import prepared, with_duckdb, with_numpy
from recsys_lib.scale.prepared import Rules

from preparing import Preparing, assert_same, shop, written


class TestDuckDB(Preparing):
    prepare = staticmethod(with_duckdb.prepare)


def test_buckets_and_copies_change_nothing(tmp_path, monkeypatch):
    source = written(shop(), tmp_path / "source", parts=3)
    with_numpy.prepare(source, tmp_path / "wanted", Rules(k=7))
    monkeypatch.setattr(with_duckdb, "BUCKET_ROWS", 100)
    monkeypatch.setattr(prepared, "COPY_SHARE", 2.0)
    with_duckdb.prepare(source, tmp_path / "found", Rules(k=7), memory_gb=0.5, threads=2)
    assert len(list((tmp_path / "found" / "negatives.parquet").iterdir())) > 3
    assert_same(prepared.read(tmp_path / "found"), prepared.read(tmp_path / "wanted"))


def test_ctrl_c_ends_a_long_query_at_once(tmp_path, monkeypatch):
    """Whatever its threads are at; in the main thread DuckDB may not see it before the end."""

    ended = []

    def long(db, *_):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        db.execute("SELECT sum(range * range % 7) FROM range(10000000000)")
        ended.append("the query")

    source = written(shop(), tmp_path / "source")
    monkeypatch.setattr(with_duckdb, "_drop_rare", long)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            with_duckdb.prepare(source, tmp_path / "found")
    finally:
        signal.signal(signal.SIGINT, before)
    assert not ended
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, duckdb.Error])
def test_another_error_stays_what_it_is(error, tmp_path):
    def fails():
        raise error("of another kind")

    with (
        pytest.raises(error, match="of another kind"),
        with_duckdb._opened(tmp_path, 0.5, 1) as db,
    ):
        with_duckdb._interruptible(db, fails)


def test_wrap_around_arithmetic():
    x = np.array([0, 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1], dtype=np.uint64)
    x = np.r_[x, np.random.default_rng(0).integers(0, 2**64, 1000, dtype=np.uint64)]
    with duckdb.connect() as db:
        db.execute(with_duckdb.MACROS)
        values = ", ".join(f"({value}::UBIGINT)" for value in x.tolist())
        found = db.execute(f"SELECT x, mix(x) AS mixed FROM (VALUES {values}) v(x)").fetchnumpy()
    assert (found["mixed"] == mix(found["x"])).all()


def test_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"memory_gb must be a finite number in \[0.25"):
        with_duckdb.prepare(tmp_path, tmp_path / "found", memory_gb=0.1)
    with pytest.raises(ValueError, match="threads must be at least 1"):
        with_duckdb.prepare(tmp_path, tmp_path / "found", threads=0)
