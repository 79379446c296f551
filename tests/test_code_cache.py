"""Compiled functions on disk: found again, never trusted when damaged or foreign, and not needed where none can be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import pytest

import dance_env
from dance_env.cost import code_cache
from dance_env.cost.compiled import compiled


def triple(x):  # type: ignore[no-untyped-def]
    return 3 * x


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DANCE_CACHE_DIR", str(tmp_path / "cache"))
    code_cache._warn_of_owner.cache_clear()
    return tmp_path / "cache" / "numba"


def loaded(x: int = 5) -> bool:
    """Compile `triple` as a new process would, check its answer, and return whether it came from the disk."""
    function = compiled(triple)
    assert function(x) == 3 * x
    return bool(function.stats.cache_hits)


def kept(folder: Path) -> Path:
    """The one file of `triple`."""
    assert not loaded()
    assert loaded()
    (path,) = folder.rglob("triple-*.bin")
    return path


def test_a_damaged_file_is_compiled_anew_and_replaced(folder: Path) -> None:
    path = kept(folder)
    whole = path.read_bytes()
    flipped = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in (0, 32, len(whole) // 2)]
    for content in (b"", whole[:40], whole[:-1], *flipped):
        path.write_bytes(content)
        assert not loaded()
        assert path.read_bytes()[:32] == hashlib.sha256(path.read_bytes()[32:]).digest()
    assert loaded()


def test_another_text_of_the_code_is_another_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`source_digest` covers the modules that a kernel's module imports; `tests/test_source_digest.py` edits one."""
    kept(folder)
    monkeypatch.setattr(code_cache, "source_digest", lambda module: f"edited {module}")
    assert not loaded()
    assert loaded()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
def test_a_file_of_another_user_is_not_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it would run what that user wrote into it."""
    path = kept(folder)
    path.chmod(0o666)
    with pytest.warns(RuntimeWarning, match="is not loaded: other users own it or can write to it"):
        assert not loaded()
    assert loaded()  # it was replaced by a file of our own
    theirs = os.geteuid() + 1
    monkeypatch.setattr(code_cache, "_user", lambda: theirs)
    monkeypatch.setattr(code_cache, "_ADMINISTRATOR", theirs)
    path.parent.rename(folder / f"user-{theirs}")
    code_cache._warn_of_owner.cache_clear()
    with pytest.warns(RuntimeWarning, match="is not loaded: other users own it"):
        assert not loaded()


def test_a_full_disk_is_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_cache, "write_whole", full)
    with pytest.warns(RuntimeWarning, match=r"compiled code cannot be kept.*No space left on device"):
        assert not loaded()


def test_numba_s_own_settings_are_left_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Foreign code that compiles at the same time keeps its own folder."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "foreign"))
    assert not loaded()
    assert not (tmp_path / "foreign").exists()
    assert str(tmp_path / "foreign") == numba.config.CACHE_DIR


def test_a_read_only_installation_with_a_read_only_home_works(tmp_path: Path) -> None:
    """A file stands where each folder of caches would be, as root can write to read-only folders."""
    package = tmp_path / "site" / "dance_env"
    shutil.copytree(Path(dance_env.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    for each in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (each / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    program = (
        "from dance_env.cost.mapping import nest_kernel\n"
        "from dance_env.cost.search import pairs_kernel\n"
        "print(nest_kernel.limited_cycles(4, 16.0, 16.0, 32.0, 8.0))"
    )
    keep = {name: value for name, value in os.environ.items() if name not in ("DANCE_CACHE_DIR", "XDG_CACHE_HOME")}
    run = subprocess.run(
        [sys.executable, "-c", program], env={**keep, "PYTHONPATH": str(package.parent), "HOME": str(tmp_path / "home")},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == "8.0\n"
    assert "compiled code cannot be kept, each process compiles it anew" in run.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DANCE_CACHE_DIR", str(tmp_path / "file"))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert not loaded()
    assert str(tmp_path / "file") in str(found[-1].message)
