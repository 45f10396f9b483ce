"""How the objective is minimised: L-BFGS with bounds, over pixels or over bilateral grids. Also optimal transport in
closed form, the smoothing of local affine maps, and the grids applied to a photo of any size.
"""
