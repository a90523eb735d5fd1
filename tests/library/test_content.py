"""Content: its weights and cosines against scikit-learn's, by hand, and items nobody has met."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics.pairwise import cosine_similarity

from recsys_lib.data import DataError, Features, Interactions, split_items
from recsys_lib.evaluation import evaluate, new_item_candidates
from recsys_lib.models import Content, Popularity
from recsys_lib.models.content import rarity, tf_idf

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted

# words:  a  b  c  d      item 3 has no word, item 4 nobody has met
WORDS = [[1, 1, 0, 0], [3, 0, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 2, 0, 1]]


def small(words=WORDS):
    """User 0 met items 0 and 1, user 1 item 2, user 2 item 3; user 3 nothing."""
    events = Interactions([0, 0, 1, 2], [0, 1, 2, 3], [1.0] * 4, [0] * 4, range(4), range(5))
    return events.with_features(items=Features(words, "abcd", range(5)))


def by_sklearn(words, known):
    """TF-IDF with 1 + log of the counts and with IDF less 1, counted over the known items."""
    counts = sparse.csr_array(np.array(words, dtype=float))
    learned = TfidfTransformer(norm=None, sublinear_tf=True).fit(counts[known])
    learned.idf_ = learned.idf_ - 1  # scikit-learn adds 1, so that no word weighs nothing
    return learned.transform(counts).toarray()


def test_rarity_by_hand():
    """Of four known items three have a, one b, two c and none d; the item at hand counts, too."""
    known = np.array([True] * 4 + [False])
    found = rarity(sparse.csr_array(np.array(WORDS, dtype=np.float32)), known)
    np.testing.assert_allclose(found, np.log([5 / 4, 5 / 2, 5 / 3, 5 / 1]), rtol=1e-6)
    assert found.dtype == np.float32
    everywhere = sparse.csr_array(np.ones((4, 1), dtype=np.float32))
    assert rarity(everywhere, np.ones(4, dtype=bool)).tolist() == [0]


def test_weights_are_those_of_scikit_learn():
    known = np.array([True] * 4 + [False])
    expected = by_sklearn(WORDS, known)
    matrix = small().item_features.matrix
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    found = tf_idf(matrix, known)
    np.testing.assert_allclose(found.toarray(), expected / np.where(lengths, lengths, 1), rtol=1e-6)
    assert found.dtype == np.float32
    assert matrix.toarray().tolist() == WORDS  # is left alone


def test_numbers_up_to_one_are_taken_as_they_are():
    matrix = sparse.csr_array(np.float32([[0.5, 0, 1], [0, 0.5, 0]]))
    found = tf_idf(matrix, np.array([True, True])).toarray()
    np.testing.assert_allclose(found[0], np.array([0.5, 0, 1]) / np.hypot(0.5, 1), rtol=1e-6)


def test_scores_are_cosines_with_the_sum_of_what_was_met():
    model = Content().fit(small())
    weights = model.vectors_.toarray()
    profiles = np.array([weights[0] + weights[1], weights[2], weights[3]])
    found = model.score([0, 1, 2, 3])
    np.testing.assert_allclose(found[:3], cosine_similarity(profiles, weights), atol=1e-6)
    assert found[1, 2] == pytest.approx(1)
    assert not found[2].any()  # of what this user met, nothing is known
    assert not found[:3, 3].any()
    assert found[0, 4] > 0  # nobody has met it
    assert found[3].tolist() == [1, 1, 1, 1, 0]  # popularity


def test_one_score_by_hand():
    """User 1 met item 2, with a and c; of these words item 0 has a."""
    a, b, c = np.log([5 / 4, 5 / 2, 5 / 3])
    expected = a * a / np.hypot(a, c) / np.hypot(a, b)
    assert Content().fit(small()).score([1])[0, 0] == pytest.approx(expected)


def test_similar_items_have_words_in_common():
    found, cosines = Content().fit(small()).similar_items([0, 3], 4)
    assert found[0].tolist() == [4, 1, 2, -1] or found[0].tolist() == [4, 2, 1, -1]
    assert (found[1] == -1).all()
    weights = by_sklearn(WORDS, [True] * 4 + [False])
    expected = np.sort(cosine_similarity(weights[[0]], weights)[0, [1, 2, 4]])[::-1]
    np.testing.assert_allclose(cosines[0, :3], expected, rtol=1e-6)


def test_a_row_of_the_training_set_folds_in_to_its_scores():
    train = planted().train
    model = Content().fit(train)
    for user in (0, 7, 39):
        found = model.fold_in(train.item[train.user == user])
        np.testing.assert_array_equal(found, model.score([user])[0])


def test_a_word_of_all_known_items_says_nothing():
    words = np.column_stack([np.ones(5), np.array(WORDS)[:, 1:]])
    model = Content().fit(small(words.tolist()))
    assert not model.vectors_.toarray()[:, 0].any()
    assert not model.score([1])[0, 0]  # item 0 and what user 1 met have this word alone in common


# ------------------------------------------------------------------------------------------ explain


def test_explain_by_hand():
    """Between the item 2 of user 1 and item 1 stand a and c, with weights as above."""
    model = Content().fit(small())
    weights = model.vectors_.toarray()
    parts = weights[2] * weights[1]
    expected = [(name, parts["abcd".index(name)] / parts.sum()) for name in "ca"]
    found = model.explain(1, 1)
    assert [name for name, _ in found] == [name for name, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-5)
    assert model.explain(1, 1, n=1) == found[:1]
    assert model.explain(2, 0) == model.explain(3, 0) == model.explain(0, 3) == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4, 0), IndexError, "user holds 4"),
        ((0, -1), IndexError, "item holds -1"),
        ((0, "tea"), TypeError, "item must hold integer"),
        ((0, 0, 0), ValueError, "n must be"),
    ],
)
def test_explain_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        Content().fit(small()).explain(*arguments)


# ---------------------------------------------------------------------------------------- new items


def test_without_features_it_says_how_to_give_some():
    events = Interactions([0], [0], [1], [0], ["u"], ["i"])
    with pytest.raises(
        DataError, match=r"train must have features of its items, which Content\(\) needs: .*with_"
    ):
        Content().fit(events)


def test_new_items_are_found_by_their_words():
    """A third of the items is in no training row; of these, the own block comes first."""
    split = split_items(planted().train, 0, 3, valid=False)
    model, users = Content().fit(split.train), np.arange(N_USERS - 1)
    new = np.flatnonzero((split.train.item_counts == 0) & (np.arange(N_ITEMS) < N_ITEMS - 1))
    scores = model.score(users)[:, new]
    first = new[np.argsort(-scores, axis=1)[:, :3]]
    assert (block_of_item(first) == block_of_user(users)[:, None]).mean() > 0.9
    candidates = new_item_candidates(split)
    means = [
        evaluate(one.fit(split.train), split, 3, candidates=candidates)["precision@3"].mean()
        for one in (model, Popularity())
    ]
    assert means[0] > means[1] + 0.05
