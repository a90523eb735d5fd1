r"""Many processes train one network: the same loop, the same numbers.

.. code-block:: console

    $ python -m torch.distributed.run --standalone --nproc-per-node 2 \
          -m recsys_lib.scale.processes ratings.npz model.npz --state run.state --set factors=16

Every process has the whole network and draws the same samples from the same seed. Of each batch it
takes its share, and the gradients of all shares are added up before the step:

.. math::

    \nabla \frac1n \sum_{s=1}^{n} \ell_s = \sum_{p=1}^{P} \nabla \frac1n \sum_{s \in S_p} \ell_s

So the step is that of one process, rounding apart, however unequal the shares are.

The library's `training.loop` and `NetworkModel._epochs` run as they are; only `_step` is another.
PyTorch's DistributedDataParallel (Li et al. 2020) is not used, for it takes the *mean* over the
processes, which is right only where all shares are equal, and the last batch of an epoch seldom is
divisible; it renames the parameters; and what it does better, sending a layer's gradients while
those of the layer below are worked out, is of no use where nearly all numbers are in the lowest
layer, the embeddings. That its gradients are the same where the shares are equal is tested.
"""

import argparse
import ast
import hashlib
import io
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, dropout

from recsys_lib import data, models
from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.files import atomic_write
from recsys_lib.models.network import NetworkModel, NetworkRun
from recsys_lib.models.training import Row, Watch
from recsys_lib.scale.group import Group, LostProcessError, joined
from recsys_lib.validation import DataError, check_choice, check_int

KINDS = ("GMF", "MLP", "NeuMF")
TYPES = {"float32": torch.float32, "float64": torch.float64}


def train(
    group: Group,
    model: NetworkModel,
    interactions: Interactions,
    *,
    state: str | os.PathLike | None = None,
    dtype: str = "float32",
    watch: Watch | None = None,
) -> NetworkModel:
    """Fit a model by all processes of a group; call it in each of them with the same arguments.

    Parameters
    ----------
    group : Group
    model : NetworkModel
        `NeuMF` or another one; it is not changed. Its `batch_size` is that of all processes
        together, its `device` that of the model returned.
    interactions : Interactions
        The training set.
    state : path, optional
        A file that all processes can read. After every epoch the first writes to it all that the
        next epoch depends on; if it is there, training goes on from it, to the same numbers bit for
        bit. With another number of processes it does too, to the same numbers but for rounding.
    dtype : {"float32", "float64"}
        What is computed in; the model returned has float32.
    watch : callable, optional
        As in `training.EpochModel.fit`. Every process calls it, and it must return the same in all.

    Returns
    -------
    NetworkModel
        A fitted model of the same class, equal in all processes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one that is allowed, or the batch is smaller than the group.
    DataError
        If the state is damaged or belongs to another run, or the processes were given different
        things.
    LostProcessError
        If another process has ended or does not answer.
    """
    check_interactions("interactions", interactions)
    own = parallel(group, model, dtype, state)
    own.fit(interactions, watch=watch, progress=None if group.rank == 0 else False)
    fitted = type(model)(**model.parameters)
    learned = {k: v for k, v in vars(own).items() if k.endswith("_") and k != "network_"}
    vars(fitted).update(learned)
    fitted._build(own._weights())
    return fitted


def parallel(
    group: Group,
    model: NetworkModel,
    dtype: str = "float32",
    state: str | os.PathLike | None = None,
) -> "DataParallel":
    """Return an unfitted model with the hyperparameters of `model` that a group fits together."""
    if not isinstance(model, NetworkModel):
        raise TypeError(f"model must be a NetworkModel such as NeuMF(), got {model!r}")
    return _derived(DataParallel, group, model, dtype, state)


def _derived(
    base: type["DataParallel"],
    group: Group,
    model: NetworkModel,
    dtype: str,
    state: str | os.PathLike | None = None,
) -> Any:
    check_choice("dtype", dtype, TYPES)
    if model.batch_size < group.size:
        raise ValueError(
            f"batch_size must be at least {group.size}, one sample for each process, got "
            f"{model.batch_size}"
        )
    inside = {
        "group": group,
        "dtype": TYPES[dtype],
        "state_file": None if state is None else Path(state),
    }
    kind = type(f"Parallel{type(model).__name__}", (base, type(model)), inside)
    return kind(**model.parameters | {"device": group.device})


class DataParallel(NetworkModel):
    """What makes a network model of the library one that a group of processes trains.

    `parallel` puts it before the model's class, and sets:

    Attributes
    ----------
    group : Group
    dtype : torch.dtype
    state_file : Path or None
    """

    group: Group
    dtype: torch.dtype
    state_file: Path | None

    def _network(self, n_users: int, n_items: int) -> nn.Module:
        network = super()._network(n_users, n_items)  # type: ignore[safe-super]
        for module in list(network.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.Dropout):
                    setattr(module, name, DropoutOfAShare(child.p))
        return network.to(self.dtype)

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        users: torch.Tensor,
        items: torch.Tensor,
        labels: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step from the gradients of all shares; return what one process would."""
        n, rows = len(users), share(len(users), self.group.rank, self.group.size)
        for module in self.network_.modules():
            if isinstance(module, DropoutOfAShare):
                module.share = n, rows
        logits, labels = self.network_(users[rows], items[rows]), labels[rows].to(self.dtype)
        loss = binary_cross_entropy_with_logits(logits, labels, reduction="sum") / n
        loss.backward()
        right = ((logits > 0) == (labels > 0)).sum()
        loss, right = self._add_up(loss.detach(), right)
        optimizer.step()
        optimizer.zero_grad()
        return loss, right

    def _add_up(self, loss: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace the gradients by their sums over the processes; return the other two sums."""
        parameters = self._added_up()
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        *sums, loss, right = self.group.add_up([*parts, loss, right.to(self.dtype)])
        for parameter, one in zip(parameters, sums, strict=True):
            parameter.grad = one
        return loss, right.long()

    def _added_up(self) -> list[nn.Parameter]:
        """Return the parameters whose gradients every process has a part of."""
        return list(self.network_.parameters())

    # ------------------------------------------------------------- the state after each epoch

    def _fit(
        self,
        train: Interactions,
        run: Any = None,
        watch: Watch | None = None,
        progress: bool | None = None,
    ) -> None:
        run = self._start(train) if run is None else run
        made_by = self._made_by(train)
        if self.state_file is not None:
            self._go_on(run, made_by)
        self.group.check_same("what is trained", f"{made_by}, epoch {len(run.rows)}")
        super()._fit(train, run, watch, progress)
        self._keep(run, made_by)

    def _epochs(self, train: Interactions, run: NetworkRun) -> Iterator[Row]:
        made_by = self._made_by(train)
        for row in super()._epochs(train, run):
            yield row
            self._keep(run, made_by)  # the loop has noted the row, and asks for the next one

    def _made_by(self, train: Interactions) -> dict[str, str]:
        """Return what a run depends on, the number of processes apart."""
        rows = hashlib.sha256(train.user.tobytes() + train.item.tobytes()).hexdigest()
        settings = {k: v for k, v in self.parameters.items() if k != "device"}
        return {
            "model": f"{type(self).__name__.removeprefix('Parallel')} {settings} {self.dtype}",
            "data set": f"{train.name}, {len(train)} rows {rows[:16]}, {train.vocabulary}",
        }

    def _keep(self, run: NetworkRun, made_by: dict[str, str]) -> None:
        """Write the state whole or not at all: the first process, which has what all have."""
        if self.state_file is None or self.group.rank > 0:
            return
        held = run.state()
        if held["best"] is not None:
            epoch, value, weights = held["best"]
            held["best"] = epoch, value, {k: torch.as_tensor(v) for k, v in weights.items()}
        state = {"made_by": made_by, "run": held, "network": self.network_.state_dict()}
        with atomic_write(self.state_file) as file:
            torch.save(state, file)

    def _go_on(self, run: NetworkRun, made_by: dict[str, str]) -> None:
        """Set weights and run to those of the state, if there is one."""
        path = self.state_file
        state = read_state(path) if path is not None and path.exists() else None
        # nobody may write before everybody has read
        self.group.collect(None)
        if state is None:
            return
        for what, wanted in made_by.items():
            if state["made_by"][what] != wanted:
                raise DataError(
                    f"{path} holds the state of another {what}: "
                    f"{state['made_by'][what]}, not {wanted}. Give another file, or delete this one"
                )
        held = state["run"]
        if held["best"] is not None:
            epoch, value, weights = held["best"]
            held["best"] = epoch, value, {k: v.numpy() for k, v in weights.items()}
        self.network_.load_state_dict(state["network"])
        run.set_state(held)


class DropoutOfAShare(nn.Dropout):
    """Dropout of some rows of a batch as it would be if the whole batch were here.

    Every process draws for all rows, from the same random numbers, and uses those of its own.
    """

    share: tuple[int, slice] = (0, slice(0))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the rows, some of their numbers set to 0 and the others enlarged."""
        if not self.training:
            return input
        n, rows = self.share
        return input * dropout(input.new_ones(n, *input.shape[1:]), self.p)[rows]


def share(n: int, rank: int, size: int) -> slice:
    """Return the rows of a batch of n that a process takes; shares differ by one at most.

    Examples
    --------
    >>> from recsys_lib.scale.processes import share
    >>> [share(7, rank, 3) for rank in range(3)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
    """
    return slice(n * rank // size, n * (rank + 1) // size)


def step_losses(model: NetworkModel, interactions: Interactions, steps: int) -> list[float]:
    """Return the loss of each of the first steps of a fit, whichever way the model takes them."""
    steps = check_int("steps", steps, minimum=1)
    losses: list[float] = []
    step = model._step

    def noted(*given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        loss, right = step(*given)
        losses.append(float(loss))
        if len(losses) == steps:
            raise _Enough
        return loss, right

    model._step = noted  # type: ignore[assignment, method-assign]
    try:
        for _ in model._epochs(interactions, model._start(interactions)):
            pass
    except _Enough:
        del model._step  # the class has its own
    return losses


class _Enough(Exception):
    """Ends an endless run."""


def read_state(path: str | os.PathLike) -> dict[str, Any]:
    """Return what is in a file of a state. Raises DataError if it is damaged or something else."""
    whole = io.BytesIO(Path(path).read_bytes())
    try:
        found = torch.load(whole, map_location="cpu", weights_only=True)  # runs nothing of the file
        if not isinstance(found, dict) or found.keys() != {"made_by", "run", "network"}:
            raise RuntimeError("it holds other things")
    except (RuntimeError, EOFError, OSError, LookupError, ValueError, pickle.PickleError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} is damaged or not the state of a run: {first}") from None
    return found


# ----------------------------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    """Run the command in one of the processes; returns the exit status."""
    given = _arguments(arguments)
    try:
        with joined(given.timeout) as group:
            model = getattr(models, given.model)(**dict(given.set))
            ratings = _read(given.data)
            fitted = train(group, model, ratings, state=given.state, dtype=given.dtype)
            if group.rank == 0:
                fitted.save(given.file)
                last = fitted.history_.iloc[-1]
                print(f"wrote {given.file}: {fitted!r}, loss {last['loss']:.4f}")
    except (LostProcessError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m torch.distributed.run --standalone --nproc-per-node 2 "
        "-m recsys_lib.scale.processes",
        description="Fit a network by several processes.",
    )
    parser.add_argument("data", help="a data set's name, or an .npz that Interactions.save wrote")
    parser.add_argument("file", help="where the fitted model is written")
    parser.add_argument("--model", choices=KINDS, default="NeuMF")
    parser.add_argument(
        "--set", nargs="*", default=[], type=_setting, metavar="NAME=VALUE", help="hyperparameters"
    )
    parser.add_argument("--state", help="a file to go on from, written after every epoch")
    parser.add_argument("--dtype", choices=TYPES, default="float32")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for others")
    return parser.parse_args(arguments)


def _read(name: str) -> Interactions:
    return Interactions.load(name) if name.endswith(".npz") else data.load(name)


def _setting(text: str) -> tuple[str, Any]:
    """Return name and value of ``factors=16`` or ``layers=(64,32)``."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


if __name__ == "__main__":
    sys.exit(main())
