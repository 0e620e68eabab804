"""What one implements to extend ganzoo: abstract classes and the types that they exchange."""
