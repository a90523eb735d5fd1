"""Polars makes the rows of `recsys_lib.data`."""

from engines import engine

engine("pyarrow", "polars")

import pytest

from recsys_lib.scale import prepared, with_numpy, with_polars
from recsys_lib.scale.prepared import Rules

from preparing import Preparing, assert_same, shop, written


class TestPolars(Preparing):
    prepare = staticmethod(with_polars.prepare)


def test_buckets_and_copies_change_nothing(tmp_path, monkeypatch):
    source = written(shop(), tmp_path / "source", parts=3)
    with_numpy.prepare(source, tmp_path / "wanted", Rules(k=7))
    monkeypatch.setattr(with_polars, "BUCKET_ROWS", 100)
    monkeypatch.setattr(prepared, "COPY_SHARE", 2.0)
    with_polars.prepare(source, tmp_path / "found", Rules(k=7), memory_gb=0.5)
    assert len(list((tmp_path / "found" / "negatives.parquet").iterdir())) > 3
    assert_same(prepared.read(tmp_path / "found"), prepared.read(tmp_path / "wanted"))


def test_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"memory_gb must be a finite number in \[0.25"):
        with_polars.prepare(tmp_path, tmp_path / "found", memory_gb=0.1)
