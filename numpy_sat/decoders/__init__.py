"""Annotations (N, L, D) to words: a decoder unrolled over t, and back through time."""
