"""The room where training happens: assembly, batches, the trainer, averages, model files and run folders."""
