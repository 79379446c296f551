"""The records of a run folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solvers.comparison.archive.manifest import read_manifest
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result


@dataclass(frozen=True, eq=False)
class RunFolder:
    """A folder that a comparison wrote.

    Attributes:
        folder: Where it is.
        manifest: Its manifest; None where it has none.
        files: The files of all its records, by name.
    """

    folder: Path
    manifest: dict[str, Any] | None
    files: tuple[Path, ...]

    @classmethod
    def open(cls, folder: str | Path) -> RunFolder:
        """Find the records of a folder: those in `records/`, or right in it.

        Raises:
            FileNotFoundError: If there is no such folder, or it holds no record.
            RecordError: If its manifest is damaged or of another version.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}; give the output folder of a comparison (--out)")
        manifest = read_manifest(folder)
        place = folder / "records" if (folder / "records").is_dir() else folder
        files = tuple(sorted(place.glob("*.npz")))
        named = manifest["records"] if manifest else {}
        if not files and not named:
            raise FileNotFoundError(f"{folder} holds no records: neither {place}/*.npz nor a manifest that names some")
        if not files and not any(named.values()):
            raise FileNotFoundError(
                f"{folder} holds no records yet: no run of its comparison has ended; the same command goes on"
            )
        return cls(folder, manifest, files)

    @property
    def compared(self) -> tuple[Path, ...]:
        """The records of its last comparison; all where no manifest says which.

        Raises:
            RecordError: If one that the manifest names is missing.
        """
        if self.manifest is None:
            return self.files
        by_name = {path.name: path for path in self.files}
        ended = [name for name, digest in self.manifest["records"].items() if digest is not None or name in by_name]
        missing = [name for name in ended if name not in by_name]
        if missing:
            raise RecordError(
                f"{self.folder}: {len(missing)} of the records that its manifest names are missing, such as {missing[0]}; "
                "run the same `dance compare` again"
            )
        return tuple(by_name[name] for name in ended)

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that the manifest has of a record; None where it has none."""
        return None if self.manifest is None else self.manifest["records"].get(name)

    def results(self) -> Iterator[tuple[Path, Result]]:
        """Read the records of the last comparison, one by one.

        Raises:
            RecordError: If one is missing, damaged, of another version or says what cannot be.
        """
        for path in self.compared:
            yield path, Result.load(path)


def label_of(result: Result, path: Path) -> str:
    """Return what a comparison called a record's solver; of an older record, what its file's name says."""
    parts = path.stem.split("__")
    return result.label or (parts[1] if len(parts) == 5 else result.solver)


def digest_of(result: Result) -> str:
    """Return the digest of a record's settings, as `solvers.contract.settings.settings_digest` gives it."""
    text = json.dumps(result.settings, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
