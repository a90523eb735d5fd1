"""Examples are run: on pages of prose and in docstrings, each gives what is shown below it."""

import doctest
import functools
import importlib
import pkgutil
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import recsys_lib
from recsys_lib import data

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in sorted((ROOT / "book").rglob("*.md")) if ">>>" in page.read_text()]
# these need packages that an environment of their own has
ELSEWHERE = r"recsys_lib\.(scale\.(made|prepared|record|with_\w+)|serve\.\w+)"
MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(recsys_lib.__path__, "recsys_lib.")
    if not re.fullmatch(ELSEWHERE, found.name)
]
WITHOUT = {  # shown in the reference, and without an example of their own
    "recsys_lib.evaluation.Candidates": "sample_candidates and read_candidates make them",
    "recsys_lib.evaluation.verdicts.Comparison": "compared makes one",
    "recsys_lib.metrics.Ranks": "ranks_from_scores and ranks_from_lists make them",
    "recsys_lib.models.RatingPredictor": "an abstract base; its predict has one",
    "recsys_lib.show.tables.Table": "table and differences make one",
    "recsys_lib.show.plots.label_lines": "is seen only where the figure is",
}
FIGURES = (
    *("peeling", "shrinking", "rebuilding", "training", "orders", "runs", "cells", "attending"),
    *("arrows", "walks", "logits", "forecasts", "dying", "mixing", "choosing"),
)
WITHOUT |= {f"recsys_lib.show.{name}.{name}": "moves in its chapter" for name in FIGURES}
WITHOUT |= {"recsys_lib.show.plots.of_page": "names colors for these"}
STEPS = ("hide", "prepare", "read_task", "read_lists", "read_submissions", "measure", "bars")
WITHOUT |= {f"recsys_lib.contest.{name}": "a step of the command" for name in (*STEPS, "standings")}
WITHOUT |= {
    f"recsys_lib.rank.{n}": "the project's page shows it" for n in ("rank_under", "write_template")
}
WITHOUT |= {
    f"recsys_lib.scale.growth.{name}": "costs and table make them"
    for name in ("Growth", "Cost", "Rate")
}
PROCESSES = ("processes.train", "processes.parallel", "processes.step_losses", "group.launch")
PROCESSES += ("group.joined", "sharded.train_sharded", "sharded.sharded", "sharded.shard")
PROCESSES += ("sharded.ShardedEmbedding", "sharded.compare", "scaling.scaling")
WITHOUT |= {f"recsys_lib.scale.{name}": "starts processes, or is one" for name in PROCESSES}


NUMBER = r"[+-]?\d[\d,]*(?:\.\d+)?"


class Checker(doctest.OutputChecker):
    """As doctest, but what is printed of BinaryMF may be a little other on other processors."""

    def check_output(self, want, got, flags):
        if super().check_output(want, got, flags):
            return True
        if "BinaryMF" not in want:
            return False
        texts = [re.sub(NUMBER, "#", one).split() for one in (want, got)]
        found = ([n.replace(",", "") for n in re.findall(NUMBER, one)] for one in (want, got))
        numbers = [list(map(float, each)) for each in found]
        return texts[0] == texts[1] and numbers[0] == pytest.approx(numbers[1], abs=0.006)


def of_page(page):
    text = page.read_text().replace("```", "")
    return doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)


def of_docstrings():
    """Return what is to be run of each docstring that has examples, without its module's names."""
    finder = doctest.DocTestFinder()
    found = [test for module in MODULES for test in finder.find(module, globs={}) if test.examples]
    return sorted(found, key=lambda test: test.name)


def run(test, monkeypatch, folder):
    """Run examples in a folder of their own, and fail with all that differs from what is shown."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RECSYS_DATA", str(folder))  # which an example may set anew
    said: list[str] = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with mpl.rc_context():
        failed = (
            doctest.DocTestRunner(Checker(), optionflags=flags).run(test, out=said.append).failed
        )
    plt.close("all")
    assert failed == 0, "".join(said)


@pytest.fixture(scope="module")
def read_once():
    """The data of nearly all examples, which nobody can change: reading it takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", functools.cache(data.load))
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_gives_what_it_shows(page, monkeypatch, tmp_path):
    run(of_page(page), monkeypatch, tmp_path)


@pytest.mark.parametrize("test", of_docstrings(), ids=lambda test: test.name)
@pytest.mark.usefixtures("read_once")
def test_the_example_of_a_docstring_gives_what_it_shows(test, monkeypatch, tmp_path):
    run(test, monkeypatch, tmp_path)


def test_an_example_that_gives_something_else_is_found(monkeypatch, tmp_path):
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3", {}, "wrong", None, 0)
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run(test, monkeypatch, tmp_path)


def test_a_page_with_code_is_found():
    assert "own_data" in [page.stem for page in PAGES]


# ------------------------------------------------------------------ what the reference shows


def shown(text):
    """Return the names of functions, classes and methods that a page of the reference shows."""
    found = []
    for kind, name, options in re.findall(r"\.\. auto(\w+):: (\S+)\n((?: +:.*\n)*)", text):
        if re.match(ELSEWHERE, name):
            continue
        if kind in ("function", "class"):
            found.append(name)
        if members := re.search(r":members:(.*)", options):
            listed = re.findall(r"\w+", members[1]) or documented(thing(name))
            found += [f"{name}.{one}" for one in listed]
    return found


def documented(owner):
    """Return the public functions and classes of a module, or the methods of a class."""
    home = getattr(owner, "__module__", owner.__name__)
    found = {name: getattr(owner, name) for name in vars(owner) if name[0] != "_"}
    return [
        name
        for name, value in found.items()
        if callable(value) and value.__doc__ and value.__module__ == home
    ]


def thing(name):
    """Return what a dotted name stands for: of `data.load` the function, not the module."""
    return functools.reduce(getattr, name.split(".")[1:], recsys_lib)


REFERENCE = {
    page.stem: shown(page.read_text()) for page in sorted((ROOT / "book/reference").glob("*.md"))
}


@pytest.mark.parametrize("page", REFERENCE)
def test_all_that_the_reference_shows_has_an_example(page):
    shown_here = [name for name in REFERENCE[page] if name not in WITHOUT]
    assert [name for name in shown_here if ">>> " not in thing(name).__doc__] == []


def test_what_has_no_example_is_shown_and_has_none():
    everything = [name for names in REFERENCE.values() for name in names]
    for name in WITHOUT:
        assert name in everything
        assert ">>> " not in thing(name).__doc__


def test_functions_classes_and_methods_of_a_page_are_found():
    found = shown(
        ".. autofunction:: recsys_lib.data.load\n"
        ".. autoexception:: recsys_lib.data.DataError\n"
        ".. autoclass:: recsys_lib.models.Recommender\n   :members: fit, score\n"
        ".. automodule:: recsys_lib.evaluation.lists\n   :members:\n"
        ".. autoclass:: recsys_lib.data.Split\n   :members:\n"
    )
    models = "recsys_lib.models.Recommender"
    assert found[:4] == ["recsys_lib.data.load", models, f"{models}.fit", f"{models}.score"]
    assert "recsys_lib.evaluation.lists.gini" in found
    assert "recsys_lib.evaluation.lists.check_ids" not in found
    assert found[-1] == "recsys_lib.data.Split"


def test_only_what_hangs_on_the_processor_may_differ_and_only_a_little():
    def passes(want, got):
        return Checker().check_output(want, got, 0)

    assert passes("BinaryMF 0.531\n", "BinaryMF 0.534\n")
    assert not passes("BinaryMF 0.531\n", "BinaryMF 0.541\n")
    assert not passes("BinaryMF 0.531\n", "BinaryMF 0.531 2\n")
    assert not passes("SVD 0.531\n", "SVD 0.534\n")
