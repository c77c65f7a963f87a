"""Compile the functions that kernels call. Kernels include their LLVM code, so they get no machine code of their own.

numba optimizes a function and translates it to machine code before it compiles the functions that call it. A kernel
contains the code of all functions that it calls, and is optimized as a whole again. So numba would optimize a function
three calls below the kernel four times, and use only the last result. Here only the kernel is optimized and translated.
Without this, the kernels of a caption take 7.8 s of processor time instead of 5.4 s (AMD Zen 3, one of two cores,
2026-12-01).
"""

from numba.core import codegen, compiler


class _Library(codegen.JITCodeLibrary):
    """The LLVM code of one function. Kernels link it into theirs; no Python code can call it."""

    def _optimize_final_module(self):
        """Do nothing: the library of the kernel is optimized."""

    def _finalize_final_module(self):
        """Make no machine code."""
        self._finalized = True

    def get_pointer_to_function(self, name):
        """Return 0, numba's address of a function without machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self):
        """Return the object whose set_env numba calls with the environment of the function: this one."""
        return self

    def set_env(self, name, env):
        """Do nothing: kernels use no Python objects."""


class Compiler(compiler.Compiler):
    """numba's compiler, with a _Library for the result. njit accepts it as `pipeline_class`."""

    def __init__(self, typing_context, target_context, library, *rest):
        """Put a _Library in the place of the library that numba has made."""
        library = _Library(target_context.codegen(), "callee")
        super().__init__(typing_context, target_context, library, *rest)
