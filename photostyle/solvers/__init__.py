"""How it is minimised: L-BFGS with bounds, over pixels or over bilateral grids; optimal transport in closed form; the
smoothing of local affine maps.
"""
