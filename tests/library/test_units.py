"""A run that is lost goes on from its finished parts, and never from those of other code."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lib.experiments.units import Units, pack, unpack

NUMBERS = st.none() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3)
NESTED = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(NESTED)
def test_what_is_packed_comes_back_with_its_types(value):
    arrays = {}
    found = unpack(pack(value, arrays), arrays)
    assert repr(found) == repr(value)
    assert not arrays


def test_arrays_and_tables_come_back_to_the_bit():
    table = pd.DataFrame(
        {"n": np.array([1, 2], np.int32), "hr@10": [0.1, np.nan]}, pd.Index([3, 9], name="user")
    )
    given = {"seeds": [(table, 5, None), (table + 1, 6, {"plateau": 3})], 3: np.arange(4.0) / 3}
    arrays = {}
    found = unpack(pack(given, arrays), arrays)
    pd.testing.assert_frame_equal(found["seeds"][0][0], table, check_exact=True)
    pd.testing.assert_frame_equal(found["seeds"][1][0], table + 1, check_exact=True)
    assert found["seeds"][1][1:] == (6, {"plateau": 3})
    np.testing.assert_array_equal(found[3], given[3])
    assert isinstance(found["seeds"][0], tuple)


def test_what_cannot_be_kept_is_refused_by_its_type():
    with pytest.raises(TypeError, match="a part of a run cannot return a set"):
        pack([{1, 2}], {})


def work(folder, fails, name, seed):
    """Leave a mark for each time that a part is made."""
    (folder / f"{name}-{seed}-{len(list(folder.iterdir()))}").touch()
    if seed in fails:
        raise KeyboardInterrupt
    return {"name": name, "array": np.full(2, seed)}


PARTS = [("a", seed) for seed in range(4)]


def test_results_come_back_in_their_groups_however_long_each_is(tmp_path):
    groups = {"few": [("a", 1)], (2, "many"): [("b", 2), ("c", 3)], "none": []}
    found = Units().grouped(work, groups, tmp_path, ())
    named = {
        key: [(one["name"], int(one["array"][0])) for one in each] for key, each in found.items()
    }
    assert named == groups


def made(folder):
    return sorted(path.name.rpartition("-")[0] for path in folder.iterdir())


def test_a_lost_run_goes_on_from_the_parts_that_are_done(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # one after the other
    marks, kept = tmp_path / "marks", tmp_path / "kept"
    marks.mkdir()
    with pytest.raises(KeyboardInterrupt):
        Units(kept, "v1").each(work, PARTS, marks, (2,))
    assert {"a-0", "a-1"} <= set(made(marks))
    done = made(marks).count("a-0")
    found = Units(kept, "v1").each(work, PARTS, marks, ())
    assert [one["array"].tolist() for one in found] == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert made(marks).count("a-0") == done == 1
    assert made(marks).count("a-2") == 2
    again = Units(kept, "v1").each(work, PARTS, marks, (0, 1, 2, 3))  # nothing is made anew
    assert [one["name"] for one in again] == ["a"] * 4


def test_parts_of_other_code_are_not_taken_and_left_alone(tmp_path):
    """Another run may be at work on them."""
    marks, kept = tmp_path / "marks", tmp_path / "kept"
    marks.mkdir()
    kept.mkdir()
    (kept / ".DS_Store").touch()
    assert not Units(kept, "v1").started()
    Units(kept, "v1").each(work, PARTS[:1], marks, ())
    assert Units(kept, "v1").started()
    assert not Units(kept, "v2").started()
    Units(kept, "v2").each(work, PARTS[:1], marks, ())
    assert made(marks) == ["a-0", "a-0"]
    assert len(list(kept.glob("*/*.npz"))) == 2


def test_a_damaged_part_is_made_again(tmp_path):
    marks, kept = tmp_path / "marks", tmp_path / "kept"
    marks.mkdir()
    first = Units(kept, "v1").each(work, PARTS[:1], marks, ())
    (path,) = kept.glob("*/*.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = Units(kept, "v1").each(work, PARTS[:1], marks, ())
    assert [one["name"] for one in again] == [one["name"] for one in first]
    assert made(marks) == ["a-0", "a-0"]
    assert Units(kept, "v1").each(work, PARTS[:1], marks, ())[0]["name"] == "a"
    assert made(marks) == ["a-0", "a-0"]


def test_what_is_made_is_what_a_later_run_reads(tmp_path):
    first, again = (Units(tmp_path, "v1").each(mixed, [(1,)])[0] for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert list(first.index) == ["a", "b"]


def mixed(n):
    return pd.DataFrame({10: np.float32([0.1, 0.2])}, index=["a", "b"])


def test_without_a_folder_nothing_is_kept(tmp_path):
    assert len(Units().each(work, PARTS, tmp_path, ())) == 4
    assert made(tmp_path) == ["a-0", "a-1", "a-2", "a-3"]


def test_a_part_that_fails_is_named_and_the_others_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with pytest.raises(FloatingPointError, match="the loss is nan") as caught:
        Units(tmp_path, "v1").each(diverge, [("MLP", {"rate": 0.1}, 0), ("MLP", {"rate": 9}, 1)], 5)
    (note,) = caught.value.__notes__
    assert note == "in the part test_units.diverge(name='MLP', setting={'rate': 9}, seed=1)"
    assert len([path for path in tmp_path.rglob("*.npz")]) == 1


def diverge(limit, name, setting, seed):
    if setting["rate"] > limit:
        raise FloatingPointError("the loss is nan")
    return seed


def test_a_part_without_values_is_named_by_its_function():
    with pytest.raises(KeyError) as caught:
        Units().each(fail, [()], {})
    assert caught.value.__notes__ == ["in the part test_units.fail()"]


def fail(held):
    return held["nothing"]


def test_functions_of_two_modules_with_one_name_are_kept_apart(tmp_path):
    units = Units(tmp_path, "v1")
    monkey = type("Module", (), {"work": staticmethod(lambda seed: -seed)}).work
    monkey.__name__, monkey.__module__ = "fail", "elsewhere"
    assert units.do(monkey, (), (3,)) == -3
    assert units.do(fail, (), ({"nothing": 3},)) == 3
    assert {path.name.rpartition("-")[0] for path in tmp_path.rglob("*.npz")} == {
        "elsewhere.fail",
        "test_units.fail",
    }
