"""A search that cannot see the test set, whose best trial is first and whose edges are said."""

import warnings

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Split
from recsys_lib.evaluation import (
    evaluate,
    evaluate_ratings,
    rating_error,
    sample_candidates,
    search,
)
from recsys_lib.models import MF, Biases, BinaryMF, ItemKNN, Random, Recommender

from model_suite import planted

SPLIT = planted()


class Sealed(Split):
    """A split whose test set nobody may look at."""

    opened = True

    def __getattribute__(self, name):
        if name == "test" and not type(self).opened:
            raise AssertionError("somebody has looked at the test set")
        return object.__getattribute__(self, name)


@pytest.fixture
def sealed(monkeypatch):
    split = Sealed(SPLIT.train, SPLIT.valid, SPLIT.test)
    monkeypatch.setattr(Sealed, "opened", False)
    with pytest.raises(AssertionError, match="looked at the test set"):
        _ = split.test
    return split


class Known(Recommender):
    """Puts the held-out validation item of a user in place `place` (the first is 1)."""

    def __init__(self, place: int = 1, kind: str = "a", seed: int = 0):
        self.place, self.kind, self.seed = place, kind, seed

    def _fit(self, train):
        if self.place < 1:
            raise FloatingPointError("grew beyond all bounds")
        self.seen_ = train

    def _score(self, users):
        scores = np.zeros((len(users), self.n_items_), dtype=np.float32)
        for row, user in enumerate(users):
            met = self.seen_.item[self.seen_.user == user]
            wanted = SPLIT.valid.item[SPLIT.valid.user == user]
            others = np.setdiff1d(np.arange(self.n_items_), [*met, *wanted])
            order = np.insert(others, self.place - 1 + self.seed, wanted[0] if len(wanted) else 0)
            scores[row, order[:10]] = np.arange(10, 0, -1)[: len(order[:10])]
        return scores


def test_the_best_trial_comes_first_with_what_evaluate_says_of_it(sealed):
    with pytest.warns(UserWarning, match="place=1, the lowest tried"):
        table = search(Known, {"place": [3, 1, 7]}, sealed)
    assert table.columns.tolist() == ["place", "ndcg@10", "seconds"]
    assert table["place"].tolist() == [1, 3, 7]
    expected = [1, 1 / np.log2(4), 1 / np.log2(8)]
    np.testing.assert_allclose(table["ndcg@10"], expected)
    assert table.attrs["best"] == {"place": 1}
    assert (table["seconds"] >= 0).all()


@pytest.mark.parametrize(
    ("make", "space", "options"),
    [
        (ItemKNN, {"n_neighbors": [2, 5, 40]}, {"metric": "recall@5"}),
        (BinaryMF, {"epochs": [3], "patience": [1], "metric": ["valid_ndcg@10"]}, {}),
        (MF, {"factors": [2], "epochs": [4], "patience": [2]}, {"metric": "mae", "seeds": [0, 1]}),
    ],
)
def test_nothing_reads_the_test_set(sealed, make, space, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = search(make, space, sealed, **options)
    assert table[options.get("metric", "ndcg@10")].notna().all()


def test_the_numbers_are_those_of_validation():
    table = search(ItemKNN, {"n_neighbors": [3], "shrinkage": [0.5]}, SPLIT, "hr@3")
    expected = evaluate(ItemKNN(3, 0.5).fit(SPLIT.train), SPLIT, 3, on="valid")["hr@3"].mean()
    assert table["hr@3"].tolist() == [expected]
    drawn = sample_candidates(SPLIT, 9, on="valid")
    table = search(ItemKNN, {"n_neighbors": [3]}, SPLIT, "hr@3", candidates=drawn)
    model = ItemKNN(3).fit(SPLIT.train)
    expected = evaluate(model, SPLIT, 3, on="valid", candidates=drawn)["hr@3"].mean()
    assert table["hr@3"].tolist() == [expected]


def test_of_errors_the_lowest_is_the_best():
    space = {"users": [False, True], "items": [False, True]}
    table = search(Biases, space, SPLIT, "rmse")
    assert len(table) == 4
    assert table["rmse"].is_monotonic_increasing
    best = Biases(**table.attrs["best"]).fit(SPLIT.train)
    expected = rating_error(evaluate_ratings(best, SPLIT, on="valid"))
    assert table["rmse"].iloc[0] == expected


def test_of_equal_trials_the_first_tried_is_the_best():
    table = search(Known, {"place": [2], "kind": ["c", "a", "b"]}, SPLIT)
    assert table["kind"].tolist() == ["c", "a", "b"]
    assert table.attrs["best"] == {"place": 2, "kind": "c"}


def test_settings_stay_what_was_given():
    """A column of 8 and 16 beside fractions would become floats, which the model refuses."""
    space = {"n_neighbors": [8, 16], "shrinkage": [0.0, 1.5], "center": [False]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = search(ItemKNN, space, SPLIT)
    row = table.iloc[0]
    assert ItemKNN(**row[list(space)]).parameters["n_neighbors"] in (8, 16)
    assert type(table.attrs["best"]["n_neighbors"]) is int
    np.testing.assert_array_equal(sorted(set(table["shrinkage"])), [0.0, 1.5])


def test_some_of_many_settings_are_drawn_without_repetition():
    space = {"place": [1, 2, 3, 4, 5], "kind": list("abcd")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        some = [search(Known, space, SPLIT, trials=6, seed=seed) for seed in (0, 0, 1)]
        every = search(Known, space, SPLIT, trials=99)
    pairs = [set(zip(table["place"], table["kind"], strict=True)) for table in some]
    assert [len(one) for one in pairs] == [6, 6, 6]
    assert pairs[0] == pairs[1] != pairs[2]
    assert len(every) == 20


def test_several_seeds_are_a_mean_and_its_spread():
    table = search(Known, {"place": [1]}, SPLIT, "ndcg@10", seeds=[0, 1, 6])
    each = [1, 1 / np.log2(3), 1 / np.log2(8)]
    assert table["ndcg@10"].iloc[0] == pytest.approx(np.mean(each))
    assert table["sd"].iloc[0] == pytest.approx(np.std(each, ddof=1))
    assert "sd" not in search(Random, {"seed": [1]}, SPLIT)


def test_a_trial_that_diverges_is_the_last():
    with pytest.warns(UserWarning, match="place=2, the highest tried"):
        table = search(Known, {"place": [-1, 2, 0]}, SPLIT)
    assert table["place"].tolist()[0] == 2
    assert table["ndcg@10"].isna().tolist() == [False, True, True]
    with pytest.raises(DataError, match="no trial came to a number, the first of 2 being"):
        search(Known, {"place": [-1, 0]}, SPLIT)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"place": [1, 2, 3]}, "place=1, the lowest tried"),
        ({"place": [3, 1, 2], "kind": ["a", "b"]}, "place=1, the lowest"),
        ({"place": [1]}, None),
        ({"place": [1, 1]}, None),
        ({"place": [1], "kind": ["a", "b"]}, None),
        ({"place": [1], "seed": [0, 1, 2]}, None),  # 0, and nothing lies below it
    ],
)
def test_a_winner_at_the_edge_of_its_range_is_said(space, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = search(Known, space, SPLIT)
    assert len(caught) == (said is not None)
    assert table.attrs["at_end"] == ({"place": "lowest"} if said else {})
    for one in caught:
        assert said in str(one.message)
        assert one.filename == __file__


def test_a_winner_in_the_middle_is_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = search(lambda place: Known(abs(place - 3) + 1), {"place": [1, 3, 5]}, SPLIT)
    assert table.attrs["best"] == {"place": 3}
    assert table.attrs["at_end"] == {}


def test_values_may_be_an_array():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = search(ItemKNN, {"shrinkage": np.logspace(0, 1, 3)}, SPLIT)
    assert sorted(table["shrinkage"]) == pytest.approx([1, 10**0.5, 10])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"space": {}}, TypeError, "space must be a dict from names to values to try, got {}"),
        ({"space": [1]}, TypeError, "space must be a dict"),
        ({"space": {"place": 3}}, TypeError, r"space\['place'\] must be a sequence .*, got 3"),
        ({"space": {"kind": "ab"}}, TypeError, r"space\['kind'\] must be a sequence"),
        ({"space": {"place": []}}, ValueError, r"space\['place'\] must hold a value to try"),
        ({"split": SPLIT.train}, TypeError, "split must be a Split, got Interactions"),
        ({"split": Split(SPLIT.train, SPLIT.valid.select([]), SPLIT.test)}, DataError,
         "split must have a validation set"),
        ({"metric": "recall"}, DataError, r"@K, rmse, mae, got 'recall'; is 'recall@10' meant"),
        ({"metric": "precision_at_20"}, DataError, "is 'precision@20' meant"),
        ({"metric": "map"}, DataError, "metric must be one of hr, ndcg, .* got 'map'$"),
        ({"metric": "RMSE"}, DataError, "is 'rmse' meant"),
        ({"metric": "rmse"}, TypeError, "model must predict ratings, but Known only ranks"),
        ({"trials": 0}, ValueError, "trials must be at least 1"),
        ({"seeds": [0.5]}, TypeError, "seeds must be an integer"),
        ({"seeds": [0, 1], "space": {"seed": [1]}}, ValueError, "seeds must be empty where space"),
        ({"make_model": lambda place: place}, TypeError, "make_model must return a model, got 1"),
        ({"space": {"plcae": [1]}}, TypeError, "plcae"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(change, error, message):
    given = {"make_model": Known, "space": {"place": [1]}, "split": SPLIT} | change
    with pytest.raises(error, match=message):
        search(**given)


def test_a_table_of_trials_is_a_plain_table():
    table = search(Known, {"place": [2]}, SPLIT)
    assert isinstance(table, pd.DataFrame)
    assert table.index.tolist() == [0]
