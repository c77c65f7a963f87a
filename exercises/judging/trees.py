"""Parse functions into syntax trees, and list their statements and the names that each statement assigns."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType


def plain_function(function: Callable) -> Callable:
    """Return the Python function behind a compiled one (numba) or one with a kernel for float32 (`@float32`)."""
    return inspect.unwrap(getattr(function, "py_func", function))


def tree_of(function: FunctionType) -> ast.FunctionDef:
    """Return what `parse` returns for the source of a function, with the line numbers of its file."""
    tree = parse(textwrap.dedent(inspect.getsource(function)))
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    return tree


def parse(source: str) -> ast.FunctionDef:
    """Return the syntax tree of a function without its docstring, decorators, argument checks and kernel branches.

    `f = lambda x: y` is parsed as a function that returns y.
    """
    tree = _Plain().visit(ast.parse(source)).body[0]
    if isinstance(tree, ast.Assign) and isinstance(tree.value, ast.Lambda):
        body = [ast.Return(tree.value.body, lineno=tree.lineno, end_lineno=tree.end_lineno)]
        name = ast.unparse(tree.targets[0])
        tree = ast.FunctionDef(name, tree.value.args, body, [], lineno=tree.lineno, end_lineno=tree.end_lineno)
    tree.decorator_list = []
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:] or [ast.Pass()]
    return tree


class _Plain(ast.NodeTransformer):
    """A transformer that removes argument checks (`if ...: raise`) and the branches of the optimizers' kernels."""

    def visit_If(self, node):
        self.generic_visit(node)
        if isinstance(node.test, ast.Call) and ast.unparse(node.test.func) == "_in_one_pass":
            return node.orelse or None
        return None if isinstance(node.body[0], ast.Raise) else node


def statements(node: ast.AST) -> Iterator[tuple[ast.stmt, ast.AST, str, int]]:
    """Yield the statements within a function and their places, as (statement, parent, field, index).

    Nested functions and `raise` statements are left out. The statement is getattr(parent, field)[index].
    """
    for field in ("body", "orelse"):
        for index, statement in enumerate(getattr(node, field, []) or []):
            if isinstance(statement, (ast.FunctionDef, ast.Raise)):
                continue
            yield statement, node, field, index
            yield from statements(statement)


CHANGES = ("append", "extend", "insert", "update", "add", "sort", "reverse", "fill")  # methods that change their object


def targets_of(statement: ast.stmt) -> list[str]:
    """Return the names of the variables that a statement changes.

    It assigns them, adds to them, or changes them by a call whose result is not used: the object of a method in
    CHANGES, or the first argument of any other call.
    """
    if isinstance(statement, ast.Assign):
        nodes = statement.targets
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For)):
        nodes = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        changes_object = method_of(call) in CHANGES
        nodes = [call.func.value] if changes_object else call.args[:1]
    else:
        return []
    names = []
    for node in nodes:
        for part in node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]:
            names += [_grad_key(part) or _base(part)]
    return [name for name in names if name]


def _grad_key(node):
    """Return the variable name dW_h for the node `grads["W_h"]`, else None."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "grads":
        return f"d{node.slice.value}" if isinstance(node.slice, ast.Constant) else None
    return None


def _base(node):
    """Return the variable name x for nodes such as `x[i]`, `x.field` and `*x`, else None."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def method_of(node: ast.AST) -> str | None:
    """Return the name of the method that a node calls, or None."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
