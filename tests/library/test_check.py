"""What `check` says, how long it waits, and what it recognizes; its exercises have their own."""

import contextlib
import subprocess
import sys
import threading
import time
import warnings
from fractions import Fraction

import numpy as np
import pytest

from recsys_lib.exercises import EXERCISES, check, core, limits, patterns
from recsys_lib.exercises.compare import show
from recsys_lib.exercises.core import Case, Exercise


def squares(*numbers):
    cases = tuple(Case(f"the number {x}", (x,), x * x) for x in numbers)
    return Exercise("toy-1", "square(x)", cases)


# --- what is shown ---


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (np.array([[-3.0]]), np.array([[-3.00001]])),
        (-3.0, -3.00002),
        (1 / 3, 0.333333),
        ((0.1, 2.0), (0.1000011, 2.0)),
    ],
)
def test_what_was_expected_and_what_came_never_print_the_same(wanted, found):
    exercise = Exercise("toy-1", "f(x)", (Case("one", (1,), wanted),), tolerance=1e-9)
    complaint = exercise.check(lambda x: found).message.split("\n    ")[2]
    left, right = complaint.removeprefix("expected ").split(", got ")
    assert left != right


def test_of_long_arrays_the_first_difference_is_shown():
    wanted, found = np.arange(100.0), np.where(np.arange(100) == 50, 50.1, np.arange(100))
    exercise = Exercise("toy-1", "f(x)", (Case("one", (1,), wanted),))
    complaint = exercise.check(lambda x: found).message
    assert "the first difference is at [50]: expected 50, got 50.1" in complaint


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((np.float64(0.1), np.int64(2)), "(0.1, 2)"),
        ([np.float64(1 / 3)], "[0.333333]"),
        ((np.float32(2),), "(2,)"),
        ({"a": np.float64(0.5)}, "{'a': 0.5}"),
        (np.float64(0.0999999999), "0.1"),
        (np.bool_(True), "True"),
        ((np.array([1.0, 2.0]), [1, (2,)]), "([1., 2.], [1, (2,)])"),
        (set(), "set()"),
    ],
)
def test_numbers_are_shown_without_numpys_names(value, text):
    assert show(value) == text


def test_a_long_value_is_cut():
    assert len(show(["a" * 40] * 40)) < 170


# --- what is recognized ---


def cosine_without_roots(u, v):
    return u @ v / ((u @ u) * (v @ v))


def test_a_mistake_is_named_where_the_answer_divides_by_zero_elsewhere():
    assert "the square roots are missing" in check("cosine-1", cosine_without_roots).message
    one_length = check("cosine-1", lambda u, v: u @ v / np.sqrt(u @ u)).message
    assert "you divide by the length of u only" in one_length


def test_a_mistake_is_named_from_the_first_input_that_fails():
    def reversed_and_without_minlength(item, n_items, k):
        return np.argsort(np.bincount(item))[::-1][:k]

    said = check("start-1", reversed_and_without_minlength).message
    assert "On this input the result is as if items with equal counts come out in falling" in said


def test_a_mistake_that_agrees_by_chance_is_not_named():
    exercise = squares(2, 3, 4, 5, 6)

    @exercise.mistake("you return 16")
    def _sixteen(x):
        return 16

    assert "16" not in exercise.check(lambda x: x * x if x != 2 else 16).message.split("\n")[-1]


def test_whoever_divides_whole_numbers_is_not_told_of_an_order_alone():
    def share(scores, positive, k):
        above = (scores > scores[positive]).sum()
        return min(max((k - above) // (scores == scores[positive]).sum(), 0), 1)

    assert "//" in check("eval-2", share).message


def test_whoever_doubles_one_side_is_told_of_the_side():
    def doubled(d):
        signs = np.array(np.meshgrid(*[[1, -1]] * len(d))).reshape(len(d), -1)
        return min(2 * (d @ signs >= d.sum() - 1e-12).mean(), 1.0)

    assert "double the side on which it lies" in check("eval-5", doubled).message


def test_a_yes_or_no_is_told_by_its_inputs_and_not_by_what_it_shares_with_a_mistake_by_chance():
    """Of two answers that say True or False, half agree with any mistake."""
    said = check("order-4", lambda model, history, n_items: False).message
    assert "is as if" not in said
    assert "too few True" in said
    said = check("order-4", lambda model, history, n_items: True).message
    assert "Wrong as well: honest: the mean of the events so far" in said


def test_the_models_of_the_exercise_refuse_what_is_no_row_of_items():
    model = EXERCISES["order-4"].cases[0].arguments[0]
    for history, said in (([0, 3], r"knows the items 0 to 2, got \[0, 3\]"), ([[0]], "in a row")):
        with pytest.raises(ValueError, match=said):
            model(history)
    assert model([]).shape == (0, 3)
    assert model([2.0]).shape == (1, 3)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: -x * x, "wrong sign, all of them"),
        (lambda x: 3 * x * x, "Everywhere your number is 3 times what is wanted"),
        (lambda x: x * x + 2, "Everywhere your number is 2 too large"),
        (lambda x: x * x * x * x, "the squares of what is wanted"),
        (lambda x: 0 if x == 4 else x * x, "All other inputs come out right"),
        (lambda x: 0 if x > 3 else x * x, "Wrong as well: the number 5. The others"),
        (lambda x: x * x + x, "Wherever it is wrong, your number is too large"),
    ],
)
def test_a_rule_that_holds_for_all_numbers_is_told(answer, sentence):
    assert sentence in squares(2, 3, 4, 5).check(answer).message


@pytest.mark.parametrize(
    ("digits", "words"), [(0, "whole ones"), (1, "one digit"), (3, "3 digits")]
)
def test_rounding_is_told(digits, words):
    wanted = [np.array([0.12345, 1.98765, -2.71828])]
    told = patterns.relation(patterns.paired([np.round(wanted[0], digits)], wanted))
    assert told == f"Your numbers are rounded to {words}; return them as they are."


def test_the_wrong_one_of_several_numbers_is_pointed_at():
    pairs = patterns.paired([(1, 7, 3), (4, 7, 6), (7, 7, 9)], [(1, 2, 3), (4, 5, 6), (7, 8, 9)])
    assert patterns.part(pairs, 1e-6) == (
        "Of the 3 that you return, number 1 and number 3 are right on every input; "
        "look at number 2."
    )


def test_masks_are_told_whether_too_much_or_too_little_is_kept():
    wanted = [np.array([True, False]), np.array([True, True])]
    kept = [np.array([True, True]), np.array([True, True])]
    assert "too many True" in patterns.direction(patterns.paired(kept, wanted))
    assert "too few True" in patterns.direction(patterns.paired(wanted, kept))
    assert "wrong way round" in patterns.relation(patterns.paired([~w for w in wanted], wanted))


def test_of_numbers_that_are_right_nothing_is_said():
    """An answer that is refused for something else, such as a changed input, has those."""
    wanted = [np.array([1.0, 3.0, 2.0]), np.array([5.0])]
    assert patterns.relation(patterns.paired(wanted, wanted)) == ""
    turned = patterns.paired([w[::-1] for w in wanted], wanted)
    assert "only their order is not" in patterns.relation(turned)


def test_of_several_arrays_of_unequal_shape_the_wrong_one_is_pointed_at_and_a_sign_seen():
    wanted = [(np.ones((2, x)), np.arange(x) + 1.0, float(x)) for x in (1, 2, 3)]
    other = [(a, b + 1, c) for a, b, c in wanted]
    exercise = Exercise("toy-1", "f(x)", tuple(Case(f"{w[2]}", (int(w[2]),), w) for w in wanted))
    said = exercise.check(lambda x: other[x - 1]).message
    assert "number 1 and number 3 are right on every input; look at number 2." in said
    said = exercise.check(lambda x: tuple(-a for a in wanted[x - 1])).message
    assert "the wrong sign, all of them" in said
    said = exercise.check(lambda x: (wanted[x - 1][2], *wanted[x - 1][:2])).message
    assert "in another order: wanted is your number 2, then your number 3, then your num" in said
    assert exercise.check(lambda x: wanted[x - 1]).passed


def test_nothing_is_said_of_arrays_whose_shapes_or_number_differ():
    wanted = [(np.ones(2), np.ones((1, 3)))] * 3
    assert patterns.flattened([(np.ones(3), np.ones((1, 2)))] * 3, wanted) == []
    assert patterns.flattened([("a", np.ones((1, 3)))] * 3, wanted) == []
    assert patterns.sequences([(np.ones(2),)] * 3, wanted) == []
    assert patterns.sequences([np.ones(2)] * 3, wanted) == []
    assert patterns.reordered([], 1e-6) == ""


def test_who_returns_the_same_always_is_told():
    assert "the same on every input" in squares(2, 3, 4).check(lambda x: 9).message
    two = (Case("one", (1,), 1.0), Case("two", (2,), 2.0))  # of which one is right
    assert "the same on" not in Exercise("toy-1", "f(x)", two).check(lambda x: 1.0).message
    assert "the same on" not in squares(2, 3, 4).check(lambda x: "9").message


def test_a_rule_that_loses_something_does_not_explain_a_division_by_zero():
    """One who asks for u only, and by its sum, fails for two reasons, of which one is NaN."""

    def only_u(u, v):
        return 0.0 if u.sum() == 0 else u @ v / np.sqrt((u @ u) * (v @ v))

    said = check("cosine-1", only_u).message
    assert "You return no number below 0" not in said
    assert "Return 0.0 in that case" in said


def test_an_array_of_whole_numbers_is_told_of_its_dtype():
    exercise = Exercise("toy-1", "f(x)", (Case("one", (1.0,), np.array([0.5, -1.5, 2.0])),))
    said = exercise.check(lambda x: np.array([0, -1, 2])).message
    assert "(an array of dtype int64 holds whole numbers only)" in said
    assert "Your numbers are cut down to whole ones" in said
    whole = Exercise("toy-1", "f(x)", (Case("one", (1.0,), np.array([1.0, 2.0])),))
    assert "dtype" not in whole.check(lambda x: np.array([1, 3])).message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (lambda x: 1 if x > 1 else 0, "an array there is np.where"),
        (lambda x: np.ones((3, 4)) @ x, "here it has 4, and B has 2"),
        (lambda x: np.linalg.solve(np.eye(3), x), "A must be square, and b as long"),
        (lambda x: x[9], "out of bounds"),
    ],
)
def test_what_numpy_raises_is_said_in_plain_words(code, said):
    exercise = Exercise("toy-1", "f(x)", (Case("one", (np.ones(2),), 1.0),))
    message = exercise.check(code).message
    assert said in message
    assert "your code raised" in message


# --- how long it waits ---


@pytest.mark.skipif(not limits.can_stop(), reason="there is no alarm here")
def test_all_calls_of_one_check_share_one_budget(monkeypatch):
    monkeypatch.setattr(core, "SECONDS", 0.3)

    def slow(x):
        time.sleep(0.12)
        return x * x + (x == 3)

    start = time.perf_counter()
    assert not squares(2, 3, 4, 5, 6, 7).check(slow)
    assert time.perf_counter() - start < 0.6
    assert "not finished" in squares(*range(4, 12)).check(slow).message


def bare(x):
    while True:
        try:
            time.sleep(0.01)
            raise ValueError
        except:  # noqa: E722
            pass


def bare_and_in_one_line(x):
    while True:
        with contextlib.suppress(BaseException):
            x += 1


def bare_twice(x):
    while True:
        try:
            try:
                time.sleep(0.001)
            except:  # noqa: E722
                x += 1
        except:  # noqa: E722
            x += 1


def bare_in_a_helper(x):
    def again():
        try:
            time.sleep(0.01)
        except BaseException:
            return 1
        return 0

    while True:
        x += again()


@pytest.mark.skipif(not limits.can_stop(), reason="there is no alarm here")
@pytest.mark.parametrize("answer", [bare, bare_and_in_one_line, bare_twice, bare_in_a_helper])
def test_who_catches_everything_is_stopped_too(monkeypatch, answer):
    monkeypatch.setattr(core, "SECONDS", 0.1)
    traced = sys.gettrace()
    start = time.perf_counter()
    assert "is there a loop without an end?" in squares(2, 3).check(answer).message
    assert time.perf_counter() - start < 2
    assert sys.gettrace() is traced
    assert squares(2, 3).check(lambda x: x * x)


def test_where_nothing_can_be_stopped_it_is_said_once_and_the_check_works(monkeypatch, capsys):
    monkeypatch.delattr("signal.setitimer", raising=False)
    monkeypatch.setattr(limits, "_said", set())
    for _ in range(2):
        assert squares(2, 3).check(lambda x: x * x)
    assert not squares(2, 3).check(lambda x: x + x)
    assert capsys.readouterr().out == limits.CANNOT_STOP + "\n"


def test_another_thread_can_check(monkeypatch):
    monkeypatch.setattr(limits, "_said", set())
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(squares(2).check(lambda x: x * x)))
    thread.start()
    thread.join()
    assert verdicts[0]


def test_a_check_that_stopped_an_answer_leaves_the_session_as_it_was():
    code = """
import signal
from recsys_lib.exercises import check, core
core.SECONDS = 0.1
def f(*arguments):
    while True:
        try:
            pass
        except:
            pass
print(check("data-1", f).passed, signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)
print(check("data-1", lambda user, item, n, m: len(user) / (n * m)).passed)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "True", "True"], done.stderr


# --- the name ---


@pytest.mark.parametrize(
    ("given", "meant"),
    [("cosine1", "cosine-1"), ("Cosine-2", "cosine-2"), ("eval_4", "eval-4"), ("mf 3", "mf-3")],
)
def test_a_misspelled_exercise_is_asked_back(given, meant):
    with pytest.raises(
        ValueError, match=f"^there is no exercise '{given}'; did you mean '{meant}'"
    ):
        check(given, len)


def test_a_name_that_is_like_none_is_only_refused():
    with pytest.raises(ValueError, match=r"no exercise 'zzzzzz'; name must be one of"):
        check("zzzzzz", len)


def test_function_and_name_in_the_wrong_order():
    with pytest.raises(TypeError, match=r'name must be text, as in check\("cosine-1", cosine\)'):
        check(len, "cosine-1")


def test_warnings_that_are_to_be_avoided_cannot_be_silenced():
    def silenced(x):
        with np.errstate(all="ignore"):
            return 1 / (1 + np.exp(-x))

    before, errstate = np.geterr(), np.errstate
    assert "overflow" in check("bce-1", silenced).message
    assert (np.geterr(), np.errstate) == (before, errstate)


def test_a_diagnosis_overflows_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "too large" in check("bce-1", lambda x: np.full(x.shape, 1e200)).message
        assert "3 times" in squares(1e150, 1, 2).check(lambda x: 3.0 * x * x).message


def test_masked_entries_are_told_and_nothing_is_guessed_about_them():
    exercise = squares(2.0, 3.0)
    message = exercise.check(lambda x: np.ma.masked_greater(x**2, 5)).message
    assert "your result has masked entries (--); fill them, with .filled(0)" in message
    assert "right ones" not in message
    assert exercise.check(lambda x: np.ma.masked_greater(x**2, 99)).passed


def test_fractions_are_numbers_and_wrong_ones_are_told():
    wrong = check("eval-5", lambda d: Fraction(1, 3))
    assert "expected 0.5, got Fraction(1, 3)" in wrong.message
    huge = check("eval-5", lambda d: 10**400)
    assert not huge
    right = Exercise("toy-6", "f(x)", (Case("one", (np.ones(2),), np.array([0.5, 1.0])),))
    assert right.check(lambda x: [Fraction(1, 2), 1]).passed
    assert "expected [0.5, 1. ], got" in right.check(lambda x: [Fraction(1, 3), 1]).message


def test_a_notebook_shows_what_is_wrong_as_an_error_and_goes_on(capsys):
    """nbgrader counts a cell as passed that shows a result, and as failed that writes an error."""
    wrong, right = core.Verdict("x-1", False, "not done yet"), core.Verdict("x-1", True, "correct")
    wrong._ipython_display_()
    assert capsys.readouterr().err == "✗ x-1: not done yet\n"
    with pytest.raises(NotImplementedError):  # Jupyter shows its repr then
        right._ipython_display_()
