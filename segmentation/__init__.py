"""Label maps of photos, from painted masks, clusters or a network. They say what each part of a photo shows.

The input and the output are arrays:

    from segmentation.segmenter import Segmenter

    segmenter = Segmenter.load()
    labels = segmenter.probabilities(photo).argmax(0)  # (h, w), ids of segmenter.names

The package does not depend on style transfer or on encoders, and imports nothing from `photostyle`.
"""
