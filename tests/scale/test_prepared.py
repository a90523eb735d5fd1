"""The contract of a preparation, its reference in NumPy, and made events."""

from engines import engine

engine("pyarrow")

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_lib import data
from recsys_lib.data.histories import mix
from recsys_lib.scale import made, prepared, with_numpy
from recsys_lib.scale.prepared import Rules
from recsys_lib.validation import DataError

from preparing import Preparing, shop, written


class TestNumPy(Preparing):
    prepare = staticmethod(with_numpy.prepare)


def test_rules():
    assert Rules(seed=2**64 + 3) == Rules(seed=3)
    assert Rules(seed=3).mixed_seed == int(mix(np.array([3], dtype=np.uint64))[0])
    for wrong, message in (
        ({"k": 0}, "k must be at least 1"),
        ({"n_test": -1}, "n_test must be at least 0"),
        ({"n_test": 0, "n_valid": 0}, "nothing would be held out"),
    ):
        with pytest.raises(ValueError, match=message):
            Rules(**wrong)
    with pytest.raises(TypeError, match="n_negatives must be an integer"):
        Rules(n_negatives=2.5)


def test_a_bucket_holds_so_many_rows_and_so_many_draws():
    rules = Rules(n_test=2, n_negatives=3)
    assert prepared.n_buckets(rules, rows=1000, n_users=10, bucket_rows=500) == 2
    assert prepared.n_buckets(rules, rows=1000, n_users=10, bucket_rows=499) == 3
    assert prepared.n_buckets(rules, rows=1000, n_users=200, bucket_rows=500) == 3  # 400 in test
    assert prepared.n_buckets(rules, rows=100, n_users=200, bucket_rows=500) == 1  # 100 at most


def test_what_is_prepared_is_the_split_of_the_library(tmp_path):
    rows = shop().sort_values("rating", kind="stable")
    source = written(rows, tmp_path / "source")
    with_numpy.prepare(source, tmp_path / "found", Rules(k=4, n_test=2, seed=7))
    core = data.k_core(data.Interactions.from_frame(rows, time_unit="s", merge="latest"), 4)
    split = data.leave_last_out(core, n_test=2, n_valid=1, seed=7)
    found = prepared.read(tmp_path / "found")
    for name in ("train", "valid", "test"):
        part = getattr(split, name)
        columns = {column: getattr(part, column) for column in prepared.FILES[name]}
        wanted = pd.DataFrame(columns).sort_values(list(columns), ignore_index=True)
        pd.testing.assert_frame_equal(found[name], wanted)
    assert found["users"]["id"].tolist() == core.user_ids.tolist()
    assert found["items"]["events"].tolist() == core.item_counts.tolist()


def test_negatives_are_new_to_their_user_and_even(tmp_path):
    source = made.made(tmp_path / "source", 30_000, n_users=600, n_items=200)
    for n_negatives in (3, 20):
        with_numpy.prepare(source, tmp_path / f"found{n_negatives}", Rules(n_negatives=n_negatives))
    found = prepared.read(tmp_path / "found20")
    drawn = found["negatives"]
    met = pd.concat([found[name] for name in ("train", "valid", "test")])
    pairs = drawn[["user", "negative"]].rename(columns={"negative": "item"})
    assert pairs.merge(met, on=["user", "item"]).empty
    assert drawn.groupby(["user", "item"])["draw"].nunique().max() == 20
    few = prepared.read(tmp_path / "found3")["negatives"]  # fewer draws are the first of many
    pd.testing.assert_frame_equal(few, drawn[drawn["draw"] < 3].reset_index(drop=True))
    light = met["user"].value_counts()
    light = light.index[light < 10]  # who have met little, and can be given nearly all
    counts = np.bincount(drawn[drawn["user"].isin(light)]["negative"], minlength=200)
    assert counts.min() > 0.4 * counts.mean()
    assert counts.max() < 1.6 * counts.mean()


def test_rows_equal_sees_one_other_row_and_no_order(tmp_path):
    source = written(shop(), tmp_path / "source")
    for name in ("one", "other"):
        with_numpy.prepare(source, tmp_path / name, Rules(k=2))
    path = tmp_path / "other" / "train.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take(np.arange(len(table))[::-1]), path)
    assert prepared.rows_equal(tmp_path / "one", tmp_path / "other").all()
    frame = table.to_pandas()
    frame.loc[3, "rating"] += 1
    pq.write_table(table.set_column(2, "rating", [frame["rating"].to_numpy()]), path)
    same = prepared.rows_equal(tmp_path / "one", tmp_path / "other")
    assert same[~same].index.tolist() == ["train"]


def test_what_is_no_preparation(tmp_path):
    with pytest.raises(DataError, match=r"train\.parquet is missing"):
        prepared.read(tmp_path)
    source = written(shop(), tmp_path / "source")
    with_numpy.prepare(source, tmp_path / "found", Rules(k=2))
    (tmp_path / "found" / "users.parquet").write_bytes(
        (tmp_path / "found" / "train.parquet").read_bytes()
    )
    with pytest.raises(DataError, match=r"users\.parquet must have the columns"):
        prepared.read(tmp_path / "found")


def test_an_interruption_leaves_nothing(tmp_path):
    def interrupted() -> None:
        with prepared.whole_folder(tmp_path / "found") as folder:
            (folder / "train.parquet").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


# ---- made events ---------------------------------------------------------------------------------

MADE = 17890424482273069835  # all rows mixed into one number


def test_made_rows_are_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "PART_ROWS", 4_000)
    source = made.made(tmp_path / "made", 10_000, seed=5)
    assert [pq.read_metadata(path).num_rows for path in sorted(source.iterdir())] == [
        4000,
        4000,
        2000,
    ]
    rows = pq.read_table(source).to_pandas()
    key = np.zeros(len(rows), dtype=np.uint64)
    for column in rows:
        key = mix(key ^ rows[column].to_numpy().astype(np.int64).view(np.uint64))
    assert int(key.sum()) == MADE


def test_made_rows_have_the_shape_of_the_data(tmp_path):
    rows = pq.read_table(made.made(tmp_path / "made", 200_000)).to_pandas()
    for side, mean in (("user", 10.5), ("item", 11.0)):
        counts = rows[side].value_counts()
        assert counts.mean() == pytest.approx(mean, rel=0.15)
        assert counts.median() <= 6
        assert counts.iloc[0] > 12 * counts.mean()  # a long tail
    assert 0.01 < rows.duplicated(["user", "item"]).mean() < 0.2
    assert rows.duplicated(["user", "timestamp"]).mean() > 0.05
    dates = pd.to_datetime(rows["timestamp"], unit="s").dt.year
    assert dates.min() >= 1996
    assert dates.max() == 2023
    assert (dates > 2010).mean() > 0.5
    assert rows["rating"].value_counts().idxmax() == 5


def test_made_users_have_a_taste(tmp_path):
    source = made.made(tmp_path / "made", 50_000, n_users=2_000, n_items=1_000, groups=5, taste=0.9)
    rows = data.Interactions.from_frame(
        pq.read_table(source).to_pandas(), time_unit="s", merge="latest"
    )
    cells = rows.to_csr().toarray() > 0
    of_items = np.corrcoef(cells[:, rows.item_counts > 150].T)
    shared = np.sort(of_items[~np.eye(len(of_items), dtype=bool)])
    # the items of one group are met by the same users, a fifth of all pairs are such
    assert shared[int(0.9 * len(shared))] > shared[int(0.5 * len(shared))] + 0.05


def test_made_arguments(tmp_path):
    for wrong, message in (
        ({"n_rows": 0}, "n_rows must be at least 1"),
        ({"n_rows": 5, "n_items": 3}, "n_items must be at least 20"),
        ({"n_rows": 5, "taste": 1.5}, "taste must be a finite number"),
    ):
        with pytest.raises(ValueError, match=message):
            made.made(tmp_path / "made", **wrong)
    (tmp_path / "made").mkdir()
    with pytest.raises(DataError, match="made exists"):
        made.made(tmp_path / "made", 5)
    assert len(pq.read_table(made.made(tmp_path / "one", 1))) == 1


def test_two_that_write_the_same_at_the_same_time_do_not_meet(tmp_path):
    target = tmp_path / "both"
    one, other = prepared.whole_folder(target), prepared.whole_folder(target)
    first, second = one.__enter__(), other.__enter__()
    assert first != second
    (second / "mine").touch()
    other.__exit__(None, None, None)
    with pytest.raises(DataError, match="both was not written"):
        one.__exit__(None, None, None)
    assert (target / "mine").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["both"]


def test_times_that_are_all_missing(tmp_path):
    names = {"user": pa.int64(), "item": pa.int64(), "rating": pa.float32()}
    columns = {name: pa.array([1, 2], kind) for name, kind in names.items()}
    columns["timestamp"] = pa.array([None, None], pa.int64())
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="'timestamp' has 2 missing"):
        with_numpy.prepare(tmp_path / "rows.parquet", tmp_path / "target")
