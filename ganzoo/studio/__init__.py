"""The use of trained models: sampling, evaluation, export and conversion; and benchmarks of training."""
