"""The photorealism term without its matrix."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.refine import PAIRS, inverted

Values = NDArray[np.float64]


class PhotorealismTerm:
    """L_m of an image: what is left of every 3x3 window after the best affine map of the content's colours.

    Levin, Lischinski and Weiss, "A Closed Form Solution to Natural Image Matting", CVPR 2006, equations 5 and 10: the
    quadratic form of M_I is the minimum over affine maps (a_k, b_k) of

        sum_k ( sum_{i in k} (v_i - a_k . I_i - b_k)^2 + epsilon |a_k|^2 ) .

    Its gradient for v_i is therefore 2 sum_{k with i} (v_i - a_k . I_i - b_k). Sums over windows are box filters, so
    no matrix is needed; see `photostyle.objective.laplacian` for that.

    Args:
        content: `(H, W, 3)`, sRGB-encoded, [0, 1].
        epsilon: see `laplacian.matting_laplacian`.
        labels: `(H, W)`, the region of every pixel. Windows with pixels of several regions are left out.
    """

    def __init__(self, content: Values, epsilon: float, labels: NDArray[np.intp]) -> None:
        largest, smallest = (
            sign * cv2.dilate(sign * labels.astype(np.float32), np.ones((3, 3), np.uint8)) for sign in (1, -1)
        )
        self.counted = (largest == smallest)[1:-1, 1:-1].astype(np.float64)
        self.content = np.ascontiguousarray(content.transpose(2, 0, 1))
        self.means = [_means(plane) for plane in self.content]
        self.inverse = inverted([
            _means(self.content[i] * self.content[j]) - self.means[i] * self.means[j] + epsilon / 9 * (i == j)
            for i, j in PAIRS
        ])  # fmt: skip
        self.windows = _spread(self.counted)

    def __call__(self, image: Values) -> tuple[float, Values]:
        """L_m of `(H, W, 3)` and its gradient."""
        value, gradient = 0.0, np.empty_like(image)
        for channel in range(3):
            plane = image[..., channel] - image[..., channel].mean()  # M maps constants to 0; less is left to round
            mean = _means(plane)
            common = [_means(own * plane) - other * mean for own, other in zip(self.content, self.means, strict=True)]
            gains = [sum(row[i] * common[i] for i in range(3)) for row in self.inverse]
            offset = mean - sum(gain * own for gain, own in zip(gains, self.means, strict=True))
            left = self.windows * plane - _spread(offset * self.counted)
            for gain, own in zip(gains, self.content, strict=True):
                left -= own * _spread(gain * self.counted)
            value += float((plane * left).sum())
            gradient[..., channel] = 2 * left
        return value, gradient


def _means(plane: Values) -> Values:
    """Means of `(H, W)` over all 3x3 windows inside."""
    return cv2.blur(plane, (3, 3))[1:-1, 1:-1].astype(np.float64, copy=False)


def _spread(windows: Values) -> Values:
    """`(H, W)`: for each pixel the sum of `(H - 2, W - 2)` over the windows that it lies in."""
    sums = cv2.boxFilter(np.pad(windows, 1), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return sums.astype(np.float64, copy=False)
