"""Plain technical English: words of a private vocabulary do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [
    path
    for folder in ("dance_env", "solvers", "experiments", "examples", "benchmarks", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".md") and "records" not in path.parts
]
PRIVATE = re.compile(
    r"\b(foretell|foretold|foresee[ns]?|apprais\w+|goes both ways|points? of view)\b|that (is|are) none|\bsolvers fight\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b(colour|neighbour|behaviour|minimis|optimis(?!m|tic|e[-_]hardware)|normalis|regularis|penalis|labelled)\w*",
    re.IGNORECASE,
)


@pytest.mark.parametrize("words", [PRIVATE, BRITISH], ids=["private", "british"])
def test_words_are_the_fields_own(words):
    texts = [*TEXTS, ROOT / "README.md", ROOT / "CHANGELOG.md"]
    assert len(texts) > 200
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts
        for match in words.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_the_patterns_find_what_they_should():
    assert PRIVATE.search("an objective that is none")
    assert BRITISH.search("Neighbours")
    assert not BRITISH.search("an optimistic bound")
