"""Reading files: what a clean one gives, and what is said of every kind of damage.

There are two readers behind `load_file`, a fast and a slow one. Most tests go through the front
door; the properties at the end compare the two with each other and with the rows that were written.
"""

import gzip
import json
import re
import zipfile
from collections import Counter
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys_lib.data import DataError, ReadReport, load_file, readers
from recsys_lib.data.readers import (
    Format,
    _read_fast,
    _read_slowly,
    read,
    read_metadata,
    read_metadata_jsonl,
)

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=150)
HEADER = b"user,item,rating,timestamp\n"
GOOD = b"u1,i1,5,100\nu2,i1,4,200\nu1,i2,3.5,300\n"
ROWS = [("u1", "i1", 5, 100), ("u2", "i1", 4, 200), ("u1", "i2", 3.5, 300)]


@pytest.fixture
def reading(tmp_path):
    """A function: write these bytes to a file of this name and load it."""

    def load(content, name="shop.csv", **options):
        path = tmp_path / name
        path.write_bytes(content)
        columns = {"user": "user", "item": "item", "rating": "rating", "timestamp": "timestamp"}
        return load_file(path, **(columns | {"scale": (1, 5)} | options))

    return load


def rows_of(ratings):
    return list(ratings.to_frame().itertuples(index=False, name=None))


def json_lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def record(**changes):
    return {"user": "u", "item": "i", "rating": 4, "timestamp": 100} | changes


class TestCleanFiles:
    @pytest.mark.parametrize(
        "content",
        [
            HEADER + GOOD,
            HEADER + GOOD.rstrip(b"\n"),
            b"\xef\xbb\xbf" + HEADER + GOOD,
            (HEADER + GOOD).replace(b"\n", b"\r\n"),
            (HEADER + GOOD).replace(b"\n", b"\r"),
            b"\n \n" + HEADER + GOOD.replace(b"\n", b"\n\n  \t\n"),
            b'\xef\xbb\xbf"user","item",rating,"timestamp"\n' + GOOD.replace(b"i1", b'"i1"'),
            HEADER + b"u1,i1,5.,+100\nu2,i1, 4 ,200.0\nu1,i2,.35e1,3e2\n",
            gzip.compress(HEADER + GOOD),
            gzip.compress(HEADER) + gzip.compress(GOOD),
        ],
        ids=[
            "plain",
            "no final newline",
            "byte order mark",
            "Windows",
            "old Mac",
            "blank lines",
            "mark and quoted header",
            "numbers written otherwise",
            "gzip without its suffix",
            "gzip of two members",
        ],
    )
    def test_all_say_the_same(self, reading, content):
        ratings = reading(content)
        assert rows_of(ratings) == ROWS
        assert ratings.report == ReadReport(rows=3)
        assert (ratings.name, ratings.scale, ratings.time_unit) == ("shop", (1, 5), "s")

    def test_columns_are_found_by_name_and_others_are_passed_over(self, reading):
        content = b"when,user,what,stars,item\n100,Ann,u1,5,The Hobbit\n200,Bob,u2,4,\n"
        ratings = reading(content, user="what", item="user", rating="stars", timestamp="when")
        assert rows_of(ratings) == [("u1", "Ann", 5, 100), ("u2", "Bob", 4, 200)]

    @pytest.mark.parametrize("last", [b"", b"note"])
    def test_an_unused_last_column_may_be_empty(self, reading, last):
        ratings = reading(HEADER[:-1] + b",note\nu1,i1,5,100," + last + b"\n")
        assert rows_of(ratings) == ROWS[:1]

    def test_without_ratings_every_event_counts_one(self, reading):
        ratings = reading(HEADER + GOOD, rating=None)
        assert ratings.rating.tolist() == [1, 1, 1]

    def test_without_timestamps_there_is_no_time_unit(self, reading):
        ratings = reading(HEADER + GOOD.replace(b"100", b""), timestamp=None)
        assert ratings.timestamp.tolist() == [0, 0, 0]
        assert ratings.time_unit == "none"

    def test_without_a_scale_any_finite_number_is_a_rating(self, reading):
        ratings = reading(HEADER + b"u,i,-1e9,1\nu,j,0,1\n", scale=None)
        assert ratings.rating.tolist() == [-1e9, 0]

    @pytest.mark.parametrize(
        "identifier",
        [
            "007",
            "7.0",
            "NA",
            "nan",
            "null",
            "None",
            "True",
            " u ",
            "-",
            "1e5",
            '5" disc',
            "日本",
            "🎻",
        ],
    )
    @pytest.mark.parametrize("suffix", ["csv", "jsonl"])
    def test_identifiers_are_text_and_kept_to_the_letter(self, reading, identifier, suffix):
        content = f"user,item,rating,timestamp\n{identifier},{identifier},5,100\n".encode()
        if suffix == "jsonl":
            content = json_lines(record(user=identifier, item=identifier))
        ratings = reading(content, f"shop.{suffix}")
        assert ratings.user_ids.tolist() == [identifier]
        assert ratings.item_ids.tolist() == [identifier]

    def test_numbers_that_only_look_alike_stay_apart(self, reading):
        ratings = reading(HEADER + b"7,i,5,1\n007,i,4,1\n7.0,i,3,1\n")
        assert ratings.user_ids.tolist() == ["007", "7", "7.0"]

    def test_quotes_commas_and_line_breaks_inside_fields(self, reading):
        ratings = reading(HEADER + b'"a,b","say ""no""",5,1\n"two\nlines","x\r\ny",4,2\n')
        assert rows_of(ratings) == [
            ("a,b", 'say "no"', 5, 1),
            ("two\nlines", "x\r\ny", 4, 2),
        ]

    @pytest.mark.parametrize("separator", ["\t", ";", "|", "::", " - ", "§"])
    def test_separators(self, reading, separator):
        content = (HEADER + GOOD).replace(b",", separator.encode())
        assert rows_of(reading(content, separator=separator)) == ROWS

    @pytest.mark.parametrize("separator", ["::", ", "])
    def test_separators_of_several_characters_know_no_quotes(self, reading, separator):
        row = separator.join(['"a"', "b:,c", "5", "1"]).encode() + b"\n"
        content = HEADER.replace(b",", separator.encode()) + row
        assert rows_of(reading(content, separator=separator)) == [('"a"', "b:,c", 5, 1)]

    def test_milliseconds(self, reading):
        ratings = reading(HEADER + b"u,i,5,1588687728923\n", time_unit="ms")
        assert ratings.dates.tolist()[0].isoformat() == "2020-05-05T14:08:48.923000"

    @pytest.mark.parametrize(
        ("text", "milliseconds"),
        [
            ("1970-01-02", 86_400_000),
            ("2020-01-01T00:00:00Z", 1_577_836_800_000),
            ("2020-01-01 00:00:00", 1_577_836_800_000),
            ("2020-01-01T02:00:00+02:00", 1_577_836_800_000),
            ("2019-12-31T19:00:00-05:00", 1_577_836_800_000),
            ("20200101T000000", 1_577_836_800_000),
            ("2020-01-01T00:00:00.5", 1_577_836_800_500),
            ("2020-01-01T00:00:00.123999", 1_577_836_800_123),
            ("2100-01-01T00:00:00+00:00", 4_102_444_800_000),
        ],
    )
    def test_iso_times_without_a_zone_are_utc(self, reading, text, milliseconds):
        ratings = reading(HEADER + f"u,i,5,{text}\n".encode(), time_unit="iso")
        assert ratings.timestamp.tolist() == [milliseconds]
        assert ratings.time_unit == "ms"

    def test_repeated_pairs_are_merged_and_counted(self, reading):
        ratings = reading(HEADER + b"u,i,1,300\nu,i,2,500\nv,i,3,1\nu,i,4,500\nu,i,5,400\n")
        assert rows_of(ratings) == [("v", "i", 3, 1), ("u", "i", 4, 500)]
        assert ratings.report == ReadReport(rows=5, merged=3)

    def test_metadata_with_the_ratings(self, tmp_path):
        (tmp_path / "r.csv").write_bytes(b"u,i\na,x\na,y\n")
        (tmp_path / "t.csv").write_text('i,t\ny,"Cité, ""La"" (1995)"\nz,Zorro\n', encoding="utf-8")
        items = read_metadata(tmp_path / "t.csv", "i", {"title": "t"})
        ratings = read(tmp_path / "r.csv", Format("u", "i"), name="shop", items=items)
        assert ratings.titles([0, 1]) == ["x", 'Cité, "La" (1995)']


BAD_FIELDS = [
    # column, text, reason it is counted under, what the message says
    ("user", b"", "user is missing", "user is missing"),
    ("item", b"", "item is missing", "item is missing"),
    ("user", b"a\x00b", "NUL in an identifier", r"user 'a\\x00b' holds a NUL character"),
    ("item", b"caf\xe9", "not UTF-8", "the line is not valid UTF-8"),
    ("user", b"\xed\xa0\xbd", "not UTF-8", "the line is not valid UTF-8"),
    ("rating", b"", "rating is missing", "rating is missing"),
    ("rating", b"five", "rating is no number", "rating 'five' is not a number"),
    ("rating", b"1_0", "rating is no number", "rating '1_0' is not a number"),
    ("rating", b"True", "rating is no number", "rating 'True' is not a number"),
    ("rating", "٣".encode(), "rating is no number", "rating '٣' is not a number"),
    ("rating", b"4;", "rating is no number", "rating '4;' is not a number"),
    ("rating", b"nan", "rating is outside the scale", r"rating 'nan' is outside \[1, 5\]"),
    ("rating", b"inf", "rating is outside the scale", r"rating 'inf' is outside \[1, 5\]"),
    ("rating", b"0", "rating is outside the scale", r"rating '0' is outside \[1, 5\]"),
    ("rating", b"5.01", "rating is outside the scale", r"rating '5.01' is outside \[1, 5\]"),
    ("timestamp", b"", "timestamp is missing", "timestamp is missing"),
    ("timestamp", b"5.5", "timestamp is unreadable", "timestamp '5.5' is not a whole number"),
    ("timestamp", b"nan", "timestamp is unreadable", "timestamp 'nan' is not a whole number"),
    ("timestamp", b"inf", "timestamp is unreadable", "timestamp 'inf' is not a whole number"),
    ("timestamp", b"False", "timestamp is unreadable", "timestamp 'False' is not a whole number"),
    ("timestamp", b"1_0", "timestamp is unreadable", "timestamp '1_0' is not a whole number"),
    ("timestamp", b"2020-01-01", "timestamp is unreadable", "'2020-01-01' is not a whole number"),
    ("timestamp", b"-1", "timestamp is out of range", "'-1' is not a time between 1970 and 2100$"),
    (
        "timestamp",
        b"16725225600",  # the year 2500
        "timestamp is out of range",
        "'16725225600' is not a time between 1970 and 2100",
    ),
    (
        "timestamp",
        b"1588687728923",
        "timestamp is out of range",
        r"between 1970 and 2100; is it in milliseconds \(time_unit='ms'\)\?",
    ),
    (
        "timestamp",
        b"9" * 5000,
        "timestamp is unreadable",
        r"timestamp '9{76}\.\.\. is not a whole number",
    ),
]


class TestBadRows:
    @pytest.mark.parametrize(("column", "text", "reason", "message"), BAD_FIELDS)
    @pytest.mark.parametrize("every_row", [False, True], ids=["one row", "all rows"])
    def test_a_bad_field(self, reading, column, text, reason, message, every_row):
        fields = {"user": b"u", "item": b"i", "rating": b"3", "timestamp": b"250", column: text}
        bad = b",".join(fields.values()) + b"\n"
        content = HEADER + (b"" if every_row else GOOD) + bad * 2
        line = 2 if every_row else 5
        with pytest.raises(DataError, match=rf"shop\.csv, line {line}: .*{message}"):
            reading(content)
        if every_row:
            with pytest.raises(DataError, match=rf"shop\.csv: none of its 2 rows .*'{reason}': 2"):
                reading(content, on_bad_rows="skip")
        else:
            ratings = reading(content, on_bad_rows="skip")
            assert rows_of(ratings) == ROWS
            assert ratings.report == ReadReport(5, 0, {reason: 2})

    @pytest.mark.parametrize(
        ("line", "n"),
        [(b"u,i,3", 3), (b"u,i,3,250,", 5), (b"u,i,3,250,x", 5), (b"u", 1), (b",,,,", 5)],
    )
    @pytest.mark.parametrize("first", [False, True], ids=["in the middle", "first"])
    def test_a_wrong_number_of_fields(self, reading, line, n, first):
        content = HEADER + (line + b"\n" + GOOD if first else GOOD + line + b"\n" + GOOD)
        where = 2 if first else 5
        with pytest.raises(DataError, match=rf"shop\.csv, line {where}: {n} fields, expected 4"):
            reading(content)
        ratings = reading(content, on_bad_rows="skip")
        assert rows_of(ratings) == ROWS
        assert ratings.report.skipped == {"wrong number of fields": 1}

    @pytest.mark.parametrize("end", [b",", b",x", b":"])
    @pytest.mark.parametrize("at", range(6))
    def test_a_row_too_long_wherever_a_chunk_begins(self, reading, monkeypatch, end, at):
        monkeypatch.setattr(readers, "CHUNK", 2)
        separator = "::" if end == b":" else ","
        lines = [f"u{i},i{i},5,{i + 9}".replace(",", separator).encode() for i in range(6)]
        lines[at] += end
        content = HEADER.replace(b",", separator.encode()) + b"\n".join(lines)
        with pytest.raises(DataError, match=rf"shop\.csv, line {at + 2}: "):
            reading(content, separator=separator)
        assert len(reading(content, separator=separator, on_bad_rows="skip")) == 5

    def test_a_line_of_separators_is_no_blank_line(self, reading):
        content = b"user\titem\n\t\na\tb\n \t\n"
        columns = {"separator": "\t", "rating": None, "timestamp": None}
        with pytest.raises(DataError, match="line 2: user is missing"):
            reading(content, **columns)
        skipped = reading(content, **columns, on_bad_rows="skip").report.skipped
        assert skipped == {"user is missing": 1, "item is missing": 1}

    def test_too_few_fields_where_the_last_column_is_not_used(self, reading):
        content = HEADER[:-1] + b",note\nu1,i1,5,100,x\nu2,i1,4,200\n"
        with pytest.raises(DataError, match="line 3: 4 fields, expected 5"):
            reading(content)
        assert reading(content, on_bad_rows="skip").report.skipped == {"wrong number of fields": 1}

    @pytest.mark.parametrize(
        "row", [b"a::b::5::100:", b"a::b::5:100", b"a:b::5::100", b"a:x:b::5::9"]
    )
    @pytest.mark.parametrize("first", [False, True], ids=["in the middle", "first"])
    def test_half_a_separator_does_not_separate(self, reading, row, first):
        lines = [b"u1::i1::5::100", row]
        content = HEADER.replace(b",", b"::") + b"\n".join(lines[::-1] if first else lines)
        with pytest.raises(DataError, match=rf"line {2 if first else 3}: "):
            reading(content, separator="::")
        assert rows_of(reading(content, separator="::", on_bad_rows="skip")) == ROWS[:1]

    def test_half_a_separator_belongs_to_the_field(self, reading):
        content = b"rating::user::item\n5::u:::i:\n4::v::i:x:\n"
        ratings = reading(content, separator="::", timestamp=None)
        assert rows_of(ratings) == [("u", ":i:", 5, 0), ("v", "i:x:", 4, 0)]

    def test_bytes_that_are_not_utf8_in_a_column_that_is_not_used(self, reading):
        content = HEADER[:-1] + b",note\nu1,i1,5,100,caf\xe9\nu2,i1,4,200,tea\n"
        for on_bad_rows in ("error", "skip"):
            ratings = reading(content, on_bad_rows=on_bad_rows)
            assert rows_of(ratings) == ROWS[:2]
            assert ratings.report == ReadReport(2)

    @pytest.mark.parametrize(
        ("stray", "message"),
        [
            (b'"u9,i9,3,250\n', "line 3: the row cannot be split: unexpected end of data"),
            (b'u9,i9,3,"250\n', "line 3: the row cannot be split: unexpected end of data"),
            (b'u9,"i9,3,250\n', "line 3: the row cannot be split: unexpected end of data"),
        ],
    )
    def test_a_quote_that_is_never_closed_costs_its_own_line_only(self, reading, stray, message):
        lines = GOOD.splitlines(keepends=True)
        content = HEADER + lines[0] + stray + b"".join(lines[1:])
        with pytest.raises(DataError, match=message):
            reading(content)
        ratings = reading(content, on_bad_rows="skip")
        assert rows_of(ratings) == ROWS
        assert ratings.report.skipped == {"row cannot be split": 1}

    @pytest.mark.parametrize("at", [0, 1])
    def test_a_stray_quote_is_found_though_another_seems_to_close_it(self, reading, at):
        # to a spreadsheet these lines are one row of five fields: its note runs to the next quote
        lines = [b"u1,i1,5,100,x\n", b"u2,i1,4,200,y\n", b'u1,i2,3.5,300,"z"\n']
        lines[at] = lines[at].replace(b"100,", b'100,"').replace(b"200,", b'200,"')
        content = HEADER[:-1] + b",note\n" + b"".join(lines)
        message = rf"line {at + 2}: the row cannot be split: ',' expected after"
        with pytest.raises(DataError, match=message):
            reading(content)
        ratings = reading(content, on_bad_rows="skip")
        assert rows_of(ratings) == ROWS[:at] + ROWS[at + 1 :]
        assert ratings.report.rows == 3

    def test_a_field_too_long_to_be_one(self, reading):
        content = HEADER + b"u" * 200_000 + b',"i,1",5\n' + GOOD
        with pytest.raises(DataError, match="line 2: 3 fields, expected 4"):
            reading(content)
        assert rows_of(reading(content, on_bad_rows="skip")) == ROWS

    def test_a_row_of_several_lines_is_named_by_its_first(self, reading):
        content = HEADER + b'"u\n1","i\n1",5,100\n"u\n2",i1,nine,200\nu3,i1,9,300\n'
        with pytest.raises(DataError, match="line 5: rating 'nine'"):
            reading(content)
        ratings = reading(content, on_bad_rows="skip")
        assert ratings.report == ReadReport(
            3, 0, {"rating is no number": 1, "rating is outside the scale": 1}
        )

    def test_reasons_are_counted_apart(self, reading):
        content = HEADER + b"u,i,9,1\nu,i,,1\nu,i,0,1\n,i,4,1\nu,i,x,1\nu,i,4\n" + GOOD
        assert reading(content, on_bad_rows="skip").report == ReadReport(
            9,
            0,
            {
                "rating is outside the scale": 2,
                "rating is missing": 1,
                "user is missing": 1,
                "rating is no number": 1,
                "wrong number of fields": 1,
            },
        )

    @pytest.mark.parametrize(
        "text",
        [
            "yesterday",
            "now",
            "",
            "NaT",
            "5",
            "2020",
            "13/01/2020",
            "2020-02-30",
            "2020-01-01T25:00",
        ],
    )
    def test_what_is_no_iso_time(self, reading, text):
        content = HEADER + b"u1,i1,5,1970-01-01\nu,i,4," + text.encode() + b"\n"
        message = f"'{text}' is not an ISO 8601 time" if text else "timestamp is missing"
        with pytest.raises(DataError, match=f"line 3: .*{message}"):
            reading(content, time_unit="iso")
        assert len(reading(content, time_unit="iso", on_bad_rows="skip")) == 1

    @pytest.mark.parametrize(("unit", "last"), [("s", 4_102_444_800), ("ms", 4_102_444_800_000)])
    def test_times_end_with_the_year_2099(self, reading, unit, last):
        rows = b"u,i,5,0\nv,i,5,%d\n"
        assert len(reading(HEADER + rows % last, time_unit=unit)) == 2
        with pytest.raises(
            DataError, match=f"line 3: timestamp '{last + 1}' is not a time between"
        ):
            reading(HEADER + rows % (last + 1), time_unit=unit)

    @pytest.mark.parametrize("text", ["1969-12-31", "2500-01-01", "9999-12-31T23:59:59-23:00"])
    def test_iso_times_out_of_range(self, reading, text):
        content = HEADER + f"u,i,5,{text}\n".encode()
        with pytest.raises(DataError, match=f"line 2: .*'{text}' is not a time between 1970 and"):
            reading(content, time_unit="iso")

    def test_without_a_scale_a_rating_must_be_finite_in_float32(self, reading):
        for text in ("nan", "-inf", "1e39"):
            with pytest.raises(DataError, match=f"line 2: rating '{text}' is no finite number"):
                reading(HEADER + f"u,i,{text},1\n".encode(), scale=None)


class TestBadJson:
    @pytest.mark.parametrize(
        ("line", "reason", "message"),
        [
            (b"nonsense", "not JSON", "the line is not JSON: Expecting value$"),
            (b'{"user": "u", ', "not JSON", "the line is not JSON: "),
            (b'{"user": "u"} {"user": "v"}', "not JSON", "the line is not JSON: Extra data$"),
            (b"[" * 100_000, "not JSON", "the line is not JSON: maximum recursion"),
            (b'{"user": "caf\xe9"}', "not UTF-8", "the line is not valid UTF-8"),
            (b'["u", "i", 4, 100]', "not a JSON object", r"not a JSON object but \['u', 'i', 4"),
            (b"7", "not a JSON object", "not a JSON object but 7"),
            (b"null", "not a JSON object", "not a JSON object but None"),
            (b'"text"', "not a JSON object", "not a JSON object but 'text'"),
            (record(user=None), "user is missing", "user is missing"),
            (record(item=""), "item is missing", "item is missing"),
            (record(rating=None), "rating is missing", "rating is missing"),
            ({"user": "u", "item": "i", "rating": 4}, "timestamp is missing", "timestamp is miss"),
            (
                record(user=["u"]),
                "identifier is no text",
                r"user \['u'\] is neither text nor an int",
            ),
            (record(item={"id": 1}), "identifier is no text", r"item \{'id': 1\} is neither text"),
            (
                record(user=True),
                "identifier is no text",
                "user True is neither text nor an integer",
            ),
            (record(user=1.0), "identifier is no text", "user 1.0 is neither text nor an integer"),
            (record(item="a\ud83d"), "not UTF-8", r"item 'a\\ud83d' is not valid UTF-8"),
            (record(item="a\0"), "NUL in an identifier", r"item 'a\\x00' holds a NUL character"),
            (record(rating=True), "rating is no number", "rating True is not a number"),
            (record(rating=[4]), "rating is no number", r"rating \[4\] is not a number"),
            (record(rating="four"), "rating is no number", "rating 'four' is not a number"),
            (record(rating=10**400), "rating is no number", r"rating 10{76}\.\.\. is not a number"),
            (
                record(rating=float("nan")),
                "rating is outside the scale",
                r"nan is outside \[1, 5\]",
            ),
            (record(rating=0), "rating is outside the scale", r"rating 0 is outside \[1, 5\]"),
            (
                record(timestamp=False),
                "timestamp is unreadable",
                "timestamp False is not a whole num",
            ),
            (
                record(timestamp=1.5),
                "timestamp is unreadable",
                "timestamp 1.5 is not a whole number",
            ),
            (
                record(timestamp=float("inf")),
                "timestamp is unreadable",
                "inf is not a whole number",
            ),
            (
                record(timestamp={}),
                "timestamp is unreadable",
                r"timestamp \{\} is not a whole number",
            ),
            (
                record(timestamp=-1),
                "timestamp is out of range",
                "-1 is not a time between 1970 and",
            ),
        ],
    )
    def test_a_bad_line(self, reading, line, reason, message):
        bad = line + b"\n" if isinstance(line, bytes) else json_lines(line)
        content = json_lines(record()) + b"\n" + bad + json_lines(record(user="v"))
        with pytest.raises(DataError, match=rf"shop\.jsonl, line 3: .*{message}"):
            reading(content, "shop.jsonl")
        ratings = reading(content, "shop.jsonl", on_bad_rows="skip")
        assert rows_of(ratings) == [("u", "i", 4, 100), ("v", "i", 4, 100)]
        assert ratings.report == ReadReport(3, 0, {reason: 1})

    def test_what_is_fine(self, reading):
        content = b"\xef\xbb\xbf" + json_lines(
            record(user=12, item=-3, rating="4.5", timestamp="1e2", text="a\ud83d", more=[1]),
            record(rating=4.0, timestamp=100.0),
        )
        content = content.replace(b"\n", b"\r\n\r\n  \r\n")
        for name in ("shop.jsonl", "shop.jsonl.gz", "shop.ndjson", "my.shop.jsonl"):
            zipped = gzip.compress(content) if name.endswith("gz") else content
            assert rows_of(reading(zipped, name)) == [("12", "-3", 4.5, 100), ("u", "i", 4, 100)]

    def test_an_iso_time_must_be_text(self, reading):
        with pytest.raises(DataError, match="line 1: timestamp 5 is not an ISO 8601 time"):
            reading(json_lines(record(timestamp=5)), "shop.jsonl", time_unit="iso")


class TestWholeFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", r"shop\.csv: the file holds no rows"),
            (b"\n\n", r"shop\.csv: the file holds no rows"),
            (b"\xef\xbb\xbf", r"shop\.csv: the file holds no rows"),
            (HEADER, r"shop\.csv: the file holds no rows"),
            (HEADER[:-1], r"shop\.csv: the file holds no rows"),
            (gzip.compress(b"", mtime=0), r"shop\.csv: the file holds no rows"),
            (GOOD, r"shop\.csv, line 1: no column 'user', 'item', .*; found \['u1', 'i1', '5'"),
            (b"\n" + GOOD, r"shop\.csv, line 2: no column 'user', "),
            (b"user;item;rating;timestamp\n", "no column .* found .'user;item;rating;timestamp'"),
            (
                b"User,item,rating,timestamp\n" + GOOD,
                "line 1: no column 'user'; found .'User', 'it",
            ),
            (b"user,item,item,rating,timestamp\n", r"line 1: column 'item' comes more than once"),
            (
                b"us\xe9r,user,item,rating,timestamp\n",
                "line 1: the header cannot be read: the line is",
            ),
            (b'"user,item,rating,timestamp\n' + GOOD, "line 1: the header cannot be read: the row"),
            (bytes(range(256)) * 4, r"shop\.csv, line 1: "),
            ((HEADER + GOOD).decode().encode("utf-16"), r"shop\.csv, line 1: "),
            (b"PK\x03\x04" + bytes(100), r"shop\.csv, line 1: "),
        ],
    )
    @pytest.mark.parametrize("on_bad_rows", ["error", "skip"])
    def test_nothing_to_read(self, reading, content, message, on_bad_rows):
        with pytest.raises(DataError, match=message):
            reading(content, on_bad_rows=on_bad_rows)

    def test_no_json_lines_at_all(self, reading):
        with pytest.raises(DataError, match=r"shop\.jsonl: the file holds no rows"):
            reading(b"\n\n", "shop.jsonl")
        with pytest.raises(DataError, match=r"shop\.jsonl, line 1: the line is not"):
            reading(bytes(range(256)), "shop.jsonl")

    @pytest.mark.parametrize("name", ["shop.csv.gz", "shop.jsonl.gz"])
    @pytest.mark.parametrize("on_bad_rows", ["error", "skip"])
    def test_gzip_cut_at_every_byte(self, reading, name, on_bad_rows):
        content = HEADER + GOOD if "csv" in name else json_lines(record(), record(user="v"))
        whole = gzip.compress(content)
        for size in range(2, len(whole)):
            with pytest.raises(DataError, match=rf"{name} is cut off or damaged after line \d"):
                reading(whole[:size], name, on_bad_rows=on_bad_rows)
        with pytest.raises(DataError, match=rf"{name} is cut off or damaged after line 0 \(Comp"):
            reading(whole[:5], name, on_bad_rows=on_bad_rows)
        for size in (0, 1):
            with pytest.raises(DataError, match=name):
                reading(whole[:size], name, on_bad_rows=on_bad_rows)

    def test_gzip_cut_far_inside_names_the_last_line_it_could_read(self, reading):
        rng = np.random.default_rng(0)
        rows = [f"u{i},i{rng.integers(10**9)},5,{i}" for i in range(20_000)]
        whole = gzip.compress(HEADER + "\n".join(rows).encode())
        with pytest.raises(DataError, match="fetch it again") as caught:
            reading(whole[: len(whole) // 2])
        line = int(re.search(r"after line (\d+)", str(caught.value))[1])
        assert 8_000 < line < 12_000

    @pytest.mark.parametrize("garbage", [b"garbage", b"\x1f\x8b", b"\x1f\x8b\x08\x00rest"])
    def test_gzip_with_something_after_its_end(self, reading, garbage):
        with pytest.raises(DataError, match=r"shop\.csv is cut off or damaged after line"):
            reading(gzip.compress(HEADER + GOOD) + garbage)

    def test_gzip_padded_with_zeros_is_fine(self, reading):
        assert rows_of(reading(gzip.compress(HEADER + GOOD) + bytes(100))) == ROWS

    @pytest.mark.parametrize("on_bad_rows", ["error", "skip"])
    def test_gzip_with_a_flipped_byte(self, reading, on_bad_rows):
        whole = gzip.compress(HEADER + GOOD)
        for place in range(len(whole)):
            content = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
            try:
                found = rows_of(reading(content, on_bad_rows=on_bad_rows))
            except DataError:
                continue
            assert found == ROWS
            assert place < 10  # the date and the like in its header do not matter

    def test_a_folder(self, tmp_path):
        with pytest.raises(DataError, match=f"{tmp_path} is a folder"):
            load_file(tmp_path, user="user", item="item")

    def test_no_such_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
            load_file(tmp_path / "nowhere.csv", user="user", item="item")

    @pytest.mark.parametrize("separator", ["", '"', "\n", ":\r", None, 5])
    def test_what_is_no_separator(self, reading, separator):
        with pytest.raises(ValueError, match=r"separator must be one or more characters, .* got "):
            reading(HEADER + GOOD, separator=separator)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"time_unit": "h"}, "time_unit must be one of 's', 'ms', 'iso', got 'h'"),
            ({"on_bad_rows": "warn"}, "on_bad_rows must be one of 'error', 'skip', got 'warn'"),
            ({"scale": (5, 1)}, r"scale must be None or \(lowest, highest\), got \(5, 1\)"),
        ],
    )
    def test_bad_arguments(self, reading, options, message):
        with pytest.raises(ValueError, match=message):
            reading(HEADER + GOOD, **options)

    def test_no_file_is_left_open(self, tmp_path):
        # a file that is still open would be reported as an unraisable warning, an error here
        path = tmp_path / "shop.csv"
        for content in (HEADER + GOOD, HEADER + b"u,i\n", gzip.compress(HEADER + GOOD)[:40]):
            path.write_bytes(content)
            try:
                load_file(path, user="user", item="item")
            except DataError:
                path.unlink()

    def test_a_table_of_items_that_does_not_fit(self, tmp_path):
        (tmp_path / "shop.csv").write_bytes(b"u,i\na,x\n")
        items = pd.DataFrame({"title": ["X", "X again"]}, index=["x", "x"])
        with pytest.raises(
            DataError, match=r"shop\.csv: shop: items has more than one row for 'x'"
        ):
            read(tmp_path / "shop.csv", Format("u", "i"), name="shop", items=items)


class TestTablesOfItems:
    def write(self, folder, text, encoding="utf-8"):
        path = folder / "items.csv"
        path.write_bytes(text.encode(encoding))
        return path

    def test_columns_are_text_and_only_the_empty_field_is_missing(self, tmp_path):
        path = self.write(
            tmp_path, 'id,name,x,year\n01,NA,0,\n2,"null, or ""none""",0,1999\nNA,,0,7\n'
        )
        table = read_metadata(path, "id", {"title": "name", "when": "year"})
        assert table.index.tolist() == ["01", "2", "NA"]
        assert table["title"].tolist()[:2] == ["NA", 'null, or "none"']
        assert table["when"].tolist()[1:] == ["1999", "7"]
        assert table.isna().to_numpy().tolist() == [[False, True], [False, False], [True, False]]

    def test_the_first_of_a_repeated_item(self, tmp_path):
        path = self.write(tmp_path, "id,t\na,first\nb,x\na,second\n")
        assert read_metadata(path, "id", {"title": "t"})["title"].tolist() == ["first", "x"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("id,name\na,x\n", r"items\.csv, line 1: no column 't'; found \['id', 'name'\]"),
            ("id,t,t\na,x,x\n", r"items\.csv, line 1: column 't' comes more than once"),
            ("id,t\na,x\nb,y,z\n", r"items\.csv, line 3: 3 fields, expected 2"),
            ("id,t\na,x\nb\n", r"items\.csv, line 3: 1 fields, expected 2"),
            ("id,t\na,x\n,y\n", r"items\.csv, line 3: id is missing"),
            ('id,t\na,"x\n', r"items\.csv, line 2: the row cannot be split"),
            ("", r"items\.csv: the file holds no rows"),
            ("id,t\n", r"items\.csv: the file holds no rows"),
        ],
    )
    def test_damage(self, tmp_path, text, message):
        with pytest.raises(DataError, match=message):
            read_metadata(self.write(tmp_path, text), "id", {"title": "t"})

    def test_another_encoding(self, tmp_path):
        path = self.write(tmp_path, "id,t\na,Cité\n", "latin-1")
        with pytest.raises(DataError, match=r"items\.csv, line 2: the line is not valid UTF-8"):
            read_metadata(path, "id", {"title": "t"})
        table = read_metadata(path, "id", {"title": "t"}, encoding="latin-1")
        assert table.loc["a", "title"] == "Cité"

    def test_without_header_and_quotes(self, tmp_path):
        path = self.write(tmp_path, 'a|"Great" Expectations|x\nb|"|\n')
        options = {"names": ["id", "t", "x"], "separator": "|", "quotes": False}
        table = read_metadata(path, "id", {"title": "t"}, **options)
        assert table["title"].tolist() == ['"Great" Expectations', '"']

    def test_cut_off(self, tmp_path):
        path = tmp_path / "items.csv.gz"
        whole = gzip.compress(b"id,t\na,x\n")
        for size, line in ((-1, 2), (9, 0)):
            path.write_bytes(whole[:size])
            with pytest.raises(DataError, match=rf"v\.gz is cut off or damaged after line {line} "):
                read_metadata(path, "id", {"title": "t"})

    def test_json_lines(self, tmp_path):
        path = tmp_path / "meta.jsonl"
        lines = json_lines(
            {"id": "a", "t": "old", "price": 1.5},
            {"id": "b", "t": 'A "quoted", 日本 🎻', "categories": ["x", "é"]},
            {"id": "a", "t": "cut \ud83d", "price": None},
        )
        path.write_bytes(lines.replace(b"\n", b"\n\n"))
        columns = {"title": "t", "price": "price", "categories": "categories"}
        table = read_metadata_jsonl(path, "id", columns)
        assert table.index.tolist() == ["a", "b"]
        assert table["title"].tolist() == ["cut ?", 'A "quoted", 日本 🎻']
        assert table.loc["b", "categories"] == '["x", "é"]'
        assert table["price"].isna().all()

    def test_json_lines_without_any(self, tmp_path):
        (tmp_path / "meta.jsonl").write_bytes(b"")
        with pytest.raises(DataError, match=r"meta\.jsonl: the file holds no rows"):
            read_metadata_jsonl(tmp_path / "meta.jsonl", "id", {"title": "t"})

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (b"nonsense\n", r"meta\.jsonl, line 2: the line is not JSON: Expecting value$"),
            (b"[1]\n", r"meta\.jsonl, line 2: not a JSON object but \[1\]"),
            (b'{"t": "x"}\n', r"meta\.jsonl, line 2: id must be text: None"),
            (b'{"id": ["x"]}\n', r"meta\.jsonl, line 2: id must be text: \['x'\]"),
            (b'{"id": "\xff"}\n', r"meta\.jsonl, line 2: the line is not valid UTF-8"),
        ],
    )
    def test_damaged_json_lines(self, tmp_path, line, message):
        path = tmp_path / "meta.jsonl"
        path.write_bytes(json_lines({"id": "a"}) + line)
        with pytest.raises(DataError, match=message):
            read_metadata_jsonl(path, "id", {"title": "t"})

    def test_json_lines_cut_off(self, tmp_path):
        path = tmp_path / "meta.jsonl.gz"
        whole = gzip.compress(json_lines({"id": "a"}, {"id": "b"}))
        for size, line in ((-1, 2), (9, 0)):
            path.write_bytes(whole[:size])
            with pytest.raises(DataError, match=rf"l\.gz is cut off or damaged after line {line} "):
                read_metadata_jsonl(path, "id", {"title": "t"})


class TestZip:
    FORM = Format("u", "i", columns=("u", "i"), member="u.data")

    def archive(self, path, members):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)
        return path

    def test_the_member_is_found_in_any_folder(self, tmp_path):
        members = {"readme": "x", "ml/u.data.old": "c,d\n", "ml/u.data": "a,b\n"}
        path = self.archive(tmp_path / "ml.zip", members)
        assert rows_of(read(path, self.FORM, name="ml")) == [("a", "b", 1, 0)]

    def test_no_such_member(self, tmp_path):
        path = self.archive(tmp_path / "ml.zip", {"u.item": "x"})
        with pytest.raises(DataError, match=r"ml\.zip has no u\.data; it holds \['u\.item'\]"):
            read(path, self.FORM, name="ml")

    def test_cut_anywhere(self, tmp_path):
        path = self.archive(
            tmp_path / "ml.zip", {"u.data": "".join(f"u{i},i\n" for i in range(50))}
        )
        whole = path.read_bytes()
        for size in range(4, len(whole), 5):
            path.write_bytes(whole[:size])
            with pytest.raises(DataError, match=r"ml\.zip is cut off or damaged after line 0"):
                read(path, self.FORM, name="ml")

    def test_a_flipped_byte_is_found_or_harmless(self, tmp_path):
        path = self.archive(
            tmp_path / "ml.zip", {"u.data": "".join(f"u{i},i\n" for i in range(50))}
        )
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            try:
                found = read(path, self.FORM, name="ml")
            except DataError:
                continue
            assert found.user_ids.tolist() == sorted(f"u{i}" for i in range(50))


class TestIntegerIdentifiers:
    FORM = Format(
        "user",
        "item",
        "rating",
        "timestamp",
        separator="\t",
        columns=("user", "item", "rating", "timestamp"),
        integer_ids=True,
        time_unit="s",
        scale=(1, 5),
    )

    def read(self, tmp_path, content):
        (tmp_path / "u.data").write_bytes(content)
        return read(tmp_path / "u.data", self.FORM, name="ml")

    def test_they_are_sorted_as_numbers(self, tmp_path):
        ratings = self.read(tmp_path, b"\xef\xbb\xbf10\t7\t5\t100\n9\t007\t4\t200\n")
        assert ratings.user_ids.tolist() == [9, 10]
        assert ratings.user_ids.dtype.kind == "i"
        assert rows_of(ratings) == [(10, 7, 5, 100), (9, 7, 4, 200)]

    @pytest.mark.parametrize("text", ["x", "1.0", "1_0", "٣", "9223372036854775808", '"1'])
    def test_what_is_no_integer(self, tmp_path, text):
        content = f"1\t2\t5\t100\n{text}\t2\t5\t100\n".encode()
        with pytest.raises(DataError, match=r"u\.data, line 2: "):
            self.read(tmp_path, content)


# ---- properties: both readers against the rows that were written --------------------------------

FORM = Format("u", "i", "r", "t", time_unit="s", scale=(1, 5))
NASTY = ["007", "NA", "nan", "null", " ", "\t", "'", '5" disc', '"', '""', ",", "日本", "é", "🎻"]
NASTY += ["1e5", "True", "#", "\\", "\\N", "a,b", "-", "\ufeff", "\u2028", "\x85", "\x1c"]
ANY_TEXT = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5
)
CHUNKS = st.sampled_from([1, 2, 3, readers.CHUNK])  # rows that pandas reads at a time
ROW = st.tuples(ANY_TEXT, ANY_TEXT, st.integers(4, 20).map(lambda q: q / 4), st.integers(0, 2**31))


def quoted(text, always=False):
    needs = any(c in text for c in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs or always else text


def as_rows(table):
    columns = [table[name].tolist() for name in ("user", "item", "rating", "timestamp")]
    return list(zip(*columns, strict=True))


def fast_rows(path, form=FORM, chunk=readers.CHUNK):
    with mock.patch.object(readers, "CHUNK", chunk):
        table = _read_fast(path, form)
    return None if table is None else as_rows(table)


def slow_rows(path, form=FORM):
    return as_rows(_read_slowly(path, form, "error", Counter()))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("readers") / "shop.csv"


@REPRODUCIBLE
@given(
    rows=st.lists(ROW, min_size=1, max_size=8),
    order=st.permutations("uirtx"),
    extra=ANY_TEXT,
    end=st.sampled_from(["\n", "\r\n"]),
    final=st.booleans(),
    mark=st.booleans(),
    always=st.booleans(),
    chunk=CHUNKS,
)
def test_both_readers_give_the_rows_that_were_written(
    scratch, rows, order, extra, end, final, mark, always, chunk
):
    lines = [",".join(quoted(name, always) for name in order)]
    for user, item, rating, time in rows:
        fields = {"u": user, "i": item, "r": str(rating), "t": str(time), "x": extra}
        lines.append(",".join(quoted(fields[name], always) for name in order))
    text = end.join(lines) + (end if final else "")
    scratch.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
    assert slow_rows(scratch) == rows
    fast = fast_rows(scratch, chunk=chunk)
    one_line_each = not any(
        c in field for row in rows for field in (*row[:2], extra) for c in "\r\n"
    )
    if one_line_each and max(time for *_, time in rows) > 1:
        assert fast == rows  # or it would be slow for nothing
    else:
        assert fast in (None, rows)


@REPRODUCIBLE
@given(
    rows=st.lists(
        st.tuples(*[st.integers(-99, 99)] * 2, st.integers(1, 5), st.integers(2, 2**31)), min_size=1
    ),
    separator=st.sampled_from(["\t", "::", "|"]),
    chunk=CHUNKS,
)
def test_both_readers_agree_on_integers_without_a_header(scratch, rows, separator, chunk):
    columns = ("a", "u", "i", "r", "t")
    form = Format("u", "i", "r", "t", "delimited", separator, columns, True, "s", (1, 5))
    scratch.write_text(
        "".join(separator.join(map(str, ("é", *row))) + "\n" for row in rows), "utf-8"
    )
    assert slow_rows(scratch, form) == rows
    assert fast_rows(scratch, form, chunk) == rows


PLAIN = st.text("abc01é ", min_size=1, max_size=4)
PLAIN_ROW = st.tuples(PLAIN, PLAIN, st.integers(1, 5), st.integers(2, 2**31))
SNIPPETS = [*map(bytes, zip(b',"\0\xff \t-5e._', strict=True)), b"nan", b"u,i,3,9"]
DAMAGE = st.lists(st.sampled_from(SNIPPETS), max_size=8).map(b"".join) | st.binary(max_size=12)


@settings(REPRODUCIBLE, max_examples=400)
@given(
    rows=st.lists(PLAIN_ROW, min_size=1, max_size=5),
    at=st.integers(0, 4),
    cut=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    damage=DAMAGE,
    chunk=CHUNKS,
)
@example(rows=[("a", "b", 3, 9)] * 3, at=1, cut=(0, 0), damage=b'"', chunk=9)
@example(rows=[("a", "b", 3, 9)] * 3, at=0, cut=(20, 20), damage=b",", chunk=9)
@example(rows=[("a", "b", 3, 9)] * 3, at=0, cut=(0, 20), damage=b"a,b,True,True", chunk=9)
def test_whatever_is_done_to_a_line_is_named_or_counted(scratch, rows, at, cut, damage, chunk):
    """One line is damaged at will (but stays one line): the others must come through untouched."""
    at = at % len(rows)
    damage = damage.replace(b"\n", b"").replace(b"\r", b"")
    lines = [",".join(map(str, row)).encode() for row in rows]
    start, stop = sorted(cut)
    lines[at] = lines[at][:start] + damage + lines[at][stop:]
    scratch.write_bytes(b"u,i,r,t\n" + b"\n".join(lines))
    others = rows[:at] + rows[at + 1 :]

    skipped, kept = Counter(), []
    try:
        kept = as_rows(_read_slowly(scratch, FORM, "skip", skipped))
    except DataError:  # not a single row is left
        assert not others
    blank = not lines[at].strip(b" \t")
    assert len(kept) + skipped.total() == len(rows) - blank
    assert skipped.total() <= 1
    assert (kept if len(kept) < len(rows) else kept[:at] + kept[at + 1 :]) == others

    if skipped:
        with pytest.raises(DataError, match=rf"shop\.csv, line {at + 2}: "):
            _read_slowly(scratch, FORM, "error", Counter())
        assert fast_rows(scratch, chunk=chunk) is None
    elif kept:
        assert slow_rows(scratch) == kept
        assert fast_rows(scratch, chunk=chunk) in (None, kept)
