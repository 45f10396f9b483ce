"""The file of a trained network: ONNX, which the segmenter runs without PyTorch.

The weights are kept in half precision, under the names that they have in `segmentation.training.network.Network`. So
the training can start from the file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from segmentation.segmenter import INPUT, OUTPUT, Segmenter
from segmentation.training.network import Network

OPSET = 20
"""The version of ONNX's operators. ONNX Runtime 1.19 knows it, the first one that works with NumPy 2."""
EXAMPLE = (2, 3, 352, 512)
"""Shape of the photos with which the network is exported. The file is for any number and size of photos."""


def segmenter_of(network: Network) -> Segmenter:
    """A segmenter that computes with the PyTorch module, while there is no file of it."""
    network = network.eval()

    def logits(photos: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = network(torch.from_numpy(photos)).numpy()
        return found

    return Segmenter(logits)


def save_network(path: Path, network: Network, *, training: str) -> str:
    """Writes the network as ONNX, with its weights in half precision.

    Args:
        path: the file to write.
        network: the trained network.
        training: a text about the training, kept in the metadata of the file.

    Returns:
        SHA-256 of the file, in hexadecimal.
    """
    size = torch.export.Dim
    free = {0: size("photos"), 2: 32 * size("rows", min=2), 3: 32 * size("columns", min=2)}
    # Without the optimisations, which fold the normalisations into the convolutions and rename the weights. ONNX
    # Runtime folds them when it loads the file.
    program = torch.onnx.export(
        network.eval(), (torch.zeros(EXAMPLE),), dynamo=True, optimize=False, verbose=False, opset_version=OPSET,
        input_names=[INPUT], output_names=[OUTPUT], dynamic_shapes=(free,),
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    halve_weights(model.graph)
    without_notes(model)
    onnx.helper.set_model_props(model, {"training": training})
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def halve_weights(graph: onnx.GraphProto) -> None:
    """Keeps the weights of a graph in half precision. Nodes of the type Cast make single precision of them."""
    casts = []
    for weight in graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue
        name, single = weight.name, f"{weight.name}_single"
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), name))
        casts.append(onnx.helper.make_node("Cast", [name], [single], to=onnx.TensorProto.FLOAT))
        for node in graph.node:
            for place, used in enumerate(node.input):
                if used == name:
                    node.input[place] = single
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def without_notes(model: onnx.ModelProto) -> None:
    """Removes what the exporter notes of the Python code, paths of this machine among it."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.ClearField("doc_string")
    del model.graph.metadata_props[:], model.metadata_props[:]


def load_network(path: Path) -> Network:
    """The PyTorch module with the weights of a file that `save_network` wrote.

    Raises:
        ValueError: the file does not contain such a network.
    """
    network = Network()
    counters = {key: value for key, value in network.state_dict().items() if not value.is_floating_point()}
    try:
        graph = onnx.load(path).graph
        weights = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
        known = {key: value.float() for key, value in weights.items() if value.is_floating_point()}
        network.load_state_dict(counters | known)
    except (RuntimeError, DecodeError) as error:
        raise ValueError(f"{path}: expected a network that save_network wrote, found {error}") from error
    return network
