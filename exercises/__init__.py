"""The exercises: exNN_*.py are yours to fill in; `python -m exercises` says how far you are and what is wrong."""
