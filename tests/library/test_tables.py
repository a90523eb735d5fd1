"""A result as a table: the same content as text and as HTML."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError
from recsys_lib.evaluation import (
    compare,
    evaluate,
    evaluate_ratings,
    leaderboard,
    rating_leaderboard,
    search,
    summary,
)
from recsys_lib.models import Biases, ItemKNN, Popularity
from recsys_lib.show import differences, table

from model_suite import planted

SPLIT = planted()
BOARD = pd.DataFrame(
    {
        "mean": [0.12345, 0.4, -0.0001],
        "low": [0.1, 0.35, -0.0002],
        "high": [0.15, 0.45, np.nan],
        "users": [1200, 1200, 7],
    },
    index=["Popularity", "MF & friends", "nobody"],
)
BOARD.attrs = {"metric": "ndcg@10", "level": 0.95}


NBSP = "\N{NO-BREAK SPACE}"


class Cells(HTMLParser):
    """Reads the cells of a table, row by row, and its caption."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.caption, self.note, self._at = [], "", "", None
        self.feed(text.replace(NBSP, " "))

    def handle_starttag(self, tag, attrs):
        self._at = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._at = None

    def handle_data(self, data):
        if self._at in ("td", "th"):
            self.rows[-1][-1] += data
        elif self._at == "caption":
            self.caption += data
        elif self._at == "p":
            self.note += data


def test_a_leaderboard_by_hand():
    assert str(table(BOARD)) == (
        "                 ndcg@10    95% interval  users\n"
        "Popularity         0.123  0.100 to 0.150  1,200\n"
        "MF & friends  *    0.400  0.350 to 0.450  1,200\n"
        "nobody             0.000               –      7\n"
        "* the highest ndcg@10"
    )
    assert repr(table(BOARD)) == str(table(BOARD))


def test_html_says_the_same():
    found = Cells(table(BOARD)._repr_html_())
    assert found.rows == [
        ["", "NDCG@10", "95% interval", "users", ""],  # above the bars
        ["Popularity", "0.123", "0.100 to 0.150", "1,200", ""],
        ["MF & friends *", "0.400", "0.350 to 0.450", "1,200", ""],
        ["nobody", "0.000", "–", "7"],
    ]
    assert found.note == "* the highest NDCG@10"


def test_on_a_narrow_page_an_interval_is_not_broken():
    assert f">0.100{NBSP}to{NBSP}0.150<" in table(BOARD)._repr_html_()
    row = {"difference": 0.03, "low": 0.02, "high": 0.04}
    text = differences({"one": row})._repr_html_()
    assert f">+0.030 [+0.020,{NBSP}+0.040]<" in text


def test_html_takes_its_colors_from_the_page_and_names_its_headers():
    text = table(BOARD)._repr_html_()
    colors = text.replace("currentColor", "")
    assert not re.search(r"color|background|#[0-9a-fA-F]{3}|rgb|border", colors)
    assert text.count('scope="row"') == 3
    assert text.count('scope="col"') == 3  # over the labels stands nothing
    assert text.count("font-weight: bold") == 1
    assert "tabular-nums" in text
    assert "<script>" not in table(BOARD.rename({"nobody": "<script>"}))._repr_html_()


def test_columns_of_numbers_stand_right_and_text_left():
    frame = pd.DataFrame({"kind": ["a", "bcd"], "n": [5, 1000], "x": [0.5, -12.25]}, ["one", "two"])
    assert str(table(frame, 2)) == (
        "     kind      n       x\n"  #
        "one  a         5    0.50\n"
        "two  bcd   1,000  -12.25"
    )


@pytest.mark.parametrize(("digits", "shown"), [(0, "0"), (1, "0.4"), (4, "0.4000")])
def test_digits(digits, shown):
    assert Cells(table(BOARD, digits)._repr_html_()).rows[2][1] == shown


@pytest.mark.parametrize(
    ("metric", "best", "marked", "note"),
    [
        ("ndcg@10", None, [1], "* the highest ndcg@10"),
        ("rmse", None, [2], "* the lowest rmse"),
        ("valid_loss", None, [2], "* the lowest valid_loss"),
        ("hr@5", "lowest", [2], "* the lowest hr@5"),
        (None, "highest", [1], "* the highest mean"),
        ("hr@5", "none", [], ""),
        (None, None, [], ""),
    ],
)
def test_the_best_row_is_marked(metric, best, marked, note):
    frame = BOARD.copy()
    frame.attrs = {"metric": metric}
    found = Cells(table(frame, best=best)._repr_html_())
    assert [row for row, cells in enumerate(found.rows[1:]) if cells[0].endswith("*")] == marked
    assert found.note == re.sub("(ndcg|hr)@", lambda name: name[0].upper(), note)
    assert str(table(frame, best=best)).endswith(note or "7")


def test_all_that_are_best_are_marked():
    frame = BOARD.assign(mean=[0.4, 0.4, 0.1])
    assert table(frame).best == [True, True, False]
    assert table(frame.assign(mean=np.nan)).note == ""


def test_units_stand_in_the_header():
    frame = BOARD.assign(seconds=1.5)
    assert table(frame, units={"seconds": "s"}).header[-1] == "seconds (s)"
    frame.attrs["unit"] = "stars"
    assert table(frame, units={"seconds": "s"}).header[1:] == [
        *("ndcg@10 (stars)", "95% interval", "users", "seconds (s)")
    ]


def test_what_the_library_returns_can_be_shown():
    tables = {
        type(model).__name__: evaluate(model.fit(SPLIT.train), SPLIT, [5, 10])
        for model in (Popularity(), ItemKNN())
    }
    shown = table(leaderboard(tables, "hr@5", level=0.9))
    assert shown.header == ["", "hr@5", "90% interval", "users"]
    assert shown.best == [False, True]
    shown = table(summary(tables["ItemKNN"]))
    assert shown.header == ["", "mean", "95% interval", "users"]
    assert [row[0] for row in shown.rows] == list(tables["ItemKNN"].columns[1:])
    assert not any(shown.best)
    errors = {
        name: evaluate_ratings(Biases(regularization=value).fit(SPLIT.train), SPLIT)
        for name, value in (("weak", 1.0), ("strong", 1e9))
    }
    shown = table(rating_leaderboard(errors, "mae"))
    assert shown.header == ["", "mae (stars)", "95% interval", "users"]
    assert shown.note == "the lowest mae"
    with pytest.raises(DataError, match=r"frame holds a difference, .*show\.differences"):
        table(compare(*tables.values()))


def test_settings_of_a_search_are_shown_as_they_were_given():
    space = {"shrinkage": [0.0003], "n_neighbors": [1500], "center": [False]}
    shown = table(search(ItemKNN, space, SPLIT))
    assert shown.rows[0][1:4] == ["0.0003", "1500", "False"]
    assert shown.numeric[1:5] == [True, True, False, True]
    assert re.fullmatch(r"[01]\.\d{3}", shown.rows[0][4])


def test_names_of_rows_may_be_pairs_or_numbers():
    frame = pd.DataFrame({"x": [1, 2]}, pd.MultiIndex.from_tuples([("MF", 8), ("MF", 16)]))
    assert [row[0] for row in table(frame).rows] == ["MF, 8", "MF, 16"]
    assert table(pd.DataFrame({"x": [1]}, pd.Index([2020], name="year"))).header == ["year", "x"]


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (BOARD, {"digits": {"mena": 2}}, DataError, "digits names 'mena', which is no column"),
        ({"a": BOARD}, {}, TypeError, "frame must be a DataFrame, got dict; leaderboard makes one"),
        (BOARD["mean"], {}, TypeError, "frame must be a DataFrame, got Series$"),
        (BOARD.iloc[:0], {}, DataError, "frame must have a row to show"),
        (BOARD, {"digits": -1}, ValueError, "digits must be at least 0"),
        (BOARD, {"best": "largest"}, ValueError, "best must be one of 'highest', 'lowest', 'none'"),
        (BOARD[["low"]], {"best": "highest"}, DataError, "best marks a column 'mean'"),
        (BOARD, {"units": {"secs": "s"}}, DataError, r"units names 'secs', .* has \['mean'"),
    ],
)
def test_wrong_arguments_are_refused(frame, options, error, message):
    with pytest.raises(error, match=message):
        table(frame, **options)


def test_intervals_are_drawn_on_one_scale():
    text = table(BOARD)._repr_html_()
    # From -0.0002 (left out, for it has no other end) ... the scale goes from 0.1 to 0.45.
    assert 'd="M6.0 8H21.4"' in text
    assert 'cx="13.2"' in text  # 6 + 108 * 0.02345 / 0.35
    assert 'd="M83.1 8H114.0"' in text
    assert text.count("<svg") == 4  # two rows, beside the numbers and, on a phone, below them
    assert "<svg" not in table(BOARD.drop(columns="low"))._repr_html_()


def test_on_a_phone_a_bar_stands_below_its_own_numbers():
    frame = BOARD.iloc[:1].assign(first=1)[["first", "mean", "low", "high", "users"]]
    also = pd.DataFrame({"n": [1]}, ["worse"])
    for shown, numbers in (
        (table(frame, best="none"), "0.100 to 0.150"),
        (differences({"worse": ROWS["worse"]}, also=also), "-0.020 [-0.030, -0.010]"),
    ):
        text = shown._repr_html_().replace(NBSP, " ")
        (before,) = re.findall(r'>([^<>]*)<span class="below" style="display: none"><svg', text)
        assert before == numbers
        assert text.count('<td class="beside"><svg') == 1


def test_a_metric_has_the_name_that_prose_gives_it_where_it_is_shown():
    frame = pd.DataFrame({"hr@10": [1]}, ["L1, ndcg@5"])
    shown = table(frame, caption="recall@5 and thr@10", anchors=True)
    assert shown.header == ["", "hr@10"]
    found = Cells(shown._repr_html_())
    assert found.rows == [["", "HR@10"], ["L1, NDCG@5", "1"]]
    assert found.caption == "Recall@5 and thr@10"


def test_whole_numbers_stay_whole_where_one_is_missing():
    frame = pd.DataFrame({"best k": [50.0, np.nan], "x": [0.5, 2.0]}, ["a", "b"])
    assert table(frame).rows == [["a", "50", "0.500"], ["b", "–", "2.000"]]
    assert table(frame, {"x": 1}).rows[0] == ["a", "50", "0.5"]


def test_names_of_columns_may_be_pairs():
    frame = pd.DataFrame([[1, 2]], ["a"], pd.MultiIndex.from_tuples([("seconds", 5), ("MB", 5)]))
    assert table(frame).header == ["", "seconds, 5", "MB, 5"]


def test_a_caption_stands_above():
    shown = table(BOARD[["users"]], best="none", caption="Users & others")
    assert str(shown).splitlines()[0] == "Users & others"
    assert "<caption>Users &amp; others</caption>" in shown._repr_html_()


ROWS = {
    ("MF", "SVD"): {"difference": 0.02, "low": 0.01, "high": 0.03},
    "SVD - UserKNN": {"difference": -0.01, "low": -0.02, "high": 0.0},
    "worse": {"difference": -0.02, "low": -0.03, "high": -0.01},
}


def test_differences_by_hand():
    shown = differences(ROWS, 2, caption="HR@10")
    assert str(shown) == (
        "HR@10\n"
        "                         difference\n"
        "MF, SVD        +0.02 [+0.01, +0.03]  ahead\n"
        "SVD - UserKNN   -0.01 [-0.02, 0.00]  level\n"
        "worse          -0.02 [-0.03, -0.01]  behind"
    )
    text = shown._repr_html_()
    assert text.count('<path d="M60.0 0V16"') == 6  # the line of 0, in the middle
    assert 'd="M78.0 8H114.0"' in text


def test_numbers_may_stand_before_the_differences():
    also = pd.DataFrame(
        {"mean": [0.4, 0.42, 0.41], "n": [5, 5, 1000]},
        pd.Index(["first", "worse", "SVD - UserKNN"], name="step"),
    )
    rows = {name: ROWS[name] for name in ("worse", "SVD - UserKNN")}
    shown = differences(rows, 2, also=also, words=("less", "same", "more"))
    assert str(shown) == (
        "step           mean      n            difference\n"
        "first          0.40      5                     –\n"
        "worse          0.42      5  -0.02 [-0.03, -0.01]  less\n"
        "SVD - UserKNN  0.41  1,000   -0.01 [-0.02, 0.00]  same"
    )
    assert shown._repr_html_().count("<svg") == 4
    with pytest.raises(ValueError, match=r"also must have a row for each .* none for 'worse'"):
        differences(rows, also=also.drop("worse"))


def test_lists_of_titles_have_wide_columns_and_words_beside_bars_do_not():
    titles = table(pd.DataFrame({"SVD": ["Alien"], "EASE": ["Dumbo"]}))
    assert 'class="results lists"' in titles._repr_html_()
    marked = pd.DataFrame({"p": ["0.04*"] * len(ROWS)}, index=list(ROWS))
    assert 'class="results"' in differences(ROWS, also=marked)._repr_html_()


def test_a_link_can_lead_to_a_row():
    names = "L1, hr@10", ("L2b", "hr@10"), "L2b, ndcg@10"  # to the first of two
    rows = dict.fromkeys(names, ROWS["worse"])
    frame = pd.DataFrame({"n": [1, 2]}, ["L3 sampled", 'L"4'])
    text = differences(rows, anchors=True)._repr_html_() + table(frame, anchors=True)._repr_html_()
    assert re.findall(r'<tr id="(\S+)">', text) == ["L1", "L2b", "L3", "L&quot;4"]
    assert "id=" not in differences(rows)._repr_html_()


def test_differences_of_a_comparison():
    tables = [evaluate(model.fit(SPLIT.train), SPLIT) for model in (ItemKNN(), Popularity())]
    shown = differences(compare(*tables), words=("less", "same", "more"))
    assert [row[0] for row in shown.rows] == list(compare(*tables).index)
    assert shown.rows[0][2] == "more"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "rows must hold a difference to show, got none"),
        (
            {"a": {"difference": 1.0, "low": 2.0, "high": 3.0}},
            "difference must lie in its interval",
        ),
    ],
)
def test_no_or_wrong_differences_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        differences(rows)
