"""Two tracks through a chapter: what lies beyond its main line is folded, and says what is inside.

A section belongs to the second track if it begins with::

    :::{beyond}
    What is inside, and who will want it.
    :::

All that follows in the section is then folded, its code and subsections too. The line is led in by
LEAD, unless it begins with what somebody else claims, in quotation marks: that the claim lies
beyond the main line would seem to be a part of it.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

LEAD = "Beyond the main line."


class beyond(nodes.General, nodes.Element):
    """What is folded, after the line that says what it is."""


class said(nodes.General, nodes.TextElement):
    """The line that says what is inside; it opens the rest."""


class Beyond(Directive):
    """Mark the section that it begins."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the fold, still empty, with what is said of it."""
        self.assert_has_content()
        text = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, text)
        claim = text.astext().lstrip().startswith(('"', "\N{LEFT DOUBLE QUOTATION MARK}"))
        line = said(lead="" if claim else LEAD)
        for paragraph in text.children:
            line += paragraph.children
        for raw in list(line.findall(nodes.raw)):
            # what opens the fold can hold nothing else to press
            badge = re.sub(r'<a (class="verdict [\w-]+")[^>]*>', r"<span \1>", raw.astext())
            raw.replace_self(nodes.raw("", badge.replace("</a>", "</span>"), format="html"))
        return [beyond("", line)]


def fold(app: Sphinx, doctree: nodes.document) -> None:
    """Move what follows in a marked section into its fold."""
    for node in list(doctree.findall(beyond)):
        section = node.parent
        if not isinstance(section, nodes.section) or section.index(node) != 1:
            raise ValueError(
                "beyond must stand right under the heading of a section, and "
                f"{node.astext()[:60]!r} does not"
            )
        rest = section.children[2:]
        for child in rest:
            section.remove(child)
        node += rest


def open_fold(self: Any, node: nodes.Element) -> None:
    """Begin the fold."""
    self.body.append('<details class="beyond">')


def close_fold(self: Any, node: nodes.Element) -> None:
    """End it."""
    self.body.append("</details>\n")


def open_line(self: Any, node: nodes.Element) -> None:
    """Begin the line that opens the fold."""
    lead = f"<strong>{escape(node['lead'])}</strong> " if node["lead"] else ""
    self.body.append(f"<summary>{lead}")


def close_line(self: Any, node: nodes.Element) -> None:
    """End it."""
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and what it makes."""
    app.add_node(beyond, html=(open_fold, close_fold))
    app.add_node(said, html=(open_line, close_line))
    app.add_directive("beyond", Beyond)
    app.connect("doctree-read", fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
