"""How a model is trained: start, loop, optimizers."""
