"""The photorealism term: its value, its stated gradient, its precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from photostyle.objective.laplacian import matting_laplacian
from photostyle.objective.photorealism import PhotorealismTerm

HEIGHT, WIDTH = 12, 17
CONTENT = np.random.default_rng(0).random((HEIGHT, WIDTH, 3))
MATRIX = matting_laplacian(CONTENT)


def image(seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def test_value_and_gradient_are_those_of_the_formula() -> None:
    candidate = image(1).requires_grad_()
    value = PhotorealismTerm(MATRIX, dtype=torch.float64)(candidate)
    (gradient,) = torch.autograd.grad(value, candidate)
    columns = candidate.detach().numpy().reshape(3, -1).T
    assert value.shape == ()
    assert value.dtype == torch.float64
    np.testing.assert_allclose(value.item(), np.sum(columns * (MATRIX @ columns)), rtol=1e-12)
    expected = 2 * (MATRIX @ columns).T.reshape(1, 3, HEIGHT, WIDTH)
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=0, atol=1e-12)


def test_gradient_passes_the_check() -> None:
    small = matting_laplacian(CONTENT[:4, :5])
    term = PhotorealismTerm(small, dtype=torch.float64)
    for shape in ((1, 3, 4, 5), (3, 4, 5)):
        candidate = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        assert torch.autograd.gradcheck(lambda x: 3 * term(x), candidate.requires_grad_())


def test_an_image_without_the_batch_axis_gives_the_same() -> None:
    term = PhotorealismTerm(MATRIX, dtype=torch.float64)
    assert term(image(1)[0]) == term(image(1))


def test_float32_stays_close_to_float64() -> None:
    candidate = image(3)
    results = {}
    for dtype in (torch.float32, torch.float64):
        leaf = candidate.to(dtype).requires_grad_()
        value = PhotorealismTerm(MATRIX, dtype=dtype)(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        assert value.dtype == dtype
        results[dtype] = value.item(), gradient.double()
    single, double = results[torch.float32], results[torch.float64]
    assert single[0] == pytest.approx(double[0], rel=1e-6)
    torch.testing.assert_close(single[1], double[1], rtol=0, atol=1e-5)


def test_float32_keeps_small_values_beside_a_large_mean() -> None:
    # An affine image under a bright constant: the exact value is about 1e-5, its terms about 1.
    colours = torch.from_numpy(CONTENT).permute(2, 0, 1)[None]
    candidate = 0.1 * colours + 0.9
    single = PhotorealismTerm(MATRIX)(candidate.float()).item()
    double = PhotorealismTerm(MATRIX, dtype=torch.float64)(candidate).item()
    assert abs(single - double) <= 2e-6


def test_the_affine_content_costs_next_to_nothing_and_an_edge_of_its_own_much() -> None:
    colours = torch.from_numpy(CONTENT).permute(2, 0, 1)[None]
    term = PhotorealismTerm(MATRIX, dtype=torch.float64)
    affine = term(0.3 * colours.flip(1) + 0.2)
    windows = (HEIGHT - 2) * (WIDTH - 2)
    assert 0 <= affine <= windows * 1e-7 * 3 * 0.3**2
    assert term(image(4)) > 1


def test_unfit_arguments_are_refused() -> None:
    term = PhotorealismTerm(MATRIX)
    with pytest.raises(ValueError, match="204 pixels"):
        term(torch.zeros(1, 3, HEIGHT, WIDTH - 1))
    with pytest.raises(ValueError, match="204 pixels"):
        term(torch.zeros(2, 3, HEIGHT, WIDTH))
    with pytest.raises(ValueError, match="204 pixels"):
        term(torch.zeros(1, HEIGHT, WIDTH))
    with pytest.raises(ValueError, match="float32"):
        term(image(1))
    with pytest.raises(ValueError, match="float64"):
        PhotorealismTerm(MATRIX, dtype=torch.float16)
    with pytest.raises(ValueError, match="square"):
        PhotorealismTerm(csr_array(np.ones((3, 4))))


def test_the_matrix_stays_on_the_processor_for_mps() -> None:
    """MPS has no CSR matrices; the images here are on the CPU, so that the test runs on every machine."""
    term = PhotorealismTerm(MATRIX, device="mps")
    assert term._matrix.device.type == "cpu"
    assert term(image(1, torch.float32)) == PhotorealismTerm(MATRIX)(image(1, torch.float32))
