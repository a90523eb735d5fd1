"""Say what to do where Python is too old. Runs on any Python, so it uses nothing new."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Python 3.11 or newer is needed, this is %d.%d. Install one and name it: "
        "make PYTHON=/path/to/python3.12 ..." % sys.version_info[:2]
    )
