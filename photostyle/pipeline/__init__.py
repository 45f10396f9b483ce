"""Where the rooms meet: a session takes a photo from file to file, through regions, correspondence, a method, and
adjustments. `session` alone wires the rooms; `grid_method` and `pixel_method` solve a `task`, `set_look` finds one look
for many photos, `adjustments` and `rendering` decide how much of it a photo takes, `result` is what comes back.
"""
