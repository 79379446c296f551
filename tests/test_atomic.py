"""A file is written whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dance_env import atomic
from dance_env.atomic import replacing, write_whole


def test_the_file_is_written_with_its_folder_and_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_whole(tmp_path / "new" / "file.txt", "grün \udc80\n")
    finally:
        os.umask(before)
    assert path.read_bytes() == "grün \\udc80\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_old_file_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"1", b"2"):
        write_whole(path, content, sync=True, previous=tmp_path / "file.previous")
    assert (path.read_bytes(), (tmp_path / "file.previous").read_bytes()) == (b"2", b"1")


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()])
def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = write_whole(tmp_path / "file", b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"old")]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"cannot write .*file: No space left on device; no space is left; free some"):
        write_whole(tmp_path / "file", b"")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"cannot write .*file/x: .*; give a folder that can be written"):
        write_whole(tmp_path / "file" / "x", b"")


def test_what_killed_processes_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".a.bin.1-ff.part", ".b.bin.2-ff.part", "mine.part"))
    for path in (old, young, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 2 * 86_400,) * 2)
    atomic._swept.discard(tmp_path)
    write_whole(tmp_path / "file", b"")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".b.bin.2-ff.part", "file", "mine.part"]
