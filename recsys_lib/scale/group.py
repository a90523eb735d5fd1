"""Processes that work together: how they start, what they send, what is said when one is lost.

All that chapter 13 needs of PyTorch's process groups is here, once: where each process computes and
what sends its numbers (`place`), a `Group` that counts what is sent, and `launch`, which starts the
processes with PyTorch's elastic agent, the one behind ``torchrun``: it sees that a process has
ended, ends the others, and starts all of them again if it may.
"""

import contextlib
import os
import pickle
import signal
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.distributed.rendezvous import rendezvous

from recsys_lib.validation import SHOWN, DataError, check_int, check_real

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun tells a process
FUNCTION = (  # what `launch` can start, and what it can send there and back
    "of a module or a script, which each process imports by its name (no lambda, no function of a "
    "notebook or inside another function)"
)
VALUE = (
    "what pickle can send, such as numbers, text, arrays, interactions and models (no generator, "
    "open file, lock or function without a name)"
)


class LostProcessError(RuntimeError):
    """Another process has ended, or has not answered in time."""


@dataclass
class Sent:
    """What one process has handed over to be sent, since it was last set to zero.

    Attributes
    ----------
    calls, bytes : int
    seconds : float
        In the calls, waiting for the others included.
    """

    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Group:
    """The processes of a run, as one of them sees them. `joined` makes it.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0, and how many there are.
    device : str
        Where this process computes.
    timeout : float
        Seconds that it waits for the others.
    added, exchanged : Sent
        What `add_up` and `exchange` have sent.
    """

    def __init__(self, device: str, timeout: float):
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device, self.timeout = device, timeout
        self.added, self.exchanged = Sent(), Sent()

    def add_up(self, parts: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the sums of some tensors over all processes, bit for bit the same in each.

        They are sent as one row of numbers: a call has a cost of its own, whatever its length.

        Raises
        ------
        LostProcessError
            If another process has ended or does not answer within `timeout`; of all methods.
        """
        if self.size == 1:
            return list(parts)
        with self._waiting(self.added, *parts):
            numbers = torch.cat([part.flatten() for part in parts])
            dist.all_reduce(numbers)
        sums = numbers.split([part.numel() for part in parts])
        return [one.view_as(part) for one, part in zip(sums, parts, strict=True)]

    def exchange(self, rows: torch.Tensor, send: list[int], receive: list[int]) -> torch.Tensor:
        """Send the first ``send[0]`` rows to process 0, and so on; return what the others sent.

        ``receive[p]`` rows come from process p; they stand in the order of the processes.
        """
        found = rows.new_empty(sum(receive), *rows.shape[1:])
        start = sum(send[: self.rank])
        others = rows[:start], rows[start + send[self.rank] :]  # its own do not travel
        with self._waiting(self.exchanged, *others):
            dist.all_to_all_single(found, rows.contiguous(), receive, send)
        return found

    def collect(self, value: Any) -> list[Any]:
        """Return what each process has given, in the order of the processes."""
        found: list[Any] = [None] * self.size
        with self._waiting(Sent()):
            dist.all_gather_object(found, value)
        return found

    def check_same(self, what: str, value: str) -> None:
        """Raise DataError, in every process, unless all of them have given the same text."""
        found = self.collect(value)
        if len(set(found)) > 1:
            given = " and ".join(dict.fromkeys(found))
            raise DataError(f"{what} must be the same in all processes, got {given}")

    @contextlib.contextmanager
    def _waiting(self, sent: Sent, *buffers: torch.Tensor) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except RuntimeError as error:  # gloo and nccl have no class of their own for it
            raise LostProcessError(
                f"process {self.rank} of {self.size} has lost another one: it has ended, or has "
                f"not answered within {self.timeout:g} seconds. This one ends too; started again, "
                f"they go on from the last state that was kept, if one was. "
                f"({str(error).splitlines()[0]})"
            ) from error
        sent.calls += 1
        sent.bytes += sum(one.numel() * one.element_size() for one in buffers)
        sent.seconds += time.perf_counter() - start


def place(local_rank: int) -> tuple[str, str]:
    """Return where a process computes, and what sends its numbers: the one place that decides it.

    Parameters
    ----------
    local_rank : int
        The number of the process on its machine.

    Returns
    -------
    device, backend : str
        A graphics card for each process and ``"nccl"`` where PyTorch finds CUDA, else ``"cpu"`` and
        ``"gloo"``.

    Raises
    ------
    ValueError
        If there are fewer graphics cards than processes.
    """
    if not torch.cuda.is_available():
        return "cpu", "gloo"
    cards = torch.cuda.device_count()
    if local_rank >= cards:
        raise ValueError(f"n_processes must be at most {cards} on a machine with {cards} cards")
    return f"cuda:{local_rank}", "nccl"


@contextlib.contextmanager
def joined(timeout: float = 300) -> Iterator[Group]:
    """Join the processes that ``torchrun`` or `launch` has started, and leave them at the end.

    A process ends with the one that started it, however that ended.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the others, more than the longest that one of them computes alone.

    Raises
    ------
    DataError
        If this process was started by neither.
    LostProcessError
        If not all processes come within `timeout`.
    """
    timeout = check_real("timeout", timeout, 0.1)
    missing = [name for name in NEEDED if name not in os.environ]
    if missing:
        raise DataError(
            f"the environment must say which process this is, and {', '.join(missing)} is not in "
            "it: start it by python -m torch.distributed.run --standalone --nproc-per-node 2 -m ..."
        )
    _end_with_parent()
    _stay_on_this_machine()
    device, backend = place(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        wait = timedelta(seconds=timeout)
        store, rank, size = next(rendezvous("env://", timeout=wait))
        dist.init_process_group(
            backend, store=_new_part(store), rank=rank, world_size=size, timeout=wait
        )
    except RuntimeError as error:
        raise LostProcessError(
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} has not met the others "
            f"within {timeout:g} seconds ({str(error).splitlines()[0]})"
        ) from error
    try:
        yield Group(device, timeout)
    finally:
        dist.destroy_process_group()


def launch(
    n_processes: int,
    function: Callable[..., Any],
    *arguments: Any,
    timeout: float = 300,
    restarts: int = 0,
) -> list[Any]:
    """Start processes on this machine; return what ``function(group, *arguments)`` gave in each.

    They talk over the loopback interface, by a port that is free, and compute on one thread each.

    Parameters
    ----------
    n_processes : int
    function : callable
        Of a module, by its name: each process imports it. So in a script the call of `launch`
        stands below ``if __name__ == "__main__":``.
    arguments
        What pickle can send: numbers, text, arrays, interactions, models and such. So must be what
        the function returns.
    timeout : float
        As in `joined`.
    restarts : int
        How often all processes are started again when one is lost.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one that is allowed; TypeError also if function, one of the arguments
        or a result cannot be sent. It says which.
    LostProcessError
        If a process has failed or was killed, and no restart is left. The others have ended then.
    """
    n_processes = check_int("n_processes", n_processes, minimum=1)
    timeout = check_real("timeout", timeout, 0.1)
    restarts = check_int("restarts", restarts)
    if not callable(function):
        raise TypeError(f"function must be a function of a module, got {function!r}")
    given = {"function": function} | {f"arguments[{n}]": one for n, one in enumerate(arguments)}
    packed = {name: _packed(name, one) for name, one in given.items()}
    with tempfile.TemporaryDirectory() as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=n_processes,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",  # a free port
            local_addr="127.0.0.1",
            max_restarts=restarts,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            signals_to_handle="SIGTERM",  # Ctrl-C stays the caller's
            shutdown_timeout=5,
        )
        try:
            with _callers_signals():
                found = elastic_launch(config, _work)(packed, timeout)
        except ChildFailedError as error:
            raise LostProcessError(_told(error, n_processes)) from None
    refused = [one for one in found.values() if isinstance(one, str)]
    if refused:
        raise TypeError(refused[0])
    return [_unpacked(f"the result of process {n}", found[n]) for n in range(n_processes)]


def _work(packed: dict[str, bytes], timeout: float) -> bytes | str:
    """What each process does; returns its packed result, or why that cannot be had.

    All is packed here, and not by the agent, which would say of what cannot be sent only that a
    process has failed.
    """
    torch.set_num_threads(1)
    try:
        function, *arguments = (_unpacked(name, one) for name, one in packed.items())
    except TypeError as refused:  # by every process, before they meet
        return str(refused)
    with joined(timeout) as group:
        found, name = function(group, *arguments), f"the result of process {group.rank}"
    try:
        return _packed(name, found)
    except TypeError as refused:
        return str(refused)


def _packed(name: str, value: object) -> bytes:
    """Return a value as bytes, or raise TypeError, which says what cannot be sent and why."""
    try:
        return pickle.dumps(value)
    except Exception as error:  # a class may have one of its own
        raise _unsendable(name, error, f"{value!r:.{SHOWN}}") from None


def _unpacked(name: str, packed: bytes) -> Any:
    """Return the value of some bytes, or raise TypeError."""
    try:
        return pickle.loads(packed)
    except Exception as error:
        raise _unsendable(name, error, "one that cannot be unpickled there") from None


def _unsendable(name: str, error: Exception, given: str) -> TypeError:
    wanted = FUNCTION if name == "function" else VALUE
    return TypeError(f"{name} must be {wanted}, got {given} ({type(error).__name__}: {error})")


def _told(error: ChildFailedError, n_processes: int) -> str:
    """Return what happened to the process that failed first; a signal is the best clue."""
    failures: list[tuple[int, ProcessFailure]] = sorted(error.failures.items())
    killed = [one for one in failures if one[1].exitcode < 0]
    rank, failure = (killed or [error.get_first_failure()])[0]
    if failure.exitcode < 0:
        what = f"was killed by {failure.signal_name()}"
    else:
        message = failure.message
        if isinstance(message, dict):  # as PyTorch's error files have it
            message = message.get("message", message)
        what = f"failed: {message}"
    return f"process {rank} of {n_processes} {what}; the others were ended"


@contextlib.contextmanager
def _callers_signals() -> Iterator[None]:
    """Let the agent handle SIGTERM while it runs, and give it back to the caller."""
    mine = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, before)


def _new_part(store: dist.Store) -> dist.Store:
    """Return the part of a store that belongs to this start of the processes.

    An agent that starts its processes again keeps the store in which they tell each other where
    they are, and a process may find there the address of one that is gone. With agents on several
    machines the count of starts may differ, and the store is taken as it is.
    """
    if not _on_one_machine():
        return store
    return dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _on_one_machine() -> bool:
    return os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]


def _end_with_parent() -> None:
    """End this process when the one that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)  # the main thread may wait for ever

    threading.Thread(target=watch, daemon=True).start()


def _stay_on_this_machine() -> None:
    """Let gloo use the loopback interface where all processes are on one machine."""
    if not _on_one_machine():
        return
    names = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    if names:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", names[0])
