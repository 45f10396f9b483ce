"""Sets of photos: what is to be done, what was done, and the workers that do it."""
