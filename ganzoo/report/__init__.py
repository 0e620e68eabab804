"""What a run folder tells of one run or several: choices, figures, curves and pictures, as a page or a table."""
