"""Whether the machine has an NVIDIA graphics card, without loading torch."""

from __future__ import annotations

import re
from pathlib import Path

_WSL_DEVICE, _WSL_LIBRARY = "dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"


def has_nvidia_card(root: Path = Path("/")) -> bool:
    """Whether Linux shows an NVIDIA card: a device file for each card; in WSL2 one device file and NVIDIA's driver.

    A torch without CUDA does not use the card.

    Args:
        root: the root of the file system.
    """
    devices = root / "dev"
    if devices.is_dir() and any(re.fullmatch(r"nvidia\d+", path.name) for path in devices.iterdir()):
        return True
    return (root / _WSL_DEVICE).exists() and (root / _WSL_LIBRARY).exists()
