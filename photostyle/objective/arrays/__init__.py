"""The objective of `default` on NumPy arrays, with its gradient by formula: for solving without PyTorch.

The terms are those of the modules of the same names one folder up, where their formulas and sources are. There PyTorch
differentiates them, on any device and with any encoder. Here the encoder is `compact`, and ONNX Runtime computes it.
Tests hold every value and every gradient to those modules.
"""
