"""Which region every pixel belongs to: region maps, mask files, what the segmenter found, the correspondence between
the regions of two photos, masks brought to the photo's edges, and photos that show the same view.
"""
