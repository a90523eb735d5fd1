"""Make the pages light: one style sheet, of the rules that are used; scripts that do not block.

The theme brings all of Bootstrap and a thousand icons, some 500 KB of rules before the first word
is seen; a slow line needs three seconds for them. A rule stays if every class that it names stands
on some page or in some script of the site; all others could never apply. Of the thousand icons in
the fonts those stay that a rule names. On the same way what
other extensions write is mended where a reader who does not see the page would stumble over it.
"""

import re
from pathlib import Path
from typing import Any

import tinycss2
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.errors import ExtensionError

# Draws the theme's icons a second time, a megabyte and a half before the first word of a page is
# shown; the font in the theme's style sheet has them all.
ICONS_AGAIN = "_static/scripts/fontawesome.js"
MENDED = (
    (re.compile(rf'\s*<script src="[^"]*{ICONS_AGAIN}[^"]*"></script>'), ""),
    (re.compile(r' id="(?:exercise|proof|solution)-content"'), ""),  # one for all of a page
    (re.compile(r'<th class="head"><p></p></th>'), "<td></td>"),  # a header that heads nothing
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),  # no longer a role
    (re.compile(r"\n\n</pre>"), "\n</pre>"),  # the empty line that ends an example for doctest
)
SHEET = "_static/site.css"
LINK = re.compile(r'\s*<link\b[^>]*\brel="stylesheet"[^>]*>')
IMPORT = re.compile(r'@import (?:url\()?["\']([^"\']+)["\']\)?;')
HREF = re.compile(r'href="([^"?]+)')
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
NEGATED = re.compile(r":not\((?:[^()]|\([^()]*\))*\)")
WORD = re.compile(r"-?[A-Za-z_][\w-]*")
SCRIPT = re.compile(r'<script(?![^>]*\b(?:defer|async|type="module")\b)([^>]*\bsrc="[^"]*"[^>]*)>')
PRELOAD = re.compile(r'\s*<link\b[^>]*\brel="preload"[^>]*\bas="script"[^>]*>')
OPTIONS = re.compile(r'<script src="[^"]*documentation_options\.js[^"]*"></script>')


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite all pages when the site is written, and take away what no page needs."""
    if exception is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    site = Path(app.outdir)
    for file in [site / ICONS_AGAIN, *site.rglob("*.map")]:
        file.unlink(missing_ok=True)
    found = [page for page in site.rglob("*.html") if page.parent.name != "_static"]  # templates
    texts = {page: page.read_text(encoding="utf-8") for page in found}
    pages = {page: mended(text) for page, text in texts.items() if LINK.search(text)}
    words = known_words(site, pages.values())
    sheets = list(dict.fromkeys(one for page, text in pages.items() for one in linked(page, text)))
    rules = "".join(pruned(sheet, site, words) for sheet in sheets)
    (site / SHEET).write_text(with_few_icons(rules, site), encoding="utf-8")
    options = (site / "_static" / "documentation_options.js").read_text(encoding="utf-8").strip()
    for page, text in pages.items():
        up = "../" * len(page.relative_to(site).parent.parts)
        link = f'\n<link rel="stylesheet" href="{up}{SHEET}">'
        text = LINK.sub(link, text, count=1)
        text = LINK.sub(lambda one: one[0] if SHEET in one[0] else "", text)
        text = OPTIONS.sub(lambda _: f"<script>{options}</script>", PRELOAD.sub("", text))
        head, body, rest = text.partition("</head>")
        page.write_text(SCRIPT.sub(r"<script defer\1>", head) + body + rest, encoding="utf-8")


def mended(text: str) -> str:
    """Return a page without what stands in the way."""
    for pattern, better in MENDED:
        text = pattern.sub(better, text)
    return text


def linked(page: Path, text: str) -> list[Path]:
    """Return the style sheets of a page in their order."""
    hrefs = [HREF.search(link[0]) for link in LINK.finditer(text)]
    return [(page.parent / href[1]).resolve() for href in hrefs if href]


def known_words(site: Path, pages: Any) -> set[str]:
    """Return every word that can be a class: of pages, of scripts, of inline scripts."""
    words: set[str] = set()
    for text in pages:
        words.update(WORD.findall(text))
    for script in site.rglob("*.js"):
        if "mathjax" not in script.parts and script.name != "searchindex.js":
            words.update(WORD.findall(script.read_text(encoding="utf-8")))
    return words


def pruned(sheet: Path, site: Path, words: set[str]) -> str:
    """Return the rules of a style sheet that can apply, addresses as seen from the one sheet."""
    text, folder = sheet.read_text(encoding="utf-8"), sheet.parent
    before = "".join(pruned((folder / one).resolve(), site, words) for one in IMPORT.findall(text))

    def moved(found: re.Match[str]) -> str:
        address = found[1].strip("'\"")
        if address.startswith(("data:", "#", "http")):
            return found[0]
        path, mark, anchor = address.partition("#")
        target = (folder / path.partition("?")[0]).resolve()
        inside = target.relative_to((site / SHEET).parent.resolve()).as_posix()
        return f"url({inside}{mark}{anchor})"

    text = re.sub(r"url\(([^)]*)\)", moved, text)
    rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    return before + "".join(kept(rule, words) for rule in rules)


def kept(rule: Any, words: set[str]) -> str:
    """Return a rule as text, without the selectors that can match nothing; "" if none is left."""
    if rule.type == "qualified-rule":
        selectors = split(tinycss2.serialize(rule.prelude))
        used = [one for one in selectors if set(CLASS.findall(NEGATED.sub("", one))) <= words]
        return f"{','.join(used)}{{{tinycss2.serialize(rule.content)}}}" if used else ""
    if rule.type == "at-rule" and rule.content and rule.lower_at_keyword in ("media", "supports"):
        inside = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        rules = "".join(kept(one, words) for one in inside)
        prelude = tinycss2.serialize(rule.prelude)
        return f"@{rule.at_keyword}{prelude}{{{rules}}}" if rules else ""
    if rule.type == "at-rule" and rule.lower_at_keyword == "import":
        return ""  # stands before the others already
    return "" if rule.type == "error" else rule.serialize()


def with_few_icons(rules: str, site: Path) -> str:
    """Cut the icons' fonts down to what the rules draw, and return the rules that load these."""
    named = {ord(letter) for letter in rules if not letter.isascii()} | set(range(32, 127))
    for font in sorted((site / "_static").rglob("webfonts/*.ttf")):
        few = TTFont(font)
        subsetter = Subsetter(Options(drop_tables=["GSUB"], layout_features=[]))
        subsetter.populate(unicodes=named)
        subsetter.subset(few)
        few.flavor = "woff"
        few.save(font.with_suffix(".woff"))
        address = font.with_suffix("").relative_to((site / SHEET).parent).as_posix()
        old = f'url({address}.woff2) format("woff2"),url({address}.ttf) format("truetype")'
        if f"{address}.woff2" not in rules and f"{address}.woff" in rules:
            continue  # the pages were not written again, and load what was cut before
        if old not in rules:
            raise ExtensionError(f"The rules of the site do not load {address} as they used to.")
        rules = rules.replace(old, f'url({address}.woff) format("woff")')
        font.unlink()
        font.with_suffix(".woff2").unlink()
    return rules


def split(selectors: str) -> list[str]:
    """Return the selectors of a list; a comma inside parentheses does not separate them."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(selectors):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(selectors[start:place].strip())
            start = place + 1
    return [*parts, selectors[start:].strip()]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", lighten, priority=950)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
