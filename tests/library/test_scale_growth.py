"""Formulas of time and memory, against arrays, counts and sums by hand. Nothing looks at a clock.

`test_growth.py` holds that the models do not take more than they must; here it is said how much.
"""

import ast
import math
import re
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recsys_lib import models
from recsys_lib.models import EASE, MF, ItemKNN, SASRec, UserKNN, als, iALS, neighbors
from recsys_lib.models.base import Recommender, rows_in_parts
from recsys_lib.scale import growth
from recsys_lib.scale.growth import AMAZON, GROWTH, SYMBOLS, Formula, Rate, Sizes
from recsys_lib.show.growing import growing

from model_suite import planted

TRAIN = growth.made(AMAZON.scaled(2000))
EVEN = {name: Rate(1e9, 1e9) for name in GROWTH}


def brief(name):
    """Return the model with its defaults but of one epoch, not fitted."""
    model = growth.with_defaults(name)
    epochs = "epochs" in getattr(model, "model", model).parameters
    return growth.with_defaults(name, **({"epochs": 1} if epochs else {}))


def stored(model, train):
    """Return the symbols that hang on which cells there are, as counted in a fitted model."""
    counted = {}
    for name, value in model._state().items():
        if name in ("similarity_", "transitions_"):
            counted["t"] = value.nnz
        elif name == "recent_":
            counted["r"] = value.nnz
        elif name == "vectors_":  # what all items have is left out
            counted["f"] = value.nnz / train.n_items
    return counted


def learned_bytes(model):
    """Return the bytes of all learned arrays; the history is a table, and names are text."""
    total = 0
    for name, value in model._state().items():
        if sparse.issparse(value):
            total += sum(part.nbytes for part in (value.data, value.indices, value.indptr))
        elif isinstance(value, np.ndarray) and name != "names_":
            total += value.nbytes
    return total


# ------------------------------------------------------------------------------------ the formulas


def test_a_text_is_computed_as_it_reads():
    values = {"N": 7, "m": 3, "n": 4, "k": 5, "s": 2, "p": 6}
    for text, value in (
        ("N (1 + s) (7 k + 10)", 7 * 3 * 45),
        ("(k + 1)² (2 N + (k + 1) (m + n))", 36 * (14 + 6 * 7)),
        ("N + n³ / 2", 7 + 32),
        ("2 min(n, p)² + N log2(n)", 2 * 16 + 14),
        ("max(8 n², 4 n² + 12 N) - m", 148 - 3),
    ):
        assert Formula(text)(values) == value, text
        assert str(Formula(text)) == text
    with pytest.raises(NameError, match="x"):
        Formula("2 x")(values)
    with pytest.raises(NameError):
        Formula("open(N)")(values)


TEXTS = [
    pytest.param(name, formula, id=f"{name}, {what}")
    for name, one in GROWTH.items()
    for what, formula in vars(one).items()
]


@pytest.mark.parametrize(("name", "formula"), TEXTS)
def test_a_formula_is_of_the_symbols_and_what_is_divided_by_is_one_of_them(name, formula):
    used = set(re.findall(r"[a-zA-Z][a-zA-Z_0-9]*", formula.text.replace("3e7", "")))
    assert used <= SYMBOLS.keys() | {"min", "max", "log2"}
    after = [part.split(" ", 1) for part in formula.text.split(" / ")[1:]]
    assert not [rest for _, *rest in after if rest and rest[0][0] not in "+-,)"]
    values = growth.symbols(name, AMAZON)
    assert values.keys() == SYMBOLS.keys()
    assert formula(values) >= 0


def test_every_model_has_its_formulas_but_chance_which_learns_nothing():
    everything = {
        name
        for name in models.__all__
        if isinstance(getattr(models, name), type)
        and issubclass(getattr(models, name), Recommender)
    }
    assert everything - GROWTH.keys() == {"Recommender", "RatingPredictor", "Random"}
    assert growth.formulas().index.tolist() == list(GROWTH)
    assert growth.formulas().loc["EASE", "once"] == "N n_u + n³ / 2"


@pytest.mark.parametrize("train", [planted().train, TRAIN], ids=["planted", "made"])
@pytest.mark.parametrize("name", GROWTH)
def test_what_is_learned_is_to_the_byte_what_the_formula_says(name, train):
    if name == "SVD" and min(train.shape) < 40:
        model = growth.with_defaults(name, factors=4).fit(train)
    else:
        model = brief(name).fit(train)
    values = growth.symbols(model, Sizes.of(train)) | stored(model, train)
    assert round(GROWTH[name].learned(values)) == learned_bytes(model)
    for symbol in ("t", "r"):  # the formula for all data has the most that there can be
        assert values[symbol] <= growth.symbols(model, Sizes.of(train))[symbol]


SETTINGS = {
    "UserKNN": {"n_neighbors": 3},
    "ALS": {"factors": 5, "epochs": 2},
    "GMF": {"factors": 3, "epochs": 1},
    "MLP": {"layers": (12, 7, 5), "epochs": 1},
    "NeuMF": {"factors": 3, "layers": (12, 7, 5), "epochs": 1},
    "Markov": {"length": 2},
    "Bag": {"factors": 6, "blocks": 3, "epochs": 1},
    "SASRec": {"factors": 6, "blocks": 2, "heads": 2, "length": 9, "epochs": 1},
    "GRU4Rec": {"factors": 6, "blocks": 2, "epochs": 1},
    "MappedFactors": {"factors": 6, "epochs": 1},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_with_other_hyperparameters_it_is_so_too(name):
    model = growth.with_defaults(name, **SETTINGS[name]).fit(TRAIN)
    values = growth.symbols(model, Sizes.of(TRAIN)) | stored(model, TRAIN)
    assert round(GROWTH[name].learned(values)) == learned_bytes(model)


IN_NUMPY = [
    name
    for name in GROWTH
    if name not in ("GMF", "MLP", "NeuMF", "Bag", "SASRec", "GRU4Rec", "MappedFactors")
]


@pytest.mark.parametrize("name", IN_NUMPY)
def test_the_peak_of_a_fit_is_about_what_the_formulas_say(name):
    """Bytes that NumPy allocates; those of PyTorch and LAPACK are not told apart from others."""
    train = growth.made(AMAZON.scaled(12_000 if name == "EASE" else 30_000))
    brief(name).fit(TRAIN)  # what has to be compiled is
    tracemalloc.start()
    try:
        model = brief(name).fit(train)
        found = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    values = growth.symbols(model, Sizes.of(train)) | stored(model, train)
    expected = GROWTH[name].learned(values) + GROWTH[name].temporary(values)
    assert 0.75 * found < expected < 1.33 * found


@pytest.mark.parametrize("name", ["GMF", "MLP", "NeuMF", "Bag", "SASRec", "GRU4Rec"])
def test_a_network_is_held_four_times_by_its_optimizer(name):
    """The numbers, their gradient, and two running means: those of every user and item."""
    model = brief(name)
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        next(model._epochs(TRAIN, run))
    held = [run.optimizer.state[p][mean] for p in model.network_.parameters()
            for mean in ("exp_avg", "exp_avg_sq")]  # fmt: skip
    numbers = sum(p.numel() for p in model.network_.parameters())
    assert sum(mean.numel() for mean in held) == 2 * numbers
    values = growth.symbols(model, Sizes.of(TRAIN))
    gradient_and_means = GROWTH[name].temporary(values | {"N": 0, "b": 0, "c": 0})
    gradient_and_means -= 4 * values["n"] * values["k"] * (name in ("Bag", "SASRec", "GRU4Rec"))
    assert gradient_and_means == 4 * 3 * numbers


def test_adam_moves_numbers_of_users_and_items_that_a_step_has_not_seen():
    """So an epoch takes as many steps as rows ask for, each over the tables of all."""
    model = growth.with_defaults("GMF", epochs=2, batch_size=16, n_negatives=1)
    with model._fitting(TRAIN):
        run = model._start(TRAIN)
        epochs = model._epochs(TRAIN, run)
        next(epochs)
        before = model.network_.product.item_embedding.weight.detach().clone()
        a = np.zeros(1, dtype=np.int64)
        columns = model._batches(a, a, np.ones(1, dtype=np.float32))
        model.network_.train()
        model._step(run.optimizer, *next(columns))
    moved = (model.network_.product.item_embedding.weight != before).any(dim=1)
    assert moved.all()


# --------------------------------------------------------------------------- counts of operations


def test_a_sweep_of_ials_by_hand():
    """A row's products, its Cholesky, two substitutions, and its part of the Gram matrix."""
    k, by_hand = 6, 0.0
    for counts in (TRAIN.user_counts, TRAIN.item_counts):
        for count in counts.tolist():
            by_hand += count * k**2 + k**3 / 6 + 2 * k**2 / 2 + k**2
    values = growth.symbols(iALS(k), Sizes.of(TRAIN))
    assert GROWTH["iALS"].epoch(values) == pytest.approx(by_hand)


def test_a_sweep_of_als_by_hand():
    """A row's products, its elimination, and two substitutions; the bias is one more factor."""
    k, by_hand = 5, 0.0
    for counts in (TRAIN.user_counts, TRAIN.item_counts):
        for count in counts.tolist():
            by_hand += count * k**2 + k**3 / 3 + 2 * k**2 / 2
    values = growth.symbols(als.ALS(k - 1), Sizes.of(TRAIN))
    assert GROWTH["ALS"].epoch(values) == pytest.approx(by_hand)


@pytest.mark.parametrize("model", [UserKNN(), ItemKNN()])
def test_neighbors_take_as_many_products_as_pairs_have_in_common(monkeypatch, model):
    works = []

    def spy(work):
        works.append(int(work[-1]))
        return rows_in_parts(work)

    monkeypatch.setattr(neighbors, "rows_in_parts", spy)
    model.fit(TRAIN)
    values = growth.symbols(model, Sizes.of(TRAIN))
    assert works == [4 * round(GROWTH[type(model).__name__].once(values))]  # it counts four each
    X = TRAIN.to_csr("ones").toarray()
    pairs = X @ X.T if isinstance(model, UserKNN) else X.T @ X
    assert works == [4 * int(pairs.sum())]


class Number:
    """A number that counts how often one like it is multiplied."""

    n = 0

    def __init__(self, value):
        self.value = float(value)

    def _with(self, other, sign):
        return Number(self.value + sign * float(getattr(other, "value", other)))

    def __mul__(self, other):
        Number.n += 1
        return Number(self.value * float(getattr(other, "value", other)))

    def __add__(self, other):
        return self._with(other, 1)

    def __sub__(self, other):
        return self._with(other, -1)

    def __neg__(self):
        return Number(-self.value)

    def __abs__(self):
        return Number(abs(self.value))

    def __rtruediv__(self, other):
        return Number(float(other) / self.value)

    def __truediv__(self, other):
        return Number(self.value / float(getattr(other, "value", other)))

    def __float__(self):
        return self.value

    def __lt__(self, other):
        return self.value < float(getattr(other, "value", other))

    def __gt__(self, other):
        return self.value > float(getattr(other, "value", other))

    def __ge__(self, other):
        return self.value >= float(getattr(other, "value", other))

    def __le__(self, other):
        return self.value <= float(getattr(other, "value", other))

    def exp(self):
        return Number(math.exp(self.value))

    def log(self):
        return Number(math.log(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return Number(float(other) - self.value)


def numbers(*shape):
    values = np.random.default_rng(0).normal(0, 0.1, shape)
    return np.array([Number(v) for v in values.ravel()], dtype=object).reshape(shape)


@pytest.mark.parametrize("name", ["MF", "BinaryMF", "BPR"])
def test_a_step_of_gradient_descent_multiplies_as_often_for_each_factor_as_the_formula_says(name):
    from recsys_lib.models import bmf, bpr, mf

    users, items, negatives = np.array([0, 1]), np.array([0, 1]), np.array([[2, 3], [3, 2]])
    rate, counts = Number(0.1), []
    for k in (3, 5):
        P, Q, bu, bi, decay = numbers(2, k), numbers(4, k), numbers(2), numbers(4), numbers(4)
        Number.n = 0
        if name == "MF":
            mf.sgd(users, items, np.array([4, 2]), Number(3), bu, bi, P, Q, rate, Number(0.1), True)
        elif name == "BinaryMF":
            bmf.sgd(users, items, negatives, Number(0), bu, bi, P, Q, decay, decay, rate, True)
        else:
            bpr.sgd(users, items, negatives, bi, P, Q, decay, decay, rate, True)
        counts.append(Number.n)
    of = {**dict.fromkeys(SYMBOLS, 0), "N": 2, "s": 2}
    expected = [GROWTH[name].epoch({**of, "k": k}) for k in (3, 5)]
    assert counts[1] - counts[0] == expected[1] - expected[0]
    assert counts[0] <= expected[0] <= counts[0] + 10 * 6  # biases, exponentials and the loss


# ---------------------------------------------------------------------------------- what it says


def ratio(name, what, **doubled):
    """Return by what a formula grows when some symbols are doubled, far out."""
    values = growth.symbols(name, replace(AMAZON, items=10**9, users=10**9, rows=10**10))
    return getattr(GROWTH[name], what)(values | {k: 2 * values[k] for k in doubled}) / getattr(
        GROWTH[name], what
    )(values)


def test_exponents_are_those_that_the_chapters_name():
    def grows(name, what, *doubled):
        return ratio(name, what, **dict.fromkeys(doubled, True))

    assert grows("EASE", "once", "n") == pytest.approx(8, rel=1e-6)
    assert grows("EASE", "learned", "n") == pytest.approx(4, rel=1e-6)
    assert grows("EASE", "once", "m") == 1
    assert grows("iALS", "epoch", "m", "n", "N") == 2
    assert 4 < grows("iALS", "epoch", "k") < 8  # k³ for each user, k² for each rating
    assert grows("ItemKNN", "once", "n") == 1
    assert grows("ItemKNN", "once", "N") == 2
    assert grows("BinaryMF", "epoch", "n") == 1
    assert grows("BPR", "learned", "m", "n") == pytest.approx(2, rel=1e-6)
    assert grows("NeuMF", "epoch", "N") == 2
    # each step goes over the tables of all: with the data, steps and tables double
    assert grows("NeuMF", "epoch", "N", "m", "n") == pytest.approx(4, rel=0.01)
    assert grows("GMF", "epoch", "N", "m", "n", "b") == pytest.approx(2, rel=0.01)
    assert grows("SASRec", "epoch", "N", "m", "n", "c") == pytest.approx(4, rel=0.01)


def test_a_sampled_loss_takes_the_logits_of_all_items_away_and_leaves_the_optimizer():
    every, some = (SASRec(loss=loss) for loss in ("softmax", "sampled softmax"))
    few = growth.symbols(some, AMAZON)
    assert growth.symbols(every, AMAZON)["c"] == 48_190_000
    assert few["c"] == 129
    logits = 12 * 256 * 48_190_000 / 1e9  # of one step, three times
    full, sampled = (growth.costs(one, AMAZON, EVEN) for one in (every, some))
    assert full.temporary - sampled.temporary == pytest.approx(logits, rel=1e-4)
    assert 20 * 3 * (few["W"] + 2 * 64 * few["l"] + 129 * 64) < 10 * 48_190_000 * 64 / 256


def test_the_conclusions_of_571_million_rows_by_hand():
    m, n, rows = 54_510_000, 48_190_000, 571_540_000
    ease = growth.costs(EASE(), AMAZON, EVEN)
    assert ease.learned == pytest.approx(4 * 48.19e6**2 / 1e9, rel=1e-3)  # 9.3 million GB
    assert ease.temporary == pytest.approx(8 * 48.19e6**2 / 1e9, rel=1e-3)
    assert ease.fit == pytest.approx(48.19e6**3 / 2 / 1e9, rel=1e-3)
    factors = growth.costs(iALS(64), AMAZON, EVEN)
    assert factors.data == pytest.approx((20 * rows + 8 * (m + n)) / 1e9)  # 12.3 GB
    assert factors.learned == pytest.approx((4 * 64 * (m + n) + m + 4 * n) / 1e9)  # 26.5 GB
    assert factors.temporary == pytest.approx((16 * rows + 8 * 64 * m) / 1e9)  # 37.1 GB
    assert factors.gigabytes < 128
    sweep = 64**2 * (2 * rows + (64 / 6 + 2) * (m + n))
    assert factors.fit == pytest.approx(16 * sweep / 1e9)
    assert (64 / 6 + 2) * (m + n) > 2 * rows  # the solutions, and not the ratings
    knn = growth.symbols("ItemKNN", AMAZON)
    assert (knn["t"], knn["n_u"]) == (50 * n, (rows / m) ** 3 / 4)
    assert growth.costs("ItemKNN", AMAZON).learned == pytest.approx(
        (12 * 50 * n + 8 * (n + 1) + 8 * rows + 4 * (m + 1) + m + 4 * n) / 1e9
    )
    neumf = growth.symbols("NeuMF", AMAZON)
    steps, table = rows * 5 / 256, (m + n) * (8 + 32)
    assert neumf["W"] == 64 * 32 + 32 + 32 * 16 + 16 + 16 * 8 + 8 + 16 + 1
    of_the_network = 3 * 5 * rows * (neumf["W"] + 8)
    assert GROWTH["NeuMF"].epoch(neumf) == pytest.approx(10 * steps * table + of_the_network)
    assert 10 * steps * table > 10_000 * of_the_network / 6
    assert growth.costs("Popularity", AMAZON, EVEN).scoring == pytest.approx(m * n / 1e9)
    assert m * n / 1e9 > 30 * 86_400  # a month, at a billion a second, of one list for all


def test_where_a_model_breaks_is_found_to_the_row():
    for memory in (10, 128):
        rows = int(growth.breaking_rows("EASE", "learned arrays", memory, rates=EVEN))
        before, after = (growth.costs("EASE", AMAZON.scaled(r), EVEN) for r in (rows - 1, rows))
        assert before.data + before.learned <= memory < after.data + after.learned
        by_hand = math.sqrt(memory * 1e9 / 4) * 571.54 / 48.19  # of 4 n² alone
        assert rows == pytest.approx(by_hand, rel=0.03)
    assert math.isnan(growth.breaking_rows("MF", "learned arrays", 128))
    assert growth.breaking_rows("EASE", "learned arrays", 0.001) == growth.SMALLEST
    # a day of m n k at a billion a second: m n in proportion to the square of the rows
    day = 571_540_000 * math.sqrt(86_400e9 / (54_510_000 * 48_190_000 * 32))
    assert growth.breaking_rows("BPR", "scoring of all users", rates=EVEN) == pytest.approx(
        day, 1e-3
    )


def test_what_breaks_first_is_the_smallest_of_what_breaks():
    found = growth.breaks_first(128, 86_400, rates=EVEN)
    assert set(found.index) == set(GROWTH)
    assert found.index[0] == "EASE"
    assert found.loc["EASE", "breaks"] == "time of the fit" or found.loc["EASE", "rows"] < 2.2e6
    at = found[list(growth.LIMITS)]
    assert found["rows"].equals(at.min(axis=1).rename("rows"))
    assert found["rows"].is_monotonic_increasing
    for name, row in found.iterrows():
        assert at.loc[name, row["breaks"]] == row["rows"]
    # the learned arrays never break before them together with what a fit holds besides
    both = at.dropna(subset=["learned arrays"])
    assert (both["a temporary"] <= both["learned arrays"]).all()
    tiny = growth.breaks_first(1e12, 1e30, ["EASE", "MF"], EVEN)
    assert tiny["breaks"].tolist() == ["nothing", "nothing"]
    assert tiny["rows"].isna().all()


def test_wrong_names_and_numbers_are_refused():
    with pytest.raises(ValueError, match=r"model must be one of 'Popularity', .*got 'Random'"):
        growth.costs("Random", AMAZON)
    with pytest.raises(ValueError, match=r"name must be one of 'Popularity', .*got 'Random'"):
        growth.with_defaults("Random")
    with pytest.raises(ValueError, match=r"what must be one of 'learned arrays'.*got 'disk'"):
        growth.breaking_rows("EASE", "disk")
    with pytest.raises(ValueError, match="memory must be a finite number"):
        growth.breaking_rows("EASE", "a temporary", memory=-1)
    with pytest.raises(ValueError, match="twice as many cells"):
        growth.made(Sizes(100, 10, 10, 1, 1))
    with pytest.raises(ValueError, match="users must be at least 1, got 0"):
        Sizes(100, 0, 10, 1, 1)
    with pytest.raises(ValueError, match="each must be a finite number"):
        Sizes(100, 10, 10, 1, 1, each=-1)


class Own(iALS):
    """A model of a reader's own."""


MY_MF = type("MF", (MF,), {"__doc__": "Another one of the same name."})
ASKING = [
    growth.costs,
    growth.symbols,
    lambda model, sizes: growth.breaking_rows(model, "a temporary", whole=sizes),
]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("model", [Own(), MY_MF(), models.Random()], ids=repr)
def test_a_model_whose_formulas_nobody_knows_is_refused(ask, model):
    with pytest.raises(ValueError, match=r"one of Popularity, .*GRU4Rec, got ") as caught:
        ask(model, AMAZON)
    assert repr(model) in str(caught.value)
    assert "what one of one's own takes is in its code" in str(caught.value)


@pytest.mark.parametrize("ask", ASKING)
def test_what_is_no_model_or_no_sizes_is_refused(ask):
    with pytest.raises(TypeError, match="model must be a model or the name of one, got <class"):
        ask(MF, AMAZON)
    with pytest.raises(TypeError, match=r"must be Sizes.*got <planted"):
        ask("MF", planted().train)


def test_mapped_factors_of_another_model_than_ials_have_no_formulas():
    mapped = models.MappedFactors(models.BPR())
    with pytest.raises(ValueError, match=r"model must have the factors of iALS, got MappedFactors"):
        growth.costs(mapped, AMAZON)


WRONG_RATES = [
    ({}, ValueError, "rates must have one for 'MF', got none"),
    ({"EASE": Rate(1, 1)}, ValueError, "rates must have one for 'MF', got 'EASE'"),
    ({"MF": 1e9}, TypeError, r"rates\['MF'\] must be a Rate, got 1000000000.0 \(float\)"),
    ({"MF": Rate(0, 1)}, ValueError, r"rates\['MF'\] must be of positive numbers, got Rate"),
    ([Rate(1, 1)], TypeError, "rates must be a dict of Rate by the model's name"),
]


@pytest.mark.parametrize(("rates", "error", "message"), WRONG_RATES)
def test_rates_that_lack_the_model_are_refused(rates, error, message):
    for ask in (
        lambda: growth.costs("MF", AMAZON, rates),
        lambda: growth.table([1e5], ["MF"], rates),
        lambda: growth.breaks_first(names=["MF"], rates=rates),
        lambda: growth.breaking_rows("MF", "a temporary", rates=rates),
    ):
        with pytest.raises(error, match=message):
            ask()


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ([], ValueError, "names must have at least one of Popularity, .*, got none"),
        ("EASE", TypeError, "names must be a sequence of names, got the text 'EASE'"),
        (["EASY"], ValueError, "names must be one of 'Popularity', .*got 'EASY'"),
    ],
)
def test_names_of_no_model_are_refused(names, error, message):
    for ask in (
        lambda: growth.table([1e5], names),
        lambda: growth.breaks_first(names=names),
        lambda: growth.measured(names, [1000]),
    ):
        with pytest.raises(error, match=message):
            ask()


def test_no_rows_and_no_columns_are_refused():
    with pytest.raises(ValueError, match="rows must have at least one number, got none"):
        growth.table([])
    with pytest.raises(ValueError, match="rows must have at least one number, got none"):
        growth.measured(["MF"], [])
    with pytest.raises(ValueError, match="columns of `measured`, and has no 'model'"):
        growth.rates_of(pd.DataFrame())
    with pytest.raises(TypeError, match="found must be a table"):
        growth.rates_of([])


LIBRARY = Path(growth.__file__).parents[1]
DOCUMENTED = sorted([*LIBRARY.glob("scale/*.py"), *LIBRARY.glob("serve/*.py")])


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_parameters_share_a_line_only_where_each_may_have_its_text(path):
    """In the reference the text of such a line stands once for each parameter."""
    shared = re.compile(r"^ +\w+(?:, \w+)+(?: : .*)?\n +(?!As |\w+(?:, \w+)* : )(\S.*)$", re.M)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            parameters = text.partition("Parameters\n-----")[2].partition("\n\n")[0]
            assert not shared.search(parameters.replace("\n", "\n ")), node.name


# ----------------------------------------------------------------------------------- what is made


def test_made_ratings_are_as_many_as_asked_for_with_long_tails():
    sizes = AMAZON.scaled(30_000)
    train = growth.made(sizes, seed=3)
    assert (len(train), *train.shape) == (30_000, sizes.users, sizes.items)
    np.testing.assert_array_equal(train.user, growth.made(sizes, seed=3).user)
    assert (train.user != growth.made(sizes, seed=4).user).any()
    for counts in (train.user_counts, train.item_counts):
        assert (counts.astype(float) ** 2).sum() / len(train) > 3 * counts.mean()
        assert np.median(counts) < counts.mean() / 2


def test_a_long_tail_is_that_of_the_log_normal_law():
    draws = np.random.default_rng(0).lognormal(np.log(2), 0.8, 400_000)
    mean = 2 * math.exp(0.8**2 / 2)
    assert growth.size_biased(mean, 2) == pytest.approx(mean * math.exp(0.8**2))
    assert (draws**2).mean() / draws.mean() == pytest.approx(growth.size_biased(mean, 2), rel=0.03)


def test_sizes_of_a_training_set_are_counted():
    sizes = Sizes.of(planted().train)
    assert (sizes.rows, sizes.users, sizes.items, sizes.of_user) == (480, 41, 31, 12.0)
    assert (sizes.features, round(sizes.each * 31)) == (
        13,
        planted().train.item_features.matrix.nnz,
    )
    half = AMAZON.scaled(AMAZON.rows / 2)
    assert (half.users, half.items, half.of_user) == (27_255_000, 24_095_000, AMAZON.of_user)


# -------------------------------------------------------------------------------- what is measured


def test_what_is_measured_has_the_columns_of_the_table_and_gives_rates():
    found = growth.measured(["Popularity", "MF"], rows=[1000, 2000], seconds=600)
    assert found["model"].tolist() == ["Popularity"] * 2 + ["MF"] * 2
    assert found["rows"].tolist() == [1000, 2000] * 2
    assert found["scored"].tolist() == [32] * 4
    mf = found[found["model"] == "MF"].iloc[1]
    assert mf["multiplications"] == 2000 * (7 * 16 + 10)
    rates = growth.rates_of(found)
    assert rates["MF"].fit == pytest.approx(mf["multiplications"] / mf["epoch_seconds"])
    table = growth.table([1000, 2000], ["MF"], rates)
    assert {"model", "rows", "epoch_seconds", "fit_gb"} <= set(found) & set(table)
    assert table["epoch_seconds"].iloc[1] == pytest.approx(mf["epoch_seconds"])


def test_measuring_stops_where_the_next_size_would_take_too_long():
    found = growth.measure(["MF"], [1000, 10**9], 5.0, AMAZON)
    assert [row["rows"] for row in found] == [1000]


def test_a_process_that_fails_says_why(monkeypatch):
    killed = subprocess.CompletedProcess([], 1, stdout="", stderr="... MemoryError: 9 GB")
    monkeypatch.setattr(growth.subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(RuntimeError, match=r"the process that measures failed: ... MemoryError"):
        growth.measured(["MF"], [1000])
    with pytest.raises(ValueError, match=r"names must be one of .*got 'NoSuch'"):
        growth.measured(["NoSuch"], [1000])
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        growth.measured(["MF"], [0])


def test_a_table_has_a_row_for_each_model_and_size():
    table = growth.table([1e5, 1e6], ["EASE", "MF"], EVEN)
    assert table["model"].tolist() == ["EASE", "EASE", "MF", "MF"]
    cost = growth.costs(MF(), AMAZON.scaled(1e6), EVEN)
    last = table.iloc[-1]
    assert last["gigabytes"] == cost.gigabytes == last["data_gb"] + last["fit_gb"]
    assert last["fit_seconds"] == cost.seconds == pytest.approx(30 * last["epoch_seconds"])
    assert last["scoring_seconds"] == cost.scoring


def test_a_figure_has_lines_dots_a_limit_and_their_names():
    table = growth.table([1e5, 1e6, 1e7], ["EASE", "MF"], EVEN)
    dots = pd.DataFrame({"model": ["MF"] * 2, "rows": [1e5, 1e6], "fit_gb": [0.003, 0.0]})
    _, ax = plt.subplots()
    growing(table, "fit_gb", ax, ["EASE", "MF"], dots, (128, "128 GB"))
    assert [text.get_text() for text in ax.texts] == ["EASE", "MF", "128 GB"]
    ease, _, mf, measured = ax.lines
    (limit,) = ax.collections
    assert ease.get_ydata().tolist() == table["fit_gb"].tolist()[:3]
    assert mf.get_color() == measured.get_color() != ease.get_color()
    assert measured.get_xdata().tolist() == [1e5]  # a peak that was not seen is not drawn
    (line,) = limit.get_segments()
    assert line[:, 1].tolist() == [128, 128]
    assert line[:, 0].tolist() == [ax.get_xlim()[0], 1e7]  # names of lines stand beyond
    assert ax.get_xscale() == ax.get_yscale() == "log"
    plt.close("all")
