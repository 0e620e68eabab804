"""A page on this machine to explore models and runs by hand: what it offers, how it draws, and who may ask it."""
