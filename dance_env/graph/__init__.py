"""What a network is: a graph of layers, and spaces of networks.

- `layer`: `Layer`, seven loop dimensions, groups, stride; as a row of numbers, all that a cost model sees.
- `nodes`: the node types of a graph, with their shapes and parameters.
- `layer_graph`: `LayerGraph`, a checked networkx DAG of nodes; `exchange` reads and writes it, `dance_env.drawing.graph` draws it.
- `operators`: what a block can be (MBConv, identity, zero).
- `slot`: `Slot`, one block's place and what may stand there.
- `network_space`: `NetworkSpace`, the contract of a space of networks, and `Part`, the layers that some choices add.
- `block_space`: `BlockSpace`, stem, slots, head; `networks`: the catalog of them.
- `layer_space`: `LayerSpace`, networks given as lists of layers.
- `to_torch`: a graph as a torch module (imports torch; never imported from here).
"""

from dance_env.graph.block_space import BlockSpace
from dance_env.graph.exchange import graph_from_dict, graph_to_dict, load_graph, save_graph
from dance_env.graph.layer import LAYER_COLUMNS, Layer, LayerKind, layer_row
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.layer_space import LayerSpace
from dance_env.graph.network_space import NetworkSpace, Part, different_layers, is_additive, layer_sum
from dance_env.graph.networks import (
    NETWORKS,
    dance_cifar10,
    dance_cifar100,
    dance_imagenet,
    dance_mnist,
    macro_cifar10,
    network_space,
    tiny,
)
from dance_env.graph.operators import Operator, Place, Style, add_conv, operator
from dance_env.graph.slot import Slot

__all__ = [
    "LAYER_COLUMNS",
    "NETWORKS",
    "BlockSpace",
    "Layer",
    "LayerGraph",
    "LayerKind",
    "LayerSpace",
    "NetworkSpace",
    "Operator",
    "Part",
    "Place",
    "Slot",
    "Style",
    "add_conv",
    "dance_cifar10",
    "dance_cifar100",
    "dance_imagenet",
    "dance_mnist",
    "different_layers",
    "graph_from_dict",
    "graph_to_dict",
    "is_additive",
    "layer_row",
    "layer_sum",
    "load_graph",
    "macro_cifar10",
    "network_space",
    "operator",
    "save_graph",
    "tiny",
]
