"""Sizes of the pictures that the page shows, in pixels."""

THUMB, VIEW = 320, 1600
"""Longest sides of the two copies of each photo that are made when it is added."""
MOST_VIEW = 4096
"""Longest side of a view that is made when it is asked for."""
PROXY_PIXELS = 1_000_000
"""Pixels of the proxy, on which the sliders work."""
MOST_PART = 4_000_000
"""Pixels of the largest part that is shown at once."""
LABELS = 1024
"""Longest side of the labels that are shown and mended."""
