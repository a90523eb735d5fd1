"""The library behind the course *Recommender systems, from counting to deep networks*.

Each module is the subject of a chapter and is meant to be read beside it.
"""

from importlib.metadata import version

__version__ = version("recsys_lib")


def expect_version(wanted: str) -> None:
    """Stop a notebook that was written for another version of the library.

    Parameters
    ----------
    wanted : str
        ``"major.minor"``, as the first cell of every chapter states it.

    Raises
    ------
    RuntimeError
        If the installed library has another major or minor number.
    """
    if __version__.split(".")[:2] != wanted.split("."):
        raise RuntimeError(
            f"this notebook was written for recsys_lib {wanted}, but {__version__} is installed: "
            "update the one that is older (`git pull`, then `make lab`)"
        )
