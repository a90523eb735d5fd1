"""The experiment with new items: what is hidden, what is chosen, and what is found of a plan."""

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import Interactions, split_items
from recsys_lib.experiments import new_items
from recsys_lib.experiments.contenders import Range

KINDS = ("drum", "flute", "harp")


@pytest.fixture(scope="module")
def shop() -> Interactions:
    """60 things of three kinds; everybody likes one kind, which the title names."""
    rng = np.random.default_rng(0)
    events = [
        (user, item)
        for user in range(90)
        for item in rng.permutation(np.arange(20) * 3 + user % 3)[:8].tolist()
    ]
    frame = pd.DataFrame(events, columns=["user", "item"]).assign(timestamp=range(len(events)))
    titles = [f"{KINDS[i % 3]} number{i % 7}" for i in range(60)]
    items = pd.DataFrame({"title": titles}, index=np.arange(60))
    return Interactions.from_frame(frame, time_unit="s", items=items)


@pytest.fixture
def small(monkeypatch):
    """A search of a few trials in which only titles are read."""

    def in_turn(units, function, parts, *context):
        return [function(*context, *part) for part in parts]

    monkeypatch.setattr(new_items.Units, "each", in_turn)  # processes take longer than the models
    monkeypatch.setattr(new_items, "TRIALS", 6)
    monkeypatch.setattr(new_items, "FOLDS", range(3))
    monkeypatch.setattr(new_items, "SEEDS", range(2))
    monkeypatch.setattr(new_items, "STEPS", 2)
    monkeypatch.setattr(new_items, "COUNTS", (0, 2))
    monkeypatch.setattr(new_items, "TEST_AFTER", 2)
    monkeypatch.setattr(new_items, "COLUMNS", {"title": ("title",)})
    narrow = {"factors": Range(4, 8, whole=True), "epochs": Range(3, 6, whole=True)}
    narrow |= {"columns": ("title",), "learning_rate": Range(0.05, 0.3)}
    for kind in ("SPACES", "KNOWN_SPACES"):
        spaces = {
            name: {k: narrow.get(k, v) for k, v in space.items()}
            for name, space in getattr(new_items, kind).items()
            if name != "neighbors"
        }
        monkeypatch.setattr(new_items, kind, spaces)


def test_what_the_words_name_is_found_and_the_ends_are_where_they_should_be(shop, small):
    chosen = new_items.search(shop)
    assert set(chosen["settings"]) == {*new_items.SPACES, "hybrid", *new_items.KNOWN_SPACES}
    assert len(chosen["models"]["map"]["trials"]) == 6
    with_more = [t for t in chosen["models"]["map"]["trials"] if len(t["ndcg@10"]) == 2 * 3]
    assert len(with_more) == 1  # the best quarter: two seeds on three folds
    mixes = {tuple(mix["weights"]): mix["ndcg@10"] for mix in chosen["mixes"]}
    assert len(mixes) == 6  # of three models in steps of a half
    assert mixes[tuple(chosen["settings"]["hybrid"]["weights"])] == max(mixes.values())
    alone = np.mean(chosen["models"]["Content"]["trials"][0]["ndcg@10"])
    assert mixes[1, 0, 0] == pytest.approx(alone, abs=0.01)  # but for ties

    found = new_items.run(shop, chosen)
    reached = {name: one["among new"]["ndcg@10"]["mean"] for name, one in found["models"].items()}
    assert reached["Content"] > reached["chance"] + 0.2
    assert reached["map"] > reached["chance"] + 0.2
    assert len(found["models"]["map"]["among new"]["folds"]["hr@10"]["values"]) == 3
    assert "Content" in "".join(found["pairs"]["among new"])

    for name in new_items.KNOWN_SPACES:
        assert found["known"]["models"][name]["ndcg@10"]["mean"] > 0.1
    none, two = (point["models"] for point in found["curve"])
    assert none["iALS"]["ndcg@10"]["mean"] < none["Content"]["ndcg@10"]["mean"] - 0.2
    assert two["iALS"]["ndcg@10"]["mean"] > none["iALS"]["ndcg@10"]["mean"] + 0.1
    assert [*found["curve"][0]["pairs"]] == ["FeatureMF - iALS", "iALS - Content"]

    again = new_items.quick(found, shop, chosen)["models"]["Content"]["among new"]["folds"]
    first = found["models"]["Content"]["among new"]["folds"]
    for metric in ("hr@10", "ndcg@10"):
        assert again[metric]["values"][0] == first[metric]["values"][0]


def test_the_search_sees_nothing_of_the_test(shop, small, monkeypatch):
    """The tested fold may say what it likes: what is measured on validation stays the same."""
    setting = {"columns": "title", "factors": 4, "unobserved_weight": 0.1, "epochs": 3}
    setting |= {"regularization": 0.01, "frequency_power": 0.5, "ridge": 1.0, "ridge_power": 0.0}
    before = new_items._validated(shop, "map", setting, 0, 0)
    split = split_items(shop, 0, 3)
    kept = shop.select(~np.isin(shop.item, np.unique(split.test.item)[:3]))
    assert new_items._validated(kept, "map", setting, 0, 0) == before


def test_the_hybrid_is_the_mean_of_its_models_on_one_scale():
    class Fixed:
        def __init__(self, scores):
            self.scores = np.array(scores, dtype=float)

        def score(self, users):
            return self.scores[users]

    two = Fixed([[1, 2, 3]]), Fixed([[300, 100, 200]])
    half = new_items.Hybrid(two, (0.5, 0.5))._score(np.array([0]))
    a = np.sqrt(1.5)
    np.testing.assert_allclose(half, [[(-a + a) / 2, (0 - a) / 2, (a + 0) / 2]], atol=1e-12)
    level = new_items.Hybrid((Fixed([[7, 7, 7]]), two[1]), (0.5, 0.5))._score(np.array([0]))
    np.testing.assert_allclose(level, [[a / 2, -a / 2, 0]], atol=1e-12)
