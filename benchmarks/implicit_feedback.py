"""Training on positives and sampled negatives: NeuMF and BinaryMF beside other libraries.

Each contender draws its own negatives, and that is counted; a sample is a positive or a negative.
What an epoch is, differs a little, and is said where it does.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from cornac.data import Dataset as CornacDataset
from cornac.models import NeuMF as CornacNeuMF
from implicit.cpu.lmf import LogisticMatrixFactorization
from scipy import sparse
from torch import nn

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.split import Split
from recsys_lib.evaluation import evaluate
from recsys_lib.models.bmf import BinaryMF, decays
from recsys_lib.models.bmf import epoch as kernel
from recsys_lib.models.implicit import NegativeSampler, by_user
from recsys_lib.models.neumf import NeuMF

from factorization import skewed_pairs
from timing import alternate

SMALL = (943, 1_682, 100_000)  # users, items, interactions of MovieLens-100K
PLANTED = (6_000, 4_000, 1_000_000)
SCALES = {"100k": SMALL, "1m": (6_040, 3_706, 1_000_000), "10m": (70_000, 10_000, 10_000_000)}
N_NEGATIVES, FACTORS, LAYERS, RANK = 4, 8, (64, 32, 16, 8), 32
BATCHES = {256: 3, 1_280: 2}  # samples in a step: how many epochs are timed
BUDGETS = (1, 3, 10)  # seconds of training
STEPS = 1_500  # of a NeuMF that is too large for a whole epoch

# What is tried on the validation items: learning rate, regularization, and of ours how that is
# shared out (`frequency_power`), of implicit the weight of a positive.
OURS = ((0.02, 0.01, 0.0), (0.05, 0.01, 0.0), (0.02, 8.0, 1.0), (0.05, 8.0, 1.0))
THEIRS = ((1.0, 0.6, 1.0), (1.0, 3.0, 1.0), (1.0, 5.0, 1.0), (1.0, 3.0, 0.3))

TRAIN = """
import json, re, sys, time
import numpy as np
import torch
from recsys_lib.data.interactions import Interactions
from recsys_lib.models.bmf import BinaryMF
from recsys_lib.models.neumf import NeuMF

class Enough(Exception):
    pass

def peak():
    # not getrusage, whose peak counts the parent's memory too, from before this program was started
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1e3

def part(model, train, n):
    "Seconds of an epoch: all that comes before its steps, and n of these for the rest."
    run = model._start(train)
    step, moments = model._step, []
    def counted(*batch):
        moments.append(time.perf_counter())
        if len(moments) > n:
            raise Enough
        return step(*batch)
    model._step = counted
    start = time.perf_counter()
    try:
        next(model._epochs(train, run))
    except Enough:
        pass
    each = (moments[-1] - moments[n // 10]) / (len(moments) - 1 - n // 10)  # warm by then
    total = -(-len(train) * (1 + model.n_negatives) // model.batch_size)
    return moments[0] - start + total * each, n / total

torch.set_num_threads(1)
name, path, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
with np.load(path) as file:
    columns, shape = (file["user"], file["item"]), file["shape"]
train = Interactions(*columns, np.ones(len(columns[0]), np.float32),
                     np.zeros(len(columns[0]), np.int64), *(np.arange(n) for n in shape))
loaded = peak()
model = {"BinaryMF": BinaryMF, "NeuMF": NeuMF}[name]()
found = {"loaded_mb": loaded}
if name == "NeuMF":
    found["epoch_from_a_part_seconds"], found["part"] = part(model, train, steps)
else:
    seconds, epochs = [], model._epochs(train, model._start(train))
    for _ in range(2):
        start = time.perf_counter()
        next(epochs)
        seconds.append(time.perf_counter() - start)
    found["epoch_seconds"] = min(seconds)
found["learned_mb"] = sum(array.nbytes for array in model._weights().values()) / 1e6
found["peak_mb"] = peak()
print(json.dumps(found))
"""


def interactions(users: np.ndarray, items: np.ndarray, n_users: int, n_items: int) -> Interactions:
    n = len(users)
    return Interactions(
        users, items, np.ones(n), np.zeros(n), np.arange(n_users), np.arange(n_items)
    )


def skewed(n_users: int, n_items: int, n: int) -> Interactions:
    """Draw different pairs, the items by a popularity like that of MovieLens."""
    rng = np.random.default_rng(0)
    users, items = skewed_pairs(n_users, n_items, n, int(1.3 * n), rng)
    return interactions(users, items, n_users, n_items)


def planted(n_users: int, n_items: int, n: int) -> tuple[Split, dict[str, float]]:
    """Draw what users with tastes take from items of unequal popularity; hold two of each out.

    Returns
    -------
    split : Split
        One validation and one test item of each user; about `n` interactions in all.
    known : dict
        NDCG@10 of popularity, and of the very scores from which the data was drawn.
    """
    rng = np.random.default_rng(0)
    activity = rng.lognormal(0, 0.8, n_users)
    counts = np.clip(activity * n / activity.sum(), 20, n_items // 4).astype(int)
    P, Q = (rng.normal(0, 8**-0.25, (size, 8)) for size in (n_users, n_items))
    popularity = rng.permutation(-0.8 * np.log(np.arange(1, n_items + 1)))
    users, items, places = [], [], []
    for u in range(n_users):  # largest of score plus Gumbel noise: a draw without replacement
        noisy = P[u] @ Q.T + popularity + rng.gumbel(size=n_items)
        taken = rng.permutation(np.argpartition(-noisy, counts[u])[: counts[u]])
        users.append(np.full(counts[u], u))
        items.append(taken)
        places.append(np.arange(counts[u]))
    every = interactions(np.concatenate(users), np.concatenate(items), n_users, n_items)
    place = np.concatenate(places)
    split = Split(every.select(place > 1), every.select(place == 0), every.select(place == 1))
    popular = split.train.item_counts.astype(np.float32)
    known = {
        "popularity": ndcg(lambda u: np.tile(popular, (len(u), 1)), split, "test"),
        "truth": ndcg(lambda u: (P[u] @ Q.T + popularity).astype(np.float32), split, "test"),
    }
    return split, known


class Scores:
    """What `evaluate` needs of a model, whoever made it."""

    def __init__(self, score: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int]):
        self.score, self.shape = score, shape


def ndcg(score: Callable[[np.ndarray], np.ndarray], split: Split, on: str) -> float:
    """NDCG@10 of the full ranking."""
    return float(evaluate(Scores(score, split.train.shape), split, on=on)["ndcg@10"].mean())


# ------------------------------------------------------------------------------------------- NeuMF


@contextlib.contextmanager
def old_numpy() -> Iterator[None]:
    """Give NumPy the names back that RecBole uses; take away all that RecBole sets itself."""
    old = {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}
    old["float"] = np.float64  # set by RecBole too, but only after it was used
    by_recbole = ("bool", "int", "complex", "object", "str", "long", "unicode")
    before = {name: np.__dict__.get(name) for name in (*old, *by_recbole)}
    for name, value in old.items():
        setattr(np, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                np.__dict__.pop(name, None)
            else:
                setattr(np, name, value)


@contextlib.contextmanager
def recbole(train: Interactions, batch: int) -> Iterator[Callable[[], object]]:
    """Give one epoch of RecBole's NeuMF, in a folder where it may leave its data and logs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        old_numpy(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        from recbole.config import Config
        from recbole.data import create_dataset, data_preparation
        from recbole.model.general_recommender.neumf import NeuMF as RecBoleNeuMF
        from recbole.trainer import Trainer

        path = Path(folder) / "made" / "made.inter"
        path.parent.mkdir()
        rows = zip(train.user.tolist(), train.item.tolist(), strict=True)
        lines = ["user_id:token\titem_id:token", *(f"{u}\t{i}" for u, i in rows)]
        path.write_text("\n".join(lines) + "\n")
        negatives = {"distribution": "uniform", "sample_num": N_NEGATIVES, "alpha": 1.0}
        negatives |= {"dynamic": False, "candidate_num": 0}
        everything = {"split": {"RS": [1, 0, 0]}, "order": "RO", "group_by": "none", "mode": "full"}
        settings = {
            "data_path": folder,
            "checkpoint_dir": folder,
            "load_col": {"inter": ["user_id", "item_id"]},
            "eval_args": everything,
            "train_neg_sample_args": negatives,
            "mf_embedding_size": FACTORS,
            "mlp_embedding_size": LAYERS[0] // 2,
            "mlp_hidden_size": list(LAYERS[1:]),
            "dropout_prob": 0.0,
            "train_batch_size": batch,
            "learner": "adam",
            "use_gpu": False,
            "show_progress": False,
        }
        config = Config(model="NeuMF", dataset="made", config_dict=settings)
        batches = data_preparation(config, create_dataset(config))[0]
        trainer = Trainer(config, RecBoleNeuMF(config, batches.dataset).to(config["device"]))
        assert len(batches.dataset) == len(train)
        assert len(batches) == -(-len(train) // (batch // (1 + N_NEGATIVES)))
        yield lambda: trainer._train_epoch(batches, 0)


def networks() -> dict:
    """Training samples a second of three libraries' NeuMF, all with Adam.

    A step is to take as many samples in each. Our `batch_size` counts samples; RecBole's does so
    too, rounded down to whole groups of a positive and its negatives (255 for 256); cornac's counts
    positives, to which it adds their negatives, so that it is given a fifth (51 for 256).
    """
    train = skewed(*SMALL)
    samples = len(train) * (1 + N_NEGATIVES)
    columns = zip(train.user.tolist(), train.item.tolist(), [1.0] * len(train), strict=True)
    theirs = CornacDataset.build(list(columns))
    _ = theirs.dok_matrix  # which its epochs look into, made once
    found: dict = {"interactions": len(train)}
    for batch, repeats in BATCHES.items():
        settings = {"batch_size": batch, "n_negatives": N_NEGATIVES}
        epochs = epochs_of(NeuMF(FACTORS, LAYERS, **settings), train)

        def cornac(positives: int = batch // (1 + N_NEGATIVES)) -> object:
            model = CornacNeuMF(
                num_factors=FACTORS,
                layers=LAYERS,
                num_epochs=1,
                batch_size=positives,
                num_neg=N_NEGATIVES,
                learner="adam",
                backend="pytorch",
                verbose=False,
                seed=0,
            )
            return model.fit(theirs)

        runs = {"recsys_lib": partial(next, epochs), "cornac": cornac}
        if importlib.util.find_spec("recbole") is None:
            found["recbole"] = (
                "not installed: it needs ray below 2.6.4, made for Python 3.11 or less"
            )
            seconds = alternate(runs, repeats)
        else:
            found["recbole"] = version("recbole")
            with recbole(train, batch) as epoch:
                seconds = alternate(runs | {"recbole": epoch}, repeats)
        found[f"batch_{batch}"] = {
            "epoch": {f"{name}_seconds": value for name, value in seconds.items()},
            "samples_per_second": {name: samples / value for name, value in seconds.items()},
        } | {
            f"{name}_by_fit": value / seconds["recsys_lib"]
            for name, value in seconds.items()
            if name != "recsys_lib"
        }
    return found


# --------------------------------------------------------------------------------------- BinaryMF


class TorchMF(nn.Module):
    """The logit of `BinaryMF` as one writes it in PyTorch."""

    def __init__(self, n_users: int, n_items: int, factors: int, sparse_gradient: bool):
        super().__init__()
        self.users, self.items, self.user_biases, self.item_biases = (
            nn.Embedding(n, size, sparse=sparse_gradient)
            for size in (factors, 1)
            for n in (n_users, n_items)
        )
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_biases, self.item_biases):
            nn.init.zeros_(table.weight)
        self.intercept = -float(np.log(N_NEGATIVES))

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return the logit of each pair, shape (n,)."""
        biases = self.user_biases(users) + self.item_biases(items)
        return self.intercept + biases.squeeze(-1) + (self.users(users) * self.items(items)).sum(-1)


def epochs_of(model: BinaryMF | NeuMF, train: Interactions) -> Iterator[dict[str, float]]:
    """Return the epochs of a model: each is trained when it is asked for."""
    return model._epochs(train, model._start(train))


def torch_epoch(train: Interactions, batch: int, sparse_gradient: bool) -> Callable[[], float]:
    """Return an epoch of `TorchMF` under SGD; the negatives are drawn as ours are.

    Its step is that of the sum of the losses of a batch, without a penalty.
    """
    (rows, positives), sampler = by_user(train), NegativeSampler(train)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = TorchMF(*train.shape, RANK, sparse_gradient)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    measure = nn.BCEWithLogitsLoss(reduction="sum")
    n = len(train) * (1 + N_NEGATIVES)

    def epoch() -> float:
        items = np.column_stack([positives, sampler.draw(rows, N_NEGATIVES, rng)]).ravel()
        order = rng.permutation(n)
        columns = (
            np.repeat(rows, 1 + N_NEGATIVES)[order],
            items[order],
            (order % (1 + N_NEGATIVES) == 0).astype(np.float32),
        )
        total = torch.zeros(())
        for users, items, labels in zip(
            *(torch.from_numpy(column).split(batch) for column in columns), strict=True
        ):
            loss = measure(model(users, items), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / n

    return epoch


def factors() -> dict:
    """Nanoseconds a sample of BinaryMF: its fit, its compiled kernel alone, and PyTorch's."""
    train = skewed(*SMALL)
    samples = len(train) * (1 + N_NEGATIVES)
    model = BinaryMF(RANK, n_negatives=N_NEGATIVES, regularization=0.0)
    epochs = epochs_of(model, train)
    (users, items), sampler, rng = by_user(train), NegativeSampler(train), np.random.default_rng(0)
    sampling = partial(sampler.draw, users, N_NEGATIVES, rng)
    negatives, order = sampling(), rng.permutation(len(train))
    users, items, negatives = users[order], items[order], negatives[order]
    rest = (
        np.float32(model.intercept_),
        *(array.copy() for array in model._factors()),
        *decays(train, N_NEGATIVES, model.regularization, model.frequency_power),
        np.float32(model.learning_rate),
        True,
    )
    dense, scattered = (torch_epoch(train, 256, flag) for flag in (False, True))
    chance = float(np.log(5) - 0.8 * np.log(4))  # the loss of the intercept alone
    losses = {}
    for name, epoch in (("ours", lambda: next(epochs)["loss"]), ("torch", dense)):
        losses[name] = [epoch() for _ in range(2)][-1]
    assert all(0.5 * chance < loss < 0.97 * chance for loss in losses.values()), (losses, chance)
    seconds = alternate(
        {
            "recsys_lib": partial(next, epochs),
            "kernel": lambda: kernel(users, items, negatives, *rest),
            "sampling": sampling,
            "torch_dense": dense,
            "torch_sparse": scattered,
        },
        3,
    )
    quickest = min(seconds["torch_dense"], seconds["torch_sparse"])
    return {
        "nanoseconds": {name: 1e9 * value / samples for name, value in seconds.items()},
        "torch_by_fit": quickest / seconds["recsys_lib"],
        "torch_by_kernel": quickest / seconds["kernel"],
    }


class OutOfTime(Exception):
    """Ends a fit from its callback."""


class Progress:
    """Measures a model when its seconds of training first reach each budget."""

    def __init__(self, split: Split, score: Callable[[np.ndarray], np.ndarray]):
        self.split, self.score = split, score
        self.seconds, self.each, self.rows = 0.0, [], {}

    def ends_epoch(self, seconds: float) -> None:
        """Note an epoch; an epoch that ends late counts for the budget it ends after."""
        self.seconds += seconds
        self.each.append(seconds)
        due = [b for b in BUDGETS if b not in self.rows and self.seconds >= b]
        if due:
            row = {on: ndcg(self.score, self.split, on) for on in ("valid", "test")}
            row["epochs"] = len(self.each)
            self.rows |= dict.fromkeys(due, row)
        if len(self.rows) == len(BUDGETS):
            raise OutOfTime


def ours(split: Split, rate: float, regularization: float, power: float) -> Progress:
    model = BinaryMF(
        RANK,
        learning_rate=rate,
        regularization=regularization,
        frequency_power=power,
        n_negatives=N_NEGATIVES,
    )
    epochs = epochs_of(model, split.train)
    progress = Progress(split, model._personal)
    with contextlib.suppress(OutOfTime):
        while True:
            start = time.perf_counter()
            next(epochs)
            progress.ends_epoch(time.perf_counter() - start)
    return progress


def theirs(split: Split, rate: float, regularization: float, weight: float) -> Progress:
    """Fit implicit's logistic factorization, an epoch being a sweep over users and one over items.

    It goes by Adagrad on whole rows: all positives of a row and some negatives give one step. It
    means to draw `neg_prop` negatives for each positive, as many as we do, and takes them from all
    interactions (so by popularity, the row's own items too). But its code bounds their number in a
    row by `item_vectors.shape[1]`, which is the number of factors plus two, where the number of
    items was meant (lmf.pyx of 0.7.3; the time of an epoch does not grow with `neg_prop` either).
    So it sees far fewer, and all that can be done from outside is to weigh the positives less.
    """
    matrix = sparse.csr_matrix(split.train.to_csr("ones"), dtype=np.float32)
    matrix.data[:] = weight
    model = LogisticMatrixFactorization(
        RANK,
        learning_rate=rate,
        regularization=regularization,
        neg_prop=N_NEGATIVES,
        iterations=10_000,
        num_threads=1,
        random_state=0,
    )
    progress = Progress(split, lambda users: model.user_factors[users] @ model.item_factors.T)
    with contextlib.suppress(OutOfTime):
        model.fit(
            matrix, show_progress=False, callback=lambda _, seconds: progress.ends_epoch(seconds)
        )
    return progress


def best(runs: dict[str, Progress], budget: int) -> dict:
    """Return the run that was best on the validation items, and what it reached on the test's."""
    name = max(runs, key=lambda name: runs[name].rows[budget]["valid"])
    row = runs[name].rows[budget]
    return {"setting": name, "ndcg_at_10": row["test"], "epochs": row["epochs"]}


def logistic() -> dict:
    """Seconds of an epoch, and NDCG@10 after equal seconds, of BinaryMF and implicit's LMF."""
    split, known = planted(*PLANTED)
    runs = {
        "recsys_lib": {
            f"rate {r:g}, reg {g:g}, power {p:g}": ours(split, r, g, p) for r, g, p in OURS
        },
        "implicit": {
            f"rate {r:g}, reg {g:g}, weight {w:g}": theirs(split, r, g, w) for r, g, w in THEIRS
        },
    }
    n, (n_users, n_items) = len(split.train), split.train.shape
    drawn = {  # the number of samples of which a gradient is taken in an epoch
        "recsys_lib": n * (1 + N_NEGATIVES),
        "implicit": 2 * n
        + sum(
            int(np.minimum(RANK + 2, N_NEGATIVES * counts).sum())
            for counts in (split.train.user_counts, split.train.item_counts)
        ),
    }
    seconds = {
        library: min(min(run.each) for run in some.values()) for library, some in runs.items()
    }
    after = {
        f"after_{budget}": {library: best(some, budget) for library, some in runs.items()}
        for budget in BUDGETS
    }
    return {
        "interactions": n,
        "users": n_users,
        "items": n_items,
        "epoch": {f"{library}_seconds": value for library, value in seconds.items()},
        "samples_of_an_epoch": drawn,
        "nanoseconds": {name: 1e9 * seconds[name] / drawn[name] for name in seconds},
        "implicit_by_fit": seconds["implicit"] / seconds["recsys_lib"],
        "ndcg_at_10": known,
        **after,
    }


# ---------------------------------------------------------------------------------------- scaling


def scaling() -> dict:
    """Seconds of an epoch and memory, in processes of their own.

    `loaded_mb` and `peak_mb` are the most memory until the data was loaded, and until the end. A
    whole epoch of NeuMF is prepared, but only the first of its steps are taken, and the seconds of
    the epoch computed from these; `part` is their share.
    """
    found: dict = {}
    one = {name: "1" for name in os.environ if name.endswith("_NUM_THREADS")}
    for size, shape in SCALES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made.npz"
            made = skewed(*shape)
            np.savez(path, user=made.user, item=made.item, shape=made.shape)
            del made
            for name in ("BinaryMF", "NeuMF"):
                command = [sys.executable, "-c", TRAIN, name, str(path), str(STEPS)]
                done = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one
                )
                found[f"{name}_{size}"] = json.loads(done.stdout)
    return found


def main() -> dict:
    """Time everything; returns seconds, samples a second, ratios, NDCG@10 and megabytes."""
    torch.set_num_threads(1)
    return {
        "networks": networks(),
        "factors": factors(),
        "logistic": logistic(),
        "scaling": scaling(),
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
