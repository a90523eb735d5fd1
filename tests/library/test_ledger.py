"""The ledger: its verdicts by hand, what is kept and what is run again, and that no row lies."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats

from recsys_lib.data import Interactions
from recsys_lib.evaluation.candidates import Candidates
from recsys_lib.experiments import ledger
from recsys_lib.experiments.ledger import (
    COMES_OUT,
    DOES_NOT,
    ENTRIES,
    EXACT,
    MODELS,
    UNDECIDED,
    Entry,
    judged,
    original_split,
    prediction,
    scatter,
    verdict,
)
from recsys_lib.experiments.units import Units


def test_one_more_run_lies_in_the_interval_as_often_as_it_says():
    rng = np.random.default_rng(0)
    runs = rng.normal(0.7, 0.01, (20_000, 6))
    bounds = [prediction(five.mean(), five.std(ddof=1), 5) for five in runs[:, :5]]
    low, high = np.array(bounds).T
    assert np.mean((low <= runs[:, 5]) & (runs[:, 5] <= high)) == pytest.approx(0.95, abs=0.006)


def test_the_interval_by_hand():
    half = stats.t.ppf(0.975, 2) * 0.01 * np.sqrt(4 / 3)
    assert prediction(0.7, 0.01, 3) == pytest.approx((0.7 - half, 0.7 + half))
    half = stats.t.ppf(0.975, 4) * 0.01 * np.sqrt(1 / 10 + 1 / 5)
    assert prediction(0.7, 0.01, 5, runs=10) == pytest.approx((0.7 - half, 0.7 + half))
    assert prediction(0.7, 0.0, 1) == pytest.approx((0.7 - EXACT, 0.7 + EXACT))


@pytest.mark.parametrize(
    ("printed", "low", "high", "said"),
    [
        (0.7, 0.69, 0.71, COMES_OUT),
        (0.7104, 0.69, 0.71, COMES_OUT),  # the print is rounded
        (0.7106, 0.69, 0.71, DOES_NOT),
        (0.6, 0.69, 0.71, DOES_NOT),
        (0.7, 0.6, 0.8, UNDECIDED),  # anything would lie in it
        (0.5, 0.6, 0.8, DOES_NOT),  # and yet this does not
    ],
)
def test_a_verdict(printed, low, high, said):
    assert verdict(printed, low, high, wide=0.04) == said


def test_what_is_not_printed_has_no_verdict():
    found = judged({"hr@10": 0.5}, {m: scatter([0.5, 0.5]) for m in ("hr@10", "ndcg@10")})
    assert found["hr@10"]["verdict"] == COMES_OUT
    assert "verdict" not in found["ndcg@10"]
    assert "printed" not in found["ndcg@10"]


def test_what_does_not_come_out_of_unknown_settings_is_undecided():
    ours = {"hr@10": scatter([0.5, 0.5])}
    assert judged({"hr@10": 0.9}, ours)["hr@10"]["verdict"] == DOES_NOT
    assert judged({"hr@10": 0.9}, ours, known=False)["hr@10"]["verdict"] == UNDECIDED
    assert judged({"hr@10": 0.5}, ours, known=False)["hr@10"]["verdict"] == COMES_OUT


def test_networks_start_and_step_as_their_recipes_say():
    cells = [(u, i) for u in range(6) for i in range(u + 2)]
    user, item = np.array(cells).T
    n = len(user)
    train = Interactions(user, item, np.ones(n), np.arange(n), range(6), range(9), time_unit="s")
    small = {"factors": 3, "layers": (8, 4), "epochs": 1, "seed": 0}
    for name, optimizer in (("NeuMF", torch.optim.Adam), ("NeuMF, pretrained", torch.optim.SGD)):
        model = MODELS[name].kind(**{**MODELS[name].settings, **small})
        assert type(model._start(train).optimizer) is optimizer
        output = model.network_.output
        assert output.weight.abs().max() <= np.sqrt(3 / output.in_features)
        assert not output.bias.any()


def test_the_split_is_what_the_candidates_hold_out():
    user, item = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 0])
    ratings = Interactions(user, item, np.ones(5), np.arange(5), range(3), range(4), time_unit="s")
    lists = Candidates(*(np.array(a, dtype=np.int32) for a in ([0, 1], [[1], [1]], [[3], [3]])))
    split = original_split(ratings, lists)
    assert list(zip(split.test.user, split.test.item, strict=True)) == [(0, 1), (1, 1)]
    assert len(split.train) == 3
    assert len(split.valid) == 0


def test_every_entry_has_a_recipe_and_a_name_of_its_own():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        recipe = MODELS[entry.model]
        recipe.kind(**recipe.settings)
        assert (entry.seeds == 1) == ("epochs" not in recipe.settings), entry.name
        for half in recipe.halves or ():
            assert MODELS[half].settings["epochs"] > 0


@pytest.fixture
def small(monkeypatch):
    """A ledger of two counted models on a small set; how often each was run."""
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, 30 * 40, 400))
    user, item = np.divmod(cells, 40)
    n = len(cells)
    ratings = Interactions(
        user, item, np.ones(n), np.arange(n), range(30), range(40), time_unit="s"
    )
    people = np.unique(user)
    last = np.array([[item[user == u][-1]] for u in people])
    others = np.array([np.setdiff1d(np.arange(40), item[user == u])[:9] for u in people])
    lists = Candidates(people.astype(np.int32), last.astype(np.int32), others.astype(np.int32))
    runs = []

    def counted(*given):
        runs.append(given[-2:])
        return real(*given)

    real = ledger._run
    monkeypatch.setattr(ledger, "_run", counted)
    monkeypatch.setattr(Units, "each", lambda self, f, parts, *c: [f(*c, *p) for p in parts])
    entries = tuple(one for one in ENTRIES if one.name in ("Popularity", "ItemKNN"))
    monkeypatch.setattr(ledger, "ENTRIES", entries)
    monkeypatch.setattr(ledger, "_of_the_paper", lambda *given: [])
    return ratings, lists, runs


def test_a_new_entry_is_run_and_the_others_are_kept(small, monkeypatch):
    ratings, lists, runs = small
    first = ledger.run(ratings, lists, {}, {})
    assert [row["name"] for row in first["rows"]] == ["Popularity", "ItemKNN"]
    assert first["rows"][1]["chosen by validation"]["n_neighbors"] in (20, 50, 100, 200, 400, 800)
    runs.clear()
    assert ledger.run(ratings, lists, {}, {}, before=first) == first
    assert runs == []
    other = Entry("EASE, once more", "nobody", {"hr@10": 0.99}, "not said", "EASE", seeds=1)
    monkeypatch.setattr(ledger, "ENTRIES", (*ledger.ENTRIES, other))
    more = ledger.run(ratings, lists, {}, {}, before=first)
    assert runs == [("EASE", 0)]
    assert more["rows"][:2] == first["rows"]
    # with another penalty, which is not printed, it might
    assert more["rows"][2]["metrics"]["hr@10"]["verdict"] == UNDECIDED


def test_a_changed_recipe_or_figure_is_run_again(small, monkeypatch):
    ratings, lists, runs = small
    first = ledger.run(ratings, lists, {}, {})
    runs.clear()
    changed = dataclasses.replace(ledger.ENTRIES[0], printed={"hr@10": 0.1})
    monkeypatch.setattr(ledger, "ENTRIES", (changed, ledger.ENTRIES[1]))
    again = ledger.run(ratings, lists, {}, {}, before=first)
    assert runs == [("Popularity", 0)]
    assert again["rows"][0]["metrics"]["hr@10"]["printed"] == 0.1


def test_pretrained_halves_are_those_of_the_same_seed(small, monkeypatch):
    ratings, lists, _ = small
    small_ones = {
        name: dataclasses.replace(
            MODELS[name],
            settings={
                **MODELS[name].settings,
                **({"layers": (8, 4)} if name != "GMF" else {}),
                **({"factors": 3} if name != "MLP" else {}),
                "epochs": 2,
            },
        )
        for name in ("GMF", "MLP", "NeuMF, pretrained")
    }
    monkeypatch.setattr(ledger, "MODELS", small_ones)
    entries = (Entry("p", "nobody", {}, "on test", "NeuMF, pretrained", at=ledger.BEST, seeds=2),)
    monkeypatch.setattr(ledger, "ENTRIES", entries)
    (row,) = ledger.run(ratings, lists, {}, {})["rows"]
    assert len(row["metrics"]["hr@10"]["values"]) == 2
    assert all(1 <= epoch <= 3 for epoch in row["epochs"])  # the start is the first
    assert row["halves"]["MLP"]["layers"] == [8, 4]
