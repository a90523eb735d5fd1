"""Opening files, through whatever they are packed in, and telling what is no text at all."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from recsys_lib.validation import DataError

# What the decompressors raise at a file that is cut off or has wrong bytes (that of bz2 raises a
# bare OSError, see `damaged`).
DAMAGE = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    NotImplementedError,
)
LAYERS = 3  # a file may be packed in a packed file
GZIP, ZIP, XZ, BZIP2 = b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ\x00", b"1AY&SY"
WITH_PANDAS = "and give its table to Interactions.from_frame"
OTHER_KINDS = (  # first bytes, what they are a sign of and what helps
    (b"PAR1", f"it looks like a Parquet file: read it with pandas.read_parquet {WITH_PANDAS}"),
    (b"\xd0\xcf\x11\xe0", "it looks like an old Excel workbook: save it as CSV"),
    (b"SQLite format 3", f"it is an SQLite database: read it with pandas.read_sql {WITH_PANDAS}"),
    (b"\x28\xb5\x2f\xfd", "it is packed with Zstandard: unpack it first"),
    (b"7z\xbc\xaf\x27", "it is a 7-Zip archive: unpack it first"),
    (b"Rar!", "it is a RAR archive: unpack it first"),
    (b"\xff\xfe", "it looks like UTF-16: say encoding='utf-16'"),
    (b"\xfe\xff", "it looks like UTF-16: say encoding='utf-16'"),
    (b"<!doctype html", "it is a web page, not the file itself: fetch it again"),
    (b"<html", "it is a web page, not the file itself: fetch it again"),
    (b"[", f"if it is one JSON list, read it with pandas.read_json {WITH_PANDAS}"),
)

# An open file of bytes whose beginning can be looked at without reading on.
Peekable = io.BufferedReader | gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File | zipfile.ZipExtFile


@contextmanager
def unpacked(path: Path, member: str | None = None) -> Iterator[Peekable]:
    """Open a file for reading bytes, through gzip, bzip2, xz and zip, recognized by content.

    Of a zip archive with several files, `member` names the one to read.
    """
    with ExitStack() as stack:
        # Any, since the packers do not agree on the type of a file that they read from
        file: Any = stack.enter_context(open(path, "rb"))
        for _ in range(LAYERS):
            start = file.peek(10)[:10]
            if start.startswith(GZIP):
                file = stack.enter_context(gzip.open(file))
            elif start.startswith(XZ):
                file = stack.enter_context(lzma.open(file))
            elif start.startswith(b"BZh") and start[4:] == BZIP2:
                file = stack.enter_context(bz2.open(file))
            elif start.startswith(ZIP):
                archive = stack.enter_context(_archive(file, member, path))
                file = stack.enter_context(_member(archive, member, path))
            else:
                break
        yield file


def _archive(file: Peekable, member: str | None, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        if member is not None:
            raise
        raise DataError(
            f"{path}, line 1: it looks like a zip archive that is cut off or damaged ({error})"
        ) from None


def _member(archive: zipfile.ZipFile, member: str | None, path: Path) -> IO[bytes]:
    files = [name for name in archive.namelist() if not name.endswith("/")]
    if any(name.startswith("xl/") for name in files):
        raise DataError(f"{path} is an Excel workbook: save it as CSV")
    names = [name for name in files if member is None or member in (name, Path(name).name)]
    if member is None:  # what macOS adds is nobody's data
        names = [name for name in names if not name.startswith("__MACOSX/")]
    if not names:
        raise DataError(f"{path} has no {member or 'file'}; it holds {archive.namelist()[:10]}")
    if member is None and len(names) > 1:
        raise DataError(f"{path} holds several files; say which, as member=: {names[:10]}")
    try:
        return archive.open(names[0])
    except (OSError, RuntimeError) as error:  # a wrong offset, or a flag that says "encrypted"
        raise zipfile.BadZipFile(str(error)) from None


def damaged(path: Path, line: int, error: Exception) -> Exception:
    """Return the error to raise: of a damaged file, or the same if the disk is at fault."""
    if getattr(error, "errno", None) is not None:
        return error
    return DataError(f"{path} is cut off or damaged after line {line} ({error}): fetch it again")


def beginning(path: Path, member: str | None = None) -> bytes:
    """Return the first bytes of a file, unpacked; nothing where it cannot be read."""
    try:
        with unpacked(path, member) as file:
            return file.peek(4096)[:4096]
    except (OSError, ValueError, *DAMAGE):
        return b""


def other_kind(start: bytes) -> str:
    """Say what a file that is no delimited text seems to be; empty if that cannot be told."""
    bare = start.lstrip().lower()
    for magic, what in OTHER_KINDS:
        if start.startswith(magic) or bare.startswith(magic):
            return f"; {what}"
    for at, order in ((1, "le"), (0, "be")):
        if len(start) > 4 and not any(start[at:200:2]) and all(start[1 - at : 200 : 2]):
            return f"; it looks like UTF-16: say encoding='utf-16-{order}'"
    return ""


def looks_like_json(start: bytes) -> bool:
    """Whether a file begins with a JSON object, in UTF-8 or UTF-16, with or without a mark."""
    return start.replace(b"\0", b"").lstrip(b"\xef\xbb\xff\xfe\xbf \t\r\n").startswith(b"{")
