"""The training loop: the trainer, its checkpoints, evaluations, previews and observers."""
