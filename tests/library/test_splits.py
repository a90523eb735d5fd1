"""The other splits of chapter 10: what is known at a moment, and verdicts counted by hand."""

import numpy as np
import pytest

from recsys_lib.data import Interactions
from recsys_lib.experiments import splits
from recsys_lib.experiments.contenders import CONTENDERS
from recsys_lib.experiments.splits import at_moment
from recsys_lib.experiments.units import Units

RNG = np.random.default_rng(0)
CELLS = RNG.permutation(40 * 30)[:500]
RATINGS = Interactions(
    *np.divmod(CELLS, 30),
    np.ones(500),
    RNG.permutation(500),
    range(40),
    range(30),
    time_unit="s",
)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_nothing_is_known_that_comes_later(share):
    split = at_moment(RATINGS, share)
    assert split.train.timestamp.max() < split.test.timestamp.min()
    assert len(split.train) == pytest.approx(500 * share, abs=1)
    assert len(split.test) == pytest.approx(50, abs=1)
    assert len(split.valid) == 0


def test_at_the_end_the_last_event_is_to_be_found_too():
    split = at_moment(RATINGS, 0.9)
    assert split.test.timestamp.max() == 499
    assert len(split.train) + len(split.test) == 500


def test_ties_at_the_moment_are_not_known():
    same = Interactions(
        *np.divmod(np.arange(10), 5),
        np.ones(10),
        np.repeat([1, 5], 5),
        range(2),
        range(5),
        time_unit="s",
    )
    split = at_moment(same, 0.5)
    assert set(split.train.timestamp) == {1}
    assert set(split.test.timestamp) == {5}


def test_new_users_and_items_are_counted():
    user, item = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 1, 0, 0, 2, 2])
    few = Interactions(user, item, np.ones(6), np.arange(6), range(3), range(3), time_unit="s")
    found = splits._counted(at_moment(few, 0.5, 0.5))
    assert found == {"train": 3, "test": 3, "users": 2, "new_users": 1, "events_of_new_items": 2}


def test_verdicts_are_counted_over_all_results():
    def row(low, high):
        return {"difference": (low + high) / 2, "low": low, "high": high}

    gaps = [(0.1, 0.2), (-0.1, 0.2), (-0.2, -0.1), (0.01, 0.02)]
    results = {
        str(n): {"pairs": {"a - b": {m: row(*gap) for m in splits.MAIN}}}
        for n, gap in enumerate(gaps)
    }
    counted = {"ahead": 2, "level": 1, "behind": 1}
    assert splits._verdicts(results) == {"a - b": dict.fromkeys(splits.MAIN, counted)}


def test_every_model_is_tested_on_every_split(monkeypatch):
    settings = {"EASE": {"regularization": 5.0}, "ItemKNN": {"n_neighbors": 5, "shrinkage": 1.0}}
    few = {name: CONTENDERS[name] for name in settings}
    monkeypatch.setattr(splits, "CONTENDERS", few)
    monkeypatch.setattr(Units, "each", lambda self, f, parts, *c: [f(*c, *p) for p in parts])
    found = splits.run(RATINGS, {"settings": settings})
    assert len(found["results"]) == 4 + 3 * 2
    for one in found["results"].values():
        assert list(one["models"]) == ["Popularity", *settings]
        assert len(one["pairs"]) == 3
    again = splits.quick(found, RATINGS, {"settings": settings})
    for place, one in again["results"].items():
        for name, metrics in one["models"].items():
            assert metrics == found["results"][place]["models"][name]
