"""Somebody else's old checkpoints made into models; the only room that knows what a pickle is, and it runs none."""
