"""What the site has beside the pages in `docs`: the files that pages link to, the notebooks, and the API reference.

On a plain view of the repository a link such as `../examples/compare.py` leads to the file. In the site the file becomes a
page: code with its colors, a notebook with its outputs. Folders become lists of their files.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
import warnings
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(\]\()(\.\.?/[^)#\s]*|[\w][^)#\s:]*)((?:#[^)]*)?\))")
LANGUAGES = {".py": "python", ".js": "javascript", ".sh": "bash", ".json": "json", ".toml": "toml", ".cff": "yaml"}
API = ("dance_env", "solvers")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made here."""
    wanted = _outside_docs()
    for path in sorted(ROOT.glob("examples/course/lesson_*.ipynb")):
        wanted.add(path)
    for path in sorted(wanted):
        files.append(File.generated(config, _place(path), content=_page(path)))
    for package in API:
        files.append(File.generated(config, f"api/{package}.md", content=_reference(package)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that leave `docs` into links to the pages made of their targets."""
    if page.file.generated_by:
        return markdown
    return _relinked(markdown, Path(page.file.abs_src_path).parent, posixpath.dirname(page.file.src_uri))


def _outside_docs() -> set[Path]:
    """The files and folders of the repository, outside `docs`, that its pages link to."""
    found = set()
    for page in DOCS.rglob("*.md"):
        for _, target, _ in LINK.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if path.is_dir() and (path / "README.md").exists():
                path = path / "README.md"
            if path.is_relative_to(ROOT) and not path.is_relative_to(DOCS) and path.exists():
                found.add(path)
    return found


def _place(path: Path) -> str:
    """Where the page of a file or folder stands."""
    inside = path.relative_to(ROOT).as_posix()
    if path.suffix == ".ipynb":
        return f"course/{path.stem}.md"
    return f"source/{inside.removesuffix('.md')}{'/files' if path.is_dir() else ''}.md"


def _relinked(text: str, folder: Path, place: str) -> str:
    """A text of a file in `folder`, as a page in the folder `place` of the site."""

    def relink(found: re.Match[str]) -> str:
        path = (folder / found[2]).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            return found[0]
        if path.is_dir() and (path / "README.md").exists():
            path = path / "README.md"
        target = path.relative_to(DOCS).as_posix() if path.is_relative_to(DOCS) else _place(path)
        return f"{found[1]}{posixpath.relpath(target, place or '.')}{found[3]}"

    return LINK.sub(relink, text)


def _page(path: Path) -> str:
    place = posixpath.dirname(_place(path))
    if path.is_dir():
        names = sorted(each.name for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        return "\n".join([f"# `{path.relative_to(ROOT).as_posix()}`\n", *(f"- `{name}`" for name in names)]) + "\n"
    if path.suffix == ".ipynb":
        return _notebook(path, place)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":  # its links to pages are kept, others become text
        kept = re.sub(
            r"\[([^\]]*)\]\((\.?[\w./-]+)(#[^)]*)?\)",
            lambda found: found[0] if (path.parent / found[2]).resolve().is_relative_to(DOCS) else found[1],
            text,
        )
        return _relinked(kept, path.parent, place)
    language = LANGUAGES.get(path.suffix, "text")
    return f"# `{path.relative_to(ROOT).as_posix()}`\n\n````{language}\n{text.rstrip()}\n````\n"


def _notebook(path: Path, place: str) -> str:
    """A notebook as a page: text, code, what was printed, figures."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(_relinked(source, path.parent, place))
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            if "text" in output:
                parts.append(f"```text\n{''.join(output['text']).rstrip()}\n```")
            elif "image/svg+xml" in output.get("data", {}):
                drawn = "".join(output["data"]["image/svg+xml"])
                drawn = _own_ids(drawn[drawn.index("<svg") :], f"{path.stem}-{len(parts)}")
                parts.append(re.sub(r"\n\s*\n", "\n", drawn))
    return "\n\n".join(parts) + "\n"


def _own_ids(svg: str, prefix: str) -> str:
    """A drawing whose names differ from those of the other drawings on its page."""
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    return re.sub(r"url\(#", f"url(#{prefix}-", svg)


def _reference(package: str) -> str:
    """The page of a package's public names, by the table of homes in its `__init__`."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    homes: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_HOMES":
            homes = ast.literal_eval(node.value)
    lead = (
        f"# `{package}`\n\nThe names that `from {package} import ...` gives. Shapes and units stand in each entry.\n\n"
    )
    return lead + "".join(f"::: {home}.{name}\n\n" for name, home in sorted(homes.items()))


warnings.filterwarnings("ignore", category=DeprecationWarning, module="mkdocs")
