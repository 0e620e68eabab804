"""Batches of examples, from memory or streamed, in an order that depends on the seed alone."""
