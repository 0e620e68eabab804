"""Compares generated examples with real ones: judges, metrics, and figures that record how they were computed."""

from ganzoo.evaluation.evaluator import Evaluator, open_evaluator
from ganzoo.evaluation.figures import Evaluation, Figure

__all__ = ["Evaluation", "Evaluator", "Figure", "open_evaluator"]
