"""An ONNX graph while it is written: nodes, constants and names."""

from typing import Any

import numpy as np

from jaxgan.config.errors import UserError

OPSET = 18  # of the operators; onnxruntime reads it from its version 1.14 on
IR_VERSION = 8  # of the file format, as old as that opset
INPUTS = ("latents", "labels")
Value = str | np.ndarray  # the name of what is computed when the graph runs, or a constant


class Graph:
    """Collects nodes and constants; gives every value a name of its own."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy_helper = helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: Value | None, **attributes: Any) -> str:
        """Adds a node of one output, and returns the name of that; None leaves an input out."""
        names = ["" if value is None else self._name(value) for value in inputs]
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, names, [output], **attributes))
        return output

    def cast(self, value: Value, dtype: Any) -> str:
        """Adds a conversion to a type of numpy."""
        return self.add("Cast", value, to=self._element_type(dtype))

    def reshape(self, value: Value, shape: tuple[Any, ...]) -> str:
        """Adds a change of shape; one of the sizes may depend on the batch."""
        sizes = [size if isinstance(size, int) else -1 for size in shape]
        if sizes.count(-1) > 1:
            raise unsupported(f"a reshape to {shape}")
        return self.add("Reshape", value, int64(sizes))

    def transpose(self, value: Value, axes: tuple[int, ...]) -> Value:
        """Adds a transpose, unless the value is a constant or the axes are in order already."""
        if isinstance(value, np.ndarray):
            return value.transpose(axes)
        if list(axes) == sorted(axes):
            return value
        return self.add("Transpose", value, perm=list(axes))

    def batch_size(self) -> str:
        """Adds the number of latents, as an array of one number."""
        return self.add("Shape", INPUTS[0], start=0, end=1)

    def model(self, inputs: dict[str, Any], output: str, result: tuple[Value, Any]) -> Any:
        """Returns the model, with `output` as the name of its result.

        Args:
          inputs: shape and type of each input by its name; what is no number is the batch.
          result: the value and its shape and type.
        """
        value, aval = result
        self._nodes.append(self._helper.make_node("Identity", [self._name(value)], [output]))
        infos = [self._value_info(name, each) for name, each in inputs.items()]
        graph = self._helper.make_graph(
            self._nodes, "generator", infos, [self._value_info(output, aval)], self._constants
        )
        opset = self._helper.make_opsetid("", OPSET)
        return self._helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)

    def _value_info(self, name: str, aval: Any) -> Any:
        shape = [size if isinstance(size, int) else "batch" for size in aval.shape]
        return self._helper.make_tensor_value_info(name, self._element_type(aval.dtype), shape)

    def _element_type(self, dtype: Any) -> int:
        return int(self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _name(self, value: Value) -> str:
        if isinstance(value, str):
            return value
        name = f"constant_{len(self._constants)}"
        # ONNX's own reader of arrays copies them in the order of their axes.
        array = np.ascontiguousarray(value).reshape(value.shape)
        self._constants.append(self._numpy_helper.from_array(array, name))
        return name


def int64(values: Any) -> np.ndarray:
    """Returns numbers as ONNX takes shapes, axes and paddings."""
    return np.asarray(values, np.int64)


def unsupported(what: str) -> UserError:
    return UserError(
        f"--format onnx: the generator's network has {what}, which cannot be written as ONNX yet; "
        "use --format jax"
    )
