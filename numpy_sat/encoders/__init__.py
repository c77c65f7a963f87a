"""Picture (N, H, W, 3) to annotation vectors a (N, L, D)."""
