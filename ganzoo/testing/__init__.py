"""Helpers for tests of ganzoo and of plugins: selections, stand-in data, command lines, disks that refuse, forged files.

The package imports neither pytest nor any plugin, and no other module of ganzoo imports it.
"""
