"""Compiled loops that layers/ runs on; nothing here that layers/ does not state."""
