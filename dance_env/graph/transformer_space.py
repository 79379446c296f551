"""Language models that are a stack of transformer layers: width and depth, and each layer's heads and MLP."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.factored_space import FactoredSpace
from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.network_space import Part
from dance_env.graph.nodes import Add
from dance_env.graph.phase import Decode, Phase, Prefill
from dance_env.graph.token_nodes import Embedding, Tokens
from dance_env.graph.transformer_layers import add_attention, add_mlp, add_token_scores, piece
from dance_env.space import Choice, DesignSpace, Factor, FactorSum

BIASES = ("no", "yes")
"""Options of the choice "bias": whether the projections have biases, which cost no multiply-accumulates."""


@dataclass(frozen=True)
class TransformerSpace(FactoredSpace):
    """Token embedding -> transformer layers -> layer norm -> scores of the next token, by the embedding's own table.

    A layer adds attention and MLP, both computed from its input, to that input (GPT-NeoX's parallel residual): layer
    norm, queries, keys and values, scores with rotary positions, softmax, weighted values, projection; layer norm,
    projection up, GELU, projection down. Layers beyond the depth do not exist: their choices have no effect, so that
    there are fewer different networks than designs (see `different_networks`).

    A network is one option index for each of ``2 x most layers + 3`` choices: ``embedding``, ``depth``, ``bias``,
    ``mlp1``, ``heads1``, ``mlp2``, ``heads2``... The space is one of networks under one workload: `prefill` and `decode`
    return the same networks under another.

    The scores of the next token are computed for the last token alone, in both phases: it is all that generation needs.
    Embedding, layer norm, softmax, GELU, additions and biases cost nothing here (see `docs/language_models.md` for their
    share of all operations).

    Attributes:
        name: The catalog's name.
        embeddings: Widths, ascending.
        depths: Numbers of layers, ascending.
        heads: Numbers of heads of a layer, ascending.
        mlp_ratios: Widths of a layer's MLP over the embedding, ascending.
        phase: What is asked of the network.
        head_size: Features of a head whatever the embedding, as in HW-GPT-Bench; None for the embedding over the heads,
            as in GPT-2.
        vocabulary: Number of tokens.
        longest: The most tokens that a network was trained to attend to.

    Raises:
        TypeError: If an option is not a whole number.
        ValueError: If options are missing or do not ascend, heads do not divide an embedding where `head_size` is None,
            or the phase is longer than `longest`.
    """

    name: str
    embeddings: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[int, ...]
    phase: Phase
    head_size: int | None = 64
    vocabulary: int = 50_257
    longest: int = 1024

    def __post_init__(self) -> None:
        for field in ("embeddings", "depths", "heads", "mlp_ratios"):
            options = getattr(self, field)
            if any(isinstance(each, bool) or not isinstance(each, int) for each in options):
                raise TypeError(f"network space {self.name!r}: {field} must be whole numbers, got {options}")
            if not options or min(options) < 1 or list(options) != sorted(set(options)):
                raise ValueError(
                    f"network space {self.name!r}: {field} must be one or more ascending numbers from 1 on, got {options}"
                )
        if self.head_size is None:
            for embedding, heads in itertools.product(self.embeddings, self.heads):
                if embedding % heads:
                    raise ValueError(
                        f"network space {self.name!r}: {heads} heads do not divide an embedding of {embedding}; take "
                        "other numbers, or give head_size, the features of every head"
                    )
        if self.phase.entries > self.longest:
            raise ValueError(
                f"network space {self.name!r}: {self.phase.name} is longer than the {self.longest} tokens that its "
                "networks were trained to attend to"
            )

    # -------------------------------------------------------------------------------------------------------- workloads
    def prefill(self, tokens: int) -> TransformerSpace:
        """Return the same networks reading a prompt of so many tokens.

        Raises:
            TypeError, ValueError: As `Prefill`, or if the prompt is too long.
        """
        return self.under(Prefill(tokens))

    def decode(self, context: int) -> TransformerSpace:
        """Return the same networks writing one token, with a cache of so many entries, its own included.

        Raises:
            TypeError, ValueError: As `Decode`, or if the context is too long.
        """
        return self.under(Decode(context))

    def under(self, phase: Phase) -> TransformerSpace:
        """Return the same networks under another workload.

        Raises:
            ValueError: If it is too long.
        """
        return replace(self, phase=phase)

    # --------------------------------------------------------------------------------------------------------- choices
    @property
    def different_networks(self) -> int:
        """The exact number of different networks."""
        per_layer = len(self.heads) * len(self.mlp_ratios)
        return len(self.embeddings) * len(BIASES) * sum(per_layer**depth for depth in self.depths)

    def same_network(self, networks: ArrayLike) -> np.ndarray:
        """Return, for each network `(B, N)`, the design that stands for it: option 0 in all layers beyond the depth."""
        canonical = self.check(networks).copy()
        depth = np.array(self.depths)[canonical[:, 1]]
        layer = np.arange(2 * self.depths[-1]) // 2
        canonical[:, 3:][layer >= depth[:, None]] = 0
        return canonical

    # ---------------------------------------------------------------------------------------------------------- graphs
    def graph(self, network: ArrayLike) -> LayerGraph:
        """Return the layer graph of one network, `(N,)`, under this space's phase."""
        chosen = self._space.decode(self.check(np.asarray(network)[None]))[0]
        width, bias = int(chosen["embedding"]), chosen["bias"] == "yes"
        graph = LayerGraph(f"{self.name}, {self.phase.name}")
        last = graph.add("tokens", Tokens(self.phase.tokens), block="tokens")
        last = graph.add("embedding", Embedding(self.vocabulary, width), inputs=(last,), block="embedding")
        for layer in range(1, int(chosen["depth"]) + 1):
            heads, ratio = int(chosen[f"heads{layer}"]), int(chosen[f"mlp{layer}"])
            tags: dict[str, Any] = {"block": f"layer{layer}", "operator": f"h{heads} m{ratio}"}
            attended = add_attention(graph, last, **self._attention(width, heads, bias), **tags)
            processed = add_mlp(graph, last, ratio=ratio, bias=bias, **tags)
            last = graph.add(f"layer{layer}.add", Add(), inputs=(last, attended, processed), **tags)
        add_token_scores(graph, last, vocabulary=self.vocabulary)
        return graph

    # ---------------------------------------------------------------------------------------------------------- layers
    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return no layers: those of every network differ with the embedding."""
        return ()

    def parameters(self, networks: ArrayLike) -> np.ndarray:
        """Return the trainable parameters of each network, `(B,)` int64; the table of the tokens counts once."""
        return self._parameters.evaluate(self.check(networks))[:, 0].astype(np.int64)

    # --------------------------------------------------------------------------------------------------------- private
    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(
            (
                Choice("embedding", self.embeddings, "network", "ordinal"),
                Choice("depth", self.depths, "network", "ordinal"),
                Choice("bias", BIASES, "network", "nominal"),
                *(
                    Choice(f"{name}{layer}", options, "network", "ordinal")
                    for layer in range(1, self.depths[-1] + 1)
                    for name, options in (("mlp", self.mlp_ratios), ("heads", self.heads))
                ),
            )
        )

    def _attention(self, width: int, heads: int, bias: bool) -> dict[str, Any]:
        """The settings of `add_attention`."""
        return {"heads": heads, "head_size": self.head_size or width // heads, "bias": bias, "phase": self.phase}

    def _piece(self, width: int, build: Callable[[LayerGraph, str], object]) -> LayerGraph:
        return piece(f"{self.name}, a piece", tokens=self.phase.tokens, width=width, build=build)

    @cached_property
    def _heads(self) -> tuple[LayerGraph, ...]:
        """The end of a network of each width."""
        build = partial(add_token_scores, vocabulary=self.vocabulary)
        return tuple(self._piece(width, build) for width in self.embeddings)

    def _mlps(self, block: str, *, bias: bool) -> list[LayerGraph]:
        """A layer's MLP for each width and ratio, the ratio fastest."""
        return [
            self._piece(width, partial(add_mlp, ratio=ratio, bias=bias, block=block))
            for width, ratio in itertools.product(self.embeddings, self.mlp_ratios)
        ]

    def _attentions(self, block: str, *, bias: bool) -> list[LayerGraph]:
        """A layer's attention for each width and number of heads, the heads fastest."""
        return [
            self._piece(width, partial(add_attention, **self._attention(width, heads, bias), block=block))
            for width, heads in itertools.product(self.embeddings, self.heads)
        ]

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        """The head, over the embedding, then each layer's MLP and attention.

        Scopes are (embedding, mlp) and (embedding, heads); with the depth in the middle for layers that not every
        depth has.
        """
        parts = [Part((0,), tuple(graph.layers() for graph in self._heads))]
        for layer in range(1, self.depths[-1] + 1):
            block = f"layer{layer}"
            mlp, heads = 2 * layer + 1, 2 * layer + 2  # indices of the layer's choices
            for choice, graphs in ((mlp, self._mlps(block, bias=False)), (heads, self._attentions(block, bias=False))):
                layers = [graph.layers() for graph in graphs]
                parts.append(
                    Part((0, choice), tuple(layers))
                    if layer <= self.depths[0]
                    else Part((0, 1, choice), self._where_there(layer, layers))
                )
        return tuple(parts)

    def _where_there(self, layer: int, layers: list[tuple[Layer, ...]]) -> tuple[tuple[Layer, ...], ...]:
        """Return layers by (embedding, depth, option) from layers by (embedding, option); none where not so deep."""
        options = len(layers) // len(self.embeddings)
        by_width = [layers[start : start + options] for start in range(0, len(layers), options)]
        return tuple(each if depth >= layer else () for row in by_width for depth in self.depths for each in row)

    @cached_property
    def _parameters(self) -> FactorSum:
        """Not a sum over layers: norms and biases have parameters and are no layers."""
        tables = [graph.parameters + self.vocabulary * width
                  for graph, width in zip(self._heads, self.embeddings, strict=True)]  # fmt: skip
        factors = [Factor((0,), np.array(tables)[:, None])]
        for half, graphs in enumerate((self._mlps, self._attentions)):
            by_bias = [[graph.parameters for graph in graphs("layer", bias=bias == "yes")] for bias in BIASES]
            one = np.array(by_bias).reshape(len(BIASES), len(self.embeddings), -1).transpose(1, 0, 2)
            for layer in range(1, self.depths[-1] + 1):
                there = np.array(self.depths) >= layer
                table = one[:, None] * there[:, None, None]  # (embedding, depth, bias, option)
                factors.append(Factor((0, 1, 2, 2 * layer + 1 + half), table.reshape(-1, 1)))
        return FactorSum([len(choice) for choice in self.choices()], [0.0], factors)
