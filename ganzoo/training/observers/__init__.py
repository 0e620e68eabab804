"""Observers of a training: each one writes or shows one thing, and none can change the training."""

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart

__all__ = ["Diagnosis", "Observer", "Picture", "Report", "TrainingStart"]
