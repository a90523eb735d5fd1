"""Every public default, pinned: a result must not change because one was changed in passing."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import recsys_lib

COVERED = (  # what makes results
    "data.features",
    "data.filters",
    "data.histories",
    "data.metadata",
    "data.split",
    "evaluation",
    "models",
    "top_k",
)


def public_defaults():
    """Return a line for each public thing: where it is, and name=value of what has a default."""
    found = {}
    for module in pkgutil.walk_packages(recsys_lib.__path__, "recsys_lib."):
        if not module.name.removeprefix("recsys_lib.").startswith(COVERED):
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.name:
                continue
            where = f"{module.name.removeprefix('recsys_lib.')}.{name}"
            if inspect.isclass(thing):
                for method, function in {"__init__": thing.__init__, **vars(thing)}.items():
                    function = getattr(function, "__func__", function)  # of a class method
                    if inspect.isfunction(function) and (method == "__init__" or method[0] != "_"):
                        of = where if method == "__init__" else f"{where}.{method}"
                        found[of] = defaults(function)
            elif inspect.isfunction(thing):
                found[where] = defaults(thing)
    return [f"{where} {text}" for where, text in found.items() if text]


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    with_default = [p for p in parameters if p.default is not p.empty]
    return " ".join(f"{p.name}={p.default!r}" for p in with_default if "<" not in repr(p.default))


def test_no_public_default_changes_unnoticed():
    """Where one is meant to change or is new, change it there, and say it in CHANGELOG.md."""
    pinned = (Path(__file__).parent / "defaults.txt").read_text().splitlines()
    assert sorted(public_defaults()) == pinned
