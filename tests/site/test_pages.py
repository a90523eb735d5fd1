"""What the files of the built site say, read without a browser."""

import json
import re
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, NavigableString, Tag
from fontTools.ttLib import TTFont

from site_helpers import NOT_FOUND, ROOT, Site, report

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from reading import description, other_words

# Attributes that make a browser fetch something, or lead a reader there.
REFERENCES = ("href", "src", "data", "poster")
EMPTY_WORDS = {"image", "figure", "plot", "picture", "img", "chart", "graph", "logo"}


def headings(soup: BeautifulSoup) -> list[Tag]:
    """Return the headings on the screen; the theme has a title of its own for paper."""
    found = soup.find_all(re.compile("^h[1-6]$"))
    return [heading for heading in found if not heading.find_parent(class_="onlyprint")]


def references(soup: BeautifulSoup) -> list[tuple[Tag, str]]:
    found = []
    for tag in soup.find_all(lambda one: not one.attrs.keys().isdisjoint(REFERENCES)):
        names = ("href", "src", "poster") if tag.name != "object" else REFERENCES
        found += [(tag, tag[name]) for name in names if name in tag.attrs]
    return found


@cache  # of the page's name: to hash a soup costs as much as to read it
def anchors(site: Site, page: str) -> set[str]:
    soup = site.soup(page)
    return {tag["id"] for tag in soup.find_all(id=True)} | {
        tag["name"] for tag in soup.find_all("a", attrs={"name": True})
    }


def problem_with(site: Site, page: str, tag: Tag, address: str) -> str | None:
    """Say what is wrong with a link or a source, if anything is."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        if parts.scheme == "data":
            return None
        if tag.name != "a":
            return f"<{tag.name}> fetches from outside: {address}"
        return None if parts.scheme == "https" and parts.netloc else f"not https: {address}"
    if parts.path.startswith("/"):
        return f"a path on one machine: {address}"
    target = (site.folder / page).parent / unquote(parts.path) if parts.path else site.folder / page
    if not target.is_file():
        return f"leads nowhere: {address}"
    if parts.fragment and target.suffix == ".html":
        other = target.resolve().relative_to(site.folder).as_posix()
        if unquote(parts.fragment) not in anchors(site, other):
            return f"no such place on the page: {address}"
    return None


def test_links_and_sources_resolve(site: Site):
    problems = {}
    for page in site.pages:
        found = (problem_with(site, page, tag, to) for tag, to in references(site.soup(page)))
        problems[page] = sorted({problem for problem in found if problem})
    report(problems)


def test_images_are_described(site: Site):
    def fault(image: Tag) -> str | None:
        alt = image.get("alt", "").strip()
        if not alt:
            return "no description"
        if "/" in alt or re.search(r"\.(png|svg|jpe?g|gif|webp)$", alt, re.IGNORECASE):
            return f"a file name for a description: {alt}"
        if alt.lower().strip(".") in EMPTY_WORDS:
            return f"a description that says nothing: {alt}"
        return None

    report(
        {
            page: [
                f"{found} ({image.get('src', '')[:60]})"
                for image in site.soup(page).find_all("img")
                if (found := fault(image))
            ]
            for page in site.pages
        }
    )


def test_pages_have_a_title_and_a_language(site: Site):
    problems: dict[str, list[str]] = {}
    owner: dict[str, str] = {}
    for page in site.pages:
        soup = site.soup(page)
        title = soup.title.get_text(strip=True) if soup.title else ""
        problems[page] = []
        if not title:
            problems[page].append("no title")
        elif title in owner:
            problems[page].append(f"the same title as {owner[title]}: {title}")
        if not soup.html.get("lang"):
            problems[page].append("no language")
        owner[title] = page
    report(problems)


def test_headings_make_an_outline(site: Site):
    problems = {}
    for page in site.pages:
        levels = [(int(h.name[1]), h.get_text(" ", strip=True)) for h in headings(site.soup(page))]
        problems[page] = []
        if (count := sum(level == 1 for level, _ in levels)) != 1:
            problems[page].append(f"{count} headings of level 1")
        for (before, _), (level, text) in pairwise(levels):
            if level > before + 1:
                problems[page].append(f"level {before} is followed by level {level}: {text}")
    report(problems)


def test_no_page_tells_of_the_machine_that_built_it(site: Site):
    paths = {str(ROOT), str(site.folder.parents[1]), str(Path.home()), sys.prefix} - {"/"}
    pattern = re.compile("|".join([*map(re.escape, paths), r"site-packages/", r"ipykernel_\d+"]))
    report(
        {
            page: sorted(set(pattern.findall((site.folder / page).read_text(encoding="utf-8"))))
            for page in site.pages
        }
    )


def test_no_warning_or_traceback_is_on_a_page(site: Site):
    report(
        {
            page: [
                block.get_text(" ", strip=True)[:100]
                for block in site.soup(page).select(".output.stderr, .output.traceback")
            ]
            for page in site.pages
        }
    )


NO_TEXT = ("search.html", "index.html", "404.html")  # that somebody wrote


@pytest.mark.parametrize("name", NO_TEXT)
def test_the_site_has(site: Site, name: str):
    assert name in site.pages


LARGEST_PAGE, LARGEST_DRAWING = 2_500_000, 150_000  # bytes


def test_pages_and_drawings_are_small_and_load_what_they_need_alone(site: Site):
    problems = {}
    for page in site.pages:
        soup, text = site.soup(page), (site.folder / page).read_text(encoding="utf-8")
        said = problems[page] = []
        if len(text.encode()) > LARGEST_PAGE:
            said.append(f"{len(text.encode()):,} bytes")
        for drawing in soup.select("main svg"):
            if len(str(drawing)) > LARGEST_DRAWING:
                said.append(f"{len(str(drawing)):,} bytes: {drawing.get('aria-label', '')[:60]}")
        if "fontawesome.js" in text:
            said.append("loads the theme's icons a second time")
        formulas = soup.select(".math, [data-shufflequestions]")
        if ("mathjax/mathjax.js" in text) != bool(formulas):
            said.append(f"{'does not load' if formulas else 'loads'} MathJax")
    report(problems)


def test_on_a_slow_line_no_page_is_late_or_heavy(site: Site):
    """As `make paint` has measured it; nothing is timed here."""
    found = json.loads((ROOT / "benchmarks" / "first_paint.json").read_text(encoding="utf-8"))
    assert (found["line"]["downloadThroughput"] * 8, found["processor_slowed"]) == (1.6e6, 4)
    known = {page for page in site.pages if not site.leads_to(page) and page != NOT_FOUND}
    assert known == found["pages"].keys()
    assert max(one["seconds"] for one in found["pages"].values()) <= 2.5
    assert max(one["uncompressed"]["bytes"] for one in found["pages"].values()) <= LARGEST_PAGE


def test_scripts_and_icons_hold_what_the_site_uses(site: Site):
    static = site.folder / "_static"
    sizes = {
        name: sum(file.stat().st_size for file in static.glob(pattern))
        for name, pattern in {"MathJax": "mathjax/*.js", "icons": "**/webfonts/*"}.items()
    }
    assert 0 < sizes["MathJax"] < 800_000
    assert 0 < sizes["icons"] < 30_000
    drawn = {letter for letter in (static / "site.css").read_text("utf-8") if not letter.isascii()}
    known: set[int] = set()
    for font in static.rglob("webfonts/*.woff"):
        known.update(TTFont(font).getBestCmap())
    assert drawn
    assert {ord(letter) for letter in drawn if letter > "\ue000"} <= known


def test_the_first_page_shows_the_finding(site: Site):
    drawing = site.soup("book/intro.html").select_one("figure.finding svg[role=img]")
    assert drawing is not None
    assert "popularity" in drawing.get_text()


def test_ids_are_unique_on_a_page(site: Site):
    problems = {}
    for page in site.pages:
        ids = [tag["id"] for tag in site.soup(page).find_all(id=True)]
        problems[page] = sorted(one for one, n in Counter(ids).items() if n > 1)
    report(problems)


def test_figures_of_chapters_are_drawn_in_the_page_in_its_colors(site: Site):
    problems = {}
    for page in site.chapters:
        images = site.soup(page).select("main article img")
        problems[page] = [f"a picture: {image.get('alt', '')[:60]}" for image in images]
        for drawing in site.soup(page).select(".drawing svg"):
            text = str(drawing)
            if "#000000" in text or "#ffffff" in text or "font-family" in text:
                problems[page].append(f"fixed ink: {drawing['aria-label'][:60]}")
    report(problems)


def test_no_line_can_begin_with_the_mark_behind_a_formula(site: Site):
    problems = {}
    for page in site.chapters:
        after = [one.next_sibling for one in site.soup(page).select("article span.math")]
        problems[page] = [
            f"{text[:40]!r} is not bound to its formula"
            for text in after
            if isinstance(text, str) and text[:1] in ",.;:" and "unbroken" not in classes(text)
        ]
    report(problems)


def classes(text: NavigableString) -> list[str]:
    return text.parent.get("class", [])


def test_what_is_said_in_sentences_breaks_and_columns_stay(site: Site):
    pages = {
        "notebooks/00_start_here.html": ("✓ start-4", True),
        "notebooks/03_svd.html": ("arpack     slope from n", False),
    }
    for page, (text, breaks) in pages.items():
        blocks = [one for one in site.soup(page).select(".output") if text in one.get_text()]
        assert [("prose" in one["class"]) for one in blocks] == [breaks], page


def test_a_search_shows_no_markup_of_formulas(site: Site):
    script = (site.folder / "_static" / "searchtools.js").read_text(encoding="utf-8")
    assert '[".headerlink", "script", "style", ".math"]' in script


def test_no_word_in_its_everyday_sense_is_explained_as_a_term(site: Site):
    """A number that is never negative has nothing to do with sampled negatives."""
    for page in site.chapters:
        linked = {one.get_text().lower() for one in site.soup(page).select("a.explained")}
        assert not linked & {"negative", "power", "content", "rank"}, page


def test_pages_say_what_they_are_about(site: Site):
    problems = {}
    for page in [*site.chapters, "book/intro.html", "book/own_data.html", *NO_TEXT]:
        soup = site.soup(page)
        said = soup.find("meta", attrs={"name": "description"})
        problems[page] = [] if said and len(said["content"]) > 60 else ["no description"]
        if said and "<" in said["content"]:
            problems[page].append(f"markup in the description: {said['content']}")
        keywords = soup.find("meta", attrs={"name": "keywords"})
        if keywords and "sise" in keywords["content"]:
            problems[page].append("a spelling that nobody writes")
        for name in ("og:title", "og:description", "og:image"):
            tag = soup.find("meta", attrs={"property": name})
            if not tag or not tag["content"]:
                problems[page].append(f"no {name}")
            elif name == "og:image":
                path = (site.folder / page).parent / tag["content"]
                problems[page] += [] if path.exists() else [f"no such picture: {tag['content']}"]
    report(problems)


def test_a_page_knows_what_it_says_in_place_of_what_was_typed(site: Site):
    """A search for other words opens the page where its own stand (course.js)."""
    said = other_words("We call this\nleave-last-two-out. A factorization learns neighbors' sizes.")
    assert said["leave-one-out"] == said["holdout"] == "leave-last-two-out"
    assert said["factorisation"] == "factorization"
    assert said["neighbours"] == said["knn"] == "neighbors"
    for page, typed in (("01_data", "leave-one-out"), ("04_mf", "factorisation")):
        soup = site.soup(f"notebooks/{page}.html")
        pairs = dict(json.loads(soup.find("meta", attrs={"name": "said-here"})["content"]))
        assert pairs[typed] in " ".join(soup.find("article").get_text().lower().split())


@pytest.mark.parametrize(
    ("base", "image"),
    [("", "../_static/preview.png"), ("https://x.org/a", "https://x.org/a/_static/preview.png")],
)
def test_addresses_for_others_are_whole_where_the_site_has_one(base: str, image: str):
    app = SimpleNamespace(config=SimpleNamespace(html_baseurl=base, html_title="The book"))
    tags = description(app, "notebooks/01_data", "The data", "What is known.")
    assert f'<meta property="og:image" content="{image}">' in tags
    assert ('content="https://x.org/a/notebooks/01_data.html"' in tags) == bool(base)


def test_paper_shows_what_folded_cells_show(site: Site):
    """A figure is printed, also of a cell that is folded whole; the style sheet asks for both."""
    sheet = (ROOT / "book" / "_assets" / "course.css").read_text(encoding="utf-8")
    sheet = sheet[sheet.index("/* --- Paper") :]
    hidden = re.findall(r"details\.hide([^{};]*) \{ display: none; \}", sheet)
    assert hidden == [":not(:has(.cell_output))", " > :is(summary, .cell_input)"]
    folded = [one for page in site.chapters for one in site.soup(page).select("details.hide")]
    shown = [one for one in folded if one.select(".cell_output")]
    assert any(one.select("figure .drawing") for one in shown)
    assert all(one.select(":scope > .cell_output") for one in shown)


def test_a_formula_on_its_own_line_is_as_large_as_one_in_the_text():
    sheet = (ROOT / "book" / "_assets" / "course.css").read_text(encoding="utf-8")
    assert not re.findall(r"div\.math[^{}]*mjx-container[^{}]*\{[^{}]*font-size", sheet)


def test_downloaded_chapters_hold_no_solution(site: Site):
    found = sorted((site.folder / "_sources" / "notebooks").glob("*.ipynb"))
    assert len(found) == len(site.chapters)
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert "BEGIN SOLUTION" not in text, path.name
        if path.stem[0].isdigit():  # a chapter has exercises
            assert "NotImplementedError" in text, path.name


def test_every_model_is_described_and_leads_to_its_chapter(site: Site):
    soup = site.soup("book/reference/models.html")
    names = {tag["id"] for tag in soup.select("dt[id]")}
    assert {f"recsys_lib.models.{name}" for name in MODELS} <= names
    assert len({a["href"] for a in soup.select("main a[href*='notebooks/']")}) >= 8


MODELS = ("Popularity", "UserKNN", "ItemKNN", "SVD", "MF", "ALS", "BinaryMF", "MLP", "GMF", "NeuMF")
MODELS += ("iALS", "EASE", "BPR")
MODELS += ("Decay", "Markov", "RecentItemKNN", "SASRec", "GRU4Rec", "Bag")
