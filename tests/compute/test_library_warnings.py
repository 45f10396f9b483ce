"""Warnings of libraries go to the thread that caused them, and the process's filters stay as they were."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from photostyle.compute import library_warnings
from photostyle.compute.library_warnings import recorded_warnings
from photostyle.compute.sparse import csr_tensor
from photostyle.photo.photo import Photo
from photostyle.regions.mask_files import read_mask
from tests.handmade import noise


def warn_as(module: str, text: str) -> None:
    warnings.warn_explicit(text, UserWarning, f"{module}.py", 1, module=module)


def test_each_thread_records_its_own_whatever_the_order_of_leaving() -> None:
    before, shown = list(warnings.filters), warnings.showwarning
    entered, leave = threading.Barrier(2, timeout=10), [threading.Event(), threading.Event()]
    found: dict[int, list[str]] = {}

    def record(number: int) -> None:
        with recorded_warnings() as texts:
            entered.wait()
            for _ in range(2):
                warn_as("PIL.TiffImagePlugin", f"damage {number}")
            entered.wait()
            assert leave[number].wait(10)
        found[number] = texts

    threads = [threading.Thread(target=record, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for number, thread in enumerate(threads):  # the first to enter is the first to leave
        leave[number].set()
        thread.join(10)
    assert found == {0: ["damage 0"], 1: ["damage 1"]}
    assert (list(warnings.filters), warnings.showwarning) == (before, shown)


def test_what_others_warn_of_goes_its_way() -> None:
    """Warnings are errors in tests."""
    with recorded_warnings() as texts:
        with pytest.raises(UserWarning, match="ours"):
            warn_as("photostyle.photo.decode", "ours")
        with ThreadPoolExecutor(1) as other, pytest.warns(UserWarning, match="of another thread"):
            other.submit(warn_as, "PIL.Image", "of another thread").result()
        with recorded_warnings() as inner:
            warn_as("pillow_heif.heif", "inside")
        warn_as("PIL", "outside")
    assert (inner, texts) == (["inside"], ["outside"])
    with pytest.raises(UserWarning, match="after"):
        warn_as("PIL.Image", "after")


def test_an_exception_puts_the_filters_back() -> None:
    before = list(warnings.filters)
    with pytest.raises(KeyError), recorded_warnings():
        raise KeyError
    assert list(warnings.filters) == before
    assert not library_warnings._recording


def read_a_photo(folder: Path) -> None:
    Photo.read(folder / "photo.png")


def read_a_mask(folder: Path) -> None:
    read_mask(folder / "mask.png", 40, 48)


def make_a_sparse_tensor(_: Path) -> None:
    csr_tensor(csr_array(np.eye(3, dtype=np.float32)), torch.device("cpu"))


@pytest.mark.parametrize("work", [read_a_photo, read_a_mask, make_a_sparse_tensor])
def test_threads_leave_the_filters_as_they_were(tmp_path: Path, work: Callable[[Path], None]) -> None:
    Image.fromarray(noise(40, 48, 3)).save(tmp_path / "photo.png")
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(tmp_path / "mask.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, tmp_path) for _ in range(200)]:
            done.result()
    assert list(warnings.filters) == before
