"""Make the trained recogniser small: weights stored in 16 bits, computed in 32.

    python -m training.export --recognizer FOLDER/recognizer.onnx --out weights/recognizer.onnx

Prints how far probabilities differ between the two, at most, on strips of noise and text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from training.drawn import draw
from vinocr.reader.crop import HEIGHT
from vinocr.reader.detect import tensor

_LEAST: Final = 256
"""Values from which a constant is stored in 16 bits."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its large constants in 16 bits and a cast behind each."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    del out.graph.value_info[:]
    out.graph.output[0].type.tensor_type.ClearField("shape")
    casts = []
    for stored in out.graph.initializer:
        value = numpy_helper.to_array(stored)
        if value.dtype != np.float32 or value.size < _LEAST:
            continue
        name = stored.name
        stored.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *out.graph.node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    kept = {t.name for t in out.graph.initializer}
    inputs = [i for i in out.graph.input if i.name not in kept and not i.name.startswith("linear")]
    del out.graph.input[:]
    out.graph.input.extend(inputs)
    return out


def difference(a: Path, b: Path) -> float:
    """Return how far two models' probabilities differ, at most."""
    rng = np.random.default_rng(0)
    sessions: list[Any] = [onnxruntime.InferenceSession(str(path)) for path in (a, b)]
    most = 0.0
    for _ in range(20):
        image = draw(rng, []).image
        width = max(96, round(HEIGHT * image.width / image.height / 8) * 8)
        strip = tensor(image.resize((width, HEIGHT)))[None]
        one, other = (session.run(None, {"x": strip})[0] for session in sessions)
        most = max(most, float(np.abs(one - other).max()))
    return most


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.export", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recognizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    model = onnx.load(str(options.recognizer))
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    whole = options.out.with_suffix(".whole")
    onnx.save(model, str(whole))
    onnx.save(halved(model), str(options.out))
    print(
        f"{options.out.stat().st_size} bytes, differs by {difference(whole, options.out):.5f} at most"
    )
    whole.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
