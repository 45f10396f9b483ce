"""Style photos. They are measured at the sizes of the solve and added into a style. A style can be saved as a look, in
a `.photostyle` file. `find_correspondence` matches the regions of the content with the regions of a style.
"""
