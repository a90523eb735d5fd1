"""The experiments with order: what is shuffled, what is asked, and what is found of a plan."""

import json
from dataclasses import replace

import numpy as np
import pytest

from recsys_lib.data import Interactions, histories, leave_last_out
from recsys_lib.evaluation import evaluate, sample_candidates
from recsys_lib.experiments import order, order_million, order_search, search
from recsys_lib.experiments.contenders import Contender, Range, made
from recsys_lib.experiments.order import (
    first_alone,
    in_the_same_second,
    measured,
    recent_users,
    users_without_tie,
    ways,
)
from recsys_lib.experiments.order_million import read_on
from recsys_lib.experiments.order_search import (
    CONTROL,
    Bounded,
    ShuffledBag,
    ShuffledSASRec,
    bounded,
)
from recsys_lib.experiments.protocol import YEAR, paper_split
from recsys_lib.experiments.search import settings_at
from recsys_lib.experiments.units import Units
from recsys_lib.models import Bag, GRU4Rec, Markov, SASRec

from toy import in_order

DAY = 86_400_000
N_ITEMS, N_USERS = 60, 90
SETTING = {"factors": 16, "learning_rate": 0.02, "dropout": 0.1, "batch_size": 128}
SPACE = {
    "loss": ("softmax",),
    "factors": (16,),
    "dropout": (0.1,),
    "batch_size": (128,),
    "learning_rate": Range(0.01, 0.03),
}
NETWORKS = {
    name: Contender(kind, SPACE, 12, 12)
    for name, kind in (("SASRec", SASRec), (CONTROL, ShuffledSASRec))
}
COUNTED = {name: order_search.CONTENDERS[name] for name in ("Decay", "Markov")}
CHAPTER_10 = {"settings": {"iALS": {"factors": 8, "regularization": 1.0, "epochs": 3}}}
PAIRS = [("SASRec", CONTROL), ("SASRec", "iALS"), ("Markov", CONTROL)]


def a_day_each(items_of_users):
    """Histories of which every event has a day of its own, one user after the other."""
    events = in_order(items_of_users, N_ITEMS)
    return replace(events, timestamp=events.timestamp * DAY, time_unit="ms")


def walks() -> Interactions:
    """Everybody goes around one circle from where they are; who does not know the way may be wrong.

    The two ends of a walk look alike to all who know no order: what comes next is next to one of
    them.
    """
    starts = np.random.default_rng(0).integers(0, N_ITEMS, N_USERS)
    return a_day_each([[(start + step) % N_ITEMS for step in range(9)] for start in starts])


def bags() -> Interactions:
    """Everybody takes ten items of one third, in an order of chance."""
    rng = np.random.default_rng(0)
    return a_day_each([rng.permutation(20)[:10] + 20 * (user % 3) for user in range(N_USERS)])


def in_turn(units, function, parts, *context):
    """Do the parts without processes, which take longer than these parts."""
    return [units.do(function, context, part) for part in parts]


def make_small(patch):
    """Search and test few and small models in few trials."""
    patch.setattr(Units, "each", in_turn)
    patch.setattr(search, "SEEDS", range(2))
    patch.setattr(order_search, "TRIALS", 3)
    patch.setattr(order_search, "TRIALS_OF_A_LOSS", 3)
    for module in (order, order_search):
        patch.setattr(module, "CONTENDERS", COUNTED | NETWORKS)
        patch.setattr(module, "LOSSES", {"softmax": Contender(Markov, COUNTED["Markov"].space)})
    patch.setattr(order, "REFERENCES", ("iALS",))
    patch.setattr(order, "PAIRS", PAIRS)
    patch.setattr(order, "DECISIVE", PAIRS[:1])


@pytest.fixture
def small(monkeypatch):
    make_small(monkeypatch)


def never(function):
    """Return what fails if it is called, under the name by which parts are kept."""

    def called(*_, **__):
        raise AssertionError("this part was there")

    called.__module__, called.__name__ = function.__module__, function.__name__
    return called


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """What is found of the walks, twice, the second time from what the first has left."""
    folder, ratings = tmp_path_factory.mktemp("units"), walks()
    candidates, found = sample_candidates(paper_split(ratings), 99), {}
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        for time in ("first", "again"):
            chosen = order_search.run(ratings, Units(folder, "v1"))
            given = ratings, candidates, chosen, CHAPTER_10
            found[time] = chosen, order.run(*given, range(3), Units(folder, "v1"))
            patch.setattr(search, "_trial", never(search._trial))
            patch.setattr(order, "_tested", never(order._tested))
        patch.undo()
        make_small(patch)
        found["quick"] = order_search.quick(chosen, ratings), order.quick(found["again"], *given)
    return found


# --------------------------------------------------------------------------------- what is found


def test_planted_order_is_found_and_the_shuffled_model_misses_it(planted):
    """What comes next, that is: what comes after it is near the end of the walk for both."""
    _, found = planted["first"]
    for way in ("next, full", "next, sampled"):
        row = found["pairs"][way][f"SASRec - {CONTROL}"]["ndcg@10"]
        assert row["low"] > 0.05, way
    assert found["models"]["Markov"]["next, full"]["ndcg@10"]["mean"] > 0.95
    assert found["models"]["SASRec"]["next, full"]["ndcg@10"]["mean"] > 0.9


def test_what_is_recorded_has_its_shape(planted):
    chosen, found = planted["first"]
    assert set(chosen) == {"spaces", "lengths", "models", "settings", "losses"}
    assert set(chosen["losses"]) == {"spaces", "lengths", "models", "settings"}
    assert len(chosen["models"]["SASRec"]["trials"]) == 3
    assert set(found) == {"models", "pairs", "recent", "old"}
    named = {"Popularity", "Popularity of the year", "iALS", *COUNTED, *NETWORKS, "softmax"}
    assert set(found["models"]) == named
    asked = {"sampled", "full", "next, sampled", "next, full"}
    for name in NETWORKS:
        assert set(found["models"][name]) == {*asked, "seeds", "training_seconds"}
        seeds = found["models"][name]["seeds"]["full"]["hr@10"]["values"]
        assert found["models"][name]["full"]["hr@10"]["mean"] == pytest.approx(np.mean(seeds))
    assert set(found["models"]["Decay"]) == asked
    assert set(found["pairs"]) == asked
    assert list(found["pairs"]["full"]) == [" - ".join(pair) for pair in PAIRS]
    groups = [found[name] for name in ("recent", "old")]
    assert sum(one["users"] for one in groups) == N_USERS
    for one in groups:
        assert list(one["pairs"]["next, full"]) == [f"SASRec - {CONTROL}"]
        assert one["models"]["full"]["SASRec"]["ndcg@10"]["users"] == one["users"]
    json.dumps([chosen, found], allow_nan=False)


def test_a_run_goes_on_from_its_parts(planted):
    assert json.dumps(planted["again"]) == json.dumps(planted["first"])


def test_the_cheap_parts_come_out_again(planted):
    (chosen, found), (of_search, of_test) = planted["first"], planted["quick"]
    for name, one in of_search["models"].items():
        recorded = chosen["models"][name]["budgets"]["3"]["ndcg@10"]
        assert one["budgets"]["3"]["ndcg@10"][0] == recorded[0]
    assert set(of_search["models"]) == set(of_test["models"]) == {"Decay", "Markov"}
    for name, one in of_test["models"].items():
        assert one == found["models"][name]


def test_nothing_in_the_search_reads_the_test(planted, small):
    """Whatever the last two events of each user are, all trials come out the same."""
    ratings = walks()
    from_end = ratings.user_counts[0] - 1 - np.arange(len(ratings)) % ratings.user_counts[0]
    other = np.where(from_end < 2, (ratings.item + 30) % N_ITEMS, ratings.item)
    poisoned = replace(ratings, item=other)
    before, after = (paper_split(one) for one in (ratings, poisoned))
    np.testing.assert_array_equal(before.train.item, after.train.item)
    assert not np.isin(before.test._keys(), after.test._keys()).any()
    found = order_search.run(poisoned, Units())
    assert json.dumps(found) == json.dumps(planted["first"][0])


def test_where_there_is_no_order_the_model_gains_nothing_from_it(small):
    split = paper_split(bags())
    asked = {"full": (split, None)}
    setting = {**SETTING, "dropout": 0.5, "epochs": 6}
    found, tables = measured(
        {name: setting for name in ("SASRec", CONTROL)}, asked, NETWORKS, range(3), Units()
    )
    row = order.compared(tables, [("SASRec", CONTROL)])["full"][f"SASRec - {CONTROL}"]["ndcg@10"]
    assert row["low"] < 0 < row["high"]
    chance = 2 * 10 / 52  # of the two of a list of ten out of those that are left
    assert found["SASRec"]["full"]["hr@10"]["mean"] > chance + 0.2  # and it has learned the thirds


# ------------------------------------------------------------------------------ the shuffled model


def by_user(model):
    return np.split(model.events_, model.offsets_[1:-1])


@pytest.mark.parametrize(("true", "control"), [(SASRec, ShuffledSASRec), (Bag, ShuffledBag)])
def test_the_shuffled_model_has_the_same_pairs_in_another_order(true, control):
    train = walks()
    given = {**SETTING, "epochs": 1}
    ordered, one, other = (
        by_user(kind(**given, seed=seed).fit(train))
        for kind, seed in ((true, 0), (control, 0), (control, 1))
    )
    for items, shuffled, again in zip(ordered, one, other, strict=True):
        assert sorted(items) == sorted(shuffled) == sorted(again)
    moved = [np.mean(np.concatenate(ordered) != np.concatenate(each)) for each in (one, other)]
    assert min(moved) > 0.8  # of nine, one in nine stays where it is
    assert np.mean(np.concatenate(one) != np.concatenate(other)) > 0.8
    assert train.timestamp.tolist() == walks().timestamp.tolist()


def test_a_wide_network_is_trained_for_so_many_multiplications():
    sasrec = SASRec(factors=10, blocks=2)
    assert order_search.multiplications(sasrec, 1000) == 2 * 5 * 100 + 1000 * 10
    assert order_search.multiplications(ShuffledSASRec(10, blocks=2), 1000) == 11_000
    assert order_search.multiplications(Bag(10, blocks=3), 1000) == 3 * 2 * 100 + 1000 * 10
    assert order_search.multiplications(ShuffledBag(10, blocks=3), 1000) == 3 * 2 * 100 + 1000 * 10
    assert order_search.multiplications(GRU4Rec(10, blocks=1), 1000) == 6 * 100 + 1000 * 10
    few = {"factors": 10, "blocks": 1, "n_negatives": 9}
    sampled = SASRec(**few, loss="sampled softmax")
    assert order_search.multiplications(sampled, 1000) == 500 + 10 * 10
    looked_up = SASRec(**few, loss="bce")
    assert order_search.multiplications(looked_up, 1000) == 500 + order_search.LOOKED_UP * 100

    train = in_order([range(5), range(3), [7], []], 9)  # 4 samples and 2
    kinds = bounded(order_search.CONTENDERS, train)
    assert kinds["SASRec"].kind == Bounded(SASRec, 6, 9)
    assert kinds["Markov"] is order_search.CONTENDERS["Markov"]
    wide, narrow = (Bounded(SASRec, 10**6, 1000)(factors=n, epochs=80) for n in (256, 4))
    assert narrow.epochs == 80
    expected = order_search.MOST / (3e6 * (5 * 256**2 + 1000 * 256))
    assert wide.epochs == max(1, int(expected)) < 80
    assert Bounded(SASRec, 10**9, 1000)(factors=256, epochs=80).epochs == 1


@pytest.mark.parametrize("of", ["search", "losses", "films"])
def test_every_setting_that_may_be_tried_makes_a_model(of):
    """In the middle of a range, at its ends, and as far beyond as a small change leads."""
    contenders = {
        "search": order_search.CONTENDERS,
        "losses": order_search.LOSSES,
        "films": order.OF_FILMS,
    }[of]
    for name, one in contenders.items():
        shares = [
            [
                v.within(at) if isinstance(v, Range) else np.clip(at, 0, 1)
                for v in one.space.values()
            ]
            for at in (-1.0, 0.0, 0.5, 1.0, 2.0)
        ]
        for setting in settings_at(one.space, np.array(shares)):
            if "strength" in setting:  # of iALS, which is tried elsewhere
                continue
            model = made(name, setting, contenders)
            assert model.parameters.items() >= setting.items()


# ----------------------------------------------------------------------------------- what is asked


def by_hand(rows):
    """Interactions of users, items and times in milliseconds."""
    user, item, time = np.array(rows, dtype=np.int64).T
    ids = range(user.max() + 1), range(12)
    return Interactions(user, item, np.ones(len(user)), time, *ids, time_unit="ms")


def test_recent_is_who_came_first_to_the_test_in_the_last_year():
    end = 3 * YEAR
    ratings = by_hand(
        [
            *[(0, 0, 0), (0, 1, end - 9), (0, 2, end)],  # both test events in the last year
            *[(1, 0, 0), (1, 1, end - YEAR - 1), (1, 2, end - 5)],  # the second alone
            *[(2, 0, 0), (2, 1, end - YEAR + 1), (2, 2, end - 6)],
            *[(3, 0, 0), (3, 1, end - YEAR), (3, 2, end - 7)],  # a year ago exactly: before it
            *[(4, 5, end - 8)],  # one event, which is the test
            *[(5, 0, 0), (5, 1, 1), (5, 2, 2)],
        ]
    )
    split = paper_split(ratings)
    assert recent_users(ratings, split).tolist() == [0, 2, 4]


def test_the_first_test_event_alone():
    ratings = by_hand(
        [
            *[(0, 3, 5), (0, 1, 9), (0, 2, 7)],  # in another order than that of time
            *[(1, 4, 5)],
            *[(2, 0, 1), (2, 5, 2), (2, 6, 3), (2, 7, 4)],
        ]
    )
    split = paper_split(ratings)
    first = first_alone(split)
    assert sorted(zip(first.test.user, first.test.item, strict=True)) == [(0, 2), (1, 4), (2, 6)]
    assert first.train is split.train
    asked = ways(split, sample_candidates(split, 5))
    both, one = asked["sampled"][1], asked["next, sampled"][1]
    assert one.positives.tolist() == [[2], [4], [6]]
    np.testing.assert_array_equal(one.negatives, both.negatives)
    model = Markov().fit(split.train)
    for part, candidates in asked.values():
        table = evaluate(model, part, candidates=candidates)
        assert table["n_relevant"].tolist() == ([2, 1, 2] if part is split else [1, 1, 1])


def test_ties_of_one_second():
    ratings = by_hand(
        [
            *[(0, 0, 1), (0, 1, 2), (0, 2, 2)],
            *[(1, 0, 2), (1, 1, 2), (1, 2, 3)],
            *[(2, 0, 4), (2, 1, 5), (2, 2, 6)],
        ]
    )
    assert in_the_same_second(ratings).tolist() == [False, True, True, True, True, *[False] * 4]
    split = leave_last_out(ratings, n_test=1, n_valid=0)
    assert users_without_tie(split).tolist() == [1, 2]


def test_films_are_searched_and_tested(small, monkeypatch):
    ratings = walks()
    tied = replace(ratings, timestamp=ratings.timestamp // (2 * DAY), time_unit="s")
    monkeypatch.setattr(order, "OF_FILMS", {**COUNTED, "SASRec": replace(NETWORKS["SASRec"])})
    monkeypatch.setattr(order, "FILM_PAIRS", [("SASRec", "Markov")])
    monkeypatch.setattr(order, "FILM_TRIALS", 3)
    found = order.films(tied, range(2), Units())
    ties = found["ties"]
    assert (ties["events"], ties["users"]) == (9 * N_USERS, N_USERS)
    # pairs of days: 8 of nine events stand in one, of every second user the first is left over
    assert ties["tied"] == 8 * N_USERS
    assert ties["users with a tied test event"] == N_USERS / 2
    assert found["without ties"]["users"] == N_USERS / 2
    assert list(found["pairs"]) == list(found["without ties"]["pairs"]) == ["sampled", "full"]
    assert len(found["models"]["SASRec"]["trials"]) == 3
    again = order.quick_films(found, tied)["models"]["Markov"]
    assert again == {way: found["models"]["Markov"][way] for way in again}
    json.dumps(found, allow_nan=False)


# -------------------------------------------------------------------------- a million of them


@pytest.fixture
def few_recipes(monkeypatch):
    monkeypatch.setattr(Units, "each", in_turn)
    brief = {**SETTING, "epochs": 14, "patience": 14}
    recipes = {
        "SASRec": replace(order_million.RECIPES["SASRec"], settings=brief),
        CONTROL: replace(order_million.RECIPES[CONTROL], settings={**brief, "epochs": 3}),
        "iALS": replace(order_million.RECIPES["iALS"], settings={"factors": 8, "epochs": 2}),
        "Popularity": order_million.RECIPES["Popularity"],
    }
    monkeypatch.setattr(order_million, "RECIPES", recipes)
    pairs = [("SASRec", CONTROL), ("SASRec", "iALS"), ("iALS", "Popularity")]
    monkeypatch.setattr(order_million, "PAIRS", pairs)


def test_the_recipes_make_models_and_the_pairs_are_of_them():
    for recipe in order_million.RECIPES.values():
        recipe.kind(**recipe.settings)
    assert {name for pair in order_million.PAIRS for name in pair} == set(order_million.RECIPES)


def test_a_million_is_found_from_its_curve_and_measured_in_three_ways(few_recipes):
    ratings = walks()
    found = order_million.run(ratings)
    one = found["models"]["SASRec"]
    assert len(one["curve"]["ndcg@10"]) == 14
    assert one["epoch"] == 1 + int(np.argmax(one["curve"]["ndcg@10"]))
    assert set(found["pairs"]) == {"full", "uniform", "popular"}
    assert found["pairs"]["full"][f"SASRec - {CONTROL}"]["ndcg@10"]["low"] > 0
    assert "curve" not in found["models"]["iALS"]
    json.dumps(found, allow_nan=False)
    again = order_million.quick(found, ratings)["models"]["Popularity"]
    assert again == found["models"]["Popularity"]


def test_at_the_test_the_validation_event_is_read_and_was_not_learned():
    split = leave_last_out(walks(), n_test=1, n_valid=0)
    tuning = leave_last_out(split.train, n_test=0, n_valid=1)
    model = SASRec(**SETTING, epochs=14).fit(tuning.train)
    weights = {name: array.copy() for name, array in model._weights().items()}
    everybody = np.arange(N_USERS)
    for held_out in (tuning.valid, split.test):  # what comes next after what was read
        comes = np.empty(N_USERS, dtype=int)
        comes[held_out.user] = held_out.item
        assert np.mean(model.score(everybody).argmax(axis=1) == comes) > 0.8
        read_on(model, split.train)
    for name, array in model._weights().items():
        np.testing.assert_array_equal(array, weights[name])
    past = histories(split.train)
    np.testing.assert_array_equal(model.events_, past.items)
    control = ShuffledSASRec(**SETTING, epochs=1).fit(tuning.train)
    read_on(control, split.train)
    assert np.mean(control.events_ != past.items) > 0.5
    for mine, theirs in zip(by_user(control), by_user(model), strict=True):
        assert sorted(mine) == sorted(theirs)
