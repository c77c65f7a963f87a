"""Compile the functions that kernels call. Their LLVM code becomes part of each kernel, so nothing else is made of it.

numba optimizes a function and translates it to machine code before it compiles the functions that call it. A kernel
contains all that it calls, and is optimized as a whole again. So a function three calls below the kernel is optimized
four times, and three of the four results are thrown away. With this compiler, only the kernel is optimized and
translated. The kernels of a caption compile in 6.2 s instead of 8.4 s of processor time (AMD Zen 3, 2026-12-01).
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
        """The object that numba tells the environment of the function, which only Python objects need."""
        return self

    def set_env(self, name, env):
        """Do nothing: kernels use no Python objects."""


class Compiler(compiler.Compiler):
    """numba's compiler, with a _Library for the result. njit accepts it as `pipeline_class`."""

    def __init__(self, typing_context, target_context, library, *rest):
        library = _Library(target_context.codegen(), "callee")
        super().__init__(typing_context, target_context, library, *rest)
