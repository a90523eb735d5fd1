"""Item factors from words: on texts made up so that the answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Interactions
from recsys_lib.models.metadata import item_texts, metadata_factors


def described(**columns):
    """Interactions of one user with items that have these columns of metadata."""
    items = pd.DataFrame(columns)
    everything = np.arange(len(items))
    return Interactions(
        0 * everything,
        everything,
        np.ones(len(items)),
        0 * everything,
        range(1),
        range(len(items)),
        name="described",
        items=items,
    )


# -------------------------------------------------------------------------------------------- texts


def test_texts_join_the_columns_and_skip_what_is_missing():
    ratings = described(
        genres=["Drama|War", None, "Comedy", np.nan],
        title=["Ran", "Tampopo", None, pd.NA],
        year=[1985, 1985, 1990, 1991],
        store=[None, "Toho", None, None],
    )
    expected = ["Ran Drama|War", "Tampopo Toho", "Comedy", ""]
    assert item_texts(ratings) == expected
    assert item_texts(ratings, ("genres",)) == ["Drama|War", "", "Comedy", ""]
    assert item_texts(ratings, ("year", "title", "nothing"))[:2] == ["1985 Ran", "1985 Tampopo"]


def test_lists_of_words_are_text_too():
    ratings = described(categories=[["Books", "Crime"], [], None, [None]])
    books, *others = item_texts(ratings)
    assert "Books" in books
    assert "Crime" in books
    assert others == ["", "", ""]


def test_data_without_metadata_is_refused(tiny):
    ratings = described(year=[1, 2, 3])
    for function in (item_texts, lambda r: metadata_factors(r, 1)):
        with pytest.raises(DataError, match=r"described must have one of .*'title'.*\['year'\]"):
            function(ratings)
    with pytest.raises(DataError, match=r"must have one of the columns \('genres',\)"):
        item_texts(tiny, ("genres",))
    bare = Interactions([0], [0], [1], [0], range(1), range(1), name="bare")
    with pytest.raises(DataError, match=r"bare must have one of .*, it has None"):
        item_texts(bare)


# ------------------------------------------------------------------------------------------ factors

GROUPS = described(  # three kinds of items without a common word, and one without any
    title=["red dragon"] * 4
    + ["blue whale", "whale blue", "Blue, WHALE!"]
    + ["green"] * 2
    + [None],
    genres=["flame"] * 4 + ["sea"] * 3 + ["forest"] * 2 + [None],
)
KIND = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, -1])


def test_the_same_words_give_the_same_factors_and_other_words_orthogonal_ones():
    found = metadata_factors(GROUPS, 3)
    assert found.shape == (10, 3)
    assert found.dtype == np.float64
    cosines = found @ found.T
    lengths = np.sqrt(np.diag(cosines))
    np.testing.assert_allclose(lengths[:9], lengths[0])  # the whole row of length 1 is in the span
    np.testing.assert_allclose(
        cosines[:9, :9] / lengths[0] ** 2, KIND[:9, None] == KIND[:9], atol=1e-8
    )


def test_an_item_without_words_gets_zeros():
    found = metadata_factors(GROUPS, 3)
    np.testing.assert_allclose(found[9], 0, atol=1e-12)
    assert (np.abs(found[:9]).max(axis=1) > 0.01).all()


def test_fewer_factors_keep_the_kinds_with_most_items():
    found = metadata_factors(GROUPS, 1)[:, 0]
    assert (found[KIND == 0] > 0.01).all()
    np.testing.assert_allclose(found[KIND != 0], 0, atol=1e-8)


@pytest.mark.parametrize("scale", [0.1, 2.5])
def test_scale_is_the_root_mean_square(scale):
    found = metadata_factors(GROUPS, 2, scale=scale)
    assert np.sqrt((found**2).mean()) == pytest.approx(scale, rel=1e-12)
    unit = metadata_factors(GROUPS, 2, scale=1)
    np.testing.assert_allclose(found, scale * unit, atol=1e-12)


def test_cosines_are_those_of_tf_idf():
    """Worked out word by word; factors for all directions there are keep every product."""
    texts = ["a1 b1 c1", "a1 a1 a1 b1", "c1 d1", "d1 d1 b1", "a1 d1 e1"]
    words = sorted({word for text in texts for word in text.split()})
    rows = []
    for text in texts:
        row = []
        for word in words:
            times = text.split().count(word)
            having = sum(word in other.split() for other in texts)
            rarity = math.log((1 + len(texts)) / (1 + having)) + 1
            row.append((1 + math.log(times)) * rarity if times and having >= 2 else 0.0)
        length = math.sqrt(sum(x * x for x in row))
        rows.append([x / length for x in row])
    found = metadata_factors(described(title=texts), 3)
    u, s, _ = np.linalg.svd(np.array(rows)[:, :4], full_matrices=False)
    assert words[4] == "e1"
    nearest = u[:, :3] * s[:3] @ (u[:, :3] * s[:3]).T
    products = found @ found.T
    np.testing.assert_allclose(products / products[0, 0], nearest / nearest[0, 0], atol=1e-8)


def test_words_of_too_few_items_and_words_of_every_language_are_left_out():
    """Only "war" tells these apart; "the" and "and" are stop words, the others stand alone."""
    titles = ["the war and alpha", "war beta", "the and gamma", "war peace", "peace delta"]
    found = metadata_factors(described(title=titles), 1)
    assert found[2] == pytest.approx(0, abs=1e-12)  # "gamma" is in one item only
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8)
    all_words = metadata_factors(described(title=titles), 4, min_items=1)
    assert np.abs(all_words[2]).max() > 0.01
    assert np.abs(all_words[0] - all_words[1]).max() > 0.01


def test_the_columns_asked_for_are_read():
    by_genre = metadata_factors(GROUPS, 2, columns=("title",))
    swapped = described(title=GROUPS.items["genres"], genres=GROUPS.items["title"])
    np.testing.assert_array_equal(by_genre, metadata_factors(swapped, 2, columns=("genres",)))


def test_the_seed_changes_rounding_only():
    found = metadata_factors(GROUPS, 3, seed=0)
    np.testing.assert_array_equal(found, metadata_factors(GROUPS, 3, seed=0))
    np.testing.assert_allclose(found, metadata_factors(GROUPS, 3, seed=1), atol=1e-8)


def test_what_gives_no_factors_is_refused():
    with pytest.raises(
        DataError, match="factors must be below the 10 items and 8 words of described, got 8"
    ):
        metadata_factors(GROUPS, 8)
    with pytest.raises(DataError, match=r"factors must be below the 3 items and 4 words .*, got 3"):
        metadata_factors(described(title=["one1 two2 ab cd"] * 3), 3)
    for titles in ([None, None, None], ["the and", "of", "the"], ["ab", "cd", "ef"]):
        with pytest.raises(DataError, match="the metadata of described gives no words"):
            metadata_factors(described(title=titles), 1)


def test_wrong_settings_are_refused_by_name():
    for name, wrong, error in (
        ("factors", 0, ValueError),
        ("factors", 2.0, TypeError),
        ("scale", -1, ValueError),
        ("scale", "1", TypeError),
        ("min_items", 0, ValueError),
        ("min_items", 0.5, TypeError),
    ):
        with pytest.raises(error, match=f"{name} must be"):
            metadata_factors(GROUPS, **{"factors": 2, name: wrong})


def test_one_factor_of_items_that_all_say_the_same():
    """Its numbers are all equal, so scaling by their standard deviation would divide by 0."""
    found = metadata_factors(described(title=["red drum"] * 4), 1)
    np.testing.assert_allclose(np.abs(found), 0.1)
