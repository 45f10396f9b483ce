"""What tests on a graphics card share."""

from __future__ import annotations

import pytest
import torch

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
"""Of tests that need a graphics card, and run wherever there is one."""
