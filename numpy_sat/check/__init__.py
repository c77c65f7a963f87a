"""Gradient checks against finite differences."""
