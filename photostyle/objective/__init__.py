"""The terms of the objective, each differentiable in the image."""
