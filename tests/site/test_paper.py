"""The book on paper: what is printed, and the one file with its pages, links and bookmarks."""

import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from pypdf.generic import Destination

from site_helpers import ROOT, WIDE, Site, Visits

sys.path.insert(0, str(ROOT / "tools"))

import pdf


def test_print_opens_hints_and_says_what_it_leaves_out(visits: Visits):
    with visits.tab(**WIDE) as tab:
        tab.go(visits.over_http, "notebooks/01_data.html")
        tab.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        closed = "document.querySelectorAll('article details:not([open], .hide)').length"
        before = tab.page.evaluate(closed)
        tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.page.evaluate("document.documentElement.dataset.theme") == "light"
        assert tab.page.evaluate(closed) == 0
        tab.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert tab.page.evaluate(closed) == before
        tab.page.emulate_media(media="print")
        folded = tab.page.locator("div.cell:has(> details.hide)").first
        assert not folded.locator("details").is_visible()
        said = folded.evaluate("cell => getComputedStyle(cell, '::before').content")
        assert "folded on the site" in said


@pytest.fixture(scope="module")
def book(visits: Visits, site: Site, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    """Two chapters and the glossary; `visits` skips where there is no browser."""
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    of = ["book/intro", "notebooks/00_start_here", "notebooks/05_bce", "book/glossary"]
    pdf.write(visits.browser, target, site.folder, of)
    assert not list(site.folder.rglob("_whole_book.html"))
    return PdfReader(target)


def test_the_file_has_titles_bookmarks_and_page_numbers(book: PdfReader):
    text = [page.extract_text() for page in book.pages]
    assert len(text) > 20
    assert all(page.rstrip().endswith(str(n)) for n, page in enumerate(text, start=1))
    for title in ("Start here", "Binary cross-entropy, derived", "Glossary"):
        assert any(page.lstrip().startswith(title) or f". {title}" in page for page in text), title
    marks = [one.title for one in book.outline if isinstance(one, Destination)]
    assert any("Binary cross-entropy" in str(title) for title in marks)


def test_links_of_the_file_lead_to_its_own_pages(book: PdfReader):
    kinds = {"inside": 0, "outside": [], "files": []}
    for page in book.pages:
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            if link.get("/Subtype") != "/Link":
                continue
            address = str(link.get("/A", {}).get("/URI", ""))
            if not address:
                kinds["inside"] += 1
            elif address.startswith("https://"):
                kinds["outside"].append(address)
            else:
                kinds["files"].append(address)
    assert kinds["inside"] > 40
    # What leads to a page that this part of the book does not have stays a link to the site.
    assert all(Path(one).suffix or "#" in one for one in kinds["files"])
