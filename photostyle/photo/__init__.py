"""Files to pixels and back: decoding and encoding, depth, ICC profiles, and EXIF, XMP and IPTC."""
