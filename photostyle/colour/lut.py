"""3D LUTs: fitted to pairs of colours, and written as .cube or HaldCLUT."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from photostyle.colour.luma import LUMA

Colours = NDArray[np.floating]

COARSEST = 5
"""Points along each side of the first lattice. Each following lattice has twice as many steps."""
BENDING, SLOPE = 1e-6, 1e-5
"""Weights of the second and first derivatives of the LUT, against the mean squared error of the colours. They are the
smallest weights that leave no steps in a sky (docs/looks.md). Where there are no colours, they continue what is
near."""
_KNOWN = {"ß": "ss", "ẞ": "SS", "\u201e": "'", "\u201a": "'", "\u2044": "/", "ь": "", "ъ": ""}
"""Characters whose names do not say how they are written: among them low quotation marks and the fraction slash."""
_WRITTEN_AS = {
    **dict.fromkeys(("Mn", "Mc", "Me", "Cf"), ""), **dict.fromkeys(("Zs", "Zl", "Zp", "Cc"), " "), "Pi": "'", "Pf": "'",
    "Pd": "-",
}  # fmt: skip
"""What stands for a character of a Unicode category: accents, spaces and line breaks, quotation marks, dashes."""
_LONGEST_TEXT = 240
"""Characters of a title or a comment: a line of a .cube file has at most 250 bytes."""
ITERATIONS, TOLERANCE = 2000, 1e-3
"""Conjugate gradients on each lattice, starting from the solution of the lattice before: most iterations, and the
residual to reach, as a share of the right side. Photos need about 30 iterations at most."""


@dataclass(frozen=True, eq=False)
class Lut:
    """Colours at the points of a lattice, with linear interpolation between them.

    Args:
        table: `(n, n, n, 3) float64`, sRGB-encoded, [0, 1]. The indices are the red, green and blue of the input.
        residual: residual of the equations for the table, as a share of their right side; 0 if the solver converged.
    """

    table: NDArray[np.float64] = field(repr=False)
    residual: float = 0.0

    @property
    def points(self) -> int:
        """The number of points along each side."""
        return len(self.table)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about the fit."""
        if not self.residual:
            return ()
        found = f"its residual is {self.residual:.1g}, expected at most {TOLERANCE:g}"
        advice = "Colours between those of the photo may be wrong. Try fewer points."
        return (f"the table's fit did not converge: {found}. {advice}",)

    def in_grey(self) -> Lut:
        """The LUT that gives the luma of this LUT's colours, in all three channels."""
        return replace(self, table=np.repeat((self.table @ LUMA)[..., None], 3, axis=-1))

    def __call__(self, colours: Colours) -> NDArray[np.float64]:
        """The LUT of colours `(..., 3)`, sRGB-encoded. Values outside [0, 1] are clipped first."""
        flat = np.clip(colours.reshape(-1, 3), 0, 1).astype(np.float64)
        mapped: NDArray[np.float64] = _weights(flat, self.points) @ self.table.reshape(-1, 3)
        return mapped.reshape(colours.shape)


def fit_lut(before: Colours, after: Colours, weights: NDArray[np.floating], points: int) -> Lut:
    """The smooth LUT that best maps one set of colours to another.

    With r the difference between the table and the identity, it minimises

        sum_p w_p |r(before_p) - (after_p - before_p)|^2 / sum_p w_p + BENDING int |r''|^2 + SLOPE int |r'|^2 ,

    on coarse lattices first and then on finer ones. Colours that do not occur are continued smoothly from those that
    do. Pairs of equal colours give the identity.

    Args:
        before, after: `(P, 3)`, sRGB-encoded, [0, 1].
        weights: `(P,)`, at least 0, not all 0.
        points: points along each side of the lattice, 2^k + 1.

    Returns:
        The LUT with the residual that was reached. If it is too large, `Lut.warnings` says so.

    Raises:
        ValueError: all weights are 0, `points` has another form, or colours are not finite.
    """
    levels = [points]
    while levels[0] > COARSEST:
        levels.insert(0, levels[0] // 2 + 1)
    if levels != [(points - 1 >> step) + 1 for step in reversed(range(len(levels)))] or levels[0] != COARSEST:
        raise ValueError(f"expected {COARSEST}, {2 * COARSEST - 1}, ... points, found {points}")
    if not weights.sum() > 0:
        raise ValueError("expected a weight above 0")
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        raise ValueError("expected finite colours")
    shares, wanted = weights / weights.sum(), (after - before).astype(np.float64)
    found, residual = np.zeros((COARSEST**3, 3)), 0.0
    for level in levels:
        if level > COARSEST:
            found = _weights(_lattice(level).reshape(-1, 3), level // 2 + 1) @ found
        slices = _weights(before.astype(np.float64), level)
        weighted = sparse.csr_array(slices.T * shares)
        matrix = sparse.csr_array(weighted @ slices + _stiffness(level))
        found, residual = _solved(matrix, weighted @ wanted, found)
    table = _lattice(points) + found.reshape(points, points, points, 3)
    return Lut(np.clip(table, 0, 1), residual)


def _lattice(points: int) -> NDArray[np.float64]:
    """The table of the identity, `(n, n, n, 3)`."""
    steps = np.linspace(0, 1, points)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1)


def _weights(colours: NDArray[np.float64], points: int) -> sparse.csr_array:
    """The matrix `(P, n^3)` of trilinear interpolation at colours `(P, 3)`, [0, 1]."""
    position = colours * (points - 1)
    low = np.minimum(position.astype(np.intp), points - 2)
    share = position - low
    columns, values = [], []
    for corner in np.ndindex(2, 2, 2):
        at = low + corner
        columns.append((at[:, 0] * points + at[:, 1]) * points + at[:, 2])
        values.append(np.where(corner, share, 1 - share).prod(1))
    rows = np.arange(0, 8 * len(colours) + 1, 8)
    shape = (len(colours), points**3)
    return sparse.csr_array((np.stack(values, 1).ravel(), np.stack(columns, 1).ravel(), rows), shape)


def _stiffness(points: int) -> sparse.csr_array:
    """The matrix of the integrals of the squared derivatives, including the mixed ones."""
    step = 1 / (points - 1)
    eye = sparse.eye_array(points)
    first = sparse.csr_array(np.diff(np.eye(points), axis=0) / step)
    second = sparse.csr_array(np.diff(np.eye(points), 2, axis=0) / step**2)
    total = sparse.csr_array((points**3, points**3))
    for axis in range(3):
        for weight, along in ((SLOPE, first), (BENDING, second)):
            total = total + weight * _squared([along if a == axis else eye for a in range(3)])
        mixed = [eye if a == axis else first for a in range(3)]
        total = total + 2 * BENDING * _squared(mixed)
    return sparse.csr_array(total * step**3)


def _squared(factors: list[sparse.csr_array]) -> sparse.csr_array:
    matrix = sparse.kron(sparse.kron(factors[0], factors[1]), factors[2], "csr")
    return matrix.T @ matrix


def _solved(
    matrix: sparse.csr_array, right: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The solution, and the largest residual of the channels that did not converge; 0 if all converged."""
    diagonal = matrix.diagonal()
    scaled = LinearOperator(matrix.shape, lambda vector: vector / diagonal)
    columns, residual = [], 0.0
    for channel in range(3):
        wanted = right[:, channel]
        column, unconverged = cg(matrix, wanted, start[:, channel], rtol=TOLERANCE, maxiter=ITERATIONS, M=scaled)
        columns.append(column)
        if unconverged:
            residual = max(residual, float(np.linalg.norm(wanted - matrix @ column) / np.linalg.norm(wanted)))
    return np.stack(columns, 1), residual


def cube_text(lut: Lut, title: str, comments: list[str]) -> str:
    """The text of a .cube file: Adobe, "Cube LUT Specification", version 1.0, 2013. Red changes fastest.

    Args:
        title: what the LUT does. Characters outside ASCII are written with its letters, see `transliterated`.
        comments: comments, one line each.
    """
    lines = [f"# {transliterated(comment)}" for comment in comments]
    lines += [
        f'TITLE "{transliterated(title)}"',
        f"LUT_3D_SIZE {lut.points}",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    ]
    rows = lut.table.transpose(2, 1, 0, 3).reshape(-1, 3)
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in rows.tolist()]
    return "\n".join(lines) + "\n"


def transliterated(text: str) -> str:
    """One line of printable ASCII without double quotes, as a .cube file needs it.

    Accents are dropped, and letters of other alphabets are written roughly as they sound, by their Unicode names: "été"
    becomes "ete", "жар" becomes "zhar". A character without such a name, as in Chinese, becomes its number, "U+5C71".
    Double quotes become apostrophes, and line breaks become spaces. A text that is too long for a line is cut.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(map(_plain, composed)).split())[:_LONGEST_TEXT]


def _plain(character: str) -> str:
    name = unicodedata.name(character, "")
    if name.startswith("HANGUL SYLLABLE "):
        return name.rpartition(" ")[2].lower()
    return "".join(map(_plain_part, unicodedata.normalize("NFKD", character)))


def _plain_part(character: str) -> str:
    """The same for a character that is not composed of others."""
    if character in _KNOWN:
        return _KNOWN[character]
    if " " <= character <= "~":
        return "'" if character == '"' else character
    kind, name = unicodedata.category(character), unicodedata.name(character, "")
    if kind in _WRITTEN_AS:
        return _WRITTEN_AS[kind]
    if not (found := re.search(r"\b(?:LETTER|LIGATURE) (?:SMALL |SHORT |DOTLESS )?([A-Z]+)", name)):
        return f"U+{ord(character):04X}"
    sound = found[1]
    if name.startswith("CYRILLIC"):  # "SHA" and "ER" are the names of "sh" and "r"
        sound = re.sub(r"^E(?=[FLMNRS]$)|^I(?=E$)|(?<=[B-DF-HJ-NP-TV-XZ])[AEI]$", "", sound)
    return sound if " CAPITAL " in name and len(sound) == 1 else sound.lower()


def hald_image(lut: Lut, level: int) -> NDArray[np.float32]:
    """The picture of a HaldCLUT: level^3 pixels on each side, with level^2 shades of each channel. Red changes fastest.

    This is Eskil Steenberg's format, which ImageMagick's `-hald-clut` and RawTherapee read.

    Returns:
        `(level^3, level^3, 3) float32`, sRGB-encoded, [0, 1].
    """
    colours = lut(_lattice(level**2).transpose(2, 1, 0, 3).reshape(level**3, level**3, 3))
    return np.ascontiguousarray(colours, np.float32)
