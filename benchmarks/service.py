"""The service under load: lists a second and how long one waits, with 100,000 items of 64 numbers.

The service is a process of its own, and so is what asks it, on the same machine. It is asked in two
ways. In a closed loop each connection asks again when it has its answer: that shows how many lists
a second there can be, but a slow answer keeps the next questions from being asked at all, and so
hides what it does to others. In an open loop the questions come when they come, at random times
that were drawn beforehand, and one waits from the time at which a question was due, sent or not.
(That the first way leaves out the waiting is called coordinated omission: Tene 2013.)

The open loop is run three times: undisturbed, with a model that is replaced in the middle, and with
the service killed in the middle and started again at once.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from recsys_lib.data.interactions import Interactions
from recsys_lib.models import iALS

ITEMS, FACTORS, USERS, EACH, K = 100_000, 64, 10_000, 20, 10
RATE, SECONDS = 500, 20  # of the open loop
CONNECTIONS = (1, 16)  # of the closed one
POOL = 64  # connections of the open loop
PATIENCE = 60  # seconds until the service is up, at most


def made(n_items: int, seed: int) -> tuple[iALS, Interactions]:
    """Return a model with factors that are drawn, and what its users have met, drawn as well."""
    rng = np.random.default_rng(seed)
    cells = np.repeat(np.arange(USERS), EACH) * n_items + rng.integers(0, n_items, USERS * EACH)
    user, item = np.divmod(np.unique(cells), n_items)
    n = len(user)
    met = Interactions(user, item, np.ones(n), np.zeros(n), np.arange(USERS), np.arange(n_items))
    model = iALS(FACTORS)
    model.n_users_, model.n_items_ = met.shape
    model.vocabulary_ = met.vocabulary
    model.user_factors_ = rng.normal(size=(USERS, FACTORS)).astype(np.float32)
    model.item_factors_ = rng.normal(size=(n_items, FACTORS)).astype(np.float32)
    model.cold_ = np.zeros(USERS, dtype=bool)
    model.popularity_ = met.item_counts.astype(np.float32)
    return model, met


class Service:
    """The command in a process of its own, on a port that stays when it is started again."""

    def __init__(self, path: Path) -> None:
        self._path, self._port = path, 0
        self.start()

    def start(self) -> None:
        """Start it; it answers as soon as it has said where."""
        line = [sys.executable, "-m", "recsys_lib.serve", str(self._path), "--port"]
        self._process = subprocess.Popen(
            [*line, str(self._port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._said = b""
        os.set_blocking(self._process.stdout.fileno(), False)

    async def answers(self) -> int:
        """Wait until it answers, and return the port."""
        end = time.monotonic() + PATIENCE
        while not (match := re.search(rb"http://127\.0\.0\.1:(\d+)", self._said)):
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(
                    f"the service is not there after {PATIENCE} seconds: {self._said!r}"
                )
            self._said += self._process.stdout.read(1024) or b""
            await asyncio.sleep(0.05)
        self._port = int(match[1])
        return self._port

    def kill(self) -> None:
        """End it without a word to anybody."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def processor_seconds(self) -> float:
        """Return what it has taken of the processors so far; NaN where Linux does not tell."""
        try:
            numbers = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return float("nan")
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(path: Path) -> Iterator[Service]:
    """Start the service, and leave nothing behind."""
    service = Service(path)
    try:
        yield service
    finally:
        service.kill()


class Client:
    """Connections to the service that are used again and again.

    It reads no more of HTTP than the service writes; a full client takes as long as the service.
    """

    def __init__(self, port: int) -> None:
        self._port, self._free = port, []

    async def ask(self, path: str, content: bytes = b"") -> tuple[int, bytes]:
        """Return status and body, of a POST where there is content.

        A connection that breaks is given up.
        """
        method, size = ("POST", len(content)) if content else ("GET", 0)
        asked = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
            "Content-Type: application/json\r\n\r\n"
        ).encode()
        if self._free:
            reader, writer = self._free.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(asked + content)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(maxsplit=1)[0])
            body = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._free.append((reader, writer))
        return int(head.split(maxsplit=2)[1]), body

    def close(self) -> None:
        """Close what is open."""
        for _, writer in self._free:
            writer.close()
        self._free.clear()


class Record:
    """What became of each question: when it was due, how long one waited, and what came."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, str]] = []
        self.first: dict[str, float] = {}  # answer of each version of the model, and when

    async def ask(self, client: Client, due: float, path: str, content: bytes = b"") -> None:
        """Ask for a list, and note what came of it."""
        try:
            status, body = await client.ask(path, content)
            found = str(status)
        except (OSError, asyncio.IncompleteReadError) as error:
            found = type(error).__name__
        if found == "200":
            answer = json.loads(body)
            assert len(answer["items"]) == K
            self.first.setdefault(answer["version"], time.perf_counter())
        self.rows.append((due, time.perf_counter() - due, found))

    def summary(self, seconds: float) -> dict:
        """Return lists a second, milliseconds that one waited, and errors by kind."""
        waited = np.array([row[1] for row in self.rows if row[2] == "200"]) * 1000
        kinds = Counter(row[2] for row in self.rows)
        answered = kinds.pop("200", 0)
        return {
            "asked": len(self.rows),
            "lists_per_second": answered / seconds,
            "p50_ms": float(np.percentile(waited, 50)),
            "p99_ms": float(np.percentile(waited, 99)),
            "max_ms": float(waited.max()),
            "errors": dict(kinds),
        }


def known(rng: np.random.Generator) -> tuple[str, bytes]:
    """Ask for the list of a user."""
    return f"/recommend?user={rng.integers(USERS)}&k={K}", b""


def new(rng: np.random.Generator) -> tuple[str, bytes]:
    """Ask for the list of somebody who has met 20 items."""
    return "/recommend", json.dumps({"items": rng.choice(1_000, 20, False).tolist()}).encode()


def similar(rng: np.random.Generator) -> tuple[str, bytes]:
    """Ask for the items that are similar to one."""
    return f"/similar?item={rng.integers(1_000)}&k={K}", b""


Question: TypeAlias = Callable[[np.random.Generator], tuple[str, bytes]]


async def closed_loop(port: int, connections: int, seconds: float, what: Question = known) -> dict:
    """Let so many connections ask one question after the other."""
    record, client, rng = Record(), Client(port), np.random.default_rng(0)
    begun = time.perf_counter()

    async def one() -> None:
        while time.perf_counter() < begun + seconds:
            await record.ask(client, time.perf_counter(), *what(rng))

    await asyncio.gather(*(one() for _ in range(connections)))
    client.close()
    return record.summary(time.perf_counter() - begun)


async def open_loop(
    port: int, rate: float, seconds: float, halfway: Callable[[], None] | None = None
) -> Record:
    """Ask at random times, so many a second on average; return what came."""
    rng, record, client = np.random.default_rng(1), Record(), Client(port)
    times = np.cumsum(rng.exponential(1 / rate, int(rate * seconds))).tolist()
    questions, places = [known(rng) for _ in times], asyncio.Semaphore(POOL)
    begun, asked = time.perf_counter() + 0.1, []

    async def one(due: float, question: tuple[str, bytes]) -> None:
        async with places:  # who waits for a connection waits, too
            await record.ask(client, due, *question)

    for n, (after, question) in enumerate(zip(times, questions, strict=True)):
        if halfway is not None and n == len(times) // 2:
            halfway()
        await asyncio.sleep(max(0.0, begun + after - time.perf_counter()))
        asked.append(asyncio.create_task(one(begun + after, question)))
    await asyncio.gather(*asked)
    client.close()
    return record


async def lists(port: int) -> list[bytes]:
    """Return a few answers as they were sent."""
    client = Client(port)
    rng = np.random.default_rng(2)
    found = [(await client.ask(*known(rng)))[1] for _ in range(20)]
    client.close()
    return found


async def undisturbed(service: Service, rate: float, seconds: float) -> dict:
    """Return both loops' results, and the processors' time for one list."""
    port, found = await service.answers(), {}
    await closed_loop(port, 4, 1.0)  # the first questions are slower
    for connections in CONNECTIONS:
        found[f"closed_{connections}"] = await closed_loop(port, connections, seconds / 4)
    for what in (new, similar):
        found[what.__name__] = await closed_loop(port, 1, seconds / 4, what)
    before = service.processor_seconds()
    record = await open_loop(port, rate, seconds)
    took = service.processor_seconds() - before
    found["open"] = record.summary(seconds) | {"processor_ms": 1000 * took / len(record.rows)}
    return found


async def replaced(service: Service, path: Path, other: Path, rate: float, seconds: float) -> dict:
    """Put another model in the place of the one that is served, as `save` does."""
    port, when = await service.answers(), []

    def now() -> None:
        os.replace(other, path)
        when.append(time.perf_counter())

    record = await open_loop(port, rate, seconds, now)
    if len(record.first) != 2:
        raise RuntimeError(f"the new model was not taken within {seconds / 2:g} seconds")
    return record.summary(seconds) | {"seconds_until_new": max(record.first.values()) - when[0]}


async def killed(service: Service, rate: float, seconds: float) -> dict:
    """Kill the service and start it again; it must answer the same."""
    port = await service.answers()
    before = await lists(port)

    def again() -> None:
        service.kill()
        service.start()

    record = await open_loop(port, rate, seconds, again)
    await service.answers()
    assert await lists(port) == before
    failed = [due for due, _, found in record.rows if found != "200"]
    return record.summary(seconds) | {"seconds_away": max(failed) - min(failed) if failed else 0.0}


def main(n_items: int = ITEMS, rate: float = RATE, seconds: float = SECONDS) -> dict:
    """Return what was measured, by what was done meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, "model.npz"), Path(folder, "other.npz")
        model, met = made(n_items, seed=0)
        model.save(path)
        met.save(path.with_suffix(".data.npz"))
        model.item_factors_ = model.item_factors_[::-1]
        model.save(other)
        with running(path) as service:
            found = asyncio.run(undisturbed(service, rate, seconds))
            found["replaced"] = asyncio.run(replaced(service, path, other, rate, seconds))
            found["killed"] = asyncio.run(killed(service, rate, 1.5 * seconds))
    sizes = {"items": n_items, "factors": FACTORS, "k": K, "rate": rate, "how": "exact product"}
    return sizes | found


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
