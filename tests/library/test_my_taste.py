"""The models that travel with the page "My taste": near enough to the library's, and small."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

import taste
from taste import Rows, Taste

from recsys_lib import data
from recsys_lib.data.mine import _by_name, natural

LEARNED = ("itemknn", "svd", "binarymf", "ease", "ials", "content")
# Of ten films, so many stay in a list when the numbers are rounded. EASE is also cut to its
# strongest directions; "between eight and nine in ten", says the page.
STAY = {"itemknn": 0.98, "svd": 0.98, "binarymf": 0.98, "ease": 0.84, "ials": 0.98}


@pytest.fixture(scope="module")
def ratings():
    return taste.known_films()


@pytest.fixture(scope="module")
def models(ratings):
    return taste.fit(ratings)


@pytest.fixture(scope="module")
def packed(ratings, models):
    return json.loads(json.dumps(taste.pack(ratings, models)))


@pytest.fixture(scope="module")
def rounded(packed):
    return Taste(packed)


@pytest.fixture(scope="module")
def exact(models, packed):
    """The same without rounding, and with all directions of EASE."""
    whole = Taste(packed)
    whole.similarity = SimpleNamespace(values=taste.neighbors(models["itemknn"])[1])
    whole.ease = SimpleNamespace(values=taste.of_low_rank(models["ease"], len(whole.films))[0])
    for name in ("svd", "binarymf", "ials"):
        values = models[name].item_factors_.astype(np.float64)
        setattr(whole, name, SimpleNamespace(values=values))
    return whole


@pytest.fixture(scope="module")
def readers(ratings):
    """Five to ten of the films that a person liked, as if they had just typed them in."""
    liked = ratings.select(ratings.rating >= taste.LIKED)
    rows, rng = liked.to_csr("ones"), np.random.default_rng(0)
    known = [rows.indices[a:b] for a, b in zip(rows.indptr[:200], rows.indptr[1:201], strict=True)]
    return [
        {int(film): 4.0 + film % 2 for film in rng.permutation(row)[: rng.integers(5, 11)]}
        for row in known
        if len(row) >= 10
    ]


def best(scores, stars):
    scores = scores.copy()
    scores[list(stars)] = -np.inf
    return set(np.argsort(-scores, kind="stable")[:10])


def shared(one, other):
    return len(one & other) / 10


# ------------------------------------------------------------------------------------------ films


@pytest.mark.parametrize(
    ("written", "said", "others"),
    [
        ("Toy Story", "Toy Story", ""),
        ("Shawshank Redemption, The", "The Shawshank Redemption", ""),
        ("Few Good Men, A", "A Few Good Men", ""),
        ("Good, the Bad, The (Buono, Il)", "The Good, the Bad", "Buono, Il"),
        ("Boot, Das (Boat, The)", "Das Boot", "Boat, The"),
        ("Seven (a.k.a. Se7en)", "Seven", "Se7en"),
        ("Honey, I Shrunk the Kids", "Honey, I Shrunk the Kids", ""),
        ("Sex, Lies, and Videotape", "Sex, Lies, and Videotape", ""),
        ("Avventura, L' (Adventure, The)", "L'Avventura", "Adventure, The"),
    ],
)  # fmt: skip
def test_a_title_is_written_as_one_says_it(written, said, others):
    assert natural(written) == (said, others)


def test_what_the_page_calls_a_film_is_found_in_the_notebooks(ratings, packed):
    films = data.load("movielens-small")
    named = _by_name(films)
    for item, (title, year, *_) in enumerate(packed["films"]):
        found = named[f"{title} ({year})".casefold()]
        assert films.item_ids[found] == ratings.item_ids[item]


def test_films_are_known_to_many_and_told_apart(ratings, packed):
    assert 700 <= ratings.n_items <= 1000
    assert ratings.item_counts.min() == taste.LEAST == packed["least"]
    assert ratings.n_users == packed["people"]
    assert [film[2] for film in packed["films"]] == ratings.item_counts.tolist()
    assert len({(title, year) for title, year, *_ in packed["films"]}) == ratings.n_items


def test_the_page_is_to_hold_little(packed):
    text = json.dumps(packed, separators=(",", ":"), ensure_ascii=False)
    assert len(text.encode()) < 400_000


# -------------------------------------------------------------------------------------- rounding


def test_rounding_is_off_by_half_a_step_at_most():
    matrix = np.random.default_rng(0).standard_t(3, size=(50, 20))
    matrix[7] = 0
    rows = Rows.of(matrix)
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(rows.values - matrix) <= step / 2 * (1 + 1e-4)).all()
    assert np.abs(rows.integers).max(axis=1).tolist() == [127] * 7 + [0] + [127] * 42
    again = Rows.from_json(json.loads(json.dumps(rows.to_json())))
    np.testing.assert_array_equal(again.values, rows.values)


@pytest.mark.parametrize("name", STAY)
def test_few_films_of_a_list_change_by_rounding(name, exact, rounded, readers):
    stay = [
        shared(
            best(exact.answers(stars)[name].scores, stars),
            best(rounded.answers(stars)[name].scores, stars),
        )
        for stars in readers
    ]
    assert np.mean(stay) > STAY[name]


def test_largest_weights_alone_would_be_worse_for_ease(models, readers):
    """In the bytes of `RANK` numbers a row, 50 weights with their places: why they are not kept."""
    weights = models["ease"].weights_
    order = np.argsort(-np.abs(weights), axis=1)[:, : taste.RANK // 3]
    kept = np.zeros_like(weights)
    np.put_along_axis(kept, order, np.take_along_axis(weights, order, axis=1), axis=1)
    stay = [
        shared(best(weights[list(s)].sum(axis=0), s), best(kept[list(s)].sum(axis=0), s))
        for s in readers
    ]
    assert np.mean(stay) < STAY["ease"] - 0.05


# ------------------------------------------------------------------------------- as the library's


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("itemknn", 1e-5), ("svd", 1e-5), ("ease", 1e-4), ("ials", 1e-3), ("content", 1e-5)],
)
def test_before_rounding_a_reader_is_folded_in_as_by_the_library(
    name, tolerance, exact, models, readers
):
    for stars in readers[:40]:
        expected = models[name].fold_in(list(stars), list(stars.values()))
        new = np.setdiff1d(np.arange(len(expected)), list(stars))  # of EASE, no diagonal
        found = exact.answers(stars)[name].scores
        largest = np.abs(expected[new]).max()
        np.testing.assert_allclose(found[new] / largest, expected[new] / largest, atol=tolerance)


def test_all_directions_of_ease_are_its_weights(models):
    model = models["ease"]
    W, divided = taste.of_low_rank(model, model.n_items_)
    weights = W @ W.T * divided
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(weights, model.weights_, atol=1e-6)


def test_binary_mf_with_all_negatives_is_near_the_library_that_draws_some(exact, models, readers):
    """As near as the library is to itself with other negatives."""
    model, alike, near, own = models["binarymf"], [], [], []
    for stars in readers[:60]:
        found = exact.answers(stars)["binarymf"].scores
        lists = []
        for model.seed in (0, 1):
            drawn = model.fold_in(list(stars))
            alike.append(np.corrcoef(found, drawn)[0, 1])
            lists.append(best(drawn, stars))
        near += [shared(one, best(found, stars)) for one in lists]
        own.append(shared(*lists))
    assert np.mean(alike) > 0.98
    assert np.mean(near) > 0.8
    assert np.mean(near) > np.mean(own) - 0.03


@pytest.mark.parametrize("n_liked", [1, 5, 60])
def test_steps_of_newton_end_where_the_slope_is_zero(n_liked, exact):
    found, Q = exact.packed["binarymf"], exact.binarymf.values
    Z, x0 = np.column_stack([Q, np.ones(len(Q))]), np.full(len(Q), found["intercept"])
    liked = np.random.default_rng(n_liked).choice(len(Q), n_liked, replace=False)
    n, lam = found["negatives"], found["regularization"]
    theta = taste.fold_in_expected(Z, x0, liked, n, lam)
    p = 1 / (1 + np.exp(-(x0 + Z @ theta)))
    others = np.setdiff1d(np.arange(len(Q)), liked)
    drawn = n * n_liked / len(others)  # how often each of them is a negative
    slope = (p[liked] - 1) @ Z[liked] + drawn * p[others] @ Z[others]
    np.testing.assert_allclose(slope + lam * (1 + n) * n_liked * theta, 0, atol=1e-9)


# ---------------------------------------------------------------------------------------- answers


def test_films_without_a_like_are_no_reason_but_of_svd(rounded):
    liked, other = rounded.find("Toy Story"), rounded.find("Titanic")
    alone, both = rounded.answers({liked: 5}), rounded.answers({liked: 5, other: 2})
    for name in ("itemknn", "binarymf", "ease", "ials", "content"):
        np.testing.assert_array_equal(both[name].scores, alone[name].scores)
        assert both[name].of == (liked,)
    assert both["svd"].of == (liked, other)
    assert (both["svd"].scores != alone["svd"].scores).all()
    nothing = rounded.answers({other: 3})
    assert [name for name, answer in nothing.items() if answer] == ["popularity", "svd"]
    assert [name for name, answer in rounded.answers({}).items() if answer] == ["popularity"]


def test_words_in_common_are_those_that_add_most_and_both_films_have_them(rounded, ratings):
    alien, aliens = rounded.find("Alien"), rounded.find("Aliens")
    assert rounded.in_common(alien, aliens) == ["Horror", "Sci-Fi"]
    resurrection = rounded.find("Alien: Resurrection")
    assert rounded.in_common(resurrection, alien) == ["\u201calien\u201d", "Horror"]
    for film, other in ((alien, aliens), (resurrection, alien), (3, 5)):
        both = (ratings.item_features.matrix[[film, other]].toarray() > 0).all(axis=0)
        names = [taste.spoken(one) for one in np.array(ratings.item_features.names)[both]]
        assert set(rounded.in_common(film, other)) <= set(names)


def test_films_with_the_same_words_have_the_same_score_to_the_last_digit(rounded, readers):
    """Then the browser, which adds in the same order, puts them in the same order."""
    rows = [tuple(row) for row in rounded.words.toarray()]
    alike = [
        np.flatnonzero([row == one for row in rows]) for one in set(rows) if rows.count(one) > 1
    ]
    assert len(alike) > 20
    for stars in readers[:20]:
        scores = rounded.answers(stars)["content"].scores
        assert all(len(set(scores[films])) == 1 for films in alike)


@pytest.mark.parametrize("name", ["itemknn", "svd", "ease", "ials"])
def test_the_parts_of_the_films_make_the_score(name, rounded, readers):
    divided = taste._array(rounded.packed["ease"]["divided"], np.float32)
    for stars in readers[:10]:
        answer = rounded.answers(stars)[name]
        total = answer.because.sum(axis=0) * (divided if name == "ease" else 1)
        np.testing.assert_allclose(answer.scores, total, atol=1e-9)


def test_lists_hold_ten_new_films_with_the_reason_that_adds_most(rounded, readers):
    for stars in readers[:20]:
        answers = rounded.answers(stars)
        for name, found in rounded.lists(stars).items():
            films = [film for film, _ in found]
            assert len(set(films)) == 10
            assert not set(films) & set(stars)
            assert (np.diff(answers[name].scores[films]) <= 0).all()
            for film, reason in found:
                if name == "popularity":
                    assert reason is None
                else:
                    parts = dict(zip(answers[name].of, answers[name].because[:, film], strict=True))
                    assert parts[reason] == max(parts.values())
                    assert name == "binarymf" or parts[reason] > 0


def test_the_script_takes_from_the_data_what_both_must_know(packed):
    script = (Path(taste.__file__).parents[1] / "_assets" / "my_taste.js").read_text()
    known = {"liked": taste.LIKED, "in_common": taste.IN_COMMON}
    for name, value in known.items():
        assert packed[name] == value
        assert f"data.{name}" in script
