"""The node types of a language model's graph: on tokens, where `nodes` are on images.

A shape is ``(tokens,)`` for token numbers, ``(tokens, features)`` for activations, ``(heads, tokens, entries)`` for the
scores of attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dance_env.graph.layer import Layer, matrix_product
from dance_env.graph.nodes import Shape, check_whole, only_shape


@dataclass(frozen=True)
class Tokens:
    """The numbers of the tokens that are processed at once."""

    count: int
    kind: ClassVar[str] = "tokens"

    def __post_init__(self) -> None:
        check_whole(self, "count")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if shapes:
            raise ValueError(f"tokens take no inputs, got {len(shapes)}")
        return (self.count,)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class Embedding:
    """A row of a table for each token: a look-up without multiply-accumulates."""

    vocabulary: int
    features: int
    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        check_whole(self, "vocabulary", "features")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if len(shape) != 1:
            raise ValueError(f"expected token numbers (tokens,), found {shape}")
        return (*shape, self.features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.vocabulary * self.features


@dataclass(frozen=True)
class Hidden:
    """Activations that arrive from elsewhere, ``(tokens, features)``: the input of a part of a network."""

    tokens: int
    features: int
    kind: ClassVar[str] = "hidden"

    def __post_init__(self) -> None:
        check_whole(self, "tokens", "features")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if shapes:
            raise ValueError(f"hidden activations take no inputs, got {len(shapes)}")
        return (self.tokens, self.features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class LayerNorm:
    """Normalization over the features of each token, with scale and shift; `eps` is added to the variance."""

    eps: float = 1e-5
    kind: ClassVar[str] = "layer_norm"

    def __post_init__(self) -> None:
        if not isinstance(self.eps, float) or not 0 < self.eps < 1:
            raise ValueError(f"a layer_norm node's eps must be a float between 0 and 1, got {self.eps!r}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return _activations(self.kind, shapes)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 2 * shapes[0][1]


@dataclass(frozen=True)
class Project:
    """The product of each token's features with a matrix of weights, and a bias where there is one."""

    features: int
    bias: bool = True
    kind: ClassVar[str] = "project"

    def __post_init__(self) -> None:
        check_whole(self, "features")
        if not isinstance(self.bias, bool):
            raise ValueError(f"a project node's bias must be True or False, got {self.bias!r}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return (_activations(self.kind, shapes)[0], self.features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.features * (shapes[0][1] + self.bias)

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        tokens, features = shapes[0]
        return matrix_product(name, rows=tokens, inner=features, columns=self.features)


@dataclass(frozen=True)
class Scores:
    """How much each token attends to each entry: queries times keys, head by head, ``(heads, tokens, entries)``.

    Its input holds queries, keys and values side by side, ``(tokens, 3 heads head_size)``. Queries and keys are rotated
    by the token's position in half of their features (rotary embedding). Later tokens are masked.

    Attributes:
        heads: Number of heads.
        cached: Entries of the cache that the keys come from, the token's own included; None where the tokens attend to
            each other.
    """

    heads: int
    cached: int | None = None
    kind: ClassVar[str] = "scores"

    def __post_init__(self) -> None:
        check_whole(self, "heads")
        if self.cached is not None:
            check_whole(self, "cached")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        tokens, features = _activations(self.kind, shapes)
        if features % (3 * self.heads):
            raise ValueError(
                f"expected queries, keys and values of {self.heads} heads (a multiple of {3 * self.heads}), found "
                f"{features} features"
            )
        if self.cached is not None and tokens != 1:
            raise ValueError(f"expected one token beside a cache of keys, found {tokens}")
        return (self.heads, tokens, self.cached or tokens)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        heads, tokens, entries = self.infer(shapes)
        head_size = shapes[0][1] // (3 * heads)
        return matrix_product(name, rows=tokens, inner=head_size, columns=entries, products=heads, kind="attention")


@dataclass(frozen=True)
class Softmax:
    """The softmax over the entries of each token and head."""

    kind: ClassVar[str] = "softmax"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        shape = only_shape(self.kind, shapes)
        if len(shape) != 3:
            raise ValueError(f"expected scores (heads, tokens, entries), found {shape}")
        return shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class WeightedValues:
    """The mean of the entries' values, weighted by attention, head by head: ``(tokens, heads head_size)``.

    Its inputs are the weights, ``(heads, tokens, entries)``, and queries, keys and values side by side.
    """

    kind: ClassVar[str] = "weighted_values"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        if len(shapes) != 2 or (len(shapes[0]), len(shapes[1])) != (3, 2):
            raise ValueError(f"expected (heads, tokens, entries) and (tokens, features), found {shapes}")
        (heads, tokens, _), (rows, features) = shapes
        if rows != tokens or features % (3 * heads):
            raise ValueError(
                f"expected ({tokens}, a multiple of {3 * heads}) as queries, keys and values, found {shapes[1]}"
            )
        return (tokens, features // 3)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        (heads, tokens, entries), (_, features) = shapes
        head_size = features // (3 * heads)
        return matrix_product(name, rows=tokens, inner=entries, columns=head_size, products=heads, kind="attention")


@dataclass(frozen=True)
class LastToken:
    """The features of the last token alone: all that the next token depends on from here."""

    kind: ClassVar[str] = "last_token"

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return (1, _activations(self.kind, shapes)[1])

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0


@dataclass(frozen=True)
class TokenScores:
    """A score for each token of the vocabulary: the product with the embedding's table, which it shares (tied).

    Attributes:
        vocabulary: Rows of the table.
        computed: Outputs that an accelerator computes, the vocabulary padded to a number that an array divides well.
    """

    vocabulary: int
    computed: int
    kind: ClassVar[str] = "token_scores"

    def __post_init__(self) -> None:
        check_whole(self, "vocabulary", "computed")
        if self.computed < self.vocabulary:
            raise ValueError(f"a token_scores node computes at least its {self.vocabulary} tokens, got {self.computed}")

    def infer(self, shapes: tuple[Shape, ...]) -> Shape:
        return (_activations(self.kind, shapes)[0], self.vocabulary)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 0

    def layer(self, name: str, shapes: tuple[Shape, ...]) -> Layer:
        tokens, features = shapes[0]
        return matrix_product(name, rows=tokens, inner=features, columns=self.computed)


TOKEN_NODE_TYPES = {
    each.kind: each
    for each in (
        Tokens, Embedding, Hidden, LayerNorm, Project, Scores, Softmax, WeightedValues, LastToken, TokenScores
    )
}  # fmt: skip
"""Node types on tokens by kind, for reading graphs from files."""


def _activations(kind: str, shapes: tuple[Shape, ...]) -> tuple[int, int]:
    shape = only_shape(kind, shapes)
    if len(shape) != 2:
        raise ValueError(f"expected activations (tokens, features), found {shape}")
    return shape[0], shape[1]
