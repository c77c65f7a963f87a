"""What tests and exercises judge with: numerical gradients, and verdicts in words."""
