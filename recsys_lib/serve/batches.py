"""Requests that come at the same time are answered by one product.

A product of one user's vector and the matrix of all items reads the whole matrix for one list. A
product with the vectors of 20 users reads it once as well, and so takes far less than 20 times as
long. So while one batch is computed, in a thread of its own, the requests that come wait, and make
up the next one. Nobody waits for a batch to become full: on an idle machine it is one request. (On
such batching, with and without a delay: Crankshaw et al. 2017, Clipper, NSDI.)
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from recsys_lib.serve.served import Served

Lists: TypeAlias = tuple[np.ndarray, np.ndarray]  # items and scores, a row for each list
AT_ONCE = 32  # lists in one product, at most: a longer one would let the next wait too long


@dataclass
class _Asked:
    served: Served
    index: int
    k: int
    answer: "asyncio.Future[Lists]"


class Batches:
    """Collects what is asked while it computes, and computes it together.

    Parameters
    ----------
    compute : callable
        Is called as ``compute(served, indices, k)`` and returns items and scores, a row for each
        index. It runs in a thread, one call at a time.
    at_once : int
        Indices in one call, at most.
    """

    def __init__(
        self, compute: Callable[[Served, list[int], int], Lists], at_once: int = AT_ONCE
    ) -> None:
        self._compute, self._at_once = compute, at_once
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[_Asked] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, served: Served, index: int, k: int) -> Lists:
        """Return items and scores of one user or item, both of shape (k,)."""
        answer: asyncio.Future[Lists] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(served, index, k, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            indices, k = [one.index for one in batch], max(one.k for one in batch)
            try:
                items, scores = await loop.run_in_executor(
                    self._thread, self._compute, batch[0].served, indices, k
                )
            except Exception as error:
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                continue
            for one, best, values in zip(batch, items, scores, strict=True):
                if not one.answer.done():  # its request may have been given up meanwhile
                    one.answer.set_result((best[: one.k], values[: one.k]))

    def _next(self) -> list[_Asked]:
        """Take what waits for one and the same model, but for requests that were given up."""
        batch: list[_Asked] = []
        while self._waiting and len(batch) < self._at_once:
            if batch and self._waiting[0].served is not batch[0].served:
                break
            one = self._waiting.popleft()
            if not one.answer.done():
                batch.append(one)
        return batch

    def close(self) -> None:
        """Take no more; a call that runs is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
