"""The catalog from the shell: ``python -m recsys_lib.data catalog | info | load | fetch``."""

import argparse
import sys

import pandas as pd

from recsys_lib import data
from recsys_lib.data.catalog import lookup
from recsys_lib.data.load import locate


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m recsys_lib.data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("catalog", help="list all data sets")
    listing.add_argument("--here", action="store_true", help="only those on this machine")
    parsers = {}
    for command, text in (
        ("info", "what the catalog knows of a data set"),
        ("load", "read a data set that is here and say what it holds"),
        ("fetch", "download a data set (the only command that uses the network)"),
    ):
        parsers[command] = commands.add_parser(command, help=text)
        parsers[command].add_argument("name")
    parsers["load"].add_argument(
        "--on-bad-rows",
        choices=("error", "skip"),
        default="error",
        help="stop at a row that cannot be used, or leave it out and count it",
    )
    given = parser.parse_args(arguments)
    try:
        print(_run(given))
    except (data.DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(given: argparse.Namespace) -> str:
    if given.command == "info":
        return data.describe(given.name)
    if given.command == "load":
        ratings = data.load(given.name, on_bad_rows=given.on_bad_rows)
        return f"{ratings!r}\n{ratings.report}"
    if given.command == "fetch":
        entry = lookup(given.name)
        return str(locate(entry, download=True)) if entry.url else data.describe(given.name)
    table = data.catalog()
    table = table[table["here"]] if given.here else table
    with pd.option_context("display.width", 200, "display.max_colwidth", 60):
        return table.drop(columns="license").to_string(na_rep="")


if __name__ == "__main__":
    sys.exit(main())
