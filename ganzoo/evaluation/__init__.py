"""Holding what a model makes against real data: judges, metrics, and figures that say what they were taken with."""

from ganzoo.evaluation.evaluator import Evaluator, open_evaluator
from ganzoo.evaluation.figures import Evaluation, Figure

__all__ = ["Evaluation", "Evaluator", "Figure", "open_evaluator"]
