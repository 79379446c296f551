"""Modules in a user's folder, imported under names of their own.

A user's file may import the modules beside it, as a script may. They are kept in a package of their own for each folder,
so that two folders may both have a `helper.py`, and so that a `solvers.py` or `torch.py` beside a user's file stands in
for the real one nowhere else.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from dance_env.source_digest import USER_PACKAGE, forget_file, read_source

_NEVER_BESIDE = frozenset({"dance_env", "solvers", *sys.stdlib_module_names})


class UserFolder:
    """The folder of a user's file.

    Attributes:
        folder: Its resolved path.
        package: The name under which its modules are imported.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = f"{USER_PACKAGE}{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"

    def load(self, path: Path) -> ModuleType:
        """Run a file of this folder, unless this process did before and nothing that it imported from here was edited.

        Whatever the file raises is passed on; nothing of this folder stays imported then.
        """
        self._forget_if_edited()
        name = f"{self.package}.{path.stem.replace('.', '_')}"
        if name in sys.modules:
            return sys.modules[name]
        self._make_package()
        spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(self, name, str(path)))
        assert spec is not None, "a loader was given"
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up there
        try:
            _Loader(self, name, str(path)).exec_module(module)
        except BaseException:
            self._forget()
            raise
        return module

    def find(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of this folder."""
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(self, name, spec.loader.path)
        return spec

    def import_(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as `builtins.__import__` does, with the modules of this folder before installed ones."""
        top = name.partition(".")[0]
        if level or not self._is_beside(top, globals):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = builtins.__import__(f"{self.package}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{self.package}.{top}"]

    def _is_beside(self, top: str, importer: Mapping[str, Any] | None) -> bool:
        file, package = self.folder / f"{top}.py", self.folder / top / "__init__.py"
        if top in _NEVER_BESIDE or not (file.is_file() or package.is_file()):
            return False
        # A file called numpy.py that imports numpy means the real one, not itself.
        return (importer or {}).get("__file__") != str(file) or importlib.util.find_spec(top) is None

    def _make_package(self) -> None:
        if self.package not in sys.modules:
            package = ModuleType(self.package, f"Modules in {self.folder}.")
            package.__path__ = [str(self.folder)]
            package.__spec__ = importlib.machinery.ModuleSpec(self.package, None, is_package=True)
            package.__spec__.submodule_search_locations = package.__path__
            sys.modules[self.package] = package
        _Finder.folders[self.package] = self
        if not any(isinstance(each, _Finder) for each in sys.meta_path):
            sys.meta_path.insert(0, _Finder())

    def _modules(self) -> dict[str, ModuleType]:
        return {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{self.package}.")}

    def _forget_if_edited(self) -> None:
        for module in self._modules().values():
            path = getattr(module, "__file__", None)
            if path is not None and (not Path(path).is_file() or Path(path).read_bytes() != read_source(Path(path))):
                self._forget()
                return

    def _forget(self) -> None:
        for name, module in self._modules().items():
            del sys.modules[name]
            if getattr(module, "__file__", None) is not None:
                forget_file(Path(str(module.__file__)))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of users' folders, and no other."""

    folders: dict[str, UserFolder] = {}  # noqa: RUF012 (one for the process, as sys.modules is)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        folder = self.folders.get(fullname.partition(".")[0])
        return None if folder is None or path is None else folder.find(fullname, path)


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs the text that `source_digest` digests, with imports that look into the user's folder."""

    def __init__(self, folder: UserFolder, name: str, path: str) -> None:
        super().__init__(name, path)
        self._folder = folder

    def get_code(self, fullname: str) -> CodeType:  # from the text: a file of byte code may be of an earlier text
        return compile(read_source(Path(self.path)), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._folder.import_}
        super().exec_module(module)
