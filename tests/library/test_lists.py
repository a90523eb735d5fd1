"""Coverage, Gini, novelty and diversity, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recsys_lib.evaluation import lists as module

LISTS = np.array([[0, 1, 2], [0, 1, -1]])


def test_coverage_by_hand():
    assert module.coverage(LISTS, 6) == 3 / 6
    assert module.coverage(np.full((2, 3), -1), 6) == 0


def test_gini_by_hand():
    """Shown 0, 0, 1, 2, 2 times: (-4 * 0 - 2 * 0 + 0 * 1 + 2 * 2 + 4 * 2) / (5 * 5)."""
    assert module.gini(LISTS, 5) == pytest.approx(12 / 25)


def test_gini_is_0_when_all_are_shown_alike_and_nearly_1_when_one_gets_all():
    assert module.gini(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0)
    assert module.gini(np.zeros((9, 1), dtype=int), 100) == pytest.approx(0.99)
    with pytest.raises(ValueError, match="lists must show at least one item"):
        module.gini(np.full((1, 2), -1), 3)


@given(st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=8))
def test_gini_is_half_the_mean_difference_over_the_mean(rows):
    """The definition by all pairs of items, which needs no sorting."""
    lists = np.array(rows)
    shown = module.times_shown(lists, 7)
    differences = np.abs(shown[:, None] - shown).mean()
    assert module.gini(lists, 7) == pytest.approx(differences / (2 * shown.mean()))


def test_novelty_by_hand():
    counts = np.array([8, 4, 0])
    np.testing.assert_allclose(module.novelty(LISTS, counts, 16), [(1 + 2 + 4) / 3, 1.5])
    assert np.isnan(module.novelty(np.array([[-1]]), counts, 16)).all()
    with pytest.raises(ValueError, match="n_users must be at least 8, got 7"):
        module.novelty(LISTS, counts, 7)


def test_popularity_by_hand():
    np.testing.assert_allclose(module.popularity(LISTS, np.array([9, 3, 0])), [4, 6])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_diversity_by_hand(kind):
    similarity = kind(np.array([[1, 0.5, 0], [0.5, 1, 0.1], [0, 0.1, 1]]))
    np.testing.assert_allclose(module.diversity(LISTS, similarity), [1 - 0.6 / 3, 0.5])
    assert np.isnan(module.diversity(np.array([[1, -1]]), similarity)).all()


def test_items_that_do_not_exist_are_refused():
    with pytest.raises(IndexError, match="lists holds 2, allowed are 0 to 1"):
        module.coverage(LISTS, 2)
    with pytest.raises(ValueError, match=r"one row of items per user, got shape \(2,\)"):
        module.coverage(np.array([0, 1]), 2)
