"""What is recorded is made again in small, and the runner says what it cannot do."""

from engines import engine

engine("duckdb", "polars", "pyarrow", "psutil", "pyspark")

import json

import pytest

from recsys_lib import results
from recsys_lib.scale import record
from recsys_lib.validation import DataError


@pytest.mark.parametrize("name", ["NumPy", "DuckDB", "Polars"])
def test_an_engine_makes_the_recorded_rows(name, tmp_path):
    found = record._prepare(tmp_path, record.SMALL, name)
    known = results.recorded(results.SCALE)["found"][f"engines/{record.SMALL}/{name}"]
    assert found["checksums"] == known["checksums"]
    assert found["kept"] == known["kept"]


def test_every_size_of_the_record_has_the_same_rows_from_all_engines():
    found = results.recorded(results.SCALE)["found"]
    for rows in record.SIZES:
        sums = [
            one["checksums"] for key, one in found.items() if key.startswith(f"engines/{rows}/")
        ]
        assert len(sums) >= 2
        assert all(one == sums[0] for one in sums), rows


def test_a_part_that_there_is_not_is_named(tmp_path, capsys):
    with pytest.raises(DataError, match="no part begins with 'nothing'"):
        record.full(tmp_path, only="nothing")
    assert record.main(["--part", "nope", "--folder", str(tmp_path)]) == 1
    assert "there is no part 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("only", "asked"), [("processes/e", 0), (f"engines/{record.SMALL}", 1), ("quality", 1)]
)
def test_java_is_looked_for_once_where_a_part_needs_it(only, asked, tmp_path, monkeypatch, capsys):
    from recsys_lib.scale import with_spark

    calls, done = [], []

    def missing():
        calls.append(1)
        raise RuntimeError("there is no Java")

    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(with_spark, "check_java", missing)
    monkeypatch.setattr(record, "do", lambda name, _: done.append(name) or {"part_seconds": 1.0})
    record._java.cache_clear()
    record.full(tmp_path, only)
    record._java.cache_clear()
    assert len(calls) == asked
    assert capsys.readouterr().err.count("there is no Java") == asked
    assert not [name for name in done if "Spark" in name or name.startswith("quality")]
    assert bool(done) == (only != "quality")


def test_a_damaged_record_is_refused_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "scale.json").write_text(json.dumps({"found": {}})[:-1])
    monkeypatch.setattr(record, "do", lambda *_: pytest.fail("a part was done"))
    with pytest.raises(DataError, match="is damaged"):
        record.full(tmp_path)
