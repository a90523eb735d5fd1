"""What the files of the built site say, read without a browser."""

import json
import os
import re
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

from site_helpers import ROOT, Site, report

# Attributes that make a browser fetch something, or lead a reader there.
REFERENCES = ("href", "src", "data", "poster")
EMPTY_WORDS = {"image", "figure", "plot", "picture", "img", "chart", "graph", "logo"}


def headings(soup: BeautifulSoup) -> list[Tag]:
    """Return the headings on the screen; the theme has a title of its own for paper."""
    found = soup.find_all(re.compile("^h[1-6]$"))
    return [heading for heading in found if not heading.find_parent(class_="onlyprint")]


def references(soup: BeautifulSoup) -> list[tuple[Tag, str]]:
    found = []
    for tag in soup.find_all(True):
        names = ("href", "src", "poster") if tag.name != "object" else REFERENCES
        found += [(tag, tag[name]) for name in names if name in tag.attrs]
    return found


def anchors(soup: BeautifulSoup) -> set[str]:
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
        if unquote(parts.fragment) not in anchors(site.soup(other)):
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


# A difference and its interval, as a table and as a sentence may print it: one of the three numbers
# has a sign, and the interval has brackets or is called one. A few words may stand between.
NUMBER = r"[+\-]?\d*\.\d+"
GAP = r"(?:[^\d\[\]+\-]|@\d+){0,40}?"
CALLED = r"(?:95\s?%[^\d+\-]{0,30}|interval[^\d+\-]{0,20}|between\s|from\s|\(\s*)"
INTERVAL = (
    rf"(?:\[\s*(?P<low>{NUMBER})\s*(?:,|;|to)\s*(?P<high>{NUMBER})\s*\]|"
    rf"{CALLED}(?P<from>{NUMBER})\s*(?:,|;|to|and|\u2013)\s*(?P<to>{NUMBER}))"
)
COMPARISON = re.compile(rf"(?<![\d.])(?P<d>{NUMBER})(?P<gap>{GAP}){INTERVAL}")


def comparisons(text: str) -> list[tuple[str, str, str, str]]:
    """Return difference, low, high and what follows of each comparison in a text, in its order."""
    text = text.replace("\u2212", "-")
    found = []
    for match in COMPARISON.finditer(text):
        low, high = match["low"] or match["from"], match["high"] or match["to"]
        apart = match["d"][0] not in "+-" and re.search("[A-Za-z(]", match["gap"])
        if not apart and any(number[0] in "+-" for number in (match["d"], low, high)):
            found.append((match["d"], low, high, text[match.end() : match.end() + 40].lstrip(") ")))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "+0.034 [+0.025, +0.043]  ahead of",
        "BinaryMF - MLP  +0.034  [+0.025, +0.043]",
        "is +0.034 (95% interval +0.025 to +0.043), which",
        "\u22120.018 (between \u22120.031 and \u22120.004)",
        "+0.021 (0.013 to 0.028)",
        "0.000 [-0.010, +0.010]",
        "0.034 [ -0.010; +0.078 ]",
        "+0.021 in HR@10, between 0.013 and 0.028",
        "+0.034, 95% interval +0.025 to +0.043",
        "+0.034 stars (95% interval over users: +0.025 to +0.043)",
        "+0.034 | [+0.025, +0.043]",
        "+0.034 (+0.025, +0.043)",
        "+0.034 95% confidence interval 0.025\u20130.043",
    ],
)
def test_a_comparison_is_seen_in_every_form(text: str):
    assert len(comparisons(text)) == 1


def test_what_is_no_comparison_is_not_taken_for_one():
    assert not comparisons("0.529 [0.516, 0.542] and 0.5 (95% interval 0.4 to 0.6), not -0.3 or .2")
    assert not comparisons("f(x, 2.0) gives [0.5, -0.5]")
    assert not comparisons("weights -0.12 0.40 and 0.31; the errors are -0.3 0.2 and 0.5")


def test_the_word_beside_a_comparison_is_read():
    (one,) = comparisons("MLP +0.034 [+0.025, +0.043] behind BinaryMF")
    assert one == ("+0.034", "+0.025", "+0.043", "behind BinaryMF")


def test_every_comparison_on_a_page_took_its_word_from_its_interval(site: Site):
    """`verdicts.compared` notes each difference that it puts into words."""
    register = Path(os.environ.get("RECSYS_COMPARISONS", site.folder.parent / ".comparisons"))
    if not register.exists():
        pytest.fail(
            f"{register} is missing: the site was built by an older Makefile; run make book"
        )
    words: dict[tuple[str, ...], set[str]] = {}
    for line in register.read_text(encoding="utf-8").splitlines():
        numbers, _, word = json.loads(line)
        for *noted, _ in comparisons(numbers):  # none, if all that is shown is 0.000
            words.setdefault(tuple(noted), set()).add(word)
    assert words
    every = set().union(*words.values())
    problems: dict[str, list[str]] = {}
    for page in site.chapters:
        article = site.soup(page).select_one("main article")
        problems[page] = []
        for *numbers, after in comparisons(re.sub(r"[ \n]+", " ", article.get_text(" "))):
            known = words.get(tuple(numbers), set())
            said = {word for word in every if after.startswith(word)}
            if not known:
                problems[page].append(f"not from verdicts.compared: {numbers} {after}")
            elif said and not said & known:
                problems[page].append(f"{numbers} is {known}, and the page says {after}")
    report(problems)


@pytest.mark.parametrize("name", ["search.html", "index.html"])
def test_the_site_has(site: Site, name: str):
    assert name in site.pages
