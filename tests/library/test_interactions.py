"""`Interactions`: what it holds, what it refuses, and its way to matrices, tables and files."""

import copy
import dataclasses
import zipfile
from pickle import dumps, loads

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import DataError, Interactions, ReadReport
from recsys_lib.files import write_npz

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=60)


def make(**changes):
    """Two users, three items, three events; `changes` replace arguments."""
    arguments = {
        "user": [0, 1, 1],
        "item": [2, 0, 2],
        "rating": [5, 1, 3],
        "timestamp": [30, 10, 20],
        "user_ids": ["u", "v"],
        "item_ids": ["a", "b", "c"],
    }
    return Interactions(**(arguments | changes))


def frame(**changes):
    columns = {"user": ["v", "u"], "item": ["b", "a"], "rating": [2.0, 4.0], "timestamp": [7, 8]}
    return pd.DataFrame(columns | changes)


def assert_same(one: Interactions, other: Interactions) -> None:
    """Equal in everything but the report, types included."""
    for attribute in ("user", "item", "rating", "timestamp", "user_ids", "item_ids"):
        np.testing.assert_array_equal(
            getattr(one, attribute), getattr(other, attribute), strict=True
        )
    assert (one.name, one.scale, one.time_unit) == (other.name, other.scale, other.time_unit)
    if one.items is None or other.items is None:
        assert one.items is other.items
    else:
        pd.testing.assert_frame_equal(one.items, other.items, check_exact=True)


class TestWhatItHolds:
    def test_arrays_have_the_promised_types_whatever_was_given(self):
        ratings = make(user=np.array([0.0, 1.0, 1.0]), timestamp=np.uint8([3, 1, 2]))
        assert ratings.user.dtype == np.int32
        assert ratings.item.dtype == np.int32
        assert ratings.rating.dtype == np.float32
        assert ratings.timestamp.dtype == np.int64
        assert ratings.user_ids.dtype.kind == "U"

    def test_integer_identifiers_stay_integers(self):
        assert make(user_ids=[7, 9]).user_ids.dtype.kind == "i"
        assert make(user_ids=np.array(["u", "v"], dtype=object)).user_ids.dtype.kind == "U"

    def test_counts_and_density(self, tiny):
        assert (len(tiny), tiny.n_users, tiny.n_items, tiny.shape) == (7, 3, 4, (3, 4))
        assert tiny.user_counts.tolist() == [3, 3, 1]
        assert tiny.item_counts.tolist() == [2, 2, 1, 2]
        assert tiny.density == 7 / 12
        assert repr(tiny) == "<tiny: 7 ratings, 3 users x 4 items, 58.33% of the cells>"

    def test_users_and_items_without_events_are_counted_as_none(self):
        ratings = make(user_ids=["u", "v", "w"], item_ids=["a", "b", "c", "d"])
        assert ratings.user_counts.tolist() == [1, 2, 0]
        assert ratings.item_counts.tolist() == [1, 0, 2, 0]
        assert ratings.density == 3 / 12

    def test_it_may_be_empty(self):
        empty = make(user=[], item=[], rating=[], timestamp=[])
        assert len(empty) == 0
        assert empty.density == 0
        assert empty.to_csr().nnz == 0
        assert empty.to_frame().empty
        assert Interactions([], [], [], [], [], []).density == 0

    @pytest.mark.parametrize(
        ("unit", "step", "expected"),
        [("s", 86_400, "1970-01-02T00:00:00"), ("ms", 1, "1970-01-01T00:00:00.001")],
    )
    def test_dates(self, unit, step, expected):
        ratings = make(timestamp=[step] * 3, time_unit=unit)
        assert (ratings.dates == np.datetime64(expected)).all()

    def test_there_are_no_dates_without_a_unit(self):
        with pytest.raises(DataError, match="frame has no timestamps"):
            _ = Interactions.from_frame(frame()).dates


class TestItIsFrozen:
    def test_it_can_be_a_key_and_equals_itself_only(self):
        one, other = make(), make()
        assert {one: "one", other: "other"}[one] == "one"
        assert one != other

    def test_no_attribute_can_be_set(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            make().name = "other"
        with pytest.raises(dataclasses.FrozenInstanceError):
            ReadReport(rows=3).rows = 4

    @pytest.mark.parametrize(
        "attribute", ["user", "item", "rating", "timestamp", "user_ids", "item_ids"]
    )
    def test_no_array_can_be_written_to(self, attribute):
        with pytest.raises(ValueError, match="read-only"):
            getattr(make(), attribute)[0] = 0

    @pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: loads(dumps(one))])
    def test_nor_one_of_a_copy(self, again):
        ratings = make()
        vocabulary = ratings.vocabulary  # is kept once it is known
        same = again(ratings)
        assert same.vocabulary == vocabulary
        assert (same.name, same.scale, same.report) == (
            ratings.name,
            ratings.scale,
            ratings.report,
        )
        for attribute in ("user", "item", "rating", "timestamp", "user_ids", "item_ids"):
            np.testing.assert_array_equal(getattr(same, attribute), getattr(ratings, attribute))
            with pytest.raises(ValueError, match="read-only"):
                getattr(same, attribute)[0] = 0

    def test_it_does_not_share_the_arrays_it_was_made_from(self):
        user, ids = np.array([0, 1, 1], dtype=np.int32), np.array(["u", "v"])
        ratings = make(user=user, user_ids=ids)
        user[0], ids[0] = 1, "w"
        assert ratings.user.tolist() == [0, 1, 1]
        assert ratings.user_ids.tolist() == ["u", "v"]

    def test_a_selection_is_frozen_too(self, tiny):
        with pytest.raises(ValueError, match="read-only"):
            tiny.select(tiny.rating > 2).rating[0] = 1


class TestWhatItRefuses:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"user": [0, 1]}, r"four arrays must have one common length: \{'user': \(2,\)"),
            ({"user": [[0, 1, 1]]}, "one common length"),
            ({"user": [0, 1, 2]}, "user holds 2, but its vocabulary has 2 entries"),
            ({"item": [2, -1, 2]}, "item holds -1, but its vocabulary has 3 entries"),
            ({"user": [0, 1, 0.5]}, "user must hold whole numbers that fit int32, got 0.5"),
            (
                {"item": [2, 0, 2**32]},
                "item must hold whole numbers that fit int32, got 4294967296",
            ),
            ({"user": ["u", "v", "v"]}, "user must hold numbers, got dtype <U1"),
            ({"timestamp": [1, 2, np.nan]}, "timestamp must hold whole numbers .* got nan"),
            (
                {"timestamp": np.array([1, 2, 3], "M8[s]")},
                "timestamp must hold numbers, got dtype dat",
            ),
            ({"rating": [1, np.nan, 2]}, r"rating holds nan, allowed are finite numbers in \[-inf"),
            ({"rating": [1, 1e39, 2]}, "rating holds inf"),
            ({"rating": [1, 5.5, 2], "scale": (1, 5)}, r"rating holds 5.5, .* in \[1, 5\]"),
            ({"rating": [1, 0.5, 2], "scale": (1, 5)}, r"rating holds 0.5, .* in \[1, 5\]"),
            (
                {"user": [0, 1, 1], "item": [1, 2, 2]},
                "user v and item c come together more than once",
            ),
            ({"user_ids": ["u", "u"]}, "user_ids holds u more than once"),
            ({"item_ids": [3, 1, 3]}, "item_ids holds 3 more than once"),
            ({"user_ids": [["u"], ["v"]]}, r"user_ids must be one-dimensional, got shape \(2, 1\)"),
            ({"items": pd.DataFrame({"title": ["x"]})}, "one row per item: 1 rows for 3 items"),
        ],
    )
    def test_bad_arguments(self, changes, message):
        with pytest.raises(DataError, match=f"shop: .*{message}"):
            make(name="shop", **changes)

    @pytest.mark.parametrize("scale", [(5, 1), (1,), 5, (1, np.nan), ("1", "5"), (1, 2, 3)])
    def test_a_scale_is_two_numbers_in_order(self, scale):
        with pytest.raises(ValueError, match=r"scale must be None or \(lowest, highest\), got"):
            make(scale=scale)

    def test_an_unknown_time_unit(self):
        with pytest.raises(
            ValueError, match="time_unit must be one of 's', 'ms', 'none', got 'iso'"
        ):
            make(time_unit="iso")

    def test_vocabularies_need_not_be_sorted(self):
        assert make(user_ids=["z", "b"]).to_frame()["user"].tolist() == ["z", "b", "b"]

    def test_the_ends_of_the_scale_are_allowed_though_float32_cannot_hold_them(self):
        # 1.1 as float32 is 1.10000002, above the float64 of the scale
        assert len(make(rating=[1.1, 0.1, 0.7], scale=(np.float64(0.1), np.float64(1.1)))) == 3


class TestTitles:
    def test_the_identifier_stands_in_for_a_missing_title(self, tiny):
        assert tiny.titles([3, 2, 0]) == ["千と千尋の神隠し", "c", "Amélie"]

    def test_without_a_table_all_titles_are_identifiers(self):
        assert make(item_ids=[10, 20, 30]).titles(np.array([2, 0])) == ["30", "10"]

    def test_no_items_no_titles(self, tiny):
        assert tiny.titles([]) == []

    @pytest.mark.parametrize("item", [-1, 4])
    def test_an_index_that_is_no_item_has_no_title(self, tiny, item):
        # -1 fills up short lists of recommendations; it must not be the title of the last item
        with pytest.raises(IndexError, match=f"items holds {item}, allowed are 0 to 3"):
            tiny.titles([0, item])

    def test_find_item_by_part_of_its_title_in_any_case(self, tiny):
        assert tiny.find_item("amél") == 0
        assert tiny.find_item('"no"') == 1
        assert tiny.find_item("神隠") == 3

    def test_an_exact_title_wins_over_longer_ones(self):
        ratings = make(items=pd.DataFrame({"title": ["Heat and Dust", "Heat", "Dead Heat"]}))
        assert ratings.find_item("Heat") == 1
        with pytest.raises(KeyError, match="'heat' fits 3 items of interactions: Heat and Dust, H"):
            ratings.find_item("heat")

    def test_nothing_found(self, tiny):
        with pytest.raises(KeyError, match="title 'Alien' fits 0 items of tiny: none"):
            tiny.find_item("Alien")


class TestMatrix:
    def test_ratings_stand_in_their_cells(self, tiny):
        matrix = tiny.to_csr()
        assert matrix.dtype == np.float32
        expected = [[5, 3, 0, 1], [4, 2, 0, 0.5], [0, 0, 5, 0]]
        np.testing.assert_array_equal(matrix.toarray(), expected)
        assert matrix.has_sorted_indices

    def test_ones(self, tiny):
        expected = [[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0]]
        np.testing.assert_array_equal(tiny.to_csr("ones").toarray(), expected)

    def test_a_rating_of_zero_stays_stored(self):
        matrix = make(rating=[0, 1, 0]).to_csr()
        assert matrix.nnz == 3
        assert matrix.data.tolist() == [0, 1, 0]
        assert make(rating=[0, 1, 0]).to_csr("ones").sum() == 3

    def test_the_order_of_events_does_not_matter(self, tiny):
        backwards = tiny.select(np.arange(7)[::-1])
        np.testing.assert_array_equal(backwards.to_csr().indices, tiny.to_csr().indices)
        np.testing.assert_array_equal(backwards.to_csr().data, tiny.to_csr().data)

    def test_unknown_values(self, tiny):
        with pytest.raises(
            ValueError, match="values must be one of 'rating', 'ones', got 'binary'"
        ):
            tiny.to_csr("binary")


class TestTable:
    def test_to_frame(self):
        expected = pd.DataFrame(
            {
                "user": ["u", "v", "v"],
                "item": ["c", "a", "c"],
                "rating": np.float32([5, 1, 3]),
                "timestamp": [30, 10, 20],
            }
        )
        pd.testing.assert_frame_equal(make().to_frame(), expected)

    def test_there_and_back(self, tiny):
        items = tiny.items.set_axis(tiny.item_ids)
        back = Interactions.from_frame(
            tiny.to_frame(), name="tiny", scale=(0.5, 5), time_unit="s", items=items
        )
        assert_same(back, tiny)
        assert back.report == ReadReport(rows=7)

    def test_vocabularies_are_sorted_and_rows_keep_their_order(self):
        ratings = Interactions.from_frame(frame())
        assert ratings.user_ids.tolist() == ["u", "v"]
        assert ratings.item_ids.tolist() == ["a", "b"]
        assert ratings.user.tolist() == [1, 0]
        assert ratings.item.tolist() == [1, 0]
        assert ratings.rating.tolist() == [2, 4]

    def test_integers_are_sorted_as_numbers_text_as_text(self):
        numbers = frame(user=[10, 9])
        assert Interactions.from_frame(numbers).user_ids.tolist() == [9, 10]
        text = numbers.astype({"user": str})
        assert Interactions.from_frame(text).user_ids.tolist() == ["10", "9"]
        categories = text.astype("category").astype({"rating": float, "timestamp": int})
        assert Interactions.from_frame(categories).user_ids.tolist() == ["10", "9"]

    def test_categories_that_no_row_uses_are_no_users(self):
        users = pd.Categorical(["v", "u"], categories=["z", "v", "a", "u"])
        ratings = Interactions.from_frame(frame(user=users))
        assert ratings.user_ids.tolist() == ["u", "v"]
        assert ratings.user.tolist() == [1, 0]

    def test_rating_and_timestamp_may_be_absent(self):
        ratings = Interactions.from_frame(frame()[["user", "item"]])
        assert ratings.rating.tolist() == [1, 1]
        assert ratings.timestamp.tolist() == [0, 0]
        assert ratings.time_unit == "none"

    def test_the_index_of_the_table_is_of_no_importance(self):
        table = frame().set_axis([5, 5])
        assert Interactions.from_frame(table).rating.tolist() == [2, 4]

    def test_nullable_columns_without_gaps(self):
        table = frame(rating=pd.array([2, 4], "Int64"), timestamp=pd.array([2**60, 8], "Int64"))
        ratings = Interactions.from_frame(table)
        assert ratings.rating.tolist() == [2, 4]
        assert ratings.timestamp.tolist() == [2**60, 8]

    def test_items_are_put_in_the_order_of_the_vocabulary(self):
        items = pd.DataFrame({"title": ["Z", "A"], "year": [2000, 1999]}, index=["z", "a"])
        ratings = Interactions.from_frame(frame(), items=items)
        assert ratings.titles([0, 1]) == ["A", "b"]
        assert ratings.items.index.tolist() == [0, 1]

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (frame()[["user", "rating"]], r"column 'item' is missing; found \['user', 'rating'\]"),
            (frame().iloc[:0], "there are no rows"),
            (frame(user=["v", None]), "column 'user' has no value in row 1"),
            (frame(item=[np.nan, 1.0]), "column 'item' has no value in row 0"),
            (frame(user=pd.Categorical(["v", None])), "column 'user' has no value in row 1"),
            (frame(rating=[2.0, np.nan]), "column 'rating' has no value in row 1"),
            (frame(timestamp=[7, np.nan]), "column 'timestamp' has no value in row 1"),
            (
                frame(timestamp=pd.array([7, None], "Int64")),
                "column 'timestamp' has no value in row 1",
            ),
            (
                frame(timestamp=[7, 7.5]),
                "'timestamp' must hold whole numbers that fit int64, got 7.5",
            ),
            (frame(rating=["2", "four"]), "column 'rating' must hold numbers, got dtype str"),
            (
                frame(timestamp=["2020-01-01"] * 2),
                r"column 'timestamp' must hold numbers, got dtype str; of text, pandas.to_datetime",
            ),
            (frame(user=pd.Series([1, "1"], dtype=object)), "both written 1"),
            (frame(user=["a", "a\0"]), "two different identifiers that are both written a"),
            (
                frame()[["user", "item", "item"]],
                r"column 'item' comes more than once in \['user', 'item', 'item'\]",
            ),
        ],
    )
    def test_bad_tables(self, table, message):
        with pytest.raises(DataError, match=f"shop: .*{message}"):
            Interactions.from_frame(table, name="shop")

    def test_metadata_with_a_repeated_item(self):
        items = pd.DataFrame({"title": ["A", "B", "A again"]}, index=["a", "b", "a"])
        with pytest.raises(DataError, match="shop: items has more than one row for 'a'"):
            Interactions.from_frame(frame(), name="shop", items=items)


class TestRepeatedPairs:
    def test_the_latest_is_kept_wherever_it_stands(self):
        table = pd.DataFrame(
            {
                "user": ["u", "u", "u", "v"],
                "item": ["a", "a", "a", "a"],
                "rating": [1, 2, 3, 4],
                "timestamp": [10, 30, 20, 5],
            }
        )
        ratings = Interactions.from_frame(table)
        assert ratings.rating.tolist() == [2, 4]
        assert ratings.timestamp.tolist() == [30, 5]
        assert ratings.report == ReadReport(rows=4, merged=2)

    def test_between_equal_times_the_one_further_down(self):
        table = frame(user=["u", "u"], item=["a", "a"], timestamp=[7, 7])
        assert Interactions.from_frame(table).rating.tolist() == [4]
        assert Interactions.from_frame(table.drop(columns="timestamp")).rating.tolist() == [4]

    def test_the_report_counts_what_the_reader_skipped_too(self):
        ratings = Interactions.from_frame(frame(), skipped={"not JSON": 3, "user is missing": 1})
        assert ratings.report == ReadReport(6, 0, {"not JSON": 3, "user is missing": 1})

    @REPRODUCIBLE
    @given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=40))
    def test_like_a_dictionary_filled_in_order_of_time(self, rows):
        table = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
        table["rating"] = np.arange(len(rows))
        kept = {}
        for user, item, time, rating in sorted(table.itertuples(index=False), key=lambda r: r[2]):
            kept[user, item] = (rating, time)
        found = Interactions.from_frame(table)
        assert {
            (user, item): (rating, time)
            for user, item, rating, time in found.to_frame().itertuples(index=False)
        } == kept
        assert found.report.merged == len(rows) - len(kept)


class TestSubsets:
    def test_a_selection_keeps_the_vocabularies(self, tiny):
        late = tiny.select(tiny.timestamp > 4 * 86_400, "late")
        assert late.rating.tolist() == [1, 0.5, 5]
        assert (late.name, late.shape, late.report) == ("late", (3, 4), None)
        assert late.items is tiny.items
        assert tiny.select([0]).name == "tiny"

    def test_an_index_array_sets_the_order(self, tiny):
        assert tiny.select(np.array([6, 0])).rating.tolist() == [5, 5]
        assert tiny.select([6, 0]).user.tolist() == [2, 0]

    def test_the_same_event_twice_is_refused(self, tiny):
        with pytest.raises(DataError, match="user ann and item a come together more than once"):
            tiny.select([0, 0])

    def test_compact_renumbers(self, tiny):
        small = tiny.select(tiny.user > 0).select([1, 2, 3]).compact()
        assert small.user_ids.tolist() == ["bob", "cat"]
        assert small.item_ids.tolist() == ["b", "c", "d"]
        assert small.user.tolist() == [0, 0, 1]
        assert small.item.tolist() == [0, 2, 1]
        assert small.titles([0, 1, 2]) == ['He said "No", twice', "c", "千と千尋の神隠し"]

    def test_compact_changes_nothing_where_all_are_active(self, tiny):
        assert_same(tiny.compact(), tiny)

    def test_compact_of_nothing(self, tiny):
        assert tiny.select([]).compact().shape == (0, 0)


METADATA = pd.DataFrame(
    {
        "title": ["Amélie", 'He said "No", twice', None],
        "kanji": ["千と千尋の神隠し", "", "🎻\n\t\\"],
        "year": pd.array([2001, None, 1988], dtype="Int64"),
        "price": [19.99, np.nan, 1.123456789012345],
        "digital": [True, False, True],
        "count": [2**53 + 1, -1, 0],
        "date": ["2001-04-25", "1984", "007"],
        "index": ["1", "2", "3"],
    },
)


class TestFile:
    @pytest.mark.parametrize("column", METADATA.columns)
    def test_the_table_of_items_survives(self, tmp_path, column):
        ratings = make(items=METADATA[[column]])
        assert_same(Interactions.load(ratings.save(tmp_path / "x.npz")), ratings)

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"items": METADATA, "name": "Müsli 🎻", "scale": (0.5, 5), "time_unit": "ms"},
            {"user_ids": [7, 2**62], "item_ids": np.uint16([1, 2, 3])},
            {"user_ids": ["007", "7"], "item_ids": ["ä", "日本", "🎻"], "time_unit": "s"},
            {"user": [], "item": [], "rating": [], "timestamp": []},
            {"timestamp": [-(2**63), 2**63 - 1, 0]},
        ],
    )
    def test_there_and_back(self, tmp_path, changes):
        ratings = make(**changes)
        path = ratings.save(tmp_path / "no suffix")
        assert path == tmp_path / "no suffix"
        assert_same(Interactions.load(str(path)), ratings)

    def test_a_table_of_items_without_columns_is_none(self, tmp_path):
        ratings = make(items=pd.DataFrame(index=range(3)))
        assert Interactions.load(ratings.save(tmp_path / "x.npz")).items is None

    @REPRODUCIBLE
    @given(st.data())
    def test_any_identifiers_and_titles(self, tmp_path_factory, data):
        text = st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
        )
        ids = data.draw(st.lists(text, min_size=3, max_size=3, unique=True))
        titles = data.draw(st.lists(st.none() | text, min_size=3, max_size=3))
        items = pd.DataFrame({"title": pd.Series(titles, dtype="str")})
        ratings = make(item_ids=ids, items=items)
        path = tmp_path_factory.getbasetemp() / "any.npz"
        assert_same(Interactions.load(ratings.save(path)), ratings)

    def test_the_report_is_left_out(self, tmp_path):
        ratings = Interactions.from_frame(frame())
        assert Interactions.load(ratings.save(tmp_path / "x.npz")).report is None

    def test_no_such_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
            Interactions.load(tmp_path / "nowhere.npz")

    def test_a_file_of_something_else(self, tmp_path):
        write_npz(tmp_path / "model.npz", {"factors": np.ones(3)}, {"model": "BinaryMF"})
        with pytest.raises(DataError, match=r"model\.npz does not hold interactions"):
            Interactions.load(tmp_path / "model.npz")
        write_npz(tmp_path / "list.npz", {}, ["not", "a", "dict"])
        with pytest.raises(DataError, match=r"list\.npz does not hold interactions"):
            Interactions.load(tmp_path / "list.npz")

    def test_a_file_whose_contents_do_not_fit(self, tmp_path):
        ratings = make()
        arrays = {
            a: getattr(ratings, a) for a in ("user", "item", "rating", "user_ids", "item_ids")
        }
        arrays["timestamp"] = np.array([1, 2])
        text = {"name": "x", "scale": None, "time_unit": "none"}
        write_npz(tmp_path / "x.npz", arrays, text)
        with pytest.raises(
            DataError, match=r"x\.npz does not hold interactions: x: the four arrays"
        ):
            Interactions.load(tmp_path / "x.npz")

    def test_cut_anywhere(self, tmp_path):
        whole = make(items=METADATA).save(tmp_path / "whole.npz").read_bytes()
        path = tmp_path / "cut.npz"
        for size in range(0, len(whole), 41):
            path.write_bytes(whole[:size])
            with pytest.raises(DataError, match=r"cut\.npz is damaged or not a file of recsys_lib"):
                Interactions.load(path)

    def test_a_flipped_byte_is_found_or_harmless(self, tmp_path):
        ratings = make(items=METADATA)
        whole = ratings.save(tmp_path / "whole.npz").read_bytes()
        path = tmp_path / "flipped.npz"
        found = 0
        for place in range(0, len(whole), 7):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            try:
                loaded = Interactions.load(path)
            except DataError:
                found += 1
            else:
                assert_same(loaded, ratings)
        assert found > len(whole) / 7 / 2

    def test_no_member_is_a_pickle(self, tmp_path):
        path = make(items=METADATA).save(tmp_path / "x.npz")
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                assert b"'descr': '|O'" not in archive.read(name)[:200]
