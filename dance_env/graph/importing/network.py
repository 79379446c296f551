"""What an import gives: the graph, and an account of all that the graph does not price as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph

_MOST_LINES = 20


@dataclass(frozen=True)
class Finding:
    """An operation that is not priced as it is.

    Attributes:
        node: Its node in the graph.
        operation: What it is called where it came from, such as ``"aten.conv3d"``.
        macs: Its multiply-accumulates, counted from its own formula; None where none is known.
        reason: What is priced in its place, or why nothing is.
    """

    node: str
    operation: str
    macs: int | None
    reason: str


@dataclass(frozen=True)
class ImportedNetwork:
    """A network as a layer graph, and what became of each of its operations.

    Attributes:
        graph: All operations, in order of execution; its layers are what a cost model prices.
        source: Where it came from: a class, a file.
        free: Operations without multiply-accumulates, and how often each occurs: activations, normalizations, pooling,
            reshapes. The cost model prices none of them.
        approximated: Layers that differ in the graph from what the network computes, and in what.
        unsupported: Operations that the graph holds as free nodes although they are not: no cost covers them.
        notes: Other decisions of the import, such as a batch that was set to 1.
    """

    graph: LayerGraph
    source: str
    free: tuple[tuple[str, int], ...] = ()
    approximated: tuple[Finding, ...] = ()
    unsupported: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the graph, in order of execution."""
        return self.graph.layers()

    @cached_property
    def priced_macs(self) -> int:
        """Multiply-accumulates of the graph's layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network for one example: those of its own operations, as far as they are known.

        An approximated layer counts as the network computes it, an unsupported operation if its formula is known.
        """
        own = {each.node: each.macs for each in self.approximated if each.macs is not None}
        priced = sum(own.get(layer.name, layer.macs) for layer in self.layers)
        return priced + sum(each.macs or 0 for each in self.unsupported)

    @property
    def parameters(self) -> int:
        """Trainable parameters, each counted once."""
        return self.graph.parameters

    @property
    def is_complete(self) -> bool:
        """Whether every operation with multiply-accumulates is priced, be it approximately."""
        return not self.unsupported

    def share(self, findings: Sequence[Finding]) -> float | None:
        """Return the share of the network's multiply-accumulates in some findings; None if one of them is not known."""
        if any(each.macs is None for each in findings):
            return None
        return sum(each.macs or 0 for each in findings) / self.macs if self.macs else 0.0

    def as_text(self) -> str:
        """Return the account as text: counts, and each group of operations with its share of the multiply-accumulates."""
        lines = [
            f"{self.graph.name} ({self.source}): {len(self.layers)} layers, {self.macs:,} MACs, {self.parameters:,} parameters"
        ]
        for title, findings in (("unsupported, not priced", self.unsupported), ("approximated", self.approximated)):
            if findings:
                lines.append(f"{title}: {len(findings)} operations, {_percent(self.share(findings))} of the MACs")
                lines += [
                    f"  {each.node} ({each.operation}), {_percent(self.share([each]))}: {each.reason}"
                    for each in findings[:_MOST_LINES]
                ]
                if len(findings) > _MOST_LINES:
                    lines.append(f"  and {len(findings) - _MOST_LINES} more")
        if self.free:
            lines.append("free: " + ", ".join(f"{count} {operation}" for operation, count in self.free))
        lines += [f"note: {each}" for each in self.notes]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the account as plain data that JSON can hold, without the graph."""
        findings = {
            name: [
                {"node": each.node, "operation": each.operation, "macs": each.macs, "reason": each.reason}
                for each in getattr(self, name)
            ]
            for name in ("approximated", "unsupported")
        }
        return {
            "name": self.graph.name,
            "source": self.source,
            "layers": len(self.layers),
            "macs": self.macs,
            "priced_macs": self.priced_macs,
            "parameters": self.parameters,
            "free": dict(self.free),
            **findings,
            "notes": list(self.notes),
        }


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{100 * share:.2f} %"
