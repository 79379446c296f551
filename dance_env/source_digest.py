"""A digest of the code that a result depends on: a module and every module of its package that it imports.

A cache or a record that outlives an edit of the code holds wrong numbers. Its key therefore includes such a digest,
which changes with the text of every module that takes part, however deep it is imported.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from dance_env.source_outline import Import, Outline

_OURS = ("dance_env", "solvers")
_OUR_FOLDER = Path(__file__).resolve().parents[1]
_INIT = "__init__.py"

USER_PACKAGE = "_dance_files_"
"""How the made-up packages begin that hold the modules of users' folders (see `dance_env.user_folder`)."""

_texts: dict[Path, bytes] = {}


def source_digest(*modules: str | ModuleType, versions: bool = True, library: bool = True) -> str:
    """Return a SHA-256 hex digest of modules and of all that they import.

    The text of these modules counts, and the text of the modules that they import from their own top-level package,
    from `dance_env` and from `solvers`, and so on. For a module that is a single file, the modules beside it count as
    its package. Every other package counts by its version; the standard library does not count.

    Imports inside functions count, those under `if TYPE_CHECKING` do not. A package's `__init__` that does nothing but
    import names is looked through: the module that defines the name counts, the others in the package do not.

    Not covered: modules whose name is computed (`import_module(variable)`), and data files that a module reads.

    A file is read once per process, so that the digest is that of the code that the process runs (see `forget`).

    Args:
        modules: Names of importable modules (loaded or not), or modules. Inside a module, `__name__` means itself.
        versions: Whether the versions of other packages count. False for what is made on one machine and shipped to
            others.
        library: Whether `dance_env` and `solvers` count where other code imports them. False where their code is
            accounted for otherwise.

    Raises:
        ValueError: If a module has no source file, as in an interactive session.
    """
    digest = hashlib.sha256()
    for name, content in sorted(_found(modules, versions=versions, library=library).items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def digested_modules(*modules: str | ModuleType) -> tuple[str, ...]:
    """Return the sorted names of the modules and packages that `source_digest` looks at.

    Raises:
        ValueError: As `source_digest`.
    """
    return tuple(sorted(_found(modules)))


def code_digest(*values: object) -> str | None:
    """Return the `source_digest` of the modules that define the classes (or functions) of some values.

    None where one of them stands in no file, as in an interactive session: its code then has no digest, and what
    depends on it is not cached.
    """
    try:
        return source_digest(*sorted({_module_of(each) for each in values}))
    except ValueError:
        return None


def own_code(value: object) -> str | None:
    """Return a digest of the code that a user's object brings along, to be part of its fingerprint.

    Empty for an object of this library, whose fingerprints answer for its code. None for one whose class stands in no
    file: its code has no digest, and what depends on it is not cached. The same on every machine.
    """
    module = _module_of(value)
    if module.partition(".")[0] in _OURS:
        return ""
    try:
        return source_digest(module, versions=False, library=False)
    except ValueError:
        return None


def _module_of(value: object) -> str:
    return getattr(value, "__module__", None) or type(value).__module__


def forget() -> None:
    """Forget the files that were read, for code that is edited and loaded again in the same process."""
    _texts.clear()
    for cached in (_file_of, _version):
        cached.cache_clear()


def forget_file(path: Path) -> None:
    """Forget one file, which is about to be loaded again."""
    _texts.pop(path, None)


def read_source(path: Path) -> bytes:
    """Return the text of a file as this process first read it."""
    if path not in _texts:
        _texts[path] = path.read_bytes()
    return _texts[path]


class _Tree:
    """Where the modules lie that count by their text, as seen from one of them.

    Attributes:
        top: The name of the top-level package, or of the single file.
        folder: The folder that holds it. What lies beside it counts too, unless installed packages lie there.
    """

    def __init__(self, top: str, folder: Path) -> None:
        self.top = top
        self.folder = folder
        self._neighbors_count = folder not in _installation_folders()

    def path_of(self, name: str) -> Path | None:
        """Return the file of a module (the folder of a namespace package), or None for another package's module."""
        top = name.partition(".")[0]
        if top in _OURS:
            base = _OUR_FOLDER
        elif top == self.top or self._neighbors_count:
            base = self.folder
        else:
            return None
        return _file_of(base, name)


@functools.cache
def _file_of(base: Path, name: str) -> Path | None:
    path = base.joinpath(*name.split("."))
    for candidate in (path / _INIT, path.with_name(f"{path.name}.py"), *path.parent.glob(f"{path.name}.*.so")):
        if candidate.is_file():
            return candidate
    return path if path.is_dir() and any(path.glob("*.py")) else None


class _Walk:
    """Follows imports from module to module.

    Attributes:
        versions: Whether other packages count.
        library: Whether this library counts where other code imports it.
        found: The text of each module, and the version of each other package, by name.
    """

    def __init__(self, versions: bool, library: bool) -> None:
        self.versions = versions
        self.library = library
        self.found: dict[str, bytes] = {}

    def add(self, tree: _Tree, name: str, path: Path, *, named: bool = True) -> None:
        """Add a module and what it imports.

        Args:
            tree: Where to look for its imports.
            name: Its full name.
            path: Its file.
            named: Whether an import names this module. A package that runs only because a module inside is imported is
                not named; the names that it would load at first use (those under `if TYPE_CHECKING`) do not count.
        """
        is_package = path.name == _INIT
        key = name if named else f"{name}.__init__"
        if key in self.found:
            return
        self.found[key] = read_source(path)
        for each in _outline(path).imports:
            if not each.for_types or (named and is_package):
                self.follow(tree, each.absolute(name, is_package=is_package))

    def add_parents(self, tree: _Tree, name: str) -> None:
        """Add the packages around a module, which run before it; one that only imports names does not count."""
        while "." in name:
            name = name.rpartition(".")[0]
            path = tree.path_of(name)
            if path is not None and path.name == _INIT and not _outline(path).only_imports:
                self.add(tree, name, path, named=False)

    def follow(self, tree: _Tree, each: Import) -> None:
        """Add what an import loads."""
        if not self.library and each.module.partition(".")[0] in _OURS:
            return
        path = tree.path_of(each.module)
        if path is None:
            self.add_version(each.module.partition(".")[0])
            return
        if each.name is not None and path.suffix != ".so":
            inside = f"{each.module}.{each.name}"
            offered = _outline(path).offered.get(each.name) if path.name == _INIT else None
            if offered is not None:
                self.add_parents(tree, inside)
                self.follow(tree, offered.absolute(each.module, is_package=True))
                return
            if (path.name == _INIT or path.is_dir()) and tree.path_of(inside) is not None:
                self.follow(tree, Import(inside, None))
                return
        self.add_parents(tree, each.module)
        if path.is_file():
            self.add(tree, each.module, path)

    def add_version(self, package: str) -> None:
        """Add another package by the version of its distribution."""
        if self.versions and package and package not in sys.stdlib_module_names:
            self.found[package] = _version(package).encode()


def _found(modules: tuple[str | ModuleType, ...], *, versions: bool = True, library: bool = True) -> dict[str, bytes]:
    walk = _Walk(versions, library)
    for module in modules:
        name, path = _located(module)
        tree = _Tree(name.partition(".")[0], path.parents[name.count(".") + (path.name == _INIT)])
        walk.add_parents(tree, name)
        walk.add(tree, name, path)
    return walk.found


def _located(module: str | ModuleType) -> tuple[str, Path]:
    """Return the name and the source file of a module."""
    name = module if isinstance(module, str) else module.__name__
    loaded = sys.modules.get(module) if isinstance(module, str) else module
    spec = _spec(name) if loaded is None else getattr(loaded, "__spec__", None)
    file = getattr(loaded, "__file__", None) or (spec.origin if spec is not None and spec.has_location else None)
    if file is None or not str(file).endswith(".py") or not Path(file).is_file():
        raise ValueError(f"module {name!r} has no source file, so its code cannot be digested; write it to a .py file")
    full = spec.name if spec is not None else name  # `python -m a.b` runs a.b under the name __main__
    if full.startswith(USER_PACKAGE):
        full = full.partition(".")[2]
    return full, Path(file).resolve()


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a package around it is not there
        return None


def _outline(path: Path) -> Outline:
    return _outline_of(read_source(path) if path.suffix == ".py" else b"")


@functools.lru_cache(maxsize=4096)
def _outline_of(text: bytes) -> Outline:
    """Parsing is most of a digest's time: a file that is read again (see `forget`) and is as it was is not parsed again."""
    return Outline.of(text)


@functools.cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # its distribution is called otherwise (PIL is in Pillow), or there is none
        if importlib.util.find_spec(package) is None:
            return "not installed"
        return ", ".join(f"{name} {metadata.version(name)}" for name in _distributions(package)) or "no version"


def _distributions(package: str) -> list[str]:
    """The sorted names of the distributions that hold a package, as of `metadata.packages_distributions`.

    That one parses the list of files of every distribution, near a second of a first comparison.
    """
    return sorted({each.metadata["Name"] for each in metadata.distributions() if _holds(each, package)})


def _holds(distribution: metadata.Distribution, package: str) -> bool:
    declared = (distribution.read_text("top_level.txt") or "").split()
    if declared:
        return package in declared
    if f"\n{package}" not in f"\n{distribution.read_text('RECORD') or ''}":
        return False
    tops = {path.parts[0] if len(path.parts) > 1 else inspect.getmodulename(path) for path in distribution.files or ()}
    return package in tops


@functools.cache
def _installation_folders() -> frozenset[Path]:
    on_path = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return frozenset(Path(path).resolve() for path in (*sysconfig.get_paths().values(), *on_path))
