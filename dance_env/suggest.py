"""Answers an unknown name with the nearest known ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED_AT_MOST = 24


def nearest(name: object, known: Iterable[object]) -> str:
    """Return a sentence for an error message: what is nearest to `name`, and what is known.

    Args:
        name: What the caller gave (anything; compared as text, without regard to case).
        known: The names that would have been accepted.

    Returns:
        For example ``"Did you mean 'evolution'? Known: 'dance', 'evolution', 'random'."``. Where nothing is near, only
        the known names are listed; a long list is cut, and says so.
    """
    names = [str(each) for each in known]
    if not names:
        return "Nothing is known here."
    by_folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(str(name).casefold(), list(by_folded), n=3, cutoff=0.5)
    listed = ", ".join(repr(each) for each in names[:_LISTED_AT_MOST])
    rest = len(names) - _LISTED_AT_MOST
    sentence = f"Known: {listed}, and {rest} more." if rest > 0 else f"Known: {listed}."
    if not close:
        return sentence
    return f"Did you mean {' or '.join(repr(by_folded[each]) for each in close)}? {sentence}"
