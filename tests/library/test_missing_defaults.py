"""Every public default, pinned: a result must not change because one was changed in passing."""

import importlib
import inspect
import pkgutil

import recsys_lib

APART = ("experiments", "exercises", "__main__")  # nobody calls those by hand


def public_defaults():
    """Return "name, name=value, ..." of everything public that has a default, by where it is."""
    found = {}
    for module in pkgutil.walk_packages(recsys_lib.__path__, "recsys_lib."):
        if any(part in APART for part in module.name.split(".")):
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.name:
                continue
            where = f"{module.name.removeprefix('recsys_lib.')}.{name}"
            if inspect.isclass(thing):
                for method, function in vars(thing).items():
                    if inspect.isfunction(function) and (method == "__init__" or method[0] != "_"):
                        of = where if method == "__init__" else f"{where}.{method}"
                        found[of] = defaults(function)
            elif inspect.isfunction(thing):
                found[where] = defaults(thing)
    return {where: text for where, text in found.items() if text}


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    with_default = [p for p in parameters if p.default is not p.empty]
    return ", ".join(f"{p.name}={p.default!r}" for p in with_default)


def test_no_public_default_changes_unnoticed():
    """Where one is meant to change or is new, change it here, and say it in CHANGELOG.md."""
    assert public_defaults() == DEFAULTS


DEFAULTS = {}
