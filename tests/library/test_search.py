"""The search: ranges, edges, shared penalties, and that the better setting is found and chosen."""

from dataclasses import replace

import numpy as np
import pytest

from recsys_lib.data import Split, leave_last_out
from recsys_lib.experiments import search
from recsys_lib.experiments.contenders import CONTENDERS, Contender, Range, longest, shared_out
from recsys_lib.experiments.search import TRIALS, edges, near, searched, settings_at, spread
from recsys_lib.experiments.units import Units
from recsys_lib.models import EASE, BinaryMF, iALS
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
    points = spread(space, 32)
    settings = settings_at(space, points)
    np.testing.assert_array_equal(spread(space, 16), points[:16])
    assert len(settings) == 32 == TRIALS - TRIALS // 3
    for key, values in space.items():
        column = [setting[key] for setting in settings]
        if isinstance(values, Range):
            assert values.low <= min(column) <= values.at(0.06)
            assert values.at(0.94) <= max(column) <= values.high
        else:
            assert set(column) == set(values)


def test_small_changes_are_small_and_leave_a_range_only_where_it_goes_on():
    space = {
        "open": Range(0.01, 1),
        "closed": Range(0, 1, log=False, ends=("low", "high")),
        "from one": Range(1, 10, whole=True, ends=("low",)),
        "choice": ("a", "b"),
    }
    parents = np.array([[0.0, 0.0, 0.0, 0.01], [0.5, 0.5, 0.5, 0.3], [1.0, 1.0, 1.0, 0.99]])
    points = near(space, parents, 600)
    assert (np.abs(points - parents[np.arange(600) % 3]) < 0.4).all()
    settings = settings_at(space, points)
    assert 0.0039 < min(one["open"] for one in settings) < 0.01  # 0.01 / 100**0.2
    assert 1 < max(one["open"] for one in settings) <= 100**0.2 + 0.01
    assert {min(one["closed"] for one in settings), max(one["closed"] for one in settings)} == {
        0,
        1,
    }
    numbers = [one["from one"] for one in settings]
    assert min(numbers) == 1
    assert 10 < max(numbers) <= 16
    assert {one["choice"] for one in settings} == {"a", "b"}
    middle = points[1::3]  # of the parent that no end holds back
    np.testing.assert_allclose(middle[:, :2].std(axis=0), search.STEP, rtol=0.15)
    np.testing.assert_allclose(middle[:, :2].mean(axis=0), 0.5, atol=0.03)


def test_a_choice_near_an_end_is_named_unless_something_was_tried_beyond():
    space = {
        "rate": Range(0.001, 1),
        "power": Range(0, 1, log=False, ends=("low", "high")),
        "n": Range(1, 10, whole=True, ends=("low",)),
        "biases": (True, False),
    }
    middle = {"rate": 0.03, "power": 0.0, "n": 1, "biases": True}
    low, high = middle | {"rate": 0.0011}, middle | {"rate": 0.9, "n": 10}
    assert edges(space, [middle, low, high], middle) == []
    assert edges(space, [middle, low, high], low) == ["rate: low"]
    assert edges(space, [middle, low, high], high) == ["rate: high", "n: high"]
    beyond = [low | {"rate": 0.0008}, high | {"rate": 1.4, "n": 10}]
    assert edges(space, [middle, low, high, *beyond], low) == []
    assert edges(space, [middle, low, high, *beyond], high) == ["n: high"]


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
    found = searched({"BinaryMF": Contender(BinaryMF, space, 20, 5)}, tuning, Units(), 12)
    assert found["spaces"]["BinaryMF"]["factors"] == [2]
    found = found["models"]["BinaryMF"]
    assert found["setting"]["learning_rate"] > 0
    assert 1 <= found["setting"]["epochs"] <= 20
    again = [trial for trial in found["trials"] if len(trial["ndcg@10"]) == 3]
    assert 3 <= len(again) <= 6
    assert list(found["budgets"]) == ["4", "8", "12"]
    assert len(found["trials"]) == 12
    assert all(found["budgets"][n]["trial"] < int(n) for n in found["budgets"])
    best = max(np.mean(trial["ndcg@10"]) for trial in again)
    assert np.mean(found["budgets"]["12"]["ndcg@10"]) == pytest.approx(best)


def test_what_diverged_is_never_chosen():
    runs = {0: [{"ndcg@10": 0.1}], 1: [{"ndcg@10": 0.9}, {"ndcg@10": None}], 2: [{"ndcg@10": 0.2}]}
    assert search.best_first(runs, range(3)) == [2, 0, 1]


def measure(model):
    """How well the first block is told from the second, for the users of the first."""
    assert isinstance(model, BinaryMF)
    scores = model.score(np.arange(0, 40, 2))
    value = float(np.tanh(scores[:, :15].mean() - scores[:, 15:30].mean()))
    return {"ndcg@10": value, "hr@10": value}


def test_a_trial_of_a_large_tower_ends_after_so_many_multiplications():
    small, large = ({"tower": d, "n_negatives": 4} for d in (8, 2_000))
    assert longest("MLP", small, TRAIN) == CONTENDERS["MLP"].epochs
    assert longest("GMF", {"factors": 4_000, "n_negatives": 4}, TRAIN) == 120  # it has no layers
    # layers of 4000, 2000, 1000 and 500 units: 10.5 million weights and 500; each sample thrice
    expected = 8e12 / (3 * 10_500_500 * 5 * len(TRAIN))
    assert longest("MLP", large, TRAIN) == int(expected) < 120
    assert longest("MLP", {"tower": 60_000, "n_negatives": 9}, TRAIN) == 1


def test_only_models_whose_ranges_were_widened_are_searched_again():
    tuning = leave_last_out(TRAIN, n_test=0, n_valid=1)
    narrow = {name: Contender(EASE, {"regularization": Range(1, 10)}) for name in ("a", "b")}
    before = searched(narrow, tuning, Units(), 12)
    wide = narrow | {"b": Contender(EASE, {"regularization": Range(1, 1000)})}
    known = search.kept(wide, before)
    assert known == {"a": before["models"]["a"]}
    after = searched(wide, tuning, Units(), 12, known)
    assert after["models"]["a"] is before["models"]["a"]
    assert after["models"]["b"] == searched(wide, tuning, Units(), 12)["models"]["b"]
    assert after["spaces"]["b"] == {"regularization": [1, 1000]}
    assert list(after["settings"]) == ["a", "b"]


def test_a_network_from_trained_halves_is_searched_again_with_them():
    spaces = {name: search._recorded(one.space) for name, one in CONTENDERS.items()}
    before = {"spaces": spaces, "models": {name: {} for name in CONTENDERS}}
    assert list(search.kept(CONTENDERS, before)) == list(CONTENDERS)  # an old record has no lengths
    before["lengths"] = {name: search._length(one) for name, one in CONTENDERS.items()}
    assert list(search.kept(CONTENDERS, before)) == list(CONTENDERS)
    longer = CONTENDERS | {"EASE": replace(CONTENDERS["EASE"], patience=1)}
    assert set(CONTENDERS) - set(search.kept(longer, before)) == {"EASE"}
    before["spaces"] = spaces | {"MLP": {}}
    assert set(CONTENDERS) - set(search.kept(CONTENDERS, before)) == {"MLP", "NeuMF, pretrained"}
    assert search.kept(CONTENDERS, None) == {}
