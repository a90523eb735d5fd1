r"""Tables of embeddings split by rows over processes.

.. code-block:: console

    $ python -m torch.distributed.run --standalone --nproc-per-node 2 -m recsys_lib.scale.sharded

Data parallel training sends a gradient for every row of every table, although a batch touches few,
and each process holds all rows. A table that is split by rows is held once: row r lives in process
r mod P. A process that looks up rows sends their numbers to the owners and gets the rows back (two
exchanges of all with all); in the backward pass the gradients of these rows go to the owners, who
add up what came from all processes and take the step. Nothing is sent of a row that no sample has.
The layers above the tables are small and stay as in `processes.DataParallel`.

TorchRec (Ivchenko et al. 2022) is PyTorch's library for this, on many machines. Its
``DistributedModelParallel`` wraps a model, and a planner chooses for each table, from its size and
the machines' memory and network, how it is split: *table-wise* (whole, in one process), *row-wise*
(ranges of rows, as here), *column-wise* (some numbers of every row) or combinations of these, with
small tables *data parallel* as all else. Its kernels look up many tables at once, and a *fused
optimizer* takes the step of a row in the backward pass, so that the gradient of a table never
exists. Here the owner's gradient is an array as large as its rows, and Adam's step goes through all
of them: so that the numbers are those of one table.
"""

import argparse
import sys
from typing import Any

import torch
from torch import nn
from torch.nn.functional import embedding

from recsys_lib.data.interactions import Interactions, check_interactions
from recsys_lib.models.network import NetworkModel, is_embedding
from recsys_lib.scale.group import Group, LostProcessError, joined
from recsys_lib.scale.processes import DataParallel, _derived, share
from recsys_lib.validation import check_int


class ShardedEmbedding(nn.Module):
    """One process's rows of a table of embeddings, and the lookup of any row.

    All processes of the group call it together, each with ids of its own (or none), and all go
    through its backward pass together.

    Parameters
    ----------
    table : nn.Embedding
        The whole table; row r is kept in process r mod P. (A table that fits nowhere whole would be
        drawn where its rows live.)
    group : Group

    Attributes
    ----------
    weight : nn.Parameter, shape (rows of this process, embedding_dim)
    """

    def __init__(self, table: nn.Embedding, group: Group):
        super().__init__()
        self.num_embeddings, self.embedding_dim = table.weight.shape
        self.group = group
        self.weight = nn.Parameter(table.weight.detach()[group.rank :: group.size].clone())

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the rows of some ids, shape (len(ids), embedding_dim)."""
        size = self.group.size
        wanted, place = torch.unique(ids.long(), return_inverse=True)  # each row is sent once
        order = torch.argsort(wanted % size, stable=True)  # those of process 0 first
        ask = torch.bincount(wanted % size, minlength=size)
        asked = self.group.exchange(ask, [1] * size, [1] * size)
        counts = ask.tolist(), asked.tolist()
        own = self.group.exchange(wanted[order], *counts) // size
        rows = Exchange.apply(embedding(own, self.weight), *reversed(counts), self.group)
        return rows[torch.argsort(order)][place]

    def whole(self) -> torch.Tensor:
        """Return the whole table, put together from all processes."""
        table = self.weight.new_empty(self.num_embeddings, self.embedding_dim)
        for rank, rows in enumerate(self.group.collect(self.weight.detach())):
            table[rank :: self.group.size] = rows
        return table


class Exchange(torch.autograd.Function):
    """`Group.exchange` of rows; the gradients go back the way that the rows came."""

    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, send: list[int], receive: list[int], group: Group
    ) -> torch.Tensor:
        """Return the rows that the other processes sent."""
        ctx.back = receive, send, group
        return group.exchange(rows, send, receive)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of the rows that were sent."""
        send, receive, group = ctx.back
        return group.exchange(gradient, send, receive), None, None, None


def shard(network: nn.Module, group: Group) -> nn.Module:
    """Put a `ShardedEmbedding` in the place of every embedding of a network; return it."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Embedding):
                setattr(module, name, ShardedEmbedding(child, group))
    return network


class ShardedTables(DataParallel):
    """Data parallel training with the embeddings split by rows."""

    def _network(self, n_users: int, n_items: int) -> nn.Module:
        return shard(super()._network(n_users, n_items), self.group)

    def _added_up(self) -> list[nn.Parameter]:
        named = self.network_.named_parameters()
        return [parameter for name, parameter in named if not is_embedding(name)]

    def whole_weights(self) -> dict[str, torch.Tensor]:
        """Return the weights of the network of one process, by name, in every process."""
        found = {name: p.detach() for name, p in self.network_.named_parameters()}
        for name, module in self.network_.named_modules():
            if isinstance(module, ShardedEmbedding):
                found[f"{name}.weight"] = module.whole()
        return found


def sharded(group: Group, model: NetworkModel, dtype: str = "float32") -> ShardedTables:
    """Return an unfitted model like `model` that a group trains with its tables split by rows."""
    return _derived(ShardedTables, group, model, dtype)


def train_sharded(
    group: Group, model: NetworkModel, interactions: Interactions, *, dtype: str = "float32"
) -> NetworkModel:
    """Fit a model with its tables split by rows; call it in each process with the same arguments.

    Parameters, what is returned and what is raised are as in `processes.train`. No state is kept,
    and nothing can be watched: a score of all items would need all rows in one place.
    """
    check_interactions("interactions", interactions)
    own = sharded(group, model, dtype)
    own.fit(interactions, progress=None if group.rank == 0 else False)
    fitted = type(model)(**model.parameters)
    learned = {k: v for k, v in vars(own).items() if k.endswith("_") and k != "network_"}
    vars(fitted).update(learned)
    fitted._build({name: one.cpu().numpy() for name, one in own.whole_weights().items()})
    return fitted


def compare(
    group: Group, n_rows: int = 10_000, size: int = 16, batch_size: int = 256, seed: int = 0
) -> dict[str, float]:
    """Take one step of Adam with one table and with a split one; return how far they are apart.

    The loss is the mean square of what is between the rows of a batch and random targets.

    Parameters
    ----------
    group : Group
    n_rows : int
        Of the table, which is float64.
    size : int
        Numbers in a row.
    batch_size : int
        Rows looked up by all processes together, drawn with repetition.
    seed : int

    Returns
    -------
    dict
        ``forward``, ``gradient`` and ``step``: the largest difference of a number in any process.
        ``bytes`` that the process which handed over most has sent, and ``bytes_added_up``: those of
        the gradient of the whole table, which data parallel training hands over.
    """
    n_rows, size = check_int("n_rows", n_rows, minimum=1), check_int("size", size, minimum=1)
    batch_size = check_int("batch_size", batch_size, minimum=1)
    draw = torch.Generator().manual_seed(check_int("seed", seed))
    table = nn.Embedding.from_pretrained(
        torch.randn(n_rows, size, generator=draw, dtype=torch.float64), freeze=False
    ).to(group.device)
    split = ShardedEmbedding(table, group)
    ids = torch.randint(n_rows, (batch_size,), generator=draw).to(group.device)
    targets = torch.randn(batch_size, size, generator=draw, dtype=torch.float64).to(group.device)

    group.exchanged.bytes = 0
    own, kept = share(batch_size, group.rank, group.size), slice(group.rank, None, group.size)
    rows = _stepped(table, ids, targets, batch_size)
    found = _stepped(split, ids[own], targets[own], batch_size)
    sent = group.exchanged.bytes
    assert table.weight.grad is not None
    assert split.weight.grad is not None
    apart = {
        "forward": _apart(found, rows[own]),
        "gradient": _apart(split.weight.grad, table.weight.grad[kept]),
        "step": _apart(split.weight, table.weight[kept]),
        "bytes": sent,
    }
    everybody = group.collect(apart)
    most = {name: max(one[name] for one in everybody) for name in apart}
    return most | {"bytes_added_up": table.weight.numel() * table.weight.element_size()}


def _stepped(
    table: nn.Module, ids: torch.Tensor, targets: torch.Tensor, batch_size: int
) -> torch.Tensor:
    """Take a step of Adam; return the rows before it."""
    optimizer = torch.optim.Adam(table.parameters(), lr=0.1, weight_decay=0.01)
    rows = table(ids)
    ((rows - targets).square().sum() / batch_size).backward()
    optimizer.step()
    return rows.detach()


def _apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).detach().abs().max()) if a.numel() else 0.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command in one of the processes; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m torch.distributed.run --standalone --nproc-per-node 2 "
        "-m recsys_lib.scale.sharded",
        description="Compare a table that is split by rows over processes with a whole one.",
    )
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=16, help="numbers in a row")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds to wait for others")
    given = parser.parse_args(arguments)
    try:
        with joined(given.timeout) as group:
            found = compare(group, given.rows, given.size, given.batch_size)
            if group.rank == 0:
                for name, value in found.items():
                    print(f"{name:15} {value:.4g}")
    except (LostProcessError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
