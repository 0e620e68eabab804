"""Observers of a training: each one writes or shows one thing, and none can change the training."""

from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart

__all__ = ["Observer", "Picture", "Report", "TrainingStart"]
