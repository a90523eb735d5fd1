"""`Features`: what they take and refuse, how they are made, and that they go along everywhere."""

import copy
import dataclasses
from pickle import dumps, loads

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from recsys_lib import data
from recsys_lib.data import DataError, Features, Interactions
from recsys_lib.data.features import MOST_WORDS
from recsys_lib.data.metadata import item_features

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=60)
IDS = ["tea", "jam", "egg"]


def make(matrix=((1, 0), (0, 2), (0, 0)), names=("hot", "sweet"), ids=IDS):
    return Features(matrix, names, ids)


def of_tiny(tiny, side="item"):
    """Two features of the items or users of the fixture `tiny`."""
    ids = getattr(tiny, f"{side}_ids")
    return Features(np.arange(2 * len(ids)).reshape(-1, 2), ["even", "odd"], ids)


def assert_same(one, other):
    assert (one.names, one.ids.tolist()) == (other.names, other.ids.tolist())
    np.testing.assert_array_equal(one.matrix.toarray(), other.matrix.toarray(), strict=True)


class TestWhatTheyHold:
    @pytest.mark.parametrize(
        "given",
        [
            [[1, 0], [0, 2], [0, 0]],
            np.array([[1, 0], [0, 2], [0, 0]], dtype=np.int8),
            sparse.coo_array(([1, 1, 1, 0], ([0, 1, 1, 2], [0, 1, 1, 0])), shape=(3, 2)),
            sparse.csc_matrix([[1.0, 0], [0, 2], [0, 0]]),
            pd.DataFrame([[1, 0], [0, 2], [0, 0]]),
        ],
        ids=["lists", "integers", "coordinates, one twice", "columns", "frame"],
    )
    def test_any_table_of_numbers(self, given):
        features = make(given)
        assert isinstance(features.matrix, sparse.csr_array)
        assert features.matrix.dtype == np.float32
        assert features.matrix.nnz == 2  # stored zeros are dropped
        assert features.matrix.has_sorted_indices
        assert features.matrix.toarray().tolist() == [[1, 0], [0, 2], [0, 0]]
        assert (len(features), features.n_features) == (3, 2)

    def test_nothing_of_them_can_be_changed(self):
        matrix, ids = sparse.csr_array([[1.0, 0], [0, 2], [0, 0]]), np.array(IDS)
        features = make(matrix, ids=ids)
        matrix.data[0], ids[0] = 7, "ham"
        assert_same(features, make())
        for again in (features, *(f(features) for f in (copy.copy, copy.deepcopy))):
            assert_same(again, features)
            for array in (again.matrix.data, again.matrix.indices, again.matrix.indptr, again.ids):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 0
        with pytest.raises(ValueError, match="read-only"):
            loads(dumps(features)).matrix.data[0] = 0
        with pytest.raises(dataclasses.FrozenInstanceError):
            features.names = ("a", "b")

    def test_rows_and_columns_that_say_nothing_are_kept_and_counted(self):
        features = make([[1, 0, 2, 3], [1, 0, 5, 0], [1, 0, 2, 0]], "abcd")
        assert features.idle.tolist() == [True, True, True, False]
        assert repr(features) == "<4 features of 3 rows, 2.3 in each; 3 in every row or in none>"
        assert repr(make()) == "<2 features of 3 rows, 0.7 in each; 1 row without any>"
        none = make(np.zeros((3, 1)), ["a"])
        assert repr(none).endswith("3 rows without any; 1 in every row or in none>")
        empty = make(np.zeros((0, 2)), "ab", [])
        assert empty.idle.all()
        assert len(empty) == 0

    def test_select(self):
        for rows in ([2, 0], np.array([2, 0])):
            assert_same(make().select(rows), make([[0, 0], [1, 0]], ids=["egg", "tea"]))
        assert_same(make().select(np.array([True, False, False])), make([[1, 0]], ids=["tea"]))
        assert len(make().select([])) == 0

    def test_rows_are_put_in_the_order_of_other_identifiers(self):
        found = make().for_ids(["ham", "jam", "tea"])
        assert_same(found, make([[0, 0], [0, 2], [1, 0]], ids=["ham", "jam", "tea"]))
        numbers = make(ids=[7, 8, 9]).for_ids(["8", "10"])  # a number and its text are the same
        assert_same(numbers, make([[0, 2], [0, 0]], ids=["8", "10"]))
        with pytest.raises(
            DataError, match=r"none of the 2 ids is known, such as ham; .* tea, jam"
        ):
            make().for_ids(["ham", "oil"])
        assert make().for_ids([]).matrix.shape == (0, 2)

    def test_stack(self):
        two = Features([[3], [0], [4]], ["low"], IDS)
        both = Features.stack({"taste": make(), "price": two})
        assert both.names == ("taste: hot", "taste: sweet", "price: low")
        assert both.matrix.toarray().tolist() == [[1, 0, 3], [0, 2, 0], [0, 0, 4]]
        assert both.ids.tolist() == IDS
        for groups, error, message in (
            ({}, DataError, "groups must be a dict from names to Features"),
            ([make()], DataError, "groups must be a dict"),
            ({"a": make(), "b": [[1]]}, TypeError, r"groups\['b'\] must be Features, got list"),
            (
                {"a": make(), "b": two.select([1, 0, 2])},
                DataError,
                r"groups\['b'\] must have the rows of groups\['a'\], .* has 'jam' in row 0, not 't",
            ),
            ({"a": make(), "b": two.select([0])}, DataError, "it has 1, not 3"),
        ):
            with pytest.raises(error, match=message):
                Features.stack(groups)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": [[1, 0], [0, 1]]}, r"one row for each of the 3 ids .* got shape \(2, 2\)"),
        ({"names": ["a"]}, r"one column for each of the 1 names, got shape \(3, 2\)"),
        ({"names": ["a", "a"]}, "names holds 'a' more than once"),
        ({"ids": ["x", "y", "x"]}, "ids holds 'x' more than once"),
        ({"ids": [["x"], ["y"], ["z"]]}, "one row for each of the 3 ids"),
        (
            {"matrix": [[1, np.nan], [0, 1], [0, 0]]},
            "finite numbers, none negative, got nan for 'sweet' of tea",
        ),
        ({"matrix": [[1, 0], [np.inf, 1], [0, 0]]}, "none negative, got inf for 'hot' of jam"),
        ({"matrix": [[1, 0], [0, 1], [0, 1e39]]}, "none negative, got inf for 'sweet' of egg"),
        ({"matrix": [[0, 0], [3, -0.5], [0, 0]]}, "none negative, got -0.5 for 'sweet' of jam"),
        ({"matrix": [["a", "b"]] * 3}, "table of numbers, sparse or not, got <U1 of shape"),
        ({"matrix": [[None, 1]] * 3}, "table of numbers, .* got object"),
        ({"matrix": [1, 2, 3]}, r"two-dimensional .* of shape \(3,\)"),
        ({"matrix": [[1], [1, 2], []]}, "rows of one length"),
    ],
)
def test_what_is_no_table_of_features_is_refused(changes, message):
    with pytest.raises(DataError, match=f"features: .*{message}"):
        make(**changes)


# ----------------------------------------------------------------------------------- how to make


class TestTexts:
    TEXTS = ("Green tea, the BEST tea", "Black tea", None)

    def test_words_are_counted(self):
        words = Features.from_texts(IDS, self.TEXTS, min_items=1)
        assert words.names == ("best", "black", "green", "tea")
        assert words.matrix.toarray().tolist() == [[1, 0, 1, 2], [0, 1, 0, 1], [0] * 4]
        assert words.ids.tolist() == IDS

    def test_what_is_kept(self):
        for options, names in (
            ({}, ("tea",)),  # two texts have it
            ({"min_items": 1, "most": 1}, ("tea",)),
            ({"min_items": 1, "stop_words": None}, ("best", "black", "green", "tea", "the")),
        ):
            assert Features.from_texts(IDS, self.TEXTS, **options).names == names

    def test_any_other_vectorizer_makes_features_too(self):
        pairs = CountVectorizer(ngram_range=(2, 2), binary=True)
        matrix = pairs.fit_transform([text or "" for text in self.TEXTS])
        found = Features(matrix, pairs.get_feature_names_out(), IDS)
        assert found.names == ("best tea", "black tea", "green tea", "tea the", "the best")
        assert found.matrix.toarray().tolist() == [[1, 0, 1, 1, 1], [0, 1, 0, 0, 0], [0] * 5]

    def test_of_a_huge_vocabulary_the_most_frequent_words_are_kept(self):
        """20,000 words, of which word n stands in one text less than word n - 1."""
        texts = [" ".join(f"w{n:05}" for n in range(row, 20_000, 997)) for row in range(997)]
        texts += [" ".join(f"w{n:05}" for n in range(most)) for most in range(0, 6_000, 10)]
        found = Features.from_texts(range(len(texts)), texts)
        assert found.n_features == MOST_WORDS
        assert set(found.names) == {f"w{n:05}" for n in range(MOST_WORDS)}
        assert found.matrix.data.nbytes < 20e6

    @pytest.mark.parametrize(
        ("texts", "given", "message"),
        [
            (["a b", "c"], {}, "texts must have one entry for each of the 3 ids, got 2"),
            (["tea", 5, "jam"], {}, "texts: each must be text or missing, got 5 for jam"),
            ([None, "", np.nan], {}, "texts give no feature: empty vocabulary"),
            (["red", "blue", "green"], {}, "texts give no feature: After pruning, no terms remain"),
            (["a b", "c", "d"], {"stop_words": "Klingon"}, "texts give no feature: .*stop_words"),
        ],
    )
    def test_what_is_refused(self, texts, given, message):
        with pytest.raises(DataError, match=message):
            Features.from_texts(IDS, texts, **given)

    def test_arguments(self):
        with pytest.raises(TypeError, match="texts must be a sequence, got 'tea'"):
            Features.from_texts(IDS, "tea")
        for options in ({"min_items": 0}, {"most": 0}):
            with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
                Features.from_texts(IDS, self.TEXTS, **options)


class TestListsCategoriesAndNumbers:
    def test_names_of_lists(self):
        found = Features.from_lists(IDS, [["War", "Sci-Fi"], ("War",), None])
        assert found.names == ("Sci-Fi", "War")
        assert found.matrix.toarray().tolist() == [[1, 1], [0, 1], [0, 0]]
        assert Features.from_lists(IDS, [["a", "a"], ["a", "b"], []], min_items=2).names == ("a",)
        for lists, message in (
            (["War|Drama", [], []], "lists: each must be a list of names; of one text, split"),
            ([[1, 2], [], []], r"each must be a list of texts, got \[1, 2\] for tea"),
            ([5, [], []], "lists: 'int' object is not iterable, got 5 for tea"),
            ([[], [], []], "lists give no feature"),
        ):
            with pytest.raises(DataError, match=message):
                Features.from_lists(IDS, lists)

    def test_categories(self):
        found = Features.from_categories(IDS, ["x y", None, 7])
        assert found.names == ("7", "x y")
        assert found.matrix.toarray().tolist() == [[0, 1], [0, 0], [1, 0]]
        with pytest.raises(DataError, match="one entry for each of the 3 ids, got 1"):
            Features.from_categories(IDS, ["x"])

    def test_ranges_hold_as_many_numbers_each(self):
        prices = [5, 1, 2, 3, None, 4, 100, 6, 7]
        found = Features.from_numbers(range(9), prices, n_bins=4)
        assert found.names == ("1 to 2", "3 to 4", "5 to 6", "7 to 100")
        assert found.matrix.sum(axis=0).tolist() == [2] * 4
        assert found.matrix[[4]].nnz == 0
        assert Features.from_numbers(IDS, [2, 2, 9]).names == ("2", "9")  # ties lie in one range
        assert Features.from_numbers(IDS, ["0.5", 2, 9], n_bins=1).names == ("0.5 to 9",)

    def test_ranges_of_one_width(self):
        years = [1989, 1990, 1999, 2000, pd.NA]
        found = Features.from_numbers(range(5), years, width=10)
        assert found.names == ("1980 to 1990", "1990 to 2000", "2000 to 2010")
        assert found.matrix.indices.tolist() == [0, 1, 1, 2]
        below = Features.from_numbers(IDS, [-0.1, 0, 0.3], width=0.25)
        assert below.names == ("-0.25 to 0", "0 to 0.25", "0.25 to 0.5")

    @pytest.mark.parametrize(
        ("numbers", "message"),
        [
            (["cheap", 1, 2], "could not convert string to float: 'cheap', got 'cheap' for tea"),
            ([1, np.inf, 2], "each must be a finite number or missing, got inf for jam"),
            ([1, 2, True], "each must be a finite number or missing, got True for egg"),
            ([None, np.nan, None], "numbers must hold a number, all are missing"),
            ([1, 2], "numbers must have one entry for each of the 3 ids"),
        ],
    )
    def test_what_are_no_numbers_is_refused(self, numbers, message):
        with pytest.raises(DataError, match=message):
            Features.from_numbers(IDS, numbers)

    def test_ranges_that_cannot_be(self):
        for options in ({"n_bins": 0}, {"width": 0}, {"width": -1}):
            with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
                Features.from_numbers(IDS, [1, 2, 3], **options)

    @REPRODUCIBLE
    @given(
        st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=30),
        st.integers(1, 6),
    )
    def test_every_number_is_in_one_range_and_they_rise(self, numbers, n_bins):
        if all(number is None for number in numbers):
            return
        found = Features.from_numbers(range(len(numbers)), numbers, n_bins=n_bins)
        assert 1 <= found.n_features <= n_bins
        known = [number is not None for number in numbers]
        assert (np.diff(found.matrix.indptr) == known).all()
        bins = found.matrix.indices[np.argsort([n for n in numbers if n is not None])]
        assert (np.diff(bins) >= 0).all()


# ------------------------------------------------------------------------ what goes with the events


class TestTheyGoAlong:
    @pytest.fixture
    def both(self, tiny):
        return tiny.with_features(items=of_tiny(tiny), users=of_tiny(tiny, "user"))

    def test_into_selections_and_splits(self, both):
        late = both.select(both.timestamp > 4 * 86_400)
        splits = data.leave_last_out(both, 1, 0), data.split_by_time(both, 0.3, 0.3)
        splits += (
            data.split_items(both, 0, 2, valid=False),
            data.split_users(both, 1, 1, 2, test_after=2),
        )
        for split in splits:
            parts = [split.train, split.valid, split.test]
            parts += [split.given] if split.given is not None else []
            for part in (late, *parts):
                assert part.item_features is both.item_features
                assert part.user_features is both.user_features

    def test_with_their_items_where_some_are_dropped(self, both):
        few = both.select(both.item != 1).compact()
        assert few.item_ids.tolist() == ["a", "c", "d"]
        assert_same(few.item_features, both.item_features.select([0, 2, 3]))
        one = both.select(both.user == 2).compact()
        assert_same(one.user_features, both.user_features.select([2]))
        core = data.k_core(both, 2)
        assert core.item_features.ids.tolist() == core.item_ids.tolist() == ["a", "b", "d"]

    def test_into_files_and_copies(self, both, tmp_path):
        loaded = Interactions.load(both.save(tmp_path / "both.npz"))
        for again in (loaded, copy.copy(both), copy.deepcopy(both), loads(dumps(both))):
            assert_same(again.item_features, both.item_features)
            assert_same(again.user_features, both.user_features)
            with pytest.raises(ValueError, match="read-only"):
                again.item_features.matrix.data[0] = 1
        with np.load(tmp_path / "both.npz", allow_pickle=False) as file:
            assert all(file[key].dtype.kind in "biufU" for key in file.files)

    def test_a_side_that_is_left_out_keeps_what_it_has(self, tiny, both):
        other = Features(np.ones((4, 1)), ["one"], tiny.item_ids)
        again = both.with_features(items=other)
        assert again.item_features is other
        assert again.user_features is both.user_features
        assert (tiny.item_features, tiny.user_features) == (None, None)
        assert again.vocabulary == tiny.vocabulary

    def test_those_of_others_are_refused_with_a_cure(self, tiny):
        features = of_tiny(tiny)
        turned, others = features.select([1, 0, 2, 3]), of_tiny(tiny, "user")
        with pytest.raises(
            DataError,
            match=r"tiny: item_features must have the rows of item_ids, .* it has 'b' in row 0, "
            r"not 'a'\. `for_ids` puts",
        ):
            tiny.with_features(items=turned)
        assert_same(tiny.with_features(items=turned.for_ids(tiny.item_ids)).item_features, features)
        with pytest.raises(DataError, match=r"item_features must have .* it has 3, not 4"):
            tiny.with_features(items=others)
        with pytest.raises(DataError, match=r"user_features must have .* it has 4, not 3"):
            tiny.with_features(users=features)
        numbers = Features(features.matrix, features.names, range(4))
        with pytest.raises(DataError, match="it has 0 in row 0, not 'a'"):
            tiny.with_features(items=numbers)
        with pytest.raises(
            TypeError, match="item_features must be Features, got ndarray; Features"
        ):
            tiny.with_features(items=np.ones((4, 2)))

    @REPRODUCIBLE
    @given(st.data())
    def test_any_table_comes_back_from_a_file(self, tmp_path_factory, data):
        names = data.draw(
            st.lists(
                st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
                max_size=4,
                unique=True,
            )
        )
        row = st.lists(st.floats(0, 2**90, width=32), min_size=len(names), max_size=len(names))
        rows = np.array([data.draw(row) for _ in range(3)]).reshape(3, len(names))
        events = Interactions([0], [0], [1], [0], ["ann"], IDS)
        events = events.with_features(items=Features(rows, names, IDS))
        path = events.save(tmp_path_factory.mktemp("features") / "events.npz")
        assert_same(Interactions.load(path).item_features, events.item_features)


# ----------------------------------------------------------------------------- what metadata says


def described(**columns):
    items = pd.DataFrame(columns)
    n = np.arange(len(items))
    ids = [f"p{i}" for i in n]
    return Interactions(0 * n, n, 1.0 + 0 * n, 0 * n, ["u"], ids, name="described", items=items)


class TestOfMetadata:
    def test_every_column_is_read_in_its_way(self):
        shop = described(
            title=["Green tea", "Black tea", None],
            description=[None, "Green and black", "None"],
            categories=["['Food', 'Tea']", '["Food", "Tea"]', None],
            store=["A", "A", "B"],
            price=["2.50", None, "9"],
            year=pd.array([1994, 2001, None], "Int64"),
            other=[1, 2, 3],
        )
        found = item_features(shop, min_items=1)
        assert found.names == (
            *("word: black", "word: green", "word: tea"),
            *("categories: Food", "categories: Tea", "store: A", "store: B"),
            *("year: 1990 to 2000", "year: 2000 to 2010", "price: 2.5", "price: 9"),
        )
        assert found.matrix.toarray().tolist() == [
            [0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0],
            [2, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1],
        ]
        assert found.ids.tolist() == shop.item_ids.tolist()
        assert item_features(shop, ["store"]).names == ("store: A",)  # two items have it

    def test_genres_of_films_and_lists_of_lists(self):
        for genres in (["Drama|War", None, "War"], [["Drama", "War"], [], ["War"]]):
            found = item_features(described(genres=genres), min_items=1)
            assert found.names == ("genres: Drama", "genres: War")
            assert found.matrix.toarray().tolist() == [[1, 1], [0, 0], [0, 1]]

    @pytest.mark.parametrize(
        ("columns", "asked", "message"),
        [
            ({"other": [1]}, None, r"described must have columns .* asked for are \[\], it has"),
            ({"title": ["x"]}, ["genres"], r"asked for are \['genres'\], it has \['title'\]"),
            ({"other": ["x"]}, ["other"], r"among title, features, .* asked for are \['other'\]"),
            ({"price": ["dear"]}, None, "numbers: could not convert .* got 'dear' for p0"),
            ({"categories": ["[Food"]}, None, r"categories of p0 must be a list of names, got '\["),
            ({"genres": [5]}, None, "lists: 'int' object is not iterable, got 5 for p0"),
            ({"store": ["A"]}, None, "lists give no feature"),  # that two items have
        ],
    )
    def test_what_cannot_be_read_is_refused(self, columns, asked, message):
        with pytest.raises(DataError, match=message):
            item_features(described(**columns), asked)

    def test_arguments(self, tiny):
        with pytest.raises(TypeError, match="ratings must be Interactions, got list"):
            item_features([1])
        with pytest.raises(TypeError, match="columns must be a sequence of names, got 'title'"):
            item_features(tiny, "title")

    def test_films_have_genres_and_decades(self):
        films = data.load()
        found = item_features(films, ["genres", "year"])
        heat = films.find_item("Heat")
        names = [found.names[place] for place in found.matrix[[heat]].indices]
        assert names == [
            "genres: Action",
            "genres: Crime",
            "genres: Thriller",
            "year: 1990 to 2000",
        ]
        assert found.ids is not None
        assert films.with_features(items=found).item_features is found


@pytest.mark.amazon
def test_the_papers_products_have_words_categories_stores_and_prices(amazon_folder):
    products = data.load("amazon-2023-musical-instruments")
    assert "description" not in products.items
    found = item_features(products)
    groups = {name.partition(":")[0] for name in found.names}
    assert groups == {"word", "categories", "store", "main_category", "price"}
    everything = data.load("amazon-2023-musical-instruments", metadata=True)
    assert item_features(everything, ["title", "features", "description"]).n_features == 5000
    assert (np.diff(found.matrix.indptr) > 0).all()
