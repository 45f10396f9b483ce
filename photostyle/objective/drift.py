"""The drift term: whether hue and chroma of equal colours change from place to place, or from pixel to pixel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from photostyle.colour.cielab import lab
from photostyle.objective.constants import (
    BINS,
    CELL,
    FLAT,
    GRAIN,
    LARGE,
    LITTLE,
    LITTLE_DRIFT,
    REACH,
    SIGMA,
    UNIT,
)


class DriftTerm:
    """How far hue and chroma drift away from those of a reference, from place to place, for equal colours.

    The term is the root of drift^2 + (`GRAIN` grain)^2, made smooth at zero.

    *Drift*: take what a* and b* of the image differ from those of the reference. Subtract its mean over all pixels of
    the region that have the same colour in the content. What is left is blurred, and its root mean square is the drift.
    A map of colours that is the same everywhere adds nothing to it. Gradients in the sky that the content does not
    have, and rainbows, cost something. What the reference changes from place to place, because the style shows it, is
    free.

    *Grain*: take the squared second differences of L*, a* and b* where the content is flat and in one region, as far as
    they are larger than in the reference. The root of their mean is the grain. A map that makes much of small
    differences of colour makes noise and the blocks of JPEG visible in skies, walls and skin. Smooth shading has no
    second differences to speak of, so its contrast may grow.

    Args:
        content: `(1, 3, H, W)`, sRGB-encoded, [0, 1].
        reference: the same photo after the change that is free, in the same form.
        labels: `(H, W)` integer, the region of every pixel.
    """

    def __init__(self, content: Tensor, reference: Tensor, labels: Tensor) -> None:
        self.size = content.shape[2:]
        changed, colours = (lab(photo[0].flatten(1).T) for photo in (reference, content))
        self.reference, self.grain = changed[:, 1:], self._grain(changed)
        low = content.new_tensor([0.0, -80.0, -80.0])
        places = ((colours - low) / content.new_tensor([100.0, 160.0, 160.0]) * BINS).long().clamp(0, BINS - 1)
        keys = ((labels.flatten() * BINS + places[:, 0]) * BINS + places[:, 1]) * BINS + places[:, 2]
        _, self.bins, self.counts = keys.unique(return_inverse=True, return_counts=True)
        sigma = SIGMA * max(self.size) / CELL
        reach = max(1, round(REACH * sigma))
        at = torch.arange(-reach, reach + 1, dtype=content.dtype, device=content.device)
        weights = torch.exp(-0.5 * (at / sigma) ** 2)
        self.kernel = weights / weights.sum()
        masks = functional.one_hot(labels.unique(return_inverse=True)[1]).permute(2, 0, 1).to(content.dtype)
        self.areas = functional.avg_pool2d(masks[:, None], CELL, ceil_mode=True)[:, 0]
        self.masks = masks
        self.blurred = self._blurred(self.areas).clamp_min(LITTLE)
        middle = labels[1:-1, 1:-1]
        sides = torch.stack([labels[1:-1, 2:], labels[1:-1, :-2], labels[2:, 1:-1], labels[:-2, 1:-1]])
        self.flat = (sides == middle).all(0) * FLAT**2 / (FLAT**2 + self._grain(colours))

    def __call__(self, image: Tensor) -> Tensor:
        """The term of `(1, 3, H, W)`, sRGB-encoded, [0, 1]: a scalar, in hundredths of the range of L*."""
        colours = lab(image[0].flatten(1).T)
        change = colours[:, 1:] - self.reference
        means = torch.zeros(len(self.counts), 2, dtype=change.dtype, device=change.device)
        means = means.index_add(0, self.bins, change) / self.counts[:, None]
        left = (change - means[self.bins]).T.reshape(2, 1, *self.size)
        cells = functional.avg_pool2d((left * self.masks).flatten(0, 1)[:, None], CELL, ceil_mode=True)[:, 0]
        drift = self._blurred(cells).unflatten(0, (2, -1)) / self.blurred
        mean = (self.areas * drift.square()).sum() / self.areas.sum()
        more = (self._grain(colours) - self.grain).clamp_min(0)
        grain = (self.flat * more.square() / (more + LARGE)).mean()
        term: Tensor = ((mean + GRAIN**2 * grain + LITTLE_DRIFT**2).sqrt() - LITTLE_DRIFT) / UNIT
        return term

    def _grain(self, colours: Tensor) -> Tensor:
        """`(H - 2, W - 2)`: squared second differences of CIELAB colours `(H W, 3)`, along rows and columns."""
        planes = colours.T.reshape(3, *self.size)
        middle = 2 * planes[:, 1:-1, 1:-1]
        across = planes[:, 1:-1, 2:] + planes[:, 1:-1, :-2] - middle
        down = planes[:, 2:, 1:-1] + planes[:, :-2, 1:-1] - middle
        grain: Tensor = (across.square() + down.square()).sum(0)
        return grain

    def _blurred(self, planes: Tensor) -> Tensor:
        """`(N, h, w)` after the Gaussian; beyond the border there is nothing."""
        reach = len(self.kernel) // 2
        down = functional.conv2d(planes[:, None], self.kernel[None, None, :, None], padding=(reach, 0))
        return functional.conv2d(down, self.kernel[None, None, None, :], padding=(0, reach))[:, 0]
