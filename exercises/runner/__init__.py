"""The commands of `python -m exercises` and the process that judges learners' files."""
