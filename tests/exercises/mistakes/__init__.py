"""Mistakes that learners make, each a patch of a solution, with what its diagnosis should say (test_mistakes.py).

There is one module for each exercise.
"""

from importlib import import_module
from pathlib import Path

MODULES = [import_module(f"{__name__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("ex*.py"))]
MISTAKES = [mistake for module in MODULES for mistake in module.MISTAKES]
