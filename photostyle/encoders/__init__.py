"""Feature encoders: VGG-19's layers by name, at VGG-19's widths or narrower."""
