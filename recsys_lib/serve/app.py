"""The paths of the service, what they take and what they give.

GET /recommend?user=ann&k=10, POST /recommend with items that somebody new has met, GET
/similar?item=tea, GET /health, and GET /openapi.json, which describes them; HEAD wherever GET is.
There is no page that tries them out: the usual one loads its scripts from elsewhere.

Identifiers stand in the query or in the body, not in the path: they are any text, slashes included.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException

from recsys_lib.serve.batches import Batches
from recsys_lib.serve.limits import Limits, Tally
from recsys_lib.serve.problems import Problem, RefusedError, problem, shown
from recsys_lib.serve.served import Identifier, Keeper, Served, Vocabulary
from recsys_lib.validation import DataError

MOST_K = 100  # up to here `top_k` needs no sorting of all items
MOST_ITEMS = 1_000  # of one new user
FOLDING = 4  # threads for new users: one that takes long does not keep the next from its answer
EVERY = 1.0  # seconds between two looks at the files


# ---- what is asked and answered ------------------------------------------------------------------


def _identifier(value: object) -> object:
    if type(value) not in (int, str):
        raise ValueError("an identifier must be an integer or text")
    return value


Given = Annotated[int | str, BeforeValidator(_identifier)]
Rating = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Length = Annotated[int, Field(ge=1, le=MOST_K, description="how many items")]
Number = Annotated[Length, Field(strict=True)]  # in JSON, where true is no number


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OfUser(_Asked):
    """A list for a user of the training data."""

    user: str
    k: Length = 10


class OfItem(_Asked):
    """Items similar to one."""

    item: str
    k: Length = 10


class OfNew(_Asked):
    """A list for somebody who is not in the training data."""

    items: list[Given] = Field(
        max_length=MOST_ITEMS, description="what was met; of a model of order, the earliest first"
    )
    ratings: list[Rating] | None = Field(
        None, max_length=MOST_ITEMS, description="one per item, where the model reads them"
    )
    k: Number = 10

    @model_validator(mode="after")
    def _one_each(self) -> "OfNew":
        if self.ratings is not None and len(self.ratings) != len(self.items):
            raise ValueError(
                f"ratings must be one per item, got {len(self.ratings)} for {len(self.items)} items"
            )
        return self


class Entry(BaseModel):
    """An item of a list."""

    item: int | str
    title: str | None
    score: float


class Listing(BaseModel):
    """Best or most similar first; shorter than asked for where there are no more."""

    items: list[Entry]
    version: str = Field(description="of the model that answered")


class Model(BaseModel):
    """What is served."""

    kind: str
    users: int
    items: int
    version: str
    since: datetime


class Health(BaseModel):
    """How the service is."""

    status: str = Field(description="ok, or stale: the files have changed and cannot be taken")
    problem: str | None
    model: Model
    started: datetime
    requests: dict[str, int]


# ---- the work ------------------------------------------------------------------------------------


class Service:
    """Answers from what a `Keeper` holds; all that it keeps itself are counts."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper, self.tally, self.started = keeper, Tally(), datetime.now(UTC)
        self._best, self._similar = Batches(Served.best), Batches(Served.similar)
        self._folding = ThreadPoolExecutor(FOLDING)

    async def of_user(self, user: str, k: int) -> Listing:
        """Return the list of a known user."""
        served = self.keeper.served
        index = _index(served.users, user, "user")
        return _listing(served, *await self._best.ask(served, index, k))

    async def of_item(self, item: str, k: int) -> Listing:
        """Return the items similar to one."""
        served = self.keeper.served
        index = _index(served.items, item, "item")
        try:
            found = await self._similar.ask(served, index, k)
        except NotImplementedError as error:
            raise RefusedError(501, "no_similar_items", str(error)) from None
        return _listing(served, *found)

    async def of_new(self, asked: OfNew) -> Listing:
        """Return the list of somebody new."""
        served = self.keeper.served
        items = [_index(served.items, item, "item") for item in asked.items]
        if len(set(items)) < len(items):
            twice = next(item for n, item in enumerate(asked.items) if items[n] in items[:n])
            raise RefusedError(422, "invalid", f"items names {shown(twice)} more than once")
        try:
            ratings = None if asked.ratings is None else np.array(asked.ratings)
            found = await asyncio.get_running_loop().run_in_executor(
                self._folding, served.best_of_new, items, ratings, asked.k
            )
        except NotImplementedError as error:
            raise RefusedError(501, "no_fold_in", str(error)) from None
        except DataError as error:  # ratings that are missing, or off the scale
            raise RefusedError(422, "invalid", str(error)) from None
        return _listing(served, *found)

    def health(self) -> Health:
        """Return what is served, since when, and how many requests there were before this one."""
        served, wrong = self.keeper.served, self.keeper.problem
        users, items = served.model.shape
        model = Model(
            kind=type(served.model).__name__,
            users=users,
            items=items,
            version=served.version,
            since=served.since,
        )
        return Health(
            status="ok" if wrong is None else "stale",
            problem=wrong,
            model=model,
            started=self.started,
            requests=self.tally.counts(),
        )

    async def watch(self) -> None:
        """Look at the files again and again; a new model is read beside the old one's answers."""
        while True:
            await asyncio.sleep(EVERY)
            if await asyncio.to_thread(self.keeper.look):
                if self.keeper.problem is None:
                    said = f"serving version {self.keeper.served.version}"
                else:  # whose text may name a user
                    said = "the new file cannot be taken, the old one is served: see /health"
                print(said, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the threads alone: what they compute, nobody waits for."""
        self._best.close()
        self._similar.close()
        self._folding.shutdown(wait=False, cancel_futures=True)


def _index(vocabulary: Vocabulary, identifier: Identifier, side: str) -> int:
    index = vocabulary.find(identifier)
    if index is None:
        known = len(vocabulary.ids)
        detail = f"{side} {shown(identifier)} is none of the {known} that the model knows"
        cure = "; POST /recommend answers for somebody new" if side == "user" else ""
        raise RefusedError(404, f"unknown_{side}", detail + cure)
    return index


def _listing(served: Served, items: np.ndarray, scores: np.ndarray) -> Listing:
    """Return identifiers and titles; places that nothing was left for hold -1, and are dropped."""
    found = [
        Entry(item=served.data.item_ids[item].item(), title=served.title(item), score=score)
        for item, score in zip(items.tolist(), scores.tolist(), strict=True)
        if item >= 0
    ]
    return Listing(items=found, version=served.version)


# ---- the paths -----------------------------------------------------------------------------------

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 404, 413, 415, 422, 500, 501, 503)
}


async def _each_once(request: Request) -> None:
    """Refuse a parameter that is there several times, of which FastAPI would take the last."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if count > 1:
            detail = f"{shown(name)} must be given once, and is given {count} times"
            raise RefusedError(422, "invalid", detail)


async def _says_json(request: Request) -> None:
    """Refuse a body that does not say that it is JSON, which FastAPI would not read as such."""
    given = request.headers.get("content-type", "")
    if not re.fullmatch(r"application/([^/]+\+)?json", given.partition(";")[0].strip().lower()):
        what = f"it is {shown(given)}" if given else "there is none"
        detail = f"the body must be JSON, with the header Content-Type: application/json; {what}"
        raise RefusedError(415, "wrong_type", detail)


paths = APIRouter(responses=ERRORS, dependencies=[Depends(_each_once)])


def _service(request: Request) -> Service:
    return request.app.state.service


@paths.get("/recommend")
async def recommend(request: Request, asked: Annotated[OfUser, Query()]) -> Listing:
    """Return a list for a user of the training data, without what this user has met there."""
    return await _service(request).of_user(asked.user, asked.k)


@paths.post("/recommend", dependencies=[Depends(_says_json)])
async def recommend_to_new(request: Request, asked: OfNew) -> Listing:
    """Return a list for somebody new, without the items given."""
    return await _service(request).of_new(asked)


@paths.get("/similar")
async def similar(request: Request, asked: Annotated[OfItem, Query()]) -> Listing:
    """Return the items that the model takes for most similar to one."""
    return await _service(request).of_item(asked.item, asked.k)


@paths.get("/health")
async def health(request: Request) -> Health:
    """Return which model is served, since when, and how many requests there were."""
    return _service(request).health()


# ---- what goes wrong -----------------------------------------------------------------------------


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return problem(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(RefusedError(400, "bad_json", UNREADABLE))
    said = [_said(one) for one in found[:3]] + ["..."] * (len(found) > 3)
    return problem(RefusedError(422, "invalid", "; ".join(said)))


def _said(one: dict[str, Any]) -> str:
    """Say what is wrong with one part of what was asked, and where it is."""
    where = ".".join(str(part) for part in one["loc"][1:])
    what = one["msg"].removeprefix("Value error, ")
    text = f"{where}: {what}" if where else what
    given = one.get("input")
    return f"{text}, got {shown(given)}" if isinstance(given, int | float | str) else text


UNREADABLE = "the body cannot be read as JSON"
CODES = {400: "bad_json", 404: "no_such_path", 405: "wrong_method", 413: "too_large"}


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == 400:
        detail = UNREADABLE
    elif error.status_code == 404:
        detail = "the paths are /recommend, /similar, /health and /openapi.json"
    elif error.status_code == 405:
        headers = {"allow": _allowed(request.url.path)}
        detail = f"{request.url.path} takes {headers['allow']}, and not {shown(request.method)}"
    code = CODES.get(error.status_code, "refused")
    if error.status_code == 413:
        headers["connection"] = "close"
    return problem(RefusedError(error.status_code, code, detail), headers)


def _allowed(path: str) -> str:
    """Return the methods of a path, of all its routes: FastAPI names those of the first alone."""
    routes = (one for one in paths.routes if isinstance(one, APIRoute) and one.path == path)
    return ", ".join(sorted({"GET", "HEAD"}.union(*(one.methods for one in routes))))


async def _fault(_: Request, error: Exception) -> Response:
    return problem(RefusedError(500, "fault", "a fault of the service, not of the request"))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(app.state.service.watch())
    yield
    watching.cancel()
    app.state.service.close()


def make_app(
    keeper: Keeper,
    *,
    seconds: float = 5.0,
    at_a_time: int = 128,
    hosts: frozenset[str] | None = None,
) -> Limits:
    """Return the whole service as an ASGI application; for the limits see `limits.Limits`."""
    app = FastAPI(
        title="recsys_lib.serve",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.include_router(paths)
    for kind, handler in (
        (RefusedError, _refused),
        (RequestValidationError, _invalid),
        (HTTPException, _http),
        (Exception, _fault),
    ):
        app.add_exception_handler(kind, handler)
    app.state.service = service = Service(keeper)
    return Limits(app, service.tally, seconds=seconds, at_a_time=at_a_time, hosts=hosts)
