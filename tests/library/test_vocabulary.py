"""Indices mean nothing without identifiers: models, splits, candidates, tables of others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Interactions, Split, k_core, leave_last_out, min_counts
from recsys_lib.data import split_by_time as by_time
from recsys_lib.evaluation import (
    compare,
    compare_ratings,
    evaluate,
    evaluate_ratings,
    leaderboard,
    rating_leaderboard,
    read_candidates,
    sample_candidates,
)
from recsys_lib.files import read_npz, write_npz
from recsys_lib.models import Biases, ItemKNN, NotFittedError, Popularity, UserKNN, load_model
from recsys_lib.validation import check_vocabulary

SAME_SIZES = r"has as many, 20 and 20, but others or in another order\. Take both from one set"


def made(prefix: str, order: int = 1) -> Interactions:
    """Return 20 users x 20 items whose identifiers begin with a letter, numbered up or down."""
    rng = np.random.default_rng(3)
    pairs = np.unique(np.r_[np.arange(20) * 21, rng.integers(0, 400, 200)])
    ids = [f"{prefix}{n:02}" for n in range(20)][::order]
    n = len(pairs)
    user, item = np.divmod(pairs, 20)
    ratings = 1 + (user + item) % 5
    return Interactions(user, item, ratings, np.arange(n), ids, ids, time_unit="s")


MINE, OTHERS, TURNED = made("a"), made("b"), made("a", -1)
SPLIT = leave_last_out(MINE, 1, 1)
WRONG = pytest.mark.parametrize("other", [OTHERS, TURNED], ids=["other users", "another order"])


@WRONG
def test_a_model_of_other_users_or_items_is_not_evaluated(other):
    model, split = ItemKNN().fit(MINE), leave_last_out(other, 1, 1)
    for candidates in (None, sample_candidates(split, 5)):
        with pytest.raises(
            DataError, match=rf"split must have .*ItemKNN.* was fitted on; it {SAME_SIZES}"
        ):
            evaluate(model, split, candidates=candidates)
    assert len(evaluate(model, SPLIT)) == 20


@WRONG
def test_nor_its_ratings(other):
    model = Biases().fit(SPLIT.train)
    with pytest.raises(DataError, match=rf"split must have .*Biases.*; it {SAME_SIZES}"):
        evaluate_ratings(model, leave_last_out(other, 1, 1))
    assert len(evaluate_ratings(model, SPLIT)) == 20


@WRONG
def test_nobody_is_spared_the_items_of_others(other, tmp_path):
    model = Popularity().fit(MINE)
    loaded = load_model(model.save(tmp_path / "model.npz"))
    for one in (model, loaded):
        assert one.vocabulary_ == MINE.vocabulary
        with pytest.raises(DataError, match=rf"exclude must have .*Popularity.*; it {SAME_SIZES}"):
            one.recommend([0], exclude=other)
        assert one.recommend([0], exclude=SPLIT.train)[0].shape == (1, 10)


@WRONG
def test_a_split_has_one_vocabulary(other):
    with pytest.raises(DataError, match=rf"test must have .* of train; it {SAME_SIZES}"):
        Split(SPLIT.train, SPLIT.valid, other)
    with pytest.raises(DataError, match=rf"valid must have .* of train; it {SAME_SIZES}"):
        Split(SPLIT.train, other, SPLIT.test)
    with pytest.raises(TypeError, match="valid must be Interactions, got NoneType"):
        Split(SPLIT.train, None, SPLIT.test)


@WRONG
def test_candidates_of_others_are_refused(other, tmp_path):
    model, theirs = Popularity().fit(SPLIT.train), leave_last_out(other, 1, 1)
    drawn = replace(sample_candidates(SPLIT, 5), vocabulary=theirs.train.vocabulary)
    with pytest.raises(DataError, match=rf"candidates must have .* of the split; it {SAME_SIZES}"):
        evaluate(model, SPLIT, candidates=drawn)
    with pytest.raises(TypeError, match="candidates must be Candidates, got ndarray"):
        evaluate(model, SPLIT, candidates=drawn.negatives)
    path = tmp_path / "candidates.csv"
    path.write_text("user_id,positive_1,negative_1\n" + "a00,a01,a02\n")
    assert read_candidates(path, MINE).vocabulary == MINE.vocabulary
    with pytest.raises(
        TypeError, match="ratings must be Interactions, got Split; a split has them"
    ):
        read_candidates(path, SPLIT)


@WRONG
def test_tables_of_others_are_not_compared(other):
    theirs = leave_last_out(other, 1, 1)
    one = evaluate(Popularity().fit(SPLIT.train), SPLIT)
    two = evaluate(Popularity().fit(theirs.train), theirs)
    with pytest.raises(DataError, match=rf"tables must have .* of baseline; it {SAME_SIZES}"):
        compare(one, two)
    with pytest.raises(DataError, match=rf"table 1 must have .* of table 0; it {SAME_SIZES}"):
        compare([one, two], one)
    with pytest.raises(DataError, match=rf"tables\['two'\] must have .* of 'one'; it {SAME_SIZES}"):
        leaderboard({"one": one, "two": two})
    ratings = [evaluate_ratings(Biases().fit(s.train), s) for s in (SPLIT, theirs)]
    with pytest.raises(DataError, match=rf"'two' must have .* other table; it {SAME_SIZES}"):
        rating_leaderboard(dict(zip(("one", "two"), ratings, strict=True)))
    with pytest.raises(DataError, match=rf"baseline must have .* other table; it {SAME_SIZES}"):
        compare_ratings(*ratings)


def test_a_table_that_has_been_to_a_file_is_compared_as_before(tmp_path):
    table = evaluate(Popularity().fit(SPLIT.train), SPLIT)
    table.to_csv(tmp_path / "table.csv")
    read = pd.read_csv(tmp_path / "table.csv", index_col="user")
    assert (compare(table, read)["difference"] == 0).all()


def test_a_model_without_a_checksum_is_held_to_its_sizes():
    model = Popularity().fit(MINE)
    del model.vocabulary_  # as of a file from before there was one
    assert len(evaluate(model, leave_last_out(OTHERS, 1, 1))) == 20
    with pytest.raises(DataError, match="it has 5 and 5, not 20 and 20"):
        model.recommend([0], exclude=Interactions([], [], [], [], range(5), range(5)))


@pytest.mark.parametrize("model", [ItemKNN, UserKNN])
def test_a_file_that_lacks_what_a_later_version_learns_is_refused(model, tmp_path):
    path = tmp_path / "model.npz"
    arrays, text = read_npz(model().fit(MINE).save(path))
    write_npz(path, {name: array for name, array in arrays.items() if name != "cold_"}, text)
    for load in (model.load, load_model):
        with pytest.raises(DataError, match=r"another version of .*cold_.*: fit and save it again"):
            load(path)


def test_a_fit_on_other_data_forgets_the_first():
    model = Popularity().fit(MINE).fit(OTHERS)
    assert model.vocabulary_ == OTHERS.vocabulary
    assert len(evaluate(model, leave_last_out(OTHERS, 1, 1))) == 20


def test_what_is_no_split_or_no_model_is_said():
    model = Popularity().fit(MINE)
    for ask in (evaluate, evaluate_ratings):
        fitted = Biases().fit(MINE)
        with pytest.raises(TypeError, match="split must be a Split, got Interactions; leave_last_"):
            ask(fitted, MINE)
        with pytest.raises(TypeError, match="split must be a Split, got tuple"):
            ask(fitted, (MINE, MINE, MINE))
    with pytest.raises(TypeError, match="split must be a Split, got Popularity"):
        evaluate(SPLIT, model)
    with pytest.raises(TypeError, match="model must be a fitted model, got <class"):
        evaluate(Popularity, SPLIT)
    with pytest.raises(NotFittedError):
        evaluate(Popularity(), leave_last_out(OTHERS, 1, 1))
    with pytest.raises(TypeError, match="split must be a Split, got Interactions"):
        sample_candidates(MINE)


@pytest.mark.parametrize("make", [leave_last_out, by_time, min_counts, lambda r: k_core(r, 2)])
def test_a_table_is_made_into_interactions_first(make):
    with pytest.raises(
        TypeError, match=r"ratings must be Interactions, got DataFrame; .*from_frame"
    ):
        make(MINE.to_frame())
    with pytest.raises(
        TypeError, match=r"got str; data.load_file reads them from a file, data.load"
    ):
        make("ratings.csv")


def test_sizes_come_first_in_the_message():
    with pytest.raises(
        DataError, match=r"^a must have .* of b; it has 2 and 4, not 3 and 4\. Take"
    ):
        check_vocabulary("a", "2x4-00", "b", "3x4-00")
    assert check_vocabulary("a", "3x4-00", "b", "3x4") is None
    assert check_vocabulary("a", "3x4", "b", "3x4-00") is None
