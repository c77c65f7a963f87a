"""The interface to the machine: threads, memory, errors, progress bars, random streams."""
