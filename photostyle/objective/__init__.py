"""What the solvers minimise: the terms (one file each), their weighted sums, and the Matting Laplacian, which the
photorealism term needs.
"""
