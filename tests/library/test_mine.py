"""One's own ratings, read from a file or taken from the example, and lists made of them."""

import numpy as np
import pytest

from recsys_lib import data, show
from recsys_lib.data import DataError, my_ratings
from recsys_lib.data.mine import EXAMPLE
from recsys_lib.models import EASE, Popularity


@pytest.fixture(scope="module")
def films():
    return data.load("movielens-small")


def test_without_a_file_the_example_is_taken(films, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    items, stars = my_ratings(films)
    assert (np.diff(items) > 0).all()
    assert sorted(stars) == sorted(EXAMPLE.values())
    assert films.titles(items[stars == 5]) == ["Matrix, The"]


def test_a_file_is_read(films, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text('\ufefftitle,stars\n"Matrix, The", 4\n\nblade runner,0.5\n', encoding="utf-8")
    items, stars = my_ratings(films, file)
    found = dict(zip(films.titles(items), stars.tolist(), strict=True))
    assert found == {"Matrix, The": 4.0, "Blade Runner": 0.5}


def test_titles_may_be_written_as_one_says_them(films, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("title,stars\nThe Matrix,5\nThe Matrix Reloaded (2003),1\nDas Boot,4\n")
    items, stars = my_ratings(films, file)
    found = dict(zip(films.titles(items), stars.tolist(), strict=True))
    assert found == {"Matrix, The": 5, "Matrix Reloaded, The": 1, "Boot, Das (Boat, The)": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine.csv, line 1: must be the header title,stars"),
        ("film,stars\nAlien,4\n", r"line 1: must be the header title,stars"),
        ("title,stars\n", r"mine.csv rates no film; add lines, or remove it"),
        ("title,stars\nMatrix, The,4\n", r"line 2: must be a title, a comma .* stands in quotes"),
        ("title,stars\nAlien\n", r"line 2: must be a title, a comma and a number of stars"),
        ("title,stars\n\nAlien,6\n", r"line 3: stars must be a number from 0.5 to 5, got '6'"),
        ("title,stars\nAlien,0\n", r"line 2: stars must be a number from 0.5 to 5, got '0'"),
        ("title,stars\nAlien,nan\n", r"line 2: stars must be a number from 0.5 to 5, got 'nan'"),
        ("title,stars\nAlien,four\n", r"line 2: stars must be a number .*, got 'four'"),
        ("title,stars\nXyzzy,4\n", r"line 2: title 'Xyzzy' fits 0 items of movielens-small"),
        ("title,stars\nTitanic,4\n", r"line 2: title 'Titanic' fits 2 items .*1997.*1953"),
        ("title,stars\nAlien,4\nAlien,5\n", r"line 3: 'Alien' is rated twice"),
        ('title,stars\n"Alien,4\n', r"mine.csv cannot be read: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(films, tmp_path, text, message):
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        my_ratings(films, file)


def test_a_file_that_is_no_text_is_refused(films, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes(b"title,stars\n\xff\xfe,4\n")
    with pytest.raises(DataError, match=r"mine.csv cannot be read: .*utf-8"):
        my_ratings(films, file)


def test_lists_stand_side_by_side_without_what_was_rated(films):
    films = data.k_core(films, 10)  # EASE takes its time over 9,000 films
    items, _ = my_ratings(films, "no such file")
    models = {"popularity": Popularity(), "EASE": EASE()}
    scores = {name: model.fit(films).fold_in(items) for name, model in models.items()}
    found = show.my_lists(films, scores, items, k=5)
    assert found.header == ["place", "popularity", "EASE"]
    assert [row[0] for row in found.rows] == ["1", "2", "3", "4", "5"]
    order = np.argsort(-films.item_counts, kind="stable")
    expected = films.titles([i for i in order if i not in items][:5])
    assert [row[1] for row in found.rows] == expected
    assert not {title for row in found.rows for title in row[1:]} & set(films.titles(items))


def test_scores_of_another_size_are_refused(films):
    with pytest.raises(ValueError, match=r"scores of mine must be 9066 numbers.*shape \(3,\)"):
        show.my_lists(films, {"mine": np.zeros(3)}, np.array([1]))
    with pytest.raises(ValueError, match="scores must be of at least one model, got none"):
        show.my_lists(films, {}, np.array([1]))
