"""From files to `Interactions`: delimited text and JSON lines, plain or packed.

There is one definition of a good field, `Format.convert`. The slow reader applies it line by line,
the fast reader (pandas) to the distinct values of a column. The fast reader is only tried first:
whatever it cannot read, or might read otherwise than line by line, is read again slowly, so that
every complaint names a line and both agree.
"""

import csv
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.packing import (
    DAMAGE,
    WITH_PANDAS,
    Peekable,
    beginning,
    damaged,
    other_kind,
    unpacked,
)
from recsys_lib.data.tables import meant
from recsys_lib.data.times import LATEST, cure_of_text, from_text, other_unit
from recsys_lib.validation import DataError, check_choice

CHUNK = 250_000  # rows that the fast reader holds as text at a time
CHUNK_CHARACTERS = 2**24  # or fewer, where they come to more than this
LONGEST = 2**26  # characters of a field; the csv module's own limit is that of a short review
LARGEST = float(np.finfo(np.float32).max)  # rating
INT64 = np.iinfo(np.int64)
ANOTHER = "; is it another encoding, such as encoding='cp1252'?"
DECIMAL_COMMA, FRACTION = re.compile(r"-?\d+,\d+"), re.compile(r"\d+\.\d+")
WITH_COMMA = f"; with a decimal comma, read it with pandas.read_csv(decimal=',') {WITH_PANDAS}"
WITH_FRACTION = (
    f"; with a fraction, read it with pandas and pandas.to_datetime(..., unit=) {WITH_PANDAS}"
)
SEPARATORS = (";", "\t", "|", "::", ",", " ")  # to be proposed where another one fits


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
        Of delimited text. None is quoted if it is more than one character.
    columns : tuple of str or None
        Names of the columns where the file has no header line.
    integer_ids : bool
        Whether identifiers are integers; else they are kept as text.
    time_unit : str
        "s", "ms" or "none"; or of text, which becomes milliseconds, "iso" or a layout as in
        `datetime.strptime`; without a time zone, it is taken for UTC.
    scale : (float, float) or None
        Lowest and highest allowed rating.
    member : str or None
        Name of the file inside a zip archive; needed if it holds several.
    encoding : str
        Of the text.
    quotes : bool
        Whether fields of delimited text may be quoted, as in a spreadsheet's CSV.
    known_faults : tuple of str
        Reasons of bad rows that are always left out and counted.
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
    encoding: str = "utf-8"
    quotes: bool = True
    known_faults: tuple[str, ...] = ()

    @property
    def stored_unit(self) -> str:
        """What the timestamps count when they have been read."""
        if self.timestamp is None:
            return "none"
        return self.time_unit if self.time_unit in ("s", "ms", "none") else "ms"

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

    def parse(self, fields: dict[str, Any]) -> tuple[int | str, int | str, float, int]:
        """Return one row's (user, item, rating, timestamp), or raise BadRow."""
        row: dict[str, Any] = {"rating": 1.0, "timestamp": 0}
        for ours in self.wanted:
            row[ours] = self.convert(ours, fields[ours])
        return row["user"], row["item"], row["rating"], row["timestamp"]

    def convert(self, ours: str, value: Any) -> int | float | str:
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

    def _rating(self, value: Any) -> float:
        low, high = self.scale or (-LARGEST, LARGEST)
        try:
            rating = float(_plain_number(value))
        except (TypeError, ValueError, OverflowError):
            cure = WITH_COMMA if DECIMAL_COMMA.fullmatch(str(value)) else ""
            raise BadRow(
                "rating is no number", f"{self.rating} {_show(value)} is not a number{cure}"
            ) from None
        if not low <= rating <= high:
            allowed = f"outside [{low:g}, {high:g}]" if self.scale else "no finite number"
            raise BadRow(
                "rating is outside the scale", f"{self.rating} {_show(value)} is {allowed}"
            )
        return rating

    def _time(self, value: Any) -> int:
        unit, is_text = self.stored_unit, self.time_unit != self.stored_unit
        try:
            time = from_text(value, self.time_unit) if is_text else _whole(value)
        except (TypeError, ValueError, OverflowError):
            what = f"written as {self.time_unit!r}" if is_text else "a whole number"
            what = "an ISO 8601 time" if self.time_unit == "iso" else what
            cure = cure_of_text(value) if self.time_unit in ("s", "ms", "iso") else ""
            cure = WITH_FRACTION if not is_text and FRACTION.fullmatch(str(value)) else cure
            raise BadRow(
                "timestamp is unreadable",
                f"{self.timestamp} {_show(value)} is not {what}{cure}",
            ) from None
        if not 0 <= time <= LATEST[unit]:
            hint = "" if is_text else other_unit(time)
            raise BadRow(
                "timestamp is out of range",
                f"{self.timestamp} {_show(value)} is not a time between 1970 and 2100{hint}",
            )
        return time


def _plain_number(value: Any) -> Any:
    """Refuse what Python takes for a number and a file does not mean as one: True, 1_000, ٣."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        raise ValueError
    return value


def _whole(value: Any) -> int:
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
    merge: str | None = None,
) -> Interactions:
    """Read a file of interactions.

    Lines that are empty or blank are no rows. A row that runs over several lines, as a quoted field
    may, is named by its first.

    Parameters
    ----------
    path : Path
        Plain text, or packed with gzip, bzip2, xz or zip (recognized by its content).
    form : Format
    name : str
        The name the result bears.
    on_bad_rows : {"error", "skip"}
        Whether a row that cannot be used stops the reading or is left out and counted, by reason,
        in `report.skipped`.
    items : DataFrame, optional
        Metadata, indexed by item identifier.
    merge : {"latest", "sum", "count"}, optional
        See `Interactions.from_frame`.

    Raises
    ------
    DataError
        With file, line and reason: a bad row (unless skipped), a missing column, a file that is
        empty, truncated, or has no row that can be used.
    FileNotFoundError
        If there is no such file.
    """
    check_choice("on_bad_rows", on_bad_rows, ("error", "skip"))
    if path.is_dir():
        raise DataError(f"{path} is a folder; needed is the file of interactions itself")
    frame = _read_fast(path, form) if form.kind == "delimited" else None
    skipped: Counter[str] = Counter()
    if frame is None:
        frame = _read_slowly(path, form, on_bad_rows, skipped)
    try:
        return Interactions.from_frame(
            frame,
            name=name,
            scale=form.scale,
            time_unit=form.stored_unit,
            items=items,
            skipped=dict(skipped),
            merge=merge,
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _read_fast(path: Path, form: Format) -> pd.DataFrame | None:
    """Read clean delimited text with pandas; None means: read it slowly, something is off.

    pandas is slow at separators of two characters. Split at the single character ":", the line
    ``a::b`` is ``a``, nothing, ``b``: so there is a filler column between each two of the file's.
    """
    step = len(form.separator)
    if form.time_unit not in ("s", "ms", "none") or form.separator != form.separator[0] * step:
        return None
    try:
        header, width = _checked_header(path, form)
        place = {ours: header.index(theirs) * step for ours, theirs in form.wanted.items()}
        names = range((len(header) - 1) * step + 1)
        # read as text: asked for categories, pandas would make numbers of them, and 007 a 7
        dtypes = {at: "int64" if at == place.get("timestamp") else "str" for at in names}
        columns = {at: _Column(dtypes[at] == "str") for at in place.values()}
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
                quoting=csv.QUOTE_MINIMAL if step == 1 and form.quotes else csv.QUOTE_NONE,
                encoding=form.encoding,
                chunksize=max(1, min(CHUNK, CHUNK_CHARACTERS // width)),
            )
            for chunk in chunks:
                for at in names:
                    if at in columns:
                        columns[at].add(chunk[at])
                    elif not _is_clean(chunk[at].tolist(), at, step, names[-1]):
                        return None
        clean = (_is_clean(c.distinct, at, step, names[-1]) for at, c in columns.items())
        return _convert_columns(columns, form, place) if all(clean) else None
    except (ValueError, OSError, OverflowError, StopIteration, BadRow, Warning, *DAMAGE):
        return None


class _Column:
    """A wanted column, gathered from chunks: its values; of text, the distinct ones and codes.

    So no more of the text is ever in memory than one chunk, and every distinct value once. Columns
    that nobody wants are looked at chunk by chunk, and not gathered.
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


def _checked_header(path: Path, form: Format) -> tuple[list[str], int]:
    """Return the header and the usual width of a row in characters.

    Raises BadRow if the first row does not fit to the header: it is the one that pandas lets be too
    long, and cuts.
    """
    with _open(path, form.member) as file, _as_text(file, form.encoding) as text:
        lines = _Lines(text)
        rows = _rows(lines, form.separator, form.quotes)
        header = _header(rows, lines, form.columns, list(form.wanted.values()))
        first = _judged(next(rows), lines, len(header))
        sizes = [len("".join(lines.row)), *map(len, islice(text, 1000))]
    if isinstance(first, BadRow):
        raise first
    if len(form.separator) > 1 and form.separator[0] in "".join(first):
        raise BadRow("row cannot be split", "half a separator inside a field")
    return header, sum(sizes) // len(sizes) + 1


def _is_clean(texts: Sequence[str] | dict[str, int], at: int, step: int, last: int) -> bool:
    """Whether a column shows no sign that rows have a wrong number of fields, or several lines."""
    if at % step:
        return set(texts) <= {""}  # or something stands between the two halves of a separator
    if at == last and "" in texts:
        return False  # this is also how pandas fills up rows that are too short
    if sum(map(len, texts)) > LONGEST and max(map(len, texts)) > LONGEST:
        return False
    return not _hold(texts, "\n\r")  # perhaps a stray quote has swallowed some lines


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


def _read_slowly(path: Path, form: Format, on_bad_rows: str, skipped: Counter[str]) -> pd.DataFrame:
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
                    if on_bad_rows == "error" and bad.reason not in form.known_faults:
                        raise DataError(f"{path}, line {line}: {bad}") from None
                    skipped[bad.reason] += 1
    except (OSError, *DAMAGE) as error:
        raise damaged(path, line, error) from None
    except BadHeader as error:
        kind = other_kind(beginning(path, form.member))
        told = str(error).removesuffix(ANOTHER) if kind else error
        raise DataError(f"{path}, {told}{kind}") from None
    except UnicodeError as error:
        raise DataError(f"{path} cannot be read in encoding {form.encoding!r}: {error}") from None
    if not rows:
        what = f"none of its {sum(skipped.values())} rows can be used: {dict(skipped)}"
        raise DataError(f"{path}: {what if skipped else 'the file holds no rows'}")
    return pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])


def _delimited_rows(file: Peekable, form: Format) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    with _as_text(file, form.encoding) as text:
        lines = _Lines(text)
        rows = _rows(lines, form.separator, form.quotes)
        header = _header(rows, lines, form.columns, list(form.wanted.values()))
        place = {ours: header.index(theirs) for ours, theirs in form.wanted.items() if header}
        for row in rows:
            row = _judged(row, lines, len(header), place.values())
            if isinstance(row, BadRow):
                lines.keep_first()
                yield lines.first, row
            else:
                yield lines.first, {ours: row[at] for ours, at in place.items()}


def _as_text(file: Peekable, encoding: str = "utf-8", newline: str = "") -> TextIO:
    """Open bytes as text; what cannot be decoded becomes halves of characters."""
    encoding = "utf-8-sig" if _is_utf8(encoding) else encoding
    return io.TextIOWrapper(file, encoding, errors="surrogateescape", newline=newline)


def _is_utf8(encoding: str) -> bool:
    return encoding.casefold().replace("_", "-").removesuffix("-sig") in ("utf-8", "utf8")


def _undecodable(encoding: str) -> BadRow:
    """Return the fault of a line that holds bytes which are no text in this encoding."""
    if _is_utf8(encoding):
        return BadRow("not UTF-8", f"the line is not valid UTF-8{ANOTHER}")
    return BadRow(f"not {encoding}", f"the line is not valid {encoding}")


def _header(
    rows: Iterator[list[str] | BadRow],
    lines: "_Lines",
    names: Sequence[str] | None,
    wanted: Sequence[str],
) -> list[str]:
    """Return the names of the columns, none if there is not even a header, or raise BadHeader."""
    header = _judged(list(names) if names else next(rows, []), lines)
    if isinstance(header, BadRow):
        raise BadHeader(f"line {lines.first}: the header cannot be read: {header}")
    for name in wanted if header else ():
        if header.count(name) > 1:
            raise BadHeader(f"line {lines.first}: column {name!r} comes more than once: {header}")
    missing = [name for name in wanted if header and name not in header]
    if missing:
        raise BadHeader(
            f"line {lines.first}: no column {', '.join(map(repr, missing))}; "
            f"found {_show(header)}{_cure_of_header(header, lines, wanted, missing)}"
        )
    return header


def _cure_of_header(
    header: list[str], lines: "_Lines", wanted: Sequence[str], missing: list[str]
) -> str:
    """Say what may help where columns are missing: a separator, or another name."""
    line = "".join(lines.row).strip("\r\n\ufeff").replace('"', "")
    for separator in SEPARATORS:
        if set(wanted) <= set(line.split(separator)):
            return f"; say separator={separator!r}"
    if any(name == "" or name[:1].isdigit() for name in header):  # a row of data, it seems
        return "; if the file has no header line, name its columns: columns=[...]"
    return meant(missing, header)


def _judged(
    row: list[str] | BadRow,
    lines: "_Lines",
    width: int | None = None,
    places: Iterable[int] | None = None,
) -> list[str] | BadRow:
    """Return a row, or what is wrong with it: its shape, or text at `places` (or all)."""
    if isinstance(row, BadRow):
        return row
    if width is not None and len(row) != width:
        return BadRow("wrong number of fields", f"{len(row)} fields, expected {width}")
    if not _is_unicode("".join(row if places is None else [row[at] for at in places])):
        return _undecodable(lines.text.encoding)
    return row


def _rows(lines: "_Lines", separator: str, quotes: bool = True) -> Iterator[list[str] | BadRow]:
    """Split text into rows; blank lines are none."""
    split: Iterator[list[str]]
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
            yield BadRow(
                "row cannot be split",
                f"the row cannot be split: {error}; if quotes are letters like others here, say "
                "quotes=False",
            )
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


def _json_rows(file: Peekable, form: Format) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    for line, record in _json_objects(file, form.wanted.values(), form.encoding):
        if not isinstance(record, BadRow):
            record = _misnamed(record, form) or {o: record.get(t) for o, t in form.wanted.items()}
        yield line, record


def _misnamed(record: dict, form: Format) -> BadRow | None:
    """Return the fault of an object that lacks a key and has another which may be meant."""
    for ours, theirs in form.wanted.items():
        if theirs not in record and (question := meant(theirs, record)):
            return BadRow(f"{ours} is missing", f"{theirs} is missing{question}")
    return None


def _json_objects(
    file: Peekable, wanted: Iterable[str], encoding: str = "utf-8"
) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Yield (line, object) of each line; blank lines are none."""
    with _as_text(file, encoding, newline="\n") as text:
        for number, line in enumerate(text, start=1):
            line = line.removeprefix("\ufeff")
            if line.strip():
                yield number, _json_object(line, wanted, encoding)


def _json_object(line: str, wanted: Iterable[str], encoding: str) -> dict[str, Any] | BadRow:
    """Return the object of a line; what cannot be decoded matters only in wanted values."""
    garbled = not _is_unicode(line)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)  # str(error) would speak of a "line 1"
        is_not = BadRow("not JSON", f"the line is not JSON: {reason}")
        return _undecodable(encoding) if garbled else is_not
    if not isinstance(record, dict):
        return BadRow("not a JSON object", f"not a JSON object but {_show(record)}")
    if garbled:
        values = json.dumps([record.get(key) for key in wanted], ensure_ascii=False)
        return record if _is_unicode(values) else _undecodable(encoding)
    return record


@contextmanager
def _open(path: Path, member: str | None = None) -> Iterator[Peekable]:
    """Open a file for reading bytes; while it is open, fields of text may be long."""
    before = csv.field_size_limit(LONGEST)
    try:
        with unpacked(path, member) as file:
            yield file
    finally:
        csv.field_size_limit(before)


def read_metadata(
    path: Path,
    key: str,
    columns: dict[str, str],
    *,
    member: str | None = None,
    names: Sequence[str] | None = None,
    separator: str = ",",
    quotes: bool = True,
    encoding: str = "utf-8",
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
            places = [header.index(name) for name in (key, *columns.values()) if header]
            for row in split:
                line = lines.first
                row = _judged(row, lines, len(header), places)
                if isinstance(row, BadRow):
                    raise DataError(f"{path}, line {line}: {row}")
                if not row[places[0]]:
                    raise DataError(f"{path}, line {line}: {key} is missing")
                rows.setdefault(row[places[0]], [row[at] or None for at in places[1:]])
    except (OSError, *DAMAGE) as error:
        raise damaged(path, line, error) from None
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
            for number, record in _json_objects(file, [key, *columns.values()]):
                if isinstance(record, BadRow):
                    raise DataError(f"{path}, line {number}: {record}")
                identifier = record.get(key)
                if not isinstance(identifier, str):
                    raise DataError(f"{path}, line {number}: {key} must be text: {identifier!r}")
                rows[identifier] = [_cell(record.get(theirs)) for theirs in columns.values()]
    except (OSError, *DAMAGE) as error:
        raise damaged(path, number, error) from None
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
