"""A model of one's own beside the others, by one command."""

import gzip
import re
import subprocess
import sys

import numpy as np
import pytest

from recsys_lib.data import DataError
from recsys_lib.evaluation import sample_candidates
from recsys_lib.models import SVD, Popularity
from recsys_lib.rank import TEMPLATE, main, rank, rank_under, read_models, write_template

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
    assert sum("fitted in" in line for line in said.splitlines()) == 8
    assert any(line.split()[0] == "Content" for line in said.splitlines() if "fitted in" in line)
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
    said, notes = capsys.readouterr()
    assert re.fullmatch(
        r"note: the items have no features .*Content .*: .*Magazine_Subscriptions.*\n", notes
    )
    assert "60 users x 56 items" in said
    assert sum("fitted in" in line for line in said.splitlines()) == 7  # SVD with 55 factors


def test_a_model_of_the_course_that_fails_is_left_out_and_said(tmp_path, monkeypatch, capsys):
    def fails(*_):
        raise FloatingPointError("no")

    monkeypatch.setattr(SVD, "_fit", fails)
    options = write_small(tmp_path, monkeypatch)
    assert main([str(write(tmp_path, GOOD)), *options]) == 0
    caught = capsys.readouterr()
    assert caught.err.splitlines()[1:] == ["note: SVD is left out: FloatingPointError: no"]
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
        (
            "_fit(self, train)",
            "_fit(self)",
            r"TypeError: Shy\._fit must take one argument .*, got _fit\(self\)",
        ),
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


# ------------------------------------------------------------------ two protocols, the template


def test_both_protocols_are_reported_unless_one_is_asked_for(tmp_path, capsys, monkeypatch):
    options = [str(write(tmp_path, GOOD)), *write_small(tmp_path, monkeypatch)]
    assert main([*options, "--metric", "hr@5"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"among all unknown items +among 99 sampled negatives", said)
    rows = re.findall(r"(?m)^[* ] (\w+) +(\d)\.  [^\]]+\] +(\d)\.  [^\]]+\]   fitted in", said)
    assert [int(place) for _, place, _ in rows] == list(range(1, 8))
    assert sorted(int(place) for _, _, place in rows) == list(range(1, 8))
    differences = re.findall(r"(?m)^Shy minus \w+: .* (among [\w ]+)$", said)
    assert differences == ["among all unknown items", "among 99 sampled negatives"]
    assert max(map(len, said.splitlines())) <= 120
    assert main([*options, "--negatives", "9"]) == 0
    said = capsys.readouterr().out
    assert "among 9 sampled negatives [95% intervals" in said
    assert "all unknown items" not in said


def test_under_two_protocols_each_model_is_fitted_once(tmp_path, monkeypatch):
    fits = []
    fit = Popularity._fit
    monkeypatch.setattr(Popularity, "_fit", lambda self, t: (fits.append(1), fit(self, t))[1])
    split = planted()
    few = sample_candidates(split, 5)
    found = rank_under({"Popularity": Popularity()}, split, {"all": None, "few": few})
    assert list(found) == ["all", "few"]
    assert len(fits) == 1
    for name, (board, tables) in found.items():
        alone, _ = rank({"Popularity": Popularity()}, split, None if name == "all" else few)
        assert board["mean"].equals(alone["mean"])
        assert board.loc["Popularity", "mean"] == tables["Popularity"]["ndcg@10"].mean()
    with pytest.raises(DataError, match="protocols is empty"):
        rank_under({}, split, {})


def test_the_template_is_a_whole_model_and_ranked_as_it_is(tmp_path, monkeypatch, capsys):
    path = tmp_path / "own.py"
    assert main(["--template", str(path)]) == 0
    assert f"python -m recsys_lib.rank {path}" in capsys.readouterr().out
    text = path.read_text()
    assert "python -m recsys_lib.rank own.py" in text
    assert max(map(len, text.splitlines())) <= 79
    assert list(read_models(path)) == ["Mine"]
    assert main([str(path), *write_small(tmp_path, monkeypatch)]) == 0
    assert "* Mine" in capsys.readouterr().out


def test_the_template_chooses_on_validation_when_it_is_run(tmp_path):
    path = write_template(tmp_path / "own.py")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert len(re.findall(r"Mine\(half_life=\d+\) ndcg@10 0\.\d{4}", done.stdout)) == 3


def test_the_template_names_what_there_is():
    text = TEMPLATE.read_text()
    train = planted().train
    for name in re.findall(r"train\.(\w+)", text):
        assert hasattr(train, name), name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there.py", "there.py exists: it is left as it is"),
        ("mine.txt", "must end in .py"),
        ("no/mine.py", "must lie in a folder that exists"),
    ],
)
def test_the_template_is_written_to_a_new_file_only(tmp_path, capsys, name, message):
    (tmp_path / "there.py").write_text("my work")
    assert main(["--template", str(tmp_path / name)]) == 1
    assert message in capsys.readouterr().err
    assert (tmp_path / "there.py").read_text() == "my work"
    assert [path.name for path in tmp_path.iterdir()] == ["there.py"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = x / 0\n", r"mine.py does not run: ZeroDivisionError: .* \(line 2\)"),
        (
            "from recsys_lib.models import Popularity\n\n\nclass Mine(Popularity):\n"
            "    def __init__(self):\n        self.k = {}['k']\n",
            r"mine.py: Mine\(\) fails: KeyError: 'k' \(line 6\)",
        ),
    ],
)
def test_a_file_that_fails_is_named_with_its_line_wherever_one_stands(
    text, said, tmp_path, monkeypatch
):
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    for path in ("mine.py", tmp_path / "mine.py"):
        with pytest.raises(DataError, match=said):
            read_models(path)
