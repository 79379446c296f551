"""The folders that were handed in, and what can be read of their records."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from solvers.comparison.archive.folder import RunFolder, label_of
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result

_PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


@dataclass(frozen=True, eq=False)
class Record:
    """One record of a submission.

    Attributes:
        path: Its file.
        result: What it says; None where it cannot be read.
        reason: Why it cannot be read; empty otherwise.
    """

    path: Path
    result: Result | None
    reason: str = ""

    @property
    def label(self) -> str:
        """What its solver is called; empty where it cannot be read."""
        return "" if self.result is None else label_of(self.result, self.path)


@dataclass(frozen=True, eq=False)
class Submission:
    """What one participant handed in.

    Attributes:
        name: The folder's name.
        folder: The run folder; None where it is none.
        records: Its records, by file name.
        reason: Why it is no submission; empty otherwise.
    """

    name: str
    folder: RunFolder | None = None
    records: tuple[Record, ...] = ()
    reason: str = ""


def read_submissions(place: str | Path) -> tuple[Submission, ...]:
    """Read every folder in a folder; packed files are listed with the reason, other files are passed over.

    Args:
        place: The folder that holds a run folder for each participant.

    Raises:
        FileNotFoundError: If it is no folder, or nothing was handed in.
    """
    place = Path(place)
    if not place.is_dir():
        raise FileNotFoundError(f"there is no folder {place}; give one that holds a run folder for each participant")
    found = []
    for path in sorted(place.iterdir(), key=lambda each: each.name):
        if path.name.startswith("."):
            continue
        if path.is_dir() or path.is_symlink():
            found.append(_submission(path))
        elif path.suffix.lower() in _PACKED:
            found.append(Submission(path.name, reason="it is a packed file; unpack it into a folder of its name"))
    if not found:
        raise FileNotFoundError(
            f"{place} holds no folders; put the run folder of each participant (the --out of dance compare) into it"
        )
    return tuple(found)


def _submission(path: Path) -> Submission:
    if path.is_symlink():
        return Submission(path.name, reason="it is a link; a submission is a folder")
    link = _link_inside(path)
    if link is not None:
        return Submission(path.name, reason=f"it holds a link ({link}); a submission holds files alone")
    try:
        folder = RunFolder.open(path)
    except (RecordError, OSError) as error:
        return Submission(path.name, reason=_without(str(error), path))
    return Submission(path.name, folder, tuple(_record(file, path) for file in folder.files))


def _record(file: Path, folder: Path) -> Record:
    try:
        return Record(file, Result.load(file))
    except (RecordError, OSError) as error:
        return Record(file, None, _without(str(error), folder))


def _link_inside(folder: Path) -> str | None:
    """The first link below a folder; links are not followed."""
    for parent, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            if (Path(parent) / name).is_symlink():
                return name
    return None


def _without(text: str, folder: Path) -> str:
    """A message without the place of the folder, which a page must not show."""
    return text.replace(f"{folder}{os.sep}", "").replace(str(folder), folder.name)
