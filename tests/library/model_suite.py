"""The models of the course, and the data on which `test_models.py` tries them all.

A new model joins with one line in `MODELS`; it must then pass every test of the shared suite.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from recsys_lib.data import Features, Interactions, Split
from recsys_lib.models import (
    ALS,
    BPR,
    EASE,
    GMF,
    MF,
    MLP,
    SVD,
    Bag,
    Biases,
    BinaryMF,
    Content,
    Decay,
    FeatureMF,
    GRU4Rec,
    ItemKNN,
    MappedFactors,
    Markov,
    NeuMF,
    Popularity,
    Random,
    RecentItemKNN,
    Recommender,
    SASRec,
    UserKNN,
    iALS,
)


@dataclass(frozen=True)
class Case:
    """One model in one setting.

    Attributes
    ----------
    model : callable
        The class.
    settings : dict
        Its hyperparameters where they are not the defaults.
    personal : bool
        Must find which block a user of `planted` belongs to. False only for baselines that cannot.
    tolerance : float
        By what part two scores may differ that were computed in batches of different sizes: 0 for
        all but products of dense matrices, which round differently in other shapes.
    seeded : bool
        Another seed gives other scores. False where the seed only says where to start looking for
        an answer that is unique.
    """

    model: Callable[..., Recommender]
    settings: dict[str, object] = field(default_factory=dict)
    personal: bool = True
    tolerance: float = 0.0
    seeded: bool = True

    def make(self, **other: object) -> Recommender:
        """Return a new model, not fitted."""
        return self.model(**{**self.settings, **other})

    def brief(self, **other: object) -> Recommender:
        """Return one of three epochs at most, for all that does not hang on what it has learned."""
        model = self.make(**other)
        epochs = model.parameters.get("epochs")
        return model if epochs is None else self.make(**{"epochs": min(epochs, 3), **other})

    def __str__(self) -> str:
        return repr(self.make())


NET = {"learning_rate": 0.01, "batch_size": 64, "init_scale": 0.1, "epochs": 60}  # small and quick
SEQUENCE = {
    "factors": 8,
    "learning_rate": 0.02,
    "regularization": 3.0,
    "dropout": 0.5,
    "batch_size": 128,
    "epochs": 30,
}
MODELS = [
    Case(Popularity, personal=False),  # shows everybody the same list
    Case(Random, {"seed": 3}, personal=False),  # learns nothing
    Case(UserKNN),
    Case(UserKNN, {"n_neighbors": 10, "shrinkage": 2.0}),
    Case(UserKNN, {"n_neighbors": 1000, "values": "rating"}),
    Case(UserKNN, {"values": "rating", "center": True}),
    Case(ItemKNN),
    Case(ItemKNN, {"n_neighbors": 10, "shrinkage": 2.0}),
    Case(ItemKNN, {"n_neighbors": 1000, "values": "rating"}),
    Case(ItemKNN, {"values": "rating", "center": True}),
    Case(Biases, personal=False),  # the order of the items is the same for everybody
    Case(Biases, {"users": False, "items": False}, personal=False),  # the mean, for every cell
    Case(SVD, {"factors": 2}, tolerance=1e-5, seeded=False),
    Case(SVD, {"factors": 1, "center": True, "solver": "randomized"}, tolerance=1e-5),
    Case(SVD, {"factors": 1, "fill": "user", "center": True}, tolerance=1e-5, seeded=False),
    Case(SVD, {"factors": 2, "fill": "user", "solver": "propack"}, tolerance=1e-5, seeded=False),
    Case(MF, {"factors": 4, "regularization": 0.2, "learning_rate": 0.02}, tolerance=1e-5),
    Case(MF, {"factors": 4, "biases": False, "epochs": 200}, tolerance=1e-5),
    Case(ALS, {"factors": 4}, tolerance=1e-5),
    Case(ALS, {"factors": 4, "biases": False}, tolerance=1e-5),
    Case(
        BinaryMF,
        {"factors": 2, "learning_rate": 0.1, "regularization": 0.1, "epochs": 60},
        tolerance=1e-5,
    ),
    Case(
        BinaryMF,
        {
            "factors": 2,
            "biases": False,
            "frequency_power": 1.0,
            "regularization": 3.0,
            "learning_rate": 0.1,
            "epochs": 60,
        },
        tolerance=1e-5,
    ),
    Case(iALS, {"factors": 2, "unobserved_weight": 1.0}, tolerance=1e-5),
    Case(
        iALS,
        {"factors": 4, "frequency_power": 1.0, "regularization": 3.0, "unobserved_weight": 0.5},
        tolerance=1e-5,
    ),
    Case(EASE, {"regularization": 100.0}, tolerance=1e-5),
    Case(BPR, {"factors": 2, "regularization": 0.1, "epochs": 120}, tolerance=1e-5),
    Case(
        BPR,
        {
            "factors": 4,
            "biases": False,
            "learning_rate": 0.1,
            "regularization": 0.1,
            "n_negatives": 3,
            "epochs": 100,
        },
        tolerance=1e-5,
    ),
    Case(Content),
    Case(MappedFactors, {"model": iALS(2, unobserved_weight=1.0)}, tolerance=1e-5),
    Case(
        MappedFactors,
        {
            "model": BinaryMF(2, learning_rate=0.1, regularization=0.1, epochs=60),
            "method": "nearest",
            "n_neighbors": 5,
        },
        tolerance=1e-5,
    ),
    Case(
        FeatureMF,
        {"factors": 2, "learning_rate": 0.05, "regularization": 8.0, "epochs": 60},
        tolerance=1e-5,
    ),
    Case(
        FeatureMF,
        {
            "factors": 2,
            "frequency_power": 1.0,
            "regularization": 1.0,
            "learning_rate": 0.1,
            "biases": False,
            "identity_dropout": 0.3,
            "epochs": 60,
        },
        tolerance=1e-5,
    ),
    Case(GMF, {"factors": 2, "regularization": 3.0, "weight_decay": 1.0, **NET}, tolerance=1e-5),
    Case(
        MLP,
        {**NET, "layers": (16, 16), "regularization": 0.3, "weight_decay": 0.3, "epochs": 30},
        tolerance=1e-5,
    ),
    Case(
        NeuMF,
        {
            "factors": 2,
            "layers": (8, 4),
            "regularization": 3.0,
            "weight_decay": 1.0,
            "dropout": 0.1,
            **NET,
        },
        tolerance=1e-5,
    ),
    Case(Decay, personal=False),  # at one moment, the same list for everybody
    Case(Markov, {"length": 12, "decay": 0.9, "shrinkage": 1.0}),
    Case(RecentItemKNN, {"decay": 0.95}),
    Case(Bag, {**SEQUENCE, "epochs": 15}, tolerance=1e-5),
    Case(
        SASRec,
        {**SEQUENCE, "loss": "sampled softmax", "n_negatives": 32, "heads": 2},
        tolerance=1e-5,
    ),
    Case(SASRec, {**SEQUENCE, "loss": "bce", "n_negatives": 4, "blocks": 2}, tolerance=1e-5),
    Case(
        GRU4Rec,
        {**SEQUENCE, "learning_rate": 0.03, "batch_size": 256, "epochs": 50},
        tolerance=1e-5,
    ),
]

N_USERS, N_ITEMS = 41, 31  # the last user and the last item are in no event


def block_of_user(user: np.ndarray) -> np.ndarray:
    """0 or 1."""
    return np.asarray(user) % 2


def block_of_item(item: np.ndarray) -> np.ndarray:
    """0 or 1; the items of a block stand together, so that low indices help nobody."""
    return (np.asarray(item) >= 15).astype(int)


def described(item_ids: np.ndarray) -> Features:
    """Return features of as many items: three of six words of the block each, and one at random."""
    rng = np.random.default_rng(5)
    words = np.zeros((len(item_ids), 13))
    for item, row in enumerate(words):
        row[rng.permutation(6)[:3] + 6 * block_of_item(item)] = 1
        row[rng.integers(13)] += 1
    return Features(words, [f"word {w:02}" for w in range(13)], item_ids)


def planted() -> Split:
    """Return two blocks of 20 users and 15 items; each user met 10 items of theirs and 2 others.

    Own items got 4 or 5 stars, others 1 or 2. Item popularity says nothing about the block, nor
    does the order of the events, which is random. Two more items of the own block are held out, one
    for validation and one, later, for test.
    """
    rng = np.random.default_rng(0)
    rows = []
    for user in range(N_USERS - 1):
        own = rng.permutation(15) + 15 * block_of_user(user)
        other = rng.permutation(15) + 15 * (1 - block_of_user(user))
        parts = [(item, rng.integers(4, 6), 0) for item in own[:10]]
        parts += [(item, rng.integers(1, 3), 0) for item in other[:2]]
        parts += [(own[10], 5, 1), (own[11], 5, 2)]
        rows += [(user, *one) for one in parts]
    user, item, rating, part = np.array(rows).T
    time = np.random.default_rng(1).permutation(len(user)) + len(user) * part
    ratings = Interactions(
        user,
        item,
        rating,
        time,
        [f"user {u:02}" for u in range(N_USERS)],
        [f"item {i:02}" for i in range(N_ITEMS)],
        name="planted",
        scale=(1, 5),
        time_unit="s",
    )
    ratings = ratings.with_features(items=described(ratings.item_ids))
    return Split(*(ratings.select(part == which) for which in range(3)))
