"""Which part of a photo is what: label maps of photos, from painted masks, clusters or a network.

Arrays in, labels out. The package knows nothing of style transfer, of files or of encoders, and imports nothing of
`photostyle`.
"""
