"""What becomes of each ONNX operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dance_env.graph.importing.builder import Activation, Value, Weights, elements, without_batch
from dance_env.graph.importing.einsum import add_einsum
from dance_env.graph.importing.onnx_call import OnnxCall
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
from dance_env.graph.nodes import Activation as ActivationNode
from dance_env.graph.token_nodes import Softmax

Handler = Callable[[OnnxCall], Any]


# ------------------------------------------------------------------------------------- convolutions and matrix products
def _convolution(weight_at: int, bias_at: int) -> Handler:
    """Return the handler of a convolution whose weights and bias are inputs number `weight_at` and `bias_at`."""

    def handle(call: OnnxCall) -> Any:
        image, weight, bias = call.value(0), call.value(weight_at), call.optional(bias_at)
        axes = len(weight.shape) - 2
        stride, dilation = (list(call.attributes.get(each, [1] * axes)) for each in ("strides", "dilations"))
        spans = [step * (size - 1) + 1 for step, size in zip(dilation, weight.shape[2:], strict=True)]
        rooms = [
            max((out - 1) * step + span - size, 0)
            for out, step, span, size in zip(call.shape[2:], stride, spans, image.shape[2:], strict=True)
        ]
        padding = _padding(call, rooms, axes)
        return add_convolution(
            call.builder,
            call.name,
            call.operator,
            (image, weight, bias),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=call.attributes.get("group", 1),
            shape=call.shape,
        )

    return handle


def _transposed_convolution(call: OnnxCall) -> Any:
    image, weight = call.value(0), call.value(1)
    axes = len(weight.shape) - 2
    stride, dilation = (list(call.attributes.get(each, [1] * axes)) for each in ("strides", "dilations"))
    extra = list(call.attributes.get("output_padding", [0] * axes))
    whole = [
        step * (size - 1) + extra[axis] + dilation[axis] * (weight.shape[2 + axis] - 1) + 1
        for axis, (step, size) in enumerate(zip(stride, image.shape[2:], strict=True))
    ]
    rooms = [size - out for size, out in zip(whole, call.shape[2:], strict=True)]
    for axis, room in enumerate(rooms):
        extra[axis] += max(-room, 0)  # a stated output that is larger than what the kernels reach
    padding = _padding(call, [max(room, 0) for room in rooms], axes, stated="output_shape" not in call.attributes)
    return add_transposed_convolution(
        call.builder,
        call.name,
        call.operator,
        (image, weight, call.optional(2)),
        stride=stride,
        padding=padding,
        dilation=dilation,
        output_padding=extra,
        groups=call.attributes.get("group", 1),
        shape=call.shape,
    )


def _padding(call: OnnxCall, rooms: list[int], axes: int, *, stated: bool = True) -> tuple[int, ...]:
    """Return padding before and after each axis; `rooms` is what an automatic padding shares out along each axis."""
    automatic = call.attributes.get("auto_pad", b"NOTSET")
    if automatic in (b"NOTSET", b"") and stated:
        pads = list(call.attributes.get("pads", [0] * 2 * axes))
        return tuple(pads[axis + axes * after] for axis in range(axes) for after in (0, 1))
    if automatic == b"VALID":
        return (0,) * 2 * axes
    least = [(room // 2, room - room // 2) for room in rooms]
    turned = automatic == b"SAME_LOWER"
    return tuple(each for pair in least for each in (pair[::-1] if turned else pair))


def _gemm(call: OnnxCall) -> Any:
    rows, weight, bias = call.value(0), call.value(1), call.optional(2)
    if call.attributes.get("transA"):
        rows = call.builder.add_free(f"{call.name}.transpose", "transpose", [rows], rows.shape[::-1])
    if isinstance(weight, Weights):
        bias_fits = bias is None or isinstance(bias, Weights)
        if bias_fits:
            return add_dense(call.builder, call.name, (rows, weight, bias), call.shape[1], call.shape)
    elif call.attributes.get("transB"):
        weight = call.builder.add_free(f"{call.name}.transpose", "transpose", [weight], weight.shape[::-1])
    if isinstance(weight, Weights) and call.attributes.get("transB"):
        weight = Weights(weight.shape[::-1], weight.origins)
    product = add_product(call.builder, call.name, call.operator, rows, weight, call.shape)
    if bias is None:
        return product
    return call.builder.add_elementwise(f"{call.name}.add", "add", [product, bias], call.shape)


def _product(second_at: int) -> Handler:
    return lambda call: add_product(
        call.builder, call.name, call.operator, call.value(0), call.value(second_at), call.shape
    )


def _einsum(call: OnnxCall) -> Any:
    equation = call.attributes.get("equation", b"").decode("utf-8", "replace")
    return add_einsum(call.builder, call.name, call.operator, equation, call.tensors, call.shape)


def _attention(call: OnnxCall) -> Any:
    """Of queries, keys, values (batch, heads, tokens, size) or (batch, tokens, heads size), with a cache or without."""
    query, key, value = (call.value(index) for index in range(3))
    heads, groups = call.attributes.get("q_num_heads"), call.attributes.get("kv_num_heads")
    if len(query.shape) == 3 and heads and groups:
        query = _split_heads(call, "query", query, heads)
        key, value = (_split_heads(call, name, each, groups) for name, each in (("key", key), ("value", value)))
    if len(query.shape) != 4:
        return call.unsupported("expected queries of 3 axes and their number of heads, or of 4 axes")
    cached = [call.optional(index) for index in (4, 5)]
    key, value = (
        add_concatenation(
            call.builder, f"{call.name}.{name}", [past, new], 2,
            (*new.shape[:2], past.shape[2] + new.shape[2], new.shape[3]),
        ) if past is not None else new
        for name, past, new in (("keys", cached[0], key), ("values", cached[1], value))
    )  # fmt: skip
    whole = (*query.shape[:3], value.shape[3])
    attended: Value = add_attention(
        call.builder, call.name, call.operator, (query, key, value), call.optional(3), whole
    )
    if len(call.shape) == 3:
        attended = call.builder.add_free(f"{call.name}.merge", "transpose", [attended], call.shape)
    others = dict(enumerate(call.results[1:3], start=1))
    presents = [Activation(each.node, shape) if isinstance(each, Activation) else each
                for each, shape in zip((key, value), others.values(), strict=False)]  # fmt: skip
    return (attended, *presents)


def _split_heads(call: OnnxCall, name: str, value: Value, heads: int) -> Value:
    batch, tokens, features = value.shape
    return call.builder.add_free(f"{call.name}.{name}", "transpose", [value], (batch, heads, tokens, features // heads))


def _recurrent(call: OnnxCall) -> Any:
    steps = elements(call.value(0).shape[:2])
    macs = steps * sum(elements(call.value(index).shape) for index in (1, 2))
    return call.unsupported("a recurrent layer runs step by step; the cost model has no such layer", macs)


def _deformable(call: OnnxCall) -> Any:
    macs = elements(call.shape) * elements(call.value(1).shape[1:])
    return call.unsupported("its pixels are gathered at offsets that the input decides", macs)


# ----------------------------------------------------------------------------------------------- nodes of their own
def _normalization(function: str, scale_at: int = 1, shift_at: int = 2) -> Handler:
    def handle(call: OnnxCall) -> Any:
        operands = call.value(0), call.optional(scale_at), call.optional(shift_at)
        eps = float(call.attributes.get("epsilon", 1e-5))
        return add_normalization(call.builder, call.name, function, operands, eps=eps, shape=call.shape)

    return handle


def _gather(call: OnnxCall) -> Any:
    table = call.value(0)
    if isinstance(table, Weights) and len(table.shape) == 2 and call.attributes.get("axis", 0) == 0:
        return add_embedding(call.builder, call.name, table, call.value(1), call.shape)
    return call.free("gather")


def _concatenation(call: OnnxCall) -> Any:
    return add_concatenation(call.builder, call.name, call.tensors, call.attributes.get("axis", 1), call.shape)


def _resampling(function: str) -> Handler:
    def handle(call: OnnxCall) -> Any:
        if len(call.value(0).shape) < 3 or len(call.results) > 1:
            return call.free(function)
        return add_resampling(call.builder, call.name, function, call.value(0), call.shape)

    return handle


def _resize(call: OnnxCall) -> Any:
    mode = {b"linear": "bilinear", b"cubic": "bicubic"}.get(call.attributes.get("mode", b"nearest"), "nearest")
    return _resampling(mode)(call)


def _mean(call: OnnxCall) -> Any:
    image = call.value(0)
    pixels = sorted(each % len(image.shape) for each in call.axes() or ()) == [2, 3]
    if len(image.shape) == 4 and image.shape[0] == 1 and pixels:
        return add_resampling(call.builder, call.name, "mean_pool", image, call.shape)
    return call.free("mean")


def _reshape(call: OnnxCall) -> Any:
    return add_reshape(call.builder, call.name, "reshape", call.value(0), call.shape)


def _unchanged(call: OnnxCall) -> Any:
    value = call.value(0)
    return Activation(value.node, call.shape) if isinstance(value, Activation) else value


def _activation(function: str) -> Handler:
    return lambda call: call.free(function, ActivationNode(function))  # type: ignore[arg-type]  # a name of the table above


def _gelu(call: OnnxCall) -> Any:
    exact = call.attributes.get("approximate", b"none") == b"none"
    return call.free("gelu", ActivationNode("gelu")) if exact else call.elementwise("gelu")


def _softmax(call: OnnxCall) -> Any:
    last = call.attributes.get("axis", -1) in (-1, len(call.shape) - 1)
    if last and len(without_batch(call.shape)) == 3:
        return call.free("softmax", Softmax())
    return call.elementwise("softmax")


OPERATORS: dict[str, Handler] = {
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1, 9),
    "QLinearConv": _convolution(3, 8),
    "ConvTranspose": _transposed_convolution,
    "Gemm": _gemm,
    **dict.fromkeys(("MatMul", "MatMulInteger"), _product(1)),
    "QLinearMatMul": _product(3),
    "Einsum": _einsum,
    "Attention": _attention,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    "DeformConv": _deformable,
    "BatchNormalization": _normalization("batch_norm"),
    "LayerNormalization": _normalization("layer_norm"),
    "GroupNormalization": _normalization("group_norm"),
    "InstanceNormalization": _normalization("instance_norm"),
    "RMSNormalization": _normalization("rms_norm", 1, 9),
    "Gather": _gather,
    "Concat": _concatenation,
    **dict.fromkeys(("MaxPool", "GlobalMaxPool"), _resampling("max_pool")),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool"), _resampling("mean_pool")),
    **dict.fromkeys(("LpPool", "GlobalLpPool"), _resampling("lp_pool")),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "ReduceMean": _mean,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    **dict.fromkeys(("Identity", "Dropout", "Cast", "CastLike"), _unchanged),
    "Relu": _activation("relu"),
    "HardSigmoid": lambda call: call.elementwise("hard_sigmoid"),
    "Gelu": _gelu,
    "Softmax": _softmax,
    "Add": lambda call: call.elementwise("add"),
    "Mul": lambda call: call.elementwise("multiply"),
}
"""Handlers by the operator's name: those that cost multiply-accumulates, and those with a node kind of their own."""

# Lists of words, as in the documentation of ONNX; as literals they would fill 150 lines.
_ELEMENTWISE = """
    Abs Acos Acosh And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Celu Clip Cos Cosh
    DequantizeLinear Div DynamicQuantizeLinear Elu Equal Erf Exp Floor Greater GreaterOrEqual HardSwish IsInf IsNaN
    LeakyRelu Less LessOrEqual Log LogSoftmax Max Mean Min Mish Mod Neg Not Or PRelu Pow QuantizeLinear Reciprocal Round
    Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
""".split()  # noqa: SIM905

FREE = frozenset(
    """
    ArgMax ArgMin CenterCropPad Compress ConcatFromSequence ConstantOfShape CumProd CumSum DepthToSpace Expand EyeLike
    GatherElements GatherND GridSample Hardmax LRN LpNormalization MaxUnpool MeanVarianceNormalization NonMaxSuppression
    NonZero OneHot Pad Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSum
    ReduceSumSquare ReverseSequence RoiAlign MaxRoiPool RotaryEmbedding Scatter ScatterElements ScatterND Slice
    SpaceToDepth Split TensorScatter Tile TopK Transpose Trilu Unique Bernoulli RandomNormalLike RandomUniformLike
    """.split()  # noqa: SIM905
)
"""Other operators without multiply-accumulates: reductions, moves, masks, constants."""

OPERATORS.update(dict.fromkeys(_ELEMENTWISE, lambda call: call.elementwise()))
