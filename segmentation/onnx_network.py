"""Networks in ONNX files, which ONNX Runtime computes without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segmentation.threads import threads

Planes = NDArray[np.float32]
Run = Callable[[Mapping[str, Planes]], list[Planes]]
"""A network: `{name of an input: array}` -> its outputs, in their order."""


def onnx_network(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> Run:
    """The network in the bytes of a file.

    Args:
        inputs, outputs: the names that the network must have, in their order.

    Raises:
        Exception: any of ONNX Runtime's exceptions. It has a class of its own for each kind of damage.
        ValueError: another network.
    """
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    # Threads that wait for work sleep. Otherwise they take the processor from other programs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are exceptions, too
    session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [each.name for each in session.get_inputs()], [each.name for each in session.get_outputs()]
    if found != (list(inputs), list(outputs)):
        raise ValueError(f"a network of {found[0]} and {found[1]}")

    def run(arrays: Mapping[str, Planes]) -> list[Planes]:
        try:
            results = session.run(list(outputs), dict(arrays))
        except Exception as error:  # ONNX Runtime has no class of its own for this
            if "allocate memory" not in str(error):
                raise
            raise MemoryError(str(error)) from error
        return [np.asarray(result) for result in results]

    return run
