"""Colour: luma, CIELAB, CIEDE2000, 3D LUTs, and how likely a colour is skin or grey."""
