"""What is recorded agrees with itself: no training is needed to see that."""

import math

import pytest

from recsys_lib.experiments import movielens
from recsys_lib.experiments.ratings import best_of
from recsys_lib.results import recorded

from records import RECORDED


def dicts(found, place=""):
    """All dicts in a record, each with its place."""
    if isinstance(found, dict):
        yield place, found
    if isinstance(found, dict | list):
        items = found.items() if isinstance(found, dict) else enumerate(found)
        for key, value in items:
            yield from dicts(value, f"{place}/{key}")


@pytest.mark.parametrize("name", RECORDED)
def test_every_interval_holds_what_it_is_of(name):
    for place, row in dicts(recorded(name)["found"]):
        if "low" in row and not isinstance(row["low"], list):  # a curve of them is not
            value = row["difference"] if "difference" in row else row["mean"]
            assert row["low"] <= value <= row["high"], place


@pytest.mark.parametrize("name", RECORDED)
def test_every_mean_is_that_of_its_values(name):
    for place, row in dicts(recorded(name)["found"]):
        if "mean" in row and isinstance(row.get("values"), list):
            mean = math.fsum(row["values"]) / len(row["values"])
            assert row["mean"] == pytest.approx(mean, rel=1e-6, abs=1e-9), place


def test_the_settings_on_movielens_are_the_best_of_their_trials():
    found = recorded("movielens")["found"]
    assert set(movielens.GRIDS) < set(found["settings"])
    for name, setting in found["settings"].items():
        assert setting == best_of(found["trials"][name]), name


def test_differences_on_movielens_are_those_of_the_errors():
    test = recorded("movielens")["found"]["test"]
    for pair, row in test["pairs"].items():
        one, other = pair.split(" - ")
        gap = test["rmse"][one]["mean"] - test["rmse"][other]["mean"]
        assert row["difference"] == pytest.approx(gap, abs=1e-12), pair


@pytest.mark.parametrize("protocol", ["sampled", "full"])
def test_differences_of_the_evaluation_are_those_of_the_means(protocol):
    found = recorded("evaluation")["found"]
    for metric, pairs in found["pairs"][protocol].items():
        for pair, row in pairs.items():
            one, other = (found["models"][name]["by_k"][protocol][metric] for name in
                          pair.split(" - "))  # fmt: skip
            assert row["difference"] == pytest.approx(one["mean"] - other["mean"], abs=1e-12), pair
