"""How much memory is free: on the whole machine, and within the limits that a container or a service is given.

The limits are those of control groups (cgroups), which Linux keeps as files. The usage of a group includes the page
cache: copies of files that were read or written, which the system drops when a program needs the memory. Such copies
count as free here. A batch that reads thousands of photos would otherwise seem to have no memory left.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def free_bytes(root: Path = ROOT) -> int | None:
    """Memory that is free now, in bytes; None where the system does not say.

    Args:
        root: of the file system that has /proc and /sys.
    """
    found = list(_free_in_groups(root))
    meminfo = root / "proc/meminfo"
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    return min(found) if found else None


def _free_in_groups(root: Path) -> Iterator[int]:
    """What each control group that this process is in has free: its own, and all above it."""
    own = root / "proc/self/cgroup"
    for line in own.read_text().splitlines() if own.exists() else []:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            files = ("memory.max", "memory.current", "")
            top = root / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):  # version 1
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
            top = root / "sys/fs/cgroup/memory"
        else:
            continue
        lowest = top / path.lstrip("/")
        for folder in (lowest, *lowest.parents):  # in a container the lower ones may not be visible
            if folder.is_relative_to(top) and (free := _free_in_group(folder, *files)) is not None:
                yield free


def _free_in_group(folder: Path, limit: str, usage: str, prefix: str) -> int | None:
    """What a control group has free; None where it has no limit, or none that can be read."""
    try:
        most, used = (folder / limit).read_text().strip(), int((folder / usage).read_text())
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return None
    if most == "max":
        return None
    cached = sum(int(counts.get(f"{prefix}{name}", 0)) for name in ("inactive_file", "active_file"))
    mapped = int(counts.get(f"{prefix}{'mapped_file' if prefix else 'file_mapped'}", 0))  # programs that run
    return max(0, int(most) - used + max(0, cached - mapped))
