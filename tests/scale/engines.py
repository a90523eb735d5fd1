"""Engines that few machines have: without them their tests are skipped, unless required."""

import importlib
import os
import shutil

import pytest


def engine(*packages: str, java: bool = False) -> None:
    """Skip this module where a package or Java is missing; fail, if RECSYS_REQUIRE_SCALE is set."""
    missing = []
    for name in packages:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if java and shutil.which("java") is None:
        missing.append("java")
    if not missing:
        return
    message = f"needs {', '.join(missing)}: see requirements-scale.txt"
    if os.environ.get("RECSYS_REQUIRE_SCALE"):
        raise ImportError(message)
    pytest.skip(message, allow_module_level=True)
