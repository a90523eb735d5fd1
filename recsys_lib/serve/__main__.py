"""Answer over HTTP from a model that was saved: ``python -m recsys_lib.serve MODEL``.

The service keeps nothing that is not in its two files: killed and started again, it answers the
same. Only the requests that were running at that moment are lost, and the counts of /health begin
anew. SIGTERM and Ctrl-C end it after the requests that are running. A model that is saved under the
same name takes the place of the old one within a second or so, without a request lost.

What a request may take is bounded from the moment when its head is there, and so is the size of the
head; how slowly it may come is not, as uvicorn has no setting for it: a connection on which nothing
comes is held until its other end goes. What strangers can reach belongs behind a reverse proxy such
as nginx, which waits for a head a minute at most (``client_header_timeout``), and has what is
missing here besides, encryption and passwords.
"""

import argparse
import contextlib
import ipaddress
import math
import socket
import sys

import torch
import uvicorn
from threadpoolctl import threadpool_limits

from recsys_lib.serve.app import make_app
from recsys_lib.serve.limits import Limits
from recsys_lib.serve.served import Keeper
from recsys_lib.validation import DataError, check_int, check_real

BACKLOG = 1024  # connections that wait to be taken
KEEP_ALIVE = 75  # seconds; a question is lost that comes just when its connection is closed
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.serve", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("model", metavar="MODEL", help="a file that model.save wrote")
    parser.add_argument(
        "--data",
        help="the training data: a file that Interactions.save wrote, or the name of a data set of "
        "the catalog (MODEL.data.npz beside the model)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="0: any that is free (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="what a request may take (%(default)s)"
    )
    parser.add_argument(
        "--at-a-time", type=int, default=128, help="requests at a time, at most (%(default)s)"
    )
    return parser.parse_args(given)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that has the address, and does not listen yet.

    Raises
    ------
    DataError
        If the address is taken, not allowed, or none of this machine.
    """
    if port > 65_535:
        raise DataError(f"--port must be at most 65535, got {port}")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
    except OSError as error:
        raise DataError(f"--host {host} is no address of this machine: {error}") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # right after one was killed
        found.bind(address)
    except OSError as error:
        found.close()
        raise DataError(
            f"cannot listen at {host}, port {port}: {error.strerror}. Another --port may be free; "
            "--port 0 takes any that is"
        ) from None
    return found


def is_loopback(found: socket.socket) -> bool:
    """Whether only programs of this machine can reach a socket."""
    return ipaddress.ip_address(found.getsockname()[0]).is_loopback


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    given = _arguments(arguments)
    try:
        check_int("--port", given.port)
        check_real("--seconds", given.seconds, 0.001, 3_600)
        check_int("--at-a-time", given.at_a_time, minimum=1)
        with bind(given.host, given.port) as listening:
            keeper = Keeper(given.model, given.data)
            _serve(keeper, listening, given)
    except (DataError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(keeper: Keeper, listening: socket.socket, given: argparse.Namespace) -> None:
    """Say where, and answer until a signal comes."""
    here = is_loopback(listening)
    if not here:
        print(
            f"note: whoever can reach {given.host} can ask for everybody's lists: there is neither "
            "a password nor encryption, and no limit on how slowly a request may come. Put a "
            "reverse proxy that has them, such as nginx, in front of it",
            file=sys.stderr,
        )
    app = make_app(
        keeper,
        seconds=given.seconds,
        at_a_time=given.at_a_time,
        hosts=LOOPBACK | {given.host.lower()} if here else None,
    )
    listening.listen(BACKLOG)  # from here on nobody is refused, only kept waiting
    name = f"[{given.host}]" if ":" in given.host else given.host
    where = f"http://{name}:{listening.getsockname()[1]}"
    print(f"{keeper.served.model!r} answers at {where} (Ctrl-C ends it)", flush=True)
    _run(app, listening, given.seconds)


def _run(app: Limits, listening: socket.socket, seconds: float) -> None:
    """Answer with uvicorn, which writes nothing here of who asked for what."""
    # a thread for each kind of question is enough: products on several would wait for each other
    threadpool_limits(1)
    torch.set_num_threads(1)
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        http="h11",  # bounds the head of a request, as httptools does not
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(seconds) + 1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    sys.exit(main())
