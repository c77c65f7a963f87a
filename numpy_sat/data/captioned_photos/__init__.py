"""Data sets of photos with captions: readers of their files, and the data set that several files together make."""
