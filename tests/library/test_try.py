"""Experiments in small: each is reached, on made data, and nothing recorded is touched."""

import json
import sys
from dataclasses import replace

import pytest

from recsys_lib import results
from recsys_lib.data import load
from recsys_lib.experiments import EXPERIMENTS, contenders, order_search, search, small
from recsys_lib.experiments.small import SHOWN, SMALLEST, in_small, lines, stand_in, takes
from recsys_lib.reproduce import main


def in_results():
    """Name, time and size of every file in results/, those of runs that broke off too."""
    files = sorted(results.RESULTS.rglob("*"))
    return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]


@pytest.fixture(scope="module")
def known():
    """What the experiments before have found, which others need."""
    return {}


SLOW = {"losses", "published", "evaluation", "ledger", "order_search", "order", "order_films"}
EACH = [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in EXPERIMENTS]


@pytest.mark.parametrize("name", EACH)
def test_every_experiment_is_reached_in_small(name, known):
    before = in_results()
    found = in_small(EXPERIMENTS[name], SMALLEST, known=known)
    json.dumps(found, allow_nan=False)
    title, *rows = lines(name, found)
    assert title == SHOWN[name]
    assert len(rows) > 1, found.keys()
    assert in_results() == before


def test_all_is_as_it_was_afterwards():
    before = dict(contenders.CONTENDERS), search.TRIALS, dict(order_search.LOSSES)
    with small._changed(small._constants(range(2), 3)):
        assert search.TRIALS == 3
        assert search.CONTENDERS["BinaryMF"].epochs == small.EPOCHS
        assert search.CONTENDERS["iALS"].space["factors"].high == 32
        assert contenders.longest.__defaults__[0]["BinaryMF"].epochs == small.EPOCHS
    assert before == (contenders.CONTENDERS, search.TRIALS, order_search.LOSSES)
    with pytest.raises(OSError, match="gone"), small._changed({search: {"TRIALS": 6}}):
        raise OSError("gone")
    assert before[1] == search.TRIALS


def test_the_data_have_the_form_that_the_experiment_wants():
    of_paper = stand_in(EXPERIMENTS["evaluation"], 0.5)
    split, candidates = small.paper_split(of_paper["ratings"]), of_paper["candidates"]
    assert (split.train.user_counts == 0).sum() == 30
    assert candidates.positives.shape == (300, 2)
    assert (candidates.negatives >= 0).all()
    assert candidates.negatives.shape[1] == 99
    assert stand_in(EXPERIMENTS["search"]).keys() == {"ratings"}
    of_he = stand_in(EXPERIMENTS["ledger"], 0.5)
    assert of_he["candidates"].positives.shape == (300, 1)
    assert of_he["ratings"].user_counts.min() >= 3
    films = stand_in(EXPERIMENTS["films"], 0.5)["ratings"]
    assert films.n_items == 200
    assert 140 < films.n_users <= 150  # who rated one of the films
    everything = load()
    assert set(films.titles(range(200))) <= set(everything.titles(range(everything.n_items)))


def test_the_command_says_what_the_data_are_and_writes_only_where_it_is_told(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECSYS_DATA", raising=False)
    before = in_results()
    assert main(["try", "paper_data", "--size", "0.2"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("paper_data in small: the data are made, and the numbers are not the")
    assert any(line.startswith("popularity, sampled") for line in rest)
    assert list(tmp_path.iterdir()) == []
    assert main(["try", "paper_data", "--size", "0.2", "--to", "all.json"]) == 0
    assert "all of it is in all.json" in capsys.readouterr().out
    assert json.loads((tmp_path / "all.json").read_text())["size"]["users"] == 120
    assert in_results() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["--trials", "6"],
            "--trials must be left out for svd, which has no trials to choose, got 6",
        ),
        (["--trials", "6"], "it is for search, long_search, bmf, networks, ladder, splits, films,"),
        (["--seeds", "3"], "--seeds must be left out for svd, which has no seeds to choose, got 3"),
        (["--seeds", "3"], "it is for ratings, movielens, search, long_search, bmf,"),
        (["--size", "0.1"], "size must be a finite number in [0.2, 100], got 0.1"),
        (["--to", str(results.RESULTS / "svd.json")], "to must be a file in a folder that exists"),
        (["--to", "nowhere/all.json"], "to must be a file in a folder that exists"),
    ],
)
def test_what_does_not_fit_is_refused(given, said, capsys):
    before = in_results()
    assert main(["try", "svd", *given]) == 1
    assert said in capsys.readouterr().err
    assert in_results() == before


def test_one_seed_is_too_few_where_there_are_seeds(capsys):
    assert main(["try", "films", "--seeds", "1"]) == 1
    assert "seeds must be at least 2, got 1" in capsys.readouterr().err


def test_what_an_experiment_depends_on_is_known():
    neither, no_trials = {"paper_data", "svd", "order_million"}, {"ratings", "movielens"}
    for name, experiment in EXPERIMENTS.items():
        both = {"seeds"} if name in no_trials else {"seeds", "trials"}
        assert takes(experiment) == (set() if name in neither else both), name


@pytest.mark.parametrize("name", ["paper_data", "ratings", "search", "films"])
def test_it_says_so_truly(name, monkeypatch):
    """What is given to `run`, and stands in its modules, changes with what it takes alone."""
    seen = {}

    def run(**given):
        before = {m: {n: repr(getattr(m, n)) for n in names} for m, names in constants.items()}
        seen[len(seen)] = repr(given.get("seeds")), before

    one = EXPERIMENTS[name]
    module = sys.modules[one.run.__module__]
    constants = {module: [n for n in small._constants(range(2), 3).get(module, ()) if n.isupper()]}
    for seeds, trials in ((2, 3), (4, 3), (2, 6)):
        in_small(replace(one, run=run), SMALLEST, seeds, trials)
    depends = {"seeds"} if seen[1] != seen[0] else set()
    depends |= {"trials"} if seen[2] != seen[0] else set()
    assert depends == takes(one)


def test_a_number_of_trials_that_no_sequence_spreads_is_refused():
    with pytest.raises(ValueError, match="trials must be one of 3, 6, 12, 24, 48, got 5"):
        in_small(EXPERIMENTS["search"], trials=5)
