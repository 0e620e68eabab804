"""Builds the selected parts from their declarations, and runs every phase once without data."""
