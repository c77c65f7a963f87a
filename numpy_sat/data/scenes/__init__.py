"""Synthetic scenes: the images, and the language that describes them."""
