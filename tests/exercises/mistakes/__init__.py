"""Typical mistakes for test_mistakes.py: patches of the solutions, with the diagnosis to expect.

There is one module for each exercise.
"""

from importlib import import_module
from pathlib import Path

MODULES = [import_module(f"{__name__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("ex*.py"))]
MISTAKES = [mistake for module in MODULES for mistake in module.MISTAKES]
