"""Writes the beginning of a plugin: a package or one file that installs, passes its tests and trains at once."""

from ganzoo.new_plugin.draft import KINDS, Draft, file_of, package_of

__all__ = ["KINDS", "Draft", "file_of", "package_of"]
