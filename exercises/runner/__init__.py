"""What `python -m exercises` is made of."""
