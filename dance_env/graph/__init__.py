"""What a network is: a graph of layers, and spaces of networks.

- `layer`: `Layer`, seven loop dimensions, groups, stride; as a row of numbers, all that a cost model sees.
- `nodes`: the node types of a graph, with their shapes and parameters.
- `layer_graph`: `LayerGraph`, a checked networkx DAG of nodes; `exchange` reads and writes it, `dance_env.drawing.graph` draws it.
- `operators`: what a block can be (MBConv, identity, zero).
- `slot`: `Slot`, one block's place and what may stand there.
- `network_space`: `NetworkSpace`, the contract of a space of networks; `Part`, the layers that some choices add;
  `CanonicalNetworks`, a space in which several designs can be one network.
- `factored_space`: what network spaces have in common, their counts among it.
- `transformer_space`: `TransformerSpace`, language models under a workload (`phase`: `Prefill`, `Decode`); `gpt_networks`: those
  of HW-GPT-Bench; `token_nodes`, `transformer_layers`: what they are made of.
- `block_space`: `BlockSpace`, stem, slots, head; `stage_space`: `StageSpace`, stages with four choices each; `ends`: stem
  and head of both; `squeeze`: blocks with squeeze-and-excitation; `cell_space`: `CellSpace`, a small graph of chosen edges that
  all cells repeat; `networks`: the catalog of spaces.
- `workloads`: `Workload`, `WorkloadSpace`, several uses of the same networks; `macs_sum`.
- `drawable`: `DrawableSpace`, what drawings ask of a space whose networks are rows of blocks.
- `layer_space`: `LayerSpace`, networks given as lists of layers.
- `importing`: networks of other frameworks as graphs; `general_layers`, `general_nodes`: the node types that these need.
- `to_torch`: a graph as a torch module (imports torch; never imported from here).
"""

from dance_env.graph.block_space import BlockSpace
from dance_env.graph.cell_space import CELL_OPERATORS, CellSpace
from dance_env.graph.drawable import DrawableSpace, PlacedBlock
from dance_env.graph.exchange import graph_from_dict, graph_to_dict, load_graph, save_graph
from dance_env.graph.gpt_networks import gpt_l, gpt_m, gpt_s
from dance_env.graph.layer import LAYER_COLUMNS, Layer, LayerKind, layer_row, matrix_product, token_grid
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.layer_space import LayerSpace
from dance_env.graph.network_space import (
    CanonicalNetworks,
    NetworkSpace,
    Part,
    canonical_networks,
    different_layers,
    is_additive,
    layer_sum,
)
from dance_env.graph.networks import (
    NETWORKS,
    accel_nasbench,
    dance_cifar10,
    dance_cifar10_lite,
    dance_cifar100,
    dance_imagenet,
    dance_mnist,
    macro_cifar10,
    nb201_cifar10,
    network_space,
    tiny,
)
from dance_env.graph.operators import Operator, Place, Style, add_conv, operator
from dance_env.graph.phase import Decode, Phase, Prefill
from dance_env.graph.slot import Slot
from dance_env.graph.stage_space import Stage, StageSpace
from dance_env.graph.transformer_space import TransformerSpace
from dance_env.graph.workloads import Workload, WorkloadSpace, macs_sum

__all__ = [
    "CELL_OPERATORS",
    "LAYER_COLUMNS",
    "NETWORKS",
    "BlockSpace",
    "CanonicalNetworks",
    "CellSpace",
    "Decode",
    "DrawableSpace",
    "Layer",
    "LayerGraph",
    "LayerKind",
    "LayerSpace",
    "NetworkSpace",
    "Operator",
    "Part",
    "Phase",
    "Place",
    "PlacedBlock",
    "Prefill",
    "Slot",
    "Stage",
    "StageSpace",
    "Style",
    "TransformerSpace",
    "Workload",
    "WorkloadSpace",
    "accel_nasbench",
    "add_conv",
    "canonical_networks",
    "dance_cifar10",
    "dance_cifar10_lite",
    "dance_cifar100",
    "dance_imagenet",
    "dance_mnist",
    "different_layers",
    "gpt_l",
    "gpt_m",
    "gpt_s",
    "graph_from_dict",
    "graph_to_dict",
    "is_additive",
    "layer_row",
    "layer_sum",
    "load_graph",
    "macro_cifar10",
    "macs_sum",
    "matrix_product",
    "nb201_cifar10",
    "network_space",
    "operator",
    "save_graph",
    "tiny",
    "token_grid",
]
