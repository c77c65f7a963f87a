"""What the program needs of the machine: threads, memory, errors, progress, random streams."""
