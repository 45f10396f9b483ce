"""The constants of the terms of `default`'s objective. The terms themselves are in the modules that name them."""

REFERENCE_PIXELS = 700 * 466
"""Size of the authors' photos. Photorealism and total variation are sums over pixels, while the other terms are means.
The sums are scaled to this size, so that one weight fits photos of every size."""
PHOTOREALISM_UNIT = 1e-3
"""One unit of the photorealism term of `default`, in units of the paper. At the authors' size, a photo that Luan et al.
call distorted has an L_m of some hundreds."""

SOFTENING = 1e-2
"""`style`: a region closer than this relative distance counts as matched. The square root is smooth there."""

DIRECTIONS = 16
"""`colours`: number of random directions."""
POINTS = 4096
"""`colours`: pixels of a region that are compared; they are chosen once. Two such samples of one distribution are less
than a third of a CIELAB unit apart for the spread of a photo (0.1 times the standard deviation)."""

FLAT_REGION = 1e-9
"""`structure`: prevents division by zero in a region without contrast."""

WINDOW = 7
"""`edges`: side in pixels of the windows that are compared."""
STRONGEST = 0.99
"""`edges`: quantile of an edge map that counts as 1; larger values are clipped."""
LEAST = 1e-4
"""`edges`: a photo whose edges are weaker than this, in luma per pixel, counts as flat."""
C1, C2 = 0.01**2, 0.03**2
"""`edges`: constants of the index for values in [0, 1] (Wang et al. 2004, section III-B)."""

BINS = 16
"""`drift`: bins along each axis of CIELAB. Colours in one bin count as equal."""
CELL = 8
"""`drift`: pixels are averaged over cells of this side before they are blurred."""
SIGMA = 0.03
"""`drift`: standard deviation of the blur, as a share of the longest side."""
REACH = 2.5
"""`drift`: where the blur is cut off, in standard deviations."""
LITTLE = 1e-3
"""`drift`: least share of a region in a cell, after the blur."""
FLAT = 1.0
"""`drift`: a place whose colour is this far, in CIELAB units, from what its neighbours let expect counts half as a flat
one."""
GRAIN = 10.0
"""`drift`: how much grain counts beside drift (our choice, by eye: blocks of JPEG in a sky that becomes a sunset)."""
LARGE = 0.1
"""`drift`: squared differences that grow by this much, in squared CIELAB units, count half. Less counts less, more
counts in full, so that the term is smooth where nothing has grown yet."""
LITTLE_DRIFT = 0.3
"""`drift`: drift below this, in CIELAB units, hardly counts; the term is smooth at zero."""
UNIT = 100
"""`colours`, `drift`: they are in hundredths of the range of L*."""
