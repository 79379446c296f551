"""Where compiled functions are kept: one file for each function and signature, checked before it is loaded. Loads numba.

A file is a digest and a pickle. The digest reveals damage, not malice, and a pickle can run any code; so a file is
used only where it belongs to the user or to the administrator and others cannot write to it. Whatever cannot be read, trusted
or written is compiled anew: nothing depends on this cache but time.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import stat
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from dance_env.atomic import write_whole
from dance_env.cache import content_key, default_cache_dir
from dance_env.source_digest import source_digest

_DIGEST_BYTES = 32
_ADMINISTRATOR = 0


class CodeCache(_Cache):
    """The machine code of one function, as numba's dispatchers ask for it.

    The key is made of the signature, the processor, the versions of Python and numba, and the text of the function's
    module and of all that it imports.

    Args:
        function: What is compiled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder of the machine code."""
        return str(default_cache_dir() / "numba")

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """Return the compiled function for a signature, None where there is none that can be trusted."""
        target_context.refresh()
        if not self._enabled:
            return None
        for path in self._paths(sig, target_context.codegen()):
            content = _trusted_content(path)
            if content is not None:
                try:
                    return CompileResult._rebuild(target_context, *pickle.loads(content))
                except Exception:  # right to the bit, and numba cannot use it: its libraries are others than they were
                    return None
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function; where that fails, a warning says why each process takes time to compile."""
        if not self._enabled or data.library.has_dynamic_globals or any(not each.can_cache for each in data.lifted):
            return
        content = dumps(data._reduce())
        path = next(self._paths(sig, data.codegen))
        try:
            write_whole(path, hashlib.sha256(content).digest() + content)
        except OSError as error:
            warnings.warn(
                f"compiled code cannot be kept, each process compiles it anew: {error.strerror or error}",
                RuntimeWarning,
                stacklevel=2,
            )

    def enable(self) -> None:
        """Use the cache."""
        self._enabled = True

    def disable(self) -> None:
        """Compile anew and keep nothing."""
        self._enabled = False

    def flush(self) -> None:
        """Forget nothing: a file is under a key of all that it depends on, and is replaced where it is damaged."""

    def _paths(self, sig: Any, codegen: Any) -> Iterator[Path]:
        """Yield the user's own file, then the administrator's."""
        module, name = self._function.__module__, self._function.__name__
        versions = repr((sys.version_info[:3], numba.__version__, codegen.magic_tuple()))
        key = content_key(source_digest(module), module, name, str(sig), versions)
        for owner in dict.fromkeys((_user(), _ADMINISTRATOR)):
            yield Path(self.cache_path) / f"user-{owner}" / f"{name}-{key[:32]}.bin"


def _trusted_content(path: Path) -> bytes | None:
    """Return the pickle in a file, None where the file is missing, damaged or another user's."""
    try:
        with open(path, "rb") as file:
            about = os.fstat(file.fileno())
            if about.st_uid not in (_user(), _ADMINISTRATOR) or about.st_mode & stat.S_IWOTH:
                _warn_of_owner(path)
                return None
            digest, content = file.read(_DIGEST_BYTES), file.read()
    except OSError:
        return None
    return content if hashlib.sha256(content).digest() == digest else None


@functools.cache
def _warn_of_owner(path: Path) -> None:
    warnings.warn(
        f"compiled code in {path} is not loaded: other users own it or can write to it. It is compiled anew.",
        RuntimeWarning,
        stacklevel=2,
    )


def _user() -> int:
    """Return the user's number; on systems that have none, that of the administrator."""
    return os.geteuid() if hasattr(os, "geteuid") else _ADMINISTRATOR
