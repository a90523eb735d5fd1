"""Recorded results: written whole, read back, compared, and never silently missing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recsys_lib import reproduce, results
from recsys_lib.data import DataError, Interactions
from recsys_lib.experiments import EXPERIMENTS, Experiment, paper_data
from recsys_lib.reproduce import differences, main, picked
from recsys_lib.results import recorded, source

from records import BEFORE_THE_SEARCH, RECORDED, TO_COME

COMMAND = "python -m recsys_lib.reproduce run evaluation"
MADE = {"machine": {}, "data": {"name": "d"}, "seconds": 1.0}


def test_a_result_in_the_place_of_another_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    result = {"command": COMMAND, "date": "2026-01-02", "found": {}} | MADE
    (tmp_path / "svd.json").write_text(json.dumps(result))
    with pytest.raises(
        DataError, match=r"svd\.json holds another result, that of .*run evaluation"
    ):
        recorded("svd")
    for command in (COMMAND, f"{COMMAND} --seeds 3"):
        (tmp_path / "evaluation.json").write_text(json.dumps(result | {"command": command}))
        assert recorded("evaluation")["found"] == {}
    longer = result | {"command": f"{COMMAND}s"}
    (tmp_path / "evaluation.json").write_text(json.dumps(longer))
    with pytest.raises(DataError, match="holds another result"):
        recorded("evaluation")


def test_a_result_that_is_not_there_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with pytest.raises(DataError, match=r"svd\.json is missing: make it with `python.* run svd`$"):
        recorded("svd")


def test_where_the_library_alone_is_installed_results_are_looked_for_upward(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "site" / "results")
    below = tmp_path / "class" / "notebooks"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with pytest.raises(DataError, match=r"svd\.json is missing; it was looked for in") as caught:
        recorded("svd")
    for folder in (tmp_path / "site", below, tmp_path / "class", tmp_path):
        assert str(folder / "results") in str(caught.value)
    assert str(caught.value).endswith("or make it with `python -m recsys_lib.reproduce run svd`")
    result = {"command": "python -m recsys_lib.reproduce run svd", "date": "d", "found": 1} | MADE
    for folder, found in ((tmp_path, 1), (tmp_path / "class", 2)):  # the nearest counts
        (folder / "results").mkdir()
        (folder / "results" / "svd.json").write_text(json.dumps(result | {"found": found}))
        assert recorded("svd")["found"] == found
    (tmp_path / "site" / "results").mkdir(parents=True)  # beside the library: that one alone
    with pytest.raises(DataError, match=r"site.results.svd\.json is missing: make it with"):
        recorded("svd")


@pytest.mark.parametrize("wrong", ["svd", None, {"models": 1}, {"command": "x"}])
def test_only_a_whole_result_has_a_source(wrong):
    with pytest.raises(TypeError, match=r"result must be what recorded.* returned, all of it, got"):
        source(wrong)


def test_every_experiment_is_recorded_with_what_is_needed_to_repeat_it():
    for name in RECORDED:
        result = recorded(name)
        assert result["name"] == name
        assert result["command"] == f"python -m recsys_lib.reproduce run {name}"
        assert len(result["data"]["sha256"]) == 64
        if EXPERIMENTS[name].candidates:
            assert len(result["data"]["candidates_sha256"]) == 64
        assert {"recsys_lib", "numpy", "python"} <= result["versions"].keys()
        assert result["command"] in source(result)
        assert result["date"][:10] in source(result)


def test_what_is_to_come_is_not_there():
    """Else its name has to leave the list, and the tests of records look at it."""
    assert set(EXPERIMENTS) >= TO_COME
    assert not [name for name in TO_COME if (results.RESULTS / f"{name}.json").exists()]


def test_what_was_made_from_other_results_than_today_is_known():
    """Else its name has to leave the list."""
    needs = {name: set(recorded(name).get("needs", ())) for name in RECORDED}
    assert {n for n in RECORDED if needs[n] != set(EXPERIMENTS[n].needs)} == BEFORE_THE_SEARCH


def test_every_experiment_has_a_name_that_can_be_read_without_loading_it():
    assert (*EXPERIMENTS, results.BENCHMARKS, results.SCALE) == results.NAMES
    loaded = "import sys, recsys_lib.results; print([m for m in sys.modules if m in %r])"
    heavy = ("torch", "pandas", "sklearn", "scipy", "numba")
    done = subprocess.run(
        [sys.executable, "-c", loaded % (heavy,)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_missing_result_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with pytest.raises(DataError, match=r"make it with `python -m .*reproduce run svd`"):
        recorded("svd")
    with pytest.raises(ValueError, match="name must be one of 'paper_data'"):
        recorded("nonsense")


def test_differences_are_found_wherever_they_are():
    old = {"a": [1.0, {"b": 2}], "c": "x", "d": 0.5}
    assert differences(old, {"a": [1.0005, {"b": 2}], "c": "x", "d": 0.5}) == []
    assert differences(old, {"a": [1.01, {"b": 2}], "c": "x", "d": 0.5}) == [
        "found.a[0]: recorded 1.0, found 1.01"
    ]
    assert differences(old, {"a": [1.0, {"b": 3}], "c": "y"}) == [
        "found.a[1].b: recorded 2, found 3",
        "found.c: recorded 'x', found 'y'",
        "found.d: recorded 0.5, found nothing",
    ]
    assert differences([1], [1, 2]) == ["found: recorded [1], found [1, 2]"]
    assert differences({"a": None, "b": True}, {"b": 1}) == [
        "found.a: recorded None, found nothing",
        "found.b: recorded True, found 1",
    ]
    assert differences({}, {"new": 1.0}) == ["found.new: recorded nothing, found 1.0"]


def test_times_are_not_compared():
    old = {"seconds": 1.0, "rows": [{"k": 2, "full_seconds": 0.1}]}
    assert differences(old, {"rows": [{"k": 2, "full_seconds": 9.0}]}) == []
    assert len(differences(old, {"seconds": 1.0, "rows": [{"k": 3, "full_seconds": 0.1}]})) == 1


def test_the_benchmarks_are_recorded_too():
    result = recorded("benchmarks")
    assert result["command"] == "make bench"
    said = source(result)
    assert "make bench" in said
    assert result["date"][:10] in said


def test_without_the_data_one_sentence_says_what_is_needed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECSYS_DATA", str(tmp_path))
    assert main(["run", "svd"]) == 1
    said = capsys.readouterr().err
    assert "candidates.csv.gz" in said
    assert "RECSYS_DATA" in said


def test_list_names_every_experiment(capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in EXPERIMENTS)


def test_a_run_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "toy.json").write_text("old")

    def fails(*_):
        raise OSError("the disk is gone")

    monkeypatch.setitem(reproduce.EXPERIMENTS, "toy", Experiment("toy", "movielens-small", fails))
    monkeypatch.setattr(reproduce, "run", lambda experiment, seeds: fails())
    assert main(["run", "toy"]) == 1
    assert (tmp_path / "toy.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "toy.json"]


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Two experiments on the packaged data, the second of which needs the first."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "NAMES", ("first", "second"))
    monkeypatch.setattr(reproduce, "_files", lambda _: (Path(__file__), Path(__file__)))
    monkeypatch.setattr(reproduce, "read_candidates", lambda *_: None)
    made = {
        "first": Experiment("first", "movielens-small", lambda ratings, candidates: {"x": 1.0}),
        "second": Experiment(
            "second",
            "movielens-small",
            lambda ratings, candidates, first, seeds: {"x": first["x"] + len(seeds)},
            needs=("first",),
            seeds=3,
        ),
    }
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    for name, one in made.items():
        monkeypatch.setitem(EXPERIMENTS, name, one)
    return tmp_path


def test_the_number_of_seeds_can_be_chosen_and_is_recorded(toys, capsys):
    assert main(["run", "second"]) == 1
    assert "first.json is missing" in capsys.readouterr().err
    assert main(["run", "all"]) == 0
    assert recorded("second")["found"]["x"] == 1 + 3
    assert main(["run", "second", "--seeds", "7"]) == 0
    assert recorded("second")["found"]["x"] == 1 + 7
    assert recorded("second")["seeds"] == 7
    assert recorded("second")["command"].endswith("run second --seeds 7")
    assert main(["verify", "second"]) == 0  # with as many as are recorded
    capsys.readouterr()
    for few in ("0", "1"):
        assert main(["run", "second", "--seeds", few]) == 1
        assert f"seeds must be at least 2, got {few}" in capsys.readouterr().err
    assert main(["run", "all", "--seeds", "2"]) == 1
    assert "--seeds is for one experiment" in capsys.readouterr().err
    assert main(["run", "first", "--seeds", "2"]) == 1
    assert "first has no number of seeds to choose" in capsys.readouterr().err


def test_a_quick_verification_does_a_part_again_and_finds_what_differs(toys, monkeypatch, capsys):
    def rows(ratings, candidates):
        return {"rows": [{"x": 1.0, "y": 5.0}, {"x": 2.0, "y": 6.0}], "name": "a"}

    def part(found, ratings, candidates):
        """The first of the second row."""
        return {"rows": {1: {"x": 2.0}}}

    toy = Experiment("first", "movielens-small", rows, quick=part, tolerance=0.01)
    monkeypatch.setitem(EXPERIMENTS, "first", toy)
    assert main(["run", "first"]) == 0
    assert main(["verify", "first", "--quick"]) == 0
    assert "the same (The first of the second row)" in capsys.readouterr().out
    file = toys / "first.json"
    whole = json.loads(file.read_text())
    for value, same in ((2.015, True), (2.05, False), (None, False), ("2", False)):
        whole["found"]["rows"][1]["x"] = value
        file.write_text(json.dumps(whole))
        assert main(["verify", "first", "--quick"]) == (0 if same else 1)
    assert "rows.1.x: recorded '2', found 2.0" in capsys.readouterr().err
    del whole["found"]["rows"][1]
    file.write_text(json.dumps(whole))
    assert main(["verify", "first", "--quick"]) == 1
    assert "recorded None" in capsys.readouterr().err


def test_one_that_adds_is_given_what_is_recorded(toys, monkeypatch):
    """A first time nothing, then what it has found before."""

    def counted(ratings, candidates, before=None):
        return {"times": 1 + (before or {"times": 0})["times"]}

    toy = Experiment("first", "movielens-small", counted, adds=True)
    monkeypatch.setitem(EXPERIMENTS, "first", toy)
    for times in (1, 2, 3):
        assert main(["run", "first"]) == 0
        assert recorded("first")["found"] == {"times": times}


def test_what_is_found_of_ratings_does_not_take_their_name(toys, monkeypatch):
    def needing(ratings, candidates, of_ratings):
        return {"x": of_ratings["x"] + (len(ratings) > 0)}

    monkeypatch.setattr(results, "NAMES", (*results.NAMES, "ratings", "first"))
    known = Experiment("ratings", "movielens-small", lambda ratings, candidates: {"x": 5.0})
    monkeypatch.setitem(EXPERIMENTS, "ratings", known)
    toy = Experiment("first", "movielens-small", needing, needs=("ratings",))
    monkeypatch.setitem(EXPERIMENTS, "first", toy)
    assert main(["run", "ratings"]) == 0
    assert main(["run", "first"]) == 0
    assert recorded("first")["found"] == {"x": 6.0}


def half(marks, fails, name, seed):
    """Leave a mark for each time that a part is made."""
    (marks / f"{name}-{seed}-{len(list(marks.iterdir()))}").touch()
    if seed in fails:
        raise ValueError("no such luck")
    return seed / 2


def test_a_recording_that_breaks_off_names_the_part_and_goes_on_from_it(toys, monkeypatch, capsys):
    marks, fails = toys / "marks", [1]
    marks.mkdir()
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    def halves(ratings, candidates, seeds, units):
        return {"x": units.each(half, [("MF", seed) for seed in seeds], marks, tuple(fails))}

    toy = Experiment("first", "movielens-small", halves, seeds=2, in_units=True)
    monkeypatch.setitem(EXPERIMENTS, "first", toy)
    assert main(["run", "first"]) == 1
    said = capsys.readouterr().err
    assert said == "error: no such luck; in the part test_reproduce.half(name='MF', seed=1)\n"
    fails.clear()
    assert main(["run", "first"]) == 0
    assert recorded("first")["found"]["x"] == [0.0, 0.5]
    assert sorted(path.name for path in marks.iterdir()) == ["MF-0-0", "MF-1-1", "MF-1-2"]
    assert not reproduce._units_of("first").exists()


def test_other_data_is_a_difference_even_where_all_figures_agree(toys, capsys):
    assert main(["run", "all"]) == 0
    file = toys / "first.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(whole | {"data": whole["data"] | {"sha256": "0" * 64}}))
    assert main(["verify", "first", "--quick"]) == 1
    assert "data.sha256" in capsys.readouterr().err


def test_a_part_is_picked_by_the_shape_of_another():
    old = {"a": [{"b": 1}, {"b": 2}], "c": {"d": 3, "e": 4}}
    assert picked(old, {"a": {1: {"b": 0}}, "c": {"e": 0}}) == {"a": {1: {"b": 2}}, "c": {"e": 4}}
    assert picked(old, {"a": {2: {"b": 0}}, "f": 0}) == {"a": {2: None}, "f": None}
    assert picked([1, 2], [0]) == [1, 2]


def test_run_all_makes_only_what_is_missing_or_rests_on_something_older(toys, capsys):
    assert main(["run", "all"]) == 0
    capsys.readouterr()
    assert main(["run", "all"]) == 0
    assert "nothing is missing" in capsys.readouterr().out
    first = json.loads((toys / "first.json").read_text())
    (toys / "first.json").write_text(json.dumps(first | {"date": "2001-01-01T00:00:00"}))
    assert main(["run", "all"]) == 0
    said = capsys.readouterr().out
    assert "second.json" in said
    assert "first.json" not in said
    assert main(["run", "all", "--again"]) == 0
    assert capsys.readouterr().out.count("wrote") == 2


def test_the_folder_of_the_data_can_be_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECSYS_DATA", "/somewhere")
    assert main(["run", "svd", "--data", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
    assert os.environ["RECSYS_DATA"] == "/somewhere"
    monkeypatch.delenv("RECSYS_DATA")
    assert main(["verify", "svd", "--data", str(tmp_path)]) == 1
    assert "RECSYS_DATA" not in os.environ


def test_table_and_figure_show_every_model(tmp_path, monkeypatch, capsys):
    names = [f"{m}@{k}" for m in ("hr", "ndcg", "precision", "recall") for k in range(1, 11)]
    rows = {name: {"mean": 0.25, "low": 0.2, "high": 0.3} for name in names}
    one = {"by_k": {"sampled": rows, "full": rows}}
    result = {"command": COMMAND, "date": "2026-01-02"} | MADE
    found = {"models": {"Alpha": one, "Beta": one}}
    (tmp_path / "evaluation.json").write_text(json.dumps(result | {"found": found}))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert main(["table"]) == 0
    said = capsys.readouterr().out
    assert said.count("| Alpha |") == said.count("| Beta |") == 2
    assert "0.250 [0.200, 0.300]" in said
    assert main(["figure", str(tmp_path / "a.svg")]) == 0
    assert "<svg" in (tmp_path / "a.svg").read_text()
    for wrong in (tmp_path / "a.docx", tmp_path / "none" / "a.svg", ""):
        assert main(["figure", str(wrong)]) == 1
        assert "must end in .svg, .png, .pdf and lie in a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation.json", "a.svg"]


@pytest.mark.amazon
def test_what_is_recorded_of_the_papers_data_comes_out_again(amazon_folder):
    """The cheap parts, from the data itself: sizes, filters, split."""
    old = recorded("paper_data")
    ratings = reproduce.data.load("amazon-2023-musical-instruments")
    found = old["found"]
    assert found["size"] == {
        "ratings": 42_626,
        "users": 5_107,
        "items": 1_003,
        "density": ratings.density,
    }
    assert found["per_user"]["histogram"] == np.bincount(ratings.user_counts).tolist()
    split = paper_data.paper_split(ratings)
    assert found["leave_two_out"]["train"] == len(split.train) == 32_644
    assert found["leave_two_out"]["users_without"] == 553
    for k in ("5", "10", "20"):
        assert found["k_cores"][k] == paper_data._core_size(ratings, int(k))
    file, candidates = reproduce._files(EXPERIMENTS["paper_data"])
    assert old["data"]["sha256"] == reproduce._sha256(file)
    assert old["data"]["candidates_sha256"] == reproduce._sha256(candidates)


@pytest.mark.amazon
def test_the_cheap_part_of_a_recorded_result_comes_out_again(amazon_folder, capsys):
    """The quickest of them; `make verify` does them all, in a minute or two."""
    assert main(["verify", "svd", "--quick"]) == 0, capsys.readouterr().err


def test_what_takes_many_minutes_goes_on_where_it_broke_off():
    seconds = {name: recorded(name)["seconds"] for name in RECORDED}
    long = {name for name, one in seconds.items() if one > 20 * 60}
    assert long <= {name for name, one in EXPERIMENTS.items() if one.in_units}


def test_every_recorded_result_has_a_cheap_part_or_a_test_of_its_own():
    assert {name for name, one in EXPERIMENTS.items() if not one.quick} <= {"paper_data"}


def test_what_is_recorded_stays_small():
    """It is part of every clone, for good: what is long belongs into a summary or elsewhere."""
    sizes = {
        path.relative_to(results.RESULTS): path.stat().st_size
        for path in results.RESULTS.rglob("*")
        if path.is_file() and ".units" not in path.parts  # parts of a run under way
    }
    assert len(sizes) >= len(RECORDED)
    assert {name: size for name, size in sizes.items() if size >= 1e6} == {}
    assert sum(sizes.values()) < 3e6


def test_popularity_in_a_window_counts_only_what_lies_in_it():
    year = paper_data.YEAR
    ratings = Interactions(
        user=[0, 1, 2, 3],
        item=[0, 1, 2, 0],
        rating=[1, 1, 1, 1],
        timestamp=[1 * year, 2 * year, 3 * year, 2 * year + year // 4],
        user_ids=np.arange(4),
        item_ids=np.arange(3),
        time_unit="ms",
    )
    train = ratings.select(np.array([0, 1, 2]))
    split = paper_data.Split(train, ratings.select(np.array([], dtype=int)), ratings.select([3]))
    before = paper_data.PopularityAround(split, year, 0).fit(train)
    around = paper_data.PopularityAround(split, year // 2, year // 2).fit(train)
    wide = paper_data.PopularityAround(split, 2 * year, year).fit(train)
    assert before.score([3]).tolist() == [[0, 1, 0]]
    assert around.score([3]).tolist() == [[0, 1, 0]]
    assert wide.score([3]).tolist() == [[1, 1, 1]]
    assert json.loads(json.dumps(paper_data._per_month(ratings)))["1971-01"] == 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"found": 1}'),
        '{"command": "python -m recsys_lib.reproduce run svd", "date": "2026-01-02", "found": {}}',
    ],
)
def test_a_damaged_result_says_how_to_make_it_again(tmp_path, monkeypatch, capsys, text):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "svd.json").write_text(text)
    with pytest.raises(DataError, match=r"svd\.json.*reproduce run svd"):
        recorded("svd")
    assert main(["list"]) == 1
    assert "reproduce run svd" in capsys.readouterr().err


def test_a_word_that_changes_is_a_difference_however_small():
    old = {"difference": -0.0004, "low": -0.0006, "high": -0.0002, "holm": 0.0454}
    assert differences(old, old | {"low": -0.0007, "holm": 0.046}) == []
    assert differences(old, old | {"high": 0.0002}) == ["found: high changes sides"]
    assert differences({"row": old}, {"row": old | {"holm": 0.0504}}, tolerance=0.01) == [
        "found.row: holm changes sides"
    ]


@pytest.mark.parametrize("name", ["learning_rate", "rate", "regularization", "init_scale"])
def test_what_was_chosen_comes_out_to_the_digit(name):
    assert differences({name: 0.001}, {name: 0.001}, tolerance=0.01) == []
    assert len(differences({name: 0.001}, {name: 0.003}, tolerance=0.01)) == 1


@pytest.mark.parametrize(("metric", "most"), [("hr@10", 0.03), ("ndcg@10", 0.015), ("x", 0.03)])
def test_single_runs_may_differ_as_seeds_do(metric, most):
    old = {metric: {"values": [0.2]}}
    assert differences(old, {metric: {"values": [0.2 + 0.9 * most]}}) == []
    assert len(differences(old, {metric: {"values": [0.2 + 1.1 * most]}})) == 1


def test_a_result_that_rests_on_an_older_one_does_not_verify(toys, capsys):
    assert main(["run", "all"]) == 0
    file = toys / "first.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"date": "2020-01-01"}))
    assert main(["verify", "second"]) == 1
    assert "needs.first" in capsys.readouterr().err


@pytest.mark.parametrize("again", [["verify", "first"], ["run", "first", "--again"]])
def test_every_verification_does_the_work(toys, monkeypatch, tmp_path, again):
    calls = tmp_path / "calls"
    calls.mkdir()

    def experiment(ratings, candidates, units):
        return {"x": units.each(counted, [(str(calls), 1), (str(calls), 2)])}

    toy = Experiment("first", "movielens-small", experiment, in_units=True)
    monkeypatch.setitem(EXPERIMENTS, "first", toy)
    assert main(["run", "first"]) == 0
    for times in (2, 3):
        assert main(again) == 0
        assert len(list(calls.iterdir())) == 2 * times


def counted(calls, n):
    (Path(calls) / f"{n}-{time.monotonic_ns()}").touch()
    return float(n)


def test_the_seconds_of_a_run_that_was_resumed_are_said_to_be_a_part():
    result = {"command": COMMAND, "date": "2026-01-02"} | MADE
    assert "on d in 1 s" in source(result)
    assert "on d in 1,902 s" in source(result | {"seconds": 1901.8})
    assert "on d in at least 1 s" in source(result | {"resumed": True})
