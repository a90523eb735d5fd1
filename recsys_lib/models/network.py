"""What the three networks share: mini-batches, the optimizer, and scoring without gradients."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from recsys_lib.data.interactions import Interactions
from recsys_lib.training import EpochModel, Learner
from recsys_lib.validation import DataError, check_int, check_real

PAIRS = 1 << 18  # scored at a time: some 60 MB of activations


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread: quicker for small matrices, and equal everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class NetworkModel(EpochModel):
    r"""A network that turns a user and an item into a logit, trained by AdamW in mini-batches.

    The loss is the mean over the N samples of an epoch of the binary cross-entropy, plus
    :math:`\frac{\lambda}{2N}` times the squares of the embeddings: as in chapter 6, each user and
    item is penalized once an epoch, however many samples it has. The weights of the layers above
    decay as AdamW has it, apart from the gradient.

    A subclass adds `_network`. Its parameters whose names start with "user_" or "item_" are
    embeddings.

    Parameters
    ----------
    learning_rate : float
        Of AdamW.
    regularization : float
        :math:`\lambda`, for the embeddings.
    weight_decay : float
        AdamW's, for the layers above.
    batch_size : int
        Samples in one step.
    n_negatives, epochs, patience, metric, seed
        As in `training.EpochModel`.
    device : str
        Where PyTorch computes, for example ``"cpu"`` or ``"cuda"``. Only on the CPU does the same
        seed promise the same numbers.

    Attributes
    ----------
    network_ : torch.nn.Module
    history_, best_epoch_, cold_, popularity_
        As in `training.EpochModel`.
    """

    network_: nn.Module

    def _check_network(
        self,
        learning_rate: float,
        regularization: float,
        weight_decay: float,
        batch_size: int,
        init_scale: float,
        device: str,
    ) -> None:
        self.learning_rate = check_real("learning_rate", learning_rate, 0)
        self.regularization = check_real("regularization", regularization, 0)
        self.weight_decay = check_real("weight_decay", weight_decay, 0)
        self.batch_size = check_int("batch_size", batch_size, minimum=1)
        self.init_scale = check_real("init_scale", init_scale, 0)
        self.device = check_device(device)

    @abstractmethod
    def _network(self, n_users: int, n_items: int) -> nn.Module:
        """Return the network with its initial weights, drawn from PyTorch's generator."""

    def _learner(self, train: Interactions) -> Learner:
        return _AdamW(self, train)

    def _fit(self, train: Interactions, valid: Interactions | None) -> None:
        super()._fit(train, valid)
        self.network_.zero_grad(set_to_none=True)  # gradients are as large as what was learnt

    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        logits = np.empty(len(users), dtype=np.float32)
        self.network_.eval()
        with one_thread(), torch.inference_mode():
            for start in range(0, len(users), PAIRS):
                part = slice(start, start + PAIRS)
                pairs = (torch.as_tensor(a[part], device=self.device) for a in (users, items))
                logits[part] = self.network_(*pairs).cpu().numpy()
        return logits

    def _all_logits(self, users: np.ndarray) -> np.ndarray:
        items = np.tile(np.arange(self.n_items_), len(users))
        logits = self._logits(np.repeat(users, self.n_items_), items)
        return logits.reshape(len(users), self.n_items_)

    def _state(self) -> dict[str, object]:
        learnt = super()._state()
        network = learnt.pop("network_")
        return learnt | {f"network_.{k}": v for k, v in arrays_of(network).items()}

    def _set_state(self, arrays: dict[str, np.ndarray]) -> None:
        weights = {key: arrays.pop(key) for key in list(arrays) if key.startswith("network_.")}
        super()._set_state(arrays)
        with torch.random.fork_rng(devices=[]):
            self.network_ = self._network(self.n_users_, self.n_items_).to(self.device)
        weights = {key.removeprefix("network_."): array for key, array in weights.items()}
        wanted = {name: tuple(p.shape) for name, p in self.network_.named_parameters()}
        found = {name: array.shape for name, array in weights.items()}
        if wanted != found:
            raise DataError(f"a saved {type(self).__name__} needs weights {wanted}, found {found}")
        set_arrays(self.network_, weights)


class _AdamW(Learner):
    def __init__(self, model: NetworkModel, train: Interactions):
        super().__init__(model, train)
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(model.seed)
            model.network_ = model._network(*train.shape).to(model.device)
            self.torch_rng = torch.random.get_rng_state()
        self.optimizer = optimizer(model, self.n_samples)
        self.loss = nn.BCEWithLogitsLoss()

    def epoch(self) -> tuple[float, float]:
        model, n = self.model, self.model.n_negatives
        items = np.column_stack([self.items, self.negatives()]).ravel()
        order = self.rng.permutation(self.n_samples)
        labels = (order % (1 + n) == 0).astype(np.float32)
        columns = np.repeat(self.users, 1 + n)[order], items[order], labels
        users, items, labels = (torch.as_tensor(a, device=model.device) for a in columns)
        loss, right = 0.0, 0
        model.network_.train()
        with one_thread(), torch.random.fork_rng(devices=[]):  # dropout draws from this generator
            torch.random.set_rng_state(self.torch_rng)
            for batch in zip(
                *(a.split(model.batch_size) for a in (users, items, labels)), strict=True
            ):
                one, correct = self._step(*batch)
                loss += one * len(batch[0])
                right += correct
            self.torch_rng = torch.random.get_rng_state()
        return float(loss) / self.n_samples, int(right) / self.n_samples

    def _step(
        self, users: torch.Tensor, items: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model.network_(users, items)
        loss = self.loss(logits, labels)
        self.optimizer.zero_grad(set_to_none=False)  # the gradients are views, and must stay so
        loss.backward()
        self.optimizer.step()
        return loss.detach(), ((logits > 0) == (labels > 0)).sum()

    def weights(self) -> dict[str, np.ndarray]:
        return arrays_of(self.model.network_)

    def memory(self) -> dict[str, np.ndarray]:
        state = self.optimizer.state_dict()["state"]
        found = {"torch_rng": self.torch_rng.numpy()}
        return found | {
            f"{number}/{name}": value.cpu().numpy()
            for number, values in state.items()
            for name, value in values.items()
        }

    def restore(self, weights: dict[str, np.ndarray], memory: dict[str, np.ndarray] | None) -> None:
        set_arrays(self.model.network_, weights)
        if memory is None:
            return
        self.torch_rng = torch.from_numpy(memory.pop("torch_rng"))
        state: dict[int, dict] = {}
        for key, array in memory.items():
            number, _, name = key.partition("/")
            state.setdefault(int(number), {})[name] = torch.from_numpy(array)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def optimizer(model: NetworkModel, n_samples: int) -> torch.optim.Optimizer:
    """Return Adam with an L2 penalty for the embeddings and AdamW for the layers above.

    They differ in where the decay goes, into the gradient or past it (chapter 7), and so PyTorch
    has them as one optimizer with two groups. Each group is one long vector of which the network's
    parameters become views: one update in place of ten.
    """
    groups: dict[bool, list] = {True: [], False: []}
    for name, parameter in model.network_.named_parameters():
        groups[is_embedding(name)].append(parameter)
    penalty = {"weight_decay": model.regularization / n_samples, "decoupled_weight_decay": False}
    decay = {"weight_decay": model.weight_decay, "decoupled_weight_decay": True}
    return torch.optim.Adam(
        [{"params": flat(groups[True]), **penalty}, {"params": flat(groups[False]), **decay}],
        lr=model.learning_rate,
        fused=True,
    )


def flat(parameters: list[nn.Parameter]) -> nn.Parameter:
    """Return one vector that holds all the parameters and their gradients, which become views."""
    vector = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
    vector.grad = torch.zeros_like(vector)
    start = 0
    for p in parameters:
        stop = start + p.numel()
        p.data = vector.data[start:stop].view_as(p)
        p.grad = vector.grad[start:stop].view_as(p)
        start = stop
    return vector


def is_embedding(name: str) -> bool:
    """Whether a parameter of a network holds one row for each user or item."""
    return name.rpartition(".")[0].rpartition(".")[2].startswith(("user_", "item_"))


def embedding(n: int, size: int, scale: float) -> nn.Embedding:
    """Return a table of `n` rows of `size` normal numbers of standard deviation `scale`."""
    table = nn.Embedding(n, size)
    nn.init.normal_(table.weight, std=scale)
    return table


def arrays_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Return the parameters by name; on the CPU as views, which change with the network."""
    return {name: p.detach().cpu().numpy() for name, p in network.named_parameters()}


def set_arrays(network: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Copy arrays into the parameters of the same names."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.as_tensor(arrays[name]))


def check_device(device: object) -> str:
    """Return the name of a device that PyTorch can compute on, or raise."""
    try:
        torch.empty(0, device=torch.device(device)).cpu()
    except (RuntimeError, TypeError, AssertionError, ImportError, ValueError) as error:
        raise ValueError(
            f"device must be one that PyTorch has here, such as 'cpu', got {device!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return str(device)


def check_layers(layers: object) -> tuple[int, ...]:
    """Return the sizes of the layers of a tower, the concatenation first, or raise."""
    try:
        sizes = tuple(check_int("layers", size, minimum=1) for size in layers)
    except TypeError:
        raise TypeError(f"layers must be a sequence of positive integers, got {layers!r}") from None
    if not sizes or sizes[0] % 2:
        raise ValueError(
            "layers must be sizes of which the first is even, half for the user and half for the "
            f"item, got {layers!r}"
        )
    return sizes
