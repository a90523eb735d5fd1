import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # chapters.py is shared by the tests here
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
