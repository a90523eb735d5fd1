"""Files that are either whole or not there, and that hold no pickle."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from recsys_lib.validation import DataError


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; it takes the name `path` only when whole."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the bytes do
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_npz(path: str | os.PathLike, arrays: dict[str, np.ndarray], text: dict[str, Any]) -> None:
    """Write arrays and a JSON-able dict to one compressed file, atomically.

    Raises
    ------
    TypeError
        If an array holds Python objects, which would need pickle.
    """
    for key, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"{key} must hold numbers or text, got Python objects")
    with atomic_write(path) as file:
        packed = np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)
        # mypy fears an array named allow_pickle
        np.savez_compressed(file, __text__=packed, **arrays)  # type: ignore[arg-type]


def read_npz(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_npz` wrote: (arrays, dict).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If the file is damaged or was not written by `write_npz`.
    """
    try:
        # opened here because NumPy leaves a file open that it cannot make sense of
        with open(path, "rb") as source, np.load(source, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return arrays, json.loads(arrays.pop("__text__").tobytes())
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib, json and NumPy each have their own
        raise DataError(f"{path} is damaged or not a file of recsys_lib: {error}") from None
