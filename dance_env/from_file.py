"""Things of a user's by the path of their file: `path/to/file.py:name`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dance_env.suggest import nearest


def is_in_file(name: str) -> bool:
    """Whether a name is of the form `path/to/file.py:name` (or forgets the last part)."""
    return ".py:" in name or name.endswith(".py")


def load_from_file(name: str, *, what: str, example: str, fits: Callable[[Any], bool]) -> Any:
    """Run a Python file, and take what is called so in it.

    Args:
        name: `path/to/file.py:name`; the file is run, so only files that are trusted should be given.
        what: what is looked for, for messages: "solver".
        example: what stands behind the colon, for messages: "Class".
        fits: what to offer where there is no such name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such name in it; the nearest that fit are offered.
    """
    file, _, attribute = name.rpartition(":") if ".py:" in name else (name, "", "")
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file} to load the {what} {name!r} from")
    if not attribute:
        raise ValueError(f"{name!r} names a file but no {what} in it; write {file}:{example}")
    # Under a name of its own, so that a file called like a package does not stand in for it.
    module_name = f"_dance_{what}_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None, "a .py file always has a spec"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    if not hasattr(module, attribute):
        own = [
            key
            for key, value in vars(module).items()
            if fits(value) and getattr(value, "__module__", "") == module_name
        ]
        raise ValueError(f"there is no {attribute!r} in {file}. {nearest(attribute, own)}")
    return getattr(module, attribute)
