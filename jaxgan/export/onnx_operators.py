"""The table of JAX's primitives and how each is written as operators of ONNX.

Each function takes the graph, the equation of the program and its inputs, and returns the value of
its output. An input is the name of a value, or a constant.
"""

import functools
import string
from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

from jaxgan.export.onnx_graph import Graph, Value, int64, unsupported

Equation = Any  # jax.extend.core.JaxprEqn, whose parameters are those of its primitive
Writer = Callable[..., Value]
END = np.iinfo(np.int64).max
BATCH_SIZE = "dim_as_value"  # the primitive of a size of an array, taken as a number


def _elementwise(operator: str, graph: Graph, equation: Equation, *inputs: Value) -> Value:
    return graph.add(operator, *inputs)


def _shape(variable: Any) -> tuple[Any, ...]:
    return tuple(variable.aval.shape)


def _dtype(variable: Any) -> Any:
    """Returns the type of a value in the file; there bfloat16 becomes float32."""
    dtype = variable.aval.dtype
    return np.dtype(np.float32) if dtype.name == "bfloat16" else dtype


def _same(graph: Graph, equation: Equation, x: Value) -> Value:
    return x


def _convert(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.cast(x, _dtype(equation.outvars[0]))


def _rsqrt(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add("Reciprocal", graph.add("Sqrt", x))


def _square(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add("Mul", x, x)


def _integer_pow(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add("Pow", x, np.asarray(equation.params["y"], _dtype(equation.invars[0])))


def _log1p(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add("Log", graph.add("Add", x, np.ones((), _dtype(equation.invars[0]))))


def _expm1(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add("Sub", graph.add("Exp", x), np.ones((), _dtype(equation.invars[0])))


def _not_equal(graph: Graph, equation: Equation, x: Value, y: Value) -> Value:
    return graph.add("Not", graph.add("Equal", x, y))


def _round(graph: Graph, equation: Equation, x: Value) -> Value:
    if equation.params["rounding_method"] != lax.RoundingMethod.TO_NEAREST_EVEN:
        raise unsupported("a rounding of halves away from zero")
    return graph.add("Round", x)


def _clamp(graph: Graph, equation: Equation, low: Value, x: Value, high: Value) -> Value:
    return graph.add("Min", graph.add("Max", x, low), high)


def _select(graph: Graph, equation: Equation, which: Value, *cases: Value) -> Value:
    if len(cases) != 2 or equation.invars[0].aval.dtype != bool:
        raise unsupported(f"a choice between {len(cases)} values")
    return graph.add("Where", which, cases[1], cases[0])


def _reduce(operator: str, graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.add(operator, x, int64(equation.params["axes"]), keepdims=0)


def _reshape(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.reshape(x, _shape(equation.outvars[0]))


def _broadcast(graph: Graph, equation: Equation, x: Value) -> Value:
    old, new = _shape(equation.invars[0]), _shape(equation.outvars[0])
    axes = equation.params["broadcast_dimensions"]
    ones: list[Any] = [1] * len(new)
    for size, axis in zip(old, axes, strict=True):
        ones[axis] = size
    if tuple(ones) != old:
        x = graph.reshape(x, tuple(ones))
    if tuple(ones) == new:
        return x
    # A size of 1 keeps that of the value.
    sizes = [1 if have == want else want for have, want in zip(ones, new, strict=True)]
    if all(isinstance(size, int) for size in sizes):
        return graph.add("Expand", x, int64(sizes))
    if any(not isinstance(size, int) and str(size) != "batch" for size in sizes):
        raise unsupported(f"a broadcast to {new}")
    batch = graph.batch_size()
    parts = [int64([size]) if isinstance(size, int) else batch for size in sizes]
    return graph.add("Expand", x, graph.add("Concat", *parts, axis=0))


def _batch_size(graph: Graph, equation: Equation) -> Value:
    if str(equation.params["dim"]) != "batch":
        raise unsupported(f"the number {equation.params['dim']}")
    return graph.cast(graph.add("Squeeze", graph.batch_size()), _dtype(equation.outvars[0]))


def _transpose(graph: Graph, equation: Equation, x: Value) -> Value:
    return graph.transpose(x, equation.params["permutation"])


def _concatenate(graph: Graph, equation: Equation, *parts: Value) -> Value:
    return graph.add("Concat", *parts, axis=equation.params["dimension"])


def _stack(graph: Graph, equation: Equation, *parts: Value) -> Value:
    axis = equation.params["axis"]
    slices = [graph.add("Unsqueeze", part, int64([axis])) for part in parts]
    return graph.add("Concat", *slices, axis=axis)


def _pad(graph: Graph, equation: Equation, x: Value, value: Value) -> Value:
    low, high, interior = zip(*equation.params["padding_config"], strict=True)
    if any(interior):
        raise unsupported("a pad between the elements")
    return graph.add("Pad", x, int64([*low, *high]), value)


def _slice(graph: Graph, equation: Equation, x: Value) -> Value:
    starts, stops = equation.params["start_indices"], equation.params["limit_indices"]
    strides = equation.params["strides"] or (1,) * len(starts)
    return _sliced(graph, equation, x, starts, stops, strides)


def _sliced(
    graph: Graph, equation: Equation, x: Value, starts: Any, stops: Any, strides: Any
) -> Value:
    shape = _shape(equation.invars[0])
    stops = [END if stop == size else stop for stop, size in zip(stops, shape, strict=True)]
    if not all(isinstance(bound, int | np.integer) for bound in (*starts, *stops)):
        raise unsupported("a slice of the batch")
    axes = int64(range(len(shape)))
    return graph.add("Slice", x, int64(starts), int64(stops), axes, int64(strides))


def _reverse(graph: Graph, equation: Equation, x: Value) -> Value:
    axes = equation.params["dimensions"]
    ends = int64([-1] * len(axes)), int64([-END] * len(axes))
    return graph.add("Slice", x, *ends, int64(axes), int64([-1] * len(axes)))


def _gather(graph: Graph, equation: Equation, x: Value, indices: Value) -> Value:
    numbers, shape = equation.params["dimension_numbers"], _shape(equation.invars[0])
    sizes, (*batch, _) = equation.params["slice_sizes"], _shape(equation.invars[1])
    if not batch and isinstance(indices, np.ndarray):
        # One window at a place that is known.
        starts = np.zeros(len(shape), int)
        starts[list(numbers.start_index_map)] = indices
        stops = [int(start) + size for start, size in zip(starts, sizes, strict=True)]
        window = _sliced(graph, equation, x, starts, stops, (1,) * len(shape))
        # Reshape, since a Squeeze without axes would remove all of length 1.
        return graph.reshape(window, _shape(equation.outvars[0]))
    # Rows that are picked by their number, as the embedding of each label is.
    (axis, *others) = numbers.start_index_map
    after = range(axis + len(batch), len(shape) - 1 + len(batch))
    rest = (*shape[:axis], 1, *shape[axis + 1 :])
    is_pick = numbers.collapsed_slice_dims == (axis,) and tuple(sizes) == rest
    if others or not is_pick or tuple(numbers.offset_dims) != (*range(axis), *after):
        raise unsupported("a gather of other than whole rows")
    return graph.add("Gather", x, graph.reshape(indices, tuple(batch)), axis=axis)


def _dot(graph: Graph, equation: Equation, x: Value, y: Value) -> Value:
    contracted, batched = equation.params["dimension_numbers"]
    ranks = [len(_shape(variable)) for variable in equation.invars]
    if not batched[0] and ranks[1] == 2 and contracted == ((ranks[0] - 1,), (0,)):
        return graph.add("MatMul", x, y)
    letters = iter(string.ascii_lowercase)
    names = [[""] * rank for rank in ranks]
    for left, right in zip(
        (*batched[0], *contracted[0]), (*batched[1], *contracted[1]), strict=True
    ):
        names[0][left] = names[1][right] = next(letters)
    kept = [names[0][axis] for axis in batched[0]]
    for operand in names:
        for axis, name in enumerate(operand):
            if not name:
                operand[axis] = next(letters)
                kept.append(operand[axis])
    equation_text = f"{''.join(names[0])},{''.join(names[1])}->{''.join(kept)}"
    return graph.add("Einsum", x, y, equation=equation_text)


def _conv(graph: Graph, equation: Equation, x: Value, kernel: Value) -> Value:
    params, layout = equation.params, equation.params["dimension_numbers"]
    x, kernel = graph.transpose(x, layout.lhs_spec), graph.transpose(kernel, layout.rhs_spec)
    low, high = zip(*params["padding"], strict=True)
    if params["batch_group_count"] != 1:
        raise unsupported("a convolution with groups of the batch")
    if set(params["lhs_dilation"]) == {1}:
        if min(*low, *high) < 0:
            raise unsupported("a convolution with negative padding")
        window = {
            "strides": list(params["window_strides"]),
            "dilations": list(params["rhs_dilation"]),
            "pads": [*low, *high],
        }
        y: Value = graph.add("Conv", x, kernel, group=params["feature_group_count"], **window)
    else:
        y = _conv_transpose(graph, params, x, kernel)
    return graph.transpose(y, tuple(np.argsort(layout.out_spec).tolist()))


def _conv_transpose(graph: Graph, params: Any, x: Value, kernel: Value) -> Value:
    """Writes a convolution of images with zeros between the pixels; both arrays begin as NC, OI."""
    strides, groups = params["lhs_dilation"], params["feature_group_count"]
    if set(params["window_strides"] + params["rhs_dilation"]) != {1} or isinstance(kernel, str):
        raise unsupported("a transposed convolution with strides, or with a computed kernel")
    low, high = zip(*params["padding"], strict=True)
    sides = kernel.shape[2:]
    # ONNX counts what is cut off the outputs; the convolution what is added to the inputs.
    before = [side - 1 - n for side, n in zip(sides, low, strict=True)]
    after = [side - 1 - n for side, n in zip(sides, high, strict=True)]
    if min(before) < 0 or any(n <= -stride for n, stride in zip(after, strides, strict=True)):
        raise unsupported("a transposed convolution with so much padding")
    flipped = np.flip(kernel, axis=tuple(range(2, kernel.ndim)))
    by_group = flipped.reshape(groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
    kernel = by_group.reshape(-1, kernel.shape[0] // groups, *sides)
    return graph.add(
        "ConvTranspose",
        x,
        kernel,
        group=groups,
        strides=list(strides),
        pads=[max(0, n) for n in (*before, *after)],
        output_padding=[max(0, -n) for n in after],
    )


SAME_OPERATOR = {
    "abs": "Abs",
    "add": "Add",
    "add_any": "Add",
    "and": "And",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "not": "Not",
    "or": "Or",
    "pow": "Pow",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
}
OPERATORS: dict[str, Writer] = {
    name: functools.partial(_elementwise, operator) for name, operator in SAME_OPERATOR.items()
} | {
    BATCH_SIZE: _batch_size,
    "broadcast_in_dim": _broadcast,
    "clamp": _clamp,
    "concatenate": _concatenate,
    "conv_general_dilated": _conv,
    "convert_element_type": _convert,
    "copy": _same,
    "copy_p": _same,
    "dot_general": _dot,
    "expand_dims": _reshape,
    "expm1": _expm1,
    "gather": _gather,
    "integer_pow": _integer_pow,
    "log1p": _log1p,
    "ne": _not_equal,
    "pad": _pad,
    "reduce_max": functools.partial(_reduce, "ReduceMax"),
    "reduce_min": functools.partial(_reduce, "ReduceMin"),
    "reduce_sum": functools.partial(_reduce, "ReduceSum"),
    "reshape": _reshape,
    "rev": _reverse,
    "round": _round,
    "rsqrt": _rsqrt,
    "select_n": _select,
    "slice": _slice,
    "square": _square,
    "squeeze": _reshape,
    "stack": _stack,
    "stop_gradient": _same,
    "transpose": _transpose,
}
