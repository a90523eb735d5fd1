"""What networks share: optimizer, random numbers, saving; batches, those of a user and an item."""

import copy
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Personal
from recsys_lib.models.implicit import ImplicitModel, NegativeSampler, by_user, draw_for_one
from recsys_lib.models.training import EpochModel, Row, Run
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


@dataclass(kw_only=True)
class NetworkRun(Run):
    """A run of a network, which depends on its optimizer and on PyTorch's random numbers too."""

    optimizer: torch.optim.Optimizer
    torch_rng: torch.Tensor

    @contextmanager
    def random_numbers(self) -> Iterator[None]:
        """Let dropout draw from this run's random numbers, and leave the caller's alone."""
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(self.torch_rng)
            yield
            self.torch_rng = torch.random.get_rng_state()

    def state(self) -> dict[str, Any]:
        """Return a copy of everything, which `set_state` takes."""
        optimizer = copy.deepcopy(self.optimizer.state_dict())
        return super().state() | {"optimizer": optimizer, "torch_rng": self.torch_rng.clone()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back, or on, to where another run was."""
        super().set_state(state)
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.torch_rng = state["torch_rng"].clone()


class TorchModel(Personal, EpochModel):
    r"""A model whose weights are those of a network of PyTorch, trained by AdamW in mini-batches.

    The loss is the mean over the N samples of an epoch of the loss of each, plus
    :math:`\frac{\lambda}{2N}` times the squares of the embeddings: as in chapter 6, each user and
    item is penalized once an epoch, however many samples it has. The weights of the layers above
    decay as AdamW has it, apart from the gradient.

    A subclass adds `_network` and `_n_samples` to what `Personal` and `EpochModel` ask for. The
    network's parameters whose names start with "user_" or "item_" are embeddings.

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
    epochs, patience, metric, seed
        As in `training.EpochModel`.
    device : str
        Where PyTorch computes, for example ``"cpu"`` or ``"cuda"``. Only on the CPU does the same
        seed promise the same numbers. A saved or pickled model that is read where its device is
        missing is on the CPU.

    Attributes
    ----------
    network_ : torch.nn.Module
    history_, best_epoch_
        As in `training.EpochModel`.
    cold_, popularity_
        As in `base.Personal`.
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

    @abstractmethod
    def _n_samples(self, train: Interactions) -> int:
        """Return how many samples an epoch has."""

    def _optimizer(self, n_samples: int) -> torch.optim.Optimizer:
        """Return Adam with an L2 penalty for the embeddings and AdamW for the layers above.

        They differ in where the decay goes, into the gradient or past it (chapter 7), and so
        PyTorch has them as one optimizer with two groups.
        """
        groups: dict[bool, list] = {True: [], False: []}
        for name, parameter in self.network_.named_parameters():
            groups[is_embedding(name)].append(parameter)
        penalty = {"weight_decay": self.regularization / n_samples, "decoupled_weight_decay": False}
        decay = {"weight_decay": self.weight_decay, "decoupled_weight_decay": True}
        return torch.optim.Adam(
            [{"params": groups[True], **penalty}, {"params": groups[False], **decay}],
            lr=self.learning_rate,
            fused=True,
        )

    def _start(self, train: Interactions) -> NetworkRun:
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(self.seed)
            self.network_ = self._network(*train.shape).to(self.device)
            torch_rng = torch.random.get_rng_state()
        optimizer = self._optimizer(self._n_samples(train))
        rng = np.random.default_rng(self.seed)
        return NetworkRun(rng, optimizer=optimizer, torch_rng=torch_rng)

    def _weights(self) -> dict[str, np.ndarray]:
        return {name: p.detach().cpu().numpy() for name, p in self.network_.named_parameters()}

    def _set_weights(self, weights: dict[str, np.ndarray]) -> None:
        with torch.no_grad():
            for name, parameter in self.network_.named_parameters():
                parameter.copy_(torch.as_tensor(weights[name]))

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle writes: plain arrays, which any machine can read."""
        state = dict(vars(self))
        if "network_" in state:
            state["network_"] = self._weights()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again, on the device named where there is one."""
        weights = state.pop("network_", None)
        vars(self).update(self._portable(state))
        if weights is not None:
            self._build(weights)

    @staticmethod
    def _portable(parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the hyperparameters of a saved model, its device "cpu" if it is not here."""
        try:
            return parameters | {"device": check_device(parameters["device"])}
        except (KeyError, ValueError):
            return parameters | {"device": "cpu"}

    def _state(self) -> dict[str, Any]:
        learned = super()._state()
        del learned["network_"]
        return learned | {f"network_.{name}": array for name, array in self._weights().items()}

    def _set_state(self, arrays: dict[str, np.ndarray]) -> None:
        weights = {key: arrays.pop(key) for key in list(arrays) if key.startswith("network_.")}
        super()._set_state(arrays)
        self._build({key.removeprefix("network_."): array for key, array in weights.items()})

    def _build(self, weights: dict[str, np.ndarray]) -> None:
        """Make the network with these weights."""
        with torch.random.fork_rng(devices=[]):
            self.network_ = self._network(self.n_users_, self.n_items_).to(self.device)
        wanted = {name: tuple(p.shape) for name, p in self.network_.named_parameters()}
        found = {name: array.shape for name, array in weights.items()}
        if wanted != found:
            raise DataError(f"a saved {type(self).__name__} needs weights {wanted}, found {found}")
        self._set_weights(weights)


class NetworkModel(TorchModel, ImplicitModel):
    """A network that turns a user and an item into a logit; its loss is the binary cross-entropy.

    A subclass adds `_network`.

    Parameters
    ----------
    learning_rate, regularization, weight_decay, batch_size, device
        As in `TorchModel`.
    n_negatives, epochs, patience, metric, seed
        As in `implicit.ImplicitModel`.

    Attributes
    ----------
    network_ : torch.nn.Module
    history_, best_epoch_, cold_, unseen_, popularity_
        As in `implicit.ImplicitModel`.
    """

    def _n_samples(self, train: Interactions) -> int:
        return len(train) * (1 + self.n_negatives)

    def _epochs(self, train: Interactions, run: NetworkRun) -> Iterator[Row]:
        (users, positives), sampler = by_user(train), NegativeSampler(train)
        n = 1 + self.n_negatives
        while True:
            negatives = sampler.draw(users, self.n_negatives, run.rng)
            items = np.column_stack([positives, negatives]).ravel()
            order = run.rng.permutation(len(items))
            labels = (order % n == 0).astype(np.float32)
            loss, right = torch.tensor(0.0), torch.tensor(0)
            self.network_.train()
            with one_thread(), run.random_numbers():
                for batch in self._batches(np.repeat(users, n)[order], items[order], labels):
                    one, correct = self._step(run.optimizer, *batch)
                    loss, right = loss + one * len(batch[0]), right + correct
            yield {"loss": float(loss) / len(items), "accuracy": int(right) / len(items)}

    def _batches(self, *columns: np.ndarray) -> Iterator[tuple[torch.Tensor, ...]]:
        """Return users, items and labels as tensors, so many samples at a time."""
        tensors = (torch.as_tensor(column, device=self.device) for column in columns)
        return zip(*(tensor.split(self.batch_size) for tensor in tensors), strict=True)

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        users: torch.Tensor,
        items: torch.Tensor,
        labels: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step; return the mean loss of the batch, and how many samples it had right."""
        logits = self.network_(users, items)
        loss = binary_cross_entropy_with_logits(logits, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach(), ((logits > 0) == (labels > 0)).sum()

    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self._logits_of(self.network_, users, items)

    def _logits_of(self, network: nn.Module, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        logits = np.empty(len(users), dtype=np.float32)
        network.eval()
        with one_thread(), torch.inference_mode():
            for start in range(0, len(users), PAIRS):
                part = slice(start, start + PAIRS)
                pairs = (torch.as_tensor(a[part], device=self.device) for a in (users, items))
                logits[part] = network(*pairs).cpu().numpy()
        return logits

    def _fold_in(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Take the user through as many epochs as the others had, with all else held.

        The embeddings of the user alone take steps, from 0, one for each item and its negatives.
        The user's own samples have the penalty that they have in training, and there is no dropout.
        """
        if self.n_negatives > 0 and len(items) == self.n_items_:
            raise ValueError(f"items names all {len(items)} items: there is no negative to draw")
        network, own = self._of_one_user()
        n, rng = 1 + self.n_negatives, np.random.default_rng(self.seed)
        decay = self.regularization / (n * len(items))
        optimizer = torch.optim.Adam(own, lr=self.learning_rate, weight_decay=decay)
        user = torch.zeros(n, dtype=torch.long, device=self.device)
        labels = torch.zeros(n, device=self.device)
        labels[0] = 1
        network.eval()
        for _ in range(self.best_epoch_):
            negatives = draw_for_one(items, self.n_items_, self.n_negatives, rng)
            samples = np.column_stack([items, negatives])[rng.permutation(len(items))]
            with one_thread():
                for row in torch.as_tensor(samples, dtype=torch.long, device=self.device):
                    binary_cross_entropy_with_logits(network(user, row), labels).backward()
                    optimizer.step()
                    optimizer.zero_grad()
        everything = np.arange(self.n_items_)
        scores = self._logits_of(network, 0 * everything, everything)
        return np.where(self.unseen_, self.popularity_, scores)

    def _of_one_user(self) -> tuple[nn.Module, list[nn.Parameter]]:
        """Return the network with a single user, who begins at 0, and the embeddings of this one.

        All else is shared with the network that was trained, and held.
        """
        with torch.random.fork_rng(devices=[]):
            network = self._network(1, self.n_items_).to(self.device)
        held, own = dict(self.network_.named_parameters()), []
        for name, parameter in network.named_parameters():
            if is_embedding(name, ("user_",)):
                own.append(parameter)
                parameter.data.zero_()
            else:
                parameter.data = held[name].data
                parameter.requires_grad_(False)
        return network, own

    def _personal(self, users: np.ndarray) -> np.ndarray:
        n = len(users) * self.n_items_
        logits = np.empty(n, dtype=np.float32)
        for start in range(0, n, PAIRS):  # all pairs at once take four times the room of the logits
            pairs = np.arange(start, min(start + PAIRS, n))
            part = self._logits(users[pairs // self.n_items_], pairs % self.n_items_)
            logits[pairs[0] : pairs[-1] + 1] = part
        return logits.reshape(len(users), self.n_items_)


def is_embedding(name: str, sides: tuple[str, ...] = ("user_", "item_")) -> bool:
    """Whether a parameter of a network holds one row for each user or item."""
    return name.rpartition(".")[0].rpartition(".")[2].startswith(sides)


def embedding(n: int, size: int, scale: float) -> nn.Embedding:
    """Return a table of `n` rows of `size` normal numbers of standard deviation `scale`."""
    table = nn.Embedding(n, size)
    nn.init.normal_(table.weight, std=scale)
    return table


def check_device(device: str | torch.device) -> str:
    """Return the name of a device that PyTorch can compute on, or raise."""
    try:
        torch.empty(0, device=torch.device(device)).cpu()
    except (RuntimeError, TypeError, AssertionError, ImportError, ValueError) as error:
        raise ValueError(
            f"device must be one that PyTorch has here, such as 'cpu', got {device!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return str(device)


def check_layers(layers: Iterable[int]) -> tuple[int, ...]:
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
