from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from photostyle.colour.luma import LUMA
from photostyle.solvers import grid
from photostyle.solvers.bilateral import (
    HIGH,
    LOW,
    WARMEST,
    RegionSlice,
    Shape,
    coefficients_of,
    grids_in_grey,
    sliced,
)
from photostyle.solvers.closed_form import KNOTS, ColourMap
from photostyle.solvers.full_size import apply_grids, shoulder
from photostyle.solvers.grid import Objective, Slices, Solver, Stiffness
from photostyle.solvers.result import Outcome, Solution, Status
from photostyle.solvers.surfaces import Surfaces, unmixed
from photostyle.solvers.whitening import inverse_of_lower

SHAPE = Shape(3, 4, 5)
SHAPE_OF_GRIDS = (SHAPE.rows, SHAPE.warmths, SHAPE.lumas, 4, 3)
IDENTITY = ColourMap(np.eye(3), np.zeros(3), np.zeros(KNOTS))
Pixels = NDArray[np.float32]


@pytest.fixture
def photo() -> Pixels:
    return np.random.default_rng(0).random((14, 18, 3), np.float32)


@pytest.fixture
def masks() -> Pixels:
    """Soft, in places absent, nowhere faint."""
    soft = np.random.default_rng(1).dirichlet(np.ones(3), (14, 18)).astype(np.float32).transpose(2, 0, 1)
    solid = np.where(soft < 0.1, np.float32(0), soft)
    return np.ascontiguousarray(solid / solid.sum(0))


def random_grids(seed: int = 2) -> NDArray[np.float64]:
    grids = np.random.default_rng(seed).normal(0, 0.1, (2, 3, 4, 5, 4, 3))
    grids[..., :3, :] += np.eye(3)
    return grids


def applied(photo: Pixels, masks: Pixels, grids: NDArray[np.float64]) -> Pixels:
    return apply_grids(photo, masks, grids, Surfaces.of(photo, masks))


def slices_of(photo: Pixels, masks: Pixels) -> Slices:
    colours = unmixed(photo, masks, Surfaces.of(photo, masks))
    return Slices(colours[:2], masks[:2], masks[2][..., None] * colours[2], SHAPE)


def naive(photo: Pixels, masks: Pixels, grids: NDArray[np.float64]) -> NDArray[np.float64]:
    """The module's formula, a pixel at a time, without the shoulder."""
    surfaces = unmixed(photo, masks, Surfaces.of(photo, masks)).astype(np.float64)
    height, width = photo.shape[:2]
    result = np.zeros(photo.shape)
    for row, column in np.ndindex(height, width):
        for mask, colours, cells in zip(masks[:2], surfaces, grids, strict=False):
            colour = colours[row, column]
            warmth = (colour[0] - colour[2] + WARMEST) / (2 * WARMEST)
            places = ((row + 0.5) / height, np.clip(warmth, 0, 1), np.clip(colour @ LUMA, 0, 1))
            cell = np.zeros((4, 3))
            for corner in np.ndindex(*cells.shape[:3]):
                weight = 1.0
                for index, extent, place in zip(corner, cells.shape[:3], places, strict=True):
                    weight *= max(0.0, 1 - abs(place * (extent - 1) - index))
                cell += weight * cells[corner]
            result[row, column] += mask[row, column] * np.append(colour, 1) @ cell
        result[row, column] += masks[2, row, column] * surfaces[2, row, column]
    return result


def test_slicing_is_the_formula(photo: Pixels, masks: Pixels) -> None:
    grids, slices = random_grids(), slices_of(photo, masks)
    values = sliced(slices.regions, grids, photo.shape[0] * photo.shape[1]) + slices.fixed
    np.testing.assert_allclose(values.reshape(photo.shape), naive(photo, masks, grids), atol=1e-5)
    image, _ = slices.changed(grids.reshape(-1, 3))
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, applied(photo, masks, grids), atol=1e-5)


def test_the_matrix_of_a_region_gives_what_its_slice_gives(photo: Pixels, masks: Pixels) -> None:
    own, grid = RegionSlice(photo, masks[0], SHAPE), random_grids()[0].reshape(-1, 3)
    chosen = np.random.default_rng(3).random(len(own.pixels)) < 0.3
    np.testing.assert_allclose(own.matrix(chosen) @ grid, own.colours(grid)[chosen], atol=1e-5)
    assert own.matrix(np.zeros_like(chosen)).shape == (0, 4 * SHAPE.cells)


def test_the_gradient_for_the_coefficients_is_right(photo: Pixels, masks: Pixels) -> None:
    rng, coefficients, slices = np.random.default_rng(4), 1.5 * random_grids().reshape(-1, 3), slices_of(photo, masks)
    image, slope = slices.changed(coefficients)
    assert (slope < 0.9).any() and (slope == 1).any()
    weights, step = rng.normal(size=image.shape), 1e-3 * rng.normal(size=coefficients.shape)
    ahead, behind = (float((weights * slices.changed(coefficients + sign * step)[0]).sum()) for sign in (1, -1))
    assert float((slices.pulled_back(weights, slope) * step).sum()) == pytest.approx((ahead - behind) / 2, rel=1e-2)


@pytest.mark.parametrize("shape", [SHAPE, Shape(1, 1, 5), Shape(1, 1, 1), Shape(3, 4, 1)])
def test_the_photo_is_recoloured_by_the_formula(photo: Pixels, masks: Pixels, shape: Shape) -> None:
    grids = random_grids()[:, : shape.rows, : shape.warmths, : shape.lumas]
    wanted = shoulder(naive(photo, masks, grids))
    np.testing.assert_allclose(applied(photo, masks, grids), wanted, atol=1e-5)


@pytest.mark.parametrize("size", [1, 5, 64, 131])
def test_the_inverse_of_a_triangular_matrix(size: int) -> None:
    rng = np.random.default_rng(size)
    factor = np.tril(rng.normal(size=(size, size))) / size + 2 * np.eye(size)
    found = inverse_of_lower(factor)
    np.testing.assert_allclose(found @ factor, np.eye(size), atol=1e-12)
    assert size == 1 or np.abs(np.triu(found, 1)).max() < 1e-12


def test_affine_maps_are_in_the_grids_exactly_and_curves_nearly(photo: Pixels, masks: Pixels) -> None:
    rng = np.random.default_rng(3)
    maps = [ColourMap(np.eye(3) + rng.normal(0, 0.1, (3, 3)), rng.normal(0, 0.1, 3), np.zeros(KNOTS)) for _ in "ab"]
    hard = np.zeros_like(masks)
    hard[0, :, :9], hard[1, :, 9:] = 1, 1
    for curve, tolerance in ((np.zeros(KNOTS), 1e-5), (0.2 * np.sin(np.linspace(0, np.pi, KNOTS)), 0.06)):
        bent = [ColourMap(m.gains, m.offset, curve) for m in maps]
        slices = [RegionSlice(photo, mask, SHAPE) for mask in hard[:2]]
        out = sliced(slices, coefficients_of(bent, photo, hard[:2], SHAPE), hard[0].size)
        wanted = np.where(hard[0, ..., None] > 0, bent[0](photo), bent[1](photo))
        np.testing.assert_allclose(out.reshape(photo.shape), wanted, atol=tolerance)


def test_the_shoulder() -> None:
    values = np.linspace(-3, 4, 2001)
    bent = shoulder(values.copy())
    assert 0 <= bent.min() <= bent.max() <= 1
    assert (np.diff(bent) >= 0).all()
    inside = (values >= LOW) & (values <= HIGH)
    assert np.array_equal(bent[inside], values[inside])
    assert np.abs(shoulder(np.array([0.0, 1.0])) - (0, 1)).max() < 2 / 255


def squared_distance(target: Pixels, weights: NDArray[np.float64] | float = 1.0) -> Objective:
    def objective(image: Pixels) -> tuple[float, NDArray[np.float64], dict[str, float]]:
        difference = image.astype(np.float64) - target
        value = float((weights * difference**2).mean())
        return value, 2 * weights * difference / difference.size, {"distance": value}

    return objective


def solved(
    photo: Pixels, masks: Pixels, target: Pixels, stiffness: Stiffness, iterations: int = 60
) -> tuple[NDArray[np.float64], Outcome]:
    start = coefficients_of([IDENTITY] * 2, photo, masks[:2], SHAPE)
    return Solver(start, stiffness, 10)(
        squared_distance(target), slices_of(photo, masks), start, iterations=iterations, tolerance=0, patience=1000,
        report=lambda step: None, stage="",
    )  # fmt: skip


def test_the_solver_finds_the_grids_that_made_a_picture(photo: Pixels, masks: Pixels) -> None:
    target = applied(photo, masks, random_grids())
    grids, solution = solved(photo, masks, target, Stiffness(0, 0, 0, 0))
    assert solution.terms["distance"] < 1e-3 * solution.trace[0].terms["distance"]
    out = applied(photo, masks, grids)
    assert float(((out - target) ** 2).mean()) == pytest.approx(solution.terms["distance"], abs=1e-8)


def test_stiffness_holds_on_to_the_start(photo: Pixels, masks: Pixels) -> None:
    target = applied(photo, masks, random_grids())
    moved = []
    for stiffness in (Stiffness(0, 0, 0, 0), Stiffness(1, 1, 1, 0), Stiffness(1, 1, 1, 100)):
        grids, solution = solved(photo, masks, target, stiffness)
        assert solution.status in (Status.ITERATIONS, Status.LINE_SEARCH, Status.CONVERGED)
        assert set(solution.terms) == {"distance", "stiffness"}
        assert solution.loss == pytest.approx(sum(solution.terms.values()))
        moved.append(float(np.abs(grids - grids.mean((1, 2, 3), keepdims=True)).mean()))
    assert moved[0] > 2 * moved[1] > 2 * moved[2]


def test_what_was_learnt_at_one_size_serves_at_the_next(photo: Pixels, masks: Pixels) -> None:
    target = applied(photo, masks, random_grids())
    start = coefficients_of([IDENTITY] * 2, photo, masks[:2], SHAPE)
    uneven = squared_distance(
        target, np.logspace(0, 3, 14)[:, None, None]
    )  # unlike what the variables are whitened for

    def losses(solver: Solver, *counts: int) -> list[float]:
        grids, found = start, []
        for iterations in counts:
            grids, solution = solver(
                uneven, slices_of(photo, masks), grids, iterations=iterations, tolerance=0,
                patience=1000, report=lambda step: None, stage="",
            )  # fmt: skip
            found += [step.loss for step in solution.trace[1:]]
        return found

    at_once, in_parts = (losses(Solver(start, Stiffness(0, 0, 0, 0), 10), *counts) for counts in ((20,), (12, 8)))
    assert in_parts == pytest.approx(at_once, rel=1e-2)
    assert at_once[12] < 0.9 * at_once[11]


def test_the_value_at_the_beginning_is_computed_once(photo: Pixels, masks: Pixels) -> None:
    seen: list[bytes] = []
    distance = squared_distance(applied(photo, masks, random_grids()))

    def objective(image: Pixels) -> tuple[float, NDArray[np.float64], dict[str, float]]:
        seen.append(image.tobytes())
        return distance(image)

    reference = coefficients_of([IDENTITY] * 2, photo, masks[:2], SHAPE)
    begin = reference + 0.5 * (random_grids() - reference)
    for start in (reference, begin):
        seen.clear()
        _, outcome = Solver(reference, Stiffness(0, 0, 0, 0), 10)(
            objective, slices_of(photo, masks), start, iterations=3, tolerance=0, patience=9,
            report=lambda step: None, stage="",
        )  # fmt: skip
        compared = 0 if start is reference else 1  # the reference, which is higher
        assert len(seen) == len(set(seen)) == outcome.trace[-1].evaluations + compared


def test_colour_is_stiffer_than_light(photo: Pixels, masks: Pixels) -> None:
    target = applied(photo, masks, random_grids())
    shares = []
    for chroma in (1.0, 50.0):
        grids, _ = solved(photo, masks, target, Stiffness(0.1, 0.1, 0.1, 0.1, chroma))
        added = grids - coefficients_of([IDENTITY] * 2, photo, masks[:2], SHAPE)
        colour = added - added.mean(-1, keepdims=True)
        shares.append(float(np.square(colour).sum() / np.square(added).sum()))
    assert shares[1] < 0.3 * shares[0]


def test_the_stated_gradient_is_the_gradient(photo: Pixels, masks: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []

    def check(
        function: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64], object]],
        variables: NDArray[np.float64], **_: object,
    ) -> Solution:  # fmt: skip
        for seed in range(3):
            gradient = function(variables)[1]
            direction = gradient * np.random.default_rng(seed).random(variables.shape)
            direction *= 0.01 / np.linalg.norm(direction)
            ahead, behind = function(variables + direction)[0], function(variables - direction)[0]
            slope = float((gradient * direction).sum())
            checked.append((slope, (ahead - behind) / 2))
        return Solution(variables, Outcome("", 0.0, {}, Status.CONVERGED))

    monkeypatch.setattr(grid, "minimise", check)
    solved(photo, masks, np.full((14, 18, 3), 0.3, np.float32), Stiffness(0.1, 0.15, 0.2, 0.3, 5.0))
    for slope, difference in checked:
        assert slope == pytest.approx(difference, rel=2e-2)
    assert min(abs(slope) for slope, _ in checked) > 1e-6


def test_grids_in_grey_give_the_luma_of_the_grids(photo: Pixels, masks: Pixels) -> None:
    grids = np.random.default_rng(2).normal(0.2, 0.05, (len(masks), *SHAPE_OF_GRIDS))
    full = np.ones((1, *photo.shape[:2]), np.float32)
    colour, grey = (applied(photo, full, each[:1]) for each in (grids, grids_in_grey(grids)))
    assert np.ptp(grey, axis=-1).max() == 0
    np.testing.assert_allclose(grey[..., 0], colour @ np.array(LUMA), atol=1e-5)


def test_the_solver_begins_at_the_reference_if_that_is_lower(photo: Pixels, masks: Pixels) -> None:
    reference = coefficients_of([IDENTITY] * 2, photo, masks[:2], SHAPE)
    target = applied(photo, masks, reference)
    solver = Solver(reference, Stiffness(0, 0, 0, 0), 10)
    options = {"iterations": 0, "tolerance": 0, "patience": 1, "report": lambda step: None, "stage": ""}
    worse, outcome = solver(squared_distance(target), slices_of(photo, masks), random_grids(), **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(worse, reference, atol=1e-4)
    assert outcome.loss < 1e-8
    better = applied(photo, masks, random_grids())
    kept, _ = solver(squared_distance(better), slices_of(photo, masks), random_grids(), **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(kept, random_grids(), atol=1e-4)
