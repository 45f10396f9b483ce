"""What the solvers minimise: one term a file, their weighted sums, and the Matting Laplacian that the photorealism term
stands on.
"""
