"""When a reader on a slow line sees the first words: ``make paint``, recorded beside this file.

Every page of the built site is opened from a server on this machine, with nothing kept from before,
over a line of 1.6 Mbit/s with 150 ms to the server, on a processor slowed down four times. What is
kept is the browser's own "first contentful paint" in seconds. The server compresses text, as hosts
of sites do, and the number is the median of three visits. One more visit, to a server that does
not compress, waits for the whole page: how many bytes came, and when its first words did.
"""

import gzip
import io
import json
import statistics
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "site"))

from site_helpers import (  # noqa: E402 - how the tests find and serve the site
    BROWSER_FLAGS,
    NOT_FOUND,
    WIDE,
    QuietHandler,
    find_browser,
    find_site,
    serve,
)

LINE = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 1.6e6 / 8, "latency": 150}
SLOWER = 4
VISITS = 3
TEXT = (".html", ".css", ".js", ".svg", ".json")
PAINTED = """() => new Promise(done => {
  const look = () => performance.getEntriesByName("first-contentful-paint")[0]
    ? done(performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000)
    : setTimeout(look, 20);
  look();
})"""


class Compressing(QuietHandler):
    """Sends text compressed."""

    def send_head(self) -> io.BytesIO | None:
        """Answer with the head of a file, and return what follows."""
        file = Path(self.translate_path(self.path))
        if file.suffix not in TEXT or not file.is_file():
            return super().send_head()
        content = compressed(file)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)


@cache
def compressed(file: Path) -> bytes:
    """Return a file as a host keeps it, compressed once."""
    return gzip.compress(file.read_bytes())


def visit(browser: Browser, address: str, whole: bool = False) -> tuple[float, int]:
    """Return the seconds until the first paint of a page, and the bytes that came."""
    context = browser.new_context(**WIDE)
    page = context.new_page()
    session, came = context.new_cdp_session(page), [0.0]
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **LINE})
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    session.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
    page.goto(address, wait_until="load" if whole else "commit", timeout=120_000)
    seconds = page.evaluate(PAINTED)
    context.close()
    return seconds, round(sum(came))


def main() -> None:
    """Visit all pages and write down what was measured."""
    site, pages = find_site(), {}
    with (
        serve(site.folder) as plain,
        serve(site.folder, Compressing) as smaller,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_FLAGS) as browser,
    ):
        version = browser.version
        for page in site.pages:
            if site.leads_to(page) or page == NOT_FOUND:
                continue
            compressed((site.folder / page).resolve())
            seconds = statistics.median(
                visit(browser, f"{smaller}/{page}")[0] for _ in range(VISITS)
            )
            later, came = visit(browser, f"{plain}/{page}", whole=True)
            pages[page] = {
                "seconds": round(seconds, 2),
                "uncompressed": {"seconds": round(later, 2), "bytes": came},
            }
            told = f"{seconds:5.2f} s  ({later:5.2f} s and {came / 1e6:5.2f} MB uncompressed)"
            print(f"{told}  {page}", flush=True)
    slowest = max(pages, key=lambda page: pages[page]["seconds"])
    print(f"slowest: {slowest}, {pages[slowest]['seconds']} s")
    found = {
        "command": "make paint",
        "date": datetime.now(UTC).date().isoformat(),
        "browser": f"Chromium {version}",
        "line": LINE,
        "processor_slowed": SLOWER,
        "pages": pages,
    }
    file = Path(__file__).with_suffix(".json")
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
