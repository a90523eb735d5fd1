"""When a reader on a slow line sees the first words: ``make paint``, recorded beside this file.

Every page of the built site is opened from a server on this machine, with nothing kept from before,
over a line of 1.6 Mbit/s with 150 ms to the server, on a processor slowed down four times. What is
kept is the browser's own "first contentful paint", the median of three visits, in seconds, and the
bytes that came over the line until the page was loaded, as a server sends them that does not
compress. The first visit waits for the whole page, the others for its first words.
"""

import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "site"))

from site_helpers import (  # noqa: E402 - how the tests find and serve the site
    BROWSER_FLAGS,
    NOT_FOUND,
    WIDE,
    find_browser,
    find_site,
    serve,
)

LINE = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 1.6e6 / 8, "latency": 150}
SLOWER = 4
VISITS = 3
PAINTED = """() => new Promise(done => {
  const look = () => performance.getEntriesByName("first-contentful-paint")[0]
    ? done(performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000)
    : setTimeout(look, 20);
  look();
})"""


def visit(browser: Browser, address: str, whole: bool) -> tuple[float, int]:
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
        serve(site.folder) as address,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_FLAGS) as browser,
    ):
        version = browser.version
        for page in site.pages:
            if site.leads_to(page) or page == NOT_FOUND:
                continue
            visits = [visit(browser, f"{address}/{page}", n == 0) for n in range(VISITS)]
            seconds = statistics.median(first for first, _ in visits)
            pages[page] = {"seconds": round(seconds, 2), "bytes": visits[0][1]}
            print(f"{seconds:5.2f} s  {visits[0][1] / 1e6:5.2f} MB  {page}", flush=True)
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
