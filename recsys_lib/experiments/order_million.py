"""MovieLens-1M, the last event of each user among all films: where sequences are published.

The last event of each user by time, out of all there are, is the test, and the one before it is for
validation. (The test items of He et al. (2017), whose numbering of users and films the file has,
are other ones of the same data; their candidates play no part.) A network is trained without both.
Its epoch is the best on validation, with all films to rank. At the test it reads the validation
event, too, of which it has learned nothing, as is done where such figures are published. iALS, with
the recipe of Rendle et al. (2022), and popularity have no epoch to choose, and learn from it.

Each is trained once, with one seed and with settings that are stated here and not searched for. So
the intervals are over users and know nothing of other seeds.

The lists are measured in three ways: among all films, among 99 that were drawn uniformly, and
among 99 that were drawn by their popularity. The model is the same in all three.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recsys_lib.data import Interactions, Split, histories, leave_last_out, shuffled_times
from recsys_lib.evaluation import compare, evaluate, sample_candidates, summary, watching
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments.ledger import MODELS
from recsys_lib.experiments.order_search import (
    CONTROL,
    CONTROL_BAG,
    Shuffled,
    ShuffledBag,
    ShuffledSASRec,
)
from recsys_lib.experiments.protocol import MAIN, table
from recsys_lib.experiments.units import Units
from recsys_lib.models import Bag, Popularity, Recommender, SASRec
from recsys_lib.models.base import users_at_a_time
from recsys_lib.models.sequence import SequenceModel

SEED = 0


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: its class and its settings."""

    kind: Callable[..., Recommender]
    settings: dict[str, Any] = field(default_factory=dict)


NETWORK: dict[str, Any] = {
    "factors": 64,
    "blocks": 2,
    "length": 200,
    "dropout": 0.2,
    "learning_rate": 0.002,
    "regularization": 0.0,
    "weight_decay": 0.01,
    "batch_size": 2048,
    "init_scale": 0.05,
}
SOFTMAX = {**NETWORK, "loss": "softmax", "epochs": 35, "patience": 6}
# an epoch takes a quarter of the time, and brings less
ONE_NEGATIVE = {**NETWORK, "loss": "bce", "n_negatives": 1, "epochs": 80, "patience": 10}
RECIPES = {  # what takes longest first, so that no core waits for another
    "SASRec": Recipe(SASRec, SOFTMAX),
    CONTROL: Recipe(ShuffledSASRec, SOFTMAX),
    "Bag": Recipe(Bag, SOFTMAX),
    CONTROL_BAG: Recipe(ShuffledBag, SOFTMAX),
    "SASRec, one negative": Recipe(SASRec, ONE_NEGATIVE),
    "iALS": Recipe(MODELS["iALS"].kind, dict(MODELS["iALS"].settings)),
    "Popularity": Recipe(Popularity),
}
PAIRS = [
    ("SASRec", CONTROL),
    ("SASRec", "Bag"),
    ("Bag", CONTROL_BAG),
    (CONTROL, CONTROL_BAG),
    ("SASRec", "SASRec, one negative"),
    ("SASRec, one negative", CONTROL),
    ("SASRec", "iALS"),
    (CONTROL, "iALS"),
    ("Bag", "iALS"),
    ("iALS", "Popularity"),
]


def run(ratings: Interactions, units: Units | None = None) -> dict:
    """Train every model once, test it in three ways, and compare.

    Returns
    -------
    found : dict
        "models": of each its "settings"; by way a summary over users; of a network its "curve" on
        validation by epoch, the "epoch" chosen and the seconds of its training. "pairs": the
        comparisons by way, over users.
    """
    runs = dict(
        zip(RECIPES, (units or Units()).each(_run, [(n,) for n in RECIPES], ratings), strict=True)
    )
    return {
        "models": {name: _recorded(name, one) for name, one in runs.items()},
        "pairs": {
            way: {
                f"{a} - {b}": table(compare(runs[a]["tables"][way], runs[b]["tables"][way]))
                for a, b in PAIRS
            }
            for way in next(iter(runs.values()))["tables"]
        },
    }


def quick(found: dict, ratings: Interactions) -> dict:
    """The popularity, in all three ways."""
    return {"models": {"Popularity": _recorded("Popularity", _run(ratings, "Popularity"))}}


def _recorded(name: str, one: dict) -> dict:
    by_way = {way: table(summary(each)) for way, each in one["tables"].items()}
    rest = {key: value for key, value in one.items() if key != "tables"}
    return {"settings": RECIPES[name].settings} | by_way | rest


def _run(ratings: Interactions, name: str) -> dict:
    """Train a model; return its tables by way, and of a network its curve on validation."""
    recipe, split = RECIPES[name], leave_last_out(ratings, n_test=1, n_valid=0)
    chance = {"seed": SEED} if recipe.settings else {}
    model, found = recipe.kind(**recipe.settings, **chance), {}
    if isinstance(model, SequenceModel):
        found = _trained(model, leave_last_out(split.train, n_test=0, n_valid=1))
        read_on(model, split.train)
    else:
        model.fit(split.train)
    size = users_at_a_time(ratings.n_items)
    found["tables"] = {
        way: evaluate(model, split, candidates=candidates, batch_size=size)[list(MAIN)]
        for way, candidates in ways(split).items()
    }
    return found


def _trained(model: SequenceModel, tuning: Split) -> dict[str, Any]:
    """Train a network until validation stops rising; return how it went, epoch by epoch."""
    history = model.fit(tuning.train, watch=watching(tuning)).history_
    return {
        "curve": {metric: history[f"valid_{metric}"].tolist() for metric in MAIN},
        "epoch": model.best_epoch_,
        "training_seconds": float(history["seconds"].iloc[-1]),
    }


def read_on(model: SequenceModel, ratings: Interactions) -> None:
    """Let a trained network read more events than it has learned from, shuffled if it is."""
    if isinstance(model, Shuffled):
        ratings = shuffled_times(ratings, model.seed)
    past = histories(ratings)
    model.events_, model.offsets_ = past.items, past.offsets


def ways(split: Split) -> dict[str, Candidates | None]:
    """Return what a test event is ranked among."""
    popular = split.train.item_counts
    return {
        "full": None,
        "uniform": sample_candidates(split, 99),
        "popular": sample_candidates(split, 99, weights=popular),
    }
