"""What a reader sees in a browser: from a server, from files, and on a phone; light and dark.

The visits of a way are made once and looked at by many tests, which stand in a class so that one
process does them all; see site_helpers.py and probe.js.
"""

import re

import pytest

from site_helpers import NOT_FOUND, WIDE, Site, Visit, Visits, report

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
    "notebooks/12_new.html": "oracle",
    "notebooks/13_scale.html": "shuffle",
    "notebooks/14_order.html": "attention",
    "notebooks/paper.html": "algorithm",
    "notebooks/primer.html": "projection",
    "notebooks/pytorch.html": "tensor",
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

    def test_names_in_drawings_do_not_touch(self, pages: list[Visit]):
        report(seen(pages, "touching letters"))

    def test_nothing_below_a_figure_moves_with_it(self, pages: list[Visit]):
        report(seen(pages, "jumping"))

    def test_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "no dark mode"))

    def test_text_stands_out_in_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "faint in dark mode"))

    def test_letters_of_drawings_stand_out_in_dark_mode(self, pages: list[Visit]):
        report(seen(pages, "faint letters"))

    def test_nothing_bars_the_way_of_a_reader_who_does_not_see_or_use_a_mouse(
        self, pages: list[Visit]
    ):
        report(seen(pages, "barriers"))


class TestFromAServer(OnALargeScreen, InBothColors):
    """Light at first, then dark by the switch."""

    way = "wide"

    def test_text_stands_out_in_light_mode(self, pages: list[Visit]):
        report(seen(pages, "faint in light mode"))

    def test_nothing_is_cut_at_the_edge_of_paper(self, pages: list[Visit]):
        report(seen(pages, "cut on paper"))

    def test_solutions_are_folded_and_open_on_a_click(self, pages: list[Visit]):
        report(seen(pages, "solutions"))

    def test_quizzes_are_drawn_and_answer(self, pages: list[Visit]):
        report(seen(pages, "quizzes"))

    def test_figures_answer_and_sliders_show_what_they_say(self, pages: list[Visit], site: Site):
        for kind in ("figure [data-frame]", "figure.moving"):
            assert any(site.soup(page).select(kind) for page in site.chapters), kind
        report(seen(pages, "sliders"))

    def test_moving_figures_are_at_most_26_rem_wide(self, pages: list[Visit]):
        report(seen(pages, "large"))


class TestFromFiles(OnALargeScreen):
    """A page of every kind: what the others show is the same as from a server."""

    way = "file"


class TestOnAPhone(InBothColors):
    """Dark by the system."""

    way = "phone"

    def test_letters_of_drawings_can_be_read(self, pages: list[Visit]):
        report(seen(pages, "small letters"))

    def test_the_bar_of_a_formula_stands_below_it(self, pages: list[Visit]):
        report(seen(pages, "covered formulas"))

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


def test_a_found_page_opens_where_the_word_stands(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/07_mlp.html", "?highlight=decoupled")
        first = tab.page.locator("main article .highlighted").first
        first.wait_for()
        tab.page.evaluate("siteProbe.settled()")
        tab.page.wait_for_function("scrollY > 1000")
        place = first.bounding_box()
        assert place is not None
        assert 0 <= place["y"] < WIDE["viewport"]["height"]


@pytest.mark.parametrize(
    ("said", "page"),
    [
        ("factorisation", "notebooks/04_mf.html"),
        ("overfitting", "notebooks/04_mf.html"),
        ("leave-one-out", "notebooks/01_data.html"),
        ("neighbours", "notebooks/02_cosine.html"),
    ],
)
def test_other_words_for_the_same_find_the_chapter(visits: Visits, said: str, page: str):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "search.html", f"?q={said}")
        results = tab.page.locator("#search-results")
        results.get_by_text(re.compile("finished|did not match")).wait_for()
        links = results.locator("li a").evaluate_all("links => links.map(a => a.href)")
        assert any(page in link for link in links), links


def test_a_word_of_the_glossary_is_explained_on_hover_and_on_focus(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/09_evaluation.html")
        word, box = tab.page.locator("a.explained").first, tab.page.locator("[role=tooltip]")
        meaning = word.get_attribute("data-meaning")
        word.hover()
        assert box.inner_text() == meaning
        tab.page.mouse.move(0, 0)
        assert box.count() == 0
        word.focus()
        assert box.inner_text() == meaning
        assert word.get_attribute("aria-describedby") == box.get_attribute("id")
        tab.page.keyboard.press("Escape")
        assert box.count() == 0


def test_a_film_can_be_picked(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.from_files, "book/intro.html")
        box = tab.page.locator(".picker")
        shown = box.locator("ol:not(.room) li")
        before = shown.all_inner_texts()
        box.locator("select").select_option(label="Toy Story")
        after = shown.all_inner_texts()
        assert len(before) == len(after) == 5
        assert "Toy Story 2" in after


def test_clouds_turn_by_slider_and_by_mouse(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/03_svd.html")
        box = tab.page.locator("figure.clouds")
        path, slider = box.locator("path.points").first, box.locator("input")
        still = path.get_attribute("d")
        slider.press("ArrowRight")
        turned = path.get_attribute("d")
        assert still != turned
        assert slider.get_attribute("aria-valuetext") == "36 degrees"
        slider.press("ArrowLeft")
        assert path.get_attribute("d") == still  # what the page shows without scripts
        svg = box.locator("svg").first
        svg.scroll_into_view_if_needed()
        place = svg.bounding_box()
        assert place is not None
        tab.page.mouse.move(place["x"] + 50, place["y"] + 50)
        tab.page.mouse.down()
        tab.page.mouse.move(place["x"] + 90, place["y"] + 50)
        tab.page.mouse.up()
        assert slider.input_value() == "75"


def test_an_answer_waits_for_a_guess_and_both_are_remembered(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/08_neumf.html")
        box = tab.page.locator("figure.guess").first
        out = box.locator("output")
        assert out.inner_text() == ""
        assert "The answer" not in box.inner_text()
        assert box.locator("details").is_hidden()
        box.locator("input").fill("40")
        box.locator("input").press("Enter")
        assert out.inner_text().startswith("Your guess: 40%. The answer: ")
        tab.page.reload()
        assert out.inner_text().startswith("Your guess: 40%. The answer: ")
        tab.page.emulate_media(media="print")
        assert box.locator("form").is_hidden()
    with visits.tab(**WIDE, java_script_enabled=False) as tab:
        tab.page.goto(f"{visits.over_http}/notebooks/08_neumf.html")
        box = tab.page.locator("figure.guess").first
        assert box.locator("form").is_hidden()
        box.locator("summary").click()
        assert "The answer" in box.locator("details").inner_text()


def test_what_was_read_is_remembered_and_shown(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/01_data.html")
        tab.page.evaluate("siteProbe.settled()")
        assert tab.page.locator(".go-on").count() == 0
        tab.page.mouse.move(700, 500)
        tab.page.mouse.wheel(0, 6000)
        tab.page.wait_for_function("localStorage.getItem('read:01_data.html') !== null")
        tab.page.goto(f"{visits.over_http}/book/intro.html")
        card = tab.page.locator("[data-chapter='01_data.html']")
        assert card.evaluate("card => card.style.getPropertyValue('--read')").endswith("%")
        tab.page.goto(f"{visits.over_http}/notebooks/01_data.html")
        assert "You have read" in tab.page.locator(".go-on").inner_text()


def test_what_lies_beyond_the_main_line_is_folded_and_all_of_it_opens_at_once(visits: Visits):
    with visits.tab(**WIDE) as tab:
        page, name = tab.page, "notebooks/04_mf.html"
        tab.go(visits.over_http, name)
        folds = page.locator("details.beyond")
        assert folds.count() >= 3
        assert page.locator("details.beyond[open]").count() == 0
        for line in folds.locator("> summary").all():
            assert len(line.inner_text()) > len("Beyond the main line. ") + 20
        folds.first.locator("> summary").press("Enter")
        assert page.locator("details.beyond[open]").count() == 1
        box = page.get_by_label("Show what lies beyond the main line")
        box.press("Space")
        assert page.locator("details.beyond[open]").count() == folds.count()
        page.goto(f"{visits.over_http}/{name}")  # it stays so
        assert page.locator("details.beyond[open]").count() == folds.count()
        page.get_by_label("Show what lies beyond the main line").press("Space")
        assert page.locator("details.beyond[open]").count() == 0
        inside = folds.last.locator("p[id], div[id], section[id]").first.get_attribute("id")
        page.evaluate("id => { location.hash = id; }", inside)
        page.wait_for_selector("details.beyond[open]")


def test_feedback_of_a_quiz_is_read_aloud(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/02_cosine.html")
        tab.page.evaluate("siteProbe.settled()")
        said = tab.page.locator(".Quiz .Feedback")
        assert said.count() > 1
        assert set(said.evaluate_all("all => all.map(one => one.ariaLive)")) == {"polite"}
        assert tab.page.locator(".Quiz [role=group][aria-label]").count() > 1
        quiz = tab.page.locator(".Quiz").first
        widths = quiz.evaluate("one => [one, one.parentElement].map(box => box.clientWidth)")
        assert widths[0] == widths[1]


@pytest.mark.parametrize("asked", ["nowhere.html", "notebooks/nowhere.html", "book/a/b.html"])
def test_what_is_not_there_leads_to_the_chapters(visits: Visits, site: Site, asked: str):
    """A server shows 404.html at the address that was asked for."""
    page = (site.folder / NOT_FOUND).read_text(encoding="utf-8")
    with visits.tab(**WIDE) as tab:
        tab.page.route(f"**/{asked}", lambda route: route.fulfill(status=404, body=page))
        tab.page.goto(f"{visits.over_http}/{asked}")
        links = tab.page.locator("main a").evaluate_all("links => links.map(a => a.href)")
        assert f"{visits.over_http}/notebooks/01_data.html" in links
        assert len(links) == len(site.chapters) + 1
