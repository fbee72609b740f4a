"""Writes a generator as an ONNX model, from the program that JAX traces of it."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from jaxgan.export.generator import (
    TrainedGenerator,
    explain_batch_size,
    pixels_program,
    symbolic_inputs,
)
from jaxgan.export.onnx_graph import INPUTS, Graph, Value, unsupported
from jaxgan.export.onnx_operators import BATCH_SIZE, OPERATORS
from jaxgan.runs.atomic_files import replace_file

logger = logging.getLogger(__name__)
# The parameters in which primitives that only call another program have it.
CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")
LOOPS = ("scan", "while")


def write_onnx(generator: TrainedGenerator, out: Path) -> None:
    """Writes the model to `out`, with the generator's record as its metadata.

    Raises:
      UserError: the network has an operation that this writer does not know, or whose translation
        ONNX's own checker refuses.
    """
    if generator.gan.gen.dtype == "bfloat16":
        logger.info("the network's bfloat16 is written as float32: some pixels differ a little")
    model = to_model(pixels_program(generator), symbolic_inputs(generator))
    model.producer_name, model.producer_version = "jaxgan", generator.record["jaxgan"]
    for name, value in generator.record.items():
        text = value if isinstance(value, str) else json.dumps(value)
        model.metadata_props.add(key=name, value=text)
    _check(model)
    replace_file(out, lambda file: file.write(model.SerializeToString()))


def _check(model: Any) -> None:
    import onnx

    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:200]
        raise unsupported(f"operations that ONNX's checker refuses ({reason})") from error


def to_model(program: Callable, inputs: Sequence[jax.ShapeDtypeStruct]) -> Any:
    """Returns the ONNX model of a function of latents and labels."""
    with explain_batch_size():
        traced = jax.make_jaxpr(program)(*inputs)
    names = list(INPUTS[: len(inputs)])
    graph = Graph()
    (result,) = _write(graph, traced.jaxpr, [*map(_constant, traced.consts), *names])
    output: Any = traced.out_avals[0]
    name = "images" if output.dtype == np.uint8 else "points"
    return graph.model(dict(zip(names, inputs, strict=True)), name, (result, output))


def _write(graph: Graph, program: Jaxpr, inputs: Sequence[Value]) -> list[Value]:
    """Writes the equations of a program; returns the values of its outputs."""
    variables = [*program.constvars, *program.invars]
    values = dict(zip(variables, inputs, strict=True))

    def read(atom: Any) -> Value:
        if isinstance(atom, Literal):
            # A number of Python's has the type that the program gives it.
            aval: Any = atom.aval
            return _constant(np.asarray(atom.val, aval.dtype))
        return values[atom]

    for equation in program.eqns:
        outputs = _write_equation(graph, equation, [read(atom) for atom in equation.invars])
        values |= dict(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in program.outvars]


def _write_equation(graph: Graph, equation: Any, inputs: list[Value]) -> list[Value]:
    name, params = equation.primitive.name, equation.params
    if name == "optimization_barrier":
        return inputs
    if name == "platform_index":
        # The form of an operation for every other platform, where the CPU has one of its own.
        platforms = params["platforms"]
        return [np.asarray(platforms.index(None) if None in platforms else 0)]
    if name == "cond" and isinstance(inputs[0], np.ndarray):
        branches = params["branches"]
        return _call(graph, branches[min(int(inputs[0]), len(branches) - 1)], inputs[1:])
    if called := next((params[key] for key in CALLED if key in params), None):
        if name in LOOPS:
            raise unsupported("a loop")
        return _call(graph, called, inputs)
    if _is_constant(equation, inputs):
        return _evaluate(equation, inputs)
    if name not in OPERATORS:
        raise unsupported(f"the operation {name!r}")
    return [OPERATORS[name](graph, equation, *inputs)]


def _call(graph: Graph, program: Jaxpr | ClosedJaxpr, inputs: list[Value]) -> list[Value]:
    if isinstance(program, ClosedJaxpr):
        return _write(graph, program.jaxpr, [*map(_constant, program.consts), *inputs])
    return _write(graph, program, inputs)


def _is_constant(equation: Any, inputs: list[Value]) -> bool:
    """Returns True if an equation has the same outputs for all latents and labels."""
    if equation.primitive.name == BATCH_SIZE:
        return False
    sizes = [size for output in equation.outvars for size in output.aval.shape]
    return not any(isinstance(x, str) for x in inputs) and all(isinstance(n, int) for n in sizes)


def _evaluate(equation: Any, inputs: list[Value]) -> list[Value]:
    arrays = [
        jax.numpy.asarray(value, variable.aval.dtype)
        for value, variable in zip(inputs, equation.invars, strict=True)
    ]
    outputs = equation.primitive.bind(*arrays, **equation.params)
    return [*map(_constant, outputs if equation.primitive.multiple_results else [outputs])]


def _constant(value: Any) -> np.ndarray:
    """Returns a constant of the program as numpy's; those of bfloat16 become float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
