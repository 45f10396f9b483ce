"""Where and how a transfer is computed: devices, number formats, sparse matrices, warnings of libraries."""
