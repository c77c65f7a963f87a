"""Training: the start of a run, the training loop, and the optimizers."""
