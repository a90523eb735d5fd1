"""The downloader against a real server on the loopback interface that misbehaves on demand.

`Site` answers each request with the next behavior of its script (the last one repeats) and
writes down what was asked, so that a test can prove what was fetched and what was not.
"""

import gzip
import hashlib
import json
import random
import re
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import platformdirs
import pytest

from recsys_lib.data.download import DownloadError, cache_folder, download, find

# Not `import recsys_lib.data.download as ...`: the package may have a function of that name.
MODULE = sys.modules["recsys_lib.data.download"]
BODY = random.Random(1).randbytes(200_000)
OTHER = random.Random(2).randbytes(200_000)
SHA = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server
        with site.mutex:
            site.seen.append(self)
            behave = site.script.pop(0) if len(site.script) > 1 else site.script[0]
        behave(self)

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        # Counted first: the client may be done before this thread runs again.
        self.server.sent += len(body)
        self.wfile.write(body)


class Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.versions = BODY, {"ETag": '"v1"'}
        self.script, self.seen, self.sent, self.errors = [serve()], [], 0, []
        self.mutex, self.go = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/file.bin"

    def server_bind(self):
        # HTTPServer would look up the name of this machine, which may ask the network.
        socketserver.TCPServer.server_bind(self)
        self.server_port = self.server_address[1]

    def handle_error(self, request, client_address):
        # A client that hangs up, or a handler that tore down its own connection, is no fault.
        if not isinstance(sys.exception(), (ConnectionError, ValueError)):
            self.errors.append(sys.exception())

    @property
    def ranges(self):
        return [request.headers["Range"] for request in self.seen]

    @property
    def if_ranges(self):
        return [request.headers["If-Range"] for request in self.seen]


def serve(cut=None, *, ranges=True, heed_if_range=True, shift=0, stall=False):
    """A server that keeps to the rules, except for what the arguments say."""

    def behave(handler):
        site, start, status = handler.server, 0, 200
        headers, versions = dict(site.versions), site.versions.values()
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
        same = not heed_if_range or handler.headers["If-Range"] in (None, *versions)
        if ranges and asked and same:
            start, size = int(asked[1]) + shift, len(site.body)
            if start >= size:
                handler.answer(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        body = site.body[start:]
        headers["Content-Length"] = str(len(body))
        handler.answer(status, body[:cut], headers)
        if stall:
            handler.wfile.flush()
            site.go.wait(20)

    return behave


def say(status, body=b"", **headers):
    """Answer the same whatever was asked; an underscore in a name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(status, body, named)


def chunked(status, body, *, end=True, **headers):
    def behave(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.close_connection = True
        coded = b"%x\r\n%s\r\n" % (len(body), body) + (b"0\r\n\r\n" if end else b"")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Transfer-Encoding": "chunked", "Connection": "close"}
        handler.answer(status, coded, named)

    return behave


def change(then):
    """Put another file on the server before it answers."""

    def behave(handler):
        handler.server.body, handler.server.versions = OTHER, {"ETag": '"v2"'}
        then(handler)

    return behave


@pytest.fixture
def site(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield site
        site.go.set()
        site.shutdown()
        thread.join()
    assert site.errors == []


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No test waits between two tries; what would have been waited is written down."""
    waits = []
    monkeypatch.setattr(MODULE, "_sleep", waits.append)
    return waits


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "file.bin"


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def assert_whole(path, body=BODY):
    assert path.read_bytes() == body
    assert names(path) == [".file.bin.lock", "file.bin"]


def part_of(path):
    return path.with_name(path.name + ".part")


def leave_part(site, path, body, *, url=None, validator='"v1"'):
    path.parent.mkdir()
    part_of(path).write_bytes(body)
    note = {"url": url or site.url, "validator": validator}
    path.with_name(path.name + ".part.json").write_text(json.dumps(note))


def fetch(site, path, **options):
    return download(site.url, path, **{"progress": False} | options)


# --- the file arrives ----------------------------------------------------------------------


def test_whole_file_in_one_request(site, path):
    assert fetch(site, path, sha256=SHA, md5=MD5, size=len(BODY)) == path
    assert_whole(path)
    assert site.ranges == [None]
    assert site.seen[0].headers["Accept-Encoding"] == "identity"


def test_upper_case_digest(site, path):
    fetch(site, path, sha256=SHA.upper())
    assert_whole(path)


def test_empty_file(site, path):
    site.body = b""
    fetch(site, path, size=0)
    assert_whole(path, b"")


def test_relative_path_is_made_absolute(site, path, monkeypatch):
    monkeypatch.chdir(path.parent.parent)
    assert fetch(site, "cache/file.bin") == path
    assert_whole(path)


@pytest.mark.parametrize("encoding", [{}, {"Content_Encoding": "gzip"}])
def test_gzip_file_comes_byte_for_byte(site, path, encoding):
    packed = gzip.compress(BODY, mtime=0)
    site.script = [say(200, packed, Content_Length=str(len(packed)), **encoding)]
    fetch(site, path, sha256=hashlib.sha256(packed).hexdigest())
    assert_whole(path, packed)


def test_existing_file_needs_no_network(site, path):
    path.parent.mkdir()
    path.write_bytes(BODY)
    assert fetch(site, path, sha256=SHA, md5=MD5, size=len(BODY)) == path
    assert site.seen == []
    assert names(path) == ["file.bin"]


def test_existing_wrong_file_is_reported_and_kept(site, path):
    path.parent.mkdir()
    path.write_bytes(OTHER)
    found = hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(DownloadError, match=f"{found}, expected {SHA}; delete it"):
        fetch(site, path, sha256=SHA)
    with pytest.raises(DownloadError, match=f"md5 is .*, expected {MD5}; delete it"):
        fetch(site, path, md5=MD5)
    with pytest.raises(DownloadError, match="200000 bytes, expected 3; delete it"):
        fetch(site, path, size=3)
    assert path.read_bytes() == OTHER
    assert site.seen == []


def test_redirect_is_followed_and_keeps_the_range(site, path):
    moved = say(302, Location="/elsewhere", Content_Length="0")
    site.script = [moved, serve(50_000), moved, serve()]
    fetch(site, path)
    assert_whole(path)
    assert [r.path for r in site.seen] == ["/file.bin", "/elsewhere"] * 2
    assert site.ranges == [None, None, "bytes=50000-", "bytes=50000-"]


# --- the connection breaks ----------------------------------------------------------------


def test_cut_connection_is_resumed_and_costs_no_retry(site, path, waits):
    site.script = [serve(cut) for cut in (30_000, 1, 50_000, 7_000, 40_000)] + [serve()]
    fetch(site, path, retries=0, sha256=SHA)
    assert_whole(path)
    starts = [f"bytes={start}-" for start in (30_000, 30_001, 80_001, 87_001, 127_001)]
    assert site.ranges == [None, *starts]
    assert site.if_ranges == [None] + ['"v1"'] * 5
    assert site.sent == len(BODY)  # not one byte came twice
    assert waits == [MODULE.FIRST_WAIT] * 5


def test_progress_renews_the_budget(site, path):
    busy = [say(503)] * 2
    site.script = [*busy, serve(50_000), *busy, serve(50_000), *busy, serve()]
    fetch(site, path, retries=2)
    assert_whole(path)
    assert len(site.seen) == 9


def test_always_cut_at_the_same_place_without_ranges_gives_up(site, path):
    site.script = [serve(50_000, ranges=False)]
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch(site, path, retries=3)
    assert len(site.seen) == 5  # one that got somewhere, and four that got no further
    assert part_of(path).stat().st_size == 50_000


def test_cut_here_and_there_without_ranges_gives_up(site, path):
    site.script = [serve(cut, ranges=False) for cut in (50_000, 30_000) * 20] + [serve()]
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch(site, path, retries=3)
    assert len(site.seen) <= 8


def test_length_claimed_too_long_is_not_taken_for_whole(site, path):
    site.script = [say(200, BODY, Content_Length="200001")]
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch(site, path, retries=1)
    assert not path.exists()


def test_length_claimed_too_short(site, path):
    site.script = [say(200, BODY, Content_Length="100000")]
    with pytest.raises(DownloadError, match="offers 100000 bytes, expected 200000"):
        fetch(site, path, size=len(BODY))
    found = hashlib.sha256(BODY[:100_000]).hexdigest()
    with pytest.raises(DownloadError, match=f"{found}, expected {SHA}"):
        fetch(site, path, sha256=SHA)
    assert len(site.seen) == 2
    assert names(path) == [".file.bin.lock"]


def test_stalled_body_times_out_and_is_resumed(site, path):
    site.script = [serve(100_000, stall=True), serve()]
    fetch(site, path, timeout=0.3)
    assert_whole(path)
    start = int(site.ranges[1].strip("bytes=-"))
    assert 100_000 - MODULE.CHUNK_BYTES <= start <= 100_000


def test_silent_server_times_out_and_is_asked_again(site, path):
    site.script = [lambda handler: site.go.wait(20), serve()]
    fetch(site, path, timeout=0.3)
    assert_whole(path)
    assert len(site.seen) >= 2  # more if the machine is so busy that it is silent too


def test_connection_closed_without_an_answer_is_asked_again(site, path):
    site.script = [lambda handler: None]
    with pytest.raises(DownloadError, match="broke before the server answered"):
        fetch(site, path, retries=4)
    assert len(site.seen) == 5
    site.script = [lambda handler: None, serve()]
    fetch(site, path)
    assert_whole(path)


def test_reset_connection_of_unknown_length_is_not_taken_for_whole(site, path):
    def reset(handler):
        handler.answer(200, BODY[:50_000], {})
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for end in (handler.wfile, handler.rfile, handler.connection):
            end.close()

    site.script = [reset, serve()]
    fetch(site, path)
    assert_whole(path)
    assert len(site.seen) == 2


# --- no length is given -------------------------------------------------------------------


def test_no_length_and_unknown_size(site, path):
    site.script = [say(200, BODY)]
    fetch(site, path)
    assert_whole(path)


def test_no_length_but_known_size_shows_the_cut(site, path):
    site.script = [say(200, BODY[:60_000], ETag='"v1"'), serve()]
    fetch(site, path, size=len(BODY))
    assert_whole(path)
    assert site.ranges == [None, "bytes=60000-"]


def test_no_length_and_more_than_the_known_size(site, path):
    site.script = [say(200, BODY)]
    with pytest.raises(DownloadError, match="more than the 1000 bytes"):
        fetch(site, path, size=1000)
    assert len(site.seen) == 1
    assert names(path) == [".file.bin.lock"]


def test_endless_answer_is_not_read_to_the_end(site, path):
    def pour(handler):
        handler.answer(200, b"", {})
        for _ in range(1000):
            site.sent += 64 * 1024
            handler.wfile.write(bytes(64 * 1024))

    site.script = [pour]
    with pytest.raises(DownloadError, match="more than the 1000 bytes"):
        fetch(site, path, size=1000)
    assert site.sent < 32 * 1024**2  # what the system's buffers took, not all of it


def test_length_beside_chunks_means_nothing(site, path):
    site.script = [chunked(200, BODY, Content_Length="5")]
    fetch(site, path)
    assert_whole(path)


def test_chunked_answer_and_its_cut(site, path):
    site.script = [chunked(200, BODY[:60_000], end=False), chunked(200, BODY)]
    fetch(site, path)
    assert_whole(path)
    assert len(site.seen) == 2


def test_more_bytes_than_the_range_promised(site, path):
    leave_part(site, path, BODY[:1000])
    site.script = [chunked(206, BODY[1000:] + b"!", Content_Range="bytes 1000-199999/200000")]
    with pytest.raises(DownloadError, match="more than the 200000 bytes"):
        fetch(site, path)
    assert names(path) == [".file.bin.lock"]


# --- the server says no -------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451, 501, 204, 304])
def test_final_answers_are_not_retried(site, path, status):
    site.script = [say(status)]
    with pytest.raises(DownloadError, match=f"{site.url}: the server answered {status}"):
        fetch(site, path)
    assert len(site.seen) == 1
    assert names(path) == [".file.bin.lock"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_troubles_are_retried(site, path, status):
    site.script = [say(status), say(status), serve()]
    fetch(site, path)
    assert_whole(path)
    assert len(site.seen) == 3


def test_retry_after_is_honored_and_capped(site, path, waits):
    in_20_s = formatdate(time.time() + 20, usegmt=True)
    asked = ["7", in_20_s, "100000", "soon", formatdate(0, usegmt=True)]
    site.script = [say(503, Retry_After=text) for text in asked] + [serve()]
    fetch(site, path)
    assert_whole(path)
    assert waits[0] == 7
    assert 15 < waits[1] <= 20
    assert waits[2:] == [MODULE.LONGEST_RETRY_AFTER, 8, 16]  # what says nothing: the usual wait


def test_always_503_ends_with_what_to_do_by_hand(site, path, waits):
    site.script = [say(503)]
    with pytest.raises(DownloadError, match="503 Service Unavailable") as caught:
        fetch(site, path)
    assert f"could not download {site.url}: " in str(caught.value)
    assert f"fetch it by hand and save it as {path}" in str(caught.value)
    assert len(site.seen) == 9
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_redirect_loop_and_redirect_to_another_scheme(site, path):
    site.script = [say(302, Location=site.url, Content_Length="0")]
    with pytest.raises(DownloadError, match="redirects"):
        fetch(site, path)
    site.script = [say(302, Location="ftp://127.0.0.1/file", Content_Length="0")]
    with pytest.raises(DownloadError, match="ftp"):
        fetch(site, path)


# --- wrong bytes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sha256", "md5"])
def test_wrong_bytes_are_deleted_and_not_fetched_twice(site, path, name):
    site.body = OTHER
    found, expected = (hashlib.new(name, body).hexdigest() for body in (OTHER, BODY))
    with pytest.raises(DownloadError, match=f"{name} is {found}, expected {expected}"):
        fetch(site, path, **{name: expected})
    assert len(site.seen) == 1
    assert names(path) == [".file.bin.lock"]


def test_wrong_bytes_from_a_resumed_part_start_over_once(site, path):
    leave_part(site, path, OTHER[:1000])
    fetch(site, path, sha256=SHA)
    assert_whole(path)
    assert site.ranges == ["bytes=1000-", None]


def test_wrong_bytes_again_after_starting_over(site, path):
    leave_part(site, path, OTHER[:1000])
    site.script = [serve(), change(serve(500)), serve()]
    with pytest.raises(DownloadError, match=f"expected {SHA}"):
        fetch(site, path, sha256=SHA)
    assert site.ranges == ["bytes=1000-", None, "bytes=500-"]
    assert names(path) == [".file.bin.lock"]


# --- what is resumed and what is not ------------------------------------------------------


def test_file_changed_between_two_tries(site, path):
    site.script = [serve(50_000), change(serve())]
    fetch(site, path)
    assert_whole(path, OTHER)
    assert site.ranges == [None, "bytes=50000-"]
    assert site.if_ranges == [None, '"v1"']


def test_file_changed_on_a_server_that_does_not_heed_if_range(site, path):
    site.script = [serve(50_000), change(serve(heed_if_range=False)), serve()]
    fetch(site, path, retries=0)
    assert_whole(path, OTHER)
    assert site.ranges == [None, "bytes=50000-", None]


def test_changed_file_may_break_as_often_as_the_first(site, path):
    cuts = [serve(15_000)] * 12
    site.script = [serve(190_000), change(cuts[0]), *cuts, serve()]
    fetch(site, path, retries=0)
    assert_whole(path, OTHER)


def test_server_without_ranges_starts_over(site, path):
    site.script = [serve(50_000), serve(ranges=False)]
    fetch(site, path)
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-"]
    assert site.sent == 50_000 + len(BODY)


@pytest.mark.parametrize("shift", [-1000, 1000])
def test_range_with_the_wrong_start_is_not_joined(site, path, shift):
    site.script = [serve(50_000), serve(shift=shift), serve()]
    fetch(site, path, retries=0)
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-", None]


@pytest.mark.parametrize("where", [{}, {"Content_Range": "bytes 50000-299999/300000"}])
def test_range_of_another_file_or_unnamed_is_not_joined(site, path, where):
    site.script = [serve(50_000), say(206, OTHER, **where), serve()]
    fetch(site, path, retries=0, size=len(BODY))
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-", None]


def test_range_in_pieces_and_of_unknown_total(site, path):
    piece = say(206, BODY[50_000:60_000], Content_Range="bytes 50000-59999/200000")
    rest = say(206, BODY[60_000:], Content_Range="bytes 60000-199999/*", Content_Length="140000")
    site.script = [serve(50_000), piece, rest]
    fetch(site, path, retries=0)
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-", "bytes=60000-"]


def test_416_starts_over_once(site, path):
    leave_part(site, path, BODY + b"!")
    fetch(site, path, retries=0)
    assert_whole(path)
    assert site.ranges == ["bytes=200001-", None]


def test_416_to_a_request_without_range_is_final(site, path):
    site.script = [serve(50_000), say(416)]
    with pytest.raises(DownloadError, match="answered 416"):
        fetch(site, path)
    assert site.ranges == [None, "bytes=50000-", None]


def test_416_finishes_a_part_that_is_whole(site, path):
    leave_part(site, path, BODY)
    fetch(site, path, sha256=SHA)
    assert_whole(path)
    assert site.ranges == ["bytes=200000-"]
    assert site.sent == 0


def test_416_about_another_version_does_not_finish(site, path):
    leave_part(site, path, BODY)
    site.script = [change(serve(heed_if_range=False)), serve()]
    fetch(site, path)
    assert_whole(path, OTHER)
    assert site.ranges == ["bytes=200000-", None]


@pytest.mark.parametrize("fault", ["none", "other url", "broken", "not a dict", "too long"])
def test_part_that_cannot_be_trusted_is_not_used(site, path, fault):
    body = BODY + b"!" if fault == "too long" else OTHER[:1000]
    leave_part(site, path, body, url="http://127.0.0.1/other" if fault == "other url" else None)
    sidecar = path.with_name("file.bin.part.json")
    if fault == "none":
        sidecar.unlink()
    if fault in ("broken", "not a dict"):
        sidecar.write_text('{"url": ' if fault == "broken" else "[1]")
    fetch(site, path, size=len(BODY))
    assert_whole(path)
    assert site.ranges == [None]


def test_without_etag_or_date_only_a_digest_makes_it_safe_to_resume(site, path):
    site.versions = {}
    site.script = [serve(50_000), serve()]
    fetch(site, path)
    assert_whole(path)
    assert site.ranges == [None, None]
    path.unlink()
    site.script = [serve(50_000), serve()]
    fetch(site, path, sha256=SHA)
    assert_whole(path)
    assert site.ranges[2:] == [None, "bytes=50000-"]
    assert site.if_ranges == [None] * 4


def test_weak_etag_gives_way_to_the_date(site, path):
    site.versions = {"ETag": 'W/"v1"', "Last-Modified": DATE}
    site.script = [serve(50_000), serve()]
    fetch(site, path)
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-"]
    assert site.if_ranges == [None, DATE]


def test_etag_that_turned_weak_on_the_way_still_fits(site, path):
    def weaken(handler):
        site.versions = {"ETag": 'W/"v1"'}
        serve(heed_if_range=False)(handler)

    site.script = [serve(50_000), weaken]
    fetch(site, path)
    assert_whole(path)
    assert site.ranges == [None, "bytes=50000-"]


# --- other processes ----------------------------------------------------------------------

CHILD = """
import importlib.util, signal, sys
# Where the tests run in the background, children are born deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
spec = importlib.util.spec_from_file_location("alone", sys.argv[1])
alone = sys.modules["alone"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alone)
if sys.argv[4:]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)
alone.download(sys.argv[2], sys.argv[3])
"""


@pytest.fixture
def child(site, path):
    """Start downloads in processes of their own."""
    started = []

    def start(*more):
        command = [sys.executable, "-c", CHILD, MODULE.__file__, site.url, str(path), *more]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def test_two_processes_download_once(site, path, child):
    def hold(handler):
        site.go.wait(20)
        serve()(handler)

    site.script = [hold]
    first = child()
    wait_until(lambda: site.seen)
    second = child()
    # The server answers only when the second process has said that it found the lock taken.
    assert "waiting for another process" in second.stderr.readline()
    site.go.set()
    assert first.wait(20) == 0
    assert second.wait(20) == 0
    assert_whole(path)
    assert len(site.seen) == 1


def test_threads_of_one_process_download_once(site, path):
    threads = [threading.Thread(target=fetch, args=(site, path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_whole(path)
    assert len(site.seen) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_part_of_a_stopped_process_is_resumed(site, path, child, name):
    site.script = [serve(100_000, stall=True), serve()]
    process, part = child(), part_of(path)
    wait_until(lambda: part.exists() and part.stat().st_size > 50_000)
    process.send_signal(signal.Signals[name])
    errors = process.communicate(timeout=20)[1]
    assert ("KeyboardInterrupt" in errors) == (name == "SIGINT")
    left = part.stat().st_size
    assert not path.exists()
    fetch(site, path, sha256=SHA)
    assert_whole(path)
    assert site.ranges == [None, f"bytes={left}-"]


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit there")
def test_disk_that_takes_no_more_names_the_folder(site, path, child):
    errors = child("70000").communicate(timeout=20)[1]
    assert f"DownloadError: cannot use the folder {path.parent}: File too large" in errors
    assert part_of(path).stat().st_size == 70_000
    fetch(site, path)
    assert_whole(path)
    assert site.ranges == [None, "bytes=70000-"]


# --- offline, and folders that cannot be used ---------------------------------------------


def test_refused_connection_gives_up_fast(site, path, waits):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/file.bin"
        with pytest.raises(DownloadError, match="refused") as caught:
            download(url, path, progress=False)
    assert url in str(caught.value)
    assert str(path) in str(caught.value)
    assert waits == [1, 2]
    assert names(path) == [".file.bin.lock"]


def test_unknown_host_gives_up_fast(path, waits, monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(DownloadError, match="Name or service not known"):
        download("http://nowhere.invalid/file.bin", path, progress=False)
    assert waits == [1, 2]


def test_server_that_was_there_once_gets_the_full_budget(site, path, waits, monkeypatch):
    def vanish(handler):
        serve(50_000)(handler)
        monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)

    def refuse(*args, **kwargs):
        raise ConnectionRefusedError("refused")

    site.script = [vanish]
    with pytest.raises(DownloadError, match="refused"):
        fetch(site, path)
    assert len(waits) == 9
    assert part_of(path).stat().st_size == 50_000


def test_folder_that_is_a_file(site, tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(DownloadError, match=f"cannot use the folder {tmp_path / 'cache'}: "):
        fetch(site, tmp_path / "cache" / "file.bin")
    assert site.seen == []


@pytest.mark.parametrize("name", [".file.bin.lock", "file.bin.part", "file.bin.part.json"])
def test_folder_where_a_file_cannot_be_written(site, path, name):
    (path.parent / name).mkdir(parents=True)
    with pytest.raises(DownloadError, match=f"cannot use the folder {path.parent}: "):
        fetch(site, path)
    assert not path.exists()


def test_target_that_is_a_folder(site, path):
    path.mkdir(parents=True)
    with pytest.raises(DownloadError, match=r"^cannot download to .* it is a folder$"):
        fetch(site, path)
    assert site.seen == []


# --- the progress bar ---------------------------------------------------------------------


def test_progress_bar_starts_where_the_part_ends(site, path, capsys):
    leave_part(site, path, BODY[:100_000])
    fetch(site, path, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "file.bin:  50%" in err.split("\r")[1]
    assert re.search(r"100%.*200k/200k.*B/s", err)


def test_retries_are_told_and_silence_is_kept(site, path, capsys):
    site.script = [say(503), serve()]
    fetch(site, path, progress=True)
    assert (
        "file.bin: the server answered 503 Service Unavailable; trying" in capsys.readouterr().err
    )
    path.unlink()
    site.script = [say(503), serve(50_000), serve()]
    fetch(site, path, progress=False)
    assert capsys.readouterr() == ("", "")


# --- arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ftp://host/f", "file:///f", "host/f", "", "http://", "https:///f"]
)
def test_other_urls_are_refused(path, url):
    expected = rf"^url must start with http:// or https:// and name a host, got {url!r}$"
    with pytest.raises(ValueError, match=expected):
        download(url, path)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("sha256", SHA[:-1], "64 hexadecimal digits"),
        ("sha256", "", "64 hexadecimal digits"),
        ("sha256", "g" * 64, "64 hexadecimal digits"),
        ("md5", SHA, "32 hexadecimal digits"),
        ("size", -1, "from 0 up"),
        ("retries", -1, "from 0 up"),
        ("timeout", 0, "above 0"),
        ("timeout", float("nan"), "above 0"),
    ],
)
def test_malformed_arguments_are_refused(path, name, value, allowed):
    with pytest.raises(ValueError, match=f"^{name} must be .*{allowed}, got {value!r}$"):
        download("http://127.0.0.1/f", path, **{name: value})
    assert not path.parent.exists()


# --- cache_folder and find ----------------------------------------------------------------


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_DATA", str(tmp_path / "new"))
    assert cache_folder() == tmp_path / "new"
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("RECSYS_DATA", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("RECSYS_DATA", "")
    assert cache_folder() == platformdirs.user_cache_path("recsys_lib")
    monkeypatch.delenv("RECSYS_DATA")
    assert cache_folder() == platformdirs.user_cache_path("recsys_lib")


def test_cache_folder_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSYS_DATA", str(tmp_path / "file"))
    with pytest.raises(
        NotADirectoryError, match=f"RECSYS_DATA must .*{tmp_path / 'file'} is a file"
    ):
        cache_folder()


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_find_prefers_the_named_place_then_sorts(tmp_path, monkeypatch):
    put(tmp_path, "b/x.gz", "a/deep/x.gz", "c/x.gz", "d/y.gz")
    assert find("x.gz", tmp_path) == tmp_path / "b/x.gz"
    assert find("c/x.gz", tmp_path) == tmp_path / "c/x.gz"
    assert find("elsewhere/y.gz", tmp_path) == tmp_path / "d/y.gz"
    put(tmp_path, "x.gz")
    assert find("x.gz", tmp_path) == tmp_path / "x.gz"
    monkeypatch.setenv("RECSYS_DATA", str(tmp_path))
    assert find("x.gz") == tmp_path / "x.gz"


@pytest.mark.parametrize("order", ["abcdef", "fedcba"])
def test_find_does_not_depend_on_the_order_on_disk(tmp_path, order):
    put(tmp_path, *(f"{letter}/x.gz" for letter in order))
    assert find("x.gz", tmp_path) == tmp_path / "a/x.gz"


def test_find_nothing(tmp_path):
    put(tmp_path, "a/deep/x.gz", "file")
    (tmp_path / "b" / "x.gz").mkdir(parents=True)
    for name in ("x.gz", "a", ""):
        assert find(name, tmp_path) is None
    assert find("x.gz", tmp_path / "missing") is None
    assert find("x.gz", tmp_path / "file") is None


@pytest.mark.parametrize("name", ["x.gz.part", "x.gz.part.json", ".x.gz.lock"])
def test_find_never_returns_what_is_unfinished(tmp_path, name):
    put(tmp_path, name, f"a/{name}")
    assert find(name, tmp_path) is None
    assert find("x.gz", tmp_path) is None
