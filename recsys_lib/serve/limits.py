"""What a request may take: so many bytes, so many seconds, and so many of them at a time."""

import asyncio
import sys
import traceback
from dataclasses import asdict, dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys_lib.serve.problems import RefusedError, problem

MOST_BYTES = 1 << 16  # of a body
ALWAYS = "/health"  # is answered however many others there are


@dataclass
class Tally:
    """How many requests there were, by what became of them."""

    answered: int = 0
    refused: int = 0  # what was asked was wrong
    failed: int = 0  # too many at a time, too slow, or a fault of ours
    running: int = 0

    def note(self, status: int) -> None:
        """Count an answer by its status."""
        self.answered += status < 400
        self.refused += 400 <= status < 500
        self.failed += status >= 500

    def counts(self) -> dict[str, int]:
        """Return the counts, by name."""
        return asdict(self)


class Limits:
    """Stands before the application, and answers in its place where a limit is reached.

    Parameters
    ----------
    app : ASGI application
    tally : Tally
    seconds : float
        A request that takes longer gets 503. What is computed for it in a thread cannot be broken
        off: it ends when it ends, and its result is thrown away.
    at_a_time : int
        A request above so many gets 503 at once, so that those before it are still answered.
    hosts : collection of str, optional
        The names that a client may call this machine by. A page of the web whose name suddenly
        stands for this machine (DNS rebinding) is refused by that.
    """

    def __init__(
        self,
        app: ASGIApp,
        tally: Tally,
        *,
        seconds: float,
        at_a_time: int,
        hosts: frozenset[str] | None = None,
    ) -> None:
        self._app, self._tally = app, tally
        self._seconds, self._at_a_time, self._hosts = seconds, at_a_time, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it be answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server sends the head of this answer alone
            scope = {**scope, "method": "GET"}
        begun = False

        async def counted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._tally.note(message["status"])
            await send(message)

        self._tally.running += 1
        try:
            self._check(scope)
            async with asyncio.timeout(self._seconds):
                await self._app(scope, _bounded(receive), counted)
        except RefusedError as refused:
            await _respond(refused, scope, receive, counted)
        except TimeoutError:
            late = RefusedError(503, "too_slow", f"no answer within {self._seconds:g} seconds")
            if not begun:
                await _respond(late, scope, receive, counted)
        except Exception as error:  # the application has answered 500 already
            _say(error)
        finally:
            self._tally.running -= 1

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._hosts is not None and _without_port(host) not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            raise RefusedError(421, "wrong_host", f"this service is called {names} only")
        if self._tally.running > self._at_a_time and scope["path"] != ALWAYS:
            raise RefusedError(
                503, "too_many", f"{self._at_a_time} requests are being answered: try again"
            )
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > MOST_BYTES:
            raise RefusedError(413, "too_large", TOO_LARGE)


TOO_LARGE = f"a body may have {MOST_BYTES} bytes"


def _bounded(receive: Receive) -> Receive:
    """Count what comes, also where no length was announced, or a wrong one."""
    n_bytes = 0

    async def bounded() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > MOST_BYTES:
            raise HTTPException(413, TOO_LARGE)  # the kind that FastAPI lets through
        return message

    return bounded


def _without_port(host: str) -> str:
    """Return the name of localhost:8001, and of [::1]:8001."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()


async def _respond(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    again = {"retry-after": "1"} if refused.status == 503 else {}
    # what has not been read of a body cannot be told from a next request
    await problem(refused, again | {"connection": "close"})(scope, receive, send)


def _say(error: Exception) -> None:
    """Write what went wrong and where; not the message, which may name a user."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    print(f"{type(error).__name__} in {place.filename}, line {place.lineno}", file=sys.stderr)
