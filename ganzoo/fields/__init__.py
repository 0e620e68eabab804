"""Ganzoo's own types of field: what is done with images, points, vectors, classes and captions."""
