"""Batches of real examples, from device memory or streamed, in an order that depends on the seed alone."""
