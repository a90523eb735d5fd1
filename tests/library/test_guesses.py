"""Guesses: the answer is kept back, and is there without scripts all the same."""

import re

import pytest

from recsys_lib import show


def test_question_answer_and_what_follows_are_there():
    html = show.guess("How many?", 3.5, unit=" %", then="Few.").data
    assert "<p>How many?</p>" in html
    assert 'data-answer="The answer: 3.5 %. Few."' in html
    assert '<input type="number" name="guess" step="any" required' in html
    assert "<details><summary>Guess first, then open this</summary>" in html
    assert "<form hidden" in html  # until the script that shows it runs


def test_one_of_several_can_be_chosen():
    html = show.guess("Which <one>?", "A & B", choices=["A & B", "C"]).data
    assert "<p>Which &lt;one&gt;?</p>" in html
    assert re.findall(r'type="radio" name="guess" value="([^"]*)"', html) == ["A &amp; B", "C"]
    assert "The answer: A &amp; B." in html


def test_an_answer_that_nobody_can_give_is_refused():
    with pytest.raises(
        ValueError, match=r"answer must be one of the choices \['a', 'b'\], got 'c'"
    ):
        show.guess("Which?", "c", choices=["a", "b"])
    with pytest.raises(TypeError, match="answer must be a number, got 'many'"):
        show.guess("How many?", "many")
