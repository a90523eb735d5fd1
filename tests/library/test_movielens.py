"""What is recorded of the search of chapter 4, and whether it went far enough."""

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
def test_no_winner_lies_at_an_edge_of_its_grid(found, name, setting):
    values = GRIDS[name][setting]
    assert min(values) < found["settings"][name][setting] < max(values)


@pytest.mark.parametrize("name", movielens.GRIDS)
def test_no_training_was_cut_off_by_the_number_of_epochs(found, name):
    most = movielens.LONG[name]
    for trial in found["trials"][name]:
        assert trial["epochs"] + most["patience"] <= most["epochs"], trial
