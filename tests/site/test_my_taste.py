"""My taste, a page and a part of chapter 0: it answers as Python does, and sends nothing."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bs4 import Tag
from playwright.sync_api import Page, Route

from recsys_lib.data import load, my_ratings

from site_helpers import PHONE, ROOT, WIDE, Site, Visits, barriers

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from taste import Taste

PAGE, CHAPTER = "book/my_taste.html", "notebooks/00_start_here.html"
LENGTH = {PAGE: 10, CHAPTER: 5}  # of a list
MODELS = "_static/my_taste_models.js"
LARGEST = 400_000  # bytes of that
READERS = (
    {"Toy Story": 5},
    {"Titanic": 1, "Fargo": 4},
    {"Alien": 5, "Blade Runner": 5, "Amelie": 4, "Titanic": 2, "The Lion King": 3},
    {"Spirited Away": 4, "The Matrix": 5, "Groundhog Day": 5, "WALL·E": 5, "Seven": 4, "Up": 5,
     "The Godfather": 5, "Pulp Fiction": 3, "The Lord of the Rings: The Two Towers": 4},
)  # fmt: skip


on_both_pages = pytest.mark.parametrize(
    "page", LENGTH, indirect=True, ids=lambda page: page.rpartition("/")[2]
)


@pytest.fixture(scope="module")
def data(site: Site) -> str:
    script = (site.folder / MODELS).read_text(encoding="utf-8")
    return script.removeprefix("var tasteModels = ").removesuffix(";\n")


@pytest.fixture(scope="module")
def taste(data: str) -> Taste:
    return Taste(json.loads(data))


@pytest.fixture
def page(request: pytest.FixtureRequest, visits: Visits) -> Iterator[Page]:
    """The page from a file, and at the end: nothing was asked for and nothing failed."""
    with visits.tab(color_scheme="light", **WIDE) as tab:
        visit = tab.go(visits.from_files, getattr(request, "param", PAGE))
        tab.page.evaluate("siteProbe.settled()")
        ready(tab.page)
        before = set(visit.requests)
        yield tab.page
        # A letter of another kind may need its font; to open the page again asks for the same.
        asked = {url for url in visit.requests if not url.endswith(".woff2")}
        assert asked <= before
        assert not [url for url in visit.requests if not url.startswith(visits.from_files)]
        assert visit.errors == []


def ready(page: Page) -> None:
    """Go to the widget, and wait for the models, which come when it is about to be seen."""
    page.locator(".taste").scroll_into_view_if_needed()
    page.wait_for_function("window.myTaste")


def lists(page: Page) -> dict[str, list[str]]:
    """Return the lists that are shown, line by line."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.taste-app .taste-list')].map(one => "
        "[one.dataset.model, [...one.querySelectorAll('li')].map(line => line.textContent)]))"
    )


def rated(page: Page) -> list[list]:
    """Return titles and stars of the films that were rated, the newest first."""
    return page.evaluate(
        "[...document.querySelectorAll('.taste-rated li')].map(line => [line.querySelector('cite')"
        ".textContent, Number(line.querySelector(':checked').value)])"
    )


def written(box: Tag) -> dict[str, list[str]]:
    return {
        one["data-model"]: [line.get_text() for line in one.select("li")]
        for one in box.select(".taste-list")
    }


def add(page: Page, typed: str) -> None:
    page.get_by_label("Which films do you know?").fill(typed)
    page.get_by_role("option").first.click()


def waiting(page: Page, text: str = "Waits for") -> int:
    """Return how many models say that they have nothing to go by."""
    return page.locator(".taste-waits:visible", has_text=text).count()


def said(page: Page) -> str:
    return page.locator(".taste-said").inner_text()


# --------------------------------------------------------------------------------- what is written


def test_the_models_are_one_small_file(site: Site):
    assert 100_000 < (site.folder / MODELS).stat().st_size <= LARGEST
    found = {site.soup(page).select_one(".taste")["data-models"] for page in LENGTH}
    (address,) = found
    assert re.fullmatch(rf"\.\./{re.escape(MODELS)}\?v=[0-9a-f]{{8}}", address)


def test_two_pages_alone_load_the_script(site: Site):
    script = re.compile(r'<script[^>]+src="[^"]*my_taste\.js')
    texts = {page: (site.folder / page).read_text(encoding="utf-8") for page in site.pages}
    assert [page for page, text in texts.items() if script.search(text)] == list(LENGTH)
    for page in LENGTH:
        (found,) = site.soup(page).select('script[src*="my_taste.js"]')
        assert found.has_attr("defer")
        assert not site.soup(page).select(f'[src*="{MODELS}"]')


def test_a_chapter_is_read_without_the_models_till_one_comes_near(visits: Visits):
    with visits.tab(**WIDE) as tab:
        visit = tab.go(visits.over_http, CHAPTER)
        tab.page.evaluate("siteProbe.settled()")
        assert not [url for url in visit.requests if MODELS in url]
        height = tab.page.locator(".taste").bounding_box()["height"]
        ready(tab.page)
        assert len([url for url in visit.requests if MODELS in url]) == 1
        assert tab.page.locator(".taste").bounding_box()["height"] == height  # nothing has moved


def test_what_a_reader_does_before_the_models_are_there_is_done_after(visits: Visits):
    waiting: list[Route] = []
    with visits.tab(**WIDE) as tab:
        tab.page.route(f"**/{MODELS}*", lambda route: waiting.append(route))
        for act in ("type", "try"):
            tab.go(visits.over_http, CHAPTER)
            if act == "type":
                tab.page.get_by_role("combobox").fill("toy story")
            else:
                tab.page.get_by_role("button", name="Try an example").click()
            while not waiting:
                tab.page.wait_for_timeout(20)
            assert tab.page.evaluate("window.myTaste") is None
            waiting.pop().continue_()
            ready(tab.page)
            if act == "type":
                assert tab.page.get_by_role("option").first.inner_text().startswith("Toy Story")
            else:
                tab.page.wait_for_selector(".taste-rated li")
                assert len(rated(tab.page)) == 5


def test_where_the_models_do_not_come_stands_what_is_there_without_scripts(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.page.route(f"**/{MODELS}*", lambda route: route.abort())
        for page, otherwise in ((PAGE, ".taste-example"), (CHAPTER, ".taste-text")):
            tab.go(visits.over_http, page)
            tab.page.locator(".taste").scroll_into_view_if_needed()
            tab.page.wait_for_selector(otherwise)
            assert not tab.page.locator(".taste-app").is_visible()


def test_the_chapter_says_without_scripts_and_on_paper_what_would_be_there(
    visits: Visits, site: Site
):
    (text,) = site.soup(CHAPTER).select(".taste > .taste-text")
    assert text.select_one('a[href="../book/my_taste.html"]')
    assert "On the site, in a browser that runs scripts" in " ".join(text.get_text().split())
    context = visits.browser.new_context(java_script_enabled=False, **WIDE)
    page = context.new_page()
    page.goto(f"{visits.from_files}/{CHAPTER}")
    assert page.locator(".taste-text").is_visible()
    assert not page.locator(".taste-app").is_visible()
    context.close()


def test_pages_lead_to_it(site: Site):
    for name, link in (
        ("book/intro.html", "my_taste.html"),
        ("notebooks/00_start_here.html", "../book/my_taste.html"),
    ):
        assert site.soup(name).select(f'main article a[href="{link}"]'), name


def test_without_scripts_an_example_stands_there_whole(visits: Visits, site: Site, taste: Taste):
    example = site.soup(PAGE).select_one(".taste-example")
    assert example is not None
    assert len(example.select(".taste-given li")) == 5
    found = written(example)
    stars = dict(taste.packed["example"])
    for name, best in taste.lists(stars).items():
        assert best is not None
        assert len(found[name]) == 10
        for line, (film, reason) in zip(found[name], best, strict=True):
            assert line.startswith(taste.films[film][0])
            because = "of the 671 people" if reason is None else taste.films[reason][0]
            assert because in line.removeprefix(taste.films[film][0])
    context = visits.browser.new_context(java_script_enabled=False, **WIDE)
    page = context.new_page()
    page.goto(f"{visits.from_files}/{PAGE}")
    assert page.locator(".taste-example").is_visible()
    assert not page.locator(".taste-app").is_visible()
    context.close()


# ------------------------------------------------------------------------------- what it answers


@on_both_pages
@pytest.mark.parametrize("reader", READERS, ids=len)
def test_scores_are_those_of_python(page: Page, taste: Taste, reader: dict[str, int]):
    stars = {taste.find(title): given for title, given in reader.items()}
    found = page.evaluate("stars => myTaste.scores(stars)", [list(one) for one in stars.items()])
    for name, answer in taste.answers(stars).items():
        assert answer is not None
        np.testing.assert_allclose(found[name], answer.scores, rtol=1e-9, atol=1e-9)


def test_the_example_gives_the_lists_that_stand_on_paper(page: Page, site: Site):
    page.get_by_role("button", name="Try an example").click()
    example = site.soup(PAGE).select_one(".taste-example")
    assert lists(page) == written(example)
    sentence = page.locator(".taste-app .taste-sum").inner_text()
    assert sentence == example.select_one(".taste-sum").get_text()
    assert page.locator(".taste-app .alone").count() == len(example.select(".alone")) > 0
    assert [title for title, _ in rated(page)] == [
        one.get_text() for one in example.select(".taste-given cite")
    ]


@on_both_pages
def test_lists_change_with_the_films_and_their_stars(page: Page):
    (length,) = [length for name, length in LENGTH.items() if page.url.endswith(name)]
    start = lists(page)
    assert [name for name, lines in start.items() if lines] == ["popularity"]
    assert waiting(page) == 6
    add(page, "toy st")
    assert rated(page) == [["Toy Story", 5]]
    assert said(page) == "Toy Story: 5 stars. The seven lists have changed."
    one = lists(page)
    assert all(len(lines) == length for lines in one.values())
    assert waiting(page) == 0
    assert all("Toy Story" not in [line.split("\u00a0")[0] for line in one[name]] for name in one)
    add(page, "alien")
    two = lists(page)
    assert all(one[name] != two[name] for name in one if name != "popularity")
    assert any("you liked Alien" in line for lines in two.values() for line in lines)
    page.get_by_role("group", name="Your stars for Alien").get_by_label("2 stars").check()
    assert rated(page) == [["Alien", 2], ["Toy Story", 5]]
    three = lists(page)
    assert all(two[name] != three[name] for name in one if name != "popularity")
    assert not any("liked Alien" in line for lines in three.values() for line in lines)
    page.get_by_role("button", name="Remove Alien").click()
    assert lists(page) == one
    assert rated(page) == [["Toy Story", 5]]


def test_without_a_like_the_models_of_likes_wait(page: Page):
    add(page, "titanic")
    page.get_by_label("3 stars").check()
    assert [name for name, lines in lists(page).items() if lines] == ["popularity", "svd"]
    assert waiting(page, "Waits for a film with four or five stars.") == 5


@on_both_pages
def test_ratings_are_kept_till_they_are_forgotten(page: Page):
    page.get_by_role("button", name="Try an example").click()
    page.get_by_role("button", name="Remove Titanic").click()
    before, films = lists(page), rated(page)
    page.reload()
    ready(page)
    assert (lists(page), rated(page)) == (before, films)
    page.get_by_role("button", name="Forget my ratings").click()
    assert rated(page) == []
    assert page.evaluate("localStorage.getItem('my-taste')") is None
    assert page.get_by_role("button", name="Try an example").is_visible()
    page.reload()
    ready(page)
    assert rated(page) == []
    for broken in ("{", '["Toy Story"]', '[["Toy Story (1995)", 9], ["No film (1900)", 5]]', "3"):
        page.evaluate("text => localStorage.setItem('my-taste', text)", broken)
        page.reload()
        ready(page)
        assert rated(page) == []
        assert len(lists(page)["popularity"]) >= 5


def test_ratings_are_saved_as_the_file_that_the_notebooks_read(page: Page, tmp_path: Path):
    save = page.get_by_role("button", name="Save them for the notebooks")
    assert not save.is_visible()
    page.get_by_role("button", name="Try an example").click()
    with page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "my_ratings.csv"
    download.value.save_as(tmp_path / "my_ratings.csv")
    films = load("movielens-small")
    items, stars = my_ratings(films, tmp_path / "my_ratings.csv")
    assert dict(zip(films.titles(items), stars.tolist(), strict=True)) == {
        "Titanic": 2,
        "Princess Bride, The": 4,
        "Groundhog Day": 5,
        "Spirited Away (Sen to Chihiro no kamikakushi)": 5,
        "Toy Story": 5,
    }


def test_it_works_where_nothing_can_be_kept(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', "
            "{ get() { throw new DOMException('no', 'SecurityError'); } })"
        )
        tab.page.goto(f"{visits.from_files}/{PAGE}")
        ready(tab.page)
        add(tab.page, "toy story")
        assert rated(tab.page) == [["Toy Story", 5]]
        tab.page.get_by_role("button", name="Forget my ratings").click()
        assert rated(tab.page) == []


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("matrix", "The Matrix"),
        ("the mat", "The Matrix"),
        ("wall e", "WALL·E"),
        ("leon", "Léon: The Professional"),
        ("se7en", "Seven"),
        ("schindlers", "Schindler's List"),
        ("jungle book 1994", "The Jungle Book"),
        ("rings king", "The Lord of the Rings: The Return of the King"),
    ],
)
def test_search_finds_a_film_by_what_people_type(page: Page, typed: str, first: str):
    page.get_by_label("Which films do you know?").fill(typed)
    assert page.locator("[role=option] cite").first.inner_text() == first


def test_search_says_when_there_is_no_such_film(page: Page):
    field = page.get_by_label("Which films do you know?")
    field.fill("qqqq")
    assert page.get_by_role("option").all_inner_texts() == ["No such film here. Try fewer letters."]
    field.press("Enter")
    assert rated(page) == []
    field.fill("!")
    assert not page.get_by_role("listbox").is_visible()


# ------------------------------------------------------------------------------- whoever reads it


@on_both_pages
def test_a_keyboard_is_enough(page: Page):
    field = page.get_by_role("combobox")
    field.focus()
    page.keyboard.type("star wars")
    assert field.get_attribute("aria-expanded") == "true"
    options = page.get_by_role("option")
    active = field.get_attribute("aria-activedescendant")
    assert active == options.first.get_attribute("id")
    page.keyboard.press("ArrowDown")
    second = options.nth(1)
    assert field.get_attribute("aria-activedescendant") == second.get_attribute("id")
    assert second.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # round to the last
    assert options.last.get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert [stars for _, stars in rated(page)] == [5]
    assert field.input_value() == ""
    page.keyboard.type("alien")
    page.keyboard.press("Enter")
    assert rated(page)[0] == ["Alien", 5]
    page.keyboard.press("Tab")  # to the stars of the newest film
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert rated(page)[0] == ["Alien", 3]
    assert said(page).startswith("Alien: 3 stars.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # remove it
    assert len(rated(page)) == 1
    assert said(page).startswith("Alien is removed.")
    focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"
    assert page.evaluate(focused).startswith("Remove Star Wars")
    page.keyboard.press("Enter")
    assert rated(page) == []
    assert page.evaluate(focused) == "taste-film"


@pytest.mark.parametrize(
    ("name", "settings", "scheme"),
    [
        (PAGE, WIDE, "light"),
        (PAGE, WIDE, "dark"),
        (PAGE, PHONE, "light"),
        (PAGE, PHONE, "dark"),
        (CHAPTER, WIDE, "light"),
        (CHAPTER, PHONE, "dark"),
    ],
)
def test_rated_and_searching_it_bars_nobody(visits: Visits, name: str, settings: dict, scheme: str):
    with visits.tab(color_scheme=scheme, **settings) as tab:
        tab.go(visits.from_files, name)
        tab.page.evaluate("siteProbe.settled()")
        ready(tab.page)
        tab.page.get_by_role("button", name="Try an example").click()
        looks = ["siteProbe.faintText()"]
        if settings is PHONE:
            looks.append("siteProbe.overflow()")
        for look in looks:
            assert tab.page.evaluate(look) == []
        tab.page.get_by_role("combobox").fill("star")
        for look in looks:
            assert tab.page.evaluate(look) == []
        assert barriers(tab.page) == []


@pytest.mark.parametrize("name", LENGTH)
def test_on_a_phone_a_finger_is_enough(visits: Visits, name: str):
    with visits.tab(**PHONE) as tab:
        tab.go(visits.from_files, name)
        ready(tab.page)
        field = tab.page.get_by_role("combobox")
        field.tap()
        tab.page.keyboard.type("toy story")
        tab.page.get_by_role("option").first.tap()
        assert rated(tab.page) == [["Toy Story", 5]]
        assert tab.page.evaluate("document.activeElement.id") != "taste-film"
        star = tab.page.locator(".taste-rated label").nth(3)
        place = star.bounding_box()
        assert place is not None
        assert min(place["width"], place["height"]) >= 24  # WCAG 2.2, 2.5.8
        star.tap()
        assert rated(tab.page) == [["Toy Story", 4]]
        boxes = [one.bounding_box() for one in tab.page.locator(".taste-app .taste-list").all()]
        assert len({box["x"] for box in boxes}) == 1  # one below the other


@on_both_pages
def test_lists_stand_side_by_side_on_a_large_screen(page: Page):
    page.get_by_role("button", name="Try an example").click()
    boxes = [one.bounding_box() for one in page.locator(".taste-app .taste-list").all()]
    assert len({box["x"] for box in boxes}) == 3
    assert len({box["y"] for box in boxes}) == 3
    assert boxes[-1]["width"] > 2 * boxes[0]["width"]  # the last, words, stands below all others


@on_both_pages
def test_on_paper_stands_the_reader_or_the_example(page: Page):
    """In the chapter there is no example, but the sentence that says what it would be."""
    page.emulate_media(media="print")
    example, app = page.locator(".taste-example, .taste-text"), page.locator(".taste-app")
    assert (example.is_visible(), app.is_visible()) == (True, False)
    page.emulate_media(media="screen")
    assert (example.is_visible(), app.is_visible()) == (False, True)
    page.get_by_role("button", name="Try an example").click()
    page.emulate_media(media="print")
    assert (example.is_visible(), app.is_visible()) == (False, True)
    assert not page.locator(".taste-search").is_visible()


def test_a_finger_marks_the_same_film_and_forgetting_brings_no_keyboard(visits: Visits):
    with visits.tab(**PHONE) as tab:
        tab.go(visits.from_files, PAGE)
        ready(tab.page)
        page = tab.page
        page.get_by_role("button", name="Try an example").tap()
        often = "li:not(.alone)"
        touched = page.locator(f".taste-app .taste-lists {often}").first
        touched.tap()
        same = page.locator(".taste-app .taste-lists li.same cite").all_inner_texts()
        assert len(same) > 1
        assert set(same) == {touched.locator("cite").inner_text()}
        page.get_by_role("button", name="Forget my ratings").tap()
        assert page.evaluate("document.activeElement.className") == "taste-try"
        assert page.locator(".taste-app li.same").count() == 0
        page.get_by_role("combobox").tap()
        page.keyboard.type("toy story")
        page.get_by_role("option").first.tap()
        page.get_by_role("button", name="Remove Toy Story").tap()
        assert page.evaluate("document.activeElement.className") == "taste-try"
