"""The service: what it answers, what it refuses and how, and what it does while it is running."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys_lib.data import Interactions
from recsys_lib.models import EASE, MF, BinaryMF, ItemKNN, Markov, Popularity, Recommender, iALS
from recsys_lib.validation import DataError

from engines import engine

engine("fastapi", "uvicorn", "httpx")

import httpx

from recsys_lib.serve import __main__ as command
from recsys_lib.serve.app import CODES, MOST_ITEMS, MOST_K, make_app
from recsys_lib.serve.batches import Batches
from recsys_lib.serve.limits import MOST_BYTES
from recsys_lib.serve.served import Keeper, Vocabulary, beside

SECONDS = 120  # nothing here waits longer


# ------------------------------------------------------------------ data and models


def shop(n_users=30, n_items=12, name="shop", seed=0):
    """Users and items named by text; half of the cells of a planted pattern, with ratings."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.arange(n_users * n_items), n_items)
    kept = ((user + item) % 3 != 0) & (rng.random(len(user)) < 0.6)
    user, item = user[kept], item[kept]
    return Interactions(
        user,
        item,
        rng.integers(1, 6, len(user)),
        np.arange(len(user)),
        [f"reader/{u:03}" for u in range(n_users)],
        [f"b{i}" for i in range(n_items)],
        name=name,
        scale=(1, 5),
        time_unit="s",
        items=pd.DataFrame({"title": [f"Book {i}" for i in range(n_items)]}),
    )


class Gated(Popularity):
    """Answers a new user only when it is let."""

    gate = threading.Event()

    def _fold_in(self, items, ratings):
        assert self.gate.wait(SECONDS)
        return super()._fold_in(items, ratings)


class Plain(Recommender):
    """Can do what a model must, and no more."""

    def _fit(self, train):
        pass

    def _score(self, users):
        return np.zeros((len(users), self.n_items_), dtype=np.float32)


class Broken(Popularity):
    """Fails with a message that names somebody."""

    def _fold_in(self, items, ratings):
        raise RuntimeError("reader/007 is a secret")


def saved(folder, model, train=None, name="model.npz"):
    """Fit and save a model and its data; return the path and the data."""
    train = shop() if train is None else train
    path = model.fit(train).save(folder / name)
    train.save(beside(path))
    return path, train


class Client:
    """Asks an application without a network, on an event loop of its own."""

    def __init__(self, app, name="localhost"):
        self._loop = asyncio.Runner()
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{name}")

    def request(self, *what, **more):
        return self.together((what, more))[0]

    def get(self, path, **params):
        return self.request("GET", path, params=params)

    def new(self, **content):
        return self.request("POST", "/recommend", json=content)

    def body(self, content, kind="application/json"):
        headers = {"content-type": kind}
        return self.request("POST", "/recommend", content=content, headers=headers)

    def together(self, *requests):
        return self.run(*(self._client.request(*what, **more) for what, more in requests))

    def run(self, *tasks):
        async def run():
            return await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)

        return self._loop.run(run())

    def close(self):
        self._loop.run(self._client.aclose())
        self._loop.close()


@contextlib.contextmanager
def client_of(path, **limits):
    client = Client(make_app(Keeper(path), **limits))
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """An iALS, its data, and a client."""
    path, train = saved(tmp_path_factory.mktemp("books"), iALS(4, epochs=2))
    with client_of(path) as client:
        yield Keeper(path).served.model, train, client


def problem_of(answer, status, code):
    """Return what an answer says is wrong; every error has this shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert list(found) == ["status", "title", "code", "detail"]
    assert found["status"] == status
    assert found["code"] == code
    return found["detail"]


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [entry["item"] for entry in answer.json()["items"]]


# ------------------------------------------------------------------ what is answered


def test_a_known_user_gets_the_list_of_the_model_without_what_was_met(books):
    model, train, client = books
    lists, scores = model.recommend(np.arange(train.n_users), k=3, exclude=train)
    for user, name in enumerate(train.user_ids.tolist()):
        entries = client.get("/recommend", user=name, k=3).json()["items"]
        kept = lists[user][lists[user] >= 0]
        assert [entry["item"] for entry in entries] == train.item_ids[kept].tolist()
        assert [entry["title"] for entry in entries] == train.titles(kept)
        given = [entry["score"] for entry in entries]
        np.testing.assert_allclose(given, scores[user][: len(kept)], rtol=1e-5)


def test_who_has_met_nearly_all_gets_a_shorter_list(books):
    _, train, client = books
    left = train.n_items - train.user_counts[0]
    assert len(ids_of(client.get("/recommend", user="reader/000", k=100))) == left


def test_a_new_user_gets_the_list_of_fold_in_without_the_items_given(books):
    model, train, client = books
    scores = model.fold_in([1, 4])
    scores[[1, 4]] = -np.inf
    wanted = train.item_ids[np.argsort(-scores, kind="stable")[:5]].tolist()
    assert ids_of(client.new(items=["b4", "b1"], k=5)) == wanted
    popular = train.item_ids[np.argsort(-train.item_counts, kind="stable")[:5]].tolist()
    assert ids_of(client.new(items=[], k=5)) == popular


def test_similar_items_are_those_of_the_model(books):
    model, train, client = books
    wanted = train.item_ids[model.similar_items([7], 4)[0][0]].tolist()
    assert ids_of(client.get("/similar", item="b7", k=4)) == wanted


def test_requests_at_the_same_time_get_what_each_asked_for(books):
    model, train, client = books
    lists, _ = model.recommend(np.arange(train.n_users), k=7, exclude=train)
    sizes = [1 + user % 7 for user in range(train.n_users)]
    answers = client.together(
        *(
            (("GET", "/recommend"), {"params": {"user": name, "k": k}})
            for name, k in zip(train.user_ids.tolist(), sizes, strict=True)
        )
    )
    for row, k, answer in zip(lists, sizes, answers, strict=True):
        assert ids_of(answer) == train.item_ids[row[:k][row[:k] >= 0]].tolist()


def test_health_says_what_is_served_and_counts(tmp_path):
    path, train = saved(tmp_path, Popularity())
    with client_of(path) as client:
        ids_of(client.get("/recommend", user="reader/001"))
        client.get("/recommend", user="nobody")
        found = client.get("/health").json()
    assert found["status"] == "ok"
    assert found["problem"] is None
    assert found["requests"] == {"answered": 1, "refused": 1, "failed": 0, "running": 1}
    assert found["model"]["kind"] == "Popularity"
    assert (found["model"]["users"], found["model"]["items"]) == train.shape
    assert len(found["model"]["version"]) == 16
    started, since = (
        datetime.fromisoformat(t) for t in (found["started"], found["model"]["since"])
    )
    assert since <= started
    assert started.tzinfo is not None


@pytest.mark.parametrize("model", [EASE(), ItemKNN(), BinaryMF(2, epochs=2), Markov()], ids=repr)
def test_other_models_answer_as_well(model, tmp_path):
    path, train = saved(tmp_path, model)
    scores = model.fold_in([5, 2])
    scores[[5, 2]] = -np.inf
    with client_of(path) as client:
        met = train.item_ids[train.item[train.user == 3]]
        assert not set(ids_of(client.get("/recommend", user="reader/003"))) & set(met)
        assert ids_of(client.new(items=["b5", "b2"], k=1)) == [f"b{np.argmax(scores)}"]


def test_identifiers_that_are_numbers_may_be_written_as_text(tmp_path):
    cells = np.divmod(np.arange(12), 4)
    numbers = Interactions(*cells, np.ones(12), np.zeros(12), [7, 2**62, -5], [30, 10, 20, 40])
    numbers = numbers.select(np.arange(12) % 4 < 3)
    path, _ = saved(tmp_path, Popularity(), numbers)
    with client_of(path) as client:
        for user in ("7", str(2**62), "-5"):
            assert ids_of(client.get("/recommend", user=user)) == [40]
        assert ids_of(client.new(items=[10, "30"], k=1)) == [20]
        assert client.new(items=[10], k=1).json()["items"][0]["title"] is None
        for user in ("07", "+7", "7.0", "７", str(2**64), "9" * 30):
            problem_of(client.get("/recommend", user=user), 404, "unknown_user")
        problem_of(client.new(items=[10, "10"]), 422, "invalid")


def test_the_schema_is_served_and_no_page_that_loads_scripts(books):
    *_, client = books
    schema = client.get("/openapi.json")
    assert {"/recommend", "/similar", "/health"} == set(schema.json()["paths"])
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        problem_of(client.get(path), 404, "no_such_path")


def test_the_reference_has_every_path_and_every_problem(books):
    """Its list says of each path what it takes; the text below, what all may answer."""
    *_, client = books
    root = Path(__file__).parents[2]
    page = (root / "book/reference/scale.md").read_text().partition("## The service")[2]
    listed = re.findall(r"^`([A-Z]+) (/\S+)`\n: (.*)", page, re.MULTILINE)
    told = {(method, path): text for method, path, text in listed}
    schema = client.get("/openapi.json").json()
    known = {
        (method.upper(), path): one
        for path, methods in schema["paths"].items()
        for method, one in methods.items()
    }
    assert told.keys() == known.keys() | {("GET", "/openapi.json")}
    for place, one in known.items():
        for parameter in one.get("parameters", []):
            assert f"`{parameter['name']}`" in told[place]
    for name in schema["components"]["schemas"]["OfNew"]["properties"]:
        assert f"`{name}`" in told["POST", "/recommend"]
    written = "".join(path.read_text() for path in (root / "recsys_lib/serve").glob("*.py"))
    codes = set(re.findall(r'RefusedError\(\s*\d+, f?"([a-z_{}]+)"', written)) | set(CODES.values())
    codes = codes - {"unknown_{side}"} | {"unknown_user", "unknown_item"}
    assert codes == set(re.findall(r"\d{3} `(\w+)`", page))
    assert f"{MOST_BYTES:,} bytes" in page
    assert f"at most {MOST_ITEMS:,}" in page
    assert f"1 to {MOST_K}" in page


def test_no_page_of_another_origin_may_read_an_answer(books):
    *_, client = books
    answer = client.request("GET", "/health", headers={"origin": "http://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


# ------------------------------------------------------------------ what is refused


def test_who_or_what_is_unknown_is_named(books):
    *_, client = books
    assert "'ann'" in problem_of(client.get("/recommend", user="ann"), 404, "unknown_user")
    assert "'pen'" in problem_of(client.get("/similar", item="pen"), 404, "unknown_item")
    assert "'pen'" in problem_of(client.new(items=["b1", "pen"]), 404, "unknown_item")
    assert "77" in problem_of(client.new(items=[77]), 404, "unknown_item")
    long = problem_of(client.get("/recommend", user="x" * 2_000), 404, "unknown_user")
    assert len(long) < 300
    problem_of(client.get("/recommend", user="reader/001\0"), 404, "unknown_user")


@pytest.mark.parametrize("k", ["0", "-1", str(MOST_K + 1), "9" * 40, "9" * 5000, "ten", "", "2.5"])
def test_k_out_of_range(books, k):
    *_, client = books
    assert problem_of(client.get("/recommend", user="reader/001", k=k), 422, "invalid")[0] == "k"
    assert problem_of(client.get("/similar", item="b1", k=k), 422, "invalid")[0] == "k"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"items": ["b1", "b2", "b1"]}', "items names 'b1' more than once"),
        ('{"items": ["b1", 1.5]}', "items.1: an identifier must be an integer or text, got 1.5"),
        ('{"items": [true]}', "items.0: an identifier must be an integer or text, got True"),
        ('{"items": [null]}', "items.0: an identifier must be an integer or text"),
        ('{"items": "b1"}', "items: "),
        ('{"items": {"b1": 1}}', "items: "),
        ("{}", "items: "),
        ("[]", ""),
        ('"b1"', ""),
        ("null", ""),
        ('{"items": ["b1"], "ratings": [NaN]}', "ratings.0: "),
        ('{"items": ["b1"], "ratings": [Infinity]}', "ratings.0: "),
        ('{"items": ["b1"], "ratings": [1e999]}', "ratings.0: "),
        ('{"items": ["b1"], "ratings": ["5"]}', "ratings.0: "),
        ('{"items": ["b1"], "ratings": [true]}', "ratings.0: "),
        ('{"items": ["b1"], "ratings": [' + "9" * 400 + "]}", "ratings.0: "),
        ('{"items": ["b1"], "ratings": [1, 2]}', "ratings must be one per item, got 2 for 1"),
        ('{"items": ["b1"], "k": 0}', "k: "),
        ('{"items": ["b1"], "k": true}', "k: "),
        ('{"items": ["b1"], "size": 3}', "size: "),
        (json.dumps({"items": list(range(MOST_ITEMS + 1))}), "items: "),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_is_wrong_with_a_new_user_is_said(books, body, said):
    *_, client = books
    assert problem_of(client.body(body), 422, "invalid").startswith(said)


@pytest.mark.parametrize(
    "body",
    ["{nope", '{"items": ["b1"]', b"\xff\xfe{}", "[" * 30_000, '{"items": [' + "9" * 5000 + "]}"],
)
def test_what_is_no_json(books, body):
    *_, client = books
    problem_of(client.body(body), 400, "bad_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json", ""])
def test_a_body_that_does_not_say_that_it_is_json(books, kind):
    *_, client = books
    told = problem_of(client.body('{"items": ["b1"]}', kind), 415, "wrong_type")
    assert "with the header Content-Type: application/json; " in told
    assert told.endswith(f"it is {kind!r}" if kind else "there is none")


def test_a_body_without_a_kind_and_one_without_anything(books):
    *_, client = books
    for content in ('{"items": ["b1"]}', ""):
        answer = client.request("POST", "/recommend", content=content)
        assert "application/json; there is none" in problem_of(answer, 415, "wrong_type")
    problem_of(client.body(""), 422, "invalid")
    for kind in ("application/JSON; charset=utf-8", "application/vnd.shop+json"):
        assert ids_of(client.body('{"items": ["b1"]}', kind))


def test_a_body_that_is_too_large_whether_it_says_so_or_not(books):
    *_, client = books
    problem_of(client.body(" " * (MOST_BYTES + 1)), 413, "too_large")

    async def in_pieces():
        for _ in range(5):
            yield b" " * (MOST_BYTES // 4)

    problem_of(client.body(in_pieces()), 413, "too_large")
    assert ids_of(client.body('{"items": ["b1"]}' + " " * (MOST_BYTES - 17)))


def test_half_a_pair_of_surrogates_is_unknown_and_no_fault(books):
    *_, client = books
    assert "ud800" in problem_of(client.body('{"items": ["\\ud800"]}'), 404, "unknown_item")


@pytest.mark.parametrize("path", ["/", "/health/", "/Recommend", "/recommend/reader", "/%2e%2e/x"])
def test_a_wrong_path(books, path):
    *_, client = books
    assert "/recommend" in problem_of(client.get(path), 404, "no_such_path")


def test_a_wrong_method(books):
    *_, client = books
    for method, path in (("DELETE", "/recommend"), ("POST", "/similar"), ("PUT", "/health")):
        answer = client.request(method, path)
        allowed = "GET, HEAD, POST" if path == "/recommend" else "GET, HEAD"
        told = f"{path} takes {allowed}, and not {method!r}"
        assert problem_of(answer, 405, "wrong_method") == told
        assert answer.headers["allow"] == allowed


def test_head_is_answered_where_get_is(books):
    *_, client = books
    for path in ("/health", "/openapi.json", "/similar?item=b1", "/recommend?user=reader/001"):
        answer, whole = (client.request(method, path) for method in ("HEAD", "GET"))
        assert answer.status_code == 200, path
        assert answer.content == b""
        assert answer.headers["content-type"] == whole.headers["content-type"]
    assert client.request("HEAD", "/recommend?user=nobody").status_code == 404
    assert client.request("HEAD", "/nowhere").status_code == 404


def test_an_unknown_or_missing_parameter(books):
    *_, client = books
    assert "K: " in problem_of(client.get("/recommend", user="reader/001", K=3), 422, "invalid")
    assert "user: " in problem_of(client.get("/recommend"), 422, "invalid")


@pytest.mark.parametrize(
    ("method", "address", "name"),
    [
        ("GET", "/recommend?user=reader/001&k=2&user=reader/002", "user"),
        ("GET", "/recommend?user=reader/001&k=2&k=2", "k"),
        ("GET", "/similar?item=b1&item=b2", "item"),
        ("POST", "/recommend?k=1&k=2", "k"),
    ],
)
def test_a_parameter_that_is_given_twice_is_refused(books, method, address, name):
    *_, client = books
    more = {"json": {"items": ["b1"]}} if method == "POST" else {}
    told = problem_of(client.request(method, address, **more), 422, "invalid")
    assert told == f"{name!r} must be given once, and is given 2 times"


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NESTED = st.recursive(SIMPLE, lambda one: st.lists(one, max_size=3), max_leaves=6)
BODIES = st.dictionaries(st.sampled_from(["items", "ratings", "k", "x"]), NESTED)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=40) | BODIES.map(lambda one: json.dumps(one).encode()))
def test_no_body_is_a_fault_of_the_service(books, body):
    *_, client = books
    answer = client.body(body)
    assert answer.status_code in (200, 400, 404, 422)
    json.loads(answer.text)


def test_ratings_are_asked_for_by_a_model_that_reads_them(tmp_path):
    path, _ = saved(tmp_path, MF(2, epochs=2))
    with client_of(path) as client:
        assert "ratings must be given" in problem_of(client.new(items=["b1"]), 422, "invalid")
        off = client.new(items=["b1"], ratings=[9])
        assert "between 1 and 5" in problem_of(off, 422, "invalid")
        assert len(ids_of(client.new(items=["b1", "b2"], ratings=[5, 1.5], k=3))) == 3


def test_what_a_model_cannot_do_is_said(tmp_path):
    path, _ = saved(tmp_path, Plain())
    with client_of(path) as client:
        assert "fit it again" in problem_of(client.new(items=["b1"]), 501, "no_fold_in")
        told = problem_of(client.get("/similar", item="b1"), 501, "no_similar_items")
        assert "nothing to compare items by" in told
        assert ids_of(client.get("/recommend", user="reader/001", k=1))


def test_a_fault_is_told_without_its_message_and_logged_without_it(tmp_path, capsys):
    path, _ = saved(tmp_path, Broken())
    with client_of(path) as client:
        assert "secret" not in problem_of(client.new(items=["b1"]), 500, "fault")
        assert client.get("/health").json()["requests"]["failed"] == 1
    said = capsys.readouterr()
    assert re.search(r"RuntimeError in .*test_serve.py, line \d+", said.err)
    assert "reader" not in said.err + said.out


def test_another_name_for_this_machine_is_refused_where_names_are_given(tmp_path):
    app = make_app(Keeper(saved(tmp_path, Popularity())[0]), hosts=frozenset({"localhost", "::1"}))
    for name, status in (
        *(("localhost", 200), ("LOCALHOST:8001", 200), ("[::1]:8001", 200)),
        *(("evil.example", 421), ("127.0.0.1", 421)),
    ):
        client = Client(app, name)
        answer = client.get("/health")
        assert answer.status_code == status, name
        if status == 421:
            problem_of(answer, 421, "wrong_host")
        client.close()


# ------------------------------------------------------------------ how much at a time


@pytest.fixture
def gated(tmp_path):
    Gated.gate.clear()
    yield saved(tmp_path, Gated())[0]
    Gated.gate.set()


NEW = ("POST", "/recommend"), {"json": {"items": ["b1"]}}
KNOWN = ("GET", "/recommend"), {"params": {"user": "reader/001"}}
HEALTH = ("GET", "/health"), {}


def test_what_takes_too_long_is_given_up_and_blocks_nobody(gated):
    with client_of(gated, seconds=0.3) as client:
        late, known, *_, later = client.together(NEW, KNOWN, NEW, NEW, NEW, NEW, NEW, NEW)
        assert "0.3 seconds" in problem_of(late, 503, "too_slow")
        problem_of(later, 503, "too_slow")
        assert ids_of(known)
        assert late.headers["retry-after"] == "1"
        Gated.gate.set()  # the threads are free again
        assert ids_of(client.request(*NEW[0], **NEW[1]))


def test_more_than_so_many_at_a_time_are_refused_at_once_but_not_health(gated):
    with client_of(gated, at_a_time=2) as client:

        async def opened(run):
            while client.app_running() < 2:
                await asyncio.sleep(0.01)
            third, health = await asyncio.gather(run(KNOWN), run(HEALTH))
            Gated.gate.set()
            return third, health

        def run(one):
            return client._client.request(*one[0], **one[1])

        tally = client._client._transport.app._tally
        client.app_running = lambda: tally.running
        first, second, (third, health) = client.run(run(NEW), run(NEW), opened(run))
    assert "2 requests" in problem_of(third, 503, "too_many")
    assert health.json()["requests"]["running"] == 3
    assert ids_of(first) == ids_of(second) != []


def test_what_comes_while_a_batch_is_computed_makes_up_the_next():
    calls, gate = [], threading.Event()

    def compute(served, indices, k):
        assert gate.wait(SECONDS)
        calls.append((served, indices, k))
        if served == "broken":
            raise ValueError("broken")
        rows = np.array(indices)[:, None] + np.arange(k)
        return rows, rows / 2

    async def ask():
        batches = Batches(compute, at_once=3)

        def task(*what):
            return asyncio.create_task(batches.ask(*what))

        first = task("old", 0, 1)
        await asyncio.sleep(0.05)
        rest = [task("old", 10 * n, n) for n in range(1, 5)]
        given_up = rest[1]
        others = [task("new", 7, 2), task("broken", 8, 2), task("new", 9, 1)]
        await asyncio.sleep(0.05)
        given_up.cancel()
        gate.set()
        found = await asyncio.gather(first, *rest, *others, return_exceptions=True)
        batches.close()
        return found

    found = asyncio.run(asyncio.wait_for(ask(), SECONDS))
    assert calls == [
        ("old", [0], 1),
        ("old", [10, 30, 40], 4),  # three at once, and not the one that was given up
        ("new", [7], 2),  # never two models in one batch
        ("broken", [8], 2),
        ("new", [9], 1),
    ]
    assert found[1][0].tolist() == [10]  # as many as were asked for
    assert found[4][1].tolist() == [20, 20.5, 21, 21.5]
    assert isinstance(found[2], asyncio.CancelledError)
    assert isinstance(found[6], ValueError)
    assert found[7][0].tolist() == [9]


# ------------------------------------------------------------------ whose identifiers


IDS = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1, max_size=8)
TEXTS = st.lists(st.text("ab/é\0", max_size=4), unique=True, min_size=1, max_size=8)


@given(ids=IDS, other=st.integers())
def test_numbers_are_found_as_a_dict_finds_them(ids, other):
    array = np.array(ids)
    known = {number: n for n, number in enumerate(ids)}
    vocabulary = Vocabulary(array)
    for one in (*ids, other):
        assert vocabulary.find(one) == vocabulary.find(str(one)) == known.get(one)


@given(ids=TEXTS, other=st.text("ab/é\0", max_size=6))
def test_texts_are_found_as_a_dict_finds_them(ids, other):
    ids = list(dict.fromkeys(one.rstrip("\0") for one in ids))  # NumPy knows no NUL at the end
    known = {text: n for n, text in enumerate(ids)}
    for one in (*ids, other):
        assert Vocabulary(np.array(ids)).find(one) == known.get(one)


def test_a_data_set_of_others_is_refused_and_none_at_all_too(tmp_path):
    path, _ = saved(tmp_path, Popularity())
    shop(31).save(beside(path))
    with pytest.raises(DataError, match="it has 31 and 12, not 30 and 12"):
        Keeper(path)
    beside(path).unlink()
    with pytest.raises(DataError, match=r"train\.save"):
        Keeper(path)
    elsewhere = shop().save(tmp_path / "elsewhere.npz")
    assert Keeper(path, str(elsewhere)).served.data.n_users == 30
    with pytest.raises(DataError, match="movielens-small"):
        Keeper(path, "movielens")


def test_titles_of_the_catalog(tmp_path):
    from recsys_lib import data

    films = data.load()
    path = Popularity().fit(films).save(tmp_path / "popular.npz")
    client = Client(make_app(Keeper(path, "movielens-small")))
    entries = client.get("/recommend", user="1", k=2).json()["items"]
    client.close()
    assert [(one["item"], one["title"]) for one in entries] == [
        (356, "Forrest Gump"),
        (296, "Pulp Fiction"),
    ]


# ------------------------------------------------------------------ files that change


def test_a_new_file_is_taken_and_a_bad_one_is_not(tmp_path):
    path, train = saved(tmp_path, Popularity())
    keeper = Keeper(path)
    old, whole = keeper.served, path.read_bytes()
    assert not keeper.look()

    path.write_bytes(whole[:-20])  # cut off
    assert keeper.look()
    assert "damaged" in keeper.problem
    assert keeper.served is old
    assert not keeper.look()  # it is not read again and again

    path.unlink()
    assert keeper.look()
    assert "No such file" in keeper.problem

    Popularity().fit(shop(31)).save(path)
    assert keeper.look()
    assert "30 and 12, not 31 and 12" in keeper.problem
    assert keeper.served is old

    shop(31).save(beside(path))  # now the two belong together
    assert keeper.look()
    assert keeper.problem is None
    assert keeper.served.model.shape == (31, 12)

    EASE().fit(train).save(path)
    train.save(beside(path))
    assert keeper.look()
    assert type(keeper.served.model) is EASE
    assert keeper.served.version != old.version


def test_a_file_that_comes_back_is_no_problem(tmp_path):
    path, _ = saved(tmp_path, Popularity())
    keeper = Keeper(path)
    path.rename(tmp_path / "away")
    assert keeper.look()
    assert keeper.problem
    (tmp_path / "away").rename(path)
    assert keeper.look()
    assert keeper.problem is None


def test_health_says_that_a_new_file_cannot_be_taken(tmp_path):
    path, _ = saved(tmp_path, Popularity())
    keeper = Keeper(path)
    path.write_bytes(b"no model")
    keeper.look()
    client = Client(make_app(keeper))
    found = client.get("/health").json()
    assert ids_of(client.get("/recommend", user="reader/001"))
    client.close()
    assert found["status"] == "stale"
    assert "damaged" in found["problem"]


# ------------------------------------------------------------------ the command


def refused(capsys, *arguments):
    assert command.main([str(one) for one in arguments]) == 1
    return capsys.readouterr().err


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    path, _ = saved(tmp_path, Popularity())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(capsys, path, "--port", port)
    assert f"error: cannot listen at 127.0.0.1, port {port}: Address already in use" in told
    assert "65535" in refused(capsys, path, "--port", 70_000)
    assert "--port" in refused(capsys, path, "--port", -1)
    assert "--seconds" in refused(capsys, path, "--seconds", "nan", "--port", 0)
    assert "--at-a-time" in refused(capsys, path, "--at-a-time", 0, "--port", 0)
    assert "no address" in refused(capsys, path, "--host", "no.such.host.invalid", "--port", 0)
    assert "nothing.npz" in refused(capsys, tmp_path / "nothing.npz", "--port", 0)
    path.write_bytes(b"no model")
    assert "damaged" in refused(capsys, path, "--port", 0)


def test_on_loopback_unless_another_host_is_asked_for_and_then_with_a_warning(
    tmp_path, capsys, monkeypatch
):
    path, _ = saved(tmp_path, Popularity())
    places = []
    monkeypatch.setattr(command, "_run", lambda _, where, __: places.append(where.getsockname()[0]))
    assert command.main([str(path), "--port", "0"]) == 0
    assert capsys.readouterr().err == ""
    assert command.main([str(path), "--port", "0", "--host", "0.0.0.0"]) == 0
    said = capsys.readouterr().err
    assert "neither a password nor encryption, and no limit on how slowly" in said
    assert "reverse proxy" in said
    assert places == ["127.0.0.1", "0.0.0.0"]


# ------------------------------------------------------------------ a process of its own


@contextlib.contextmanager
def process(path, *more, port=0):
    """Start the command; yields the process and where it answers; leaves nothing running."""
    line = [sys.executable, "-m", "recsys_lib.serve", str(path), "--port", str(port), *more]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ends = threading.Timer(SECONDS, running.kill)
    ends.start()
    try:
        said = running.stdout.readline()
        match = re.search(r"answers at (http://127\.0\.0\.1:\d+) ", said)
        assert match, said + running.stdout.read()
        yield running, match[1]
    finally:
        ends.cancel()
        running.kill()
        running.wait(SECONDS)
        running.stdout.close()


class Load:
    """Asks for known users in two threads, again and again."""

    def __init__(self, url, names):
        self.answers, self.errors, self._ended = [], [], threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(url, names[n::2])) for n in range(2)
        ]

    def _ask(self, url, names):
        with httpx.Client(base_url=url, timeout=SECONDS) as client:
            while not self._ended.is_set():
                for name in names:
                    try:
                        answer = client.get("/recommend", params={"user": name, "k": 3})
                        self.answers.append((name, answer.status_code, answer.json()))
                    except httpx.HTTPError as error:
                        self.errors.append(error)
                    time.sleep(0.01)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join(SECONDS)


def until(true, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def expected(model, train):
    """Return the lists of three of everybody, by name."""
    items, _ = model.recommend(np.arange(train.n_users), 3, exclude=train)
    names = train.user_ids.tolist()
    return {name: train.item_ids[row].tolist() for name, row in zip(names, items, strict=True)}


def replaced_under_load(client, path, train, models):
    """Save one model after the other while others ask; then one that is cut off."""

    def health():
        return client.get("/health").json()

    lists = {health()["model"]["version"]: expected(Keeper(path).served.model, train)}
    with Load(str(client.base_url), train.user_ids.tolist()) as load:
        for model in models:
            old = health()["model"]["version"]
            model.save(path)
            until(lambda old=old: health()["model"]["version"] != old)
            lists[health()["model"]["version"]] = expected(model, train)
        whole = path.read_bytes()
        path.write_bytes(whole[:-9])
        assert "damaged" in until(lambda: health()["problem"])
        asked = len(load.answers)
        until(lambda: len(load.answers) > asked + 10)
        path.write_bytes(whole)
        until(lambda: health()["status"] == "ok")
    assert load.errors == []
    assert {status for _, status, _ in load.answers} == {200}
    for name, _, found in load.answers:
        assert [one["item"] for one in found["items"]] == lists[found["version"]][name]
    assert {found["version"] for *_, found in load.answers} == set(lists)


def answers_of(client, train):
    known = [
        client.get("/recommend", params={"user": name}).json() for name in train.user_ids.tolist()
    ]
    return known, client.get("/similar", params={"item": "b3"}).json()


def nonsense(url):
    """Send what is no HTTP, and an address that never ends; return the first lines of answers."""
    port, found = int(url.rpartition(":")[2]), []
    for sent in (b"NONSENSE\r\n\r\n", b"GET /recommend?user=" + b"x" * (1 << 20)):
        raw = socket.create_connection(("127.0.0.1", port), SECONDS)
        with raw, contextlib.suppress(ConnectionError):  # it need not read all
            raw.sendall(sent)
            found.append(raw.recv(100).partition(b"\r\n")[0])
    return found


def test_the_life_of_a_service(tmp_path):
    """Replaced under load, killed, started again, and ended while it answers.

    One test, since each start takes seconds.
    """
    path, train = saved(tmp_path, iALS(4, epochs=2))
    models = [iALS(4, epochs=2, seed=1), EASE(), BinaryMF(2, epochs=1, seed=1)]
    for model in models:
        model.fit(train)
    models[-1].best_epoch_ = 20_000  # to fold somebody in takes a second or so

    with process(path) as (running, url), httpx.Client(base_url=url, timeout=SECONDS) as client:
        replaced_under_load(client, path, train, models)
        before = answers_of(client, train)
        running.kill()  # connections are open, and nobody is told
        assert running.wait(SECONDS) == -signal.SIGKILL
        said = running.stdout.read()
        assert "serving version" in said
        assert "the new file cannot be taken" in said
        assert "reader" not in said  # nothing is written of who asked

    again = url.rpartition(":")[2]
    with (
        process(path, "--seconds", "60", port=again) as (running, url),
        httpx.Client(base_url=url) as client,
    ):
        assert answers_of(client, train) == before
        assert nonsense(url)[0].startswith(b"HTTP/1.1 400")
        slow = []
        thread = threading.Thread(
            target=lambda: slow.append(
                httpx.post(f"{url}/recommend", json={"items": ["b1"]}, timeout=SECONDS)
            )
        )
        thread.start()
        until(lambda: client.get("/health").json()["requests"]["running"] == 2)
        running.send_signal(signal.SIGTERM)
        thread.join(SECONDS)
        assert len(ids_of(slow[0])) == 10
        assert running.wait(SECONDS) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health")
        assert running.stdout.read() in ("", "WARNING:  Invalid HTTP request received.\n" * 2)
