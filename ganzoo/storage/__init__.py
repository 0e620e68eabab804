"""Files of a run: written completely or not at all, sealed with checksums, and locked to one process."""
