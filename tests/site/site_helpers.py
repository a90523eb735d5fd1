"""The built site as the tests see it: its pages as files, and visits to them in a browser."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.js")

# What loads something, or answers: a page with one of each is opened as a file, too.
KINDS = (".math", "[data-shufflequestions]", "[data-frame]", "figure.moving", "figure.clouds")
KINDS += ("figure.guess", ".picker", "dl.py", "a.explained", "svg[role=img]", ".taste-said")

NOT_FOUND = "404.html"  # stands alone, without the theme
# Beside the chapters; the other pages are made of the same things.
WITHOUT_TWIN = ("book/intro.html", "book/my_taste.html", "book/glossary.html", "search.html")
WITHOUT_TWIN += ("book/reference/models.html", "book/figures.html", "book/own_data.html")
ON_LARGE_SCREENS = ("book/intro.html", "book/reference/models.html", "notebooks/03_svd.html")
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",  # which needs rights that a container does not give
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A request that should not be made is recorded, and still reaches nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
WIDE = {"viewport": {"width": 1280, "height": 900}}
PAPER = 658  # pixels between the margins of A4
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def report(problems: dict[str, list[str]]) -> None:
    """Fail, with the problems of each page under its name, if there are any."""
    found = {page: texts for page, texts in problems.items() if texts}
    if found:
        lines = [
            line for page, texts in found.items() for line in (page, *map("    {}".format, texts))
        ]
        pytest.fail("\n".join(["", *lines]), pytrace=False)


@dataclass(frozen=True)
class Site:
    """A folder of built pages."""

    folder: Path

    @cached_property
    def pages(self) -> list[str]:
        """The pages, named by their path in the site. Under _static lie templates."""
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html"))
        return sorted(page for page in found if not page.startswith("_static/"))

    @property
    def chapters(self) -> list[str]:
        return [page for page in self.pages if page.startswith("notebooks/")]

    @cached_property
    def of_every_kind(self) -> list[str]:
        """A page, the first, for each kind of thing that a page loads or that answers."""
        first = {}
        for page in self.pages:
            for kind in KINDS:
                if kind not in first and self.soup(page).select_one(kind):
                    first[kind] = page
        assert not set(KINDS) - first.keys()
        return sorted(set(first.values()))

    def leads_to(self, page: str) -> str | None:
        """Return the page that a mere signpost, such as index.html, sends its reader to."""
        refresh = self.soup(page).find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
        return refresh["content"].partition("url=")[2] if refresh else None

    @cache  # noqa: B019 - there is one site, and it lives as long as the tests
    def soup(self, page: str) -> BeautifulSoup:
        return BeautifulSoup((self.folder / page).read_text(encoding="utf-8"), "lxml")


def find_site() -> Site:
    folder = Path(os.environ.get("RECSYS_SITE", ROOT / "_build" / "html")).resolve()
    site = Site(folder)
    if not folder.is_dir() or not site.pages:
        pytest.fail(f"There is no built site in {folder}: run make book first.", pytrace=False)
    return site


def find_browser() -> str:
    """Return the path of a Chromium; without one, skip or, where one is required, fail."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        if not shutil.which(chosen):
            pytest.fail(f"CHROMIUM is {chosen}, which is no program.", pytrace=False)
        return chosen
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    message = (
        "No Chromium was found, so nobody looked at the pages in a browser (formulas, quizzes, "
        "search, dark mode, phone). Install one (on Debian and Ubuntu: apt install chromium), or "
        "set CHROMIUM to the path of one."
    )
    if os.environ.get("RECSYS_REQUIRE_BROWSER") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a browser that leaves a page drops its connections


@contextmanager
def serve(folder: Path, handler: type[QuietHandler] = QuietHandler) -> Iterator[str]:
    """Serve a folder on a free port of this machine, and yield the address."""
    with QuietServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Visit:
    """What happened while a browser was on a page, and what the probe saw there."""

    page: str
    requests: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)

    def saw(self, what: str) -> list[str]:
        return self.seen.get(what, ["was not looked at, for the visit broke off"])


class Tab:
    """A browser's tab that goes from page to page and notes what happens on each.

    To open a tab costs four times what it costs to load a page, so the pages share one.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.visit = Visit("about:blank")
        page.add_init_script(path=PROBE)
        page.on("request", lambda request: self.visit.requests.append(request.url))
        page.on("websocket", lambda socket: self.visit.requests.append(socket.url))
        page.on("requestfailed", self._note_failure)
        page.on("response", self._note_response)
        page.on("pageerror", lambda error: self.visit.errors.append(str(error)))
        page.on("console", self._note_message)

    def go(self, base: str, page: str, query: str = "") -> Visit:
        """Open a page as for the first time, with nothing remembered from the page before."""
        if self.visit.page != "about:blank":
            self.page.evaluate("localStorage.clear()")
            self.page.goto("about:blank")
        self.visit = Visit(page)
        self.page.goto(f"{base}/{page}{query}")
        return self.visit

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # which is a reader's leaving
            self.visit.broken.append(f"{request.failure} {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.visit.broken.append(f"{response.status} {response.url}")

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.visit.errors.append(message.text)


OPEN_FOLDS = "try { localStorage.setItem('beyond', 'open'); } catch { /* nothing is kept */ }"


class Visits:
    """Visits to every page of a site, each made once, whichever tests ask for it."""

    def __init__(self, browser: Browser, site: Site, address: str) -> None:
        self.browser = browser
        self.site = site
        self.over_http = address
        self.from_files = site.folder.as_uri()

    @contextmanager
    def tab(self, **settings: Any) -> Iterator[Tab]:
        context = self.browser.new_context(reduced_motion="reduce", **settings)
        try:
            yield Tab(context.new_page())
        finally:
            context.close()

    def everywhere(
        self,
        base: str,
        look: Callable[[Page, Visit], None],
        pages: list[str] | None = None,
        **settings: Any,
    ) -> list[Visit]:
        """Go to each page that is more than a signpost, wait till it is drawn, and look at it."""
        visits = []
        with self.tab(**settings) as tab:
            tab.page.add_init_script(OPEN_FOLDS)  # to look at all that there is
            for page in pages or self.site.pages:
                if self.site.leads_to(page) or page == NOT_FOUND:
                    continue
                visit = tab.go(base, page)
                try:
                    tab.page.evaluate("siteProbe.settled()")
                    look(tab.page, visit)
                except PlaywrightError as error:
                    visit.errors.append(f"the visit broke off: {error}")
                visits.append(visit)
        return visits

    @cached_property
    def wide(self) -> list[Visit]:
        return self.everywhere(self.over_http, look_wide, color_scheme="light", **WIDE)

    @cached_property
    def file(self) -> list[Visit]:
        pages = self.site.of_every_kind
        return self.everywhere(self.from_files, look_at_text, pages, color_scheme="light", **WIDE)

    @cached_property
    def phone(self) -> list[Visit]:
        return self.everywhere(self.over_http, look_on_phone, color_scheme="dark", **PHONE)


def look_at_text(page: Page, visit: Visit) -> None:
    visit.seen["formulas"] = page.evaluate("siteProbe.formulas()")
    visit.seen["raw markup"] = page.evaluate("siteProbe.rawMarkup()")


def look_wide(page: Page, visit: Visit) -> None:
    look_at_text(page, visit)
    visit.seen["scrolling formulas"] = page.evaluate("siteProbe.scrollingFormulas()")
    # First everything is opened and answered, so that the colors of that are looked at too.
    visit.seen["solutions"] = open_solutions(page)
    visit.seen["quizzes"] = answer_wrongly(page)
    visit.seen["touching letters"] = page.evaluate("siteProbe.touchingLetters()")
    visit.seen["jumping"] = page.evaluate("siteProbe.jumpingFigures()")
    visit.seen["large"] = page.evaluate("siteProbe.largeMovingFigures()")
    visit.seen["sliders"] = move_sliders(page) + move_figures(page)
    visit.seen["faint in light mode"] = page.evaluate("siteProbe.faintText()")
    visit.seen["no dark mode"] = switch_to_dark(page)
    visit.seen["faint in dark mode"] = page.evaluate("siteProbe.faintText()")
    visit.seen["faint letters"] = page.evaluate("siteProbe.faintLetters()")
    visit.seen["cut on paper"] = cut_on_paper(page) if visit.page.startswith("notebooks/") else []
    # On a phone axe looks at every page; what is beside them on a large screen is the same on all.
    visit.seen["barriers"] = barriers(page) if visit.page in ON_LARGE_SCREENS else []


def cut_on_paper(page: Page) -> list[str]:
    """Return what reaches over the edge of A4 where the page is printed."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 900})
    page.evaluate("siteProbe.openEverything()")
    found = page.evaluate("siteProbe.cut()")
    page.emulate_media(media="screen")
    page.set_viewport_size(WIDE["viewport"])  # last: the page looks anew at what scrolls
    page.wait_for_timeout(100)
    return found


def look_on_phone(page: Page, visit: Visit) -> None:
    theme = page.evaluate("document.documentElement.dataset.theme")
    visit.seen["no dark mode"] = [] if theme == "dark" else [f"the theme is {theme!r}"]
    page.evaluate("siteProbe.openEverything()")
    visit.seen["overflow"] = page.evaluate("siteProbe.overflow()")
    visit.seen["scrolling formulas"] = page.evaluate("siteProbe.scrollingFormulas()")
    visit.seen["faint in dark mode"] = page.evaluate("siteProbe.faintText()")
    visit.seen["jumping"] = page.evaluate("siteProbe.jumpingFigures()")
    visit.seen["small letters"] = page.evaluate("siteProbe.smallLetters()")
    visit.seen["touching letters"] = page.evaluate("siteProbe.touchingLetters()")
    visit.seen["covered formulas"] = page.evaluate("siteProbe.coveredFormulas()")
    visit.seen["faint letters"] = page.evaluate("siteProbe.faintLetters()")
    looked_at = visit.page.startswith("notebooks/") or visit.page in WITHOUT_TWIN
    visit.seen["barriers"] = barriers(page) if looked_at else []


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds on the page that is ours to mend.

    Formulas are taken out first: MathJax writes them for screen readers by its own rules, and there
    are so many that axe would look at little else. The logo and its hints are the theme's.
    """
    page.evaluate("document.querySelectorAll('mjx-container').forEach(one => one.remove())")
    found = Axe().run(
        page,
        context={"exclude": [[".navbar-brand"], [".tooltip"]]},
        options={
            "resultTypes": ["violations"],
            "runOnly": AXE_RULES,
            "rules": {"color-contrast": {"enabled": False}},  # looked at by siteProbe.faintText
            "preload": False,
        },
    )
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]


def open_solutions(page: Page) -> list[str]:
    """Open each solution with a click; return what was open before or stayed closed after."""
    problems = [
        f"a solution stands open, for its cell has no tag hide-input: {cell.inner_text()[:60]!r}"
        for cell in page.locator("div.cell > div.cell_input", has_text="BEGIN SOLUTION").all()
    ]
    folded = page.locator("div.cell > details.hide")
    if count := folded.evaluate_all("all => all.filter(one => one.open).length"):
        problems.append(f"{count} folded cells are open when the page is")
    if folded.count():  # all work alike, and a click costs as much as all that is looked at here
        folded.first.locator("summary").click()
        if not folded.first.locator(":scope > :not(summary)").first.is_visible():
            problems.append("a folded cell stays closed when clicked")
    folded.evaluate_all("all => all.forEach(one => { one.open = true; })")
    for number, box in enumerate(page.locator(".solution.dropdown").all(), start=1):
        content = box.locator(":scope > :not(.admonition-title, .toggle-button)").first
        if content.is_visible():
            problems.append(f"solution box {number} is open when the page is")
            continue
        box.locator(".admonition-title").click()
        if not content.is_visible():
            problems.append(f"solution box {number} stays closed when clicked")
    return problems


def answer_wrongly(page: Page) -> list[str]:
    """See that all quizzes are drawn, and give one of them a wrong answer."""
    problems = [
        f"quiz {number} is not drawn"
        for number, box in enumerate(page.locator("[data-shufflequestions]").all(), start=1)
        if not box.locator(".Quiz").count()
    ]
    quizzes = page.locator(".Quiz")
    if not quizzes.count():
        return problems
    wrong = quizzes.locator(".MCButton[data-correct=false]")
    if wrong.count():
        wrong.first.click()
    else:
        quizzes.locator(".Input-text").first.fill("-98765")
        quizzes.locator(".Input-text").first.press("Enter")
    if not any(text.strip() for text in quizzes.locator(".Feedback:visible").all_inner_texts()):
        problems.append("a wrong answer gets no feedback")
    page.evaluate("siteProbe.settled()")
    return problems


def move_sliders(page: Page) -> list[str]:
    """Move every slider to both its ends by keyboard; return those that show something else."""
    problems = []
    for number, figure in enumerate(page.locator("figure:has([data-frame])").all(), start=1):
        control, frames = figure.locator("input"), figure.locator("[data-frame]")
        for key, wanted in (("End", frames.last), ("Home", frames.first)):
            control.press(key)
            name = wanted.get_attribute("data-frame")
            shown = figure.locator("[data-frame]:visible")
            said = figure.locator("output").inner_text(), control.get_attribute("aria-valuetext")
            if shown.count() != 1 or shown.get_attribute("data-frame") != name:
                problems.append(f"slider {number} does not show {name!r} after {key}")
            elif said != (name, name):
                problems.append(f"slider {number} says {said} and shows {name!r}")
    return problems


KEYS = {"radio": "Space", "select-one": "ArrowDown"}


def move_figures(page: Page) -> list[str]:
    """Move every control of the figures that compute by keyboard; return those without effect.

    What they draw is held to the functions in Python by test_moving.py.
    """
    problems = []
    for number, figure in enumerate(page.locator("figure.moving").all(), start=1):
        controls = figure.locator("input:not([type=radio]:checked), select")
        for place, control in enumerate(controls.all()):
            before = figure.inner_html()
            kind = control.evaluate("one => one.type")
            least = kind == "range" and control.input_value() == control.get_attribute("min")
            control.press("ArrowRight" if least else KEYS.get(kind, "ArrowLeft"))
            if figure.inner_html() == before:
                problems.append(f"control {place} of moving figure {number} changes nothing")
    return problems


def switch_to_dark(page: Page) -> list[str]:
    """Click the theme's switch, which goes round three modes, until the page is dark."""
    for _ in range(3):
        page.locator(".theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            return []
    return ["the switch does not lead to dark mode"]
