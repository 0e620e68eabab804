"""The interfaces that a plugin implements: abstract classes, and the types that they exchange with ganzoo."""
