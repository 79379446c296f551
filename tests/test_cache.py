"""The disk cache: what is stored comes back to the bit, what cannot be trusted does not, folders that fail say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dance_env import cache as cache_module
from dance_env.cache import ENVIRONMENT, FORMAT, ArrayCache, content_key, default_cache_dir

KEY = content_key("a layer")


@pytest.fixture
def cache(tmp_path: Path) -> ArrayCache:
    return ArrayCache.open(tmp_path / "cache")


@pytest.fixture
def stored(cache: ArrayCache) -> Path:
    """The file of an array under `KEY`."""
    cache.store(KEY, np.arange(6.0).reshape(2, 3))
    (path,) = cache.folder.rglob("*.bin")
    return path


@pytest.mark.parametrize("array", [np.array([0.1, np.inf, -0.0, 1e-300]), np.zeros((2, 0)), np.ones((2, 3, 4))])
def test_what_is_stored_comes_back_to_the_bit(cache: ArrayCache, array: np.ndarray) -> None:
    cache.store(KEY, array)
    found = cache.load(KEY)
    assert found is not None
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert ArrayCache.open(cache.folder).load(KEY) is not None


def test_nothing_under_another_key(cache: ArrayCache, stored: Path) -> None:
    assert cache.load(content_key("another layer")) is None


@pytest.mark.parametrize("kept", [0, 1, 20, -1, -8])
def test_a_file_cut_short_is_not_trusted(cache: ArrayCache, stored: Path, kept: int) -> None:
    stored.write_bytes(stored.read_bytes()[:kept])
    assert cache.load(KEY) is None


def test_a_changed_byte_is_not_trusted(cache: ArrayCache, stored: Path) -> None:
    content = bytearray(stored.read_bytes())
    content[-3] ^= 1
    stored.write_bytes(content)
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "change", [{"format": "dance-env array 0"}, {"key": "0" * 64}, {"shape": [4]}, {"shape": "all"}, {"shape": None}]
)
def test_a_header_that_does_not_fit_is_not_trusted(cache: ArrayCache, stored: Path, change: dict) -> None:
    header, payload = stored.read_bytes().split(b"\n", 1)
    stored.write_bytes(json.dumps({**json.loads(header), **change}).encode() + b"\n" + payload)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"{", b"not json\nat all"])
def test_a_foreign_file_is_not_trusted_and_is_replaced(cache: ArrayCache, stored: Path, content: bytes) -> None:
    stored.write_bytes(content)
    assert cache.load(KEY) is None
    cache.store(KEY, np.ones(3))
    assert np.array_equal(cache.load(KEY), np.ones(3))


def test_the_header_names_format_and_key(stored: Path) -> None:
    header = json.loads(stored.read_bytes().split(b"\n", 1)[0])
    assert header["format"] == FORMAT
    assert header["key"] == KEY


def test_a_write_that_fails_leaves_nothing_behind(cache: ArrayCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up before the file is in place: a warning, no file, no leftover, and an older file stays."""

    def no_space(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    cache.store(KEY, np.ones(3))
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.warns(RuntimeWarning, match="cannot keep a result in the cache: cannot write .*No space left"):
        cache.store(KEY, np.zeros(3))
    assert np.array_equal(cache.load(KEY), np.ones(3))
    assert [path.suffix for path in cache.folder.rglob("*") if path.is_file()] == [".bin"]


def test_a_process_killed_while_writing_leaves_no_file_to_be_read(cache: ArrayCache) -> None:
    program = (
        "import os, numpy as np\n"
        "from dance_env.cache import ArrayCache\n"
        "os.replace = lambda *_: os._exit(9)\n"
        f"ArrayCache.open({str(cache.folder)!r}).store({KEY!r}, np.ones(1000))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=500).returncode == 9
    assert cache.load(KEY) is None
    cache.store(KEY, np.ones(2))
    assert np.array_equal(cache.load(KEY), np.ones(2))


@pytest.mark.parametrize("payload", [b"", b"12345678", b"123"])
def test_a_right_digest_does_not_make_a_shape_fit(cache: ArrayCache, stored: Path, payload: bytes) -> None:
    header = {"format": FORMAT, "key": KEY, "shape": [2, 3]}
    header["sha256"] = content_key(json.dumps(header["shape"]), payload)
    stored.write_bytes(json.dumps(header).encode() + b"\n" + payload)
    assert cache.load(KEY) is None


def test_json_nested_without_end_is_not_trusted(cache: ArrayCache, stored: Path) -> None:
    stored.write_bytes(b"[" * 100_000 + b"\n")
    assert cache.load(KEY) is None


def test_a_group_can_share_a_cache(cache: ArrayCache, stored: Path) -> None:
    """Files get the mode that the umask gives to any file (0o600 would keep others out)."""
    plain = stored.with_name("plain")
    plain.touch()
    assert stored.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("named_by", ["argument", "environment"])
def test_a_read_only_folder_is_read(
    cache: ArrayCache, stored: Path, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    """A shared cache on a cluster that was filled before. (Permissions do not bind root, so writing is made to fail.)"""

    def read_only(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(cache_module, "_try_to_write", read_only)
    monkeypatch.setenv(ENVIRONMENT, str(cache.folder))
    with pytest.warns(RuntimeWarning, match="cannot write to the cache folder .*Reading what is there"):
        shared = ArrayCache.open(cache.folder if named_by == "argument" else None)
    assert np.array_equal(shared.load(KEY), cache.load(KEY))
    shared.store(content_key("another"), np.ones(1))
    assert [path.suffix for path in cache.folder.rglob("*") if path.is_file()] == [".bin"]


def test_a_folder_that_was_named_and_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"cannot write to the cache folder .*choose another folder"):
        ArrayCache.open(tmp_path / "file" / "cache")


def test_folder_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "mine"))
    assert default_cache_dir() == tmp_path / "mine"
    assert ArrayCache.open().folder == tmp_path / "mine"
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "file"))
    with pytest.raises(OSError, match=f"cannot write .*{ENVIRONMENT}"):
        ArrayCache.open()


def test_default_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setattr(cache_module, "default_cache_dir", lambda: tmp_path / "file")
    with pytest.warns(RuntimeWarning, match="Continuing without a cache"):
        cache = ArrayCache.open()
    cache.store(KEY, np.ones(3))
    assert cache.load(KEY) is None


def test_keys_tell_parts_apart() -> None:
    assert content_key("ab", "c") != content_key("a", "bc") != content_key("abc")
    assert content_key("ab", b"c") == content_key(b"ab", "c")
    assert len(content_key()) == 64
