"""From declarations to networks: builds the selected parts, and tries every phase once without data."""
