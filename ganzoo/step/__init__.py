"""One update of every network that is due: the step, how it is executed, on which device and in which precision."""
