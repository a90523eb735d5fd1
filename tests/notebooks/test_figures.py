"""The page of figures to project: those that the first page names, with question and caption."""

import re
import sys

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from chapters import CHAPTERS, ROOT, read

sys.path.insert(0, str(ROOT / "book" / "_ext"))

FIRST = (ROOT / "book" / "intro.md").read_text()
CARDS = "".join(re.findall(r"```\{chapter-cards\}\n(.*?)```", FIRST, re.S))
SVG = '<svg viewBox="0 0 72 36" xmlns="http://www.w3.org/2000/svg"><path id="p" d="M0 0"/></svg>'
CHAPTER = """\
The angle
=========

.. figure:: angle.svg
   :name: fig-angle
   :alt: Two arrows from one point

   Two users, and :math:`\\cos\\theta` between them; see :doc:`index`.
"""
INDEX = """\
First page
==========

.. toctree::

   02_angle
   figures

.. chapter-cards::

   {card}

"""


def build(folder, card="02_angle | fig-angle | Who is like you?"):
    (folder / "02_angle.rst").write_text(CHAPTER)
    (folder / "angle.svg").write_text(SVG)
    (folder / "index.rst").write_text(INDEX.format(card=card))
    (folder / "figures.rst").write_text("Large\n=====\n\n.. main-figures::\n")
    settings = {"extensions": ["inline_figures", "front_page"], "html_theme": "basic"}
    app = Sphinx(
        folder, None, folder / "out", folder / "trees", "html", settings, status=None, warning=None
    )
    app.build()
    return BeautifulSoup((folder / "out" / "figures.html").read_text(), "html.parser")


def test_each_figure_has_a_screen_with_its_question_and_its_caption(tmp_path):
    (screen,) = build(tmp_path).select("section.screen")
    assert screen.h2.get_text().startswith("Who is like you?")
    assert screen.svg["aria-label"] == "Two arrows from one point"
    assert screen.select_one("path")["id"].startswith("large-fig-angle")
    caption = screen.select_one("p")
    assert caption.get_text().startswith("2 The angle. Two users, and ")
    assert "see First page" in caption.get_text() or "see index" in caption.get_text()
    assert caption.a["href"] == "02_angle.html#fig-angle"


def test_the_figures_of_a_page_without_section_numbers_begin_at_1(tmp_path):
    """Sphinx counts on from page to page there, and does so after it has read all pages."""
    for name in "ab":
        figures = (f".. figure:: angle.svg\n\n   Figure {k} of {name}\n" for k in (1, 2))
        (tmp_path / f"{name}.rst").write_text("\n".join([f"Page {name}\n======\n", *figures]))
    (tmp_path / "angle.svg").write_text(SVG)
    (tmp_path / "index.rst").write_text("First page\n==========\n\n.. toctree::\n\n   a\n   b\n")
    settings = {"extensions": ["inline_figures"], "html_theme": "basic", "numfig": True}
    for _ in range(2):  # the second build has little to do
        app = Sphinx(
            tmp_path, None, tmp_path / "out", tmp_path / "trees", "html", settings,
            status=None, warning=None,
        )  # fmt: skip
        app.build()
        for name in "ab":
            page = BeautifulSoup((tmp_path / "out" / f"{name}.html").read_text(), "html.parser")
            captions = [one.get_text(strip=True) for one in page.select("figcaption p > span")]
            assert captions == ["Fig. 1", f"Figure 1 of {name}", "Fig. 2", f"Figure 2 of {name}"]
        (tmp_path / "a.rst").touch()


def test_a_figure_that_there_is_not_stops_the_build(tmp_path):
    with pytest.raises(Exception, match="has no figure 'fig-no', which the first page shows"):
        build(tmp_path, "02_angle | fig-no | Who?")


def test_every_chapter_has_its_figure_on_the_page():
    """The list stands on the first page alone; its figures have captions and alt texts."""
    lines = [[part.strip() for part in line.split("|")] for line in CARDS.strip().split("\n")]
    assert [name for name, _, _ in lines] == [f"notebooks/{path.stem}" for path in CHAPTERS]
    for path, (_, figure, _) in zip(CHAPTERS, lines, strict=True):
        settings = [cell.metadata.get("mystnb", {}) for cell in read(path).cells]
        (drawn,) = (one for one in settings if one.get("figure", {}).get("name") == figure)
        assert len(drawn["figure"]["caption"]) > 60
        assert len(drawn["image"]["alt"]) > 60
    text = (ROOT / "book" / "figures.md").read_text()
    assert "```{main-figures}\n```" in text
    assert "fig-" not in text
