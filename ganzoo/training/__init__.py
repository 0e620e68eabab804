"""The loop over steps: the trainer, its checkpoints, previews and observers."""
