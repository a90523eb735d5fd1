"""Checks on arguments: what passes comes back in one type, what does not is named."""

import inspect
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest

from recsys_lib import data, evaluation, metrics, show, top_k
from recsys_lib.evaluation import lists, significance, verdicts
from recsys_lib.models import BinaryMF, Recommender
from recsys_lib.show import plots
from recsys_lib.validation import (
    DataError,
    check_choice,
    check_ids,
    check_int,
    check_ks,
    check_real,
    check_scale,
    metric_length,
)


def test_a_data_error_is_a_value_error():
    assert issubclass(DataError, ValueError)


class TestInt:
    @pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
    def test_integers_become_int(self, value):
        assert type(check_int("k", value)) is int
        assert check_int("k", value, minimum=3) == 3

    @pytest.mark.parametrize("value", [3.0, "3", True, np.True_, None, np.float32(3), [3], 1j])
    def test_everything_else_is_of_the_wrong_type(self, value):
        with pytest.raises(TypeError, match=r"^factors must be an integer, got .* \(\w+\)$"):
            check_int("factors", value)

    def test_too_small(self):
        assert check_int("seed", 0) == 0
        with pytest.raises(ValueError, match=r"^seed must be at least 0, got -1$"):
            check_int("seed", -1)
        with pytest.raises(ValueError, match=r"^epochs must be at least 1, got 0$"):
            check_int("epochs", 0, minimum=1)


class TestReal:
    @pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), Fraction(4, 2)])
    def test_numbers_become_float(self, value):
        assert type(check_real("rate", value)) is float
        assert check_real("rate", value, 2, 2) == 2

    @pytest.mark.parametrize("value", ["2", True, np.False_, None, 2j, [2.0]])
    def test_everything_else_is_of_the_wrong_type(self, value):
        with pytest.raises(TypeError, match=r"^rate must be a number, got .* \(\w+\)$"):
            check_real("rate", value)

    @pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf, -np.inf, 10**400])
    def test_out_of_range(self, value):
        with pytest.raises(ValueError, match=r"^rate must be a finite number in \[0, 1\], got "):
            check_real("rate", value, 0, 1)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 10**400])
    def test_it_must_be_finite_even_without_limits(self, value):
        with pytest.raises(
            ValueError, match=r"^rate must be a finite number in \[-inf, inf\], got "
        ):
            check_real("rate", value)


class TestScale:
    def test_none_is_none(self):
        assert check_scale("scale", None) is None

    @pytest.mark.parametrize("value", [(1, 5), [1.0, 5.0], np.array([1, 5]), (np.float32(1), 5)])
    def test_two_numbers_become_two_floats(self, value):
        scale = check_scale("scale", value)
        assert scale == (1.0, 5.0)
        assert all(type(end) is float for end in scale)

    def test_a_single_value(self):
        assert check_scale("scale", (1, 1)) == (1, 1)

    @pytest.mark.parametrize(
        "value", [(5, 1), (1,), (1, 2, 3), 5, "15", (np.nan, 1), (None, 5), (0, np.inf), ()]
    )
    def test_everything_else_is_refused(self, value):
        with pytest.raises(ValueError, match=r"^scale must be None or \(lowest, highest\), got "):
            check_scale("scale", value)


class TestChoice:
    def test_one_of_them(self):
        assert check_choice("values", "ones", ("rating", "ones")) == "ones"

    @pytest.mark.parametrize("value", ["one", "", None, 1, ("ones",)])
    def test_none_of_them(self, value):
        with pytest.raises(ValueError, match=r"^values must be one of 'rating', 'ones', got "):
            check_choice("values", value, ("rating", "ones"))


class TestListLengths:
    @pytest.mark.parametrize(
        ("k", "expected"),
        [(5, [5]), (np.int32(5), [5]), ([1, 10], [1, 10]), ((3,), [3]), (range(1, 4), [1, 2, 3])],
    )
    def test_one_or_several(self, k, expected):
        found = check_ks(k)
        assert found.dtype == np.int64
        assert found.tolist() == expected

    @pytest.mark.parametrize(
        ("k", "error", "message"),
        [
            (0, ValueError, "k must be at least 1, got 0"),
            ([5, -1], ValueError, "k must be at least 1, got -1"),
            (
                [],
                ValueError,
                "k must be a positive integer or a sequence of them, got an empty one",
            ),
            (
                5.0,
                TypeError,
                r"k must be a positive integer or a sequence of them, got 5.0 \(float\)",
            ),
            (None, TypeError, r"k must be a positive integer .* got None \(NoneType\)"),
            (True, TypeError, r"k must be a positive integer .* got True \(bool\)"),
            ([5, 2.5], TypeError, r"k must be an integer, got 2.5 \(float\)"),
            ("10", TypeError, r"k must be an integer, got '1' \(str\)"),
        ],
    )
    def test_bad_lengths(self, k, error, message):
        with pytest.raises(error, match=message):
            check_ks(k)


class TestIndices:
    @pytest.mark.parametrize("values", [[0, 4], (0, 4), np.uint8([0, 4]), np.array([0, 4])])
    def test_indices_become_int64(self, values):
        found = check_ids("users", values, 5)
        assert found.dtype == np.int64
        assert found.tolist() == [0, 4]

    def test_none_at_all(self):
        assert check_ids("users", [], 5).dtype == np.int64
        assert check_ids("users", [], 0).shape == (0,)

    @pytest.mark.parametrize(
        ("values", "error", "message"),
        [
            (3, ValueError, r"users must be a one-dimensional array of indices, got shape \(\)"),
            ([[0, 1]], ValueError, r"users must be a one-dimensional .* got shape \(1, 2\)"),
            ([0.0, 1.0], TypeError, "users must hold integer indices, got dtype float64"),
            ([True, False], TypeError, "users must hold integer indices, got dtype bool"),
            (["u"], TypeError, "users must hold integer indices, got dtype <U1"),
            ([0, 5], IndexError, "users holds 5, allowed are 0 to 4; if it is an .*, user_index"),
            ([0, -1], IndexError, "users holds -1, allowed are 0 to 4$"),
            (np.array([2**63], np.uint64), IndexError, "users holds"),
        ],
    )
    def test_bad_indices(self, values, error, message):
        with pytest.raises(error, match=message):
            check_ids("users", values, 5)


class TestMetrics:
    def test_the_length_of_the_lists(self):
        assert metric_length("ndcg@10", ["hr", "ndcg"]) == 10
        assert metric_length("hr@1", ["hr", "ndcg"]) == 1

    @pytest.mark.parametrize(
        ("given", "end"),
        [
            ("hr", "; is 'hr@10' meant?"),
            ("HR@5", "; is 'hr@5' meant?"),
            ("hit_rate_at_20", "; is 'hr@20' meant?"),
            ("Hits@3", "; is 'hr@3' meant?"),
            ("DCG", "; is 'ndcg@10' meant?"),
            ("ndcg@0", "; is 'ndcg@10' meant?"),
            ("RMSE", "; is 'rmse' meant?"),
            ("map@10", ""),
            ("", ""),
            (None, ""),
            (7, ""),
        ],
    )
    def test_others_are_told_which_may_be_meant(self, given, end):
        with pytest.raises(DataError) as caught:
            metric_length(given, ["hr", "ndcg"], ["rmse"])
        wanted = "metric must be one of hr, ndcg with @K, rmse, got"
        assert str(caught.value) == f"{wanted} {given!r}{end}"


def test_what_cannot_be_compared_is_no_choice():
    for wrong in (["a"], {"a": 1}, None, 1):
        with pytest.raises(ValueError, match="name must be one of 'a', 'b', got"):
            check_choice("name", wrong, {"a": 1, "b": 2})


def test_rows_of_different_lengths_are_no_indices():
    with pytest.raises(ValueError, match="users must be a one-dimensional array of indices"):
        check_ids("users", [[0], [0, 1]], 3)


def test_a_user_out_of_range_is_led_to_the_index_and_to_fold_in():
    with pytest.raises(IndexError, match=r"users holds 9, .*user_index .* scores by fold_in$"):
        check_ids("users", [9], 3)
    with pytest.raises(IndexError, match=r"item_index of the interactions has its index$"):
        check_ids("items", [9], 3)


MODULES = data, evaluation, lists, significance, verdicts, metrics, top_k, show, plots


def functions(module: ModuleType) -> list[tuple[str, object]]:
    """The functions that a module hands out, and not those that it takes from others to use."""
    names = getattr(module, "__all__", None) or [
        name
        for name, one in vars(module).items()
        if getattr(one, "__module__", "") == module.__name__
    ]
    found = ((name, getattr(module, name)) for name in names if not name.startswith("_"))
    return [(name, one) for name, one in found if inspect.isfunction(one)]


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_an_argument_that_is_something_else_altogether_is_named(module):
    """Whatever a public function is given, it does not stop with a message of Python's own."""
    for name, function in functions(module):
        if name == "first_row_with_repeats":  # called with what was checked
            continue
        parameters = inspect.signature(function).parameters.values()
        asked = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        for given in (object(), None, 7, "x", []):
            said = complaint(function, *[given] * sum(p.kind is not p.KEYWORD_ONLY for p in asked))
            named = any(parameter.name in said for parameter in parameters)
            assert named or not said, f"{name}({given!r}): {said}"


def complaint(function, *given: object) -> str:
    """What a function says of its arguments; nothing if it takes them."""
    try:
        function(*given)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_progress_is_said_or_not():
    with pytest.raises(TypeError, match=r"progress must be True, False or None, got 'yes'"):
        BinaryMF().fit(data.load(), progress="yes")


def test_a_model_of_ones_own_that_cannot_be_fitted_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match=r"Mine\._fit must take one argument .* got _fit\(self\)"):

        class Mine(Recommender):
            def _fit(self):
                """Forgets what it is to learn from."""
