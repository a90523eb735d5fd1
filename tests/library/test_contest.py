"""A contest for a class: what is hidden stays so, lists are checked line by line, ties are said."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from recsys_lib import contest
from recsys_lib.data import DataError, Interactions
from recsys_lib.evaluation import compare
from recsys_lib.evaluation.significance import holm

from model_suite import planted

N_USERS, N_ITEMS = 40, 30


@pytest.fixture(scope="module")
def ratings():
    """40 users with 12 events each of 30 items, and one with two events, who cannot take part."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(N_USERS), 12)
    item = np.concatenate([rng.permutation(N_ITEMS)[:12] for _ in range(N_USERS)])
    frame = pd.DataFrame({"user": [f"u{u}" for u in user], "item": [f"i{i}" for i in item]})
    shy = pd.DataFrame({"user": ["shy"] * 2, "item": ["i0", "i1"]})
    frame = pd.concat([frame, shy], ignore_index=True).assign(rating=1.5, timestamp=1_000_000_000)
    titles = pd.DataFrame({"title": [f"Film, {i}" for i in range(N_ITEMS)]})
    titles.index = [f"i{i}" for i in range(N_ITEMS)]
    return Interactions.from_frame(frame, name="small", time_unit="s", items=titles)


@pytest.fixture
def folder(tmp_path, ratings):
    contest.prepare(tmp_path / "c", ratings, 3)
    return tmp_path / "c"


@pytest.fixture
def task(folder):
    return contest.read_task(folder / "hidden")


def lists_of(task, right=0):
    """Lists of the items that are left, in their order; the first `right` users get the hidden."""
    lists = {}
    for number, user in enumerate(task.hidden):
        hidden = task.hidden[user]
        free = [one for one in task.items if one not in task.known[user] and one not in hidden]
        lists[user] = (hidden + free if number < right else free)[:10]
    return lists


def write(path, lists, wide=False):
    if wide:
        lines = [",".join(contest.WIDE), *(",".join([user, *own]) for user, own in lists.items())]
    else:
        lines = [",".join(contest.LONG)]
        for user, own in lists.items():
            lines += [f"{user},{item},{rank}" for rank, item in enumerate(own, start=1)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


# ------------------------------------------------------------------ preparing


def test_two_events_of_each_user_are_hidden_and_the_rest_is_handed_out(folder, ratings):
    test = pd.read_csv(folder / "hidden" / "test.csv")
    train = pd.read_csv(folder / "hand_out" / "train.csv")
    assert test.groupby("user").size().eq(2).all()
    assert test["user"].nunique() == N_USERS
    assert list(train) == ["user", "item", "rating", "timestamp"]
    both = pd.concat([train[["user", "item"]], test])
    whole = ratings.to_frame()[["user", "item"]]
    assert sorted(both.itertuples(index=False)) == sorted(whole.itertuples(index=False))
    users = pd.read_csv(folder / "hand_out" / "users.csv")
    assert set(users["user"]) == set(test["user"])
    assert users["events"].eq(10).all()
    assert list(pd.read_csv(folder / "hand_out" / "items.csv")) == ["item", "title"]


def test_nothing_that_is_handed_out_tells_what_is_hidden(folder):
    names = sorted(path.name for path in (folder / "hand_out").iterdir())
    assert names == ["README.txt", "items.csv", "train.csv", "users.csv"]
    text = (folder / "hand_out" / "README.txt").read_text()
    assert "seed" not in text
    hidden = set((folder / "hidden" / "test.csv").read_text().splitlines()[1:])
    assert not hidden & set(re.findall(r"(?m)^  (\w+,\w+),\d$", text))
    assert len(re.findall(r"(?m)^  (\w+,\w+),\d$", text)) == 2


def test_the_seed_decides_what_is_hidden(ratings):
    a, b, again = (contest.hide(ratings, seed) for seed in (1, 2, 1))
    assert (a == again).all()
    assert (a != b).any()
    assert a.sum() == 2 * N_USERS


def test_what_is_hidden_is_drawn_evenly():
    """Not the last events, nor the first in the file."""
    split = planted()
    places = np.zeros(12)
    for seed in range(200):
        chosen = contest.hide(split.train, seed)
        first = np.searchsorted(split.train.user, split.train.user)
        np.add.at(places, np.arange(len(chosen))[chosen] - first[chosen], 1)
    assert (split.train.user_counts[:-1] == 12).all()
    assert np.abs(places / places.sum() - 1 / 12).max() < 0.01


def test_nothing_is_overwritten(folder, ratings):
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    with pytest.raises(DataError, match=r"FOLDER must be new, but .*hand_out exists"):
        contest.prepare(folder, ratings, 4)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_data_without_times_or_titles_will_do(tmp_path):
    frame = pd.DataFrame({"user": np.repeat(range(3), 5), "item": [*range(15)]})
    contest.prepare(tmp_path, Interactions.from_frame(frame), 0)
    assert "empty: the data has none" in (tmp_path / "hand_out" / "README.txt").read_text()
    assert (tmp_path / "hand_out" / "items.csv").read_text().startswith("item\n0\n")
    task = contest.read_task(tmp_path / "hidden")
    assert {len(table) for table in contest.bars(task).values()} == {3}


def test_data_that_cannot_make_a_contest_is_refused(tmp_path):
    few = Interactions.from_frame(pd.DataFrame({"user": [1, 1], "item": [1, 2]}))
    with pytest.raises(DataError, match="no user of frame has more than 2 events"):
        contest.prepare(tmp_path / "c", few, 0)
    small = Interactions.from_frame(pd.DataFrame({"user": [1] * 5, "item": range(5)}))
    with pytest.raises(DataError, match="fewer than 10 are left to list"):
        contest.prepare(tmp_path / "c", small, 0)
    assert not (tmp_path / "c").exists()


# ------------------------------------------------------------------ what is handed in


@pytest.mark.parametrize("wide", [False, True])
def test_both_forms_say_the_same_and_hits_are_counted(task, tmp_path, wide):
    lists = contest.read_lists(write(tmp_path / "s" / "a.csv", lists_of(task, 10), wide), task)
    table = contest.measure(lists, task)
    assert table["hr@10"].tolist() == table["ndcg@10"].tolist() == [1.0] * 10 + [0.0] * 30
    assert table.index.tolist() == list(task.hidden)


def test_the_order_of_lines_does_not_matter_and_spaces_and_a_mark_are_passed_over(task, tmp_path):
    path = write(tmp_path / "s" / "a.csv", lists_of(task, 5))
    wanted = contest.read_lists(path, task)
    head, *lines = path.read_text().splitlines()
    text = "\r\n".join([head, *(line.replace(",", " , ") for line in reversed(lines)), ""])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert (contest.read_lists(path, task) == wanted).all()


def broken(task, fault):
    """One fault in a file that is right otherwise, as a change of its lines; users u0, u1, ..."""
    known = sorted(task.known["u0"])[0]
    return {
        "columns": lambda lines: ["user,item", *lines[1:]],
        "fields": lambda lines: [*lines[:4], lines[4] + ",1", *lines[5:]],
        "user": lambda lines: [*lines[:4], "nobody,i1,4", *lines[5:]],
        "shy": lambda lines: [*lines[:4], "shy,i5,4", *lines[5:]],
        "item": lambda lines: [*lines[:4], "u0,Heat,4", *lines[5:]],
        "float": lambda lines: [*lines[:4], re.sub(r"(i\d+)", r"\1.0", lines[4]), *lines[5:]],
        "known": lambda lines: [*lines[:4], f"u0,{known},4", *lines[5:]],
        "twice": lambda lines: [*lines[:4], lines[3][:-1] + "4", *lines[5:]],
        "rank": lambda lines: [*lines[:4], lines[4][:-1] + "11", *lines[5:]],
        "rank 0": lambda lines: [*lines[:4], lines[4][:-1] + "0", *lines[5:]],
        "ranks": lambda lines: [*lines[:4], lines[4][:-1] + "3", *lines[5:]],
        "few": lambda lines: [*lines[:10], *lines[11:]],
        "missing": lambda lines: [lines[0], *lines[21:]],
        "empty": lambda _: [],
        "quote": lambda lines: [*lines[:4], 'u0,"i1"x,4', *lines[5:]],
    }[fault]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("columns", r"a.csv, line 1: the columns must be user,item,rank or .* got 'user,item'"),
        ("fields", r"a.csv, line 5: there must be 3 fields, as in the header, got 4"),
        ("user", r"a.csv, line 5: user must be one of users.csv, got 'nobody'"),
        ("shy", r"a.csv, line 5: user must be one of users.csv, got 'shy'"),
        ("item", r"a.csv, line 5: item must be one of items.csv, got 'Heat'"),
        ("float", r"line 5: item must be .*, got 'i\d+\.0'; is 'i\d+' meant\?"),
        ("known", r"a.csv, line 5: user u0 has item i\d+ in train.csv; allowed are"),
        ("twice", r"a.csv, line 5: user u0 has item i\d+ twice; allowed is once"),
        ("rank", r"a.csv, line 5: rank must be a whole number from 1 to 10, got '11'"),
        ("rank 0", r"a.csv, line 5: rank must be a whole number from 1 to 10, got '0'"),
        ("ranks", r"a.csv, line 5: user u0 has rank 3 twice"),
        ("few", r"a.csv, line 10: the list of user u0 ends here with 9 items, it must have 10"),
        ("missing", r"each of the 40 users of users.csv, got none for 2 of them, .* u0, u1$"),
        ("empty", r"a.csv, line 1: the columns must be"),
        ("quote", r"a.csv, line 5: it must be delimited by commas"),
    ],
)
def test_a_fault_is_named_with_its_line(task, tmp_path, fault, message):
    task = in_order(task)
    path = write(tmp_path / "s" / "a.csv", lists_of(task))
    path.write_text("\n".join(broken(task, fault)(path.read_text().splitlines())) + "\n")
    with pytest.raises(DataError, match=message):
        contest.read_lists(path, task)


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("user;item;rank", "delimited by commas, not by semicolons"),
        ("user\titem\trank", "delimited by commas, not by tabs"),
        (",user,item,rank", r"to_csv\(..., index=False\) leaves out"),
        ("User,Item,Rank", "in small letters"),
        ("item,user,rank", "in this order"),
        ("user,item,place", "got 'user,item,place'$"),
    ],
)
def test_a_usual_header_gets_advice(task, tmp_path, header, advice):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n")
    with pytest.raises(DataError, match=advice):
        contest.read_lists(path, task)


def in_order(task):
    """The task with its users in the order of their numbers."""
    users = sorted(task.hidden, key=lambda user: int(user[1:]))
    hidden = {user: task.hidden[user] for user in users}
    return contest.Task(hidden, task.known, task.items, task.train)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own: [*own[:9], ""], r"a.csv, line 2: the list of user u0 has 9 items"),
        (lambda own: own[:9], r"a.csv, line 2: there must be 11 fields, as in the header, got 10"),
        (lambda own: [*own[:9], own[0]], r"a.csv, line 2: user u0 has item i\d+ twice"),
    ],
)
def test_a_fault_in_a_line_for_each_user_is_named(task, tmp_path, change, message):
    task = in_order(task)
    lists = lists_of(task)
    path = write(tmp_path / "s" / "a.csv", lists | {"u0": change(lists["u0"])}, wide=True)
    with pytest.raises(DataError, match=message):
        contest.read_lists(path, task)
    again = write(path, lists, wide=True).read_text()
    path.write_text(again + again.splitlines()[1] + "\n")
    with pytest.raises(DataError, match=r"line 42: user u0 has a second line; allowed is one"):
        contest.read_lists(path, task)
    path.write_bytes(b"user,item,rank\nu0,\xff,1\n")
    with pytest.raises(DataError, match=r"a.csv, line 2: the text must be UTF-8"):
        contest.read_lists(path, task)


# ------------------------------------------------------------------ ranking


def test_the_board_says_what_compare_and_holm_say(task, tmp_path):
    paths = {n: write(tmp_path / "s" / f"{n}.csv", lists_of(task, n)) for n in (0, 36, 40)}
    tables = {str(n): contest.measure(contest.read_lists(p, task), task) for n, p in paths.items()}
    board = contest.standings(tables)
    assert board.index.tolist() == ["40", "36", "0"]
    assert board["place"].tolist() == [1, 2, 3]
    pairs = [compare(tables[name], tables["40"]).loc["ndcg@10"] for name in ("36", "0")]
    wanted = holm(np.array([pair["p_value"] for pair in pairs]))
    assert board["p_holm"].tolist()[1:] == wanted.tolist()
    assert board["difference"].tolist()[1:] == [pair["difference"] for pair in pairs]
    assert board["level_with_the_best"].tolist() == [True, True, False]  # four users: p = 1/8
    assert contest.in_words(board).startswith("36 is level with 40, the best")
    assert "2 comparisons" in contest.in_words(board)
    assert contest.in_words(contest.standings({"a": tables["0"]})).startswith("a is alone")
    two = contest.standings({"a": tables["0"], "b": tables["40"]})
    assert contest.in_words(two).startswith(
        "b is ahead of all others (user by user, at 5% after Holm"
    )
    same = contest.standings({"a": tables["0"], "b": tables["0"]})
    assert same["place"].tolist() == [1, 1]


def test_the_command_ranks_the_good_files_and_says_what_is_wrong_with_the_bad(
    folder, task, tmp_path, capsys
):
    lists, out = lists_of(task, 30), tmp_path / "board.csv"
    write(tmp_path / "s" / "ada.csv", lists)
    write(tmp_path / "s" / "Ben B.csv", lists, wide=True)
    write(tmp_path / "s" / "late.csv", dict(list(lists.items())[1:]))
    write(tmp_path / "s" / "=cmd.csv", lists)
    (tmp_path / "s" / "code.csv").write_text("import os; os._exit(9)\n")
    (tmp_path / "s" / "model.py").write_text("raise SystemExit(9)\n")
    command = ["rank", str(tmp_path / "s"), "--hidden", str(folder / "hidden"), "--out", str(out)]
    assert contest.main(command) == 0
    said = capsys.readouterr().out
    names = re.findall(r"(?m)^[* ] +\d\. (.*?)  +0\.", said)
    assert sorted(names[:2]) == ["Ben B", "ada"]
    assert sorted(names[2:]) == ["ItemKNN (bar)", "Popularity (bar)"]
    assert (
        "ada is level with Ben B, the best" in said or "Ben B is level with ada, the best" in said
    )
    assert "  late.csv: there must be a list for each of the 40 users" in said
    assert "  code.csv, line 1: the columns must be" in said
    assert "  '=cmd.csv': a name must begin with a letter" in said
    board = pd.read_csv(out)
    assert list(board) == contest.BOARD
    assert board["left_out"].notna().sum() == 4  # with model.py, which was not run
    assert not any(line.split(",")[1].startswith("=") for line in out.read_text().splitlines())
    assert contest.main(command) == 0  # a board of before is replaced
    out.write_text("my marks")
    assert contest.main(command) == 1
    assert out.read_text() == "my marks"
    assert "--out must be a new file or a board" in capsys.readouterr().err
    command[-1] = str(tmp_path / "s" / "board.csv")
    assert contest.main(command) == 1
    assert "must not lie among the submissions" in capsys.readouterr().err


def test_what_is_no_csv_is_named_and_not_passed_over_in_silence(folder, task, tmp_path, capsys):
    write(tmp_path / "s" / "ada.csv", lists_of(task))
    write(tmp_path / "s" / "eve.txt", lists_of(task))
    write(tmp_path / "s" / "fay 17" / "fay.csv", lists_of(task))
    (tmp_path / "s" / ".DS_Store").write_bytes(b"\x00")
    tables, left_out = contest.read_submissions(tmp_path / "s", task)
    assert list(tables) == ["ada"]
    assert list(left_out) == ["eve.txt", "'fay 17'"]
    assert contest.main(["rank", str(tmp_path / "s"), "--hidden", str(folder / "hidden")]) == 0
    said = capsys.readouterr().out
    assert "  eve.txt: it is not a file of lists, and was not opened" in said
    assert "  'fay 17': it is a folder, and was not opened" in said


def test_all_that_are_level_with_the_best_are_named(task):
    tables = {name: contest.measure(numbered(task, 30), task) for name in "abc"}
    said = contest.in_words(contest.standings(tables))
    assert said.startswith("b and c are level with a, the best (user by user, at 5% after Holm's")


def numbered(task, right):
    """The lists of `lists_of` as numbers."""
    lists = lists_of(task, right)
    return np.array([[task.items[item] for item in lists[user]] for user in task.hidden])


def test_where_no_file_counts_the_bars_are_shown_and_the_command_fails(folder, tmp_path, capsys):
    (tmp_path / "s").mkdir()
    command = ["rank", str(tmp_path / "s"), "--hidden", str(folder / "hidden")]
    assert contest.main(command) == 1
    assert "SUBMISSIONS must be a folder with files *.csv" in capsys.readouterr().err
    (tmp_path / "s" / "a.csv").write_text("x\n")
    assert contest.main(command) == 1
    assert "Popularity (bar)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda hidden: (hidden / "test.csv").unlink(), "it has no test.csv"),
        (lambda hidden: (hidden / "test.csv").write_text("user\n1\n"), "must have the columns"),
        (
            lambda hidden: (hidden / "test.csv").write_text("user,item\nu0,i1\n"),
            "must hold 2 items",
        ),
        (lambda hidden: (hidden / "items.csv").write_text("item\ni1\n"), "must hold 2 items"),
        (lambda hidden: (hidden / "train.csv").write_text(""), "train.csv is damaged"),
    ],
)
def test_a_hidden_folder_that_is_none_is_refused(folder, damage, message):
    damage(folder / "hidden")
    with pytest.raises(DataError, match=message):
        contest.read_task(folder / "hidden")


def test_bars_score_what_the_models_recommend(ratings, task):
    found = contest.bars(task)
    assert list(found) == ["Popularity (bar)", "ItemKNN (bar)"]
    chosen = contest.hide(ratings, 3)
    train = ratings.select(~chosen)
    for name, model in contest.BARS.items():
        users = ratings.user_index(list(task.hidden))
        lists, _ = model().fit(train).recommend(users, 10, exclude=train)
        names = ratings.item_ids[lists]
        hits = [
            len(set(own) & set(two)) > 0
            for own, two in zip(names, task.hidden.values(), strict=True)
        ]
        assert abs(found[name]["hr@10"].sum() - sum(hits)) <= 3  # ties fall by the number of items


def test_from_the_commands_to_the_board_as_the_readme_says(tmp_path, monkeypatch, capsys):
    assert contest.main(["prepare", str(tmp_path / "c")]) == 0
    assert "is for you alone: 1,342 events, drawn with seed" in capsys.readouterr().out
    secret = json.loads((tmp_path / "c" / "hidden" / "contest.json").read_text())
    assert secret["data"] == "movielens-small"
    monkeypatch.chdir(tmp_path / "c" / "hand_out")
    text = (tmp_path / "c" / "hand_out" / "README.txt").read_text()
    code = text[text.index("  import pandas") :]
    exec("\n".join(line[2:] for line in code.splitlines()), {})
    (tmp_path / "s").mkdir()
    (tmp_path / "c" / "hand_out" / "ada.csv").rename(tmp_path / "s" / "ada.csv")
    command = ["rank", str(tmp_path / "s"), "--hidden", str(tmp_path / "c" / "hidden")]
    assert contest.main(command) == 0
    said = capsys.readouterr().out
    assert "level with" in said.partition("%)")[0]
    assert "Not counted" not in said
