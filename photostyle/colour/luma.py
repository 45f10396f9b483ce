"""Luma, the weighted sum of sRGB-encoded red, green and blue."""

from __future__ import annotations

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the luma Y' of ITU-R BT.601."""
