"""Which part of a photo is what: label maps of photos, from painted masks, clusters or a network.

Arrays in, labels out:

    from segmentation.segmenter import Segmenter

    segmenter = Segmenter.load()
    labels = segmenter.probabilities(photo).argmax(0)  # (h, w), ids of segmenter.names

The package knows nothing of style transfer or of encoders, and imports nothing of `photostyle`.
"""
