"""Files that survive kills and full disks: sealed files, models, run folders, locks."""
