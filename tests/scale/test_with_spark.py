"""Spark: the rows of `recsys_lib.data`, what is sent on the way, and ALS beside the library's."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines import engine

engine("pyspark", "pyarrow", java=True)

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from recsys_lib import data
from recsys_lib.data.histories import mix
from recsys_lib.data.interactions import Interactions
from recsys_lib.evaluation import evaluate
from recsys_lib.models import iALS
from recsys_lib.scale import prepared, with_numpy, with_spark
from recsys_lib.scale.prepared import Rules
from recsys_lib.validation import DataError

# Java compiles quickly rather than well: these tests run each step once or twice
os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
YEAR_2020 = 1_577_836_800


def table(n: int = 2500, seed: int = 0) -> pa.Table:
    """Rows with repeats, ties of one second, and ids of any sign and size."""
    rng = np.random.default_rng(seed)
    users, items = (rng.integers(-(2**63), 2**63, size, dtype=np.int64) for size in (150, 60))
    users[:2], items[:2] = (-(2**63), 2**63 - 1), (-1, 0)
    return pa.table(
        {
            "other": np.arange(n),
            "rating": rng.integers(1, 11, n).astype(np.float32) / 2,
            "user": users[rng.zipf(1.3, n) % 150],
            "item": items[rng.zipf(1.2, n) % 60],
            "timestamp": YEAR_2020 + rng.integers(0, 30, n),
        }
    )


def write(folder: Path, *tables: pa.Table) -> Path:
    folder.mkdir()
    for number, one in enumerate(tables):
        pq.write_table(one, folder / f"{number}.parquet")
    return folder


def few(**columns: object) -> pa.Table:
    """Three users who met three items each, as they come or with other columns."""
    given = {
        "user": np.repeat([1, 2, 3], 3),
        "item": np.array([1, 2, 3, 2, 3, 4, 3, 4, 5]),
        "rating": np.full(9, 4, dtype=np.float32),
        "timestamp": YEAR_2020 + np.array([2, 1, 3, 1, 1, 1, 5, 5, 4]),
    }
    return pa.table(given | columns)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = table()
    folder = tmp_path_factory.mktemp("with [strange] signs")
    return write(folder / "events", rows.slice(0, 1400), rows.slice(1400))


@pytest.fixture(scope="module")
def reference(source: Path) -> Path:
    target = source.parent / "reference"
    with_numpy.prepare(source, target, RULES)
    return target


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with with_spark.session(threads=2, memory_gb=1.5, folder=tmp_path_factory.mktemp("a b")) as one:
        yield one


RULES = Rules(k=4, n_test=2, n_valid=1, n_negatives=4, seed=2**64 - 3)


def assert_equal(one: Path, other: Path) -> None:
    ours, theirs = prepared.read(one), prepared.read(other)
    for name, frame in theirs.items():
        pd.testing.assert_frame_equal(ours[name], frame, obj=name)
    assert prepared.rows_equal(one, other).all()


# ---- without Spark: Java, arguments, and a session of one's own ----------------------------------


def test_no_java_says_which_and_where_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with (
        pytest.raises(RuntimeError, match=r"cannot be run.*Java 17.*apt install.*adoptium"),
        with_spark.session(),
    ):
        pass


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('java version "1.8.0_292"', "Java 8"),
        ('openjdk version "11.0.2"', "Java 11"),
        ("?", "unkn"),
    ],
)
def test_an_old_java_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, found: str
) -> None:
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match=rf"{found}.*Spark needs Java 17"):
        with_spark.check_java()


def test_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="memory_gb"), with_spark.session(memory_gb=0.5):
        pass
    with pytest.raises(ValueError, match="threads"), with_spark.session(threads=0):
        pass
    train = Interactions.from_frame(pd.DataFrame({"user": [1], "item": [2]}))
    with pytest.raises(ValueError, match="alpha must be above 0"):
        with_spark.als(train, alpha=0)
    with pytest.raises(TypeError, match="train must be Interactions"):
        with_spark.als(pd.DataFrame())
    with pytest.raises(TypeError, match="session of `session`"):
        with_spark.als(train, spark="local")


def test_one_thread_and_a_session_of_its_own_make_the_same_rows(
    source: Path, reference: Path, tmp_path: Path
) -> None:
    steps = with_spark.prepare(source, tmp_path / "one", RULES, memory_gb=1.5, threads=1)
    assert_equal(tmp_path / "one", reference)
    assert SparkSession.getActiveSession() is None
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert steps["step"].tolist()[:2] == ["start", "read"]


# ---- the session ---------------------------------------------------------------------------------


def test_two_threads_make_the_same_rows(
    spark: SparkSession, source: Path, reference: Path, tmp_path: Path
) -> None:
    steps = with_spark.prepare(source, tmp_path / "two", RULES, spark=spark).set_index("step")
    assert_equal(tmp_path / "two", reference)
    core = len(prepared.read(reference)["train"]) + 3 * len(prepared.read(reference)["users"])
    assert steps.loc[["read", "k-core", "split"], "rows"].tolist() == [2500, core, core]
    # each row is sent once to be put beside the others of its user: 28 bytes, compressed
    assert 2500 * 8 < steps.loc["repeats", "shuffled"] < 2500 * 28
    # of a count, each partition sends one number for each user or item, and not its rows
    assert 0 < steps.loc["k-core", "shuffled"] < steps.loc["repeats", "shuffled"]
    assert steps.loc["split", "written"] > 0
    of_all = with_spark.shuffled(spark).set_index("step")
    assert of_all.loc["repeats", "shuffled"] == steps.loc["repeats", "shuffled"]


def test_dates_are_the_same_moments_in_every_zone(spark: SparkSession, tmp_path: Path) -> None:
    seconds = few()["timestamp"].to_numpy()
    naive = pa.array(seconds * 1000 + 999, pa.timestamp("ms"))
    tokyo = naive.cast(pa.timestamp("us")).cast(pa.timestamp("us", "Asia/Tokyo"))
    rules = Rules(k=1, n_test=1, n_valid=0, n_negatives=0)
    plain = write(tmp_path / "plain", few())
    with_numpy.prepare(plain, tmp_path / "reference", rules)
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    zoned = write(tmp_path / "zoned", few(timestamp=tokyo))
    with_spark.prepare(zoned, tmp_path / "target", rules, spark=spark)
    assert_equal(tmp_path / "target", tmp_path / "reference")
    dates = prepared.check_source(write(tmp_path / "naive", few(timestamp=naive)))
    with with_spark._given_or_own(spark, None, 1.0, tmp_path, "") as own:
        rows = with_spark._read(own, dates).collect()
    assert [row.timestamp for row in rows] == seconds.tolist()


def test_mix_is_the_library_s(spark: SparkSession, tmp_path: Path) -> None:
    numbers = np.array([0, 1, -1, 2**63 - 1, -(2**63), 123456789012345], dtype=np.int64)
    pq.write_table(pa.table({"x": numbers}), tmp_path / "x.parquet")
    frame = spark.read.parquet(str(tmp_path / "x.parquet"))
    found = [row[0] for row in frame.select(with_spark.mix(F.col("x"))).collect()]
    np.testing.assert_array_equal(np.array(found).view(np.uint64), mix(numbers.view(np.uint64)))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_java_listens_on_this_machine_only(spark: SparkSession) -> None:
    pid = spark.sparkContext._gateway.proc.pid
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    listening = [row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets]
    assert listening
    assert all(address.endswith("0100007F") for address in listening)  # 127.0.0.1


def test_a_second_session_is_refused(spark: SparkSession) -> None:
    with pytest.raises(RuntimeError, match="runs already"), with_spark.session():
        pass


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "rules", "message"),
    [
        (few().drop(["item"]), Rules(), "column 'item' must be there once"),
        (few(rating=np.full(9, np.nan, np.float32)), Rules(), "'rating' holds 9 values"),
        (few(item=pa.array([None, *range(8)], pa.int64())), Rules(), "'item' has 1 missing"),
        (few(timestamp=np.full(9, -1)), Rules(), "'timestamp' holds -1"),
        (few(), Rules(k=4), "leaves nothing of"),
    ],
)
def test_bad_rows_are_refused(
    spark: SparkSession, tmp_path: Path, rows: pa.Table, rules: Rules, message: str
) -> None:
    source = write(tmp_path / "source", rows)
    with pytest.raises(DataError, match=message):
        with_spark.prepare(source, tmp_path / "target", rules, spark=spark)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_damaged_page_is_said_in_one_sentence(spark: SparkSession, tmp_path: Path) -> None:
    source = write(tmp_path / "source", table())
    file = source / "0.parquet"
    good = file.read_bytes()
    end = 8 + int.from_bytes(good[-8:-4], "little")  # where the columns are said to be, unharmed
    file.write_bytes(good[:4] + b"\x15" * (len(good) - end - 4) + good[-end:])
    with pytest.raises(DataError, match="nothing is left of it") as caught:
        with_spark.prepare(source, tmp_path / "target", spark=spark)
    assert "\n" not in str(caught.value)
    assert "\tat " not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_full_disk_is_said_in_one_sentence(
    spark: SparkSession, source: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        with pytest.raises(DataError, match="No space left on device") as caught:
            with_spark.prepare(source, small / "target", RULES, spark=spark)
        assert "\n" not in str(caught.value)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


# ---- ALS -----------------------------------------------------------------------------------------


def planted(regular: bool) -> Interactions:
    """Groups of users who met most items of their group; of one size or of many.

    Where it is regular, each of 48 users met 9 of 48 items, and each item 9 users.
    """
    rng = np.random.default_rng(5)
    if regular:
        cells = [
            (12 * g + u, 12 * g + (u + shift) % 12)
            for g in range(4)
            for u in range(12)
            for shift in range(9)
        ]
    else:
        group = rng.integers(0, 4, (2, 60))
        chance = np.where(group[0][:, None] == group[1], 0.75, 0.04)
        cells = np.argwhere(rng.random((60, 60)) < chance).tolist()
    order = rng.permutation(len(cells))
    return Interactions.from_frame(pd.DataFrame(np.array(cells)[order], columns=["user", "item"]))


def spark_loss(
    train: Interactions, P: np.ndarray, Q: np.ndarray, regularization: float, alpha: float
) -> float:
    """The loss of Spark's ALS, cell by cell, as its docstring has it."""
    scores, met = P.astype(float) @ Q.astype(float).T, train.to_csr("ones").toarray()
    penalty = train.user_counts @ (P**2).sum(1) + train.item_counts @ (Q**2).sum(1)
    loss = np.where(met > 0, (1 + alpha) * (1 - scores) ** 2, scores**2).sum()
    return float(loss + regularization * penalty)


class PenalizedAsSpark(iALS):
    """The library's iALS with a penalty that grows with the events of a row alone."""

    def _penalties(self, counts: np.ndarray, n_others: int) -> np.ndarray:
        return (self.regularization * counts).astype(np.float32)


@pytest.mark.parametrize("regular", [True, False])
def test_als_and_ials_reach_the_same_loss_and_the_same_lists(
    spark: SparkSession, regular: bool
) -> None:
    train = planted(regular)
    weights = {"regularization": 0.3, "alpha": 8.0}
    theirs = with_spark.SparkALS(factors=4, iterations=15, seed=1, **weights).fit(train)
    given = with_spark.ials_parameters(train, **weights)
    if regular:
        ours = iALS(factors=4, epochs=100, **given).fit(train)
    else:  # iALS has no such penalty: one that has shows that all else is the same
        given["regularization"] = weights["regularization"] / (1 + weights["alpha"])
        ours = PenalizedAsSpark(factors=4, epochs=100, **given).fit(train)
    longer = np.sqrt(1 + given["unobserved_weight"])
    P, Q = (side * longer for side in (ours.user_factors_, ours.item_factors_))
    size = np.sqrt(np.linalg.norm(Q) / np.linalg.norm(P))  # p and q of equal length on the whole
    if regular:
        P, Q = P * size, Q / size
    losses = [
        spark_loss(train, *pair, **weights)
        for pair in ((theirs.user_factors_, theirs.item_factors_), (P, Q))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] < 0.5 * spark_loss(train, 0 * P, 0 * Q, **weights)
    users = np.arange(train.n_users)
    scores = theirs.score(users), (1 + given["unobserved_weight"]) * ours.score(users)
    np.testing.assert_allclose(*scores, atol=0.02)
    k = 12 if regular else 9  # a regular group has 12 items of equal score
    lists = [model.recommend(users, k)[0] for model in (theirs, ours)]
    same = [set(one) == set(other) for one, other in zip(*lists, strict=True)]
    assert np.mean(same) > 0.9


def test_als_is_judged_as_every_model(spark: SparkSession) -> None:
    frame = planted(False).to_frame().assign(timestamp=lambda f: (f["item"] * 7 + f["user"]) % 50)
    split = data.leave_last_out(Interactions.from_frame(frame, time_unit="s"), n_test=1)
    model = with_spark.SparkALS(factors=4, iterations=5, regularization=0.1).fit(split.train)
    again = with_spark.als(split.train, factors=4, iterations=5, regularization=0.1, spark=spark)
    np.testing.assert_allclose(model.user_factors_, again[0], rtol=1e-4, atol=1e-5)
    assert evaluate(model, split, k=10)["hr@10"].mean() > 0.5
    assert (model.user_factors_[split.train.user_counts == 0] == 0).all()


# ---- at the end, as nothing can come after -------------------------------------------------------


def test_a_session_that_dies_leaves_nothing(
    spark: SparkSession, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = with_spark._Preparation.split

    def die(self: with_spark._Preparation, *arguments: object) -> None:
        spark.sparkContext._gateway.proc.kill()
        split(self, *arguments)

    monkeypatch.setattr(with_spark._Preparation, "split", die)
    with pytest.raises(DataError, match=r"nothing is left of it: the Java process .* has ended"):
        with_spark.prepare(source, tmp_path / "target", RULES, spark=spark)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="has ended"):
        with_spark.prepare(source, tmp_path / "target", RULES, spark=spark)
    shutil.rmtree(tmp_path)
