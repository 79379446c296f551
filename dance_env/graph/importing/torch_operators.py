"""What becomes of each ATen operator. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dance_env.graph.importing.builder import Activation, Weights, elements, without_batch
from dance_env.graph.importing.einsum import add_einsum
from dance_env.graph.importing.operations import (
    add_attention,
    add_concatenation,
    add_convolution,
    add_dense,
    add_embedding,
    add_normalization,
    add_product,
    add_resampling,
    add_reshape,
    add_transposed_convolution,
)
from dance_env.graph.importing.torch_call import Call, pairs, spread
from dance_env.graph.nodes import Activation as ActivationNode
from dance_env.graph.token_nodes import Softmax

Handler = Callable[[Call], Any]


# ------------------------------------------------------------------------------------- convolutions and matrix products
def _convolution(call: Call) -> Any:
    image, weight = call.value("input"), call.value("weight")
    axes = len(weight.shape) - 2
    stride, dilation = spread(call.setting("stride"), axes), spread(call.setting("dilation"), axes)
    settings: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": call.setting("groups")}
    operands = image, weight, call.optional("bias")
    padding = call.setting("padding")
    transposed = call.setting("transposed") or call.operator.startswith("conv_transpose")
    if isinstance(padding, str):
        sizes = zip(weight.shape[2:], dilation, strict=True)
        total = [step * (size - 1) if padding == "same" else 0 for size, step in sizes]
        settings["padding"] = tuple(each for size in total for each in (size // 2, size - size // 2))
    else:
        settings["padding"] = pairs(spread(padding, axes))
    if not transposed:
        return add_convolution(call.builder, call.name, call.full_name, operands, shape=call.shape, **settings)
    settings["output_padding"] = spread(call.setting("output_padding"), axes)
    return add_transposed_convolution(call.builder, call.name, call.full_name, operands, shape=call.shape, **settings)


def _linear(call: Call) -> Any:
    rows, weight, bias = call.value("input"), call.value("weight"), call.optional("bias")
    if isinstance(weight, Weights):
        return add_dense(call.builder, call.name, (rows, weight, bias), weight.shape[0], call.shape)
    turned = call.builder.add_free(f"{call.name}.transpose", "transpose", [weight], weight.shape[::-1])
    return add_product(call.builder, call.name, call.full_name, rows, turned, call.shape)


def _product(call: Call) -> Any:
    first, second = call.tensors if len(call.tensors) == 2 else (call.first, call.first)
    return add_product(call.builder, call.name, call.full_name, first, second, call.shape)


def _sum_and_product(first: str, second: str) -> Handler:
    """Return the handler of a matrix product to which something is added."""

    def handle(call: Call) -> Any:
        added, left, right = call.value("self"), call.value(first), call.value(second)
        if isinstance(added, Weights) and isinstance(right, Weights) and len(right.shape) == 2:
            return add_dense(call.builder, call.name, (left, right, added), right.shape[1], call.shape)
        product = add_product(call.builder, call.name, call.full_name, left, right, call.shape)
        return call.builder.add_elementwise(f"{call.name}.add", "add", [product, added], call.shape)

    return handle


def _einsum(call: Call) -> Any:
    equation, operands = call.setting("equation"), call.values("tensors")
    return add_einsum(call.builder, call.name, call.full_name, equation, operands, call.shape)


def _attention(call: Call) -> Any:
    operands = call.value("query"), call.value("key"), call.value("value")
    mask = call.optional("attn_mask") or call.optional("attn_bias")
    result = add_attention(call.builder, call.name, call.full_name, operands, mask, call.shape)
    return call.first_of_several(result)


# -------------------------------------------------------------------------------------- layers that the model lacks
def _three_axes(call: Call) -> Any:
    weight, whole = call.value("weight"), call.operator == "conv_transpose3d"
    macs = elements(call.first.shape if whole else call.shape) * elements(weight.shape[1:])
    return call.unsupported("a layer of the cost model has at most two axes", macs)


def _recurrent(call: Call) -> Any:
    weights = [each for each in call.tensors if isinstance(each, Weights) and len(each.shape) == 2 and each.origins]
    steps = elements(call.first.shape[:-1])
    macs = steps * sum(elements(each.shape) for each in weights)
    return call.unsupported("a recurrent layer runs step by step; the cost model has no such layer", macs)


def _bilinear(call: Call) -> Any:
    return call.unsupported(macs=elements(call.shape[:-1]) * elements(call.value("weight").shape))


# ----------------------------------------------------------------------------------------------- nodes of their own
def _normalization(function: str) -> Handler:
    def handle(call: Call) -> Any:
        operands = call.first, call.optional("weight"), call.optional("bias")
        eps = call.setting("eps")
        result = add_normalization(
            call.builder, call.name, function, operands, eps=1e-5 if eps is None else eps, shape=call.shape
        )
        return call.first_of_several(result)

    return handle


def _embedding(call: Call) -> Any:
    return add_embedding(call.builder, call.name, call.value("weight"), call.value("indices"), call.shape)


def _concatenation(call: Call) -> Any:
    return add_concatenation(call.builder, call.name, call.tensors, call.setting("dim"), call.shape)


def _resampling(function: str) -> Handler:
    def handle(call: Call) -> Any:
        if len(call.first.shape) != len(call.shape) or len(call.shape) < 3:
            return call.free(function)
        result = add_resampling(call.builder, call.name, function, call.first, call.shape)
        return call.first_of_several(result)

    return handle


def _mean(call: Call) -> Any:
    image, axes = call.first, call.setting("dim")
    pixels = sorted(each % len(image.shape) for each in axes or ()) == [2, 3]
    if isinstance(image, Activation) and len(image.shape) == 4 and image.shape[0] == 1 and pixels:
        return add_resampling(call.builder, call.name, "mean_pool", image, call.shape)
    return call.free()


def _reshape(call: Call) -> Any:
    return add_reshape(call.builder, call.name, "reshape", call.first, call.shape)


def _unchanged(call: Call) -> Any:
    return Activation(call.first.node, call.shape) if isinstance(call.first, Activation) else call.first


def _activation(function: str) -> Handler:
    def handle(call: Call) -> Any:
        node = ActivationNode(function)  # type: ignore[arg-type]  # text; the node checks it
        exact = call.setting("approximate") in (None, "none")
        return call.free(function, node) if exact else call.elementwise()

    return handle


def _hardtanh(call: Call) -> Any:
    if (call.setting("min_val"), call.setting("max_val")) == (0, 6):
        return call.free("relu6", ActivationNode("relu6"))
    return call.elementwise()


def _softmax(call: Call) -> Any:
    last = call.setting("dim") in (-1, len(call.shape) - 1)
    if last and len(without_batch(call.shape)) == 3:
        return call.free("softmax", Softmax())
    return call.elementwise("softmax")


def _each_element(operation: str) -> Handler:
    return lambda call: call.elementwise(operation)


OPERATORS: dict[str, Handler] = {
    **dict.fromkeys(("conv1d", "conv2d", "convolution", "conv_transpose1d", "conv_transpose2d"), _convolution),
    **dict.fromkeys(("conv3d", "conv_transpose3d"), _three_axes),
    "linear": _linear,
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot"), _product),
    "addmm": _sum_and_product("mat1", "mat2"),
    "baddbmm": _sum_and_product("batch1", "batch2"),
    "einsum": _einsum,
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
        ),
        _attention,
    ),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    "bilinear": _bilinear,
    **dict.fromkeys(
        ("batch_norm", "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
        _normalization("batch_norm"),
    ),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _normalization("layer_norm")),
    **dict.fromkeys(("group_norm", "native_group_norm"), _normalization("group_norm")),
    "instance_norm": _normalization("instance_norm"),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), _normalization("rms_norm")),
    "embedding": _embedding,
    "cat": _concatenation,
    **{
        f"{kind}max_pool{axes}d{suffix}": _resampling("max_pool")
        for kind in ("", "adaptive_")
        for axes in (1, 2)
        for suffix in ("", "_with_indices")
    },
    **{f"{kind}avg_pool{axes}d": _resampling("mean_pool") for kind in ("", "adaptive_", "_adaptive_") for axes in (1, 2)},
    **{f"upsample_nearest{axes}d": _resampling("nearest") for axes in (1, 2)},
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "_upsample_bilinear2d_aa"), _resampling("bilinear")),
    "upsample_bicubic2d": _resampling("bicubic"),
    "mean": _mean,
    **dict.fromkeys(
        ("reshape", "view", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"), _reshape
    ),
    **dict.fromkeys(
        (
            "contiguous", "clone", "detach", "alias", "dropout", "feature_dropout", "to", "_to_copy", "lift_fresh_copy",
            "lift_fresh", "type_as", "requires_grad", "native_dropout", "float", "identity",
        ),
        _unchanged,
    ),
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "gelu": _activation("gelu"),
    "hardsigmoid": _activation("hard_sigmoid"),
    "hardtanh": _hardtanh,
    **dict.fromkeys(("softmax", "_softmax", "_safe_softmax"), _softmax),
    "add": _each_element("add"),
    "mul": _each_element("multiply"),
}  # fmt: skip
"""Handlers by the operator's name: those that cost multiply-accumulates, and those with a node kind of their own."""

# Lists of words, as in the documentation of ATen; as literals they would fill 200 lines.
_ELEMENTWISE = """
    abs acos acosh addcdiv addcmul angle asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor ceil celu clamp clamp_max clamp_min clip complex copysign cos cosh deg2rad div divide
    elu eq erf erfc erfinv exp exp2 expm1 fake_quantize_per_channel_affine fake_quantize_per_tensor_affine floor
    floor_divide fmax fmin fmod frac ge greater greater_equal gt hardshrink hardswish heaviside hypot isfinite isinf isnan
    le leaky_relu lerp less less_equal log log10 log1p log2 log_sigmoid logaddexp logical_and logical_not logical_or
    logical_xor logit lt masked_fill maximum minimum mish multiply nan_to_num ne neg negative not_equal polar pow prelu
    real imag view_as_real view_as_complex reciprocal remainder rrelu round rsqrt rsub selu sgn sigmoid sign signbit silu sin
    sinc sinh softplus softshrink softsign sqrt square sub subtract tan tanh tanhshrink threshold true_divide trunc where
    xlogy
""".split()  # noqa: SIM905

_OTHERS_FREE = """
    _assert_async _assert_scalar _assert_tensor_metadata _log_softmax _shape_as_tensor _weight_norm all amax amin aminmax
    any arange argmax argmin argsort as_strided broadcast_tensors broadcast_to bucketize channel_shuffle chunk col2im
    constant_pad_nd copy count_nonzero cumprod cumsum diag diag_embed diagonal diff empty empty_like expand expand_as eye
    fill flip full full_like gather glu grid_sampler grid_sampler_2d histc im2col index index_add index_copy index_fill
    index_put index_select isin item linalg_vector_norm linspace log_softmax logsumexp masked_scatter masked_select max
    max_unpool2d meshgrid median min mode moveaxis movedim msort narrow native_channel_shuffle new_empty new_full new_ones
    new_zeros nonzero norm normalize numpy_T one_hot ones ones_like pad permute pixel_shuffle pixel_unshuffle prod rand
    rand_like randint randn randn_like reflection_pad1d reflection_pad2d repeat repeat_interleave replication_pad1d
    replication_pad2d roll rot90 scalar_tensor scatter scatter_add scatter_reduce searchsorted select select_scatter
    slice slice_scatter softmin sort split split_with_sizes stack std std_mean sum swapaxes swapdims sym_size t take
    take_along_dim tensor_split tile topk trace transpose tril triu unbind unfold unique_consecutive unsafe_chunk
    unsafe_split unsafe_split_with_sizes var var_mean zero zeros zeros_like T mT index_reduce adaptive_avg_pool3d
    avg_pool3d max_pool3d max_pool3d_with_indices adaptive_max_pool3d upsample_nearest3d upsample_trilinear3d lift sym_numel
""".split()  # noqa: SIM905

OPERATORS.update({name: _each_element(name) for name in _ELEMENTWISE if name not in OPERATORS})

FREE = frozenset(_OTHERS_FREE)
"""Other operators without multiply-accumulates: reductions, moves, masks, constants."""
