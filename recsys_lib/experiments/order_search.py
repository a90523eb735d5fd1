r"""The search before the test of chapter 14: all that reads events in order, tuned like all else.

As many trials for each as for the models of chapter 10, judged on the same validation events and
candidates, by the same search; nothing here reads the test set. The controls, SASRec and the bag on
shuffled histories, are searched too, in the spaces of the true ones and by themselves: whoever
shuffles the histories of a model and keeps the settings that were chosen with their order compares
a tuned model with one that is not.

The losses are compared by a search of their own, each with SASRec, in the same space and with as
many trials.

A network's trial ends when its validation stops rising, after so many epochs in any case, and a
wide one after so many multiplications: where a network has d numbers for each event and b blocks,
a sample takes :math:`5 b d^2` for the layers of SASRec (three matrices of the attention, two after
it), and d for each item that the loss compares; as much again twice on its way down. What the
attention multiplies beside its matrices is little for histories as short as these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from recsys_lib.data import Interactions, shuffled_times
from recsys_lib.experiments.contenders import (
    FACTORS,
    SCALE,
    SHRINKAGE,
    Contender,
    Range,
    Space,
    made,
)
from recsys_lib.experiments.protocol import paper_split, tuning_split, validating
from recsys_lib.experiments.search import METRIC, TRIALS, searched
from recsys_lib.experiments.units import Units
from recsys_lib.models import Bag, Decay, GRU4Rec, Markov, RecentItemKNN, SASRec
from recsys_lib.models.network import NetworkRun
from recsys_lib.models.sequence import SequenceModel

TRIALS_OF_A_LOSS = 24
LENGTH = 250, 40, 2  # epochs of a trial, its patience, measured every so many
MOST = 1.2e12  # multiplications of a trial: less than a minute of one core
MATRICES = {"SASRec": 5, "GRU4Rec": 6, "Bag": 2}  # of d x d numbers in a block
LOOKED_UP = 16  # multiplications take the time of one, where each sample has negatives of its own


class Shuffled(SequenceModel):
    """A network on everybody's events in an order of chance, which its seed draws: the control.

    Who met what is as it was. What it learns from is shuffled, and so is what it reads of a user
    who is scored; what it is asked for is what came next in truth. Another seed shuffles anew, so
    that an interval over seeds knows of the luck of the shuffle.
    """

    def _start(self, train: Interactions) -> NetworkRun:
        return super()._start(shuffled_times(train, self.seed))


class ShuffledSASRec(Shuffled, SASRec):
    """SASRec on shuffled histories."""


class ShuffledBag(Shuffled, Bag):
    """The bag on shuffled histories: not even what was met lately is known to it."""


SHARES = Range(0, 1, log=False, ends=("low", "high"))
NETWORK: Space = {  # of chapter 10's, what a network of sequences has too
    "factors": FACTORS,
    "blocks": (1, 2, 3),
    "length": Range(3, 60, whole=True, ends=("high",)),  # nobody has more
    "dropout": Range(0, 0.7, log=False, ends=("low",)),
    "learning_rate": Range(5e-4, 0.03),
    "regularization": Range(0.03, 100),
    "weight_decay": Range(0.01, 10),
    "batch_size": Range(128, 1024, whole=True),
    "init_scale": SCALE,
}
SOFTMAX: Space = {"loss": ("softmax",), **NETWORK}
CONTROL, CONTROL_BAG = "SASRec, shuffled", "Bag, shuffled"
CONTENDERS = {
    "Decay": Contender(Decay, {"half_life": Range(3, 3000)}),
    "Markov": Contender(
        Markov,
        {
            "length": Range(1, 60, whole=True, ends=("low", "high")),
            "decay": SHARES,
            "shrinkage": SHRINKAGE,
        },
    ),
    "RecentItemKNN": Contender(
        RecentItemKNN,
        {
            "n_neighbors": Range(5, 1003, whole=True, ends=("high",)),  # all items
            "shrinkage": SHRINKAGE,
            "decay": SHARES,
        },
    ),
    "SASRec": Contender(SASRec, SOFTMAX, *LENGTH),
    CONTROL: Contender(ShuffledSASRec, SOFTMAX, *LENGTH),
    "Bag": Contender(Bag, SOFTMAX, *LENGTH),
    CONTROL_BAG: Contender(ShuffledBag, SOFTMAX, *LENGTH),
    "GRU4Rec": Contender(GRU4Rec, SOFTMAX, *LENGTH),
}
LOSSES = {
    name: Contender(SASRec, {"loss": (loss,), **NETWORK, **more}, *LENGTH)
    for name, loss, more in (
        ("one negative", "bce", {"n_negatives": (1,)}),
        ("many negatives", "bce", {"n_negatives": Range(2, 256, whole=True)}),
        # beyond all items, the softmax over them is cheaper
        (
            "sampled softmax",
            "sampled softmax",
            {"n_negatives": Range(2, 1003, whole=True, ends=("high",))},
        ),
        ("softmax", "softmax", {}),
    )
}
WITHOUT_CHANCE = ("Decay", "Markov")  # and found again in seconds


@dataclass(frozen=True)
class Bounded:
    """Makes networks of a kind that are trained for no more than `MOST` multiplications.

    Attributes
    ----------
    kind : callable
        The class.
    n_samples, n_items : int
        Of the training data.
    """

    kind: Callable[..., Any]
    n_samples: int
    n_items: int

    def __call__(self, **setting: Any) -> SequenceModel:
        """Return a network, not fitted, with its epochs or fewer."""
        of_an_epoch = 3 * self.n_samples * multiplications(self.kind(**setting), self.n_items)
        epochs = max(1, min(setting["epochs"], int(MOST / of_an_epoch)))
        return self.kind(**setting | {"epochs": epochs})


def multiplications(model: Any, n_items: int) -> int:
    """Return how often a sample is multiplied on its way up through a network and its loss."""
    names = [one.__name__ for one in type(model).__mro__]
    matrices = next(MATRICES[name] for name in names if name in MATRICES)
    n = {"softmax": n_items, "bce": LOOKED_UP * (1 + model.n_negatives)}
    compared = n.get(model.loss, 1 + model.n_negatives)
    return matrices * model.blocks * model.factors**2 + compared * model.factors


def bounded(contenders: Mapping[str, Contender], train: Interactions) -> dict[str, Contender]:
    """Return contenders of which those that are networks of sequences are `Bounded`."""
    n_samples = int((train.user_counts[train.user_counts > 0] - 1).sum())
    return {
        name: replace(one, kind=Bounded(one.kind, n_samples, train.n_items))
        if isinstance(one.kind, type) and issubclass(one.kind, SequenceModel)
        else one
        for name, one in contenders.items()
    }


def run(ratings: Interactions, units: Units | None = None) -> dict:
    """Search for the setting of every model and of every loss; return all trials.

    Returns
    -------
    found : dict
        As `search.searched` returns; and under "losses" the same of the losses.
    """
    units, tuning = units or Units(), tuning_split(paper_split(ratings))
    found = searched(bounded(CONTENDERS, tuning.train), tuning, units, TRIALS)
    losses = searched(bounded(LOSSES, tuning.train), tuning, units, TRIALS_OF_A_LOSS)
    return found | {"losses": losses}


def quick(found: dict, ratings: Interactions) -> dict:
    """What validation says of the chosen decay and the chosen Markov chain."""
    tuning = tuning_split(paper_split(ratings))
    watch, again = validating(tuning), {}
    for name in WITHOUT_CHANCE:
        model = made(name, found["settings"][name], CONTENDERS).fit(tuning.train)
        again[name] = {"budgets": {str(TRIALS): {METRIC: {0: watch(model)[METRIC]}}}}
    return {"models": again}
