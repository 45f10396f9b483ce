"""What the colours of a photo say about regions of which only a rough place is known.

1. Colours: a place whose colour is more frequent in one region than in the photo is more likely part of that region, as
   in Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004. Here colours are counted in a smoothed histogram. That
   paper fits Gaussian mixtures.
2. Neighbours of like colour belong together: a random walk with what is known before as its prior, as in Grady,
   "Multilabel Random Walker Image Segmentation Using Prior Models", CVPR 2005.

`subject` finds the subject of a photo with both, and `rooms` the walls, floors and furniture of a room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photostyle.colour.cielab import lab as lab_of

if TYPE_CHECKING:
    from scipy import sparse

ROUNDS = 3
"""Times that the colours of each region are estimated. 6 gave the same overlap (`tests/benchmarks/subjects.py`)."""
COLOUR, MOST_COLOUR = 0.5, 2.0
"""Weight of the colours' log-likelihood ratio beside the network's log-odds, and the largest ratio (our choice: with
1.0 the results are as good)."""
LEAST_CHANCE = 0.02
"""The network's probabilities are kept this far from 0 and 1."""
COHERENCE = 2.0
"""Weight of the neighbours against the prior. 2 gave slightly better subjects than 5, and 5 than 20 and 60
(`tests/benchmarks/subjects.py`, photos at even places)."""
LIGHTNESSES, CHROMAS, REACH = 12, 18, 64.0
"""Bins of the histogram along L*, and along a* and b* from -`REACH` to `REACH`, in units of CIELAB. A bin is some 8
units wide."""
BLUR = 1.0
"""Standard deviation of the Gaussian that smooths the histogram, in bins."""
RARE = 1e-4
"""Is added to the frequency of every colour, so that ratios of rare colours stay small."""
FAINT = 1e-3
"""Least affinity of neighbours of very different colours."""


class ColourWalk:
    """The colours of a photo on a coarse grid, and the random walk between like neighbours.

    Args:
        pixels: `(h, w, 3) float32`, sRGB-encoded, [0, 1], at the size of the grid.

    The attribute `lab` is `(h, w, 3)`, the colours in CIELAB. `bins` is `(h, w)`, the place of each colour in the
    histogram, flattened.
    """

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        from scipy import sparse
        from scipy.sparse.linalg import splu

        self.lab = lab_of(pixels.reshape(-1, 3).astype(np.float64)).reshape(pixels.shape)
        light = np.clip(self.lab[..., 0] / 100 * LIGHTNESSES, 0, LIGHTNESSES - 1).astype(np.intp)
        chroma = np.clip((self.lab[..., 1:] / REACH + 1) / 2 * CHROMAS, 0, CHROMAS - 1).astype(np.intp)
        self.bins = (light * CHROMAS + chroma[..., 0]) * CHROMAS + chroma[..., 1]
        self._solver = splu((sparse.eye_array(self.bins.size) + COHERENCE * colour_laplacian(self.lab)).tocsc())

    def frequencies(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(bins,)`, sum 1: how frequent each colour is, where places `(h, w)` count by their weights."""
        from scipy import ndimage

        shape = (LIGHTNESSES, CHROMAS, CHROMAS)
        counts = np.bincount(self.bins.ravel(), weights.ravel(), int(np.prod(shape))).reshape(shape)
        smooth: NDArray[np.float64] = ndimage.gaussian_filter(counts / max(counts.sum(), RARE), BLUR).ravel()
        return smooth

    def settle(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each place `(h, w)`, [0, 1], after the walk from its prior."""
        found: NDArray[np.float64] = np.clip(self._solver.solve(prior.ravel()).reshape(prior.shape), 0, 1)
        return found

    def grown(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities of regions, `(K, h, w)`, sum 1 over K, after both steps."""
        kept, found = np.clip(probabilities.astype(np.float64), LEAST_CHANCE, 1), probabilities.astype(np.float64)
        everywhere = self.frequencies(np.ones(self.bins.shape)) + RARE
        for _ in range(ROUNDS):
            ratios = np.stack([np.log((self.frequencies(plane) + RARE) / everywhere) for plane in found])
            prior = kept * np.exp(COLOUR * np.clip(ratios, -MOST_COLOUR, MOST_COLOUR))[:, self.bins]
            found = np.stack([self.settle(plane) for plane in prior / prior.sum(0)])
            found /= found.sum(0)
        return found.astype(np.float32)


def colour_laplacian(lab: NDArray[np.float64]) -> sparse.csr_array:
    """`(h w, h w)`, positive semi-definite, row sums 0: the Laplacian of the grid of four neighbours.

    The affinity of neighbours falls with the distance of their colours, relative to the photo's mean squared distance.

    Args:
        lab: `(h, w, 3)`, CIELAB.
    """
    from scipy import sparse

    height, width = lab.shape[:2]
    places = np.arange(height * width).reshape(height, width)
    first = np.concatenate([places[:, :-1].ravel(), places[:-1].ravel()])
    second = np.concatenate([places[:, 1:].ravel(), places[1:].ravel()])
    colours = lab.reshape(-1, 3)
    distances = ((colours[first] - colours[second]) ** 2).sum(1)
    affinities = np.exp(-distances / max(2 * float(distances.mean()), FAINT)) + FAINT
    size = height * width
    upper = sparse.coo_array((affinities, (first, second)), (size, size)).tocsr()
    both = upper + upper.T
    degrees = np.asarray(both.sum(1)).ravel()
    return (sparse.diags_array(degrees) - both).tocsr()
