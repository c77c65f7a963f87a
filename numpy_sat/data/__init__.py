"""Images and their captions: where they come from and how they become batches."""
