"""From files to `Interactions`: delimited text and JSON lines, plain, gzipped or inside a zip.

There is one definition of a good row, `Format.parse`, applied line by line by the slow reader. The
fast reader (pandas) is only tried first: whatever it cannot read, or reads to values outside the
allowed range, is read again slowly, so that every complaint names a line and both agree.
"""

import codecs
import csv
import gzip
import io
import json
import warnings
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from recsys_lib.data.interactions import Interactions
from recsys_lib.validation import DataError, check_choice

FILLER = "_between "  # name of the columns that only stand between two characters of a separator

# Any date after this is taken for a wrong unit: milliseconds read as seconds land far beyond it.
LATEST = {"s": 4_102_444_800, "ms": 4_102_444_800_000}  # 2100-01-01


class BadRow(Exception):
    """One row that cannot be used. `reason` is counted; the reader adds file and line."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Format:
    """How a file stores its four columns.

    Attributes
    ----------
    user, item, rating, timestamp : str or None
        Column names (or keys of a JSON object); `rating` and `timestamp` may be absent.
    kind : {"delimited", "jsonl"}
    separator : str
        Of delimited text.
    columns : tuple of str or None
        Names of the columns where the file has no header line.
    integer_ids : bool
        Whether identifiers are integers; else they are kept as text.
    time_unit : {"s", "ms", "iso", "none"}
        Unix seconds or milliseconds, or ISO 8601 text, which is converted to milliseconds.
    scale : (float, float) or None
        Lowest and highest allowed rating.
    member : str or None
        Name of the file inside a zip archive.
    """

    user: str
    item: str
    rating: str | None = None
    timestamp: str | None = None
    kind: str = "delimited"
    separator: str = ","
    columns: tuple[str, ...] | None = None
    integer_ids: bool = False
    time_unit: str = "none"
    scale: tuple[float, float] | None = None
    member: str | None = None

    @property
    def wanted(self) -> dict[str, str]:
        """Our name of each column to the file's."""
        names = {
            "user": self.user,
            "item": self.item,
            "rating": self.rating,
            "timestamp": self.timestamp,
        }
        return {ours: theirs for ours, theirs in names.items() if theirs is not None}

    def parse(self, fields: dict[str, object]) -> tuple:
        """Return one row's (user, item, rating, timestamp), or raise BadRow."""
        for ours, theirs in self.wanted.items():
            value = fields.get(ours)
            if value is None or value == "":
                raise BadRow(f"{ours} is missing", f"{theirs} is missing")
        return (
            self._identifier(self.user, fields["user"]),
            self._identifier(self.item, fields["item"]),
            self._rating(fields["rating"]) if self.rating else 1.0,
            self._time(fields["timestamp"]) if self.timestamp else 0,
        )

    def _identifier(self, column: str, value: object) -> object:
        if not self.integer_ids:
            text = str(value)
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise BadRow("not UTF-8", f"{column} is not valid UTF-8")
            return text
        try:
            return int(str(value))
        except ValueError:
            raise BadRow(
                "identifier is no integer", f"{column} {value!r} is not an integer"
            ) from None

    def _rating(self, value: object) -> float:
        low, high = self.scale or (-np.inf, np.inf)
        try:
            rating = float(value)
        except (TypeError, ValueError):
            raise BadRow(
                "rating is no number", f"{self.rating} {value!r} is not a number"
            ) from None
        if not np.isfinite(rating) or not low <= rating <= high:
            raise BadRow(
                "rating is outside the scale",
                f"{self.rating} {value!r} is outside [{low:g}, {high:g}]",
            )
        return rating

    def _time(self, value: object) -> int:
        if self.time_unit == "iso":
            try:
                return pd.Timestamp(value).as_unit("ms").value
            except (TypeError, ValueError):
                raise BadRow(
                    "timestamp is unreadable", f"{self.timestamp} {value!r} is not an ISO 8601 time"
                ) from None
        try:
            time = int(value) if not isinstance(value, float) else _whole(value)
        except (TypeError, ValueError):
            raise BadRow(
                "timestamp is unreadable", f"{self.timestamp} {value!r} is not a whole number"
            ) from None
        if not 0 <= time <= LATEST[self.time_unit]:
            hint = "; is it in milliseconds (time_unit='ms')?" if self.time_unit == "s" else ""
            raise BadRow(
                "timestamp is out of range",
                f"{self.timestamp} {value!r} is not a time between 1970 and 2100{hint}",
            )
        return time


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError
    return int(value)


def read(
    path: Path,
    form: Format,
    *,
    name: str,
    on_bad_rows: str = "error",
    items: pd.DataFrame | None = None,
) -> Interactions:
    """Read a file of interactions.

    Parameters
    ----------
    path : Path
        Plain text, ``.gz`` (recognised by its content), or a zip archive if `form.member` is set.
    form : Format
    name : str
        The name the result bears.
    on_bad_rows : {"error", "skip"}
        Whether a row that cannot be used stops the reading or is left out and counted, by reason,
        in `report.skipped`.
    items : DataFrame, optional
        Metadata, indexed by item identifier.

    Raises
    ------
    DataError
        With file, line and reason: a bad row (unless skipped), a missing column, a file that is
        empty, truncated, or has no row that can be used.
    FileNotFoundError
    """
    check_choice("on_bad_rows", on_bad_rows, ("error", "skip"))
    frame = _read_fast(path, form) if form.kind == "delimited" else None
    skipped: Counter = Counter()
    if frame is None:
        frame = _read_slowly(path, form, on_bad_rows, skipped)
    unit = "ms" if form.time_unit == "iso" else form.time_unit
    try:
        return Interactions.from_frame(
            frame,
            name=name,
            scale=form.scale,
            time_unit=unit if form.timestamp else "none",
            items=items,
            skipped=dict(skipped),
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _read_fast(path: Path, form: Format) -> pd.DataFrame | None:
    """Read clean delimited text with pandas; None means: read it slowly, something is off."""
    if form.time_unit == "iso":
        return None
    ids = "int64" if form.integer_ids else "category"
    dtypes = {"user": ids, "item": ids, "rating": "float64", "timestamp": "int64"}
    try:
        with _open(path, form.member) as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # rows that are too long are only a warning in pandas
            frame = pd.read_csv(
                file,
                sep=form.separator[0],
                header=None if form.columns else 0,
                names=_split_names(form),
                index_col=False,
                dtype=defaultdict(
                    lambda: "category",
                    {theirs: dtypes[ours] for ours, theirs in form.wanted.items()},
                ),
                keep_default_na=False,
                encoding="utf-8",
            )
    except (ValueError, OSError, EOFError, zlib.error, OverflowError, pd.errors.ParserWarning):
        return None
    fillers = [column for column in frame if str(column).startswith(FILLER)]
    if not set(form.wanted.values()) <= set(frame) or not (frame[fillers] == "").all(axis=None):
        return None
    frame = frame.rename(columns={theirs: ours for ours, theirs in form.wanted.items()})
    return frame if len(frame) and _in_range(frame, form) else None


def _split_names(form: Format) -> list[str] | None:
    """Column names for pandas, which is slow at separators of two characters.

    Split at the single character ":", the line ``a::b`` is ``a``, nothing, ``b``: so there is a
    filler column, to be found empty, between each two of ours.
    """
    if form.columns is None:
        return None
    fillers = len(form.separator) - 1
    names = [n for c in form.columns for n in (c, *[f"{FILLER}{c}{i}" for i in range(fillers)])]
    return names[: len(names) - fillers]


def _in_range(frame: pd.DataFrame, form: Format) -> bool:
    if form.rating:
        low, high = form.scale or (-np.inf, np.inf)
        rating = frame["rating"].to_numpy()
        if not (np.isfinite(rating) & (rating >= low) & (rating <= high)).all():
            return False
    if form.timestamp:
        time = frame["timestamp"].to_numpy()
        if time.min() < 0 or time.max() > LATEST[form.time_unit]:
            return False
    if form.integer_ids:
        return True
    ids = [frame[side].cat.categories for side in ("user", "item")]
    return not any((known == "").any() for known in ids) and not frame[["user", "item"]].isna().any(
        axis=None
    )


def _read_slowly(path: Path, form: Format, on_bad_rows: str, skipped: Counter) -> pd.DataFrame:
    rows, line = [], 0
    lines = _json_rows if form.kind == "jsonl" else _delimited_rows
    try:
        with _open(path, form.member) as file:
            for line, fields in lines(file, form):
                try:
                    if isinstance(fields, BadRow):
                        raise fields
                    rows.append(form.parse(fields))
                except BadRow as bad:
                    if on_bad_rows == "error":
                        raise DataError(f"{path}, line {line}: {bad}") from None
                    skipped[bad.reason] += 1
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is cut off or damaged after line {line} ({error}): fetch it again"
        ) from None
    except MissingColumns as error:
        raise DataError(f"{path}, line 1: {error}") from None
    if not rows:
        what = f"none of its {sum(skipped.values())} rows can be used: {dict(skipped)}"
        raise DataError(f"{path}: {what if skipped else 'the file holds no rows'}")
    return pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])


class MissingColumns(Exception):
    """The header lacks a column."""


def _delimited_rows(file: BinaryIO, form: Format) -> Iterator[tuple[int, dict | BadRow]]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    if len(form.separator) == 1:
        reader = csv.reader(text, delimiter=form.separator)
    else:
        reader = _Splitter(text, form.separator)
    header = list(form.columns) if form.columns else next(reader, None)
    if header is None:
        return
    header[0] = header[0].removeprefix(codecs.BOM_UTF8.decode())
    missing = [theirs for theirs in form.wanted.values() if theirs not in header]
    if missing:
        raise MissingColumns(f"no column {', '.join(map(repr, missing))}; found {header}")
    place = {ours: header.index(theirs) for ours, theirs in form.wanted.items()}
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, BadRow("row cannot be split", f"{error}")
            continue
        if not values:
            continue
        if len(values) != len(header):
            message = f"{len(values)} fields where the header has {len(header)}"
            yield reader.line_num, BadRow("wrong number of fields", message)
        else:
            yield reader.line_num, {ours: values[at] for ours, at in place.items()}


class _Splitter:
    """What csv.reader is, for a separator of more than one character."""

    def __init__(self, text: io.TextIOWrapper, separator: str):
        self.text, self.separator, self.line_num = text, separator, 0

    def __next__(self) -> list[str]:
        line = next(self.text).rstrip("\r\n")
        self.line_num += 1
        return line.split(self.separator) if line else []


def _json_rows(file: BinaryIO, form: Format) -> Iterator[tuple[int, dict | BadRow]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except UnicodeDecodeError:
            yield number, BadRow("not UTF-8", "the line is not valid UTF-8")
            continue
        except ValueError as error:
            yield number, BadRow("not JSON", f"the line is not JSON: {error}")
            continue
        if not isinstance(record, dict):
            yield number, BadRow("not a JSON object", f"not a JSON object but {record!r}")
        else:
            yield number, {ours: record.get(theirs) for ours, theirs in form.wanted.items()}


@contextmanager
def _open(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, through gzip or zip where it is one."""
    if member is not None and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if Path(name).name == member]
            if not names:
                raise DataError(f"{path} has no {member}; it holds {archive.namelist()[:10]}")
            with archive.open(names[0]) as file:
                yield file
        return
    with open(path, "rb") as file:
        if file.peek(2)[:2] == b"\x1f\x8b":
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            yield file


def read_metadata(
    path: Path, key: str, columns: dict[str, str], member: str | None = None, **options: object
) -> pd.DataFrame:
    """Read a table of items from delimited text, all columns as text.

    Parameters
    ----------
    path, member
        As in `read`.
    key : str
        Column of item identifiers; becomes the index.
    columns : dict of str to str
        Our name of each column to the file's.
    options
        Passed to `pandas.read_csv`.
    """
    with _open(path, member) as file:
        frame = pd.read_csv(file, dtype=str, **options)
    missing = [c for c in (key, *columns.values()) if c not in frame]
    if missing:
        raise DataError(f"{path}: no column {', '.join(map(repr, missing))}; found {list(frame)}")
    frame = frame.drop_duplicates(key).set_index(key)
    return frame[list(columns.values())].set_axis(list(columns), axis=1)


def read_metadata_jsonl(path: Path, key: str, columns: dict[str, str]) -> pd.DataFrame:
    """Read a table of items from JSON lines; lists are kept as JSON text."""
    rows: dict[str, dict[str, object]] = {}
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                identifier = record[key]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path}, line {number}: {error!r}") from None
            values = {ours: record.get(theirs) for ours, theirs in columns.items()}
            rows[identifier] = {c: _text(v) for c, v in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))


def _text(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
