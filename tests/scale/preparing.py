"""What every engine's preparation is held to: the rows of `recsys_lib.data`, and clear errors."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.scale import prepared, with_numpy
from recsys_lib.scale.made import made
from recsys_lib.scale.prepared import Rules
from recsys_lib.validation import DataError

DAY = 1_500_000_000
PLAIN = Rules(k=2, n_negatives=0)
COLUMNS = {"user": "int64", "item": "int64", "rating": "float32", "timestamp": "int64"}
EXTREME = [-(2**63), -(2**40) - 1, -1, 0, 7, 2**53 + 1, 2**63 - 1]
events = st.lists(
    st.tuples(
        st.sampled_from(EXTREME),
        st.sampled_from(EXTREME),
        st.sampled_from([0.5, 3.0, 5.0]),
        st.integers(DAY, DAY + 3),
    ),
    min_size=1,
    max_size=60,
)
rules = st.builds(
    Rules,
    k=st.integers(1, 3),
    n_test=st.integers(1, 2),
    n_valid=st.integers(0, 2),
    n_negatives=st.integers(0, 3),
    seed=st.integers(0, 2**64 + 5),
)


def written(rows: pd.DataFrame, folder: Path, parts: int = 1) -> Path:
    """Write rows as a source of some files."""
    folder.mkdir()
    for part in range(parts):
        path = folder / f"part-{part}.parquet"
        pq.write_table(pa.Table.from_pandas(rows.iloc[part::parts], preserve_index=False), path)
    return folder


def frame(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def shop() -> pd.DataFrame:
    """Forty users and twelve items, many at the same second, some pairs twice."""
    rng = np.random.default_rng(3)
    n = 500
    return frame(
        list(
            zip(
                rng.integers(-20, 20, n) * 10**15,
                (rng.random(n) ** 2 * 12).astype(int) - 6,
                rng.integers(1, 6, n),
                DAY + rng.integers(0, 5, n) * 3600,
                strict=True,
            )
        )
    )


def outcome(prepare: Callable, source: Path, target: Path, asked: Rules) -> object:
    """Return the rows that were prepared, or what was said instead."""
    try:
        prepare(source, target, asked)
    except DataError as error:
        assert not target.exists()
        return str(error)
    return prepared.read(target)


def check_on_drawn_rows(prepare: Callable) -> None:
    """Compare what is made of small sources of all kinds with what the library makes of them."""

    @settings(deadline=None, derandomize=True, max_examples=20)
    @given(rows=events, asked=rules, parts=st.integers(1, 3))
    def check(rows: list[tuple], asked: Rules, parts: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            source = written(frame(rows), Path(name) / "source", min(parts, len(rows)))
            wanted = outcome(with_numpy.prepare, source, Path(name) / "wanted", asked)
            found = outcome(prepare, source, Path(name) / "found", asked)
            assert_same(found, wanted)

    check()


def assert_same(found: object, wanted: object) -> None:
    if isinstance(wanted, str):
        assert found == wanted
        return
    assert isinstance(found, dict), found
    for name, rows in wanted.items():
        pd.testing.assert_frame_equal(found[name], rows, obj=name)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Let this machine be in another time zone than its data."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def _unfit() -> dict[str, tuple[pd.DataFrame, str]]:
    good = shop()
    gap = good.astype({"rating": "float64"}).assign(rating=good["rating"].where(good.index != 7))
    return {
        "a column missing": (good.drop(columns="item"), "column 'item' must be there once"),
        "identifiers as text": (good.astype({"user": str}), "column 'user' must be int64, got"),
        "ratings of 64 bits": (
            good.astype({"rating": "float64"}),
            "column 'rating' must be float, got double",
        ),
        "fractions of seconds": (
            good.astype({"timestamp": "float64"}),
            r"column 'timestamp' must be int64 or timestamp\[s, ms or us\], got double",
        ),
        "no rows": (good.iloc[:0], "there are no rows"),
        "a user missing": (
            good.astype({"user": "Int64"}).assign(user=lambda f: f["user"].where(f.index != 7)),
            "column 'user' has 1 missing values",
        ),
        "a rating missing": (gap.astype({"rating": "Float32"}), "'rating' has 1 missing values"),
        "milliseconds": (good.assign(timestamp=good["timestamp"] * 1000), "time_unit='ms'"),
        "before 1970": (good.assign(timestamp=-5), "holds -5, which is no time between"),
        "thousands of seconds": (
            good.assign(timestamp=good["timestamp"] // 1000),
            "as times do in a wrong unit",
        ),
    }


def output(code: str) -> str:
    """Return what some code prints in a process of its own, with what went wrong."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    return run.stdout.strip() or run.stderr


class Preparing:
    """The tests; a class derived from it says which function prepares."""

    prepare: Callable  # (source, target, rules) -> steps

    def test_it_makes_the_rows_of_the_library(self) -> None:
        check_on_drawn_rows(type(self).prepare)

    def test_all_at_the_same_second(self, tmp_path: Path) -> None:
        source = written(shop().assign(timestamp=DAY), tmp_path / "source")
        for seed in (0, 2**63 + 5):
            asked = Rules(k=2, n_test=2, seed=seed)
            wanted = outcome(with_numpy.prepare, source, tmp_path / f"wanted{seed}", asked)
            found = outcome(type(self).prepare, source, tmp_path / f"found{seed}", asked)
            assert_same(found, wanted)

    def test_made_rows(self, tmp_path: Path) -> None:
        source = made(tmp_path / "source", 20_000, seed=1)
        asked = Rules(k=3, n_negatives=4)
        with_numpy.prepare(source, tmp_path / "wanted", asked)
        steps = type(self).prepare(source, tmp_path / "found", asked)
        assert prepared.rows_equal(tmp_path / "wanted", tmp_path / "found").all()
        assert list(steps.columns) == ["step", "rows", "seconds"]
        assert steps["rows"].iloc[0] == 20_000
        assert (steps["seconds"] >= 0).all()

    def test_a_core_that_takes_many_rounds(self, tmp_path: Path) -> None:
        # a chain, which a 2-core takes apart from its ends, beside a square, which it keeps
        chain = [(100 + n // 2, 200 + (n + 1) // 2, 3, DAY + n) for n in range(60)]
        square = [(user, item, 4, DAY) for user in (1, 2) for item in (8, 9)]
        source = written(frame(chain + square), tmp_path / "source")
        type(self).prepare(source, tmp_path / "found", Rules(k=2))
        found = prepared.read(tmp_path / "found")
        assert found["users"].to_numpy().tolist() == [[0, 1, 2], [1, 2, 2]]
        assert found["items"].to_numpy().tolist() == [[0, 8, 2], [1, 9, 2]]

    def test_known_by_hand(self, tmp_path: Path) -> None:
        rows = [
            (-5, 10, 1.0, DAY + 3),
            (-5, 20, 2.0, DAY + 1),
            (-5, 30, 3.0, DAY + 2),
            (-5, 10, 4.0, DAY + 4),  # the latest of this pair
            (9, 10, 5.0, DAY + 7),
            (9, 10, 3.0, DAY + 7),  # at the same second: the higher rating stays
            (9, 20, 3.5, DAY + 6),
        ]
        source = written(frame(rows), tmp_path / "source", parts=2)
        type(self).prepare(source, tmp_path / "found", Rules(k=1, n_valid=1, n_negatives=3))
        found = {
            name: part.to_numpy().tolist()
            for name, part in prepared.read(tmp_path / "found").items()
        }
        assert found["users"] == [[0, -5, 3], [1, 9, 2]]
        assert found["items"] == [[0, 10, 2], [1, 20, 2], [2, 30, 1]]
        assert found["test"] == [[0, 0, 4, DAY + 4]]
        assert found["valid"] == [[0, 2, 3, DAY + 2]]
        # user 9 has two events, too few to give two and keep one
        assert found["train"] == [[0, 1, 2, DAY + 1], [1, 0, 5, DAY + 7], [1, 1, 3.5, DAY + 6]]
        assert found["negatives"] == []  # user -5 has met all items

    @pytest.mark.parametrize("kind", ["ms", "us"])
    @pytest.mark.parametrize("zone", [None, "Asia/Kolkata"])
    def test_points_in_time(self, kind: str, zone: str | None, tmp_path: Path) -> None:
        rows = shop()
        source = written(rows, tmp_path / "seconds")
        wanted = outcome(with_numpy.prepare, source, tmp_path / "wanted", PLAIN)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        times = table["timestamp"].cast(pa.timestamp("s")).cast(pa.timestamp(kind))
        if zone:
            times = times.cast(pa.timestamp(kind, "UTC")).cast(pa.timestamp(kind, zone))
        (tmp_path / "dates").mkdir()
        pq.write_table(table.set_column(3, "timestamp", times), tmp_path / "dates" / "part.parquet")
        with elsewhere():
            found = outcome(type(self).prepare, tmp_path / "dates", tmp_path / "found", PLAIN)
        assert_same(found, wanted)

    def test_fractions_of_a_second_are_cut_off(self, tmp_path: Path) -> None:
        rows = shop()
        source = written(rows, tmp_path / "seconds")
        wanted = outcome(with_numpy.prepare, source, tmp_path / "wanted", PLAIN)
        moments = pd.to_datetime(rows["timestamp"] * 10**6 + 999_999, unit="us", utc=True)
        source = written(
            rows.assign(timestamp=moments.astype("datetime64[us, UTC]")), tmp_path / "moments"
        )
        found = outcome(type(self).prepare, source, tmp_path / "found", PLAIN)
        assert_same(found, wanted)

    def test_further_columns_and_files_are_passed_over(self, tmp_path: Path) -> None:
        rows = shop()
        wanted = outcome(
            with_numpy.prepare, written(rows, tmp_path / "plain"), tmp_path / "wanted", PLAIN
        )
        source = written(rows.iloc[::2], tmp_path / "a [b]*'s")
        (source / "_SUCCESS").touch()
        (source / ".part.parquet").touch()
        backward = rows.iloc[1::2][list(COLUMNS)[::-1]].assign(text="tea")
        backward.to_parquet(source / "part-1.parquet")
        assert_same(outcome(type(self).prepare, source, tmp_path / "found", PLAIN), wanted)
        assert not list(tmp_path.glob(".*"))

    def test_files_of_several_zones_and_units(self, tmp_path: Path) -> None:
        rows = shop()
        wanted = outcome(
            with_numpy.prepare, written(rows, tmp_path / "plain"), tmp_path / "wanted", PLAIN
        )
        source = tmp_path / "source"
        source.mkdir()
        moments = pd.to_datetime(rows["timestamp"], unit="s", utc=True)
        for part, kind in enumerate(("datetime64[us, Asia/Kolkata]", "datetime64[ms, UTC]")):
            dated = rows.assign(timestamp=moments.astype(kind)).iloc[part::2]
            dated.to_parquet(source / f"part-{part}.parquet", index=False)
        assert_same(outcome(type(self).prepare, source, tmp_path / "found", PLAIN), wanted)

    @pytest.mark.parametrize("case", sorted(_unfit()))
    def test_a_source_that_is_unfit(self, case: str, tmp_path: Path) -> None:
        rows, message = _unfit()[case]
        source = written(rows, tmp_path / "source")
        with pytest.raises(DataError, match=message) as caught:
            type(self).prepare(source, tmp_path / "found", Rules(k=2))
        assert str(source) in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_ratings_that_are_not_finite(self, bad: float, tmp_path: Path) -> None:
        table = pa.Table.from_pandas(shop(), preserve_index=False)
        ratings = table["rating"].to_numpy().copy()
        ratings[3] = bad
        (tmp_path / "source").mkdir()
        table = table.set_column(2, "rating", pa.array(ratings, from_pandas=False))
        pq.write_table(table, tmp_path / "source" / "part.parquet")
        with pytest.raises(DataError, match="'rating' holds 1 values that are NaN or infinite"):
            type(self).prepare(tmp_path / "source", tmp_path / "found", Rules(k=2))

    def test_a_folder_that_is_called_like_a_column(self, tmp_path: Path) -> None:
        """Some engines take it for a value of all rows in it."""
        inside = tmp_path / "user=1" / "item=7"
        inside.mkdir(parents=True)
        source = written(shop(), inside / "source")
        wanted = outcome(with_numpy.prepare, source, tmp_path / "wanted", Rules(k=2))
        assert_same(outcome(self.prepare, source, inside / "found", Rules(k=2)), wanted)

    def test_more_is_held_out_than_there_is(self, tmp_path: Path) -> None:
        source = written(shop(), tmp_path / "source")
        asked = Rules(k=2, n_test=2**31, n_valid=0, n_negatives=2)
        wanted = outcome(with_numpy.prepare, source, tmp_path / "wanted", asked)
        found = outcome(self.prepare, source, tmp_path / "found", asked)
        assert isinstance(found, str) or found["test"].empty
        if not isinstance(found, str):  # DuckDB refuses so many
            assert_same(found, wanted)

    def test_an_empty_core(self, tmp_path: Path) -> None:
        source = written(shop(), tmp_path / "source")
        with pytest.raises(DataError, match=r"k_core\(100\) leaves nothing"):
            type(self).prepare(source, tmp_path / "found", Rules(k=100))
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_a_file_that_is_cut_off(self, tmp_path: Path) -> None:
        source = written(shop(), tmp_path / "source", parts=2)
        path = source / "part-1.parquet"
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(DataError, match=r"part-1\.parquet is damaged"):
            type(self).prepare(source, tmp_path / "found")

    def test_a_file_that_is_damaged_inside(self, tmp_path: Path) -> None:
        source = written(shop(), tmp_path / "source")
        path = source / "part-0.parquet"
        content = bytearray(path.read_bytes())
        content[4:400] = b"\xff" * 396
        path.write_bytes(content)
        with pytest.raises(DataError, match="found was not written"):
            type(self).prepare(source, tmp_path / "found")
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_a_target_that_exists(self, tmp_path: Path) -> None:
        source = written(shop(), tmp_path / "source")
        (tmp_path / "found").mkdir()
        with pytest.raises(DataError, match="found exists; remove it"):
            type(self).prepare(source, tmp_path / "found")
        with pytest.raises(DataError, match="there is no folder"):
            type(self).prepare(source, tmp_path / "nowhere" / "found")
        assert not list((tmp_path / "found").iterdir())

    def test_a_full_disk(self, tmp_path: Path) -> None:
        source = made(tmp_path / "source", 200_000, seed=1)
        code = f"""
            import resource
            from pathlib import Path
            from recsys_lib.validation import DataError
            from {type(self).prepare.__module__} import prepare
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # of a file, in bytes
            try:
                prepare({str(source)!r}, {str(tmp_path / "found")!r})
            except DataError as error:
                assert "found was not written, and nothing is left of it" in str(error), error
                print("refused")
            """
        assert output(code) == "refused"
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_ctrl_c_is_an_interruption_and_leaves_nothing(self, tmp_path: Path) -> None:
        """Whatever the engine makes of it: it comes a moment after the rows were read."""
        source = made(tmp_path / "source", 200_000, seed=1)
        code = f"""
            import os, signal, threading
            from recsys_lib.scale.prepared import Steps
            from {type(self).prepare.__module__} import prepare

            def noted(steps, step, rows, done=Steps.done):
                done(steps, step, rows)
                if step == "read":
                    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()

            signal.signal(signal.SIGINT, signal.default_int_handler)
            Steps.done = noted
            try:
                prepare({str(source)!r}, {str(tmp_path / "found")!r})
            except KeyboardInterrupt:
                print("interrupted")
            """
        assert output(code) == "interrupted"
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_rules_that_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match="rules must be Rules, got 5"):
            type(self).prepare(tmp_path, tmp_path / "found", 5)
