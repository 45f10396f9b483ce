"""Solvers: a minimiser for any callable, and what it is applied to."""
