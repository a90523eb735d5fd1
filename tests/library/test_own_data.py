"""Data of one's own: what a table or a file says is used as it says, or refused with the cure.

Most of these situations were reported of other libraries or of published data sets.
"""

import bz2
import csv
import dataclasses
import datetime as dt
import gzip
import io
import json
import lzma
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections import Counter
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib import data
from recsys_lib.data import DataError, Interactions, ReadReport, load_file, readers, tables
from recsys_lib.data.__main__ import main
from recsys_lib.data.catalog import DATASETS
from recsys_lib.data.load import _with_year
from recsys_lib.data.readers import Format, _read_fast, _read_slowly, read_metadata_jsonl

COLUMNS = {"user": "user", "item": "item", "rating": "rating", "timestamp": "t"}
CSV = "user,item,rating,t\nu1,i1,5,1000000000\nu1,i2,4,1000000001\nu2,i1,3,1000000002\n"
ROWS = [("u1", "i1", 5, 10**9), ("u1", "i2", 4, 10**9 + 1), ("u2", "i1", 3, 10**9 + 2)]
DAYS = ["2022-01-05", "2022-03-01", "2022-12-31"]
SECONDS = [1_641_340_800, 1_646_092_800, 1_672_444_800]


def frame(**changes):
    columns = {"user": ["a", "a", "b"], "item": ["x", "y", "x"], "rating": [5, 4, 3]}
    return pd.DataFrame(columns | {"timestamp": [10, 20, 30]} | changes)


def made(time_unit="s", items=None, **changes):
    return Interactions.from_frame(frame(**changes), name="shop", time_unit=time_unit, items=items)


def rows_of(ratings):
    return list(ratings.to_frame().itertuples(index=False, name=None))


def refused(message, call, *args, **options):
    with pytest.raises(DataError, match=message):
        call(*args, **options)


@pytest.fixture
def reading(tmp_path):
    """A function: write this content to a file of this name and load it."""

    def load(content, name="shop.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_file(path, **(COLUMNS | options))

    return load


class TestNamesOfColumns:
    @pytest.mark.parametrize("name", ["User", "user_id", "userId", "USER", " user", "customer"])
    def test_the_column_that_is_meant_is_named(self, name):
        message = f"column 'user' is missing; found .*; is '{name}' meant"
        refused(message, Interactions.from_frame, frame().rename(columns={"user": name}))

    @pytest.mark.parametrize("name", ["Item", "movieId", "product_id", "ASIN"])
    def test_of_items_too(self, name):
        message = f"column 'item' is missing; .*; is '{name}' meant"
        refused(message, Interactions.from_frame, frame().rename(columns={"item": name}))

    @pytest.mark.parametrize(
        ("column", "name"),
        [
            ("rating", "Rating"),
            ("rating", "stars"),
            ("timestamp", "time"),
            ("timestamp", "Time Stamp"),
            ("timestamp", "date"),
        ],
    )
    @pytest.mark.parametrize("unit", [None, "s"])
    def test_ratings_and_times_of_another_name_are_not_passed_over(self, column, name, unit):
        table = frame().rename(columns={column: name})
        message = f"there is no column '{column}', but '{name}': rename it .*or drop it"
        refused(message, Interactions.from_frame, table, time_unit=unit)

    def test_beside_our_own_columns_others_may_stand(self):
        table = frame(Rating=[1, 1, 1], date=["x", "y", "z"], title=["A", "B", "A"])
        assert Interactions.from_frame(table, time_unit="s").rating.tolist() == [5, 4, 3]

    def test_what_is_no_table(self):
        refused("frame must be a pandas DataFrame, got dict", Interactions.from_frame, {"user": []})

    @pytest.mark.parametrize(
        ("header", "cure"),
        [
            ("user;item;rating;t", "; say separator=';'$"),
            ("user\titem\trating\tt", r"; say separator='\\t'$"),
            ("user::item::rating::t", "; say separator='::'$"),
            ('"user"|"item"|"rating"|"t"', r"; say separator='\|'$"),
            ("User,item,rating,t", "; is 'User' meant"),
            ("user_id,item,rating,t", "; is 'user_id' meant"),
            ("user,movieId,rating,t", "; is 'movieId' meant"),
            ("userId,Item,rating,t", "; are 'userId', 'Item' meant"),
            ("userId,Item,stars,date", r"; are 'userId', 'Item', 'stars' meant\?$"),
            ("u1,i1,5,1000000000", r"; if the file has no header line, name its columns: columns="),
        ],
    )
    def test_a_file_whose_columns_are_not_found(self, reading, header, cure):
        refused(f"line 1: no column .*{cure}", reading, header + "\nu1,i1,5,1000000000\n")

    @pytest.mark.parametrize("name", ["User", "user_id", "reviewerID"])
    def test_keys_of_json_lines_that_are_not_found(self, reading, name):
        content = JSON.replace('"user"', f'"{name}"')
        refused(f"line 1: user is missing; is '{name}' meant", reading, content, "x.json")

    def test_a_file_without_a_header_line(self, reading):
        content = CSV.partition("\n")[2]
        ratings = reading(content, columns=["user", "item", "rating", "t"])
        assert rows_of(ratings) == ROWS
        with pytest.raises(ValueError, match="columns must be a sequence of names, got 'user'"):
            reading(content, columns="user")


class TestTimes:
    @pytest.mark.parametrize(
        "column",
        [
            pd.to_datetime(DAYS),
            pd.to_datetime(DAYS).tz_localize("UTC"),
            pd.to_datetime(DAYS).astype("datetime64[ns]"),
            pd.to_datetime(DAYS).astype("datetime64[s]"),
            np.array(DAYS, "datetime64[D]"),
            [dt.datetime.fromisoformat(day) for day in DAYS],
            [dt.date.fromisoformat(day) for day in DAYS],
            pd.to_datetime(DAYS).tz_localize("UTC").tz_convert("Asia/Tokyo"),
            pd.Series([pd.Timestamp(day) for day in DAYS], dtype=object),
        ],
        ids=["pandas", "UTC", "ns", "s", "days", "datetime", "date", "Tokyo", "objects"],
    )
    def test_dates_are_used_as_they_are(self, column):
        assert made("s", timestamp=column).timestamp.tolist() == SECONDS
        for unit in (None, "ms"):
            ratings = made(unit, timestamp=column)
            assert ratings.timestamp.tolist() == [1000 * time for time in SECONDS]
            assert ratings.time_unit == "ms"
            assert ratings.dates.astype("datetime64[D]").astype(str).tolist() == DAYS

    def test_a_date_that_is_missing_or_out_of_range(self):
        days = pd.to_datetime([*DAYS[:2], None])
        refused("column 'timestamp' has no value in row 2", made, timestamp=days)
        old = pd.to_datetime([*DAYS[:2], "1965-01-01"])
        refused("holds -157766400 in row 2, which is not a time between", made, timestamp=old)

    def test_text_is_refused_with_the_way_on(self):
        refused("must hold numbers, got dtype str; .*pandas.to_datetime", made, timestamp=DAYS)

    @pytest.mark.parametrize(
        ("unit", "factor", "cure"),
        [
            ("s", 1_000, r"is it in milliseconds \(time_unit='ms'\)"),
            ("s", 10**6, "is it in microseconds.* divide by 1,000 and say time_unit='ms'"),
            ("s", 10**9, "is it in nanoseconds.* divide by 1,000,000 and say time_unit='ms'"),
            ("ms", 10**6, "is it in microseconds"),
        ],
    )
    def test_times_beyond_2100(self, unit, factor, cure):
        times = np.array(SECONDS) * factor
        message = (
            f"shop: column 'timestamp' holds {times[0]} in row 0, which is not a time .*{cure}"
        )
        refused(message, made, unit, timestamp=times)

    def test_times_that_lost_their_last_digits(self):
        message = "holds 1641340800 as float32, which cannot tell it from its neighbors"
        refused(message, made, timestamp=np.float32(SECONDS))
        assert made(timestamp=np.float64(SECONDS)).timestamp.tolist() == SECONDS

    def test_times_before_1970(self):
        times = [5, -62_135_596_800, 7]
        refused("holds -62135596800 in row 1, which is not a time", made, timestamp=times)

    def test_all_in_january_1970_is_the_sign_of_a_wrong_unit(self, reading):
        micro = pd.Series(pd.to_datetime(DAYS).astype("datetime64[us]"))
        wrong = micro.astype("int64") // 10**9  # right if pandas counted nanoseconds
        message = "runs from 1970-01-19 to 1970-01-20, as times do in a wrong unit: multiply by"
        refused(message, made, "s", timestamp=wrong)
        message = r"1970-01-20, as times do in a wrong unit: are they in seconds \(time_unit='s'\)"
        refused(message, made, "ms", timestamp=SECONDS)
        refused("runs from 1970-01-12 to 1970-01-12, as times do", reading, CSV, time_unit="ms")

    def test_times_that_only_begin_in_1970_are_fine(self):
        assert made("ms", timestamp=[0, 10**9, 10**12]).timestamp.tolist() == [0, 10**9, 10**12]

    @pytest.mark.parametrize("unit", ["s", "ms"])
    def test_a_unit_without_a_column(self, unit):
        table = frame().drop(columns="timestamp")
        message = f"time_unit is '{unit}', but there is no column 'timestamp'; found"
        refused(message, Interactions.from_frame, table, time_unit=unit)
        assert Interactions.from_frame(table, time_unit="none").time_unit == "none"
        assert Interactions.from_frame(table).time_unit == "none"

    def test_a_column_without_a_unit_is_named_where_it_is_needed(self):
        ratings = made(None)
        cure = "nothing says what its times, 10 to 30, count; give time_unit='s' or 'ms'"
        refused(f"shop has no timestamps, .*: {cure}", data.leave_last_out, ratings, 1, 0)
        refused(f"shop has no timestamps, .*: {cure}", data.split_by_time, ratings)
        refused(f"shop has no timestamps, .*: {cure}", lambda: ratings.dates)

    def test_without_any_times_there_is_no_such_advice(self):
        ratings = Interactions.from_frame(frame().drop(columns="timestamp"), name="shop")
        refused("shop has no timestamps, which leave_last_out needs$", data.leave_last_out, ratings)

    def test_an_unknown_unit(self):
        with pytest.raises(ValueError, match="time_unit must be one of 's', 'ms', 'none', got 'h'"):
            made("h")

    @pytest.mark.parametrize(
        ("layout", "text", "milliseconds"),
        [
            ("%d/%m/%Y", "31/12/2019", 1_577_750_400_000),
            ("%m/%d/%y %H:%M", "12/31/19 01:00", 1_577_754_000_000),
            ("%Y-%m-%d %H:%M:%S%z", "2020-01-01 02:00:00+0200", 1_577_836_800_000),
        ],
    )
    @pytest.mark.parametrize("kind", ["csv", "json"])
    def test_a_format_of_dates_in_a_file(self, reading, layout, text, milliseconds, kind):
        content = f"user,item,rating,t\nu,i,5,{text}\n"
        if kind == "json":
            content = json.dumps({"user": "u", "item": "i", "rating": 5, "t": text})
        ratings = reading(content, time_unit=layout)
        assert (ratings.timestamp.tolist(), ratings.time_unit) == ([milliseconds], "ms")

    @pytest.mark.parametrize(
        ("unit", "text", "message"),
        [
            ("s", "2019-01-01", "is not a whole number; say time_unit='iso'$"),
            ("ms", "2019-01-01T12:00:00Z", "is not a whole number; say time_unit='iso'$"),
            ("s", "31/12/2019", "is not a whole number; say how it is written, .*'%d/%m/%Y'"),
            ("iso", "31.12.2019", "is not an ISO 8601 time; say how it is written"),
            ("s", "1588687728.5", "is not a whole number; with a fraction, read it with pandas"),
            ("ms", "1588687728500.5", "is not a whole number; with a fraction, .*to_datetime"),
            ("s", "9" * 20, "is not a time between 1970 and 2100$"),
            ("ms", "9" * 400, r"is not a time between 1970 and 2100$"),
            ("%d/%m/%Y", "2019-01-01", "is not written as '%d/%m/%Y'$"),
            ("%d/%m/%Y", "01/01/1812", "is not a time between 1970 and 2100$"),
        ],
    )
    def test_the_cure_for_dates_in_a_file(self, reading, unit, text, message):
        content = f"user,item,rating,t\nu,i,5,{text}\n"
        shown = text if len(text) < 80 else f"{text[:76]}..."
        refused(f"line 2: t '{shown}'? {message}", reading, content, time_unit=unit)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"time_unit": "%Q"}, "time_unit '%Q' is no date format"),
            ({"time_unit": "h"}, "one of 's', 'ms', 'iso', got 'h'; or a date format such as"),
            ({"time_unit": None}, "time_unit must be one of 's', 'ms', 'iso', got None"),
            ({"time_unit": "ms", "timestamp": None}, "timestamp must name the column of which"),
        ],
    )
    def test_bad_units_of_a_file(self, reading, options, message):
        with pytest.raises(ValueError, match=message):
            reading(CSV, **options)


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pd.DataFrame({"x": [1, np.nan, 2, 2]}).dropna()["x"].to_numpy(), [1, 2]),
            (np.float32([7, 7, 8]), [7, 8]),
            (pd.array([1, 1, 2], "Float64"), [1, 2]),
            (pd.array([1, 1, 2], "Int64"), [1, 2]),
            (pd.Series([3, 3, 1], dtype=object), [1, 3]),
            (pd.Series([3.0, 3, 1], dtype=object), [1, 3]),
            (pd.Categorical([3.0, 3.0, 1.0], categories=[9, 3, 1]), [1, 3]),
            (np.array([2**64 - 1, 5, 5], np.uint64), [5, 2**64 - 1]),
        ],
    )
    def test_whole_numbers_stay_whole_numbers(self, column, expected):
        ids = made(user=column).user_ids
        assert ids.tolist() == expected
        assert ids.dtype.kind in "iu"

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            ([b"138", b"138", b"92"], ["138", "92"]),
            (np.array([b"138", b"138", b"92"]), ["138", "92"]),
            (["é".encode(), "é".encode(), b"x"], ["x", "é"]),
            ([9, 32, "user_foo"], ["32", "9", "user_foo"]),
            ([9.0, 32, "user_foo"], ["32", "9", "user_foo"]),
            (pd.array(["a", "a", "b"], "string"), ["a", "b"]),
            (["1.0", "1", "1"], ["1", "1.0"]),
            ([10**30, 10**30, 7], ["1" + "0" * 30, "7"]),
        ],
    )
    def test_all_else_becomes_text(self, column, expected):
        ids = made(user=column).user_ids
        assert ids.tolist() == expected
        assert ids.dtype.kind == "U"

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            ([1.5, 2, 3], "holds 1.5, which is no exact whole number; identifiers must be int"),
            ([2.0**60, 2, 3], "holds 1.15.*e.18, which is no exact whole number"),
            (pd.Index(np.float32([2**24, 1, 1])), "holds 16777216.0, which is no exact whole"),
            (
                [(1, 2), (1, 2), (3, 4)],
                r"holds \(1, 2\) \(tuple\); identifiers must be integers or",
            ),
            ([[1], [1], [2]], r"holds \[1\] \(list\); identifiers must be integers or text"),
            ([True, False, True], r"holds True \(bool\); identifiers must be"),
            (pd.to_datetime(DAYS), "holds .*2022.*; identifiers must be integers or text"),
            ([b"\xff", b"a", b"b"], r"holds b'\\xff', which is not UTF-8; decode it first"),
            (["a", "", "b"], "holds an empty text"),
            (["a", "b\0c", "b"], r"holds 'b\\x00c', with a NUL character"),
            (["a", "\ud83d", "b"], "holds text that is not valid UTF-8"),
            ([1, "1", 2], "has two different identifiers that are both written 1"),
            ([1, np.nan, 2], "has no value in row 1"),
        ],
    )
    def test_what_is_no_identifier(self, column, message):
        column = pd.Series(column, dtype=None if isinstance(column, pd.Index) else object)
        refused(f"shop: column 'user' {message}", made, user=column)


class TestTablesOfItems:
    FILMS = pd.DataFrame({"title": ["Heat", "Ran"]}, index=[1, 2])

    @pytest.mark.parametrize(
        ("item", "index"),
        [
            (["1", "2", "1"], [1, 2]),
            ([1, 2, 1], ["1", "2"]),
            ([1.0, 2.0, 1.0], [1, 2]),
            ([1, 2, 1], [1.0, 2.0]),
            ([b"1", b"2", b"1"], [1, 2]),
            (["1", "2", "1"], [b"1", b"2"]),
        ],
    )
    def test_text_here_and_numbers_there(self, item, index):
        ratings = made(item=item, items=self.FILMS.set_axis(index))
        assert ratings.titles([0, 1]) == ["Heat", "Ran"]
        assert ratings.find_item("Ran") == 1

    def test_a_column_item_says_which_row_is_which(self):
        films = pd.DataFrame({"item": [1, 2, 3], "title": ["Heat", "Ran", "Fargo"]})
        for table in (films, films[films["item"] < 3], films.iloc[::-1]):
            ratings = made(item=[1, 2, 1], items=table)
            assert ratings.titles([0, 1]) == ["Heat", "Ran"]
            assert ratings.item_ids[ratings.find_item("Ran")] == 2

    @pytest.mark.parametrize("column", ["movieId", "product", "number"])
    def test_an_index_that_only_counts_the_rows(self, column):
        films = pd.DataFrame({"title": ["Heat", "Ran", "Fargo"], column: [1, 2, 3]})
        message = rf"index of items seems to count its rows; .*items.set_index\('{column}'\)"
        refused(message, made, item=[1, 2, 1], items=films)
        assert made(item=[1, 2, 1], items=films.set_index(column)).titles([1]) == ["Ran"]

    def test_neither_index_nor_column(self):
        films = pd.DataFrame({"title": ["Heat", "Ran"]})
        refused(r"seems to count its rows; say which .*\('...'\)", made, items=films)

    def test_items_that_are_counted_from_0_need_no_column(self):
        films = pd.DataFrame({"title": ["Heat", "Ran", "Fargo"], "rank": [0, 1, 2]})
        assert made(item=[0, 1, 0], items=films).titles([0, 1]) == ["Heat", "Ran"]

    def test_a_table_of_something_else(self):
        message = (
            r"knows none of the 2 items: its index holds 1, 2 \(integers\), .* 'x', 'y' \(text"
        )
        refused(message, made, items=self.FILMS)

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            (["Heat"], "items must be a DataFrame, got list"),
            (FILMS.set_axis(["x", None]), "items has no identifier in row 1"),
            (
                FILMS.set_axis(pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
                "items must have one index",
            ),
            (FILMS.set_axis(["1", 1]), "items has more than one row for '1'"),
            (pd.DataFrame({"item": ["x", "x"]}), "items has more than one row for 'x'"),
        ],
    )
    def test_what_is_no_table_of_items(self, items, message):
        refused(message, made, items=items)

    @pytest.mark.parametrize("column", ["name", "Title", "Name"])
    def test_titles_may_be_called_names(self, column):
        films = pd.DataFrame({column: ["Heat", "Ran"]}, index=["x", "y"])
        assert made(items=films).titles([0, 1]) == ["Heat", "Ran"]

    def test_a_title_comes_before_a_name(self):
        films = pd.DataFrame({"name": ["n", "m"], "title": ["Heat", "Ran"]}, index=["x", "y"])
        assert made(items=films).titles([0, 1]) == ["Heat", "Ran"]

    def test_with_a_file(self, reading):
        films = pd.DataFrame({"title": ["Heat", "Ran"]}, index=["i1", "i2"])
        assert reading(CSV, items=films).titles([0, 1]) == ["Heat", "Ran"]


class TestTitles:
    @pytest.fixture(scope="class", name="small")
    @staticmethod
    def _small():
        return data.load()

    def test_films_of_one_title_are_told_apart(self, small):
        message = (
            r"'Sabrina' fits 2 items of movielens-small: Sabrina \(1995\) \[index 6\], Sabrina"
        )
        with pytest.raises(KeyError, match=message) as caught:
            small.find_item("Sabrina")
        places = [int(n) for n in re.findall(r"index (\d+)", str(caught.value))]
        assert small.items.loc[places, "year"].tolist() == [1995, 1954]
        assert small.items.loc[places, "title"].tolist() == ["Sabrina", "Sabrina"]

    def test_a_year_decides(self, small):
        for year in (1954, 1995):
            item = small.find_item(f"Sabrina ({year})")
            assert tuple(small.items.loc[item, ["title", "year"]]) == ("Sabrina", year)

    def test_one_title_and_one_year_twice(self, small):
        with pytest.raises(KeyError, match=r"fits 2 items .*\(2000\) \[.*\(2000\) \[index"):
            small.find_item("Hamlet (2000)")

    def test_without_years_the_index_is_shown(self):
        films = pd.DataFrame({"title": ["Heat", "Heat"]}, index=["x", "y"])
        with pytest.raises(KeyError, match=r"Heat \[index 0\], Heat \[index 1\]"):
            made(items=films).find_item("Heat")

    def test_what_follows_the_year_stays_in_the_title(self, tmp_path):
        titles = {
            "First Film, The (1995)": ("First Film, The", 1995),
            "Straight to Tape (1993) (V)": ("Straight to Tape (V)", 1993),
            "unknown": ("unknown", pd.NA),
            "Été (L') (1996)": ("Été (L')", 1996),
            "2001 (V)": ("2001 (V)", pd.NA),
            "Nineteen (1984) (1956)": ("Nineteen (1984)", 1956),
        }
        films = pd.DataFrame({"title": list(titles), "genres": ""}, index=map(str, range(6)))
        films = _with_year(films, tmp_path)
        assert list(films[["title", "year"]].itertuples(index=False, name=None)) == [
            *titles.values()
        ]


class TestIndices:
    def test_there_and_back(self, tiny):
        assert tiny.find_user("bob") == 1
        assert tiny.user_index(["cat", "ann", "cat"]).tolist() == [2, 0, 2]
        assert tiny.item_index(np.array(["d", "a"])).tolist() == [3, 0]
        back = tiny.user_ids[tiny.user_index(tiny.user_ids)]
        assert back.tolist() == tiny.user_ids.tolist()
        assert tiny.user_index([]).tolist() == []
        assert tiny.user_index(["ann"]).dtype == np.int64

    def test_numbers_may_be_written_as_text_and_the_other_way_round(self):
        numbers, texts = made(user=[10, 10, 9]), made(user=["10", "10", "9"])
        for wanted in ([10, 9], ["10", "9"], [10.0, 9.0], pd.Series([10, 9])):
            assert numbers.user_ids[numbers.user_index(wanted)].tolist() == [10, 9]
            assert texts.user_ids[texts.user_index(wanted)].tolist() == ["10", "9"]
        assert (numbers.find_user("9"), texts.find_user(9)) == (0, 1)

    def test_who_is_not_there(self, tiny):
        with pytest.raises(
            KeyError, match="holds anna, which is none of the 3 known; near it: ann"
        ):
            tiny.find_user("anna")
        with pytest.raises(KeyError, match="holds 7, which is none of the 4 known"):
            tiny.item_index(["a", 7])
        with pytest.raises(KeyError, match="no identifier in place 1"):
            tiny.user_index(["ann", None])
        with pytest.raises(
            TypeError,
            match=r"must be a sequence of identifiers, got 'ann'; write \['ann'\] for one",
        ):
            tiny.user_index("ann")
        with pytest.raises(TypeError, match="title must be text, got 3; `titles` has those of"):
            tiny.find_item(3)

    def test_identifiers_where_indices_are_wanted(self, tiny):
        with pytest.raises(TypeError, match=r"items must hold integer indices, .*; user_index and"):
            tiny.titles(["a"])

    def test_a_vocabulary_that_is_not_sorted(self):
        ratings = Interactions([0, 1], [0, 0], [1, 1], [0, 0], ["z", "b"], ["x"])
        assert ratings.user_index(["b", "z"]).tolist() == [1, 0]


class TestVocabulary:
    def test_equal_identifiers_have_one_fingerprint(self, tiny):
        other = Interactions([0], [1], [1], [0], ["ann", "bob", "cat"], list("abcd"), name="other")
        assert tiny.vocabulary == other.vocabulary
        assert re.fullmatch(r"3x4-[0-9a-f]{16}", tiny.vocabulary)
        assert (
            tiny.vocabulary == "3x4-5fdf10636e240b4d"
        )  # the same on every machine, so that it can be saved

    @pytest.mark.parametrize(
        ("users", "items"),
        [
            (["ann", "bob", "dan"], list("abcd")),
            (["bob", "ann", "cat"], list("abcd")),
            (["ann", "bob", "cat"], list("abdc")),
            (["ann", "bob", "cat", "a"], list("bcd")),
            (["ann", "bobcat"], list("abcd")),
        ],
    )
    def test_others_have_another(self, tiny, users, items):
        other = Interactions([], [], [], [], users, items)
        assert other.vocabulary != tiny.vocabulary

    def test_text_is_not_numbers_and_width_does_not_matter(self):
        def of(users):
            return Interactions([], [], [], [], users, [1]).vocabulary

        assert of(["1", "2"]) != of([1, 2])
        assert of(np.array(["1", "2"], "U90")) == of(["1", "2"])
        assert of(np.uint8([1, 2])) == of([1, 2])

    def test_parts_of_one_set_share_it(self, tiny, tmp_path):
        split = data.leave_last_out(tiny, 1, 0)
        assert split.train.vocabulary == split.test.vocabulary == tiny.vocabulary
        assert tiny.select([6]).compact().vocabulary != tiny.vocabulary
        assert Interactions.load(tiny.save(tmp_path / "x")).vocabulary == tiny.vocabulary
        assert pickle.loads(pickle.dumps(tiny)).vocabulary == tiny.vocabulary

    def test_it_is_computed_once(self, tiny):
        with mock.patch("hashlib.blake2b", side_effect=__import__("hashlib").blake2b) as digest:
            first = tiny.vocabulary
            assert tiny.vocabulary is first
            assert tiny.select([0, 1]).vocabulary == tiny.select([2]).vocabulary == first
        assert digest.call_count == 1


def log(n_rows, n_pairs):
    """A shop's log: `n_rows` rows of `n_pairs` pairs, one after the other again and again."""
    pair = np.arange(n_rows) % n_pairs
    return pd.DataFrame({"user": pair % 10, "item": pair // 10, "timestamp": np.arange(n_rows)})


class TestRepeatedEvents:
    TABLE = pd.DataFrame(
        {
            "user": ["u", "v", "u", "u", "v"],
            "item": ["a", "a", "a", "b", "a"],
            "rating": [1, 2, 3, 4, 2],
            "timestamp": [30, 10, 20, 5, 10],
        }
    )

    @pytest.mark.parametrize(
        ("merge", "expected"),
        [
            (None, [("u", "a", 1, 30), ("u", "b", 4, 5), ("v", "a", 2, 10)]),
            ("latest", [("u", "a", 1, 30), ("u", "b", 4, 5), ("v", "a", 2, 10)]),
            ("sum", [("u", "a", 4, 30), ("u", "b", 4, 5), ("v", "a", 4, 10)]),
            ("count", [("u", "a", 2, 30), ("u", "b", 1, 5), ("v", "a", 2, 10)]),
        ],
    )
    def test_by_hand(self, merge, expected, tmp_path):
        ratings = Interactions.from_frame(self.TABLE, merge=merge, scale=(1, 4), time_unit="s")
        assert rows_of(ratings) == expected
        assert ratings.report == ReadReport(5, 2, merge=merge or "latest")
        assert ratings.scale == (None if merge in ("sum", "count") else (1, 4))
        path = tmp_path / "shop.csv"
        self.TABLE.to_csv(path, index=False)
        columns = COLUMNS | {"timestamp": "timestamp"}
        assert rows_of(load_file(path, **columns, scale=(1, 4), merge=merge)) == expected

    def test_sums_are_of_ratings_on_the_scale(self):
        for merge in ("sum", "count"):
            message = r"rating holds 4.0, allowed are finite numbers in \[1, 3\]"
            refused(message, Interactions.from_frame, self.TABLE, merge=merge, scale=(1, 3))

    def test_an_unknown_choice(self):
        with pytest.raises(ValueError, match="merge must be one of 'latest', 'sum', 'count', got"):
            Interactions.from_frame(self.TABLE, merge="mean")

    def test_many_are_said_aloud(self):
        message = "shop: 140 of 200 rows repeat a user and an item, and only the latest .*merge="
        with pytest.warns(UserWarning, match=message):
            ratings = Interactions.from_frame(log(200, 60), name="shop")
        assert len(ratings) == 60
        assert repr(ratings).endswith(" of the cells; 140 of 200 rows merged (latest)>")

    @pytest.mark.parametrize("merge", ["latest", "sum", "count"])
    def test_not_where_it_was_stated(self, merge):
        ratings = Interactions.from_frame(log(200, 60), merge=merge)
        assert repr(ratings).endswith(f"; 140 of 200 rows merged ({merge})>")

    @pytest.mark.parametrize(("n_rows", "n_pairs"), [(99, 10), (200, 180), (200, 200)])
    def test_few_are_only_in_the_report(self, n_rows, n_pairs):
        ratings = Interactions.from_frame(log(n_rows, n_pairs))
        assert "merged" not in repr(ratings)
        assert ratings.report.merged == n_rows - n_pairs

    def test_counts_and_sums_are_always_said(self):
        ratings = Interactions.from_frame(self.TABLE, merge="count")
        assert repr(ratings).endswith("; 2 of 5 rows merged (count)>")
        assert repr(ratings.report) == "ReadReport(rows=5, merged=2, skipped={}, merge='count')"

    def test_large_sums_are_exact(self):
        table = pd.DataFrame({"user": 1, "item": 1, "rating": np.repeat([1e6, 1], [16, 5])})
        assert Interactions.from_frame(table, merge="sum").rating.tolist() == [16_000_005]


JSON = "".join(
    json.dumps({"user": u, "item": i, "rating": r, "t": t}) + "\n" for u, i, r, t in ROWS
)


def zipped(**members):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return archive.getvalue()


class TestKindsOfFiles:
    @pytest.mark.parametrize(
        "content",
        [
            zipped(ratings=CSV),
            zipped(folder__ratings=CSV),
            bz2.compress(CSV.encode()),
            lzma.compress(CSV.encode()),
            gzip.compress(gzip.compress(CSV.encode())),
            zipped(ratings=gzip.compress(CSV.encode())),
            zipped(ratings=JSON),
            bz2.compress(JSON.encode()),
        ],
        ids=range(8),  # some hold the second in which they were made, and workers' names must agree
    )
    @pytest.mark.parametrize("name", ["ratings.csv", "ratings"])
    def test_packed_files_are_recognized_by_content(self, reading, content, name):
        assert rows_of(reading(content, name)) == ROWS

    def test_an_archive_of_several_files(self, reading):
        content = zipped(readme="x", **{"ml__u.data": CSV})
        refused(
            r"holds several files; say which, as member=: \['readme', 'ml/u.data'\]",
            reading,
            content,
        )
        for member in ("u.data", "ml/u.data"):
            assert rows_of(reading(content, member=member)) == ROWS
        refused(
            r"has no u\.item; it holds \['readme', 'ml/u\.data'\]",
            reading,
            content,
            member="u.item",
        )

    def test_what_macos_adds_to_an_archive(self, reading):
        archive = io.BytesIO(zipped(ratings=CSV))
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("__MACOSX/._ratings", b"\0")
        assert rows_of(reading(archive.getvalue())) == ROWS

    @pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
    @pytest.mark.parametrize("text", [CSV, JSON])
    def test_cut_anywhere(self, reading, pack, text):
        whole = pack(text.encode())
        for size in range(10, len(whole), 7):
            refused(r"shop\.csv is cut off or damaged after line \d", reading, whole[:size])

    @pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
    def test_a_flipped_byte_is_found_or_harmless(self, reading, pack):
        whole = pack(CSV.encode())
        for place in range(len(whole)):
            content = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
            try:
                found = rows_of(reading(content))
            except DataError:
                continue
            assert found == ROWS

    @pytest.mark.parametrize(
        ("content", "cure"),
        [
            (
                b"PAR1\x15\x04\xff",
                "Parquet file: read it with pandas.read_parquet and give its table",
            ),
            (b"\x28\xb5\x2f\xfd\x00\xff", "packed with Zstandard: unpack it first"),
            (b"7z\xbc\xaf\x27\x1c\xff", "7-Zip archive"),
            (b"SQLite format 3\0\xff", "SQLite database: read it with pandas.read_sql"),
            (b"\xd0\xcf\x11\xe0\xff\n", "old Excel workbook: save it as CSV"),
            (CSV.encode("utf-16"), "looks like UTF-16: say encoding='utf-16'"),
            (CSV.encode("utf-16-le"), "looks like UTF-16: say encoding='utf-16-le'"),
            (CSV.encode("utf-16-be"), "looks like UTF-16: say encoding='utf-16-be'"),
            (b"<!DOCTYPE html>\n<html>\xff\n", "it is a web page, not the file itself"),
            (f"[{JSON}]".encode(), "if it is one JSON list, read it with pandas.read_json"),
        ],
    )
    def test_what_is_no_text_is_named_with_the_way_on(self, reading, content, cure):
        refused(rf"shop\.csv, line 1: .*{cure}", reading, content)

    def test_an_excel_workbook(self, reading):
        refused("is an Excel workbook: save it as CSV", reading, zipped(xl__workbook="x", b="y"))

    @pytest.mark.parametrize(
        "name", ["Books_5.json", "Books_5.json.gz", "Books_5.jsonl", "BOOKS.JSONL", "x", "x.csv"]
    )
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\n  \n"])
    def test_json_lines_whatever_the_name(self, reading, name, mark):
        content = mark + JSON.encode()
        assert rows_of(reading(gzip.compress(content), name)) == ROWS
        assert rows_of(reading(content, name)) == ROWS

    def test_json_that_is_not_one_object_a_line(self, reading):
        content = json.dumps({"user": "u", "item": "i", "rating": 5, "t": 10}, indent=1)
        refused(r"books\.json, line 1: the line is not JSON", reading, content, "books.json")


class TestEncodings:
    TEXT = "user;item;rating;t;title\nu1;i1;4;10;Café\nu2;i1;4;10;Cafe\nu3;i2;4;10;München\n"

    @pytest.mark.parametrize("on_bad_rows", ["error", "skip"])
    def test_a_column_that_nobody_asked_for_drops_no_row(self, reading, on_bad_rows):
        options = {"separator": ";", "on_bad_rows": on_bad_rows}
        ratings = reading(self.TEXT.encode("latin-1"), **options)
        assert ratings.user_ids.tolist() == ["u1", "u2", "u3"]
        assert ratings.report == ReadReport(3)

    def test_nor_does_one_in_json(self, reading, tmp_path):
        content = JSON.replace("{", '{"title": "Café", ', 1).encode("latin-1")
        ratings = reading(content, "x.json")
        assert rows_of(ratings) == ROWS
        assert ratings.report == ReadReport(3)
        (tmp_path / "meta.jsonl").write_bytes('{"id": "a", "t": "A", "x": "é"}\n'.encode("latin-1"))
        table = read_metadata_jsonl(tmp_path / "meta.jsonl", "id", {"title": "t"})
        assert table["title"].tolist() == ["A"]

    def test_in_a_wanted_column_the_cure_is_named(self, reading):
        options = {"separator": ";", "item": "title"}
        message = "line 2: the line is not valid UTF-8; .*encoding='cp1252'"
        refused(message, reading, self.TEXT.encode("latin-1"), **options)
        ratings = reading(self.TEXT.encode("latin-1"), on_bad_rows="skip", **options)
        assert ratings.report == ReadReport(3, 0, {"not UTF-8": 2})

    @pytest.mark.parametrize(
        "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "UTF_8", "utf-8-sig"]
    )
    @pytest.mark.parametrize("time_unit", ["s", "iso"])
    def test_another_encoding_is_read_by_both_readers(self, reading, encoding, time_unit):
        text = self.TEXT if time_unit == "s" else self.TEXT.replace(";10;", ";2020-01-01;")
        options = {"separator": ";", "item": "title", "time_unit": time_unit}
        ratings = reading(text.encode(encoding), encoding=encoding, **options)
        assert ratings.item_ids.tolist() == ["Cafe", "Café", "München"]
        content = '{"user": "é", "item": "i", "rating": 4, "t": 10}\n'.encode(encoding)
        assert reading(content, "x.jsonl", encoding=encoding).user_ids.tolist() == ["é"]

    @pytest.mark.parametrize("encoding", ["utf-9", "zip", None, 8, ""])
    def test_what_is_no_encoding(self, reading, encoding):
        with pytest.raises(ValueError, match="encoding must be one that Python knows, such as"):
            reading(CSV, encoding=encoding)

    def test_an_encoding_that_does_not_fit(self, reading):
        refused(
            r"shop\.csv(,| cannot be read in encoding 'utf-16')",
            reading,
            CSV + "x",
            encoding="utf-16",
        )
        content = CSV.encode() + b"u\x81,i1,3,1000000002\n"
        refused("line 5: the line is not valid cp1252", reading, content, encoding="cp1252")


@pytest.mark.parametrize("text", ["4,5", "-4,50"])
def test_a_decimal_comma_is_told_how_to_be_read(reading, text):
    content = f"user;item;rating;t\nu;i;{text};1000000000\n"
    refused("is not a number; with a decimal comma, .*decimal=','", reading, content, separator=";")


def test_times_with_fractions_are_told_how_to_become_dates():
    table = frame(timestamp=[1577836800.5, 1577836801.0, 1577836802.25])
    refused(
        "got 1577836800.5; of text, pandas.to_datetime.* fractions",
        Interactions.from_frame,
        table,
        time_unit="s",
    )
    table["timestamp"] = pd.to_datetime(table["timestamp"], unit="s")
    assert Interactions.from_frame(table).timestamp[0] == 1577836800500


class TestFields:
    HEADER = "user,item,rating,t,text\n"
    BIG = "w" * 200_000

    @pytest.mark.parametrize("time", ["1000000000", "2001-09-09T01:46:40Z"])
    def test_long_fields_are_read_alike_by_both_readers(self, reading, time):
        content = f"{self.HEADER}a,x,5,{time},ok\nb,x,4,{time},{self.BIG}\n"
        unit = "s" if time.isdigit() else "iso"
        ratings = reading(content, time_unit=unit)
        assert ratings.user_ids.tolist() == ["a", "b"]
        ratings = reading(content + f"c,x,,{time},ok\n", time_unit=unit, on_bad_rows="skip")
        assert ratings.user_ids.tolist() == ["a", "b"]
        assert ratings.report == ReadReport(3, 0, {"rating is missing": 1})

    def test_fields_that_are_too_long_are_refused_alike(self, reading, tmp_path, monkeypatch):
        monkeypatch.setattr(readers, "LONGEST", 1000)
        content = f"{self.HEADER}a,x,5,10,ok\nb,x,4,20,{'w' * 1001}\n"
        refused("line 3: .*field larger than field limit", reading, content)
        form = Format("user", "item", "rating", "t", time_unit="s")
        assert _read_fast(tmp_path / "shop.csv", form) is None

    def test_the_limit_of_the_csv_module_is_left_as_it_was(self, reading):
        before = csv.field_size_limit()
        for content in (self.HEADER + f"a,x,5,10,{self.BIG}\n", self.HEADER + "a,x,five,10,\n"):
            try:
                reading(content, time_unit="s")
            except DataError:
                continue
        assert csv.field_size_limit() == before

    def test_without_quotes_a_quote_is_a_letter(self, reading, tmp_path):
        content = 'user,item,rating,t\n"u1,5" disc,5,10\nu2,"x",4,20\n'
        refused("line 2: 3 fields, expected 4", reading, content)
        refused("line 2: .*say quotes=False", reading, content.replace('5" disc', "disc"), item="t")
        ratings = reading(content, quotes=False)
        assert rows_of(ratings) == [('"u1', '5" disc', 5, 10), ("u2", '"x"', 4, 20)]
        form = Format("user", "item", "rating", "t", time_unit="s", quotes=False)
        path = tmp_path / "shop.csv"
        slow = _read_slowly(path, form, "error", Counter())
        fast = _read_fast(path, form)
        assert fast.astype(slow.dtypes).equals(slow[list(fast)])
        with pytest.raises(TypeError, match="quotes must be True or False, got 'no'"):
            reading(content, quotes="no")

    def test_only_wanted_columns_are_kept_in_memory(self, tmp_path, monkeypatch):
        n, path = 5_000, tmp_path / "reviews.csv"
        lines = (f"u{i},i{i % 97},{i % 5 + 1},{10**9 + i},{i} {'lorem ' * 300}\n" for i in range(n))
        path.write_text(self.HEADER + "".join(lines))
        monkeypatch.setattr(readers, "CHUNK_CHARACTERS", 2**18)
        form = Format("user", "item", "rating", "t", time_unit="s")
        tracemalloc.start()
        try:
            assert len(_read_fast(path, form)) == n
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert path.stat().st_size > 9e6
        assert peak < 5e6


NASTY = ["007", '"', '""', ",", "é", "ß", "€", "'", " ", "a,b", "1e5", "NA"]
TEXTS = st.sampled_from(NASTY) | st.text("abc01éß€ ", min_size=1, max_size=4)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.integers(2, 2**31)), min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-be"]),
    quotes=st.booleans(),
    chunk=st.sampled_from([1, 2, 100]),
)
def test_both_readers_give_the_rows_in_any_encoding(
    tmp_path_factory, rows, encoding, quotes, chunk
):
    """A column that nobody wants stands between; it may hold anything."""
    lines = ["u|x|i|t"]
    for user, note, item, time in rows:
        texts = [user, note, item]
        if quotes:
            texts = ['"' + text.replace('"', '""') + '"' for text in texts]
        lines.append("|".join([*texts, str(time)]))
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    form = Format("u", "i", None, "t", separator="|", time_unit="s")
    form = dataclasses.replace(form, encoding=encoding, quotes=quotes)
    expected = [(user, item, time) for user, _, item, time in rows]
    with mock.patch.object(readers, "CHUNK", chunk):
        fast = _read_fast(path, form)
    for table in (fast, _read_slowly(path, form, "error", Counter())):
        found = zip(*(table[name].tolist() for name in ("user", "item", "timestamp")), strict=True)
        assert list(found) == expected


class TestOfficialFilesWithFaults:
    NAME = "amazon-2023-reviews/Electronics"
    FAULT = "timestamp is out of range"

    @pytest.fixture(autouse=True)
    def _reviews(self, tmp_path, monkeypatch):
        monkeypatch.setenv("RECSYS_DATA", str(tmp_path))
        self.path = tmp_path / DATASETS[self.NAME].file
        self.path.parent.mkdir()
        self.rows = [
            {"user_id": f"U{i % 20}", "parent_asin": f"P{i % 7}", "rating": float(i % 5 + 1)}
            | {"timestamp": 1_600_000_000_000 + 1000 * i}
            for i in range(140)
        ]
        self.rows[3]["timestamp"] = -62_135_596_800_000
        self.write()

    def write(self):
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        self.path.write_bytes(gzip.compress(lines.encode()))

    @pytest.mark.parametrize("on_bad_rows", ["error", "skip"])
    def test_a_known_fault_is_counted_and_stated(self, on_bad_rows, capsys):
        ratings = data.load(self.NAME, on_bad_rows=on_bad_rows)
        assert len(ratings) == 139
        assert ratings.report == ReadReport(140, 0, {self.FAULT: 1})
        assert repr(ratings).endswith("; 1 of 140 rows skipped>")
        assert f"left out  rows whose {self.FAULT}" in data.describe(self.NAME)
        for options in ([], ["--on-bad-rows", on_bad_rows]):
            assert main(["load", self.NAME, *options]) == 0
            assert f"skipped={{'{self.FAULT}': 1}}" in capsys.readouterr().out

    def test_in_the_table_of_ratings_too(self, tmp_path):
        name = "amazon-2023/Electronics"
        lines = "".join(",".join(map(str, row.values())) + "\n" for row in self.rows)
        (tmp_path / DATASETS[name].file).write_text(
            "user_id,parent_asin,rating,timestamp\n" + lines
        )
        assert data.load(name).report == ReadReport(140, 0, {self.FAULT: 1})

    def test_any_other_fault_stops_the_reading(self, capsys):
        self.rows[5]["rating"] = 9
        self.write()
        refused(r"line 6: rating 9 is outside \[1, 5\]", data.load, self.NAME)
        assert main(["load", self.NAME]) == 1
        assert main(["load", self.NAME, "--on-bad-rows", "skip"]) == 0
        assert "'rating is outside the scale': 1" in capsys.readouterr().out

    def test_as_a_program(self):
        command = [sys.executable, "-m", "recsys_lib.data", "load", self.NAME]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{{'{self.FAULT}': 1}}" in done.stdout

    def test_a_file_of_ones_own_has_no_known_faults(self, tmp_path):
        (tmp_path / "mine.csv").write_text("user,item,rating,t\na,x,5,-1\n")
        refused("line 2: t '-1' is not a time", load_file, tmp_path / "mine.csv", **COLUMNS)


def test_the_words_for_columns_are_told_apart():
    """No word stands for two columns, and none is spelled with what is taken away."""
    words = [word for known in tables.OTHER_NAMES.values() for word in known]
    assert len(set(words)) == len(words)
    assert all(word.isalnum() and word.islower() for word in words)
