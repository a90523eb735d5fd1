"""Files are whole or not there, and hold no pickle."""

import os
import pickle
import stat
import zipfile

import numpy as np
import pytest

from recsys_lib.data import DataError
from recsys_lib.files import atomic_write, read_npz, write_npz

ARRAYS = {"factors": np.arange(12, dtype=np.float32).reshape(3, 4), "names": np.array(["é", "🎻"])}


class TestAtomicWrite:
    def test_the_file_is_there_afterwards_and_not_before(self, tmp_path):
        path = tmp_path / "x.bin"
        with atomic_write(path) as file:
            file.write(b"first ")
            file.flush()
            assert not path.exists()
            file.write(b"second")
        assert path.read_bytes() == b"first second"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
    @pytest.mark.parametrize("old", [None, b"old"])
    def test_nothing_has_changed_when_the_body_raises(self, tmp_path, error, old):
        path = tmp_path / "x.bin"
        if old is not None:
            path.write_bytes(old)
        with pytest.raises(error):
            self.write_half_of(path, error)
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == (
            {"x.bin": old} if old else {}
        )

    def write_half_of(self, path, error):
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    def test_the_old_file_is_replaced_and_readers_of_it_are_not_disturbed(self, tmp_path):
        path = tmp_path / "x.bin"
        path.write_bytes(b"old")
        with path.open("rb") as reader:
            with atomic_write(str(path)) as file:
                file.write(b"new")
            assert reader.read() == b"old"
        assert path.read_bytes() == b"new"

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "nowhere" / "x.bin"):
            pass

    def test_a_folder_in_its_place(self, tmp_path):
        (tmp_path / "x").mkdir()
        with pytest.raises(OSError, match="x"), atomic_write(tmp_path / "x") as file:
            file.write(b"data")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]

    @pytest.mark.skipif(os.name != "posix", reason="permission bits are a matter of POSIX")
    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_permissions_are_those_of_any_new_file(self, tmp_path, mask):
        before = os.umask(mask)
        try:
            with atomic_write(tmp_path / "x.bin") as file:
                file.write(b"data")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "x.bin").stat().st_mode) == 0o666 & ~mask


class TestNpz:
    def test_there_and_back(self, tmp_path):
        text = {"name": "Müsli 🎻", "scale": [0.5, 5], "none": None, "nested": {"a": [1]}}
        write_npz(tmp_path / "x.npz", ARRAYS, text)
        arrays, found = read_npz(str(tmp_path / "x.npz"))
        assert found == text
        assert arrays.keys() == ARRAYS.keys()
        for key, array in ARRAYS.items():
            np.testing.assert_array_equal(arrays[key], array, strict=True)

    def test_the_name_is_taken_as_it_is(self, tmp_path):
        write_npz(tmp_path / "no suffix", {}, {})
        assert [path.name for path in tmp_path.iterdir()] == ["no suffix"]

    def test_python_objects_are_not_written(self, tmp_path):
        with pytest.raises(TypeError, match="names must hold numbers or text, got Python objects"):
            write_npz(tmp_path / "x.npz", {"names": np.array(["a", None], dtype=object)}, {})
        with pytest.raises(TypeError, match="not JSON serializable"):
            write_npz(tmp_path / "x.npz", {}, {"a": {1}})
        assert list(tmp_path.iterdir()) == []

    def test_no_pickle_is_loaded(self, tmp_path):
        """A pickle that is loaded runs code; this one would create a file."""
        marker = tmp_path / "it ran"

        class Trap:
            def __reduce__(self):
                return (marker.touch, ())

        pickle.loads(pickle.dumps(Trap()))  # the trap works
        marker.unlink()
        np.savez(tmp_path / "x.npz", __text__=np.array([Trap()], dtype=object))
        np.savez(tmp_path / "y.npz", a=np.array([Trap()]), __text__=np.frombuffer(b"{}", np.uint8))
        np.save(tmp_path / "z.npy", np.array([Trap()], dtype=object))
        (tmp_path / "bare.npz").write_bytes(pickle.dumps(Trap()))
        for name in ("x.npz", "y.npz", "z.npy", "bare.npz"):
            with pytest.raises(DataError, match=f"{name} is damaged or not a file of recsys_lib"):
                read_npz(tmp_path / name)
        assert not marker.exists()

    def test_cut_at_every_byte(self, tmp_path):
        write_npz(tmp_path / "x.npz", ARRAYS, {"name": "x"})
        whole = (tmp_path / "x.npz").read_bytes()
        for size in range(len(whole)):
            (tmp_path / "x.npz").write_bytes(whole[:size])
            with pytest.raises(DataError, match=r"x\.npz is damaged or not a file of recsys_lib"):
                read_npz(tmp_path / "x.npz")

    @pytest.mark.parametrize("content", [b"", b"PK", b"text\n", bytes(1000)])
    def test_something_else(self, tmp_path, content):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz is damaged or not a file of recsys_lib"):
            read_npz(tmp_path / "x.npz")

    def test_other_files_of_numpy_and_zip(self, tmp_path):
        np.save(tmp_path / "a.npy", np.ones(3))
        np.savez(tmp_path / "b.npz", x=np.ones(3))
        with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
            archive.writestr("readme", "x")
        for name in ("a.npy", "b.npz", "c.zip"):
            with pytest.raises(DataError, match=f"{name} is damaged or not a file of recsys_lib"):
                read_npz(tmp_path / name)

    def test_a_folder(self, tmp_path):
        with pytest.raises(DataError, match="is damaged or not a file of recsys_lib"):
            read_npz(tmp_path)

    def test_no_such_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
            read_npz(tmp_path / "nowhere.npz")
