"""What other programs and people read: reports of a run and LUT files."""
