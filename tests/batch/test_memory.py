"""Free memory by the files of a system that is made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from photostyle.batch.memory import free_bytes

GB = 1_000_000_000


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def version_2(folder: str, limit: str, current: int, stat: str = "") -> dict[str, str]:
    return {
        f"sys/fs/cgroup{folder}/memory.max": f"{limit}\n",
        f"sys/fs/cgroup{folder}/memory.current": f"{current}\n",
        f"sys/fs/cgroup{folder}/memory.stat": stat,
    }


def version_1(folder: str, limit: int, usage: int, stat: str = "") -> dict[str, str]:
    return {
        f"sys/fs/cgroup/memory{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"sys/fs/cgroup/memory{folder}/memory.usage_in_bytes": f"{usage}\n",
        f"sys/fs/cgroup/memory{folder}/memory.stat": stat,
    }


MEMINFO = {"proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable:   32000000 kB\n"}
CONTAINER_2, CONTAINER_1 = {"proc/self/cgroup": "0::/\n"}, {"proc/self/cgroup": "4:memory:/docker/12\n1:cpu:/\n0::/\n"}


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    unlimited = 9_223_372_036_854_771_712
    assert free_bytes(tmp_path) is None
    assert free_bytes(system(tmp_path / "none", MEMINFO)) == 32_000_000 * 1024
    two = system(tmp_path / "two", MEMINFO | CONTAINER_2 | version_2("", "max", 9 * GB))
    one = system(tmp_path / "one", MEMINFO | CONTAINER_1 | version_1("", unlimited, 9 * GB))
    assert free_bytes(two) == free_bytes(one) == 32_000_000 * 1024


def test_page_cache_of_a_container_counts_as_free(tmp_path: Path) -> None:
    stat = f"anon {2 * GB}\nfile {6 * GB}\nfile_mapped {GB}\nshmem {GB}\ninactive_file {3 * GB}\nactive_file {2 * GB}\n"
    group = version_2("", str(10 * GB), 8 * GB, stat)
    assert free_bytes(system(tmp_path, MEMINFO | CONTAINER_2 | group)) == (10 - 8 + 3 + 2 - 1) * GB


def test_page_cache_of_a_container_counts_as_free_by_version_1(tmp_path: Path) -> None:
    stat = f"inactive_file 4096\ntotal_inactive_file {3 * GB}\ntotal_active_file {2 * GB}\ntotal_mapped_file {GB}\n"
    group = version_1("", 10 * GB, 8 * GB, stat)
    assert free_bytes(system(tmp_path, MEMINFO | CONTAINER_1 | group)) == (10 - 8 + 3 + 2 - 1) * GB


@pytest.mark.parametrize("tight", ["", "/user.slice", "/user.slice/batch.service"])
def test_tightest_limit_of_all_groups_above_counts(tmp_path: Path, tight: str) -> None:
    files = MEMINFO | {"proc/self/cgroup": "0::/user.slice/batch.service\n"}
    for folder in ("", "/user.slice", "/user.slice/batch.service"):
        files |= version_2(folder, str(5 * GB if folder == tight else 20 * GB), 3 * GB)
    assert free_bytes(system(tmp_path, files)) == 2 * GB


def test_group_that_is_over_its_limit_has_nothing_free(tmp_path: Path) -> None:
    assert free_bytes(system(tmp_path, MEMINFO | CONTAINER_2 | version_2("", str(GB), 2 * GB))) == 0
