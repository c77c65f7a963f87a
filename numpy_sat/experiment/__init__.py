"""What a run is: its recipe, presets, folder and checkpoints."""
