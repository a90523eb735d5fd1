"""The loop: what it measures, when it stops, what it keeps, how it goes on from a state."""

import copy
import itertools
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from recsys_lib.data import DataError, Interactions, Split
from recsys_lib.evaluation import evaluate, watching
from recsys_lib.models import ALS, GMF, MF, MLP, BinaryMF, NeuMF, NotFittedError, Popularity

from toy import watch_on

N_USERS, N_ITEMS = 16, 12
EVERYBODY = np.arange(N_USERS)


def interactions(cells, shape, name="interactions"):
    user, item = np.array(sorted(cells), dtype=int).reshape(-1, 2).T
    return Interactions(
        user, item, np.ones(len(user)), 0 * user, range(shape[0]), range(shape[1]), name=name
    )


def random_split(seed=0):
    """Four or five items each to train and one to watch; the last two users have met nothing."""
    rng = np.random.default_rng(seed)
    train, valid = set(), set()
    for user in range(N_USERS - 2):
        items = rng.permutation(N_ITEMS).tolist()
        train |= {(user, item) for item in items[: 4 + user % 2]}
        valid.add((user, items[5]))
    return tuple(interactions(cells, (N_USERS, N_ITEMS)) for cells in (train, valid))


TRAIN, VALID = random_split()

SETTINGS = [
    (BinaryMF, {"factors": 3}),
    (GMF, {"factors": 3, "learning_rate": 0.01, "batch_size": 64}),
    (MLP, {"layers": (8, 4), "learning_rate": 0.01, "batch_size": 64, "dropout": 0.3}),
    (
        NeuMF,
        {"factors": 2, "layers": (4, 2), "learning_rate": 0.01, "batch_size": 64, "dropout": 0.3},
    ),
]
NAMES = [model.__name__ for model, _ in SETTINGS]


@pytest.fixture(params=SETTINGS, ids=NAMES)
def make(request):
    """A function that makes a model with other settings."""
    model, settings = request.param
    return lambda **other: model(**{**settings, **other})


def binary(**other):
    return BinaryMF(**{"factors": 3, **other})


class Plan:
    """A watch that does not look at the model: it returns the next of some values."""

    def __init__(self, values, name="planned_hr@10"):
        self.values, self.name = iter(values), name

    def __call__(self, model):
        return {self.name: next(self.values)}


class Interrupt:
    """A watch that is interrupted when it is called for the n-th time."""

    def __init__(self, n, watch=None):
        self.left, self.watch = n, watch

    def __call__(self, model):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return {} if self.watch is None else self.watch(model)


def assert_same_run(found, expected):
    """Nothing but the seconds may differ, by not a single bit."""
    assert found.score(EVERYBODY).tobytes() == expected.score(EVERYBODY).tobytes()
    assert found.best_epoch_ == expected.best_epoch_
    histories = (model.history_.drop(columns="seconds") for model in (found, expected))
    pd.testing.assert_frame_equal(*histories, check_exact=True)


# ----------------------------------------------------------------------------------------- history

ALWAYS = ["epoch", "seconds", "loss", "accuracy"]
WITH_VALID = [*ALWAYS, "valid_loss", "valid_hr@10", "valid_ndcg@10"]


def test_history_has_a_row_for_each_epoch(make):
    plain = make(epochs=3).fit(TRAIN).history_
    assert list(plain) == ALWAYS
    assert plain["epoch"].tolist() == [1, 2, 3]
    assert plain["seconds"].is_monotonic_increasing
    assert (plain["seconds"] > 0).all()
    assert plain["accuracy"].between(0, 1).all()
    assert (plain["loss"] > 0).all()
    watch = watch_on(TRAIN, VALID, lambda model: {"a": 1.5, "b": 2})
    watched = make(epochs=2).fit(TRAIN, watch=watch).history_
    assert list(watched) == [*WITH_VALID, "a", "b"]
    assert watched["a"].tolist() == [1.5, 1.5]
    assert watched.notna().all(axis=None)


@pytest.mark.parametrize(
    ("watch", "error", "message"),
    [
        (5, TypeError, "watch must be a function of the model, got 5"),
        (lambda model: None, TypeError, "watch must return a dict of numbers by name, got None"),
        (lambda model: {1: 2.0}, TypeError, "watch must return a dict of numbers by name"),
        (lambda model: {"a": "x"}, TypeError, "watch must return numbers, got 'x' for 'a'"),
        (lambda model: {"epoch": 9}, ValueError, r"names other than epoch, .*, got \['epoch'\]"),
        (lambda model: {"loss": 0.0}, ValueError, r"names other than epoch, .*, got \['loss'\]"),
    ],
)
def test_a_watch_that_is_none_is_refused(make, watch, error, message):
    """Its numbers stand beside those of the loop, and must not take their places."""
    with pytest.raises(error, match=message):
        make(epochs=1).fit(TRAIN, watch=watch)


def test_without_negatives_a_user_may_have_met_everything(make):
    cells = [(u, i) for u in range(3) for i in range(TRAIN.n_items)]
    user, item = np.array(cells).T
    train = type(TRAIN)(user, item, np.ones(len(user)), 0 * user, TRAIN.user_ids, TRAIN.item_ids)
    make(epochs=1, n_negatives=0).fit(train)
    with pytest.raises(ValueError, match=r"has met all .* no negative to draw"):
        make(epochs=1).fit(train)


def test_a_seed_too_large_is_refused_when_the_model_is_made(make):
    with pytest.raises(ValueError, match=r"seed must be below 2\*\*63"):
        make(seed=1 << 63)


def test_what_watch_returns_is_of_the_model_after_that_epoch(make):
    """The watch asks for scores while the model is still learning."""
    seen = []

    def watch(model):
        seen.append(model.score(EVERYBODY))
        return {"first": float(seen[-1][0, 0])}

    model = make(epochs=3).fit(TRAIN, watch=watch)
    assert model.history_["first"].tolist() == [scores[0, 0] for scores in seen]
    np.testing.assert_array_equal(model.score(EVERYBODY), seen[-1])
    assert (seen[0] != seen[1]).any()


def mean_score(model):
    return {"x": float(model.score(EVERYBODY).mean())}


def test_measuring_changes_nothing_of_what_is_learned(make):
    plain, watched = make(epochs=3).fit(TRAIN), make(epochs=3)
    watched.fit(TRAIN, watch=watch_on(TRAIN, VALID, mean_score))
    np.testing.assert_array_equal(plain.score(EVERYBODY), watched.score(EVERYBODY))
    assert plain.history_["loss"].tolist() == watched.history_["loss"].tolist()


def test_valid_loss_by_hand(make):
    """Each user has one item left, and so both negatives are known; user 2 is cold."""
    train = interactions([(0, 0), (1, 2)], (3, 3))
    valid = interactions([(0, 1), (1, 0), (2, 0), (2, 1)], (3, 3))
    model = make(epochs=2, n_negatives=2).fit(train, watch=watch_on(train, valid))
    scores = model.score([0, 1, 2]).astype(np.float64)
    chance = 1 / (1 + np.exp(-scores))
    terms = []
    for user, positive, negative in ((0, 1, 2), (1, 0, 1), (2, 0, 2), (2, 1, 2)):
        terms += [-np.log(chance[user, positive])] + 2 * [-np.log(1 - chance[user, negative])]
    assert model.history_["valid_loss"].iloc[-1] == pytest.approx(np.mean(terms), rel=1e-6)


def test_valid_loss_of_huge_logits_is_finite():
    """Of a positive at -1000 and of a negative at +1000 it is 1000 each."""
    train = interactions([(0, 0), (1, 2)], (2, 3))
    model = binary(epochs=1, n_negatives=1, learning_rate=0, biases=False)
    model._logits = lambda users, items: np.where(items == 1, -1000.0, 1000.0)
    model.fit(train, watch=watch_on(train, interactions([(0, 1)], (2, 3))))
    assert model.history_["valid_loss"].tolist() == [1000]


@pytest.mark.parametrize("n_negatives", [0, 3])
def test_valid_ranks_are_those_of_evaluate(make, n_negatives):
    model = make(epochs=3, n_negatives=n_negatives).fit(TRAIN, watch=watch_on(TRAIN, VALID))
    nothing = VALID.select(np.zeros(len(VALID), dtype=bool))
    means = evaluate(model, Split(TRAIN, VALID, nothing), on="valid").mean()
    last = model.history_.iloc[-1]
    assert last["valid_hr@10"] == means["hr@10"]
    assert last["valid_ndcg@10"] == means["ndcg@10"]


def test_an_empty_validation_set_is_refused():
    empty = VALID.select(np.zeros(len(VALID), dtype=bool))
    with pytest.raises(DataError, match="split must have a validation set, and"):
        watching(Split(TRAIN, empty, empty))
    with pytest.raises(TypeError, match="split must be a Split, got Interactions"):
        watching(VALID)


def test_the_negatives_of_the_validation_loss_are_drawn_once_for_each_seed(make):
    """Two watches and one watch for two models say the same."""
    watch = watch_on(TRAIN, VALID)
    alone = [make(epochs=2, seed=s).fit(TRAIN, watch=watch_on(TRAIN, VALID)) for s in (1, 2)]
    together = [make(epochs=2, seed=s).fit(TRAIN, watch=watch) for s in (1, 2)]
    for found, expected in zip(together, alone, strict=True):
        assert_same_run(found, expected)


# ----------------------------------------------------------------------------------------- the cold


def test_users_without_training_rows_get_the_order_of_popularity(make):
    model = make(epochs=2, n_negatives=3).fit(TRAIN)
    cold = [N_USERS - 2, N_USERS - 1]
    assert np.flatnonzero(model.cold_).tolist() == cold
    expected = np.log((TRAIN.item_counts + 0.5) / (3 * len(TRAIN) / N_ITEMS + 0.5))
    scores = model.score([*cold, 0])
    np.testing.assert_allclose(scores[:2], [expected] * 2, rtol=1e-6)
    assert (scores[2] != scores[0]).all()
    counts = Popularity().fit(TRAIN).score(cold)
    np.testing.assert_array_equal(
        stats.rankdata(scores[:2], axis=1), stats.rankdata(counts, axis=1)
    )
    items = np.array([[3, 1, 11], [0, 5, 5], [2, 4, 6]])
    np.testing.assert_array_equal(model.score_items(cold, items[:2]), scores[0][items[:2]])
    found = model.score_items([0, *cold], items)
    np.testing.assert_array_equal(found[1:], scores[0][items[1:]])
    np.testing.assert_allclose(found[0], scores[2][items[0]], rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------- early stopping


@pytest.mark.parametrize(
    ("values", "name", "patience", "best", "last"),
    [
        ([0.1, 0.3, 0.2, 0.25, 0.9], "planned_hr@10", 2, 2, 4),
        ([0.1, 0.3, 0.2, 0.25, 0.9, 0.1], "planned_ndcg@5", 3, 5, 6),  # epochs end first
        ([0.5, 0.4, 0.4, 0.4, 0.4, 0.4], "hr@1", 1, 1, 2),
        ([0.2, 0.2, 0.2, 0.2, 0.2, 0.2], "planned_recall@10", 3, 1, 4),  # no worse is no better
        ([3.0, 1.0, 2.0, 1.5, 0.0, 0.0], "planned_loss", 2, 2, 4),
        ([3.0, 2.0, 1.0, 0.5, 0.2, 0.1], "planned_loss", 1, 6, 6),
        ([-3.0, -1.0, -2.0, -2.0, 0.0, 0.0], "precision@3", 2, 2, 4),
    ],
)
@pytest.mark.parametrize("made", [SETTINGS[0], SETTINGS[2]], ids=["BinaryMF", "MLP"])
def test_the_best_epoch_is_taken_back(made, values, name, patience, best, last):
    """A loss is better when it is lower; nothing after `patience` epochs is even tried."""
    model, settings = made
    found = model(**settings, epochs=6, patience=patience, metric=name)
    found.fit(TRAIN, watch=Plan(values, name))
    assert found.history_[name].tolist() == values[:last]
    assert found.best_epoch_ == best
    expected = model(**settings, epochs=best).fit(TRAIN)
    assert expected.best_epoch_ == best
    np.testing.assert_array_equal(found.score(EVERYBODY), expected.score(EVERYBODY))
    pd.testing.assert_frame_equal(
        found.history_[:best][["loss", "accuracy"]], expected.history_[["loss", "accuracy"]]
    )


def test_without_patience_the_last_epoch_counts(make):
    model = make(epochs=3, metric="planned_hr@10").fit(TRAIN, watch=Plan([0.9, 0.5, 0.1]))
    assert model.best_epoch_ == 3
    np.testing.assert_array_equal(
        model.score(EVERYBODY), make(epochs=3).fit(TRAIN).score(EVERYBODY)
    )


@pytest.mark.parametrize("metric", ["valid_ndcg@10", "valid_loss", "valid_hr@10"])
def test_patience_can_watch_each_measure_of_the_validation_set(metric):
    model = binary(epochs=60, patience=3, metric=metric, learning_rate=0.2, regularization=0)
    values = model.fit(TRAIN, watch=watch_on(TRAIN, VALID)).history_[metric]
    best = values.argmin() if metric.endswith("loss") else values.argmax()
    assert model.best_epoch_ == best + 1
    assert len(values) == best + 4 < 60


def test_the_training_loss_needs_no_validation_set():
    model = binary(epochs=30, patience=1, metric="loss", learning_rate=0.3).fit(TRAIN)
    loss = model.history_["loss"].to_numpy()
    assert model.best_epoch_ == loss.argmin() + 1 == len(loss) - 1 < 29


def test_a_metric_that_nobody_measures_is_named(make):
    for metric, valid, watch in (
        ("valid_ndcg@10", None, None),
        ("valid_hr@5", VALID, None),
        ("test_hr@10", VALID, Plan(itertools.repeat(1.0), "test_hr@1")),
    ):
        model = make(epochs=2, patience=1, metric=metric)
        message = f"patience=1 watches metric='{metric}', but only epoch, seconds, loss, accuracy"
        with pytest.raises(ValueError, match=message) as error:
            model.fit(TRAIN, watch=watch_on(TRAIN, valid, watch))
        assert "give fit a watch that returns it, such as watch=evaluation" in str(error.value)
        assert (", valid_loss" in str(error.value)) == (valid is VALID)
        with pytest.raises(NotFittedError):
            model.score([0])


@pytest.mark.parametrize(
    "metric",
    [
        "nonsense",
        "accuracy",
        "hr",
        "ndcg@",
        "@10",
        "hr@x",
        "hr@10 ",
        "mrr@10",
        "losses",
        "",
        3,
        None,
    ],
)
def test_a_metric_of_unknown_direction_is_refused(make, metric):
    with pytest.raises(ValueError, match="metric must be a column of history_ that ends in loss"):
        make(metric=metric)


def test_metrics_of_known_direction_are_taken(make):
    for metric in ("loss", "valid_loss", "hr@10", "my test recall@20", "precision@1"):
        assert make(metric=metric).metric == metric


# ------------------------------------------------------------------------------ going on elsewhere

RATED = [(MF, {"factors": 3}), (ALS, {"factors": 2})]
ALL = [*SETTINGS, *RATED]
STARS = replace(TRAIN, rating=1 + (TRAIN.user + TRAIN.item) % 5)  # what they learn from


@pytest.mark.parametrize("made", ALL, ids=[m.__name__ for m, _ in ALL])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_another_run_goes_on_from_a_state_to_the_same_numbers(made, done):
    """Weights, random numbers, optimizer and history: nothing else is needed, and nothing less."""
    model, settings = made
    whole = model(**settings, epochs=5).fit(STARS)
    first = model(**settings, epochs=max(done, 1))
    with first._fitting(STARS):
        run = first._start(STARS)
        if done:
            first._fit(STARS, run)
    state, weights = run.state(), {name: a.copy() for name, a in first._weights().items()}
    second = model(**settings, epochs=5)
    with second._fitting(STARS):
        again = second._start(STARS)
        again.set_state(state)
        second._set_weights(weights)
        second._fit(STARS, again)
    assert_same_run(second, whole)
    assert second.history_["seconds"].is_monotonic_increasing


@pytest.mark.parametrize("stop", [2, 3, 4, 5])
def test_so_does_a_run_with_patience(stop):
    """Epoch 2 is the best; the run is lost before, at and after it, and in its last."""
    values = [0.1, 0.3, 0.2, 0.2, 0.25, 0.9]
    given = {"epochs": 6, "patience": 3, "metric": "planned_hr@10"}
    whole = binary(**given).fit(TRAIN, watch=Plan(values))
    assert (len(whole.history_), whole.best_epoch_) == (5, 2)
    model = binary(**{**given, "epochs": stop - 1})
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        model._fit(TRAIN, run, Plan(values))
    resumed = binary(**given)
    with resumed._fitting(TRAIN):
        again = resumed._start(TRAIN)
        again.set_state(run.state())
        last = binary(epochs=stop - 1).fit(TRAIN)  # the best is what the model has
        resumed._set_weights(last._weights())
        resumed._fit(TRAIN, again, Plan(values[stop - 1 :]))
    assert_same_run(resumed, whole)


def test_a_state_is_a_copy(make):
    model = make(epochs=2, patience=5, metric="planned_hr@10")
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        model._fit(TRAIN, run, Plan([0.3, 0.2]))
    state = run.state()
    before = copy.deepcopy(state)
    run.rows.append({})
    run.rng.random()
    for array in run.best[2].values():
        array += 1
    assert state["rng"] == before["rng"]
    assert state["rows"] == before["rows"]
    for name, array in state["best"][2].items():
        np.testing.assert_array_equal(array, before["best"][2][name])


def test_the_best_weights_are_not_the_last_ones():
    """The loop copies them: later epochs must not write through a view."""
    model = binary(epochs=3, patience=5, metric="planned_hr@10")
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        model._fit(TRAIN, run, Plan([0.3, 0.2, 0.1]))
    number, value, weights = run.best
    assert (number, value) == (1, 0.3)
    first = binary(epochs=1).fit(TRAIN)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, getattr(first, name))


def test_a_watch_may_return_numpy_numbers():
    """A mean of float32 scores is one, and a count another."""
    given = {"epochs": 2, "patience": 1, "metric": "my_hr@10"}

    def watch(model):
        return {"my_hr@10": np.float32(0.5), "count": np.int64(3)}

    history = binary(**given).fit(TRAIN, watch=watch).history_
    assert history["my_hr@10"].tolist() == [0.5, 0.5]
    assert history["count"].tolist() == [3, 3]


# ---------------------------------------------------------------------------------- random numbers


def test_the_callers_random_numbers_are_left_alone(make, tmp_path):
    torch.manual_seed(1)
    before = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = make(epochs=2).fit(TRAIN, watch=watch_on(TRAIN, VALID))
    type(first).load(first.save(tmp_path / "model.npz")).score([0])
    after = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    assert before[0].equal(after[0])
    for a, b in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(a, b)
    torch.manual_seed(2)  # nor do they matter
    np.testing.assert_array_equal(
        make(epochs=2).fit(TRAIN).score(EVERYBODY), first.score(EVERYBODY)
    )


# ------------------------------------------------------------------------------ what can go wrong


def test_a_learning_rate_far_too_large_is_named(make):
    model = make(learning_rate=1e30, epochs=5)
    with pytest.raises(
        FloatingPointError, match=r"in epoch 1 .* learning_rate=1e\+30 is probably too large"
    ):
        model.fit(TRAIN, watch=watch_on(TRAIN, VALID))
    with pytest.raises(NotFittedError):
        model.score([0])


def test_growing_beyond_all_bounds_in_the_last_step_is_noticed():
    """The loss is measured before the only step, which leads to infinity."""
    train = interactions([(0, 0)], (1, 2))
    model = BinaryMF(
        1, learning_rate=3e38, n_negatives=0, init_scale=9, regularization=9.0, epochs=1
    )
    with pytest.raises(FloatingPointError, match=r"user_factors_, .* learning_rate=3e"):
        model.fit(train)


def test_what_fit_was_given_is_not_kept(make):
    model = make(epochs=1)
    model.fit(TRAIN, watch=Plan([1.0]), progress=False)
    assert all(name.endswith("_") for name in set(vars(model)) - set(vars(make())))
    with pytest.raises(KeyboardInterrupt):
        model.fit(TRAIN, watch=Interrupt(1))
    assert all(name.endswith("_") for name in set(vars(model)) - set(vars(make())))


# ---------------------------------------------------------------------------------------- progress


def on_screen(text):
    """What a terminal shows at the end of one line on which all this was written."""
    screen = ""
    for part in text.split("\r"):
        screen = part + screen[len(part) :]
    return screen


@pytest.fixture
def no_notebook(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def wait(model):
    time.sleep(0.11)  # longer than tqdm waits between two pictures
    return {}


def test_progress_is_shown_and_wiped_off(capsys, no_notebook):
    watch = watch_on(TRAIN, VALID, wait)
    binary(epochs=2, metric="valid_hr@10").fit(TRAIN, progress=True, watch=watch)
    out, err = capsys.readouterr()
    assert out == ""
    assert "BinaryMF" in err
    assert "2/2" in err
    assert "loss 0." in err
    assert "valid_hr@10 " in err
    assert "\n" not in err
    assert on_screen(err).strip() == ""


def test_it_is_wiped_off_after_an_interruption_too(capsys, no_notebook):
    with pytest.raises(KeyboardInterrupt):
        binary(epochs=3).fit(TRAIN, progress=True, watch=Interrupt(2))
    err = capsys.readouterr().err
    assert "BinaryMF" in err
    assert on_screen(err).strip() == ""


def test_a_run_that_goes_on_starts_its_bar_where_it_is(capsys, no_notebook):
    model = binary(epochs=2)
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        model._fit(TRAIN, run)
        model.epochs = 3
        model._fit(TRAIN, run, progress=True)
    assert "2/3" in capsys.readouterr().err


def test_no_progress_where_nobody_looks(capsys, no_notebook, monkeypatch):
    for progress in (None, False):
        binary(epochs=2).fit(TRAIN, progress=progress)
    monkeypatch.setenv("JPY_SESSION_NAME", "chapter.ipynb")
    binary(epochs=2).fit(TRAIN, progress=False)
    assert capsys.readouterr() == ("", "")


def test_progress_in_an_open_notebook(capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "chapter.ipynb")
    binary(epochs=2).fit(TRAIN)
    assert "BinaryMF" in capsys.readouterr().err


def test_progress_in_a_terminal(capsys, no_notebook, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    binary(epochs=2).fit(TRAIN)
    assert "BinaryMF" in capsys.readouterr().err
