"""The parts of the recorded experiments that are no model, metric or split of the library."""

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Interactions, Split, leave_last_out
from recsys_lib.evaluation import evaluate, watching
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.evaluation.ratings import (
    compare_ratings,
    evaluate_ratings,
    mean_errors,
    rating_error,
)
from recsys_lib.experiments import bmf, choices, dot_product, evaluation, networks, ratings
from recsys_lib.experiments.contenders import fitted, halves, made
from recsys_lib.experiments.networks import Mean
from recsys_lib.experiments.published import FABRICATED, PublishedMLP, as_published
from recsys_lib.experiments.svd import Truncated
from recsys_lib.experiments.units import Units
from recsys_lib.models import MF, MLP, Biases, BinaryMF
from recsys_lib.models.als import solve_side
from recsys_lib.results import recorded

from toy import fixed, split_of, watch_on

SHAPE = 3, 12


@pytest.fixture
def split():
    return split_of([(2, 0), (0, 3)], [], [(u, i) for u in (0, 1) for i in (1, 11)], SHAPE)


def lists(positives):
    """Candidates of two users: ten negatives, and one or two positives."""
    negatives = [[0, *range(2, 11)]] * 2
    return Candidates(*(np.array(a, dtype=np.int32) for a in ([0, 1], positives, negatives)))


def test_the_paper_counts_ties_against_the_positives(split):
    """A model that says the same of everything finds nothing; in expectation it finds much."""
    constant = fixed(np.zeros(SHAPE), split)
    counted = as_published(constant, lists([[11, -1], [11, -1]]))
    np.testing.assert_array_equal(counted["hr@10"], 0)
    fair = as_published(constant, lists([[11, -1], [11, -1]]), fair_ties=True)  # two of twelve
    np.testing.assert_allclose(fair["hr@10"], 1 - (2 / 12) * (1 / 11))


def test_the_paper_gives_users_with_one_positive_a_second_one(split):
    scores = np.zeros(SHAPE)
    scores[:, FABRICATED] = 1
    counted = as_published(fixed(scores, split), lists([[11, -1], [11, 1]]))
    np.testing.assert_array_equal(counted["hr@10"], 1)
    np.testing.assert_allclose(counted["recall@10"], 1 / 2)
    np.testing.assert_allclose(counted["ndcg@10"], 1 / (1 + 1 / np.log2(3)))


def test_without_ties_and_with_both_positives_the_paper_counts_as_we_do(split):
    model = fixed(np.random.default_rng(0).permutation(36).reshape(SHAPE), split)
    candidates = lists([[11, 1], [11, 1]])
    ours = evaluate(model, split, candidates=candidates)
    theirs = as_published(model, candidates)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs)
    assert theirs.columns.tolist() == ours.columns.tolist()[: len(theirs.columns)]


def test_published_networks_start_as_torch_has_them_and_ours_do_not(split):
    given = {"layers": (64, 8), "learning_rate": 0.0, "epochs": 1, "init_scale": 1.0}
    weights = {
        kind: kind(**given).fit(split.train).network_.tower.layers[0].weight.detach().numpy()
        for kind in (PublishedMLP, MLP)
    }
    bound = 64**-0.5  # PyTorch's own: uniform between -1/sqrt(n) and 1/sqrt(n)
    assert abs(weights[PublishedMLP]).max() <= bound
    assert abs(weights[MLP]).max() > bound


def test_the_mean_of_two_models(split):
    one, other = (fixed(np.full(SHAPE, x), split) for x in (1.0, 4.0))
    mean = Mean((one, other)).fit(split.train)
    np.testing.assert_array_equal(mean.score([0, 2]), np.full((2, SHAPE[1]), 2.5))
    np.testing.assert_array_equal(mean.score_items([1], [[3, 4]]), [[2.5, 2.5]])
    more = Mean((one, other), share=0.25).fit(split.train)
    np.testing.assert_array_equal(more.score([1]), np.full((1, SHAPE[1]), 0.25 * 1 + 0.75 * 4))


def test_random_arrows_have_dot_products_of_variance_one():
    x, y = dot_product.pairs(50_000, 8, np.random.default_rng(0))
    p, q = x.numpy()[:, :8], x.numpy()[:, 8:]
    np.testing.assert_allclose(y.numpy(), np.einsum("nf,nf->n", p, q) / 8**0.5, atol=1e-5)
    assert float(y.var()) == pytest.approx(1, abs=0.03)


def test_a_tower_learns_a_dot_product_in_part_and_better_from_more_examples():
    few, many = (dot_product.learn(4, n, seed=0, steps=300) for n in (100, 20_000))
    assert 0.1 < many < few
    assert many < 0.6


def test_a_relative_difference_that_stays_is_no_change_and_one_that_turns_is():
    users = pd.Index(range(40), name="user")
    rng = np.random.default_rng(0)

    def results(worth):
        columns = {"hr@10": worth + rng.normal(0, 0.01, 40), "ndcg@10": np.full(40, worth)}
        return [pd.DataFrame(columns, users)]

    tables = {
        "sampled": {"A": results(0.6), "B": results(0.4)},  # A ahead by 40 % of their mean
        "full": {"A": results(0.2), "B": results(0.3)},  # B ahead by as much
    }
    change = evaluation._change(tables)
    assert change["ndcg@10"]["A - B"]["difference"] == pytest.approx(-0.8)
    assert change["hr@10"]["A - B"]["high"] < -0.7
    tables["full"] = {name: [one / 4 for one in parts] for name, parts in tables["sampled"].items()}
    same = evaluation._change(tables)["hr@10"]["A - B"]
    assert same["difference"] == pytest.approx(0)
    assert same["p_value"] == 1


def test_at_full_rank_the_unknown_cells_are_tied_and_the_known_are_as_given():
    rng = np.random.default_rng(0)
    table = np.where(rng.random((40, 30)) < 0.2, rng.integers(1, 6, (40, 30)), 0).astype(float)
    decomposed = np.linalg.svd(table, full_matrices=False)
    train = split_of([(0, 0)], [], [], table.shape).train
    users = np.arange(40)
    full = Truncated(*decomposed, k=30).fit(train).score(users)
    np.testing.assert_array_equal(full, table)
    u, s, vt = decomposed
    few = Truncated(*decomposed, k=3).fit(train).score(users)
    np.testing.assert_allclose(few, (u[:, :3] * s[:3]) @ vt[:3], atol=1e-6)


@pytest.fixture
def stars():
    """Ratings of 40 users, each with six or more, of which the last two are the test."""
    rng = np.random.default_rng(0)
    user, item = np.nonzero(rng.random((40, 20)) < 0.5)
    rating = np.clip(np.rint(3 + rng.normal(size=40)[user] + rng.normal(size=20)[item]), 1, 5)
    every = Interactions(
        user, item, rating, rng.permutation(len(user)), range(40), range(20), time_unit="s"
    )
    return leave_last_out(every, n_test=2, n_valid=1)


def errors_of(stars, *models):
    return [evaluate_ratings(model.fit(stars.train), stars) for model in models]


def test_ratings_of_one_seed_are_compared_as_the_library_compares_them(stars):
    model, base = errors_of(stars, MF(4, epochs=20)), errors_of(stars, Biases())
    found = compare_ratings(model, base)
    pd.testing.assert_frame_equal(found, compare_ratings(model[0], base[0]))


def test_other_seeds_widen_the_interval_and_the_difference_is_that_of_the_mean_errors(stars):
    model = errors_of(stars, *(MF(4, epochs=20, init_scale=1.0, seed=seed) for seed in range(3)))
    base = errors_of(stars, Biases())
    mean = mean_errors(model)
    squared = np.mean([one["squared_error"].sum() for one in model])
    assert rating_error(mean) == pytest.approx((squared / len(stars.test)) ** 0.5)
    found, users = compare_ratings(model, base), compare_ratings(mean, base[0])
    np.testing.assert_allclose(found["difference"], users["difference"])
    assert (found["low"] < users["low"]).all()
    assert (found["high"] > users["high"]).all()
    assert (found["p_value"] > users["p_value"]).all()


def test_tables_that_do_not_belong_together_are_refused(stars):
    one, other = errors_of(stars, MF(4, epochs=5), Biases())
    turned, fewer = one.iloc[::-1], one.assign(n_ratings=one["n_ratings"] + 1)
    for tables, baseline, what in (
        ([one, turned], [other], "table 1 is not"),
        ([one], [turned], "baseline is not"),
        ([one], [fewer], "baseline is not"),
    ):
        with pytest.raises(DataError, match=f"the same ratings of the same users; {what}"):
            compare_ratings(tables, baseline)
    with pytest.raises(DataError, match="tables is empty: give one table, or one for each seed"):
        compare_ratings([], other)


def test_a_setting_is_judged_by_its_mean_over_seeds_each_at_its_best_epoch(stars, monkeypatch):
    setting = {"factors": 2, "regularization": 0.05}
    monkeypatch.setattr(ratings, "MOST_EPOCHS", 40)
    monkeypatch.setattr(ratings, "PATIENCE", 5)
    seeds = ratings.TUNING_SEEDS
    runs = [ratings._trained(stars, "MF with biases", setting, seed) for seed in seeds]
    found = ratings.mean_at_best_epoch(setting, runs)
    best = []
    for seed in seeds:
        model = MF(**setting, epochs=40, patience=5, seed=seed).fit(
            stars.train, watch=watch_on(stars.train, stars.valid)
        )
        errors = model.history_["valid_rmse"]
        best.append((errors.min(), errors.idxmin() + 1))
    assert found["rmse"] == pytest.approx(np.mean([error for error, _ in best]))
    assert found["epochs"] == np.median([epoch for _, epoch in best])
    worse = {**setting, "rmse": 9.0, "mae": 0.0}
    assert ratings.best_of([worse, found]) == {**setting, "epochs": found["epochs"]}


@pytest.fixture
def small_grids(monkeypatch):
    """Few settings, and trainings of a few epochs."""
    monkeypatch.setattr(ratings, "STRENGTHS", (0.0, 2.0))
    monkeypatch.setattr(ratings, "SVD_FACTORS", (1, 2))
    grid = {"factors": (1, 2), "learning_rate": (0.01,), "regularization": (0.1,)}
    monkeypatch.setattr(ratings, "MF_GRID", grid)
    als = [({"factors": (k,), "regularization": (0.2,)}, sweeps) for k, sweeps in ((1, 3), (4, 2))]
    monkeypatch.setattr(ratings, "ALS_GRIDS", als)
    monkeypatch.setattr(ratings, "MOST_EPOCHS", 3)


def never(*_, **__):
    raise AssertionError("this part was there")


def test_the_search_of_rating_models_goes_on_from_its_parts(
    stars, small_grids, tmp_path, monkeypatch
):
    settings, trials = ratings._tune_all(stars, Units(tmp_path, "v1"))
    assert list(trials) == [name for name in ratings.KINDS if name != "Global mean"]
    assert settings.keys() == ratings.KINDS.keys()
    for name, tried in trials.items():
        alone = ratings.best_of(tried)
        assert settings[name].items() >= alone.items()
    assert [trial["factors"] for trial in trials["ALS"]] == [1, 4]
    assert ratings._longest("ALS", {"factors": 4}) == {"epochs": 2}
    monkeypatch.setattr(ratings, "at_best_epoch", never)
    monkeypatch.setattr(ratings, "judged", never)
    assert repr(ratings._tune_all(stars, Units(tmp_path, "v1"))) == repr((settings, trials))
    with pytest.raises(AssertionError) as caught:
        ratings._tune_all(stars, Units())
    assert "part ratings.judged(name='User biases', setting={'regular" in caught.value.__notes__[0]


@pytest.fixture
def events():
    """A split to tune on: enough products for 99 negatives."""
    rng = np.random.default_rng(0)
    cells = [(u, i) for u in range(30) for i in rng.permutation(150)[:8]]
    return split_of(cells[0::2], cells[1::8], [], (30, 150))


SETTINGS = {
    "EASE": {"regularization": 5.0},
    "BinaryMF": {"factors": 4, "learning_rate": 0.05, "epochs": 2},
    "GMF": {"factors": 4, "epochs": 1},
    "MLP": {"tower": 4, "epochs": 2},
    "NeuMF": {"factors": 4, "tower": 4, "epochs": 1},
    "NeuMF, pretrained": {"factors": 4, "tower": 4, "alpha": 0.3, "epochs": 1},
}
TRIED = {
    "BinaryMF": {"strength": 0.1, "frequency_power": 0.5, "n_negatives": 2, "biases": True}
    | {"factors": 4, "learning_rate": 0.05, "init_scale": 0.1},
    "MLP": {"tower": 4, "learning_rate": 0.01, "regularization": 1.0, "weight_decay": 0.1}
    | {"batch_size": 64, "n_negatives": 2, "init_scale": 0.1},
}


def test_halves_are_the_chosen_ones_with_the_same_seed(events):
    model = fitted("NeuMF, pretrained", SETTINGS, events.train, 3)
    alone = {name: fitted(name, SETTINGS, events.train, 3) for name in ("GMF", "MLP")}
    assert alone["MLP"].layers == (8, 4, 2, 1)
    assert [alone["GMF"].epochs, alone["MLP"].epochs, model.seed] == [1, 2, 3]
    started = made("NeuMF, pretrained", SETTINGS["NeuMF, pretrained"], learning_rate=0.0, seed=3)
    started.fit(events.train, **halves(SETTINGS, events.train, 3))
    users = np.arange(30)
    parts = [alone[name].score(users) for name in ("GMF", "MLP")]
    expected = 0.3 * parts[0] + 0.7 * parts[1]
    np.testing.assert_allclose(started.score(users), expected, atol=1e-4)


def test_a_hyperparameter_is_moved_alone_and_its_curves_are_means_over_seeds(events, monkeypatch):
    monkeypatch.setattr(bmf, "CURVE", 3)
    monkeypatch.setattr(bmf, "MOVED", {"regularization": (0.0, 2.0), "n_negatives": (1,)})
    setting = {**SETTINGS["BinaryMF"], "regularization": 0.1}
    moved = bmf._moved(setting, events, range(2), Units())
    watch = watching(events, sample_candidates(events, 99, on="valid", seed=0))
    for name, place, value in (("regularization", 1, 0.2), ("n_negatives", 0, 1)):
        given = {**setting, "epochs": 3, name: value}
        runs = [BinaryMF(**given, seed=s).fit(events.train, watch=watch) for s in range(2)]
        row = moved[name][place]
        assert row["value"] == bmf.MOVED[name][place]
        for column in ("loss", "valid_loss", "valid_ndcg@10"):
            mean = np.mean([run.history_[column] for run in runs], axis=0)
            np.testing.assert_allclose(row[column], mean, atol=1e-5)


def test_means_of_two_networks_go_from_the_one_to_the_other(events):
    runs = networks._pretraining(SETTINGS, events, range(2), Units())
    shares, means = runs["shares"], runs["means"]
    assert [row["share"] for row in shares["GMF + MLP"]] == [k / 10 for k in range(11)]
    assert shares["GMF + MLP"][5]["values"] == means["GMF + MLP"]["ndcg@10"]["values"]
    assert shares["GMF + MLP"][0]["values"] == means["MLP"]["ndcg@10"]["values"]
    assert shares["GMF + GMF"][0]["values"] != means["GMF"]["ndcg@10"]["values"]  # other seeds
    assert shares["GMF + MLP"][10]["values"] == means["GMF"]["ndcg@10"]["values"]
    assert shares["GMF + GMF"][10]["values"] == means["GMF"]["ndcg@10"]["values"]


def test_the_evaluation_measures_every_model_with_its_seeds(events, tmp_path, monkeypatch):
    test = Split(events.train, events.test, events.valid)
    lists = sample_candidates(test, n_negatives=20, seed=0)
    chosen = {name: evaluation.CONTENDERS[name] for name in SETTINGS}
    monkeypatch.setattr(evaluation, "CONTENDERS", chosen)
    popular = {"Popularity": evaluation.BASELINES["Popularity"]}
    monkeypatch.setattr(evaluation, "BASELINES", popular)
    monkeypatch.setattr(evaluation, "paper_split", lambda ratings: test)
    monkeypatch.setattr(evaluation, "SAMPLES", (9, 30))
    monkeypatch.setattr(evaluation, "GROUPS", {"all": (0, 100)})
    monkeypatch.setattr(evaluation, "_agreement", lambda tables: None)
    measured = {"ndcg@10": [0.5, 0.4], "hr@10": [0.5, 0.4], "epochs": [2, 1]}
    worse = {"ndcg@10": [0.3], "hr@10": [0.4], "epochs": [1]}
    diverged = {"ndcg@10": [None], "hr@10": [None], "epochs": [0]}
    search = {
        "settings": SETTINGS,
        "models": {
            name: {"trials": [one | measured, one | worse, one | diverged]}
            for name, one in TRIED.items()
        },
    }
    monkeypatch.setattr(evaluation, "FLIPS", 99)
    found = evaluation.run(test.train, lists, search, {"ranking": {"k": 2}}, range(2), Units())
    assert list(found["models"]) == ["Popularity", *SETTINGS]
    assert "seeds" not in found["models"]["EASE"]
    values = found["models"]["MLP"]["seeds"]["sampled"]["hr@10"]["values"]
    alone = [
        evaluate(fitted("MLP", SETTINGS, test.train, seed), test, candidates=lists)["hr@10"].mean()
        for seed in range(2)
    ]
    np.testing.assert_allclose(values, alone)
    assert found["models"]["MLP"]["training_seconds"] > 0
    assert found["leakage"]["MLP"]["trials"] == 2


def test_every_combination_of_choices_is_measured(events, monkeypatch):
    test = Split(events.train, events.test, events.valid)
    lists = sample_candidates(test, n_negatives=20, seed=0)
    few = {name: choices.CONTENDERS[name] for name in ("EASE", "BinaryMF", "NeuMF, pretrained")}
    monkeypatch.setattr(choices, "CONTENDERS", few)
    monkeypatch.setattr(choices, "paper_split", lambda ratings: test)
    found = choices.run(test.train, lists, {"settings": SETTINGS}, range(2), Units())
    drawn = [f"drawn again, {n}" for n in (1, 2, 3)]
    assert found["ways"] == ["the paper's", *drawn, "popular ones", "all"]
    assert [len(runs) for runs in found["values"].values()] == [1, 2, 2]
    assert found["values"]["EASE"][0].keys() == {"validation"}
    for name in ("BinaryMF", "NeuMF, pretrained"):
        for seed, one in enumerate(found["values"][name]):
            alone = fitted(name, SETTINGS, test.train, seed)
            means = evaluate(alone, test, k=choices.KS, candidates=lists).mean()
            for metric, value in one["validation"]["the paper's"].items():
                assert value == pytest.approx(means[metric], abs=1e-5)
            for way, metrics in one["test"].items():
                assert all(metrics[m] >= one["validation"][way][m] for m in metrics)
    again = choices.quick(found, test.train, lists, {"settings": SETTINGS})
    assert again["values"]["EASE"][0] == found["values"]["EASE"][0]


def test_a_sweep_from_right_angles_is_what_als_does_with_such_vectors(stars):
    train, length, strength = stars.train, 0.7, 0.3
    by_user = train.to_csr("rating")
    mean = float(train.rating.mean(dtype=np.float64))
    items = np.c_[np.eye(20) * length**0.5, np.zeros(20)]  # the last column holds the biases
    users = np.zeros((40, 21))
    for matrix, given, out in ((by_user, items, users), (by_user.T.tocsr(), users, items)):
        held = np.ascontiguousarray(given[:, :-1]), given[:, -1].copy()
        solve_side(*(matrix.indptr, matrix.indices, matrix.data), *held, mean, strength, True, out)
    every = np.repeat(np.arange(40), 20), np.tile(np.arange(20), 40)
    products = (users[every[0], :-1] * items[every[1], :-1]).sum(axis=1)
    expected = mean + users[every[0], -1] + items[every[1], -1] + products
    found = ratings.sweep_from_right_angles(train, length, strength, *every)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_no_setting_of_a_rating_model_was_chosen_at_an_edge_that_another_could_extend():
    """One factor, one epoch and no penalty are ends of their own."""
    natural = {"factors": 1, "epochs": 1, "regularization": 0.0}
    trials = recorded("ratings")["found"]["trials"]
    assert {"MF with biases", "MF without biases", "ALS", "Biases"} <= trials.keys()
    for name, tried in trials.items():
        best = min(tried, key=lambda trial: trial["rmse"])
        size = best.get("factors")  # a grid may have other penalties for other sizes
        for key in ("factors", "regularization", "learning_rate"):
            alike = tried if key == "factors" else [t for t in tried if t.get("factors") == size]
            values = sorted({trial[key] for trial in alike if key in trial})
            if values and best[key] != natural.get(key):
                assert values[0] < best[key] < values[-1], f"{name}: {key} {best[key]} of {values}"
        if name.startswith("MF"):
            assert best["epochs"] < ratings.MOST_EPOCHS - ratings.PATIENCE
    sweeps = {grid["factors"]: most for grid, most in ratings.ALS_GRIDS}
    als = min(trials["ALS"], key=lambda trial: trial["rmse"])
    most = next(most for factors, most in sweeps.items() if als["factors"] in factors)
    assert als["epochs"] == natural["epochs"] or als["epochs"] < most


def test_a_run_that_has_diverged_is_no_result():
    candidates = Candidates(np.array([0]), np.array([[1]]), np.array([[2, 3]]))
    split = split_of([(0, 0)], [], [(0, 1)], (1, 4))
    model = fixed([[0, 0, np.nan, 0]], split)
    with pytest.raises(ValueError, match="scores NaN"):
        as_published(model, candidates)
