"""What data parallel training sends, and how many samples a second it gets through.

A step of one process takes :math:`a n + b`: a for each of the n samples of the batch (forward and
backward), b for what grows with the parameters and not with the batch (Adam's step goes through all
of them). P processes take :math:`a n / P + b + c`, where c is the time to add up the gradients of
all parameters. So they are slower while :math:`a n (1 - 1/P) < c`, and the larger the batch, the
more they gain.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from recsys_lib.models.network import NetworkModel, is_embedding
from recsys_lib.scale.group import Group, Sent, launch
from recsys_lib.scale.processes import DataParallel, parallel
from recsys_lib.validation import check_int


def ring_bytes(n_numbers: int, n_processes: int, itemsize: int = 4) -> float:
    r"""Return the bytes that each process sends when n numbers are added up in a ring.

    The numbers are cut into P parts. In P - 1 rounds each process sends one part on to its
    neighbor, who adds its own: then each has the sum of one part. In P - 1 further rounds the sums
    go round. So each sends :math:`2 \frac{P-1}{P}` times the numbers, less than twice however many
    processes there are (Patarasu and Yuan 2009: no algorithm sends less). In a binary tree, the
    numbers go up to the root and the sum comes down: an inner process sends all of them three
    times, in about :math:`2 \log_2 P` rounds in place of :math:`2 (P - 1)`.

    Examples
    --------
    >>> from recsys_lib.scale.scaling import ring_bytes
    >>> ring_bytes(1_000_000, 2), ring_bytes(1_000_000, 8)
    (4000000.0, 7000000.0)
    """
    n_numbers = check_int("n_numbers", n_numbers)
    n_processes = check_int("n_processes", n_processes, minimum=1)
    return 2 * (n_processes - 1) / n_processes * n_numbers * check_int("itemsize", itemsize, 1)


def sent(
    model: NetworkModel, shape: tuple[int, int], n_processes: int, itemsize: int = 4
) -> dict[str, float]:
    """Return what a step of data parallel training sends, and how little of it says anything.

    Parameters
    ----------
    model : NetworkModel
    shape : (int, int)
        Users and items.
    n_processes : int
    itemsize : int
        Bytes of a number: 4 of float32, 8 of float64.

    Returns
    -------
    dict
        ``parameters`` and, of them, ``embeddings``; ``touched``: the most of the embeddings that a
        batch can have a gradient of that is not 0; ``added_up``: the bytes that each process hands
        over (loss and accuracy are two numbers more); ``bytes``: those that it sends in a ring.

    Examples
    --------
    >>> from recsys_lib.models import GMF
    >>> from recsys_lib.scale.scaling import sent
    >>> found = sent(GMF(factors=8, batch_size=256), (100_000, 50_000), n_processes=2)
    >>> found["parameters"], found["embeddings"], found["touched"], found["bytes"]
    (1200009, 1200000, 4096, 4800044.0)
    """
    with torch.device("meta"):  # shapes without numbers
        named = list(model._network(*shape).named_parameters())
    tables = [p for name, p in named if is_embedding(name)]
    parameters = sum(p.numel() for _, p in named)
    numbers = parameters + 2
    return {
        "parameters": parameters,
        "embeddings": sum(p.numel() for p in tables),
        "touched": sum(min(len(p), model.batch_size) * p.shape[1] for p in tables),
        "added_up": numbers * itemsize,
        "bytes": ring_bytes(numbers, n_processes, itemsize),
    }


def scaling(
    batch_sizes: Sequence[int],
    model: NetworkModel,
    shape: tuple[int, int],
    n_processes: Sequence[int] = (1, 2),
    *,
    seconds: float = 2.0,
    timeout: float = 300,
) -> list[dict[str, Any]]:
    """Measure how many samples a second several processes get through, by size of the batch.

    Every number of processes is measured in turn, each process on one thread, with random users
    and items. Drawing the samples, which every process does for all, is not in the time.

    Parameters
    ----------
    batch_sizes : sequence of int
        Samples in a step of all processes together.
    model : NetworkModel
        Its other settings, such as `factors`.
    shape : (int, int)
        Users and items.
    n_processes : sequence of int
    seconds : float
        How long each is measured, about; at least 3 steps.
    timeout : float
        As in `group.joined`.

    Returns
    -------
    list of dict
        One for each number of processes and each size of the batch: ``n_processes``,
        ``batch_size``, ``steps`` measured, ``samples_per_second``, and milliseconds of a step:
        ``step``, and in it ``compute`` (forward and backward), ``sending`` (to pack the gradients
        and to wait for the others included) and ``update`` (the optimizer's step); the means over
        the processes. And ``bytes`` handed over by each process in a step.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one that is allowed.
    LostProcessError
        As in `group.launch`.
    """
    numbers = [check_int("n_processes", one, minimum=1) for one in n_processes]
    sizes = [check_int("batch_sizes", one, minimum=max(numbers, default=1)) for one in batch_sizes]
    found = []
    for n in numbers:
        found += launch(n, measured, model, shape, sizes, seconds, timeout=timeout)[0]
    return found


def measured(
    group: Group,
    model: NetworkModel,
    shape: tuple[int, int],
    batch_sizes: Sequence[int],
    seconds: float,
) -> list[dict[str, Any]]:
    """Measure one group, as `scaling` has it; in each of its processes."""
    own = parallel(group, type(model)(**model.parameters | {"batch_size": max(batch_sizes)}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(model.seed)
        own.network_ = own._network(*shape).to(own.device)
    optimizer = own._optimizer(max(batch_sizes))
    return [_of_a_batch(group, own, optimizer, shape, n, seconds) for n in batch_sizes]


def _of_a_batch(
    group: Group,
    own: DataParallel,
    optimizer: torch.optim.Optimizer,
    shape: tuple[int, int],
    batch_size: int,
    seconds: float,
) -> dict[str, Any]:
    draw = torch.Generator().manual_seed(0)
    users, items = (torch.randint(n, (batch_size,), generator=draw) for n in shape)
    labels = (torch.rand(batch_size, generator=draw) < 0.2).float()
    batch = [one.to(own.device) for one in (users, items, labels)]
    own.network_.train()
    for _ in range(2):  # the first steps make what the others find
        start = time.perf_counter()
        own._step(optimizer, *batch)
        once = time.perf_counter() - start
    steps = max(3, int(seconds / max(group.collect(once))))  # the same in all processes
    group.added = Sent()
    group.collect(None)  # all begin together
    with _timed(optimizer) as update:
        start = time.perf_counter()
        for _ in range(steps):
            own._step(optimizer, *batch)
        whole = time.perf_counter() - start
    everybody = group.collect((whole, group.added.seconds, update.seconds))
    step, sending, updating = (
        1000 * sum(each) / group.size / steps for each in zip(*everybody, strict=True)
    )
    return {
        "n_processes": group.size,
        "batch_size": batch_size,
        "steps": steps,
        "samples_per_second": 1000 * batch_size / step,
        "step": step,
        "compute": step - sending - updating,
        "sending": sending,
        "update": updating,
        "bytes": group.added.bytes // steps,
    }


@contextlib.contextmanager
def _timed(optimizer: torch.optim.Optimizer) -> Iterator[Sent]:
    """Add up the seconds that an optimizer's steps take."""
    spent = Sent()

    def before(*_: Any) -> None:
        spent.seconds -= time.perf_counter()

    def after(*_: Any) -> None:
        spent.seconds += time.perf_counter()

    hooks = optimizer.register_step_pre_hook(before), optimizer.register_step_post_hook(after)
    try:
        yield spent
    finally:
        for hook in hooks:
            hook.remove()
