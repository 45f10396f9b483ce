"""How the objective is minimised: L-BFGS with bounds, over pixels or over bilateral grids. Also optimal transport in
closed form, and the smoothing of local affine maps.
"""
