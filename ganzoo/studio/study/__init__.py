"""Studies: every combination of a grid, trained with several seeds, and judged alike."""
