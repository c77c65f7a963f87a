"""The parts of a run: its recipe, presets, folder and checkpoints."""
