"""Words from intervals: where the interval holds 0, no sentence says more than "level with"."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lib.evaluation.verdicts import REGISTER, between, compared, verdict

NUMBERS = st.floats(-1, 1)


def row(difference, low, high):
    return {"difference": difference, "low": low, "high": high, "p_value": 0.5}


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.2, "ahead of"),
        (-0.2, -0.001, "behind"),
        (-0.1, 0.1, "level with"),
        (0.0, 0.1, "level with"),  # 0 lies in it
        (-0.1, 0.0, "level with"),
        (0.0, 0.0, "level with"),
        (1e-12, 1e-12, "ahead of"),
    ],
)
def test_a_word_for_every_place_of_zero(low, high, word):
    assert verdict(low, high) == word


def test_of_an_error_less_is_better():
    words = {"less": "better than", "level": "as good as", "more": "worse than"}
    assert verdict(-0.2, -0.1, **words) == "better than"
    assert verdict(-0.2, 0.1, **words) == "as good as"
    assert verdict(0.2, 0.3, **words) == "worse than"


@pytest.mark.parametrize(
    ("low", "high"), [(0.2, 0.1), (float("nan"), 1), (0, float("inf")), (float("-inf"), 0)]
)
def test_what_is_no_interval_is_refused(low, high):
    with pytest.raises(ValueError, match="low and high must be finite and in order"):
        verdict(low, high)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_other_way_round_the_word_is_the_opposite(one, other, third):
    low, difference, high = sorted((one, other, third))
    opposite = {"ahead of": "behind", "behind": "ahead of", "level with": "level with"}
    found = compared(row(difference, low, high)).word
    assert compared(row(-difference, -high, -low)).word == opposite[found]


def test_how_it_is_shown():
    found = compared(row(0.0341, 0.0249, 0.0433))
    assert found.numbers == "+0.034 [+0.025, +0.043]"
    assert found.line == str(found) == "+0.034 [+0.025, +0.043]  ahead of"
    assert found.text == "+0.034 (95% interval +0.025 to +0.043)"
    assert compared(row(-0.5, -1, 0), digits=1).numbers == "-0.5 [-1.0, 0.0]"


def test_an_end_that_would_round_to_zero_is_shown_with_more_digits():
    """'+0.001 [0.000, +0.002]  ahead of' would contradict itself."""
    assert compared(row(0.001, 0.0002, 0.002)).numbers == "+0.0010 [+0.0002, +0.0020]"
    assert compared(row(-0.001, -0.002, -0.00003)).numbers == "-0.00100 [-0.00200, -0.00003]"
    assert compared(row(-0.00002, -0.1, 0.00003)).numbers == "0.000 [-0.100, 0.000]"  # holds 0
    assert compared(row(2e-9, 1e-9, 3e-9)).numbers == "+0.000000002 [+0.000000001, +0.000000003]"
    assert compared(row(2e-20, 1e-20, 3e-20)).numbers == "+2.0e-20 [+1.0e-20, +3.0e-20]"


def test_the_mean_of_equal_differences_may_lie_beside_its_interval_by_rounding():
    assert compared(row(0.1, 0.10000000000000002, 0.10000000000000002)).word == "ahead of"


def test_digits_do_not_decide_the_word():
    assert compared(row(0.001, 0.0004, 0.002), digits=2).word == "ahead of"


def test_each_is_noted_where_the_variable_says(tmp_path, monkeypatch):
    file = tmp_path / "comparisons"
    monkeypatch.setenv(REGISTER, str(file))
    compared(row(0.0341, 0.0249, 0.0433))
    compared(row(0, 0, 0), less="<", level="=", more=">")
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        ["+0.034 [+0.025, +0.043]", "+0.034 (95% interval +0.025 to +0.043)", "ahead of"],
        ["0.000 [0.000, 0.000]", "0.000 (95% interval 0.000 to 0.000)", "="],
    ]
    monkeypatch.delenv(REGISTER)
    compared(row(0, 0, 0))
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"difference": 0.1}, ValueError, "row must have difference, low and high"),
        (row(float("nan"), 0.1, 0.2), ValueError, "difference must be finite, got nan"),
        (row(0.1, None, 0.2), TypeError, "low must be a number, got None"),
        (row(0.1, True, 0.2), TypeError, "low must be a number, got True"),
        (row(-5, 0.1, 0.2), ValueError, "difference must lie in its interval, got -5"),
        (row(0.1, -0.2, -0.1), ValueError, "difference must lie in its interval"),
        (row(5.0, -0.1, 0.1), ValueError, "difference must lie in its interval"),
        (row(0.5, 0.1, 0.2), ValueError, "difference must lie in its interval"),
        (row(0.0004, -0.3, -0.0001), ValueError, "difference must lie in its interval"),
        (row(0.1, 0.2, 0.1), ValueError, "low and high must be finite and in order"),
    ],
)
def test_a_row_that_is_no_comparison_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        compared(given)


def test_words_and_digits_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="less, level and more must differ"):
        compared(row(0.1, 0.05, 0.2), less="worse", more="worse")
    with pytest.raises(TypeError, match="less, level and more must be words"):
        compared(row(0.1, 0.05, 0.2), more="")
    with pytest.raises(ValueError, match="digits must be at least 0, got -1"):
        compared(row(0.1, 0.05, 0.2), digits=-1)
    with pytest.raises(TypeError, match="digits must be an integer, got '3'"):
        compared(row(0.1, 0.05, 0.2), digits="3")


def test_a_pair_is_found_in_either_order_and_turned_round():
    recorded = {"A - B": {"difference": 0.25, "low": 0.125, "high": 0.5, "holm": 0.03}}
    assert between(recorded, "A", "B") == recorded["A - B"]
    turned = {"difference": -0.25, "low": -0.5, "high": -0.125, "holm": 0.03}
    assert between(recorded, "B", "A") == turned
    assert compared(turned).word == "behind"
    with pytest.raises(ValueError, match="must be a recorded pair, got 'A' and 'C'"):
        between(recorded, "A", "C")
