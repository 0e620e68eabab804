"""One training step: its phases, how it is executed, on which device, in which precision and in how many processes."""
