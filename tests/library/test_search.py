"""The search: ranges, edges, shared penalties, and that the better setting is found and chosen."""

import numpy as np
import pytest

from recsys_lib.data import Split, leave_last_out
from recsys_lib.experiments import search
from recsys_lib.experiments.search import (
    CONTENDERS,
    TRIALS,
    Contender,
    Range,
    drawn,
    edges,
    searched,
    shared_out,
)
from recsys_lib.experiments.units import Units
from recsys_lib.models import BinaryMF, iALS
from recsys_lib.models.bmf import decays

from model_suite import planted

TRAIN = planted().train


def test_a_range_is_spread_by_its_logarithm_or_evenly():
    assert [Range(0.01, 100).at(share) for share in (0, 0.25, 0.5, 1)] == [0.01, 0.1, 1.0, 100.0]
    assert [Range(0, 1, log=False).at(share) for share in (0, 0.25, 1)] == [0.0, 0.25, 1.0]
    assert [Range(1, 16, whole=True).at(share) for share in (0, 0.5, 1)] == [1, 4, 16]


@pytest.mark.parametrize("name", CONTENDERS)
def test_settings_fill_their_ranges_and_more_of_them_come_after(name):
    space = CONTENDERS[name].space
    settings = drawn(space, TRIALS)
    assert drawn(space, 16) == settings[:16]
    assert len(settings) == TRIALS
    for key, values in space.items():
        column = [setting[key] for setting in settings]
        if isinstance(values, Range):
            assert values.low <= min(column) <= values.at(0.06)
            assert values.at(0.94) <= max(column) <= values.high
        else:
            assert set(column) == set(values)


def test_a_choice_near_an_end_is_named_unless_nothing_lies_beyond():
    space = {
        "rate": Range(0.001, 1),
        "power": Range(0, 1, log=False, ends=("low", "high")),
        "n": Range(1, 10, whole=True, ends=("low",)),
        "biases": (True, False),
    }
    middle = {"rate": 0.03, "power": 0.0, "n": 1, "biases": True}
    assert edges(space, middle) == []
    assert edges(space, middle | {"rate": 0.0011}) == ["rate: low"]
    assert edges(space, middle | {"rate": 0.9, "n": 10}) == ["rate: high", "n: high"]


@pytest.mark.parametrize("power", [0.0, 0.4, 1.0])
def test_the_average_user_is_penalized_by_the_strength(power):
    setting = {"strength": 0.05, "frequency_power": power, "n_negatives": 3}
    given = shared_out(BinaryMF, setting, TRAIN)
    of_users, _ = decays(TRAIN, 3, given["regularization"], power)
    n = TRAIN.user_counts[0]  # as many as every other but one
    average = len(TRAIN) / TRAIN.n_users
    assert of_users[0] * (n / average) ** power == pytest.approx(0.05, rel=0.01)
    assert set(given) == {"frequency_power", "n_negatives", "regularization"}
    setting = {"strength": 5.0, "frequency_power": power, "unobserved_weight": 0.2}
    model = iALS(2, **shared_out(iALS, setting, TRAIN))
    penalty = model._penalties(np.array([average]), TRAIN.n_items)
    assert penalty[0] == pytest.approx(5, rel=0.01)


def test_the_better_setting_is_chosen_by_several_seeds(monkeypatch):
    """A learning rate of zero learns nothing; every other one of the planted blocks does."""
    split = leave_last_out(planted().train, n_test=0, n_valid=1)
    tuning = Split(split.train, split.valid, split.test)
    space = {"learning_rate": (0.0, 0.05, 0.1), "factors": (2,), "regularization": (0.1,)}
    monkeypatch.setattr(search, "validating", lambda tuning: measure)
    found = searched({"BinaryMF": Contender(BinaryMF, space, 20, 5)}, tuning, Units(), 8)
    assert found["spaces"]["BinaryMF"]["factors"] == [2]
    found = found["models"]["BinaryMF"]
    assert found["setting"]["learning_rate"] > 0
    assert 1 <= found["setting"]["epochs"] <= 20
    again = [trial for trial in found["trials"] if len(trial["ndcg@10"]) == 3]
    assert 2 <= len(again) <= 3
    assert found["budgets"]["8"]["trial"] in range(8)
    best = max(np.mean(trial["ndcg@10"]) for trial in again)
    assert np.mean(found["budgets"]["8"]["ndcg@10"]) == pytest.approx(best)


def test_what_diverged_is_never_chosen():
    runs = {0: [{"ndcg@10": 0.1}], 1: [{"ndcg@10": 0.9}, {"ndcg@10": None}], 2: [{"ndcg@10": 0.2}]}
    assert search._best(runs, range(3)) == [2, 0, 1]


def measure(model):
    """How well the first block is told from the second, for the users of the first."""
    assert isinstance(model, BinaryMF)
    scores = model.score(np.arange(0, 40, 2))
    value = float(np.tanh(scores[:, :15].mean() - scores[:, 15:30].mean()))
    return {"ndcg@10": value, "hr@10": value}
