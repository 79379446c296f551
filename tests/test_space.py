"""Choices and design spaces: every view of a design says the same, and only legal designs pass."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import time
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.space import Choice, DesignSpace, dance_accelerators

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def spaces(draw: st.DrawFn) -> DesignSpace:
    """Design spaces of one to seven choices, of one to six options each."""
    groups = sorted(draw(st.lists(st.sampled_from(["network", "hardware"]), min_size=1, max_size=7)), reverse=True)
    choices = []
    for index, group in enumerate(groups):
        count = draw(st.integers(1, 6))
        if draw(st.booleans()):
            options = tuple(range(8, 8 + 4 * count, 4))
            choices.append(Choice(f"size{index}", options, group, draw(st.sampled_from(["nominal", "ordinal"]))))
        else:
            choices.append(Choice(f"word{index}", tuple("abcdef"[:count]), group, "nominal"))
    return DesignSpace(tuple(choices))


def example() -> DesignSpace:
    return DesignSpace(
        (
            Choice("block1", ("identity", "mb3_k3", "mb6_k5"), "network", "nominal"),
            Choice("block2", ("mb3_k3", "zero"), "network", "nominal"),
            Choice("rf_words", (4, 8, 16, 32), "hardware", "ordinal"),
        )
    )


# ---------------------------------------------------------------------------------------- properties
@given(spaces(), SEEDS)
def test_encode_is_the_inverse_of_decode(space: DesignSpace, seed: int) -> None:
    designs = space.sample(np.random.default_rng(seed), 5)
    np.testing.assert_array_equal(space.encode(space.decode(designs)), designs)


@given(spaces(), SEEDS)
def test_unrank_is_the_inverse_of_rank(space: DesignSpace, seed: int) -> None:
    designs = space.sample(np.random.default_rng(seed), 5)
    np.testing.assert_array_equal(space.unrank(space.rank(designs)), designs)


@given(spaces())
def test_ranks_count_the_designs_with_the_first_choice_slowest(space: DesignSpace) -> None:
    designs = list(itertools.islice(itertools.product(*(range(len(each)) for each in space.choices)), 200))
    np.testing.assert_array_equal(space.rank(designs), np.arange(len(designs)))
    np.testing.assert_array_equal(space.unrank(range(len(designs))), designs)


@given(spaces(), SEEDS)
def test_nearest_is_the_inverse_of_one_hot(space: DesignSpace, seed: int) -> None:
    designs = space.sample(np.random.default_rng(seed), 5)
    one_hot = space.one_hot(designs)
    np.testing.assert_array_equal(space.nearest(one_hot), designs)
    np.testing.assert_array_equal(space.check_relaxed(one_hot), one_hot)
    assert one_hot.shape == (5, space.num_options)
    assert one_hot.sum() == 5 * space.num_choices


@given(spaces(), st.data())
def test_check_accepts_exactly_the_legal_designs(space: DesignSpace, data: st.DataObject) -> None:
    row = [data.draw(st.integers(-1, len(choice))) for choice in space.choices]
    if all(0 <= index < len(choice) for index, choice in zip(row, space.choices, strict=True)):
        np.testing.assert_array_equal(space.check([row]), [row])
    else:
        with pytest.raises(ValueError, match=r"design 0, column \d+ \('.*'\): option index must be in"):
            space.check([row])


@given(spaces(), SEEDS)
def test_samples_are_legal_and_the_seed_decides_them(space: DesignSpace, seed: int) -> None:
    designs = space.sample(np.random.default_rng(seed), 20)
    assert space.check(designs) is designs
    assert designs.dtype == np.int64
    np.testing.assert_array_equal(designs, space.sample(np.random.default_rng(seed), 20))


@given(spaces(), SEEDS)
def test_relaxed_samples_are_distributions(space: DesignSpace, seed: int) -> None:
    relaxed = space.sample_relaxed(np.random.default_rng(seed), 4)
    assert space.check_relaxed(relaxed).shape == (4, space.num_options)
    assert space.check_relaxed(space.uniform_relaxed(3)).shape == (3, space.num_options)


@given(spaces(), SEEDS)
def test_neighbors_are_exactly_the_designs_one_legal_move_away(space: DesignSpace, seed: int) -> None:
    design = space.sample(np.random.default_rng(seed), 1)[0]
    found = {tuple(row) for row in space.neighbors(design).tolist()}
    expected = set()
    for column, choice in enumerate(space.choices):
        for option in range(len(choice)):
            step = abs(option - design[column])
            if step == 1 or (step > 1 and choice.kind == "nominal"):
                expected.add((*design[:column].tolist(), option, *design[column + 1 :].tolist()))
    assert found == expected
    assert len(found) == len(space.neighbors(design))


@given(spaces(), SEEDS)
def test_being_neighbors_is_mutual(space: DesignSpace, seed: int) -> None:
    design = space.sample(np.random.default_rng(seed), 1)[0]
    for neighbor in space.neighbors(design)[:5]:
        assert design.tolist() in space.neighbors(neighbor).tolist()


@given(spaces())
def test_slices_cut_the_option_axis_where_the_groups_meet(space: DesignSpace) -> None:
    groups = np.repeat([choice.group for choice in space.choices], space.option_counts)
    assert set(groups[space.network_options]) <= {"network"}
    assert set(groups[space.hardware_options]) <= {"hardware"}
    assert len(groups[space.network_options]) + len(groups[space.hardware_options]) == space.num_options
    assert [choice.group for choice in space.choices[space.network]] == ["network"] * space.num_network_choices


# ---------------------------------------------------------------------------------------------------------- hand-worked
def test_the_views_of_one_design() -> None:
    space = example()
    assert (space.num_choices, space.num_network_choices, space.num_options, space.size) == (3, 2, 9, 3 * 2 * 4)
    np.testing.assert_array_equal(space.offsets, [0, 3, 5])
    np.testing.assert_array_equal(space.one_hot([[2, 0, 3]]), [[0, 0, 1, 1, 0, 0, 0, 0, 1]])
    assert space.decode([[2, 0, 3]]) == [{"block1": "mb6_k5", "block2": "mb3_k3", "rf_words": 32}]
    assert space.rank([[2, 0, 3]]).tolist() == [2 * 8 + 0 * 4 + 3]
    assert space.neighbors([2, 0, 3]).tolist() == [[0, 0, 3], [1, 0, 3], [2, 1, 3], [2, 0, 2]]


def test_a_batch_of_none_is_a_batch() -> None:
    space = example()
    nothing = np.zeros((0, 3), dtype=np.int64)
    assert space.check(nothing).shape == (0, 3)
    assert space.one_hot(nothing).shape == (0, 9)
    assert space.encode([]).shape == (0, 3)
    assert space.unrank([]).shape == (0, 3)


def test_sampling_is_uniform_over_each_choice() -> None:
    designs = example().sample(np.random.default_rng(0), 60_000)
    for column, choice in enumerate(example().choices):
        shares = np.bincount(designs[:, column]) / 60_000
        np.testing.assert_allclose(shares, 1 / len(choice), atol=0.01)


def test_sampling_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002  # the global state is what is asked about
    example().sample(np.random.default_rng(0), 10)
    example().sample_relaxed(np.random.default_rng(0), 10)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_size_is_exact_beyond_64_bits_and_ranks_refuse() -> None:
    choices = tuple(Choice(f"c{index}", tuple(range(10)), "network", "ordinal") for index in range(30))
    space = DesignSpace(choices)
    assert space.size == 10**30
    designs = space.sample(np.random.default_rng(0), 2)
    with pytest.raises(OverflowError, match="no 64-bit ranks"):
        space.rank(designs)
    with pytest.raises(OverflowError, match="no 64-bit ranks"):
        space.unrank([0])


def test_shared_arrays_cannot_be_written() -> None:
    space = example()
    for array in (space.option_counts, space.offsets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_check_is_fast_enough_to_stand_in_every_evaluation() -> None:
    choices = tuple(Choice(f"b{index}", ("a", "b", "c"), "network", "nominal") for index in range(8))
    space = DesignSpace(choices + dance_accelerators().choices())
    designs = space.sample(np.random.default_rng(0), 4096)
    best_s = min(timeit.repeat(lambda: space.check(designs), timer=time.process_time, number=20, repeat=20)) / 20
    assert best_s < 500e-6, "aimed at 100 us for (4096, 12), and measured at 40; a Python loop takes milliseconds"


# ---------------------------------------------------------------------------------------- fingerprint
def test_fingerprint_sees_every_part_of_a_choice() -> None:
    variants = [
        Choice("a", (1, 2), "network", "nominal"),
        Choice("b", (1, 2), "network", "nominal"),
        Choice("a", (1, 3), "network", "nominal"),
        Choice("a", ("1", "2"), "network", "nominal"),
        Choice("a", (1, 2), "hardware", "nominal"),
        Choice("a", (1, 2), "network", "ordinal"),
    ]
    assert len({DesignSpace((choice,)).fingerprint() for choice in variants}) == len(variants)


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = "from dance_env.space import *; print(DesignSpace(dance_accelerators().choices()).fingerprint())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == DesignSpace(dance_accelerators().choices()).fingerprint()
    assert len(other) == 64


# ---------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("designs", "message"),
    [
        ([0, 0, 0], r"shape \(batch, 3\), got \(3,\); a single design is a batch of one"),
        ([[0, 0]], r"shape \(batch, 3\), got \(1, 2\)"),
        ([[[0, 0, 0]]], r"shape \(batch, 3\), got \(1, 1, 3\)"),
        ([[0, 0, 0], [0, 0]], "must be a rectangular array"),
        ([[0, 0, 0], [0, 2, 0]], r"design 1, column 1 \('block2'\): option index must be in 0..1, got 2"),
        ([[-1, 0, 0]], r"design 0, column 0 \('block1'\): option index must be in 0..2, got -1"),
        (np.array([[0, 0, 2**64 - 1]], dtype=np.uint64), r"column 2 .*got 18446744073709551615"),
    ],
)
def test_designs_of_the_wrong_shape_or_range(designs: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        example().check(designs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "designs", [[[0.0, 1.0, 2.0]], [[0, 1, np.nan]], [[True, False, True]], [["0", "1", "2"]], [[None, 0, 0]]]
)
def test_designs_of_the_wrong_type(designs: object) -> None:
    with pytest.raises(TypeError, match=r"designs must be whole numbers \(option indices\), got dtype"):
        example().check(designs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": (0, 0), "value": np.nan}, r"relaxed design 0, choice 'block1', option 'identity': .*got nan"),
        ({"position": (1, 4), "value": np.inf}, r"relaxed design 1, choice 'block2', option 'zero': .*got inf"),
        ({"position": (1, 8), "value": -0.1}, r"relaxed design 1, choice 'rf_words', option 32: .*got -0.1"),
        ({"position": (0, 8), "value": 0.5}, r"relaxed design 0, choice 'rf_words': .*sum to 1"),
    ],
)
def test_relaxed_designs_that_are_no_distributions(change: dict, message: str) -> None:
    relaxed = example().uniform_relaxed(2)
    relaxed[change["position"]] = change["value"]
    with pytest.raises(ValueError, match=message):
        example().check_relaxed(relaxed)


def test_relaxed_designs_of_the_wrong_shape_or_type() -> None:
    with pytest.raises(ValueError, match=r"shape \(batch, 9\), got \(9,\)"):
        example().check_relaxed(np.ones(9))
    with pytest.raises(TypeError, match="must be real numbers"):
        example().check_relaxed(np.full((1, 9), 1j))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"block1": "identity", "block2": "zero"}, "design 0: choice 'rf_words' is missing"),
        ({"block1": "identity", "block3": "zero", "rf_words": 4}, "there is no choice 'block3'. Did you mean"),
        ({"block1": "mb6_k7", "block2": "zero", "rf_words": 4}, "no option 'mb6_k7'. Did you mean 'mb6_k5'"),
        ({"block1": "identity", "block2": "zero", "rf_words": 5}, "no option 5. Known: '4', '8', '16', '32'"),
    ],
)
def test_names_that_do_not_exist(named: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        example().encode([named])


def test_encode_takes_a_sequence() -> None:
    with pytest.raises(TypeError, match="pass \\[named\\]"):
        example().encode({"block1": "identity"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ranks", "error", "message"),
    [
        ([24], ValueError, r"ranks must be in 0..23, got 24"),
        ([-1], ValueError, r"ranks must be in 0..23, got -1"),
        ([[0]], ValueError, r"ranks must have shape \(batch,\)"),
        ([0.5], TypeError, "ranks must be whole numbers"),
    ],
)
def test_ranks_that_do_not_exist(ranks: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        example().unrank(ranks)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", ("a",), "network", "nominal"), ValueError, "non-empty name"),
        (("a", (), "network", "nominal"), ValueError, "at least one option"),
        (("a", ("x", "x"), "network", "nominal"), ValueError, "differ from each other"),
        (("a", ["x"], "network", "nominal"), TypeError, "options must be a tuple"),
        (("a", (math.inf,), "network", "nominal"), ValueError, "a number must be finite, got inf"),
        (("a", (True,), "network", "nominal"), TypeError, "an option must be str, int or float, got True"),
        (("a", ("x",), "net", "nominal"), ValueError, "group must be one of"),
        (("a", ("x",), "network", "ranked"), ValueError, "kind must be one of"),
        (("a", (2, 1), "hardware", "ordinal"), ValueError, "must ascend"),
    ],
)
def test_choices_that_make_no_sense(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Choice(*arguments)


def test_spaces_that_make_no_sense() -> None:
    network = Choice("a", ("x",), "network", "nominal")
    hardware = Choice("b", ("x",), "hardware", "nominal")
    with pytest.raises(ValueError, match="at least one choice"):
        DesignSpace(())
    with pytest.raises(ValueError, match="names must differ"):
        DesignSpace((network, network))
    with pytest.raises(ValueError, match="network choices come first"):
        DesignSpace((hardware, network))
    with pytest.raises(TypeError, match="tuple of Choice"):
        DesignSpace(("a",))  # type: ignore[arg-type]
