"""What a network is: a graph of layers, spaces of such graphs, and the arrays that the cost model sees.

- `layer`: `Layer`, seven loop dimensions, groups, stride.
- `layer_table`: `LayerTable`, the layers of a batch of networks as arrays.
- `nodes`: the node types of a graph, with their shapes and parameters.
- `layer_graph`: `LayerGraph`, a checked networkx DAG of nodes; `exchange` reads and writes it, `dance_env.drawing.graph` draws it.
- `operators`: what a block can be (MBConv, identity, zero).
- `slot`: `Slot`, one block's place and what may stand there.
- `network_space`: `NetworkSpace`, stem, slots, head; `networks`: the catalog of them.
- `layer_space`: `LayerSpace`, networks given as lists of layers.
- `to_torch`: a graph as a torch module (imports torch; never imported from here).
"""

from dance_env.graph.block_space import NetworkSpace
from dance_env.graph.exchange import graph_from_dict, graph_to_dict, load_graph, save_graph
from dance_env.graph.layer import Layer, LayerKind
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.layer_space import LayerSpace
from dance_env.graph.layer_table import LAYER_COLUMNS, LayerTable
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
    "Layer",
    "LayerGraph",
    "LayerKind",
    "LayerSpace",
    "LayerTable",
    "NetworkSpace",
    "Operator",
    "Place",
    "Slot",
    "Style",
    "add_conv",
    "dance_cifar10",
    "dance_cifar100",
    "dance_imagenet",
    "dance_mnist",
    "graph_from_dict",
    "graph_to_dict",
    "load_graph",
    "macro_cifar10",
    "network_space",
    "operator",
    "save_graph",
    "tiny",
]
