"""What figures show when something is moved: each state is what the library, or a formula, says.

That the scripts say the same as the functions here is tested in tests/site/test_moving.py.
"""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup

from recsys_lib.data import DataError, Interactions, k_core
from recsys_lib.models import ItemKNN
from recsys_lib.models.mf import sgd
from recsys_lib.show import arrows, choosing, dying, forecasts, logits, mixing, planes, walks
from recsys_lib.show.attending import attending
from recsys_lib.show.cells import cells
from recsys_lib.show.orders import orders
from recsys_lib.show.peeling import passes, peeling
from recsys_lib.show.rebuilding import rebuilding
from recsys_lib.show.runs import runs
from recsys_lib.show.shrinking import shrinking
from recsys_lib.show.training import training

from model_suite import planted

LIMIT = 150_000  # letters of a figure


def frames(figure):
    page = BeautifulSoup(figure.data, "html.parser")
    assert page.figcaption.text == "What one sees."
    assert len(figure.data) < LIMIT
    return {frame["data-frame"]: frame for frame in page.find_all(attrs={"data-frame": True})}


# ------------------------------------------------------------------ the frames of sliders


def small(seed, n=14, share=0.3):
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n, n)) < share)
    ids = [f"u{k}" for k in range(n)], [f"i{k}" for k in range(n)]
    return Interactions(user, item, np.ones(len(user)), np.arange(len(user)), *ids).compact()


def core(ratings, k):
    try:
        left = k_core(ratings, k)
    except DataError:
        return set()
    pairs = left.to_frame()
    return set(zip(pairs["user"], pairs["item"], strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_peeling_ends_at_every_core_of_the_library(seed):
    ratings = small(seed)
    steps = passes(ratings)
    pairs = ratings.to_frame()
    for step in steps:
        assert (step.users_left <= step.users).all()
        assert (step.users_left < step.users).any() or (step.items_left < step.items).any()
        left = {
            (user, item)
            for user, item in zip(pairs["user"], pairs["item"], strict=True)
            if user in ratings.user_ids[step.users_left]
            and item in ratings.item_ids[step.items_left]
        }
        assert core(ratings, step.k) <= left
        if step.core:
            assert left == core(ratings, step.k)
    assert not steps[-1].users_left.any()
    assert core(ratings, steps[-1].k) == set()
    assert core(ratings, steps[-1].k - 1)


SHOP = Interactions.from_frame(
    pd.DataFrame(
        {
            "user": ["Ann", "Ann", "Ben", "Ben", "Cid", "Dee", "Dee"],
            "item": ["a", "b", "b", "c", "c", "a", "b"],
        }
    )
)


def test_the_table_of_chapter_1_is_peeled_as_by_hand():
    seen = frames(peeling(SHOP, "What one sees."))
    assert list(seen) == [
        "The whole table: 7 ratings of 4 people and 3 films.",
        "k = 2, pass 1: 1 person and 1 film with fewer than 2 ratings fall. "
        "Left: 5 ratings of 3 people and 2 films.",
        "k = 2, pass 2: 1 person and 0 films with fewer than 2 ratings fall. "
        "Left: 4 ratings of 2 people and 2 films, the 2-core.",
        "k = 3, pass 1: 2 people and 2 films with fewer than 3 ratings fall. "
        "Nothing is left: the 3-core is empty.",
    ]
    drawings = [frame.svg for frame in seen.values()]
    dots = [[path["d"].count("h0") for path in one.find_all("path")] for one in drawings]
    assert dots == [[7, 0, 0], [5, 2, 0], [4, 1, 2], [0, 4, 3]]  # stay, fall, gone before
    red = [[text.text for text in one.find_all("text", style=True)] for one in drawings]
    # Cid has 1, c without him 1; Ben has 1; Ann and Dee have 2, and a and b then 0.
    assert red == [[], ["1", "1"], ["1"], ["2", "2", "0", "0"]]


def test_a_rebuilt_table_is_the_nearest_of_its_rank_and_says_how_near():
    rng = np.random.default_rng(0)
    table = rng.integers(1, 11, size=(6, 5)) / 2
    names = [f"<{k}>" for k in range(6)]
    seen = frames(rebuilding(table, names, names[:5], "What one sees."))
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    assert len(seen) == 5
    for k, (said, frame) in enumerate(seen.items(), start=1):
        close = (U[:, :k] * s[:k]) @ Vt[:k]
        digits = [float(one.text) for one in frame.svg.find_all("g")[1].find_all("text")]
        np.testing.assert_allclose(digits, close.ravel(), atol=0.05 + 1e-9)
        off = np.abs(close - table) > 0.5
        assert frame.svg.find("path", fill="none")["d"].count("M") == off.sum()
        if k < 5:
            assert f"{off.sum()} of 30 cells" in said
            lost, squares = re.findall(r"add up to ([\d.]+), .* = ([\d.]+)\.", said)[0]
            assert lost == squares == f"{(s[k:] ** 2).sum():.1f}"
    assert "every cell is as it was" in said
    assert "σ₅² = " in list(seen)[3]
    assert "σ₂² + … + σ₅² = " in next(iter(seen))


def test_shrunk_similarities_are_those_of_the_model_in_its_order():
    train = planted().train
    similar = {
        strength: ItemKNN(n_neighbors=50, shrinkage=strength)
        .fit(train)
        .similarity_[[0]]
        .toarray()[0]
        for strength in (0, 10)
    }
    ones = train.to_csr("ones").toarray()
    common = (ones.T @ ones[:, 0]).astype(int)
    np.testing.assert_allclose(similar[10], similar[0] * common / (common + 10), rtol=1e-6)
    titles = [f"Film <{i}>" for i in range(train.n_items)]
    seen = frames(shrinking(similar, common, titles, "What one sees."))
    assert list(seen) == ["0", "10"]
    for one, frame in zip(similar.values(), seen.values(), strict=True):
        lines = [line.text.replace("\xa0", " ") for line in frame.find_all("li")]
        best = sorted(range(len(one)), key=lambda i: (-one[i], -common[i]))[:5]
        assert lines == [f"{titles[i]}: {one[i]:.3f}, n = {common[i]}" for i in best]


def test_an_index_finds_the_best_that_lie_in_the_cells_it_looks_into():
    rng = np.random.default_rng(0)
    points, cell_of, order = rng.normal(size=(900, 2)), rng.integers(6, size=900), np.arange(6)
    best, titles = np.argsort(-points[:, 0])[:10], [f"Film <{i}>" for i in range(900)]
    seen = frames(cells(points, cell_of, order[::-1], best, titles, (1, 4, 6), "What one sees."))
    for n, (said, frame) in zip((1, 4, 6), seen.items(), strict=True):
        looked = np.isin(cell_of, order[::-1][:n])
        assert said == f"{n} of 6"  # short, so that the slider has it beside it
        missed = [titles[i] for i in best if not looked[i]]
        assert [line.text for line in frame.find_all("p")] == [
            f"{looked.sum()} of 900 items are looked at, and "
            f"{looked[best].sum()} of the best 10 are found.",
            f"Missed: {'; '.join(missed) or 'none'}.",
        ]
        assert [text.text for text in frame.select("[data-legend] text")] == [
            "looked at",
            "not looked at",
            "of the best 10, found",
            "missed",
        ]
        assert len(frame.select("[data-legend] circle")) == 2
        _, top, _, height = map(float, frame.svg["viewbox"].split())
        lowest = max(float(text["y"]) for text in frame.select("[data-legend] text"))
        assert lowest + 4 < top + height  # what stands below the drawing does not touch it
        rings = frame.select("svg > circle")
        assert len(rings) == 10
        assert sum(ring.has_attr("stroke-dasharray") for ring in rings) == len(missed)


def test_attention_has_a_bar_for_every_event_up_to_the_one_that_asks():
    weights = np.array([[1, 0, 0], [0.25, 0.75, 0], [0.125, 0.5, 0.375]])
    expected = [["x <1>"], ["y", "z"], ["z"]]
    seen = frames(attending(["a <b>", "c, the", "d"], weights, expected, "What one sees."))
    assert list(seen) == ["1 of 3", "2 of 3", "3 of 3"]
    for t, frame in enumerate(seen.values()):
        widths = re.findall(r"width:([0-9.]+)%", str(frame))
        longest = (1, 0.75, 0.5)[t]  # which takes the whole width
        assert widths == [f"{100 * one / longest:.1f}" for one in weights[t, : t + 1]]
        assert frame.b.text == ["a <b>", "c, the", "d"][t]
        lines = re.findall(r"left:([0-9.]+)%", str(frame))
        assert lines == [("100.0", "66.7", "66.7")[t]] * (t + 1)
        assert list(frame.p.stripped_strings) == [
            f"Equal share: {('1.00', '0.50', '0.33')[t]}.",
            f"Expected next: {'; '.join(expected[t])}.",
            *[f"Came next: {title}." for title in ("c, the", "d")[t : t + 1]],
        ]


def test_training_curves_say_where_each_is_best():
    epochs = np.arange(1, 101)
    rows = {
        f"times {x}": {
            "loss": (0.5 / np.sqrt(epochs)).tolist(),
            "valid_loss": (0.3 + ((epochs - 30 * x) / 200) ** 2).tolist(),
            "valid_ndcg@10": (0.2 - ((epochs - 40 * x) / 300) ** 2).tolist(),
        }
        for x in (1, 2)
    }
    seen = frames(training(rows, "Penalty:", 0.12, "What one sees."))
    assert list(seen)[1] == (
        "times 2: the training loss ends at 0.05. The validation loss is least, 0.30, at epoch "
        "60, and the ranking best, 0.200, at epoch 80."
    )
    for x, frame in zip((1, 2), seen.values(), strict=True):
        curve = points(frame.svg.find_all("path", fill="none")[2]["d"])
        assert len(curve) == 50
        lowest = curve[curve[:, 1].argmax(), 0] / 320 * 100  # further down is more
        assert lowest == pytest.approx(30 * x, abs=2.1)


def test_the_order_among_rivals_is_that_of_the_figures():
    figures = {
        "9": {"A": 0.5, "Base": 0.4, "B": 0.6},
        "all": {"A": 0.09, "Base": 0.04, "B": 0.06},
    }
    seen = frames(orders(figures, "Base", ("A",), "What one sees."))
    assert list(seen) == ["Among 9: A is number 2 of 3.", "Among all: A is number 1 of 3."]
    texts = [[text.text for text in frame.find_all("text")] for frame in seen.values()]
    assert texts[0] == ["B", "1.50", "A", "1.25", "Base", "1.00"]
    assert texts[1] == ["A", "2.25", "B", "1.50", "Base", "1.00"]


@pytest.mark.parametrize("spread", [0.0004, 0.3, 1.5, 400.0])
def test_runs_of_any_spread_have_an_axis(spread):
    html = runs([0.2, 0.2 + spread, 0.2 + spread / 2, 0.2], 0.3, "a loss", "Far apart.").data
    assert "<svg" in html


def test_runs_have_the_intervals_of_student():
    values = [0.40, 0.41, 0.39, 0.42]
    seen = frames(runs(values, 0.36, "HR@10", "What one sees."))
    assert [name.split()[0] for name in seen] == ["2", "3", "4"]
    t, s = 4.302653, 0.01  # the quantile of three runs, and their standard deviation
    mean, one = t * s / 3**0.5, t * s * (4 / 3) ** 0.5
    assert list(seen)[1] == (
        f"3 runs: their mean is known to lie from {0.4 - mean:.3f} to {0.4 + mean:.3f}, and one "
        f"more run from {0.4 - one:.3f} to {0.4 + one:.3f}. The published 0.360 is inside the "
        "latter."
    )
    assert "0.360 is inside" in list(seen)[2]
    assert [len(frame.find_all("circle")) for frame in seen.values()] == [2, 3, 4]
    outside = frames(runs(values, 0.3, "HR@10", "What one sees."))
    assert list(outside)[2].endswith("0.300 is outside the latter.")


# ------------------------------------------------------------------ what scripts compute


def test_the_shadow_times_the_length_of_u_is_the_dot_product():
    for angle in range(0, 181, 15):
        for length in (1, 2.5, 5):
            parts = arrows.drawn({"angle": angle, "length": length})
            t = math.atan2(3, 4) + math.radians(angle)
            v = np.array([length * math.cos(t), length * math.sin(t)])
            dot = v @ np.array(arrows.U)
            assert parts["dot"]["text"] == planes.number(dot, 2)
            assert parts["cosine"]["text"] == planes.number(dot / 5 / length, 2)
            assert ("No stars are below 0" in parts["said"]["text"]) == (v.min() < -1e-9)


@pytest.mark.parametrize("eta", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("lam", [0.0, 0.1, 1.0, 2.5])
@pytest.mark.parametrize("start", [(0.1, -0.05), (2.4, -0.5), (-1.0, 0.3)])
def test_a_walk_takes_the_steps_of_the_library(start, eta, lam):
    path = walks.walk({"p": start[0], "q": start[1], "eta": eta, "lam": lam})
    P, Q = np.array([[start[0]]]), np.array([[start[1]]])
    none = np.zeros(1)
    for p, q in path[1:]:
        sgd([0], [0], [2.0], 0.0, none, none, P, Q, eta, lam, False)
        np.testing.assert_allclose((P[0, 0], Q[0, 0]), (p, q), rtol=1e-12)


def said_of_walk(**values):
    return walks.drawn({"p": 0.1, "q": -0.05, "eta": 0.1, "lam": 0.1} | values)["said"]["text"]


def test_what_is_said_of_a_walk():
    assert "0.39, was reached after 30." in said_of_walk()
    assert said_of_walk(p=1.0, q=-1.0).endswith("not reached. It is still at the saddle point.")
    assert "diverges" in said_of_walk(p=2.0, q=-2.0, eta=0.9)
    assert said_of_walk(p=0.0, q=0.0, lam=2.5).endswith("4.00, was there at once.")
    assert "q = 0.00" in said_of_walk(lam=3.0)
    assert said_of_walk(eta=1.0).endswith("was reached after 9 and left again.")
    assert "saddle" not in said_of_walk(lam=1.9)


def points(d):
    return np.array([[float(x) for x in one.split()] for one in re.split("[MLZ]+", d) if one])


@pytest.mark.parametrize("lam", [0.0, 0.1, 1.0, 2.0, 3.0])
def test_the_border_of_a_shade_has_its_loss(lam):
    grid = np.linspace(-2.5, 2.5, 201)
    x0, dx, y0, dy = walks.PLANE.numbers
    for level in walks.LEVELS:
        d = walks.border(level, lam)
        there = walks.loss(grid[:, None], grid[None, :], lam) < level
        assert bool(d) == bool(there.any()), level
        if not d:
            continue
        p, q = ((points(d) - (x0, y0)) / (dx, dy)).T
        inside = (np.abs(p) < 2.49) & (np.abs(q) < 2.49)
        # A tenth of a pixel is worth at most this much of the loss.
        np.testing.assert_allclose(walks.loss(p, q, lam)[inside], level, atol=0.05)
        assert p.max() >= grid[there.any(axis=1)].max() - 0.05
        assert p.min() <= grid[there.any(axis=1)].min() + 0.05


@pytest.mark.parametrize("r", [0, 1])
def test_slopes_of_the_two_losses_are_their_derivatives(r):
    h = 1e-6
    for x in np.linspace(-8, 8, 33):
        s = 1 / (1 + np.exp(-x))
        here = logits.costs(x, r)
        assert here["entropy"][0] == pytest.approx(-np.log(s if r else 1 - s))
        assert here["squared"][0] == pytest.approx((s - r) ** 2)
        for name, (_, slope) in here.items():
            right, left = logits.costs(x + h, r)[name][0], logits.costs(x - h, r)[name][0]
            assert slope == pytest.approx((right - left) / (2 * h), abs=1e-8)


def test_a_forecast_costs_what_the_two_rules_say():
    shares = [0.5, 0.02, 0.9]
    labels = np.repeat([0, 1], [2, 18])  # nine in ten
    for r in (0.01, 0.5, 0.9, 0.99):
        entropy = -np.mean(np.where(labels, np.log(r), np.log(1 - r)))
        assert forecasts.cost(0.9, r) == pytest.approx(entropy)
        assert forecasts.brier(0.9, r) == pytest.approx(np.mean((labels - r) ** 2))
    rivals = list(forecasts.rivals(shares).values())
    assert rivals[0] == (pytest.approx(math.log(2)), pytest.approx(0.25))
    assert rivals[0] > rivals[1] > rivals[2]  # 50, the mean, honest
    parts = forecasts.drawn({"p0": 50, "p1": 2, "p2": 90}, shares)
    assert parts["log"]["text"] == planes.number(rivals[2][0], 3)
    assert parts["brier"]["text"] == planes.number(rivals[2][1], 3)
    wrong = forecasts.drawn({"p0": 50, "p1": 99, "p2": 90}, shares)["said"]["text"]
    assert "most for statement 2" in wrong


def test_numbers_of_dots_at_one_height_stand_beside_them():
    shares = {"a": 0.5, "b": 0.01, "c": 0.04, "d": 0.9}
    html = BeautifulSoup(forecasts.forecasts(shares, "Four.").data, "html.parser")
    numbers = {one.text: int(one["x"]) for one in html.select("[data-part^=dot] text")}
    assert numbers == {"1": 0, "2": -12, "3": 12, "4": 0}


@pytest.mark.parametrize("eta", [0.5, 4.0, 10.0])
def test_a_unit_takes_the_steps_of_autograd(eta):
    y, r = (torch.tensor(one, dtype=torch.float64) for one in (dying.INPUTS, dying.MET))
    w, b = (torch.tensor(dying.START, dtype=torch.float64, requires_grad=True) for _ in "wb")
    for ours in dying.trained(eta):
        a = w * y + b
        loss = torch.nn.functional.binary_cross_entropy_with_logits(a.relu() + dying.OUTPUT, r)
        assert ours == pytest.approx((w.item(), b.item(), loss.item(), int((a > 0).sum())))
        slopes = torch.autograd.grad(loss, (w, b))
        with torch.no_grad():
            w, b = (
                (one - eta * slope).requires_grad_()
                for one, slope in zip((w, b), slopes, strict=True)
            )


def test_long_steps_kill_the_unit_and_short_ones_do_not():
    at_end = {eta: dying.drawn({"eta": eta, "t": dying.STEPS})["said"]["text"] for eta in (2, 12)}
    assert "learns from those" in at_end[2]
    assert "it is dead" in at_end[12]
    assert at_end[12].endswith(f"{-16 / 20 * math.log(0.8) - 4 / 20 * math.log(0.2):.2f}.")


CURVE = [
    {"share": k / 4, "mean": m, "low": m - 0.01, "high": m + 0.02}
    for k, m in enumerate((0.18, 0.20, 0.21, 0.195, 0.19))
]
MIXED = {"A + B": CURVE, "A + <A>": [row | {"mean": 0.185} for row in CURVE]}


def said_of_mixing(pair, first):
    page = BeautifulSoup(mixing.mixing(MIXED, "What one sees.").data, "html.parser")
    names, curves = [("A", "B"), ("A", "<A>")], list(MIXED.values())
    plane = mixing._plane(curves)
    assert json.loads(page.svg["data-plane"]) == list(plane.numbers)
    return mixing.drawn({"pair": pair, "first": first}, curves, names, plane)["said"]["text"]


def test_a_mean_of_two_is_held_against_the_better_of_them():
    assert said_of_mixing(0, 0.5) == (
        "0.5 of A and 0.5 of B: NDCG@10 is 0.210, interval over seeds 0.200 to 0.230, 0.020 more "
        "than the better of the two alone."
    )
    assert said_of_mixing(0, 1).startswith("A alone: NDCG@10 is 0.190, interval")
    assert said_of_mixing(1, 0).startswith("<A> alone")
    assert "0.000 less than" in said_of_mixing(1, 0.25)


def test_the_share_starts_at_an_end_and_the_whole_curve_is_there_without_scripts():
    page = BeautifulSoup(mixing.mixing(MIXED, "What one sees.").data, "html.parser")
    assert page.find("input", {"data-name": "first"})["value"] == "0"
    assert page.output.text == said_of_mixing(0, 0)
    curve = page.find(attrs={"data-curve": True})
    assert not curve.has_attr("clip-path")  # the script's, like what is cut off
    assert [one["data-part"] for one in curve.find_all(attrs={"data-part": True})] == [
        "band",
        "line",
    ]
    assert curve.find(attrs={"data-part": "line"})["d"].count("L") == len(CURVE) - 1


def game():
    """Three models and two metrics: B's second run wins among few, where its epoch is chosen."""
    run = {"few": {"hr@10": 0.5, "ndcg@10": 0.3}, "all": {"hr@10": 0.2, "ndcg@10": 0.1}}
    lucky = {"few": {"hr@10": 0.7, "ndcg@10": 0.2}, "all": {"hr@10": 0.1, "ndcg@10": 0.1}}
    lower = {"few": {"hr@10": 0.3, "ndcg@10": 0.2}, "all": {"hr@10": 0.1, "ndcg@10": 0.05}}
    return {
        "A": [{"validation": run}],
        "B": [{"validation": lower, "test": lower}, {"validation": lower, "test": lucky}],
        "C": [{"validation": lower, "test": lower}, {"validation": lower, "test": lower}],
    }


WAYS, METRICS = {"few": "a few", "all": "all"}, ["hr@10", "ndcg@10"]
HONEST = {name: f"{name} is as it is." for name in "ABC"}
TABLE = dict.fromkeys(("model", "run", "epoch", "rivals", "way", "metric"), 0)


def test_the_game_prints_what_was_chosen_and_counts_all_tables():
    def printed(**choice):
        return choosing.shown(game(), list(WAYS), METRICS, TABLE | choice)

    assert printed() == [0.5, 0.3, 0.3]
    assert printed(model=1, epoch=1) == [0.5, pytest.approx((0.3 + 0.7) / 2), 0.3]
    assert printed(model=1, epoch=1, run=2) == [0.5, 0.7, 0.3]
    assert printed(model=0, epoch=1, run=2) == [0.5, 0.3, 0.3]  # A has one run and no epochs
    assert printed(model=2, way=1, metric=1) == [0.1, 0.05, 0.05]
    won = [choosing.ways_to_win(game(), list(WAYS), METRICS, model) for model in range(3)]
    # A is first always; B only with its second run, its epoch from the test, HR among few
    assert won == [(8, 8), (2, 48), (0, 48)]
    said = choosing.drawn(
        TABLE | {"model": 1, "epoch": 1, "run": 2}, game(), list(WAYS), METRICS, list(HONEST)
    )["said"]["text"]
    assert said == (
        "B is first of 3: HR@10 0.700; the next, A, has 0.500. It is first in 2 of the 48 tables "
        "that can be made of these choices."
    )


FIGURES = {  # and the parts that follow
    "dying": (dying.dying("What one sees."), dying.drawn(planes.starts(dying.CONTROLS))),
    "mixing": (
        mixing.mixing(MIXED, "What one sees."),
        mixing.drawn(
            {"pair": 0, "first": 0},
            list(MIXED.values()),
            [("A", "B"), ("A", "<A>")],
            mixing._plane(list(MIXED.values())),
        ),
    ),
    "choosing": (
        choosing.choosing(game(), WAYS, METRICS, HONEST, "What one sees."),
        choosing.drawn(TABLE, game(), list(WAYS), METRICS, list(HONEST.values())),
    ),
    "arrows": (arrows.arrows("What one sees."), arrows.drawn(planes.starts(arrows.CONTROLS))),
    "walks": (walks.walks("What one sees."), walks.drawn(planes.starts(walks.CONTROLS))),
    "logits": (logits.logits("What one sees."), logits.drawn(planes.starts(logits.CONTROLS))),
    "forecasts": (
        forecasts.forecasts({"a < b": 0.3, "c": 0.9}, "What one sees."),
        forecasts.drawn({"p0": 50, "p1": 50}, [0.3, 0.9]),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_native_controls_with_names_and_says_what_it_shows(name):
    figure, parts = FIGURES[name][0].data, FIGURES[name][1]
    page = BeautifulSoup(figure, "html.parser")
    assert len(figure) < LIMIT
    assert page.figcaption.text == "What one sees."
    assert page.output["aria-live"] == "polite"
    assert page.output.text
    assert page.svg["role"] == "img"
    assert "http" not in figure
    assert "NaN" not in figure.partition("<script>")[0]
    for control in page.find_all(["input", "select"]):
        assert control.name == "select" or control["type"] in ("range", "radio")
        assert control.get("aria-label") or control.find_parent("label").text.strip()
    found = page.find_all(attrs={"data-part": True})
    assert sorted(one["data-part"] for one in found) == sorted(parts)


def test_numbers_have_one_zero_and_a_long_minus():
    assert planes.number(-0.001, 2) == "0.00"
    assert planes.number(-1.5, 1) == "\u22121.5"
    assert planes.number(-0.05) == "\u22120.05"
    assert planes.number(3.0) == "3"


def test_a_plane_has_its_numbers_where_its_points_are():
    plane = planes.Plane((-2, 2), (0, 4), ("across", "up"), (1, 2), 400, 200)
    assert plane.at(-2, 0) == (0, 200)
    assert plane.at(0.5, 3) == (250, 50)
    assert plane.line([(-2, 0), (2, 4)]) == "M0 200L400 0"
    page = BeautifulSoup(plane.svg("", "a <plane>"), "html.parser")
    words = [text.text for text in page.find_all("text")]
    assert words == ["\u22122", "\u22121", "0", "1", "2", "0", "2", "4", "across", "up"]
    assert page.svg["aria-label"] == "a <plane>"


def test_the_last_number_of_an_axis_is_there_in_spite_of_binary_fractions():
    assert [round(x, 9) for x in planes._ticks((0, 1), 0.2)] == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert [round(x, 9) for x in planes._ticks((0.35, 0.65), 0.1)] == [0.4, 0.5, 0.6]


def test_titles_are_not_markup():
    train = planted().train
    ratings = replace(train, items=pd.DataFrame({"title": ["<b>"] * train.n_items}))
    near = ItemKNN(n_neighbors=9).fit(train).similarity_[[0]].toarray()[0]
    figure = shrinking({0: near, 1: near}, np.ones(len(near), dtype=int), ratings.titles(
        range(train.n_items)), "What one sees.").data  # fmt: skip
    assert "<b>" not in figure
