"""From files to `Interactions`: delimited text and JSON lines, plain, gzipped or inside a zip.

There is one definition of a good field, `Format.convert`. The slow reader applies it line by line,
the fast reader (pandas) to the distinct values of a column. The fast reader is only tried first:
whatever it cannot read, or might read otherwise than line by line, is read again slowly, so that
every complaint names a line and both agree.
"""

import csv
import gzip
import io
import json
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
import pandas as pd

from recsys_lib.data.interactions import Interactions
from recsys_lib.validation import DataError, check_choice

# Any date after this is taken for a wrong unit: milliseconds read as seconds land far beyond it.
LATEST = {"s": 4_102_444_800, "ms": 4_102_444_800_000, "iso": 4_102_444_800_000}  # 2100-01-01
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHUNK = 250_000  # rows that the fast reader holds as text at a time
LARGEST = float(np.finfo(np.float32).max)  # rating
INT64 = np.iinfo(np.int64)

# What gzip, zip and their decompressors raise at a file that is cut off or has wrong bytes.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)


class BadRow(Exception):
    """One row that cannot be used. `reason` is counted; the reader adds file and line."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


class BadHeader(ValueError):
    """The header cannot be used. The message begins with its line."""


@dataclass(frozen=True)
class Format:
    """How a file stores its four columns.

    Attributes
    ----------
    user, item, rating, timestamp : str or None
        Column names (or keys of a JSON object); `rating` and `timestamp` may be absent.
    kind : {"delimited", "jsonl"}
    separator : str
        Of delimited text. Quoting as in a spreadsheet's CSV if it is one character, none if more.
    columns : tuple of str or None
        Names of the columns where the file has no header line.
    integer_ids : bool
        Whether identifiers are integers; else they are kept as text.
    time_unit : {"s", "ms", "iso", "none"}
        Unix seconds or milliseconds, or ISO 8601 text, which is converted to milliseconds; without
        a time zone, it is taken for UTC.
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

    @cached_property
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
        row = {"rating": 1.0, "timestamp": 0}
        for ours in self.wanted:
            row[ours] = self.convert(ours, fields[ours])
        return row["user"], row["item"], row["rating"], row["timestamp"]

    def convert(self, ours: str, value: object) -> object:
        """Return the value of a field, where `ours` is our name of its column, or raise BadRow."""
        if value is None or value == "":
            raise BadRow(f"{ours} is missing", f"{self.wanted[ours]} is missing")
        if ours == "rating":
            return self._rating(value)
        if ours == "timestamp":
            return self._time(value)
        return (self._integer if self.integer_ids else self._text)(self.wanted[ours], value)

    def _text(self, column: str, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadRow(
                "identifier is no text", f"{column} {_show(value)} is neither text nor an integer"
            )
        text = str(value)
        if not _is_unicode(text):
            raise BadRow("not UTF-8", f"{column} {_show(value)} is not valid UTF-8")
        if "\0" in text:  # NumPy's text ends there
            raise BadRow("NUL in an identifier", f"{column} {_show(value)} holds a NUL character")
        return text

    def _integer(self, column: str, value: object) -> int:
        try:
            number = int(_plain_number(str(value)))
            if not INT64.min <= number <= INT64.max:
                raise ValueError
        except ValueError:
            raise BadRow(
                "identifier is no integer", f"{column} {_show(value)} is not a 64-bit integer"
            ) from None
        return number

    def _rating(self, value: object) -> float:
        low, high = self.scale or (-LARGEST, LARGEST)
        try:
            rating = float(_plain_number(value))
        except (TypeError, ValueError, OverflowError):
            raise BadRow(
                "rating is no number", f"{self.rating} {_show(value)} is not a number"
            ) from None
        if not low <= rating <= high:
            allowed = f"outside [{low:g}, {high:g}]" if self.scale else "no finite number"
            raise BadRow(
                "rating is outside the scale", f"{self.rating} {_show(value)} is {allowed}"
            )
        return rating

    def _time(self, value: object) -> int:
        try:
            time = _from_iso(value) if self.time_unit == "iso" else _whole(value)
        except (TypeError, ValueError, OverflowError):
            what = "an ISO 8601 time" if self.time_unit == "iso" else "a whole number"
            raise BadRow(
                "timestamp is unreadable", f"{self.timestamp} {_show(value)} is not {what}"
            ) from None
        if not 0 <= time <= LATEST[self.time_unit]:
            too_large = self.time_unit == "s" and time > 0
            hint = "; is it in milliseconds (time_unit='ms')?" if too_large else ""
            raise BadRow(
                "timestamp is out of range",
                f"{self.timestamp} {_show(value)} is not a time between 1970 and 2100{hint}",
            )
        return time


def _plain_number(value: object) -> object:
    """Refuse what Python takes for a number and a file does not mean as one: True, 1_000, ٣."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        raise ValueError
    return value


def _whole(value: object) -> int:
    """Return a whole number, also one written as 5.0 or 5e3."""
    value = _plain_number(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def _from_iso(value: object) -> int:
    """Return Unix milliseconds."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _is_unicode(text: str) -> bool:
    """Whether no character is half of a pair, which is also how undecodable bytes are marked."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def read(
    path: Path,
    form: Format,
    *,
    name: str,
    on_bad_rows: str = "error",
    items: pd.DataFrame | None = None,
) -> Interactions:
    """Read a file of interactions.

    Lines that are empty or blank are no rows. A row that runs over several lines, as a quoted field
    may, is named by its first.

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
    if path.is_dir():
        raise DataError(f"{path} is a folder; needed is the file of interactions itself")
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
    """Read clean delimited text with pandas; None means: read it slowly, something is off.

    pandas is slow at separators of two characters. Split at the single character ":", the line
    ``a::b`` is ``a``, nothing, ``b``: so there is a filler column between each two of the file's.
    """
    step = len(form.separator)
    if form.time_unit == "iso" or form.separator != form.separator[0] * step:
        return None
    try:
        header = _checked_header(path, form)
        place = {ours: header.index(theirs) * step for ours, theirs in form.wanted.items()}
        names = range((len(header) - 1) * step + 1)
        # read as text: asked for categories, pandas would make numbers of them, and 007 a 7
        dtypes = {at: "int64" if at == place.get("timestamp") else "str" for at in names}
        columns = {at: _Column(dtype == "str") for at, dtype in dtypes.items()}
        with _open(path, form.member) as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # other rows that are too long are only a warning
            chunks = pd.read_csv(
                file,
                sep=form.separator[0],
                header=None if form.columns else 0,
                names=list(names),
                index_col=False,
                dtype=dtypes,
                keep_default_na=False,
                quoting=csv.QUOTE_MINIMAL if step == 1 else csv.QUOTE_NONE,
                encoding="utf-8",
                chunksize=CHUNK,
            )
            for chunk in chunks:
                for at, column in columns.items():
                    column.add(chunk[at])
        return _convert_columns(columns, form, place) if _is_clean(columns, step) else None
    except (ValueError, OSError, OverflowError, StopIteration, BadRow, Warning, *DAMAGE):
        return None


class _Column:
    """One column, gathered from chunks: its values, or, of text, the distinct ones and their codes.

    So no more of the text is ever in memory than one chunk, and every distinct value once.
    """

    def __init__(self, is_text: bool):
        self.is_text = is_text
        self.distinct: dict[str, int] = {}
        self._parts: list[np.ndarray] = []

    def add(self, values: pd.Series) -> None:
        if not self.is_text:
            self._parts.append(values.to_numpy())
            return
        codes, new = pd.factorize(values.to_numpy(dtype=object))
        known = self.distinct
        place = np.fromiter(
            (known.setdefault(text, len(known)) for text in new), np.int32, len(new)
        )
        self._parts.append(place[codes])

    @property
    def values(self) -> np.ndarray:
        return np.concatenate(self._parts)


def _checked_header(path: Path, form: Format) -> list[str]:
    """Return the header, or raise BadRow if the first row does not fit to it.

    The first row is the one that pandas lets be too long, and cuts.
    """
    with _open(path, form.member) as file, _as_text(file) as text:
        lines = _Lines(text)
        rows = _rows(lines, form.separator)
        header = _header(rows, lines, form.columns, list(form.wanted.values()))
        first = next(rows)
        fault = _fault(first, len(header))
    if fault:
        raise fault
    if len(form.separator) > 1 and form.separator[0] in "".join(first):
        raise BadRow("row cannot be split", "half a separator inside a field")
    return header


def _is_clean(columns: dict[int, _Column], step: int) -> bool:
    """Whether every row has the right number of fields and stands on a line of its own."""
    for at, column in columns.items():
        known = column.distinct
        if at % step and list(known) != [""]:
            return False  # something stands between the two halves of a separator
        if at == max(columns) and "" in known:
            return False  # this is also how pandas fills up rows that are too short
        if _hold(known, "\n\r"):
            return False  # perhaps a stray quote has swallowed some lines
    return True


def _hold(texts: Iterable[str], characters: str) -> bool:
    """Whether any of many texts holds one of a few characters."""
    joined = "".join(texts)
    return any(character in joined for character in characters)


def _convert_columns(
    columns: dict[int, _Column], form: Format, place: dict[str, int]
) -> pd.DataFrame | None:
    frame = {}
    for ours, at in place.items():
        column, codes = columns[at], columns[at].values
        if ours == "timestamp":
            # pandas reads True as 1; a column that never exceeds 1 is too rare to be told apart
            if codes.min() < 0 or not 1 < codes.max() <= LATEST[form.time_unit]:
                return None
            frame[ours] = codes
        elif ours == "rating" or form.integer_ids:
            values = [form.convert(ours, text) for text in column.distinct]
            frame[ours] = np.array(values)[codes]
        elif "" in column.distinct or _hold(column.distinct, "\0"):
            return None  # all else that `Format.convert` refuses, decoding has refused already
        else:
            frame[ours] = pd.Categorical.from_codes(codes, list(column.distinct))
    return pd.DataFrame(frame)


def _read_slowly(path: Path, form: Format, on_bad_rows: str, skipped: Counter) -> pd.DataFrame:
    rows, line = [], 0
    records = _json_rows if form.kind == "jsonl" else _delimited_rows
    try:
        with _open(path, form.member) as file:
            for line, fields in records(file, form):
                try:
                    if isinstance(fields, BadRow):
                        raise fields
                    rows.append(form.parse(fields))
                except BadRow as bad:
                    if on_bad_rows == "error":
                        raise DataError(f"{path}, line {line}: {bad}") from None
                    skipped[bad.reason] += 1
    except DAMAGE as error:
        raise _damaged(path, line, error) from None
    except BadHeader as error:
        raise DataError(f"{path}, {error}") from None
    if not rows:
        what = f"none of its {sum(skipped.values())} rows can be used: {dict(skipped)}"
        raise DataError(f"{path}: {what if skipped else 'the file holds no rows'}")
    return pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])


def _damaged(path: Path, line: int, error: Exception) -> DataError:
    return DataError(f"{path} is cut off or damaged after line {line} ({error}): fetch it again")


def _delimited_rows(file: BinaryIO, form: Format) -> Iterator[tuple[int, dict | BadRow]]:
    with _as_text(file) as text:
        lines = _Lines(text)
        rows = _rows(lines, form.separator)
        header = _header(rows, lines, form.columns, list(form.wanted.values()))
        place = {ours: header.index(theirs) for ours, theirs in form.wanted.items() if header}
        for row in rows:
            fault = _fault(row, len(header))
            if fault:
                lines.keep_first()
            yield lines.first, fault or {ours: row[at] for ours, at in place.items()}


def _as_text(file: BinaryIO, encoding: str = "utf-8-sig") -> TextIO:
    return io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")


def _header(
    rows: Iterator[list[str] | BadRow],
    lines: "_Lines",
    names: Sequence[str] | None,
    wanted: Sequence[str],
) -> list[str]:
    """Return the names of the columns, none if there is not even a header, or raise BadHeader."""
    header = list(names) if names else next(rows, [])
    fault = _fault(header)
    if fault:
        raise BadHeader(f"line {lines.first}: the header cannot be read: {fault}")
    for name in wanted if header else ():
        if header.count(name) > 1:
            raise BadHeader(f"line {lines.first}: column {name!r} comes more than once: {header}")
    missing = ", ".join(repr(name) for name in wanted if header and name not in header)
    if missing:
        raise BadHeader(f"line {lines.first}: no column {missing}; found {_show(header)}")
    return header


def _fault(row: list[str] | BadRow, width: int | None = None) -> BadRow | None:
    """Return what is wrong with the shape of a row, if anything is."""
    if isinstance(row, BadRow):
        return row
    if width is not None and len(row) != width:
        return BadRow("wrong number of fields", f"{len(row)} fields, expected {width}")
    if not _is_unicode("".join(row)):
        return BadRow("not UTF-8", "the line is not valid UTF-8")
    return None


def _rows(lines: "_Lines", separator: str, quotes: bool = True) -> Iterator[list[str] | BadRow]:
    """Split text into rows; blank lines are none."""
    if len(separator) == 1 and quotes:
        split = csv.reader(lines, delimiter=separator)
    else:
        split = (line.rstrip("\r\n").split(separator) for line in lines)
    while True:
        lines.start_row()
        try:
            row = next(split)
            if len(lines.row) > 1 or lines.at_end:
                # only the strict reader minds a quote that is never closed
                next(csv.reader(lines.row, delimiter=separator, strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow("row cannot be split", f"the row cannot be split: {error}")
        else:
            if len(row) > 1 or "".join(lines.row).strip(" \t\r\n"):
                yield row


class _Lines:
    """The lines of a text file; those of the current row can be read again.

    A stray quote makes one row of all lines up to the next quote. If that row is bad, `keep_first`
    gives up its first line only, and reading goes on at its second.
    """

    def __init__(self, text: TextIO):
        self.text = text
        self.first = 1  # number of the first line of the current row
        self.row: list[str] = []
        self.at_end = False  # whether the current row asked for a line after the last
        self.ahead: list[str] = []  # lines to read again, the next one last

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.ahead.pop() if self.ahead else next(self.text, None)
        if line is None:
            self.at_end = True
            raise StopIteration
        self.row.append(line)
        return line

    def start_row(self) -> None:
        self.first += len(self.row)
        self.row, self.at_end = [], False

    def keep_first(self) -> None:
        self.ahead += reversed(self.row[1:])
        del self.row[1:]


def _json_rows(file: BinaryIO, form: Format) -> Iterator[tuple[int, dict | BadRow]]:
    for line, record in _json_objects(file):
        bad = isinstance(record, BadRow)
        yield line, record if bad else {o: record.get(t) for o, t in form.wanted.items()}


def _json_objects(file: BinaryIO) -> Iterator[tuple[int, dict | BadRow]]:
    """Yield (line, object) of each line; blank lines are none."""
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8-sig")
            record = json.loads(text) if text.strip() else None
        except UnicodeDecodeError:
            record = BadRow("not UTF-8", "the line is not valid UTF-8")
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)  # str(error) would speak of a "line 1"
            record = BadRow("not JSON", f"the line is not JSON: {reason}")
        else:
            if not text.strip():
                continue
            if not isinstance(record, dict):
                record = BadRow("not a JSON object", f"not a JSON object but {_show(record)}")
        yield number, record


@contextmanager
def _open(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, through gzip or, where `member` is given, zip if it is one."""
    with open(path, "rb") as file:
        start = file.peek(4)[:4]
        if start[:2] == b"\x1f\x8b":
            with gzip.open(file) as unpacked:
                yield unpacked
        elif member is not None and start == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive, _member(archive, member, path) as unpacked:
                yield unpacked
        else:
            yield file


def _member(archive: zipfile.ZipFile, member: str, path: Path) -> BinaryIO:
    names = [name for name in archive.namelist() if Path(name).name == member]
    if not names:
        raise DataError(f"{path} has no {member}; it holds {archive.namelist()[:10]}")
    try:
        return archive.open(names[0])
    except (OSError, RuntimeError) as error:  # a wrong offset, or a flag that says "encrypted"
        raise zipfile.BadZipFile(str(error)) from None


def read_metadata(
    path: Path,
    key: str,
    columns: dict[str, str],
    *,
    member: str | None = None,
    names: Sequence[str] | None = None,
    separator: str = ",",
    quotes: bool = True,
    encoding: str = "utf-8-sig",
) -> pd.DataFrame:
    """Read a table of items from delimited text, all columns as text; empty fields are missing.

    Parameters
    ----------
    path, member
        As in `read`.
    key : str
        Column of item identifiers; becomes the index. Of rows that share one, the first is kept.
    columns : dict of str to str
        Our name of each column to the file's.
    names : sequence of str, optional
        The file's columns where it has no header line.
    separator, encoding : str
    quotes : bool
        Whether fields may be quoted; never where the separator is longer than one character.

    Raises
    ------
    DataError
        With file and line: a missing column, a row with a wrong number of fields or without an
        identifier, a file that is empty or damaged.
    """
    rows: dict[str, list[str | None]] = {}
    line = 0
    try:
        with _open(path, member) as file, _as_text(file, encoding) as text:
            lines = _Lines(text)
            split = _rows(lines, separator, quotes)
            header = _header(split, lines, names, [key, *columns.values()])
            for row in split:
                line = lines.first
                fault = _fault(row, len(header))
                if fault or not row[header.index(key)]:
                    raise DataError(f"{path}, line {line}: {fault or f'{key} is missing'}")
                values = [row[header.index(theirs)] or None for theirs in columns.values()]
                rows.setdefault(row[header.index(key)], values)
    except DAMAGE as error:
        raise _damaged(path, line, error) from None
    except BadHeader as error:
        raise DataError(f"{path}, {error}") from None
    return _table(path, rows, columns).astype("str")


def read_metadata_jsonl(path: Path, key: str, columns: dict[str, str]) -> pd.DataFrame:
    """Read a table of items from JSON lines; lists are kept as JSON text.

    Of lines that share an identifier, the last is kept. Raises DataError, with the line, for one
    that is not a JSON object or has no identifier, and if the file is empty or cut off.
    """
    rows: dict[str, list[object]] = {}
    number = 0
    try:
        with _open(path) as file:
            for number, record in _json_objects(file):
                if isinstance(record, BadRow):
                    raise DataError(f"{path}, line {number}: {record}")
                identifier = record.get(key)
                if not isinstance(identifier, str):
                    raise DataError(f"{path}, line {number}: {key} must be text: {identifier!r}")
                rows[identifier] = [_cell(record.get(theirs)) for theirs in columns.values()]
    except DAMAGE as error:
        raise _damaged(path, number, error) from None
    return _table(path, rows, columns)


def _table(path: Path, rows: dict[str, list], columns: dict[str, str]) -> pd.DataFrame:
    if not rows:
        raise DataError(f"{path}: the file holds no rows")
    return pd.DataFrame(list(rows.values()), index=list(rows), columns=list(columns))


def _cell(value: object) -> object:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):  # halves of emoji that were cut in two cannot be printed or saved
        return value.encode("utf-8", "replace").decode()
    return value
