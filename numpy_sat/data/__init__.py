"""Data sets of images (or phrases) and captions, and the batches made of them."""
