"""Where it is computed: devices, number formats, and sparse matrices in PyTorch."""
