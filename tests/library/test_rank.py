"""A model of one's own beside the others, by one command."""

import gzip
import re

import numpy as np
import pytest

from recsys_lib.data import DataError
from recsys_lib.models import SVD, Popularity
from recsys_lib.rank import main, rank, read_models

from model_suite import planted

GOOD = """
import numpy as np
from recsys_lib.models import Popularity, Recommender

class Shy(Recommender):
    \"\"\"Recommends what nobody knows.\"\"\"

    def _fit(self, train):
        self.counts_ = train.item_counts.astype(np.float32)

    def _score(self, users):
        return np.tile(-self.counts_, (len(users), 1))
"""


def write(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_only_classes_of_the_file_itself_are_taken(tmp_path):
    models = read_models(write(tmp_path, GOOD))
    assert list(models) == ["Shy"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "mine.py defines no subclass of recsys_lib.models.Recommender"),
        ("from recsys_lib.models import Popularity", "defines no subclass"),
        ("1 / 0", "mine.py does not run: ZeroDivisionError: division by zero"),
        ("def f(:", "mine.py does not run: SyntaxError"),
        (GOOD.replace("def _score", "def score_"), "mine.py: Shy has no _score"),
        (
            GOOD.replace(
                "    def _fit", "    def __init__(self, k):\n        self.k = k\n    def _fit"
            ),
            r"mine.py: Shy\(\) must work without arguments: .*'k'",
        ),
    ],
)
def test_a_file_without_a_whole_model_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_models(write(tmp_path, text))


def test_a_file_that_does_not_exist_is_refused(tmp_path, capsys):
    assert main([str(tmp_path / "none.py")]) == 1
    assert "FILE must be a Python file that exists" in capsys.readouterr().err


def test_the_board_is_in_order_and_says_what_evaluate_says(tmp_path):
    own = read_models(write(tmp_path, GOOD))
    split = planted()
    board, tables = rank({"Popularity": Popularity(), **own}, split)
    assert board.index.tolist() == sorted(tables, key=lambda name: -tables[name]["ndcg@10"].mean())
    for name, row in board.iterrows():
        assert row["mean"] == pytest.approx(tables[name]["ndcg@10"].mean())
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["seconds"] >= 0


def test_the_command_ranks_the_model_and_compares_it_with_the_best(tmp_path, capsys):
    assert main([str(write(tmp_path, GOOD)), "--negatives", "50"]) == 0
    said = capsys.readouterr().out
    assert "among 50 sampled negatives" in said
    lines = [line for line in said.splitlines() if line.startswith("*")]
    assert len(lines) == 1
    assert "Shy" in lines[0]
    assert sum("fitted in" in line for line in said.splitlines()) == 7
    assert "Shy minus BinaryMF: -" in said


def write_small(tmp_path, monkeypatch, fault=""):
    """Put 60 users x 56 items where an official Amazon file stands."""
    folder = tmp_path / "data" / "amazon-2023"
    folder.mkdir(parents=True)
    monkeypatch.setenv("RECSYS_DATA", str(folder.parent))
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, 60, 700) * 56 + rng.integers(0, 56, 700))
    lines = [
        f"U{cell // 56:02},P{cell % 56:02},{n % 5 + 1}.0,{1600000000000 + n * 1000}\n"
        for n, cell in enumerate(cells.tolist())
    ]
    with gzip.open(folder / "5core_rating_only_Magazine_Subscriptions.csv.gz", "wt") as file:
        file.write("user_id,parent_asin,rating,timestamp\n" + "".join(lines) + fault)
    return ["--data", "amazon-2023-5core/Magazine_Subscriptions"]


def test_ones_own_model_is_ranked_on_small_data_too(tmp_path, monkeypatch, capsys):
    options = write_small(tmp_path, monkeypatch)
    assert main([str(write(tmp_path, GOOD)), *options]) == 0
    said = capsys.readouterr().out
    assert "60 users x 56 items" in said
    assert sum("fitted in" in line for line in said.splitlines()) == 7  # SVD with 55 factors


def test_a_model_of_the_course_that_fails_is_left_out_and_said(tmp_path, monkeypatch, capsys):
    def fails(*_):
        raise FloatingPointError("no")

    monkeypatch.setattr(SVD, "_fit", fails)
    options = write_small(tmp_path, monkeypatch)
    assert main([str(write(tmp_path, GOOD)), *options]) == 0
    caught = capsys.readouterr()
    assert caught.err == "note: SVD is left out: FloatingPointError: no\n"
    assert sum("fitted in" in line for line in caught.out.splitlines()) == 6
    own = read_models(write(tmp_path, GOOD.replace("(Recommender)", "(SVD)").replace(
        "import Popularity", "import SVD, Popularity")))  # fmt: skip
    with pytest.warns(UserWarning, match="SVD is left out"):
        board, _ = rank({"SVD": SVD(2)} | own, planted(), optional={"SVD"})
    assert board.index.tolist() == ["Shy"]


def test_bad_rows_stop_the_command_or_are_left_out_and_counted(tmp_path, monkeypatch, capsys):
    options = [str(write(tmp_path, GOOD)), *write_small(tmp_path, monkeypatch, "U00,P01,,1\n")]
    assert main(options) == 1
    assert "rating is missing" in capsys.readouterr().err
    assert main([*options, "--on-bad-rows", "skip"]) == 0
    assert re.search(r"; 1 of \d+ rows skipped>", capsys.readouterr().out)


@pytest.mark.parametrize("metric", ["recall", "Recall_at_10", "recall@K"])
def test_a_metric_that_may_be_meant_is_named(tmp_path, capsys, metric):
    assert main([str(write(tmp_path, GOOD)), "--metric", metric]) == 1
    assert f"got {metric!r}" in (said := capsys.readouterr().err)
    assert ("is 'recall@10' meant?" in said) == (metric != "recall@K")


def test_an_unknown_data_set_is_one_sentence(tmp_path, capsys):
    path = str(write(tmp_path, GOOD))
    assert main([path, "--data", "nonsense"]) == 1
    assert "nonsense" in capsys.readouterr().err


FIT = "self.counts_ = train.item_counts.astype(np.float32)"
SCORE = "return np.tile(-self.counts_, (len(users), 1))"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (FIT, "raise KeyError('age')", r"Shy fails: KeyError: 'age' \(line 9\)"),
        ("_fit(self, train)", "_fit(self)", r"Shy fails: TypeError: .*positional argument"),
        (SCORE, "pass", r"Shy fails: TypeError: Shy\(\) must score a NumPy array, got a NoneType"),
        (SCORE, "return self.counts_.tolist()", "must score a NumPy array, got a list"),
        (SCORE, "return -self.counts_", r"Shy\(\) must score numbers of shape .*, got float32 of"),
        (SCORE, "return np.zeros((len(users), self.n_items_ + 9))", r"one column for each item"),
        (SCORE, "return np.full((len(users), self.n_items_), np.nan)", r"Shy\(\) scores NaN"),
        (SCORE, "return self.wrong_", r"AttributeError: .* \(line 12\)"),
        ("    def _fit", "    def __init__(self):\n        1 / 0\n    def _fit", r"Shy\(\) fails"),
    ],
)
def test_a_mistake_in_ones_own_model_is_one_sentence(tmp_path, old, new, message):
    with pytest.raises(DataError, match=message) as caught:
        rank(read_models(write(tmp_path, GOOD.replace(old, new))), planted())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["typing", "random", "numpy", "recsys_lib"])
def test_a_file_may_have_the_name_of_a_library(tmp_path, name):
    assert list(read_models(write(tmp_path, GOOD, f"{name}.py"))) == ["Shy"]
    assert __import__(name).__name__ == name


def test_a_file_that_ends_the_program_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not run: SystemExit: 0"):
        read_models(write(tmp_path, "raise SystemExit(0)"))


def test_a_file_may_import_its_neighbor_and_hold_a_base_class(tmp_path):
    write(tmp_path, "WORTH = -1", "beside_the_model.py")
    base = GOOD.replace("class Shy(", "class Base(").replace("def _score", "def _later")
    text = f"{base}\nfrom beside_the_model import WORTH\n\n\nclass Bold(Base):\n"
    text += "    def _score(self, users):\n        return self._later(users) * WORTH\n"
    assert list(read_models(write(tmp_path, text))) == ["Bold"]


@pytest.mark.parametrize("metric", ["n_relevant", "foo", "ndcg", "ndcg@0", "ndcg@-1", "auc@10"])
def test_a_metric_that_there_is_not_is_refused_at_once(tmp_path, capsys, metric):
    assert main([str(tmp_path / "none.py"), "--metric", metric]) == 1
    assert "metric must be one of hr, ndcg, precision, recall with @K" in capsys.readouterr().err


def test_another_length_of_list_can_be_asked_for(tmp_path):
    board, tables = rank(read_models(write(tmp_path, GOOD)), planted(), metric="hr@3")
    assert board.loc["Shy", "mean"] == pytest.approx(tables["Shy"]["hr@3"].mean())
