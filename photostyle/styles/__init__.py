"""Style photos: measured at the sizes of the solve, put together into a style, kept in `.photostyle` files, and matched
with the content (`find_correspondence`).
"""
