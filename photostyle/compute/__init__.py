"""Where and how a transfer is computed: devices, number formats, tiles of large photos, sparse matrices, warnings of
libraries."""
