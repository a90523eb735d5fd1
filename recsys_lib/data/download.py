"""Fetch the course's data files once, over connections that are slow and break.

``download`` writes to ``<name>.part`` and gives the file its real name only when it is whole, so
a file that is there can be used. A download that was cut goes on where it stopped, in the same
call or in the next one. Beside the part lies ``<name>.part.json``, which says which version of
which URL the part was cut from: without it, the halves of two versions could be joined.
"""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import requests
import urllib3
from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from tqdm import tqdm

# Small, because what was read of a chunk is lost when the connection breaks inside it.
CHUNK_BYTES = 16 * 1024
# A host that drops packets without a word is found out sooner than a slow answer.
CONNECT_TIMEOUT = 10.0
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
LONGEST_RETRY_AFTER = 60.0
# Offline or blocked: more tries would only make the reader wait for the same message.
UNREACHABLE_RETRIES = 2
RETRY_STATUS = frozenset({408, 429, 500, 502, 503, 504})
DIGEST_LENGTH = {"sha256": 64, "md5": 32}


class DownloadError(OSError):
    """A file could not be downloaded, or the file on disk is not the expected one."""


class _RetryError(Exception):
    """One try failed, the next may not.

    ``reached`` says whether the server was there at all, ``wait`` how many seconds it asked for.
    """

    def __init__(self, why: str, *, reached: bool = True, wait: float = 0.0) -> None:
        super().__init__(why)
        self.reached = reached
        self.wait = wait


@dataclass(frozen=True)
class _Job:
    url: str
    path: Path
    size: int | None
    digests: dict[str, str]
    timeout: float
    progress: bool

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @property
    def sidecar(self) -> Path:
        return self.path.with_name(self.path.name + ".part.json")

    @property
    def lock(self) -> Path:
        return self.path.with_name(f".{self.path.name}.lock")

    def discard(self) -> None:
        with _disk(self.path.parent):
            self.sidecar.unlink(missing_ok=True)
            self.part.unlink(missing_ok=True)

    def error(self, why: object) -> DownloadError:
        return DownloadError(
            f"could not download {self.url}: {why}; fetch it by hand and save it as {self.path}"
        )

    def say(self, text: str) -> None:
        if self.progress:
            tqdm.write(f"{self.path.name}: {text}", file=sys.stderr)


def cache_folder() -> Path:
    """Return the folder the course keeps its data in; it need not exist yet.

    Returns
    -------
    Path
        What the environment variable ``RECSYS_DATA`` says, or else the user's cache folder.

    Raises
    ------
    NotADirectoryError
        If ``RECSYS_DATA`` names something that exists and is not a folder.

    Examples
    --------
    >>> import os
    >>> from recsys_lib import data
    >>> os.environ["RECSYS_DATA"] = "big-disk/recsys"
    >>> print(data.cache_folder())
    big-disk/recsys
    """
    chosen = os.environ.get("RECSYS_DATA")
    if not chosen:
        return user_cache_path("recsys_lib")
    folder = Path(chosen).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"RECSYS_DATA must name a folder, but {folder} is a file: set it to a folder, "
            "or unset it to use the default one"
        )
    return folder


def find(filename: str, folder: Path | None = None) -> Path | None:
    """Look for a data file that is there already, whoever put it there.

    Parameters
    ----------
    filename : str
        Name of the file, possibly with sub-folders, relative to `folder`.
    folder : Path, optional
        Where to look; by default ``cache_folder()``.

    Returns
    -------
    Path or None
        ``folder/filename``, or the first file of that name in a sub-folder of `folder`, taken in
        sorted order; None if neither is there. Unfinished downloads and locks are never returned.

    Raises
    ------
    NotADirectoryError
        If `folder` is not given and ``cache_folder`` raises it.
    """
    folder = cache_folder() if folder is None else Path(folder)
    name = Path(filename).name
    is_ours = name.endswith((".part", ".part.json")) or re.fullmatch(r"\..*\.lock", name)
    if is_ours or not folder.is_dir():
        return None
    others = sorted(entry / name for entry in folder.iterdir() if entry.is_dir())
    return next((path for path in [folder / filename, *others] if path.is_file()), None)


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    retries: int = 8,
    timeout: float = 30.0,
    progress: bool = True,
) -> Path:
    """Download a file, or return it at once if it is there and is the expected one.

    A cut connection is taken up again where it broke. Two calls for the same `path`, even from
    two processes, download once: the second waits for the first.

    Parameters
    ----------
    url : str
        An http or https address.
    path : Path
        Where the file goes. Missing folders are made.
    sha256, md5 : str, optional
        The expected digests, in hexadecimal.
    size : int, optional
        The expected size in bytes.
    retries : int, default 8
        How many tries in a row may bring nothing new, after the first of them. A try that gets
        further than those before it costs nothing.
    timeout : float, default 30.0
        Seconds of silence after which a connection counts as broken.
    progress : bool, default True
        Whether to show a progress bar on stderr.

    Returns
    -------
    Path
        `path`, made absolute.

    Raises
    ------
    ValueError
        If `url` is not http or https, a digest is malformed, `size` or `retries` is negative or
        `timeout` is not positive.
    DownloadError
        If the server cannot be reached, refuses or sends the wrong bytes, if the folder cannot be
        written to, or if the file at `path` is not the expected one.
    """
    digests = {name: text for name, text in (("sha256", sha256), ("md5", md5)) if text is not None}
    _check_arguments(url, digests, size, retries, timeout)
    digests = {name: text.lower() for name, text in digests.items()}
    job = _Job(url, Path(path).absolute(), size, digests, timeout, progress)
    if _is_there(job):
        return job.path
    with _disk(job.path.parent):
        job.path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(job):
        # Another process may have brought the file while this one waited for the lock.
        if not _is_there(job):
            _bring(job, retries)
    return job.path


def _check_arguments(
    url: str, digests: dict[str, str], size: int | None, retries: int, timeout: float
) -> None:
    if not re.match(r"https?://[^/?#\s]", str(url), re.IGNORECASE):
        raise ValueError(f"url must start with http:// or https:// and name a host, got {url!r}")
    for name, text in digests.items():
        length = DIGEST_LENGTH[name]
        if not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", str(text)):
            raise ValueError(f"{name} must be {length} hexadecimal digits, got {text!r}")
    if size is not None and size < 0:
        raise ValueError(f"size must be None or a number of bytes from 0 up, got {size!r}")
    if retries < 0:
        raise ValueError(f"retries must be a number from 0 up, got {retries!r}")
    if not timeout > 0:
        raise ValueError(f"timeout must be a number of seconds above 0, got {timeout!r}")


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that names the folder."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot use the folder {folder}: {error.strerror or error}; make room or get write "
            "access there, or choose another folder (the environment variable RECSYS_DATA)"
        ) from error


@contextmanager
def _locked(job: _Job) -> Iterator[None]:
    # The lock file stays: whoever deleted it could take it from under a process just opening it.
    lock = FileLock(job.lock)
    with _disk(job.path.parent):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            job.say("waiting for another process that is downloading it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fault(job: _Job, path: Path) -> str | None:
    """Say how the file at `path` differs from what the caller expects; None if it does not."""
    with _disk(job.path.parent):
        have = path.stat().st_size
        if job.size is not None and have != job.size:
            return f"it has {have} bytes, expected {job.size}"
        for name, expected in job.digests.items():
            with path.open("rb") as file:
                # MD5 only tells files apart here; saying so keeps it allowed in FIPS mode.
                found = hashlib.file_digest(file, partial(hashlib.new, name, usedforsecurity=False))
            if found.hexdigest() != expected:
                return f"its {name} is {found.hexdigest()}, expected {expected}"
    return None


def _is_there(job: _Job) -> bool:
    with _disk(job.path.parent):
        if job.path.is_dir():
            raise DownloadError(f"cannot download to {job.path}: it is a folder")
        if not job.path.is_file():
            return False
    if fault := _fault(job, job.path):
        raise DownloadError(
            f"{job.path} is not the expected file: {fault}; delete it and try again "
            f"(it comes from {job.url})"
        )
    return True


def _bring(job: _Job, retries: int) -> None:
    """Fetch, check and rename; a wrong file made of several pieces gets a second chance."""
    for last in (False, True):
        resumed = _fetch(job, retries)
        fault = _fault(job, job.part)
        if fault is None:
            with _disk(job.path.parent):
                os.replace(job.part, job.path)
                job.sidecar.unlink(missing_ok=True)
            return
        job.discard()
        if last or not resumed:
            raise job.error(f"what arrived is not the expected file: {fault} (it was deleted)")
        job.say(f"{fault}; starting over")


def _fetch(job: _Job, retries: int) -> bool:
    """Try until the part is whole; return whether it was put together from several answers."""
    best, failures, reached, forgiven = _resume_point(job)[0], 0, False, False
    while True:
        try:
            return _try_once(job)
        except _RetryError as error:
            fault = error
        reached = reached or fault.reached
        have = _resume_point(job)[0]
        if have > best:
            best, failures = have, 0
        elif have < best and not forgiven:
            # Had to start over: measure progress from there. Only once, or a server that is
            # never resumed would keep us here for good.
            best, failures, forgiven = have, 0, True
        else:
            failures += 1
        if failures > (retries if reached else min(retries, UNREACHABLE_RETRIES)):
            raise job.error(f"{fault} (tries in a row without progress: {failures})") from fault
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures, 16))
        wait = max(wait, min(LONGEST_RETRY_AFTER, fault.wait))
        if failures:
            job.say(f"{fault}; trying again in {wait:g} s")
        _sleep(wait)


def _sleep(seconds: float) -> None:
    """Wait between two tries; a function of its own so that tests can replace it."""
    time.sleep(seconds)


def _try_once(job: _Job) -> bool:
    """Make the part whole with one request, or raise; return whether an old part was used."""
    have, validator = _resume_point(job)
    # Without this, servers may compress, and neither length nor digest would be the file's.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    with requests.Session() as session, _open(job, session, headers) as answer:
        if answer.status_code == 416 and have:
            if _content_range(answer)[1] == have and not _changed(answer, validator):
                return True
            job.discard()
            raise _RetryError("the server has no bytes after those already here")
        if answer.status_code not in (200, 206):
            raise _refusal(job, answer)
        if answer.status_code == 200:
            have = 0
        total = _promised(job, answer, have, validator)
        _receive(job, answer, have, total)
    return have > 0


def _resume_point(job: _Job) -> tuple[int, str | None]:
    """Return how many bytes of the part can be kept, and which version they belong to."""
    try:
        with _disk(job.path.parent):
            try:
                note = json.loads(job.sidecar.read_text(encoding="utf-8"))
                have = job.part.stat().st_size
            except FileNotFoundError:
                return 0, None
        url, validator = note["url"], note["validator"]
    except (ValueError, KeyError, TypeError):
        return 0, None
    if not isinstance(validator, str):
        validator = None
    # A part of unknown version may still be tried if a digest would show that it did not fit.
    safe = validator is not None or bool(job.digests)
    fits = job.size is None or have <= job.size
    return (have, validator) if url == job.url and safe and fits else (0, None)


def _open(job: _Job, session: requests.Session, headers: dict[str, str]) -> requests.Response:
    times = (min(job.timeout, CONNECT_TIMEOUT), job.timeout)
    try:
        return session.get(job.url, headers=headers, stream=True, timeout=times)
    except requests.ReadTimeout as error:
        raise _RetryError(f"the server did not answer within {job.timeout:g} s") from error
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        # requests wraps the cause, and only the cause reads like a sentence.
        wrapped = error.args[0] if error.args else error
        if isinstance(wrapped, urllib3.exceptions.ProtocolError):
            raise _RetryError("the connection broke before the server answered") from error
        cause = getattr(wrapped, "reason", None) or error
        never_met = (
            requests.ConnectTimeout,
            requests.exceptions.ProxyError,
            requests.exceptions.SSLError,
            urllib3.exceptions.NewConnectionError,
        )
        reached = not isinstance(error, never_met) and not isinstance(cause, never_met)
        raise _RetryError(str(cause), reached=reached) from error
    except requests.RequestException as error:
        raise job.error(error) from error


def _refusal(job: _Job, answer: requests.Response) -> Exception:
    why = f"the server answered {answer.status_code} {answer.reason}"
    if answer.status_code not in RETRY_STATUS:
        return job.error(why)
    return _RetryError(why, wait=_retry_after(answer))


def _retry_after(answer: requests.Response) -> float:
    """Return the seconds the server asks to wait: it may give a number or a date."""
    text = answer.headers.get("Retry-After", "")
    try:
        if text.isdecimal():
            return float(text)
        return parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return 0.0


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _content_range(answer: requests.Response) -> tuple[int | None, int | None]:
    """Return where the bytes of the answer start and how long the whole file is, if it says so."""
    text = answer.headers.get("Content-Range", "")
    match = re.fullmatch(r"\s*bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)\s*", text)
    return (_number(match[1]), _number(match[2])) if match else (None, None)


def _validator(answer: requests.Response) -> str | None:
    """Return what names this version of the file; weak ETags do not promise equal bytes."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified")


def _changed(answer: requests.Response, validator: str | None) -> bool:
    """Say whether the answer is about another version: some servers do not heed If-Range."""
    if validator is None:
        return False
    field = "ETag" if validator.startswith('"') else "Last-Modified"
    return answer.headers.get(field, validator).removeprefix("W/") != validator


def _promised(job: _Job, answer: requests.Response, have: int, validator: str | None) -> int | None:
    """Return how long the whole file will be; raise if the answer does not fit to what is here."""
    total = None
    if answer.status_code == 206:
        start, total = _content_range(answer)
        misfit = job.size is not None and total is not None and total != job.size
        if start != have or misfit or _changed(answer, validator):
            job.discard()
            raise _RetryError("the server sent another range than was asked for")
    if total is None and "Transfer-Encoding" not in answer.headers:
        length = _number(answer.headers.get("Content-Length"))
        total = None if length is None else have + length
    if total is None:
        return job.size
    if job.size is not None and total != job.size:
        raise job.error(f"the server offers {total} bytes, expected {job.size}")
    return total


def _receive(job: _Job, answer: requests.Response, have: int, total: int | None) -> None:
    """Append the answer to the part, or replace the part if nothing of it is kept."""
    bar = tqdm(
        desc=job.path.name,
        total=total,
        initial=have,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not job.progress,
    )
    with _disk(job.path.parent), bar:
        if not have:
            job.sidecar.unlink(missing_ok=True)
        with job.part.open("ab" if have else "wb") as file:
            if not have:
                # Only now is the old part gone, so that this note cannot be taken to be about it.
                note = {"url": job.url, "validator": _validator(answer)}
                job.sidecar.write_text(json.dumps(note), encoding="utf-8")
            for block in _blocks(job, answer):
                have += len(block)
                if total is not None and have > total:
                    break
                file.write(block)
                bar.update(len(block))
            file.flush()
            # The rename must not reach the disk before the bytes do.
            os.fsync(file.fileno())
        bar.leave = have == total or total is None
    if total is not None and have > total:
        job.discard()
        raise job.error(f"the server sent more than the {total} bytes it should have")
    # requests takes an early end of the connection for the end of the file.
    if total is not None and have < total:
        raise _RetryError(f"the connection was cut after {have} of {total} bytes")


def _blocks(job: _Job, answer: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as they were sent: ``iter_content`` would unpack a gzip file."""
    try:
        yield from answer.raw.stream(CHUNK_BYTES, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise _RetryError(f"nothing came for {job.timeout:g} s") from error
    except urllib3.exceptions.HTTPError as error:
        raise _RetryError("the connection broke before the file was whole") from error
