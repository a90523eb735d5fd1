"""What is recorded of the search of chapter 4, and whether it went far enough."""

import numpy as np
import pytest

from recsys_lib.experiments import movielens
from recsys_lib.results import recorded


@pytest.fixture(scope="module")
def found():
    return recorded("movielens")["found"]


GRIDS = {
    "Biases": {"regularization": movielens.STRENGTHS},
    "SVD, bias fill": {"factors": movielens.SVD_FACTORS},
    **movielens.GRIDS,
}


@pytest.mark.parametrize(
    ("name", "setting"), [(name, one) for name, grid in GRIDS.items() for one in grid]
)
def test_a_winner_at_the_edge_of_its_grid_gained_less_than_seeds_differ(found, name, setting):
    values, best = sorted(GRIDS[name][setting]), found["settings"][name]
    if values[0] < best[setting] < values[-1]:
        return
    inside = values[1] if best[setting] == values[0] else values[-2]
    (winner,) = (t for t in found["trials"][name] if t["rmse"] == lowest(found, name))
    others = {key: best[key] for key in GRIDS[name] if key != setting}
    (neighbor,) = (
        trial
        for trial in found["trials"][name]
        if trial[setting] == inside and all(trial[key] == value for key, value in others.items())
    )
    spread = np.std(winner["values"], ddof=1) + np.std(neighbor["values"], ddof=1)
    assert neighbor["rmse"] - winner["rmse"] < spread / 2


def lowest(found, name):
    return min(trial["rmse"] for trial in found["trials"][name])


@pytest.mark.parametrize("name", movielens.GRIDS)
def test_no_training_that_matters_was_cut_off_by_the_number_of_epochs(found, name):
    most = movielens.LONG[name]
    for trial in found["trials"][name]:
        if trial["rmse"] < lowest(found, name) + 0.01:
            assert trial["epochs"] + most["patience"] <= most["epochs"], trial
