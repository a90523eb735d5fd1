"""Small repairs to what the theme and jupyterquiz write, so that the site works everywhere.

It opens from a web server and from a folder on a memory stick alike, with no other site at hand.
"""

import os
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from pybtex.database import parse_file
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.errors import ExtensionError

from reading import ABOUT, description

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from student import for_student

# Sphinx's search fetches each page it found to show a summary, which browsers refuse for files.
NO_SUMMARIES_FROM_FILES = (
    'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'
)

# Two spaces inside a line set what follows in a column; so do those before it, or a bar.
COLUMNS = re.compile(r"\S {2,}\S|^ |\|", re.MULTILINE)

# Of a found page, as Sphinx's search says it, and what else it shall not show.
LEFT_OUT = '[".headerlink", "script", "style"]'
MORE_LEFT_OUT = '[".headerlink", "script", "style", ".math"]'

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")

# A server shows this page for every address that leads nowhere, however deep, so it finds the first
# folder of the site by itself and needs no file beside it.
NOT_FOUND = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>This page is not here: {title}</title>
{about}
<style>
body {{ background: light-dark(#fff, #14181e); color: light-dark(#1a1a1a, #ced6dd) }}
body {{ font: 1.1rem/1.6 -apple-system, "Segoe UI", "Helvetica Neue", sans-serif }}
main {{ border-left: .25rem solid light-dark(#1560cf, #6ba3f0); padding-left: 1.2rem }}
main {{ margin: 3rem auto; max-width: 36rem }}
h1 {{ font-size: 2rem; line-height: 1.2; margin: 0 }}
ul {{ list-style: none; padding: 0 }}
li {{ padding-block: .2rem }}
a {{ color: light-dark(#1560cf, #6ba3f0) }}
</style>
</head>
<body>
<main>
<h1>This page is not here</h1>
<p>It may have moved. The chapters are:</p>
<ul>
{chapters}
</ul>
</main>
<script>
const base = location.pathname.replace(/(book|notebooks|_static|_sources)\\/.*$|[^/]*$/, "");
for (const link of document.links) link.href = base + link.getAttribute("href");
</script>
</body>
</html>
"""

ENTRANCE = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={target}">
<link rel="icon" href="_static/{icon}">
<title>{title}</title>
{about}
</head>
<body>
<h1>{title}</h1>
<p><a href="{target}">Open the book</a></p>
</body>
</html>
"""


def mend_quizzes(app: Sphinx, doctree: nodes.document) -> None:
    """Close the ``<div>`` that jupyterquiz leaves open.

    With it, everything down to the end of the section is a part of the quiz's cell.
    """
    for node in doctree.findall(_is_quiz):
        html = node.astext()
        if html.count("<div") > html.count("</div>"):
            node.children = [nodes.Text(f"{html}</div>")]


def _is_quiz(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and "data-shufflequestions=" in node.astext()


def note_formulas(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say whether a page, as it will be written, has formulas: such pages are given MathJax.

    Sphinx looks at the source alone: it sees none in a quiz, nor what comes from other pages.
    """
    seen = doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block) or _is_quiz(n))
    app.env.get_domain("math").data["has_equations"][docname] = next(seen, None) is not None


def let_sentences_break(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Mark what a cell says in sentences, so that it breaks as they do; columns would be torn."""
    for node in doctree.findall(nodes.literal_block):
        if "output" in node["classes"] and not COLUMNS.search(node.astext()):
            node["classes"].append("prose")


def hide_solution_marks(app: Sphinx, doctree: nodes.document) -> None:
    """Leave out the comments by which nbgrader finds a solution: a reader has no use for them."""
    for node in doctree.findall(nodes.literal_block):
        if "### BEGIN SOLUTION" in node.rawsource:
            lines = [line for line in node.rawsource.split("\n") if line.strip() not in MARKS]
            node.rawsource = "\n".join(lines)
            node.children = [nodes.Text(node.rawsource)]


def prune_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Load MathJax on pages with a formula alone."""
    # Sphinx counts the formulas of all pages below the first one as its own.
    if not app.env.get_domain("math").data["has_equations"].get(pagename):
        scripts = context["script_files"]
        context["script_files"] = [
            one for one in scripts if "mathjax" not in f"{one} {one.attributes.get('body')}".lower()
        ]


def search_without_server(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    if pagename == "search":
        app.add_js_file(None, body=NO_SUMMARIES_FROM_FILES)


def search_without_formulas(app: Sphinx, exception: Exception | None) -> None:
    """Leave formulas out of what a search shows of a page: its script would show them as TeX."""
    if exception is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    file = Path(app.outdir) / "_static" / "searchtools.js"
    script = file.read_text(encoding="utf-8")
    if LEFT_OUT not in script and MORE_LEFT_OUT not in script:
        raise ExtensionError(f"{file.name} no longer says {LEFT_OUT}: formulas would be shown")
    file.write_text(script.replace(LEFT_OUT, MORE_LEFT_OUT), encoding="utf-8")


def write_entrance(app: Sphinx, exception: Exception | None) -> None:
    """Write an ``index.html`` that leads to the first page, as a whole page with a title."""
    if exception is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    page = ENTRANCE.format(
        language=escape(app.config.language),
        title=escape(app.config.html_title),
        about=description(app, "index", app.config.html_title, ABOUT["index"]),
        icon=escape(Path(app.config.html_favicon).name),
        target=escape(app.builder.get_target_uri(app.config.root_doc)),
    )
    (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def write_not_found(app: Sphinx, exception: Exception | None) -> None:
    """Write a ``404.html`` with a way to every chapter."""
    if exception is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    pages = [name for name in app.env.found_docs if name.startswith("notebooks/")]
    lines = [
        f'<li><a href="{app.builder.get_target_uri(name)}">'
        f"{escape(app.env.titles[name].astext())}</a></li>"
        for name in [app.config.root_doc, *sorted(pages)]
    ]
    page = NOT_FOUND.format(
        language=escape(app.config.language),
        title=escape(app.config.html_title),
        about=description(app, "404", "This page is not here", ABOUT["404"]),
        chapters="\n".join(lines),
    )
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Put in the place of each chapter that can be downloaded the one that a student gets."""
    if exception is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    references = parse_file(str(Path(app.srcdir) / "book" / "references.bib")).entries
    for file in (Path(app.outdir) / "_sources" / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(file, as_version=4)
        nbformat.write(for_student(notebook, references, file.stem, quiz_in_file=False), file)


def take_executed(app: Sphinx, config: Config) -> None:
    """Show the notebooks as `make book` has just run them, several at a time, if it says where."""
    if folder := os.environ.get("RECSYS_EXECUTED"):
        config.nb_execution_mode = "cache"
        config.nb_execution_cache_path = folder


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", take_executed)
    app.connect("doctree-read", mend_quizzes)
    app.connect("doctree-read", hide_solution_marks)
    app.connect("doctree-resolved", let_sentences_break, priority=900)
    app.connect("doctree-resolved", note_formulas, priority=900)  # when all is in its place
    app.connect("html-page-context", search_without_server)
    app.connect("html-page-context", prune_scripts, priority=700)  # when all have added theirs
    # Ahead of sphinx_external_toc, which writes a bare redirect where it finds no index.html.
    app.connect("build-finished", write_entrance, priority=400)
    app.connect("build-finished", write_not_found)
    app.connect("build-finished", write_downloads)
    app.connect("build-finished", search_without_formulas)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
