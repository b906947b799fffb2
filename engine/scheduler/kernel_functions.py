"""Kernels written as plain functions: their own text is what is compiled, so that nothing stale can run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any


def functions_text(entries: Sequence[Callable[..., Any]], helpers: Sequence[Callable[..., Any]] = ()) -> str:
    """Return the text of a kernel module (see compiler.load_kernels): ``entries``, and the ``helpers`` they call."""
    texts = [_bare(function, "inlined") for function in helpers] + [_bare(function, "kernel") for function in entries]
    return "\n\n".join(texts) + "\n"


def _bare(function: Callable[..., Any], decorator: str) -> str:
    """Return a function's own text under another decorator, without what only readers need."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list = [ast.Name(decorator, ast.Load())]
    tree.returns = None
    tree.body = tree.body[1:]
    for argument in tree.args.args:
        argument.annotation = None
    return ast.unparse(ast.fix_missing_locations(tree))
