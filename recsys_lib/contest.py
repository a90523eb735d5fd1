"""A contest for a class: ``python -m recsys_lib.contest prepare FOLDER`` and ``rank SUBMISSIONS``.

`prepare` hides two events of each user and writes what the class gets and what it does not. `rank`
reads one file of lists for each participant, says what is wrong with those that cannot be counted,
and ranks the others with their intervals. It names all that are level with the best: with a few
hundred users the order at the top is mostly luck. What participants hand in is read as text, and
never run.
"""

import argparse
import csv
import io
import json
import re
import secrets
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

import recsys_lib
from recsys_lib import data
from recsys_lib.data import DataError, Interactions
from recsys_lib.evaluation import compare, leaderboard
from recsys_lib.evaluation.significance import holm
from recsys_lib.files import atomic_write
from recsys_lib.metrics import hit_ratio, ndcg, ranks_from_lists
from recsys_lib.models import ItemKNN, Popularity, Recommender
from recsys_lib.validation import check_int, check_real

HIDDEN = 2  # events of each user who takes part
LENGTH = 10  # of a list
LONG = ["user", "item", "rank"]
WIDE = ["user", *(f"item_{place}" for place in range(1, LENGTH + 1))]
BARS: dict[str, type[Recommender]] = {
    "Popularity (bar)": Popularity,
    "ItemKNN (bar)": ItemKNN,
}
BOARD = ["place", "name", "hr@10", "ndcg@10", "low", "high", "users", "difference", "p_holm"]
BOARD += ["level_with_the_best", "left_out"]

README = """\
A contest: whose lists hold what was hidden?

Two events of each user in users.csv were taken out at random and hidden. You get the others. For
each of these users, hand in the {length} items that you think are most likely to be hidden, best
first. Lists are compared by NDCG@{length}: a hidden item counts, and the more the higher it stands.
Each name may hand in one file.

What you have

  train.csv   {train:,} events: user,item,rating,timestamp. {times}
  users.csv   {users:,} users, all those for whom a list is wanted, and how many events each has.
  items.csv   {items:,} items: all that a list may hold{titles}.

What you hand in

One text file in UTF-8, named after you, such as ada.csv, in one of two forms.
One line for each item of each list, rank 1 being the best:

  user,item,rank
  {user},{first},1
  {user},{second},2

or one line for each user:

  user,item_1,item_2,item_3,item_4,item_5,item_6,item_7,item_8,item_9,item_10

A list for every user of users.csv, {length} items in each, none twice, none that the user has in
train.csv. A file that breaks one of these rules is not counted; the reason names file and line.

Hold some of train.csv back to choose your settings on. With the library of the course:

  import pandas as pd
  from recsys_lib import data
  from recsys_lib.models import ItemKNN
  {load}
  wanted = pd.read_csv("users.csv", dtype=str)["user"]
  users = train.user_index(wanted)
  lists, scores = ItemKNN().fit(train).recommend(users, {length}, exclude=train)
  with open("ada.csv", "w", encoding="utf-8") as file:
      print("user,item,rank", file=file)
      for user, items in zip(wanted, train.item_ids[lists]):
          for rank, item in enumerate(items, start=1):
              print(user, item, rank, sep=",", file=file)
"""


# ---- preparing -----------------------------------------------------------------------------------


def hide(ratings: Interactions, seed: int) -> np.ndarray:
    """Draw two events of each user; the same seed draws the same ones.

    Parameters
    ----------
    ratings : Interactions
    seed : int
        At least 0.

    Returns
    -------
    ndarray of bool, shape (n_events,)
        True for what is to be hidden. A user with fewer than three events keeps all of them, and
        takes no part.

    Raises
    ------
    DataError
        If no user can take part, or one who does would not have ten items left to list.
    """
    rng = np.random.default_rng(check_int("seed", seed))
    order = np.lexsort((rng.random(len(ratings)), ratings.user))
    counts = ratings.user_counts
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = np.zeros(len(ratings), dtype=bool)
    chosen[order] = place < HIDDEN
    chosen &= counts[ratings.user] > HIDDEN
    if not chosen.any():
        raise DataError(f"no user of {ratings.name} has more than {HIDDEN} events")
    left = ratings.n_items - counts + HIDDEN
    if left[ratings.user[chosen]].min() < LENGTH:
        raise DataError(
            f"{ratings.name} has {ratings.n_items} items, and a user who has met so many that "
            f"fewer than {LENGTH} are left to list: take data with more items"
        )
    return chosen


def prepare(folder: str | Path, ratings: Interactions, seed: int) -> str:
    """Write what the class gets, and what it does not; return in words what was written.

    Parameters
    ----------
    folder : path
        Gets hand_out (train.csv, users.csv, items.csv, README.txt) and hidden (test.csv, and what
        `rank` needs beside it). Each file is whole or not there, and none is overwritten.
    ratings : Interactions
    seed : int
        At least 0. Who knows it and the data can draw the hidden events again.

    Raises
    ------
    DataError
        If hand_out or hidden is there already, or as `hide`.
    """
    folder = Path(folder)
    for name in ("hand_out", "hidden"):
        if (folder / name).exists():
            raise DataError(f"FOLDER must be new, but {folder / name} exists: it is left as it is")
    chosen = hide(ratings, seed)
    events = ratings.to_frame()
    train, test = events[~chosen], events[chosen][["user", "item"]]
    if ratings.time_unit == "none":
        train = train.drop(columns="timestamp").assign(timestamp="")
    known = pd.Series(train["user"].value_counts(), name="events")
    wanted = pd.DataFrame({"user": test["user"].drop_duplicates()})
    wanted["events"] = known.loc[wanted["user"]].to_numpy()
    items = pd.DataFrame({"item": ratings.item_ids})
    if ratings.items is not None:
        items = items.join(
            ratings.items.reset_index(drop=True).drop(columns="item", errors="ignore")
        )
    contest = {
        "data": ratings.name,
        "seed": seed,
        "library": recsys_lib.__version__,
        "events hidden": len(test),
        "users": len(wanted),
    }
    files = {
        "hidden/test.csv": _csv(test),
        "hidden/train.csv": _csv(train),
        "hidden/items.csv": _csv(items[["item"]]),
        "hidden/contest.json": json.dumps(contest, indent=1) + "\n",
        "hand_out/train.csv": _csv(train),
        "hand_out/users.csv": _csv(wanted),
        "hand_out/items.csv": _csv(items),
        "hand_out/README.txt": _readme(ratings, train, wanted, items),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / name) as file:
            file.write(text.encode())
    return (
        f"{folder / 'hand_out'} is for the class: {len(train):,} events of {ratings.name}, "
        f"{len(wanted):,} users who need a list\n"
        f"{folder / 'hidden'} is for you alone: {len(test):,} events, drawn with seed {seed}"
    )


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def _readme(
    ratings: Interactions, train: pd.DataFrame, wanted: pd.DataFrame, items: pd.DataFrame
) -> str:
    """Return the text for the class; its example lists nothing that the user has ever met."""
    units = {"s": "seconds", "ms": "milliseconds"}
    unit, load = units.get(ratings.time_unit), 'rating="rating"'
    times = "The timestamps are empty: the data has none."
    if unit:
        times = f"Timestamps are {unit} since 1970."
        load += f', timestamp="timestamp", time_unit="{ratings.time_unit}"'
    more = list(items.columns.drop("item"))
    user = wanted["user"].iloc[0]
    met = ratings.item_ids[ratings.item[ratings.user == ratings.user_index([user])[0]]]
    free = items["item"][~items["item"].isin(met)]
    return README.format(
        length=LENGTH,
        train=len(train),
        times=times,
        users=len(wanted),
        items=len(items),
        titles=f", with {', '.join(map(str, more))}" if more else "",
        user=user,
        first=free.iloc[0],
        second=free.iloc[1],
        load=f'train = data.load_file("train.csv", user="user", item="item",\n'
        f"                         {load})",
    )


# ---- what is handed in ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What was hidden, and what a list may hold.

    Attributes
    ----------
    hidden : dict of str to list of str
        The hidden items of each user for whom a list is wanted.
    known : dict of str to set of str
        The items that each user has in the training events.
    items : dict of str to int
        The number of each item that a list may hold.
    train : path
        The file of the training events.
    """

    hidden: Mapping[str, list[str]]
    known: Mapping[str, set[str]]
    items: Mapping[str, int]
    train: Path

    @cached_property
    def relevant(self) -> np.ndarray:
        """Numbers of the hidden items, shape (n_users, 2)."""
        return np.array([[self.items[one] for one in two] for two in self.hidden.values()])


def read_task(folder: str | Path) -> Task:
    """Read the folder hidden that `prepare` wrote.

    Raises
    ------
    DataError
        If a file of it is missing or holds something else.
    """
    folder = Path(folder)
    found = {}
    for name, columns in (("test", LONG[:2]), ("train", LONG[:2]), ("items", LONG[1:2])):
        path = folder / f"{name}.csv"
        if not path.is_file():
            raise DataError(
                f"--hidden must be the folder that prepare wrote; it has no {path.name}"
            )
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except ValueError as error:
            raise DataError(f"{path} is damaged: {error}") from None
        if not set(columns) <= set(table):
            raise DataError(f"{path} must have the columns {', '.join(columns)}, got {list(table)}")
        found[name] = table
    items = {item: number for number, item in enumerate(found["items"]["item"])}
    hidden = _by_user(found["test"])
    strange = [item for few in hidden.values() for item in few if item not in items]
    if strange or any(len(few) != HIDDEN for few in hidden.values()) or not hidden:
        raise DataError(f"{folder}: test.csv must hold {HIDDEN} items of items.csv for each user")
    known = {user: set(few) for user, few in _by_user(found["train"]).items()}
    return Task(hidden, known, items, folder / "train.csv")


def _by_user(table: pd.DataFrame) -> dict[str, list[str]]:
    return {str(user): list(few) for user, few in table.groupby("user", sort=False)["item"]}


def read_lists(path: str | Path, task: Task) -> np.ndarray:
    """Read the lists that one participant hands in, and check every line.

    Parameters
    ----------
    path : path
        Delimited by commas, with a header: user,item,rank or user,item_1, ..., item_10.
    task : Task

    Returns
    -------
    ndarray of int64, shape (n_users, 10)
        Numbers of items, best first, users as in ``task.hidden``.

    Raises
    ------
    DataError
        At the first line that breaks a rule, with the file, the line, what was given and what is
        allowed; then if lists are missing or too short.
    """
    path = Path(path)
    lists: dict[str, dict[int, str]] = {}
    last: dict[str, int] = {}
    for line, user, item, rank in _entries(path, task):
        where = f"{path.name}, line {line}"
        if item not in task.items:
            raise DataError(
                f"{where}: item must be one of items.csv, got {item!r}{_meant(item, task.items)}"
            )
        if item in task.known.get(user, ()):
            raise DataError(
                f"{where}: user {user} has item {item} in train.csv; allowed are the items that "
                "the user does not have there"
            )
        own = lists.setdefault(user, {})
        if item in own.values():
            raise DataError(f"{where}: user {user} has item {item} twice; allowed is once")
        if rank in own:
            raise DataError(f"{where}: user {user} has rank {rank} twice; allowed is once")
        own[rank], last[user] = item, line
    for user, own in lists.items():
        if len(own) < LENGTH:
            raise DataError(
                f"{path.name}, line {last[user]}: the list of user {user} ends here with "
                f"{len(own)} items, it must have {LENGTH}"
            )
    missing = [user for user in task.hidden if user not in lists]
    if missing:
        raise DataError(
            f"{path.name}: there must be a list for each of the {len(task.hidden):,} users of "
            f"users.csv, got none for {len(missing):,} of them, for example {_some(missing)}"
        )
    ordered = [[lists[user][rank] for rank in range(1, LENGTH + 1)] for user in task.hidden]
    return np.array([[task.items[item] for item in own] for own in ordered])


def _entries(path: Path, task: Task) -> Iterator[tuple[int, str, str, int]]:
    """Yield line, user, item and rank of each item that a file lists, whichever form it has."""
    rows = _rows(path)
    line, header = next(rows, (1, []))
    if header not in (LONG, WIDE):
        raise DataError(
            f"{path.name}, line {line}: the columns must be {','.join(LONG)} or "
            f"user,item_1,...,item_{LENGTH}, got {','.join(header)[:200]!r}{_wrong_with(header)}"
        )
    seen: set[str] = set()
    for line, row in rows:
        where = f"{path.name}, line {line}"
        if len(row) != len(header):
            raise DataError(
                f"{where}: there must be {len(header)} fields, as in the header, got {len(row)}"
            )
        user = row[0]
        if user not in task.hidden:
            raise DataError(
                f"{where}: user must be one of users.csv, got {user!r}{_meant(user, task.hidden)}"
            )
        if header == LONG:
            if not re.fullmatch(r"[1-9]\d?", row[2], re.ASCII) or int(row[2]) > LENGTH:
                raise DataError(
                    f"{where}: rank must be a whole number from 1 to {LENGTH}, got {row[2]!r}"
                )
            yield line, user, row[1], int(row[2])
            continue
        if user in seen:
            raise DataError(f"{where}: user {user} has a second line; allowed is one")
        seen.add(user)
        if "" in row:
            raise DataError(
                f"{where}: the list of user {user} has {sum(one != '' for one in row[1:])} items, "
                f"it must have {LENGTH}"
            )
        yield from ((line, user, item, rank) for rank, item in enumerate(row[1:], start=1))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line that is not blank, and its fields without spaces around."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(f"{path.name}, line {line}: the text must be UTF-8: {error}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, [field.strip() for field in row]
    except csv.Error as error:
        raise DataError(
            f"{path.name}, line {reader.line_num}: it must be delimited by commas: {error}"
        ) from None


def _meant(given: str, known: Iterable[str]) -> str:
    """Return a question after the number that a spreadsheet or pandas has made 31.0 of."""
    whole = re.sub(r"\.0+$", "", given)
    return f"; is {whole!r} meant?" if whole != given and whole in known else ""


def _wrong_with(header: list[str]) -> str:
    """Return what to do about the usual headers that pandas or a spreadsheet writes."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if mark in "".join(header):
            return f"; the columns must be delimited by commas, not by {name}"
    if header[:1] == [""] and header[1:] in (LONG, WIDE):
        return (
            "; the first column is the index of a table, which to_csv(..., index=False) leaves out"
        )
    if [name.lower() for name in header] in (LONG, WIDE):
        return "; the names must be in small letters"
    if sorted(header) in (sorted(LONG), sorted(WIDE)):
        return "; they must be in this order"
    return ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3])


# ---- ranking -------------------------------------------------------------------------------------


def measure(lists: np.ndarray, task: Task) -> pd.DataFrame:
    """Return ``hr@10`` and ``ndcg@10`` of each user's list, as `evaluation.evaluate` does.

    Parameters
    ----------
    lists : ndarray of int, shape (n_users, 10)
        As `read_lists` returns.
    task : Task
    """
    ranks = ranks_from_lists(lists, task.relevant)
    users = pd.Index(list(task.hidden), name="user")
    values = {"hr@10": hit_ratio(ranks, LENGTH), "ndcg@10": ndcg(ranks, LENGTH)}
    return pd.DataFrame({"n_relevant": ranks.n_relevant, **values}, index=users)


def bars(task: Task) -> dict[str, pd.DataFrame]:
    """Return the results of two models of the course, by name: what a submission should pass."""
    train = data.load_file(task.train, user="user", item="item", rating="rating")
    items = np.array([task.items[item] for item in train.item_ids])
    found = {}
    for name, model in BARS.items():
        users = train.user_index(list(task.hidden))
        lists, _ = model().fit(train).recommend(users, LENGTH, exclude=train)
        found[name] = measure(np.where(lists < 0, lists, items[lists]), task)
    return found


def standings(tables: Mapping[str, pd.DataFrame], alpha: float = 0.05) -> pd.DataFrame:
    """Rank results by ``ndcg@10`` and mark all that are level with the best.

    Each is compared with the best user by user, and the p-values are adjusted after Holm. The best
    was found on the same users, which favors it a little: of two that are close, the other may
    still be the better one, even where it is not marked.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `measure`, at least one.
    alpha : float
        The probability of calling any difference real that is not, from 0 to 1.

    Returns
    -------
    DataFrame
        Indexed by name, best first: place, ``hr@10``, ``ndcg@10`` with low and high (95% over
        users), users, difference (from the best, in ``ndcg@10``), p_holm, and level_with_the_best.

    Raises
    ------
    DataError
        If there is no table.
    """
    check_real("alpha", alpha, 0, 1)
    board = leaderboard(dict(tables), "ndcg@10").rename(columns={"mean": "ndcg@10"})
    board = board.sort_values("ndcg@10", ascending=False, kind="stable")
    board.insert(0, "hr@10", [tables[name]["hr@10"].mean() for name in board.index])
    board.insert(0, "place", board["ndcg@10"].rank(ascending=False, method="min").astype(int))
    best, *others = board.index
    pairs = {name: compare(tables[name], tables[best]).loc["ndcg@10"] for name in others}
    found = np.array([pair["p_value"] for pair in pairs.values()])
    adjusted = holm(found) if pairs else found
    board["difference"] = pd.Series(
        {name: pair["difference"] for name, pair in pairs.items()}, dtype=float
    )
    board["p_holm"] = pd.Series(dict(zip(pairs, adjusted, strict=True)), dtype=float)
    board["level_with_the_best"] = ~(board["p_holm"] < alpha)
    return board


def read_submissions(
    folder: str | Path, task: Task
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Read and measure each file ``*.csv`` of a folder.

    Whatever else lies there is not opened, and named: it may be somebody's lists under another
    name. Names that begin with a point are those of the system, and passed over.

    Returns
    -------
    tables : dict of str to DataFrame
        From `measure`, by the name of the file without its ending.
    left_out : dict of str to str
        The reason, for each file or folder that cannot be counted.

    Raises
    ------
    DataError
        If there is no such folder, or no file in it.
    """
    folder = Path(folder)
    visible = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
    paths = [path for path in visible if path.suffix.lower() == ".csv"]
    if not paths:
        raise DataError(f"SUBMISSIONS must be a folder with files *.csv, got {folder}")
    tables: dict[str, pd.DataFrame] = {}
    left_out: dict[str, str] = {}
    for path in paths:
        try:
            if not re.fullmatch(r"\w[\w .-]{0,59}", path.stem):
                raise DataError(
                    f"{path.name!r}: a name must begin with a letter or digit and hold letters, "
                    "digits, spaces, points, _ and - alone, 60 at most"
                )
            if path.stem in tables:
                raise DataError(f"{path.name}: there is another file of this name")
            tables[path.stem] = measure(read_lists(path, task), task)
        except (DataError, OSError) as error:
            left_out[_quoted(path)] = " ".join(str(error).split())
    for path in visible:
        if path not in paths:
            kind = "a folder" if path.is_dir() else "not a file of lists"
            left_out[_quoted(path)] = (
                f"{_quoted(path)}: it is {kind}, and was not opened: lists must be in files *.csv"
            )
    return tables, left_out


def _quoted(path: Path) -> str:
    """Return the name of a file, in quotes where it holds more than letters, digits and _."""
    return path.name if path.stem.isidentifier() else repr(path.name)


def in_words(board: pd.DataFrame) -> str:
    """Say who is level with the best; `board` is from `standings`."""
    level = list(board.index[board["level_with_the_best"]])
    if len(board) == 1:
        return f"{level[0]} is alone: there is nobody to compare with."
    tests = f"{len(board) - 1} comparison" + ("s" if len(board) > 2 else "")
    how = f"user by user, at 5% after Holm's correction for {tests}"
    if len(level) == 1:
        return f"{level[0]} is ahead of all others ({how})."
    best, *others = level
    names = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]]))
    verb = "is" if len(others) == 1 else "are"
    return (
        f"{names} {verb} level with {best}, the best ({how}). Their order may be chance: they "
        "share the first place."
    )


def _print(board: pd.DataFrame, left_out: Mapping[str, str], task: Task) -> None:
    width = max(len(name) for name in board.index)
    print(f"NDCG@{LENGTH} over {len(task.hidden):,} users, with its 95% interval")
    print("* the best, and all that are level with it\n")
    print(f"       {'name':{width}}   HR@10   NDCG@10   95% interval")
    for name, row in board.iterrows():
        mark = "*" if row["level_with_the_best"] else " "
        print(
            f"{mark} {row['place']:3}. {name:{width}}  {row['hr@10']:.4f}   {row['ndcg@10']:.4f}"
            f"    {row['low']:.4f} to {row['high']:.4f}"
        )
    print("\n" + textwrap.fill(in_words(board), 100))
    if left_out:
        print("\nNot counted:")
        for reason in left_out.values():
            print(f"  {reason}")


def _write_board(path: Path, board: pd.DataFrame, left_out: Mapping[str, str]) -> None:
    """Write the table; a file of this name is replaced if it is such a table."""
    head = ",".join(BOARD)
    if path.exists() and not path.read_bytes().startswith(head.encode() + b"\n"):
        raise DataError(f"--out must be a new file or a board of before, but {path} is neither")
    table = board.rename_axis("name").reset_index()
    missing = pd.DataFrame({"name": list(left_out), "left_out": list(left_out.values())})
    table = pd.concat([table, missing], ignore_index=True).reindex(columns=BOARD)
    table["place"] = table["place"].astype("Int64")
    table["users"] = table["users"].astype("Int64")
    with atomic_write(path) as file:
        file.write(_csv(table.round(6)).encode())


# ---- the command ---------------------------------------------------------------------------------


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recsys_lib.contest", description="A contest for a class."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("prepare", help="write what the class gets and what is hidden")
    one.add_argument("folder", metavar="FOLDER", help="gets hand_out and hidden")
    one.add_argument("--data", default="movielens-small", help="a data set of the catalog")
    one.add_argument("--seed", type=int, help="of what is hidden; by default a secret one")
    two = commands.add_parser("rank", help="rank the files *.csv of a folder")
    two.add_argument("submissions", metavar="SUBMISSIONS", help="a folder, one file for each name")
    two.add_argument("--hidden", required=True, help="the folder hidden that prepare wrote")
    two.add_argument("--out", metavar="BOARD.csv", help="write the table to this file, too")
    return parser.parse_args(given)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = _arguments(arguments)
    try:
        if given.command == "prepare":
            seed = secrets.randbelow(2**32) if given.seed is None else given.seed
            print(prepare(given.folder, data.load(given.data), seed))
            return 0
        return _rank(Path(given.submissions), given.hidden, given.out)
    except (DataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _rank(submissions: Path, hidden: str, out: str | None) -> int:
    if out is not None and Path(out).resolve().parent == submissions.resolve():
        raise DataError(
            f"--out must not lie among the submissions, where it would be read, got {out}"
        )
    task = read_task(hidden)
    tables, left_out = read_submissions(submissions, task)
    board = standings({**tables, **bars(task)})
    _print(board, left_out, task)
    if out is not None:
        _write_board(Path(out), board, left_out)
    return 0 if tables else 1


if __name__ == "__main__":
    sys.exit(main())
