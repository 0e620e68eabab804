"""Small systems that use all of the contract, written as a plugin would write them.

``declarations`` is a plugin in one file; ``systems`` has the systems by name.
"""
