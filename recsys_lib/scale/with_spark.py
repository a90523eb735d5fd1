r"""Spark: the same preparation on an engine for clusters, and Spark's own ALS.

Spark divides rows into partitions, which its workers hold; here the workers are threads of one Java
process. What concerns one partition alone (reading, filtering, a formula) costs no traffic. What
brings rows together, such as counting the events of a user, moves every row to the partition that a
hash of its user names: the rows are written to disk, sent, and read again. This is the shuffle, and
`shuffled` says how many bytes it takes (Zaharia et al. 2012; Armbrust et al. 2015).

No row passes through Python: all below are column expressions, which run in Java.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.ml.recommendation import ALS
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.models.base import Personal
from recsys_lib.scale import prepared
from recsys_lib.scale.prepared import TRIES, Rules, Source, Steps
from recsys_lib.validation import DataError, check_int, check_real

JAVA = 17  # the oldest that this version of Spark runs on
HEAP = 0.85  # of the memory is for the objects of Java, the rest for all else of its process
PARTITIONS = 64  # of a shuffle at first; Spark puts small ones together
ROWS_IN_BLOCK = 5_000_000  # of the ratings that ALS holds together
GET_JAVA = (
    f"Spark needs Java {JAVA} or newer: on Debian and Ubuntu `apt install "
    f"openjdk-{JAVA}-jre-headless`, elsewhere from https://adoptium.net; JAVA_HOME may name its "
    "folder"
)
QUIET = """\
rootLogger.level = error
rootLogger.appenderRef.file.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n%ex{0}
"""


# ---- the session ---------------------------------------------------------------------------------


@contextmanager
def session(
    threads: int | None = None, memory_gb: float = 4.0, folder: str | os.PathLike | None = None
) -> Iterator[SparkSession]:
    """Start a Java process with Spark in it, which listens on this machine only, and end it after.

    Parameters
    ----------
    threads : int, optional
        How many partitions are worked on at the same time; by default all that the machine has.
    memory_gb : float
        Of the whole Java process, at least 1. What does not fit is written to `folder`.
    folder : path, optional
        Where a folder for temporary files is made, by default that of the system; with space for a
        few times the data. It is gone at the end.

    Yields
    ------
    SparkSession
        With times in UTC and without a web page.

    Raises
    ------
    RuntimeError
        If Java is missing or too old, Spark cannot start, or there is a session already.
    TypeError, ValueError
        If an argument is not as it must be.
    """
    memory_gb, threads = prepared.check_machine(memory_gb, threads)
    check_real("memory_gb", memory_gb, minimum=1)
    if SparkContext._active_spark_context is not None:
        raise RuntimeError("Spark runs already, and a process can have one session at a time")
    check_java()
    with tempfile.TemporaryDirectory(
        prefix="spark-", dir=folder, ignore_cleanup_errors=True
    ) as own:
        conf = _configuration(threads, memory_gb, Path(own).absolute())
        with open(Path(own) / "java.log", "w+") as log:
            try:
                spark = _started(conf, log)
                spark.sparkContext.setCheckpointDir(f"file:{Path(own).absolute()}/checkpoints")
                yield spark
            finally:
                _end()


def check_java() -> None:
    """Raise RuntimeError, which says how to get it, if there is no Java that Spark can run on."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else "java"
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        raise RuntimeError(f"{java} cannot be run. {GET_JAVA}") from None
    version = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)  # 8 was called 1.8
    if version is None or int(version[1]) < JAVA:
        found = "of unknown version" if version is None else f"Java {version[1]}"
        raise RuntimeError(f"{java} is {found}. {GET_JAVA}")


def _configuration(threads: int, memory_gb: float, own: Path) -> SparkConf:
    (own / "events").mkdir()
    (own / "log4j2.properties").write_text(QUIET)
    settings = {
        "spark.master": f"local[{threads}]",
        "spark.app.name": "recsys_lib",
        "spark.driver.memory": f"{int(memory_gb * HEAP * 1024)}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": (
            f"-Dlog4j2.configurationFile={(own / 'log4j2.properties').as_uri()} "
            f'"-Djava.io.tmpdir={own}"'
        ),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": f"{own}/local",
        "spark.sql.warehouse.dir": f"file:{own}/warehouse",
        # what `shuffled` reads
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (own / "events").as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
        **_SQL,
    }
    return SparkConf(loadDefaults=False).setAll(list(settings.items()))


_SQL = {
    "spark.sql.session.timeZone": "UTC",
    # `mix` multiplies modulo 2**64, as Java does. The ANSI mode, which is on in Spark 4, makes an
    # error of a product that does not fit, and try_multiply a missing value: neither can be used.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.shuffle.partitions": str(PARTITIONS),
    # sorting a second time, before the shuffle, pays only where many rows are of one user and item
    "spark.sql.optimizer.windowGroupLimitThreshold": "-1",
    # train, valid and test are written side by side, without being sorted apart before
    "spark.sql.maxConcurrentOutputFileWriters": "3",
}


def _started(conf: SparkConf, log: Any) -> SparkSession:
    try:
        gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
        return SparkSession(SparkContext(conf=conf, gateway=gateway))
    except (PySparkException, Py4JError, OSError) as error:
        log.seek(0)
        said = [line for line in log.read().splitlines() if "rror" in line]
        reason = said[-1] if said else _sentence(error)
        raise RuntimeError(f"Spark cannot start: {reason}") from None


def _end() -> None:
    """End Spark and its Java process: the next session may want another memory."""
    context, gateway = SparkContext._active_spark_context, SparkContext._gateway
    if context is not None:
        with suppress(Exception):  # if Java is dead, nothing is left to be stopped
            SparkSession(context).stop()
    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    SparkSession._instantiatedSession = None
    if gateway is not None:
        with suppress(Exception):
            gateway.shutdown()
        gateway.proc.stdin.close()
        try:
            gateway.proc.wait(timeout=60)
        except subprocess.TimeoutExpired:
            gateway.proc.kill()
            gateway.proc.wait()


@contextmanager
def _given_or_own(
    spark: "SparkSession | None",
    threads: int | None,
    memory_gb: float,
    folder: str | os.PathLike,
    what: str,
) -> Iterator[SparkSession]:
    """Yield settings of our own on the session that was given, or on a new one.

    `what` begins the message where Spark fails.
    """
    if spark is None:
        with session(threads, memory_gb, folder) as own, _readable(what):
            yield own
        return
    if not isinstance(spark, SparkSession):
        raise TypeError(f"spark must be a session of `session`, got {type(spark).__name__}")
    with _readable(what):
        own = spark.newSession()
        for name, value in _SQL.items():
            own.conf.set(name, value)
        yield own


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Turn what Java says, which is pages of its calls, into a DataError of one sentence."""
    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as error:
        raise DataError(f"{what}: {_sentence(error)}") from None


def _sentence(error: BaseException) -> str:
    """Return the first line of the innermost cause of an error of Spark."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if java is None and not isinstance(error, PySparkException):
        return "the Java process of Spark has ended; it may have had too little memory"
    try:
        while java is not None and java.getCause() is not None:
            java = java.getCause()
        name = "" if java is None else f"{java.getClass().getSimpleName()}: "
        text = str(error) if java is None else str(java.getMessage())
    except (Py4JError, ConnectionError):
        return "the Java process of Spark has ended while it told of an error"
    return name + text.strip().partition("\n")[0]


# ---- what is sent --------------------------------------------------------------------------------


def shuffled(spark: SparkSession, group: str | None = None) -> pd.DataFrame:
    """Return what each step of a session has read, sent and written, from Spark's log of events.

    Parameters
    ----------
    spark : SparkSession
        Of `session`.
    group : str, optional
        Of which group of jobs (``sparkContext.setJobGroup``); by default of all.

    Returns
    -------
    DataFrame
        A row for each step (what its jobs were described as), in order: `step`; `read`, `shuffled`,
        `spilled` and `written`, in bytes as they are on disk, compressed; `busy`, the seconds of
        all its tasks together. Shuffled is what was written to be sent; on one machine it goes from
        disk to disk. Spilled is what did not fit into the memory of a task on the way.

    Raises
    ------
    DataError
        If the session keeps no log of events.
    """
    context = spark.sparkContext
    folder = str(context.getConf().get("spark.eventLog.dir", ""))
    with _readable("the log of events cannot be read"):
        context._jsc.sc().listenerBus().waitUntilEmpty(60_000)  # events are written a little later
    files = sorted(Path(url2pathname(urlsplit(folder).path)).glob("*")) if folder else []
    if not files:
        raise DataError("spark must be a session of `session`: this one keeps no log of events")
    with open(files[-1]) as lines:
        return _steps((json.loads(line) for line in lines), group)


MEASURES = {  # of the end of a task
    "read": ("Input Metrics", "Bytes Read"),
    "shuffled": ("Shuffle Write Metrics", "Shuffle Bytes Written"),
    "spilled": ("Disk Bytes Spilled",),
    "written": ("Output Metrics", "Bytes Written"),
    "busy": ("Executor Run Time",),
}


def _steps(events: Iterator[dict[str, Any]], group: str | None) -> pd.DataFrame:
    steps: dict[str, dict[str, Any]] = {}
    of_stage: dict[int, str] = {}
    for event in events:
        if event["Event"] == "SparkListenerJobStart":
            known = event.get("Properties", {})
            if group in (None, known.get("spark.jobGroup.id")):
                step = known.get("spark.job.description", "")
                of_stage |= dict.fromkeys(event["Stage IDs"], step)
                steps.setdefault(step, {"step": step, **dict.fromkeys(MEASURES, 0)})
        elif event["Event"] == "SparkListenerTaskEnd" and event["Stage ID"] in of_stage:
            row = steps[of_stage[event["Stage ID"]]]
            for name, path in MEASURES.items():
                value = event.get("Task Metrics", {})
                for key in path:
                    value = value.get(key, {})
                row[name] += value or 0
    table = pd.DataFrame(steps.values(), columns=["step", *MEASURES])
    return table.assign(busy=table["busy"] / 1000)  # from milliseconds


# ---- the preparation -----------------------------------------------------------------------------


def prepare(
    source: str | os.PathLike,
    target: str | os.PathLike,
    rules: Rules | None = None,
    memory_gb: float = 4.0,
    threads: int | None = None,
    spark: "SparkSession | None" = None,
) -> pd.DataFrame:
    """Prepare events with Spark; `recsys_lib.scale.prepared` says what and how.

    Parameters
    ----------
    source : path
        A Parquet file or a folder of them, with the columns of `prepared.SOURCE`.
    target : path
        The folder to be written; must not exist.
    rules : Rules, optional
    memory_gb, threads
        As in `session`; of no effect on a session that is given.
    spark : SparkSession, optional
        Of `session`; by default one is started and ended here.

    Returns
    -------
    DataFrame
        The steps: what was done, the rows that came out, seconds; and, of each, the bytes that
        `shuffled` counts. "start" is the start of Java.

    Raises
    ------
    DataError
        If the source is not as it must be, the core is empty, the target cannot be written, or
        Spark fails on the way.
    RuntimeError
        As in `session`.
    """
    left = f"{target} was not written, and nothing is left of it"
    with (
        prepared.begun(source, target, rules) as (rules, checked, folder, steps),
        _given_or_own(spark, threads, memory_gb, folder / "work", left) as own,
    ):
        steps.done("start", 0)
        job = _Preparation(own, folder, rules, steps)
        core = job.core(checked)
        job.split(job.numbered(core))
        job.negatives()
        sent = shuffled(own, job.group)
    return steps.table().merge(sent, how="left", on="step")


class _Preparation:
    """One preparation on its way: session, folder, rules, and the steps that are done."""

    def __init__(self, spark: SparkSession, folder: Path, rules: Rules, steps: Steps) -> None:
        self.spark, self.folder, self.rules, self.steps = spark, folder.absolute(), rules, steps
        self.group = uuid.uuid4().hex

    def core(self, source: Source) -> DataFrame:
        """Check all rows, keep the latest of repeats, and drop users and items with few events."""
        self._begin("read")
        raw = _read(self.spark, source)
        _check(raw, source)
        self.steps.done("read", source.rows)
        self._begin("repeats")
        events = self._kept(_latest(raw, self.rules.k), "events")
        self.steps.done("repeats", _rows(self.folder / "work" / "events"))
        self._begin("k-core")
        name = "events"
        for step in itertools.count():
            # the other side has been done: where this one has none to drop, the core is reached
            side = ("item", "user")[step % 2]
            few = events.groupBy(side).count().where(F.col("count") < self.rules.k).select(side)
            few = self._kept(few, f"few-{step}")
            if _rows(self.folder / "work" / f"few-{step}") == 0:
                break
            events = self._kept(events.join(few, side, "left_anti"), f"events-{step}")
            shutil.rmtree(self.folder / "work" / name)
            name = f"events-{step}"
        rows = _rows(self.folder / "work" / name)
        prepared.check_core(source, self.rules, rows)
        self.steps.done("k-core", rows)
        return events

    def numbered(self, core: DataFrame) -> DataFrame:
        """Write users and items with their numbers; return the events with numbers in place of ids.

        The ids are sorted across partitions: each has a range of them. How many are in the
        partitions before says where the numbers of one begin; that alone comes to the driver.
        """
        self._begin("count")
        rows = 0
        for side in ("user", "item"):
            counts = core.groupBy(F.col(side).alias("id")).agg(F.count("*").alias("events"))
            number = F.col(side).cast("int").alias(side)
            table = counts.orderBy("id").zipWithIndex(side).select(number, "id", "events")
            _write(table, self.folder / f"{side}s.parquet")
            rows += _rows(self.folder / f"{side}s.parquet")
        self.steps.done("count", rows)
        users, items = (self._read(f"{side}s") for side in ("user", "item"))
        core = core.withColumnsRenamed({"user": "user_id", "item": "item_id"})
        core = core.join(items.select("item", F.col("id").alias("item_id")), "item_id")
        return core.join(users.withColumnRenamed("id", "user_id"), "user_id")

    def split(self, events: DataFrame) -> None:
        """Write train, valid and test in one pass over the events of each user, the last first."""
        self._begin("split")
        rules = self.rules
        # without a sign, as NumPy compares it: the first bit turned over puts them in that order
        unsigned = self._mixed().bitwiseXOR(F.lit(-(2**63)))
        backward = Window.partitionBy("user_id").orderBy(F.desc("timestamp"), unsigned.desc())
        place = F.row_number().over(backward)
        part = (
            F.when(F.col("events") <= rules.held_out, "train")
            .when(F.col("place") <= rules.n_test, "test")
            .when(F.col("place") <= rules.held_out, "valid")
            .otherwise("train")
        )
        placed = events.withColumn("place", place).withColumn("part", part)
        columns = list(prepared.FILES["train"])
        _write(placed.select(*columns, "part"), self.folder / "work" / "split", by="part")
        rows = 0
        for name in ("train", "valid", "test"):
            path = self.folder / f"{name}.parquet"
            with suppress(FileNotFoundError):
                os.rename(self.folder / "work" / "split" / f"part={name}", path)
            if not path.exists():  # a file with the columns and without a row
                _write(placed.select(*columns).limit(0), path)
            rows += _rows(path)
        self.steps.done("split", rows)

    def negatives(self) -> None:
        """Write the items drawn for each test event, beside all that its user has met."""
        self._begin("negatives")
        events = self._read("train").unionAll(self._read("valid")).unionAll(self._read("test"))
        met = events.groupBy("user").agg(F.collect_list("item").alias("met"))
        test = self._read("test").join(met, "user").withColumn("mixed", self._mixed())
        draws = F.sequence(F.lit(0), F.lit(self.rules.n_negatives - 1))
        if self.rules.n_negatives == 0:
            draws = F.expr("cast(array() as array<int>)")
        drawn = test.select("user", "item", "met", "mixed", F.explode(draws).alias("draw"))
        first, later = F.lit(0), F.sequence(F.lit(1), F.lit(TRIES - 1))
        # the first try is mostly one; the others are worked out where it is not
        others = F.filter(F.transform(later, self._drawn), lambda item: ~_holds("met", item))
        first_item = self._drawn(first)
        negative = F.when(~_holds("met", first_item), first_item).otherwise(F.get(others, F.lit(0)))
        found = drawn.withColumn("negative", negative).where("negative is not null")
        path = self.folder / "negatives.parquet"
        _write(found.select(*prepared.FILES["negatives"]), path)
        self.steps.done("negatives", _rows(path))

    def _mixed(self) -> Column:
        """``mix(key ^ mix(seed))`` of an event, as in `prepared`."""
        key = F.col("user").cast("long") * self._n_items() + F.col("item")
        return mix(key.bitwiseXOR(F.lit(_signed(self.rules.mixed_seed))))

    def _drawn(self, attempt: Column) -> Column:
        number = (F.col("draw") * TRIES + attempt).cast("long")
        item = F.shiftrightunsigned(mix(F.col("mixed").bitwiseXOR(number)), 1) % self._n_items()
        return item.cast("int")

    def _n_items(self) -> int:
        return _rows(self.folder / "items.parquet")

    def _begin(self, step: str) -> None:
        self.spark.sparkContext.setJobGroup(self.group, step)

    def _read(self, name: str) -> DataFrame:
        return self.spark.read.parquet(_spark_path(self.folder / f"{name}.parquet"))

    def _kept(self, frame: DataFrame, name: str) -> DataFrame:
        """Write what is used more than once, and read it from there: plans stay short."""
        _write(frame, self.folder / "work" / name)
        return self.spark.read.schema(frame.schema).parquet(
            _spark_path(self.folder / "work" / name)
        )


def _holds(array: str, value: Column) -> Column:
    return F.array_contains(F.col(array), value)


def _read(spark: SparkSession, source: Source) -> DataFrame:
    """Return the rows of the source, not read yet, with times in seconds since 1970.

    A time zone is of no effect here: Parquet holds moments in UTC, and the session is in UTC, too,
    as which those without a zone are taken.
    """
    with pq.ParquetFile(source.files[0]) as parquet:
        kind = parquet.schema_arrow.field("timestamp").type
    time = "bigint"
    if source.dates:
        time = "timestamp" if kind.tz else "timestamp_ntz"
    schema = f"user bigint, item bigint, rating float, timestamp {time}"
    rows = spark.read.schema(schema).parquet(*map(_spark_path, source.files))
    if source.dates:
        rows = rows.withColumn("timestamp", F.unix_seconds(F.col("timestamp").cast("timestamp")))
    return rows


def _check(raw: DataFrame, source: Source) -> None:
    """Count in one pass what `prepared.check_rows` refuses."""
    infinite = F.col("rating").isin(float("inf"), float("-inf")) | F.isnan("rating")
    counted = raw.agg(
        *(F.count_if(F.col(name).isNull()).alias(name) for name in prepared.SOURCE),
        F.count_if(infinite).alias("not_finite"),
        F.min("timestamp").alias("first"),
        F.max("timestamp").alias("last"),
    ).first()
    assert counted is not None  # an aggregate of all rows is one row
    found = counted.asDict()
    nulls = {name: found.pop(name) for name in prepared.SOURCE}
    prepared.check_rows(source, nulls, **found)


def _latest(raw: DataFrame, k: int) -> DataFrame:
    """Return the latest row of each user and item, of users who have k of them.

    The rows are sent once, by user; then all of a user are in one place, so that repeats are found
    and events are counted without sending them again.
    """
    same = Window.partitionBy("user", "item").orderBy(F.desc("timestamp"), F.desc("rating"))
    once = raw.repartition("user").withColumn("place", F.row_number().over(same))
    number = F.count("*").over(Window.partitionBy("user"))
    kept = once.where("place = 1").withColumn("number", number).where(F.col("number") >= k)
    return kept.drop("place", "number")


def mix(x: Column) -> Column:
    """Scramble a column of 64-bit integers as `data.histories.mix` does; needs ANSI mode off.

    Spark's integers have a sign, which changes nothing of sums and products modulo 2**64; the
    shifts must be those without one.
    """
    x = x + F.lit(_signed(0x9E3779B97F4A7C15))
    x = x.bitwiseXOR(F.shiftrightunsigned(x, 30)) * F.lit(_signed(0xBF58476D1CE4E5B9))
    x = x.bitwiseXOR(F.shiftrightunsigned(x, 27)) * F.lit(_signed(0x94D049BB133111EB))
    return x.bitwiseXOR(F.shiftrightunsigned(x, 31))


def _signed(number: int) -> int:
    """Return the number with the same 64 bits that Java has."""
    return number - 2**64 if number >= 2**63 else number


def _write(frame: DataFrame, path: Path, by: str | None = None) -> None:
    writer = frame.write.option("compression", "zstd")
    if by is not None:
        writer = writer.partitionBy(by)
    writer.parquet(f"file:{path}")


def _spark_path(path: Path) -> str:
    """Return a path as Spark reads it, which takes some signs for patterns of names."""
    return "file:" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path.absolute()))


def _rows(path: Path) -> int:
    """Return the number of rows of a folder that Spark wrote, from the ends of its files."""
    return sum(pq.read_metadata(file).num_rows for file in path.glob("*.parquet"))


# ---- Spark's ALS ---------------------------------------------------------------------------------


def als(
    train: Interactions,
    factors: int = 64,
    regularization: float = 0.1,
    alpha: float = 10.0,
    iterations: int = 16,
    seed: int = 0,
    spark: "SparkSession | None" = None,
    threads: int | None = None,
    memory_gb: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Fit Spark's ALS of implicit feedback; all interactions count alike, as in `models.iALS`.

    .. math::

        L = \sum_{(u,i) \in S} (1 + \alpha)(1 - p_u^\top q_i)^2
            + \sum_{(u,i) \notin S} (p_u^\top q_i)^2
            + \lambda \Big(\sum_u |S_u|\, \|p_u\|^2 + \sum_i |S_i|\, \|q_i\|^2\Big)

    (Hu, Koren and Volinsky 2008; the penalty, weighted by the numbers of events, is that of Zhou et
    al. 2008.) `ials_parameters` says which parameters of `iALS` come to the same.

    Parameters
    ----------
    train : Interactions
    factors : int
        Length of the vectors.
    regularization : float
        :math:`\lambda`, at least 0.
    alpha : float
        :math:`\alpha`, above 0.
    iterations : int
        Sweeps over all items and users.
    seed : int
        Of the vectors at the start.
    spark, threads, memory_gb
        As in `prepare`.

    Returns
    -------
    user_factors, item_factors : ndarray of float32, shapes (n_users, factors), (n_items, factors)
        By the numbers of `train`; zeros for those without a training row.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as it must be.
    DataError
        If `train` is empty, or Spark fails on the way.
    RuntimeError
        As in `session`.
    """
    check_interactions("train", train)
    if len(train) == 0:
        raise DataError(f"train is empty: {train!r}")
    factors = check_int("factors", factors, minimum=1)
    regularization, alpha = _check_weights(regularization, alpha)
    iterations = check_int("iterations", iterations, minimum=1)
    seed = check_int("seed", seed)
    with (
        tempfile.TemporaryDirectory(prefix="als-") as folder,
        _given_or_own(spark, threads, memory_gb, folder, "Spark's ALS was not fitted") as own,
    ):
        pairs = Path(folder) / "pairs.parquet"
        pq.write_table(pa.table({"user": train.user, "item": train.item}), pairs)
        own.sparkContext.setJobGroup(uuid.uuid4().hex, "als")
        blocks = max(own.sparkContext.defaultParallelism, -(-len(train) // ROWS_IN_BLOCK))
        estimator = ALS(
            rank=factors,
            maxIter=iterations,
            regParam=regularization,
            alpha=alpha,
            seed=_signed(seed % 2**64),
            implicitPrefs=True,
            nonnegative=False,
            userCol="user",
            itemCol="item",
            ratingCol="rating",
            numUserBlocks=blocks,
            numItemBlocks=blocks,
        )
        rows = own.read.parquet(_spark_path(pairs))
        model = estimator.fit(rows.withColumn("rating", F.lit(1.0).cast("float")))
        P = _by_number(model.userFactors, Path(folder) / "users", (train.n_users, factors))
        Q = _by_number(model.itemFactors, Path(folder) / "items", (train.n_items, factors))
    return P, Q


def _check_weights(regularization: float, alpha: float) -> tuple[float, float]:
    regularization = check_real("regularization", regularization, 0)
    alpha = check_real("alpha", alpha, 0)
    if alpha == 0:
        raise ValueError("alpha must be above 0, got 0")
    return regularization, alpha


def _by_number(frame: DataFrame, path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Return the vectors of a model as the rows of an array; those that it has not are zeros."""
    _write(frame, path)
    vectors = np.zeros(shape, dtype=np.float32)
    for file in path.glob("*.parquet"):
        table = pq.read_table(file)
        features = table["features"].combine_chunks().flatten().to_numpy()
        vectors[table["id"].to_numpy()] = features.reshape(-1, shape[1])
    return vectors


def ials_parameters(train: Interactions, regularization: float, alpha: float) -> dict[str, float]:
    r"""Return the parameters of `models.iALS` that come to the same as those of `als`.

    Divide the loss of `als` by :math:`\alpha`, and write :math:`\alpha_0 = 1/\alpha` and
    :math:`p_u^\top q_i = (1 + \alpha_0)\, s_{ui}`. Up to a constant,

    .. math::

        \frac{L}{\alpha (1 + \alpha_0)^2} = \sum_{(u,i) \in S} (1 - s_{ui})^2
            + \alpha_0 \sum_u \sum_i s_{ui}^2 + \frac{\lambda}{1 + \alpha} (\ldots),

    where the bracket has the penalty for the vectors that give s, each shorter by
    :math:`\sqrt{1 + \alpha_0}`. That is the loss of `iALS`, whose scores are therefore those of
    `als` divided by :math:`1 + \alpha_0`: the same lists. Only the penalties of the rows differ:
    here :math:`\lambda / (1 + \alpha)` times :math:`|S_u|`, there its own :math:`\lambda` times
    :math:`|S_u| + \alpha_0 |I|`. The one returned makes their sums over all users equal, and those
    over all items, and so each of them where all users have as many events as each other, and all
    items. Elsewhere `iALS` holds those of many events less, and those of few more.

    Returns
    -------
    dict
        regularization, unobserved_weight and frequency_power.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.data import Interactions
    >>> from recsys_lib.scale.with_spark import ials_parameters
    >>> frame = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["tea", "jam", "jam"]})
    >>> ials_parameters(Interactions.from_frame(frame), regularization=0.1, alpha=4)
    {'regularization': 0.015, 'unobserved_weight': 0.25, 'frequency_power': 0.0}
    """
    check_interactions("train", train)
    regularization, alpha = _check_weights(regularization, alpha)
    n_users, n_items = int((train.user_counts > 0).sum()), int((train.item_counts > 0).sum())
    of_users = len(train) + n_users * train.n_items / alpha
    of_items = len(train) + n_items * train.n_users / alpha
    share = len(train) / np.sqrt(of_users * of_items)  # of the two, only the product matters
    return {
        "regularization": float(regularization / (1 + alpha) * share),
        "unobserved_weight": 1 / alpha,
        "frequency_power": 0.0,
    }


class SparkALS(Personal):
    """Spark's ALS with the face of a model of this course, so that it can be judged beside `iALS`.

    Parameters
    ----------
    factors, regularization, alpha, iterations, seed
        As in `als`. `fit` takes the active session of Spark, or starts one and ends it.

    Attributes
    ----------
    user_factors_, item_factors_ : ndarray of float32, shapes (n_users, factors), (n_items, factors)
    cold_, popularity_
        As in `models.base.Personal`.
    """

    user_factors_: np.ndarray
    item_factors_: np.ndarray

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.1,
        alpha: float = 10.0,
        iterations: int = 16,
        seed: int = 0,
    ):
        self.factors = check_int("factors", factors, minimum=1)
        self.regularization, self.alpha = _check_weights(regularization, alpha)
        self.iterations = check_int("iterations", iterations, minimum=1)
        self.seed = check_int("seed", seed)

    def _fit(self, train: Interactions) -> None:
        spark = SparkSession.getActiveSession()
        self.user_factors_, self.item_factors_ = als(train, **self.parameters, spark=spark)

    def _personal(self, users: np.ndarray) -> np.ndarray:
        return self.user_factors_[users] @ self.item_factors_.T
