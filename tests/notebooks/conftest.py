import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # chapters.py is shared by the tests here
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))


@pytest.fixture
def clone(tmp_path):
    """As much of a fresh clone as making the environment needs."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "tools/require_python.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "recsys_lib").mkdir()
    return tmp_path
