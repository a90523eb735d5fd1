"""Made ratings: their counts and tails, and that what is planted in them can be found."""

import hashlib

import numpy as np
import pytest

from recsys_lib.data import item_features, k_core, leave_last_out
from recsys_lib.data.made import GROUPS, MONTH, START, made
from recsys_lib.evaluation import evaluate, sample_candidates
from recsys_lib.evaluation.ratings import evaluate_ratings, rating_error
from recsys_lib.experiments.protocol import paper_split
from recsys_lib.models import Biases, BinaryMF, Content, Markov, Popularity

RATINGS = made()
SPLIT = paper_split(RATINGS)


def test_there_are_about_as_many_as_asked_for():
    assert (RATINGS.n_users, RATINGS.n_items) == (600, 300)
    assert len(RATINGS) == pytest.approx(12_000, rel=0.05)
    assert RATINGS.user_counts.min() == 1
    assert made(200, 100, 2_000, new=0).user_counts.min() >= 3
    few = made(50, 20, 10_000)
    assert few.user_counts.max() == 10  # half of the items


def test_both_tails_are_long():
    for counts in (RATINGS.user_counts, RATINGS.item_counts):
        most = np.sort(counts)[::-1]
        assert most[: len(most) // 5].sum() > 0.45 * len(RATINGS)
        assert np.median(counts) < 0.8 * counts.mean()
    assert 0 < len(k_core(RATINGS, 5)) < len(RATINGS)


def test_a_tenth_of_the_users_is_new_in_training():
    assert (RATINGS.user_counts <= 2).sum() == 60
    assert (SPLIT.train.user_counts == 0).sum() == 60
    assert (made(new=0.5).user_counts <= 2).sum() == 300


def test_the_taste_is_found_by_a_model():
    candidates = sample_candidates(SPLIT)
    hits = [
        evaluate(model.fit(SPLIT.train), SPLIT, candidates=candidates)["hr@10"].mean()
        for model in (BinaryMF(16, learning_rate=0.03, epochs=40), Popularity())
    ]
    assert hits[0] > hits[1] + 0.05


def test_stars_have_reasons():
    held = leave_last_out(RATINGS, n_test=2, n_valid=0)
    errors = [
        rating_error(evaluate_ratings(model.fit(held.train), held))
        for model in (Biases(), Biases(0.0, users=False, items=False))
    ]
    assert errors[0] < errors[1] - 0.01


def test_the_order_says_what_comes_next():
    """The item behind the last one comes far more often than by its popularity."""
    order = np.lexsort((RATINGS.timestamp, RATINGS.user))
    user, item = RATINGS.user[order], RATINGS.item[order]
    same = user[1:] == user[:-1]
    follows = item[1:] == (item[:-1] + len(GROUPS)) % RATINGS.n_items
    assert follows[same].mean() > 0.12
    split = leave_last_out(RATINGS, n_test=1, n_valid=0)
    hits = [
        evaluate(model.fit(split.train), split)["hr@10"].mean()
        for model in (Markov(length=1), Popularity())
    ]
    assert hits[0] > hits[1] + 0.05


def test_fashions_go_by():
    """What is popular in the first years is not what is in the last, even within a group."""
    early = RATINGS.timestamp < START + 50 * MONTH
    counts = [np.bincount(RATINGS.item[part], minlength=300) for part in (early, ~early)]
    top = [set(np.argsort(-one, kind="stable")[:30]) for one in counts]
    assert len(top[0] & top[1]) < 20


def test_words_tell_the_group():
    described = RATINGS.with_features(items=item_features(RATINGS))
    model = Content().fit(leave_last_out(described, n_test=1, n_valid=0).train)
    lists, _ = model.recommend(np.arange(100), 5)
    groups = lists % len(GROUPS)
    assert (groups == np.median(groups, axis=1, keepdims=True)).mean() > 0.6


def test_they_are_the_same_on_every_machine():
    """No number that decides is from a sum whose order, or a function whose last digit, is free."""
    columns = RATINGS.user, RATINGS.item, RATINGS.rating, RATINGS.timestamp
    content = b"".join(column.astype("<i8").tobytes() for column in columns)
    assert hashlib.sha256(content).hexdigest()[:16] == "b1afa9c5aabb24b6"
    assert not np.array_equal(made(seed=1).item[:100], RATINGS.item[:100])


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"n_users": 0}, ValueError, "n_users must be"),
        ({"n_items": 5}, ValueError, "n_items must be at least 6, got 5"),
        ({"n_events": 1_799}, ValueError, "n_events must be at least 1800, got 1799"),
        ({"new": 1.5}, ValueError, "new must be a finite number in"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"n_users": 2.5}, TypeError, "n_users must be"),
    ],
)
def test_what_does_not_fit_is_refused(given, error, said):
    with pytest.raises(error, match=said):
        made(**given)
