"""VGG-19's layers by name: the encoders, and how their weights are found, fetched, verified and loaded."""
