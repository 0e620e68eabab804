"""Conversion of PyTorch checkpoints to models: the only package that reads pickles, and it never runs one."""
