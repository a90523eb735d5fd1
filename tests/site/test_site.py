"""What a reader sees in a browser: from a server, from files, and on a phone; light and dark.

The visits of a way are made once and looked at by many tests, which stand in a class so that one
process does them all; see site_helpers.py and probe.js.
"""

import re

import pytest

from site_helpers import WIDE, Site, Visit, Visits, report

# A word that each chapter is about, and so must be found by.
TERMS = {
    "notebooks/00_start_here.html": "popular",
    "notebooks/01_data.html": "sparsity",
    "notebooks/02_cosine.html": "cosine",
    "notebooks/03_svd.html": "singular",
    "notebooks/04_mf.html": "gradient",
    "notebooks/05_bce.html": "sigmoid",
    "notebooks/06_bmf.html": "negatives",
    "notebooks/07_mlp.html": "backpropagation",
    "notebooks/08_neumf.html": "pretrained",
    "notebooks/09_evaluation.html": "hypergeometric",
    "notebooks/10_trust.html": "published",
    "notebooks/11_simple.html": "softmax",
}


def seen(visits: list[Visit], what: str) -> dict[str, list[str]]:
    return {visit.page: visit.saw(what) for visit in visits}


class OnEveryWay:
    """What must be so whichever way the reader comes; `way` names it, as in `Visits`."""

    way: str

    @pytest.fixture
    def pages(self, visits: Visits) -> list[Visit]:
        return getattr(visits, self.way)

    def test_no_page_asks_for_anything_outside_the_site(self, pages: list[Visit], visits: Visits):
        here = (f"{visits.over_http}/", f"{visits.from_files}/", "data:", "blob:")
        report(
            {
                visit.page: sorted({url for url in visit.requests if not url.startswith(here)})
                for visit in pages
            }
        )

    def test_nothing_that_a_page_asks_for_is_missing(self, pages: list[Visit]):
        report({visit.page: visit.broken for visit in pages})

    def test_no_script_fails(self, pages: list[Visit]):
        report({visit.page: visit.errors for visit in pages})


class OnALargeScreen(OnEveryWay):
    def test_every_formula_is_typeset(self, pages: list[Visit]):
        report(seen(pages, "formulas"))

    def test_no_markup_is_left_in_the_text(self, pages: list[Visit]):
        report(seen(pages, "raw markup"))


class InBothColors(OnEveryWay):
    def test_no_formula_has_a_scrollbar_for_nothing(self, pages: list[Visit]):
        report(seen(pages, "scrolling formulas"))

    def test_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "no dark mode"))

    def test_text_stands_out_in_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "faint in dark mode"))

    def test_figures_lie_on_a_light_ground_in_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "dark figures"))


class TestFromAServer(OnALargeScreen, InBothColors):
    """Light at first, then dark by the switch."""

    way = "wide"

    def test_text_stands_out_in_light_mode(self, pages: list[Visit]):
        report(seen(pages, "faint in light mode"))

    def test_solutions_are_folded_and_open_on_a_click(self, pages: list[Visit]):
        report(seen(pages, "solutions"))

    def test_quizzes_are_drawn_and_answer(self, pages: list[Visit]):
        report(seen(pages, "quizzes"))

    def test_sliders_show_what_they_say(self, pages: list[Visit], site: Site):
        assert any(site.soup(page).select("figure input[type=range]") for page in site.chapters)
        report(seen(pages, "sliders"))


class TestFromFiles(OnALargeScreen):
    way = "file"


class TestOnAPhone(InBothColors):
    """Dark by the system."""

    way = "phone"

    def test_no_page_is_wider_than_a_phone(self, pages: list[Visit]):
        report(seen(pages, "overflow"))


def test_every_chapter_has_a_word_to_search_for(site: Site):
    report({page: ["has no word in TERMS"] for page in site.chapters if page not in TERMS})


@pytest.mark.parametrize("way", ["over_http", "from_files"])
def test_search_finds_each_chapter(visits: Visits, site: Site, way: str):
    base = getattr(visits, way)
    problems = {}
    with visits.tab(**WIDE) as tab:
        for page in site.chapters:
            word = TERMS.get(page, page)
            visit = tab.go(base, "search.html", f"?q={word}")
            results = tab.page.locator("#search-results")
            results.get_by_text(re.compile("finished|did not match")).wait_for()
            links = results.locator("li a").evaluate_all("links => links.map(a => a.href)")
            found = {re.split("[?#]", link)[0] for link in links}
            problems[page] = visit.broken + visit.errors
            if f"{base}/{page}" not in found:
                problems[page].append(f"is not among the {len(found)} found for {word!r}")
    report(problems)


@pytest.mark.parametrize("way", ["over_http", "from_files"])
def test_index_leads_to_the_first_page(visits: Visits, site: Site, way: str):
    base, target = getattr(visits, way), site.leads_to("index.html")
    if target:
        with visits.tab(**WIDE) as tab:
            visit = tab.go(base, "index.html")
            tab.page.wait_for_url(f"{base}/{target}")
        report({"index.html": visit.broken + visit.errors})
