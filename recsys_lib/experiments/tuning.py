"""How the models of chapters 6 to 8 are tuned and tested on the paper's data: all alike.

Settings are drawn at random from stated ranges, the same number of trials for every model, and
judged on validation: each user's last training event against 99 sampled negatives. The best epoch
of the best trial is part of its setting. The chosen setting is then fitted on all of train with
several seeds and tested on the paper's candidates; no test figure was looked at before.
"""

import numpy as np

from recsys_lib.data import Split
from recsys_lib.experiments.protocol import validating
from recsys_lib.models.training import EpochModel

TRIALS = 24
PRETRAINED = "NeuMF, pretrained"
SPACES = {
    "BinaryMF": {
        "factors": (32, 64, 128),
        "learning_rate": (0.02, 0.05, 0.1),
        ("frequency_power", "regularization"): (
            *((0.0, strength) for strength in (0.02, 0.04, 0.06, 0.08)),
            *((0.5, strength) for strength in (0.1, 0.2, 0.3, 0.5)),
            *((1.0, strength) for strength in (1.0, 2.0, 3.0, 4.0)),
        ),
        "n_negatives": (1, 2, 4, 8),
        "init_scale": (0.01, 0.1),
    },
    "GMF": {
        "factors": (8, 16, 32, 64),
        "learning_rate": (0.001, 0.003, 0.01),
        "regularization": (0.5, 1.0, 2.0, 4.0, 8.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.1),
    },
    "MLP": {
        "learning_rate": (0.001, 0.003, 0.006),
        "regularization": (4.0, 8.0, 16.0, 32.0, 64.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.03, 0.1),
    },
    "NeuMF": {
        "factors": (8, 32),
        "learning_rate": (0.001, 0.003),
        "regularization": (4.0, 8.0, 16.0, 32.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
        "init_scale": (0.01, 0.1),
    },
    # From the chosen GMF and MLP, whose sizes it has to have.
    PRETRAINED: {
        "alpha": (0.3, 0.5, 0.7),
        "learning_rate": (0.00003, 0.0001, 0.0003, 0.001),
        "regularization": (4.0, 16.0, 64.0),
        "weight_decay": (0.1, 0.3, 1.0, 3.0),
        "batch_size": (512, 1024),
    },
}
MOST_EPOCHS = {"BinaryMF": 200, "GMF": 80, "MLP": 80, "NeuMF": 80, PRETRAINED: 20}
PATIENCE = 15


def search(
    kind: type[EpochModel],
    tuning: Split,
    name: str | None = None,
    fixed: dict | None = None,
    given: dict | None = None,
) -> tuple[dict, list[dict]]:
    """Try `TRIALS` settings; return the best, its epoch included, and all trials.

    Parameters
    ----------
    kind, tuning
        Which model, and what it learns from and is judged on.
    name : str, optional
        Of the space and the most epochs, if it is not the model's.
    fixed : dict, optional
        Hyperparameters that all trials share.
    given : dict, optional
        What `fit` is given besides the training set.
    """
    name, fixed, given = name or kind.__name__, fixed or {}, given or {}
    space, rng = SPACES[name], np.random.default_rng(0)
    watch = validating(tuning)
    trials = []
    for _ in range(TRIALS):
        setting = fixed | drawn(space, rng)
        model = kind(**setting, epochs=MOST_EPOCHS[name], patience=PATIENCE, metric="ndcg@10").fit(
            tuning.train, watch=watch, **given
        )
        row = model.history_.loc[model.best_epoch_ - 1]
        trial = {**setting, "epochs": model.best_epoch_, "stopped": len(model.history_)}
        trials.append(trial | {metric: float(row[metric]) for metric in ("hr@10", "ndcg@10")})
    best = max(trials, key=lambda trial: trial["ndcg@10"])
    return {name: best[name] for name in (*setting, "epochs")}, trials


def drawn(space: dict, rng: np.random.Generator) -> dict:
    """Draw one setting; names in a tuple are drawn together, where one makes sense with another."""
    setting = {}
    for names, values in space.items():
        value = values[rng.integers(len(values))]
        setting |= (
            {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
        )
    return setting


def ranges(space: dict) -> dict[str, list]:
    """Return a space as it is recorded."""
    return {
        names if isinstance(names, str) else ", ".join(names): list(values)
        for names, values in space.items()
    }
