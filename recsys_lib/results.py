"""The recorded results, as the chapters show them; reading one loads nothing but its file.

They lie in the folder results beside the library. Where the library alone was installed there is
none; then the folder is looked for upward from where Python runs, as in a folder for a class.
"""

import json
from pathlib import Path

from recsys_lib.validation import DataError, check_choice

RESULTS = Path(__file__).resolve().parent.parent / "results"
BENCHMARKS = "benchmarks"  # made by `make bench`, in an environment of its own
SCALE = "scale"  # by `make scale-full`, in another one
NAMES = (  # the others by `reproduce`, in this order
    *("paper_data", "svd", "ratings", "movielens", "search", "long_search", "bmf", "networks"),
    *("ladder", "splits", "films", "losses", "published", "evaluation", "choices"),
    *("ledger", "new_items_search", "new_items"),
    *("order_search", "order", "order_films", "order_million"),
    BENCHMARKS,
    SCALE,
)


def recorded(name: str) -> dict:
    """Return a recorded result, as the chapters show it.

    Raises
    ------
    DataError
        If the result is not recorded; the message says where it was looked for, and has the command
        that makes it.

    Examples
    --------
    >>> from recsys_lib.results import recorded
    >>> result = recorded("svd")
    >>> result["command"], result["data"]["name"]
    ('python -m recsys_lib.reproduce run svd', 'amazon-2023-musical-instruments')
    """
    check_choice("name", name, NAMES)
    folders = places()
    for folder in folders:
        if (folder / f"{name}.json").exists():
            return read(folder / f"{name}.json", name)
    cure = f"make it with `{command_of(name)}`"
    if len(folders) == 1:
        raise DataError(f"{folders[0] / f'{name}.json'} is missing: {cure}")
    raise DataError(
        f"{name}.json is missing; it was looked for in {', '.join(map(str, folders))}. Start from "
        f"a folder that has the course's folder results in it or above it, or {cure}"
    )


def places() -> list[Path]:
    """Return the folders in which a result is looked for, the first first.

    The one beside the library alone, where it is there; else one in the working directory, and in
    each folder above it.
    """
    if RESULTS.is_dir():
        return [RESULTS]
    here = Path.cwd()
    return [RESULTS, *(folder / "results" for folder in (here, *here.parents))]


def read(path: Path, name: str) -> dict:
    """Read the file of a recorded result. Raises DataError if it is damaged or something else."""
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): make it with `{command_of(name)}`") from None
    wanted = {"command", "date", "found", "machine"}
    if name != BENCHMARKS:
        wanted |= {"data", "seconds"}
    if not isinstance(found, dict) or not wanted <= found.keys():
        raise DataError(f"{path} is no recorded result: make it with `{command_of(name)}`")
    if not f"{found['command']} ".startswith(f"{command_of(name)} "):  # --seeds may follow
        raise DataError(
            f"{path} holds another result, that of `{found['command']}`: make it with "
            f"`{command_of(name)}`"
        )
    return found


def source(result: dict) -> str:
    """Say where a recorded result comes from, and how it is done in small without its data.

    `result` is what `recorded` returned.

    Examples
    --------
    >>> from recsys_lib.results import recorded, source
    >>> print(source(recorded("svd")))
    Recorded 20... on ... in ... s
    with python -m recsys_lib.reproduce run svd...
    """
    if not isinstance(result, dict) or not {"command", "date"} <= result.keys():
        got = f"a dict of {list(result)[:5]}" if isinstance(result, dict) else repr(result)
        raise TypeError(f"result must be what recorded(name) returned, all of it, got {got}")
    if "data" not in result:
        where = f"{result['machine']['processor']}, {result['machine']['threads']} thread"
    else:
        least = "at least " if result.get("resumed") else ""  # than the last leg of the run
        where = f"{result['data']['name']} in {least}{result['seconds']:,.0f} s"
    said = f"Recorded {result['date'][:10]} on {where}\nwith {result['command']}"
    if "reproduce run " in result["command"]:
        said += f"\nin small: {result['command'].replace('reproduce run ', 'reproduce try ')}"
    return said


def command_of(name: str) -> str:
    """Return the command that makes a result."""
    if name == BENCHMARKS:
        return "make bench"
    if name == SCALE:
        return "make scale-full"
    return f"python -m recsys_lib.reproduce run {name}"
