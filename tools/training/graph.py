"""An ONNX graph as a torch module with trainable weights, and back to ONNX.

The published recognisers come as inference graphs; no training framework of theirs is needed.
Only the operators that PP-OCRv6 recognisers use are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

_LEAST_TRAINED: Final = 8
"""Float constants with fewer values (scales, epsilons) stay as they are."""
_SAME: Final = ("Identity", "Cast", "Dropout")
_RUNNING: Final = ("Conv", "MatMul", "Add", "Mul", "BatchNormalization")

Operation = Callable[[dict[str, Any], list[Any]], Any]


class UnknownOperatorError(ValueError):
    """The graph has an operator that this module cannot run. ``str()`` names it."""


class Graph(nn.Module):
    """Runs the nodes of an ONNX model in torch.

    Weights of convolutions, matrix products, biases and normalisations are parameters; running
    statistics of batch normalisation stay fixed.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """Take over a model's nodes and weights.

        :raises UnknownOperatorError: an operator that cannot be run.
        """
        super().__init__()
        self._model = model
        self._keys: dict[str, str] = {}
        self.weights = nn.ParameterDict()
        self._constants: dict[str, Tensor] = {}
        self._buffered: dict[str, str] = {}
        self._nodes, self.renamed = _fused(list(model.graph.node))
        unknown = sorted({op for op, _, _, _ in self._nodes} - set(_OPERATIONS))
        if unknown:
            raise UnknownOperatorError(f"cannot run the operator {', '.join(unknown)}")
        fixed = _fixed_inputs(model)
        for i, stored in enumerate(model.graph.initializer):
            value = torch.from_numpy(numpy_helper.to_array(stored).copy())
            trained = value.is_floating_point() and value.numel() >= _LEAST_TRAINED
            if trained and stored.name not in fixed:
                self._keys[stored.name] = f"w{i}"
                self.weights[f"w{i}"] = nn.Parameter(value)
            elif value.is_floating_point():
                self._buffered[stored.name] = f"c{i}"
                self.register_buffer(f"c{i}", value, persistent=False)
            else:
                self._constants[stored.name] = value  # shapes and axes: read by the processor
        self._input = model.graph.input[0].name
        self._last_use = _last_uses(self._nodes)

    def forward(self, x: Tensor, *, stop: str | None = None) -> Tensor:
        """Run the graph.

        :param x: what the graph's only input takes, (n, 3, height, width).
        :param stop: name of the value to return; by default the graph's first output.
        """
        wanted = stop or self._model.graph.output[0].name
        wanted = self.renamed.get(wanted, wanted)
        values: dict[str, Any] = {self._input: x, **self._constants}
        values |= {name: self.weights[key] for name, key in self._keys.items()}
        values |= {name: getattr(self, key) for name, key in self._buffered.items()}
        stored = set(values) - {self._input}
        for k, (op, inputs, output, attributes) in enumerate(self._nodes):
            values[output] = _OPERATIONS[op](attributes, [values[i] for i in inputs if i])
            if output == wanted:
                return cast("Tensor", values[output])
            for name in self._last_use[k]:
                if name not in stored:
                    del values[name]
        raise ValueError(f"the graph never makes {wanted}")

    def freeze(self, until: str) -> int:
        """Stop training of all weights that nodes up to the value ``until`` use; return how many."""
        frozen = 0
        for _, inputs, output, _ in self._nodes:
            for name in inputs:
                if name in self._keys and self.weights[self._keys[name]].requires_grad:
                    self.weights[self._keys[name]].requires_grad_(False)
                    frozen += 1
            if output == until:
                break
        return frozen

    def exported(self) -> onnx.ModelProto:
        """Return the model with the weights as they are now."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        for stored in model.graph.initializer:
            if stored.name in self._keys:
                value = (
                    self.weights[self._keys[stored.name]].detach().cpu().numpy().astype(np.float32)
                )
                stored.CopyFrom(numpy_helper.from_array(value, stored.name))
        return model


def with_head(
    model: onnx.ModelProto, weight: np.ndarray, bias: np.ndarray, groups: np.ndarray
) -> onnx.ModelProto:
    """Return the model with its last linear layer replaced and its classes summed into groups.

    :param weight: (features, columns).
    :param bias: (columns,).
    :param groups: (columns, classes), which column counts to which class.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    matmul = next(n for n in reversed(out.graph.node) if n.op_type == "MatMul")
    after = list(out.graph.node)[list(out.graph.node).index(matmul) :]
    add = next(n for n in after if n.op_type == "Add")
    names = {matmul.input[1]: weight, add.input[1]: bias}
    for stored in out.graph.initializer:
        if stored.name in names:
            value = names[stored.name].astype(np.float32)
            stored.CopyFrom(numpy_helper.from_array(value, stored.name))
    softmax = next(n for n in reversed(out.graph.node) if n.op_type == "Softmax")
    result = out.graph.output[0].name
    softmax.output[0] = "columns"
    out.graph.initializer.append(numpy_helper.from_array(groups.astype(np.float32), "groups"))
    out.graph.node.append(helper.make_node("MatMul", ["columns", "groups"], [result]))
    del out.graph.value_info[:]  # shapes of before
    out.graph.output[0].type.tensor_type.ClearField("shape")
    return out


def head_of(model: onnx.ModelProto) -> tuple[np.ndarray, np.ndarray]:
    """Return weight (features, classes) and bias (classes,) of the last linear layer."""
    stored = {t.name: t for t in model.graph.initializer}
    nodes = list(model.graph.node)
    matmul = next(n for n in reversed(nodes) if n.op_type == "MatMul")
    add = next(n for n in nodes[nodes.index(matmul) :] if n.op_type == "Add")
    return numpy_helper.to_array(stored[matmul.input[1]]), numpy_helper.to_array(
        stored[add.input[1]]
    )


def load(path: Path) -> onnx.ModelProto:
    """Read a model whose constants all are initialisers, and all weights of 32 bits."""
    model = onnx.load(str(path))
    stored = {t.name: t for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            value = numpy_helper.to_array(stored[node.input[0]])
            if value.dtype == np.float16:
                whole = numpy_helper.from_array(value.astype(np.float32), node.output[0])
                stored[node.input[0]].CopyFrom(whole)
                continue
        if node.op_type == "Constant":
            value = next(a for a in node.attribute if a.name == "value")
            tensor = onnx.TensorProto()
            tensor.CopyFrom(value.t)
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


Step = tuple[str, list[str], str, dict[str, Any]]


def _fused(nodes: list[onnx.NodeProto]) -> tuple[list[Step], dict[str, str]]:
    """Return the nodes as steps, GELU as one; and names of what is only passed on → of what."""
    renamed: dict[str, str] = {}
    steps: list[Step] = []
    for node in nodes:
        inputs = [renamed.get(i, i) for i in node.input]
        if node.op_type in _SAME:
            renamed[node.output[0]] = inputs[0]
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        steps.append((node.op_type, inputs, node.output[0], attributes))
    out: list[Step] = []
    i = 0
    while i < len(steps):
        ops = [op for op, *_ in steps[i : i + 5]]
        if ops == ["Div", "Erf", "Add", "Mul", "Mul"]:
            out.append(("Gelu", [steps[i][1][0]], steps[i + 4][2], {}))
            i += 5
        else:
            out.append(steps[i])
            i += 1
    return out, renamed


def _last_uses(steps: list[Step]) -> list[list[str]]:
    last = {name: k for k, (_, inputs, _, _) in enumerate(steps) for name in inputs if name}
    out: list[list[str]] = [[] for _ in steps]
    for name, k in last.items():
        out[k].append(name)
    return out


def _fixed_inputs(model: onnx.ModelProto) -> set[str]:
    """Return the names of constants that are no weights."""
    fixed = {"groups"}
    trained: set[str] = set()
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            fixed.update(node.input[3:])
        if node.op_type in _RUNNING:
            trained.update(node.input)
    return fixed | {t.name for t in model.graph.initializer if t.name not in trained}


def _conv(a: dict[str, Any], v: list[Any]) -> Tensor:
    x, weight = v[0], v[1]
    padding = _padding(a, weight.shape[2:])
    if any(padding):
        if padding[0] == padding[2] and padding[1] == padding[3]:
            pad: tuple[int, int] = (padding[0], padding[1])
        else:
            x = functional.pad(x, (padding[1], padding[3], padding[0], padding[2]))
            pad = (0, 0)
    else:
        pad = (0, 0)
    bias = v[2] if len(v) > 2 else None
    strides = tuple(a.get("strides", (1, 1)))
    return functional.conv2d(x, weight, bias, strides, pad, groups=a.get("group", 1))


def _padding(a: dict[str, Any], kernel: Sequence[int]) -> tuple[int, int, int, int]:
    """Return how many pixels to add: top, left, bottom, right."""
    if a.get("auto_pad", b"NOTSET") == b"SAME_UPPER":  # strides are 1 where it is used
        high, wide = kernel[0] - 1, kernel[1] - 1
        return high // 2, wide // 2, high - high // 2, wide - wide // 2
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return top, left, bottom, right


def _max_pool(a: dict[str, Any], v: list[Any]) -> Tensor:
    top, left, bottom, right = _padding(a, a["kernel_shape"])
    x = functional.pad(v[0], (left, right, top, bottom), value=-math.inf)
    return functional.max_pool2d(x, a["kernel_shape"], a["strides"])


def _normalised(a: dict[str, Any], v: list[Any]) -> Tensor:
    x, scale, bias, mean, variance = v
    factor = scale / torch.sqrt(variance + a.get("epsilon", 1e-5))
    shape = (-1, *[1] * (x.dim() - 2))
    return cast("Tensor", x * factor.view(shape) + (bias - mean * factor).view(shape))


def _slice(_: dict[str, Any], v: list[Any]) -> Any:
    x, starts, ends = v[0], v[1].tolist(), v[2].tolist()
    axes = v[3].tolist() if len(v) > 3 else range(len(starts))
    index = [slice(None)] * x.dim()
    for axis, start, end in zip(axes, starts, ends, strict=True):
        index[axis] = slice(start, None if end > 1 << 30 else end)
    return x[tuple(index)]


def _reshape(_: dict[str, Any], v: list[Any]) -> Tensor:
    shape = [v[0].shape[i] if n == 0 else n for i, n in enumerate(v[1].tolist())]
    return cast("Tensor", v[0].reshape(shape))


def _axes(a: dict[str, Any], v: list[Any]) -> list[int]:
    """Return the axes: an attribute, from opset 13 on an input."""
    return v[1].tolist() if len(v) > 1 else list(a["axes"])


def _squeeze(a: dict[str, Any], v: list[Any]) -> Tensor:
    return cast("Tensor", v[0].squeeze(tuple(_axes(a, v))))


def _unsqueeze(a: dict[str, Any], v: list[Any]) -> Tensor:
    out = v[0]
    for axis in _axes(a, v):
        out = out.unsqueeze(axis)
    return cast("Tensor", out)


def _mean(a: dict[str, Any], v: list[Any]) -> Tensor:
    return cast("Tensor", v[0].mean(dim=tuple(a["axes"]), keepdim=bool(a.get("keepdims", 1))))


def _average_pool(a: dict[str, Any], v: list[Any]) -> Tensor:
    return functional.avg_pool2d(v[0], a["kernel_shape"], a["strides"])


_OPERATIONS: Final[dict[str, Operation]] = {
    "Add": lambda _, v: v[0] + v[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _normalised,
    "Concat": lambda a, v: torch.cat(v, dim=a["axis"]),
    "Conv": _conv,
    "Div": lambda _, v: v[0] / v[1],
    "Erf": lambda _, v: torch.erf(v[0]),
    "Gelu": lambda _, v: functional.gelu(v[0]),
    "GlobalAveragePool": lambda _, v: v[0].mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": lambda a, v: (v[0] * a["alpha"] + a["beta"]).clamp(0, 1),
    "HardSwish": lambda _, v: functional.hardswish(v[0]),
    "MatMul": lambda _, v: v[0] @ v[1],
    "MaxPool": _max_pool,
    "Mul": lambda _, v: v[0] * v[1],
    "Pow": lambda _, v: v[0] ** v[1],
    "ReduceMean": _mean,
    "Relu": lambda _, v: functional.relu(v[0]),
    "Reshape": _reshape,
    "Shape": lambda _, v: torch.tensor(v[0].shape),
    "Sigmoid": lambda _, v: torch.sigmoid(v[0]),
    "Slice": _slice,
    "Softmax": lambda a, v: torch.softmax(v[0], dim=a["axis"]),
    "Sqrt": lambda _, v: torch.sqrt(v[0]),
    "Squeeze": _squeeze,
    "Sub": lambda _, v: v[0] - v[1],
    "Transpose": lambda a, v: v[0].permute(tuple(a["perm"])),
    "Unsqueeze": _unsqueeze,
}
