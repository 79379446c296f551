"""Operations that cost multiply-accumulates, and others with a node of their own, as every format's import adds them.

Shapes here are those of the other format, with its batch; `NetworkBuilder.add` leaves a batch of 1 out.
"""

from __future__ import annotations

from collections.abc import Sequence

from dance_env.graph.general_layers import Convolution, Dense, MatrixProduct, TransposedConvolution
from dance_env.graph.general_nodes import Concatenate, Elementwise, Free, Normalization, Resample, Reshape, Tensor
from dance_env.graph.importing.builder import Activation, NetworkBuilder, Value, Weights, elements, without_batch
from dance_env.graph.nodes import BatchNorm, Conv, GlobalPool, Input, Linear, Node, Shape
from dance_env.graph.token_nodes import Embedding, Hidden, LayerNorm, Project, Softmax, Tokens

_NOT_WEIGHTS = "its weights are computed from the input; the cost model's convolutions have weights that are known"


def add_input(builder: NetworkBuilder, name: str, shape: Shape, *, whole: bool) -> Activation:
    """Add an input: an image, tokens, activations, or a tensor of any other shape; `whole` says that it holds integers."""
    sizes = without_batch(shape)
    node: Node = Tensor(sizes)
    if sizes and min(sizes) > 0:
        if whole and len(sizes) == 1:
            node = Tokens(*sizes)
        elif not whole and len(sizes) in (2, 3):
            node = Hidden(*sizes) if len(sizes) == 2 else Input(*sizes)
    return builder.add(name, node, (), shape)


def add_convolution(
    builder: NetworkBuilder,
    name: str,
    operation: str,
    operands: tuple[Value, Value, Value | None],
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    shape: Shape,
) -> Activation:
    """Add a convolution.

    Args:
        builder: Of the network.
        name: Of the node.
        operation: What the format calls it.
        operands: Input, weights ``(channels, channels of a group, *kernel)``, bias or None.
        stride, dilation: Along each axis.
        padding: Before and after each axis: ``(top, bottom, left, right)``.
        groups: Groups of channels.
        shape: Of the output.
    """
    image, weight, bias = operands
    if not isinstance(weight, Weights) or len(weight.shape) not in (3, 4):
        macs = elements(shape) * elements(weight.shape[1:])
        reason = _NOT_WEIGHTS if not isinstance(weight, Weights) else "a layer of the cost model has at most two axes"
        inputs = [image, weight, *([] if bias is None else [bias])]
        return builder.unsupported(name, operation, inputs, shape, macs=macs, reason=reason)
    channels, kernel = weight.shape[0], tuple(weight.shape[2:])
    if image.shape[-1 - len(kernel)] != weight.shape[1] * groups:
        raise ValueError(
            f"the convolution {name!r} has weights for {weight.shape[1] * groups} channels; {image.shape} arrives"
        )
    own = builder.claim(weight, bias)
    node: Node = Convolution(
        channels,
        kernel,
        stride=tuple(stride),
        padding=tuple(padding),
        dilation=tuple(dilation),
        groups=groups,
        bias=bias is not None,
        trainable=own,
    )
    size, same = kernel[0], (kernel[0] - 1) // 2
    if (
        bias is None
        and len(without_batch(image.shape)) == 3
        and own == elements(weight.shape)
        and size % 2 == 1
        and kernel == (size, size)
        and set(padding) == {same}
        and set(dilation) == {1}
        and len(set(stride)) == 1
    ):
        node = Conv(channels, size, stride[0], groups)
    added = builder.add(name, node, [image], shape)
    if isinstance(node, Convolution):
        _note_differences(builder, added.node, operation, node)
    return added


def _note_differences(builder: NetworkBuilder, name: str, operation: str, node: Convolution) -> None:
    """List a convolution whose layer reads other inputs than it does."""
    shapes = (builder.graph.shape(builder.graph.inputs(name)[0]),)
    layer, words = node.layer(name, shapes), node.own_inputs(shapes)
    if layer.inputs == words:
        return
    causes = []
    if set(node.dilation) != {1}:
        causes.append(f"without its dilation {node.dilation}")
    if len(set(node.stride)) > 1:
        causes.append(f"with stride {layer.stride} for {node.stride}")
    if len(shapes[0]) > 1 + len(node.kernel):
        causes.append(f"its {shapes[0][0]} images as one with the rows of all")
    same = "MACs, weights and outputs are the same"
    builder.approximated(
        name,
        operation,
        layer.macs,
        f"priced {', '.join(causes)}: {same}; {layer.inputs:,} words of input for {words:,}",
    )


def add_transposed_convolution(
    builder: NetworkBuilder,
    name: str,
    operation: str,
    operands: tuple[Value, Value, Value | None],
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    output_padding: Sequence[int],
    groups: int,
    shape: Shape,
) -> Activation:
    """Add a transposed convolution; arguments as `add_convolution`, weights ``(input channels, channels of a group, *kernel)``."""
    image, weight, bias = operands
    if not isinstance(weight, Weights) or len(weight.shape) not in (3, 4):
        macs = elements(image.shape) * elements(weight.shape[1:])
        reason = _NOT_WEIGHTS if not isinstance(weight, Weights) else "a layer of the cost model has at most two axes"
        inputs = [image, weight, *([] if bias is None else [bias])]
        return builder.unsupported(name, operation, inputs, shape, macs=macs, reason=reason)
    node = TransposedConvolution(
        weight.shape[1] * groups,
        tuple(weight.shape[2:]),
        tuple(stride),
        tuple(padding),
        tuple(dilation),
        tuple(output_padding),
        groups,
        bias is not None,
        builder.claim(weight, bias),
    )
    added = builder.add(name, node, [image], shape)
    shapes = (without_batch(image.shape),)
    layer, own = node.layer(added.node, shapes), node.own_macs(shapes)
    if node.kernel != node.stride or layer.macs != own:
        ratio = f"{layer.macs / own:.3g} times its MACs" if layer.macs != own else "the same MACs"
        form = f"{layer.k} channels, kernel {layer.r}x{layer.s}, {layer.p}x{layer.q} outputs"
        builder.approximated(added.node, operation, own, f"priced as its sub-pixel form ({form}): {ratio}")
    return added


def add_dense(
    builder: NetworkBuilder, name: str, operands: tuple[Value, Weights, Value | None], features: int, shape: Shape
) -> Activation:
    """Add the product of an activation's last axis with weights, and a bias; `operands` are input, weights, bias or None."""
    rows, weight, bias = operands
    if elements(weight.shape) != features * rows.shape[-1]:
        raise ValueError(f"the product {name!r} has weights {weight.shape}, which do not fit {rows.shape}")
    own, axes = builder.claim(weight, bias), len(without_batch(rows.shape))
    whole = own == features * (rows.shape[-1] + (bias is not None))
    node: Node = Dense(features, bias is not None, own)
    if whole and axes == 1 and bias is not None:
        node = Linear(features)
    elif whole and axes == 2:
        node = Project(features, bias is not None)
    return builder.add(name, node, [rows], shape)


def add_product(
    builder: NetworkBuilder, name: str, operation: str, first: Value, second: Value, shape: Shape
) -> Activation:
    """Add a matrix product ``(..., rows, inner) x (..., inner, columns)``, of which weights may be either operand."""
    if len(first.shape) < 2 or len(second.shape) < 2:
        return _vector_product(builder, name, operation, first, second, shape)
    if isinstance(second, Weights) and elements(second.shape[:-2]) == 1:
        return add_dense(builder, name, (first, second, None), second.shape[-1], shape)
    if isinstance(first, Weights) and elements(first.shape[:-2]) == 1:
        swapped = (*second.shape[:-2], second.shape[-1], second.shape[-2])
        turned = builder.add_free(f"{name}.transpose", "transpose", [second], swapped)
        product = add_dense(builder, name, (turned, first, None), first.shape[-2], (*swapped[:-1], first.shape[-2]))
        return builder.add_free(f"{name}.transpose", "transpose", [product], shape)
    operands = [as_operand(builder, name, each) for each in (first, second)]
    return _matrix_product(builder, name, operation, operands, shape, transposed=False)


def add_attention(
    builder: NetworkBuilder,
    name: str,
    operation: str,
    operands: tuple[Value, Value, Value],
    mask: Value | None,
    shape: Shape,
) -> Activation:
    """Add attention of queries ``(..., heads, tokens, size)`` to keys and values ``(..., heads or fewer, entries, size)``.

    The scores are computed in full: a causal mask saves no multiply-accumulates.
    """
    query, key, value = (as_operand(builder, name, each) for each in operands)
    table = (*query.shape[:-1], key.shape[-2])
    scores = _matrix_product(builder, f"{name}.scores", operation, [query, key], table, transposed=True)
    masks = [*builder.operands([] if mask is None else [mask])]
    node: Node = Softmax() if not masks and len(without_batch(table)) == 3 else Elementwise("softmax")
    weights = builder.add_free(f"{name}.softmax", "softmax", [scores, *masks], table, node)
    return _matrix_product(builder, f"{name}.values", operation, [weights, value], shape, transposed=False)


def add_normalization(
    builder: NetworkBuilder,
    name: str,
    function: str,
    operands: tuple[Value, Value | None, Value | None],
    *,
    eps: float,
    shape: Shape,
) -> Activation:
    """Add a normalization; `operands` are its input, its scale and its shift or None."""
    rows, scale, shift = operands
    own, sizes = builder.claim(scale, shift), without_batch(shape)
    node: Node = Normalization(function, own)
    if function == "batch_norm" and len(sizes) == 3 and own == 2 * sizes[0] and eps > 0:
        node = BatchNorm(float(eps))
    elif function == "layer_norm" and len(sizes) == 2 and own == 2 * sizes[1] and 0 < eps < 1:
        node = LayerNorm(float(eps))
    return builder.add_free(name, function, [rows], shape, node)


def add_embedding(builder: NetworkBuilder, name: str, table: Value, numbers: Value, shape: Shape) -> Activation:
    """Add the rows of a table ``(vocabulary, features)`` for token numbers."""
    if isinstance(table, Weights) and len(without_batch(numbers.shape)) == 1:
        vocabulary, features = table.shape
        if builder.fresh(table) == vocabulary * features:
            builder.claim(table)
            return builder.add_free(name, "embedding", [numbers], shape, Embedding(vocabulary, features))
    return builder.add_free(name, "embedding", [table, numbers], shape)


def add_concatenation(
    builder: NetworkBuilder, name: str, values: Sequence[Value], axis: int, shape: Shape
) -> Activation:
    """Add values one behind the other along an axis."""
    axis = axis % len(shape) - (len(shape) - len(without_batch(shape)))
    whole = all(isinstance(each, Activation) or each.origins for each in values)
    node = Concatenate(axis) if axis >= 0 and whole else None
    return builder.add_free(name, "concatenate", values, shape, node)


def add_resampling(builder: NetworkBuilder, name: str, function: str, image: Value, shape: Shape) -> Activation:
    """Add pooling or upsampling; the mean of all pixels that leaves no axis for them is a global pool."""
    axes = len(image.shape) - 2
    node: Node = GlobalPool() if len(shape) == 2 else Resample(function, tuple(shape[2 : 2 + axes]))
    return builder.add_free(name, function, [image], shape, node)


def add_reshape(builder: NetworkBuilder, name: str, operation: str, value: Value, shape: Shape) -> Value:
    """Add another shape of the same numbers; nothing where the shapes differ in the batch of 1 alone."""
    if isinstance(value, Weights):
        return Weights(tuple(shape), value.origins)
    if without_batch(value.shape) == without_batch(shape):
        return builder.pass_on(operation, value, shape)
    return builder.add_free(name, operation, [value], shape, Reshape(without_batch(shape)))


def as_operand(builder: NetworkBuilder, name: str, value: Value) -> Activation:
    """Return the node of an operand; weights get a node of their own."""
    if isinstance(value, Activation):
        return value
    node = builder.parameter(value)
    return node or builder.add(f"{name}.constant", Free("constant", without_batch(value.shape)), (), value.shape)


def _matrix_product(
    builder: NetworkBuilder, name: str, operation: str, operands: list[Activation], shape: Shape, *, transposed: bool
) -> Activation:
    node = MatrixProduct(transposed)
    feeds = tuple(builder.graph.shape(each.node) for each in dict.fromkeys(operands))
    try:
        found = node.infer(feeds)
    except ValueError as error:
        found, reason = (), str(error)
    else:
        reason = f"the graph finds the shape {found}"
    if found != without_batch(shape):
        macs = elements(shape) * operands[0].shape[-1]
        return builder.unsupported(name, operation, operands, shape, macs=macs, reason=reason)
    return builder.add(name, node, operands, shape)


def _vector_product(
    builder: NetworkBuilder, name: str, operation: str, first: Value, second: Value, shape: Shape
) -> Activation:
    """Add a product with a vector, as a matrix of one row or column."""
    rows = add_reshape(builder, name, "reshape", first, (1, *first.shape)) if len(first.shape) == 1 else first
    columns = add_reshape(builder, name, "reshape", second, (*second.shape, 1)) if len(second.shape) == 1 else second
    lead = max(rows.shape[:-2], columns.shape[:-2], key=len)
    whole = add_product(builder, name, operation, rows, columns, (*lead, rows.shape[-2], columns.shape[-1]))
    result = add_reshape(builder, name, "reshape", whole, shape)
    assert isinstance(result, Activation)
    return result
