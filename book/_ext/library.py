"""The reference of the library: signatures of models, and the table of all their settings."""

import inspect
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from recsys_lib import models


def defaults() -> dict[str, dict[str, list[str]]]:
    """Return for each setting its default values, and the models that have each."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in sorted(models.__all__, key=str.lower):
        kind = getattr(models, name)
        if not (inspect.isclass(kind) and issubclass(kind, models.Recommender)):
            continue
        for parameter in inspect.signature(kind).parameters.values():
            if parameter.default is not parameter.empty:
                values = found.setdefault(parameter.name, {})
                values.setdefault(repr(parameter.default).replace("'", '"'), []).append(name)
    return found


class Settings(Directive):
    """One line for each setting, ``name: what it is``, in the page's words; defaults are added."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse the table as if it stood in the page."""
        found = defaults()
        words = dict(line.split(": ", 1) for line in self.content if line)
        if words.keys() != found.keys():
            odd = sorted(words.keys() ^ found.keys())
            raise self.error(f"settings are explained here or exist, but not both: {odd}")
        rows = ["| setting | what it is | default |", "|---|---|---|"]
        for name, text in sorted(words.items()):
            values = (f"`{value}` in {', '.join(of)}" for value, of in found[name].items())
            rows.append(f"| `{name}` | {text} | {'; '.join(values)} |")
        place = nodes.container(classes=["settings"])
        self.state.nested_parse(StringList(rows), self.content_offset, place)
        return [place]


def show_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, None] | None:
    """Give a model the signature of its ``__init__``; Sphinx would take that of ``__new__``."""
    if what == "class" and issubclass(thing, models.Recommender):
        return str(inspect.signature(thing)).partition(" ->")[0], None
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("settings-of-models", Settings)
    app.connect("autodoc-process-signature", show_signature)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
