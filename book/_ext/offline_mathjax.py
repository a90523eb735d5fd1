"""Typeset the book's formulas with a copy of MathJax that lies inside the built site.

Sphinx links MathJax from another site by default. The package ``sphinx-mathjax-offline`` holds the
same files; its own extension would copy all 15 MB of them, of which a page uses six scripts, the
fonts, and now and then a small TeX extension such as ``boldsymbol``. The six are put into one, so
that all is there at once when a quiz looks for it. MathJax's own such file, ``tex-chtml.js``, has a
menu beside, whose entries load what is not copied, or leave the site; it is a third of the file.
"""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

PACKAGE = "sphinx-mathjax-offline"
SCRIPT = "mathjax.js"
PARTS = (
    "startup", "core", "input/tex", "output/chtml", "output/chtml/fonts/tex", "a11y/assistive-mml",
)  # fmt: skip
FONTS = "output/chtml/fonts/woff-v2"
TEX_EXTENSIONS = "input/tex/extensions"

# A quiz asks for its formulas to be typeset half a second after the page is drawn. Where MathJax is
# still at work on the page then, the two fall over each other's half-finished nodes; so each
# request waits for the one before it.
TYPESET_IN_TURN = """
MathJax.startup = {
  ready() {
    MathJax.startup.defaultReady();
    MathJax.typeset = (elements) => {
      MathJax.startup.promise = MathJax.startup.promise.then(
        () => MathJax.typesetPromise(elements)
      );
    };
  },
};
"""


def find_mathjax() -> Path:
    """Return the folder of MathJax files in the installed package.

    Raises
    ------
    ExtensionError
        If the package, or a part of it that the site needs, is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ExtensionError(
            f"The formulas need the Python package {PACKAGE}, which is not installed: "
            "run `pip install -r requirements.txt`."
        )
    source = Path(spec.origin).parent / "static" / "mathjax"
    needed = (*(f"{part}.js" for part in PARTS), FONTS, TEX_EXTENSIONS)
    missing = [part for part in needed if not (source / part).exists()]
    if missing:
        raise ExtensionError(f"The installed {PACKAGE} has no {', '.join(missing)} in {source}.")
    return source


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    find_mathjax()  # a missing package should stop the build before an hour of cells has run
    config.mathjax_path = f"mathjax/{SCRIPT}"  # relative to the site's _static
    config.mathjax3_config = {
        # jupyterquiz reads MathJax.version[0]. Until MathJax has loaded, this bare configuration
        # stands in its place, and `undefined[0]` would throw.
        "version": "",
    }
    # myst-parser lets MathJax read elements of these classes only; a quiz brings its own formulas.
    config.myst_mathjax_classes = f"{config.myst_mathjax_classes}|Quiz"


def typeset_in_turn(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    if app.env.get_domain("math").has_equations(pagename):
        app.add_js_file(None, body=TYPESET_IN_TURN)


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source, target = find_mathjax(), Path(app.outdir) / "_static" / "mathjax"
    shutil.rmtree(target, ignore_errors=True)  # what an older build left there
    target.mkdir(parents=True)
    (target / SCRIPT).write_text(joined(source), encoding="utf-8")
    shutil.copytree(source / FONTS, target / FONTS, dirs_exist_ok=True)
    shutil.copytree(
        source / TEX_EXTENSIONS,
        target / TEX_EXTENSIONS,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("all-packages.js"),  # the others once more, in one file
    )


def joined(source: Path) -> str:
    """Return MathJax's parts as one script, which tells its loader that they are there.

    The first part starts MathJax as soon as the whole script has run, so the others come in time.
    """
    texts = [(source / f"{part}.js").read_text(encoding="utf-8") for part in PARTS]
    return ";\n".join([*texts, f"MathJax.loader.preLoad('loader', {str(list(PARTS))[1:-1]});\n"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_local_mathjax)
    # After Sphinx's own handler (500), which writes the configuration that this adds to.
    app.connect("html-page-context", typeset_in_turn, priority=600)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
