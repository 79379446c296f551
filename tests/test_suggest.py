"""Unknown names are answered with the nearest known ones."""

from __future__ import annotations

from dance_env.suggest import nearest


def test_offers_the_nearest_and_lists_all() -> None:
    assert nearest("evolutoin", ["dance", "evolution"]) == "Did you mean 'evolution'? Known: 'dance', 'evolution'."


def test_ignores_case() -> None:
    assert nearest("TINY", ["tiny", "macro-cifar10"]).startswith("Did you mean 'tiny'?")


def test_lists_only_where_nothing_is_near() -> None:
    assert nearest("xyz", ["dance", "evolution"]) == "Known: 'dance', 'evolution'."


def test_cuts_a_long_list_and_says_so() -> None:
    sentence = nearest("?", range(100))
    assert "'23'" in sentence
    assert "'24'" not in sentence
    assert sentence.endswith("and 76 more.")


def test_says_so_where_nothing_is_known() -> None:
    assert nearest("x", []) == "Nothing is known here."
