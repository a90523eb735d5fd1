"""Print the whole book as one PDF: ``python tools/pdf.py FILE``, after the site is built.

The articles of all pages are put into one page behind each other, in the order of the contents,
with links between them that stay inside; Chromium prints it, with bookmarks and page numbers. What
paper cannot do is left out, and said so, by the site's own style sheet.
"""

import re
import sys
from html import escape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "site"))

from site_helpers import BROWSER_FLAGS, find_browser  # noqa: E402 - where the browser is looked for

FOLDED = "details:not(.hide), details:has(> .cell_output)"  # that paper shows
OPEN = f"document.querySelectorAll('{FOLDED}').forEach(one => {{ one.open = true; }})"
TARGETS = ("href", "xlink:href", "clip-path", "aria-labelledby", "aria-describedby", "for")
FOOTER = (
    '<div style="font: 9pt sans-serif; width: 100%; text-align: center">'
    '<span class="pageNumber"></span></div>'
)
STYLE = """
body { background: #fff; }
.whole-book { margin: 0 auto; max-width: 46rem; }
.whole-book > article { break-before: page; }
.whole-book nav ul { list-style: none; padding-left: 1rem; }
.bd-main .bd-content .whole-book h1 { break-after: avoid; display: block !important; }
.whole-book .chapters > a { break-inside: avoid; }
a.headerlink, script { display: none; }
"""


def pages() -> list[str]:
    """Return the documents of the book in the order of its contents, the first page first."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [one["file"] for part in contents["parts"] for one in part["chapters"]]
    return [contents["root"], *chapters]


def prefix(page: str) -> str:
    """Return what the ids of a page begin with in the whole book."""
    return re.sub(r"\W+", "-", page) + "--"


def article(site: Path, page: str) -> Tag:
    """Return the article of a page, its ids and links made those of the whole book."""
    file = site / f"{page}.html"
    soup = BeautifulSoup(file.read_text(encoding="utf-8"), "lxml")
    found = soup.select_one("main article")
    assert found is not None, f"{file} has no article"
    found["id"] = prefix(page)
    known = {(site / f"{one}.html").resolve(): one for one in pages()}
    for tag in found.find_all(True):
        if "id" in tag.attrs and tag is not found:
            tag["id"] = prefix(page) + tag["id"]
        for name in TARGETS:
            if name in tag.attrs:
                tag[name] = _moved(str(tag[name]), name, file, page, known)
        if "src" in tag.attrs and not tag["src"].startswith("data:"):
            tag["src"] = (file.parent / tag["src"]).resolve().as_uri()
    return found


def _moved(value: str, name: str, file: Path, page: str, known: dict[Path, str]) -> str:
    """Return where a link or a reference of a page leads in the whole book."""
    if name in ("aria-labelledby", "aria-describedby", "for"):
        return prefix(page) + value
    if name == "clip-path":
        return value.replace("url(#", f"url(#{prefix(page)}")
    if value.startswith("#"):
        return f"#{prefix(page)}{value[1:]}" if len(value) > 1 else f"#{prefix(page)}"
    path, _, anchor = value.partition("#")
    target = (file.parent / path).resolve()
    if target in known:
        return f"#{prefix(known[target])}{anchor}"
    return value


def whole(site: Path, of: list[str]) -> str:
    """Return pages of the book as one, which stands in the folder of the site's first page."""
    first = BeautifulSoup((site / f"{pages()[0]}.html").read_text(encoding="utf-8"), "lxml")
    articles = [article(site, page) for page in of]
    # The page with formulas knows how they are set; all others have the same style sheets.
    formulas = next(
        text
        for page in pages()
        if "mathjax/mathjax.js" in (text := (site / f"{page}.html").read_text(encoding="utf-8"))
    )
    scripts = BeautifulSoup(formulas, "lxml").select("head script")
    mathjax = [str(one) for one in scripts if "mathjax" in str(one).lower()]
    sheets = [str(one) for one in first.select("head link[rel=stylesheet]")]
    titles = [f'<li><a href="#{one["id"]}">{escape(_title(one))}</a></li>' for one in articles[1:]]
    contents = f"<nav><h2>Contents</h2><ul>{''.join(titles)}</ul></nav>"
    body = [str(articles[0]), contents, *map(str, articles[1:])]
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{escape(_title(articles[0]))}</title>{''.join(sheets)}<style>{STYLE}</style>"
        f'{"".join(mathjax)}</head><body><main class="bd-main"><div class="bd-content">'
        f'<div class="bd-article-container whole-book bd-article">{"".join(body)}</div></div>'
        f"</main></body></html>"
    )


def _title(found: Tag) -> str:
    heading = found.find("h1")
    assert heading is not None
    return heading.get_text(" ", strip=True).rstrip("#").strip()


def write(browser: Browser, target: Path, site: Path, of: list[str]) -> None:
    """Print pages of the book to a PDF, whole or not at all."""
    page = site / Path(pages()[0]).parent / "_whole_book.html"
    part = target.with_suffix(".part")
    page.write_text(whole(site, of), encoding="utf-8")
    try:
        tab = browser.new_page()
        tab.goto(page.as_uri(), timeout=300_000)
        tab.evaluate("window.MathJax?.startup?.promise.then(() => document.fonts.ready)")
        tab.evaluate(OPEN)
        tab.pdf(
            path=part,
            format="A4",
            outline=True,
            tagged=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            margin={"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
        )
        tab.close()
        part.replace(target)
    finally:
        page.unlink()
        part.unlink(missing_ok=True)


def main(target: Path) -> None:
    """Write the whole book."""
    with sync_playwright() as playwright:
        program = find_browser()
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        write(browser, target, ROOT / "_build" / "html", pages())
        browser.close()
    print(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/pdf.py FILE")
    main(Path(sys.argv[1]).resolve())
