"""A model of one's own beside the others, by one command."""

import pytest

from recsys_lib.data import DataError
from recsys_lib.models import Popularity
from recsys_lib.rank import main, rank, read_models

from model_suite import planted

GOOD = """
import numpy as np
from recsys_lib.models import Popularity, Recommender

class Shy(Recommender):
    \"\"\"Recommends what nobody knows.\"\"\"

    def _fit(self, train, valid):
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
    assert sum("fitted in" in line for line in said.splitlines()) == 6
    assert "Shy minus BinaryMF: -" in said


def test_an_unknown_metric_or_data_set_is_one_sentence(tmp_path, capsys):
    path = str(write(tmp_path, GOOD))
    assert main([path, "--metric", "auc", "--negatives", "5"]) == 1
    assert "metric 'auc'" in capsys.readouterr().err
    assert main([path, "--data", "nonsense"]) == 1
    assert "nonsense" in capsys.readouterr().err
