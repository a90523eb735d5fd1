"""Fixtures that several test files of the library share."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import Interactions


@pytest.fixture
def tiny() -> Interactions:
    """Three users, four items with titles (one is missing), seven events, one on each of 7 days.

    ann and bob rated a, b and d, cat rated c only; ann's last event is the last of all.
    """
    return Interactions(
        user=[0, 0, 0, 1, 1, 1, 2],
        item=[0, 1, 3, 0, 1, 3, 2],
        rating=[5, 3, 1, 4, 2, 0.5, 5],
        timestamp=np.array([1, 2, 7, 3, 4, 5, 6]) * 86_400,
        user_ids=["ann", "bob", "cat"],
        item_ids=["a", "b", "c", "d"],
        name="tiny",
        scale=(0.5, 5),
        time_unit="s",
        items=pd.DataFrame({"title": ["Amélie", 'He said "No", twice', None, "千と千尋の神隠し"]}),
    )


@pytest.fixture(scope="session")
def amazon_folder() -> Path:
    """The folder of Amazon data that the environment variable RECSYS_DATA names."""
    folder = Path(os.environ.get("RECSYS_DATA", "nowhere"))
    if not any(folder.glob("amazon-2023*")):
        pytest.skip("RECSYS_DATA names no folder with the Amazon data, so these tests are left out")
    return folder
