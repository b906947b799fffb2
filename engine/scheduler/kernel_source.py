"""Writes the kernels of a chain: plug-in bodies woven into loops over blocks of hosts that the compiler can vectorise.

Three kernels come out. ``place`` answers requests from class views (see views.py), ``weigh`` gives every host's weight
for one request, and ``verdicts`` tells which filters reject which host. Inside a block there is one loop per filter and
no branch on a host: masks are combined with ``&``, minima and maxima taken over selected values. A host's exact weight,
nova's own arithmetic with its division, is computed only for hosts whose linear estimate comes within rounding of the
best.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

from engine.inventory.usage import apply_usage
from engine.scheduler.kernel_block import block_best_text, summarise_text
from engine.scheduler.kernel_place import place_text
from engine.scheduler.kernel_plan import KernelPlan
from engine.scheduler.kernel_weigh import verdicts_text, weigh_text


def kernel_text(plan: KernelPlan) -> str:
    """Return the source of the module that holds the plan's kernels."""
    parts = [_body_text(plugin.body, f"filter_{index}") for index, plugin in enumerate(plan.filters)]
    parts += [_body_text(w.body, f"weigher_{index}") for index, w in enumerate(plan.weighers) if w.kind == "column"]
    parts.append(_body_text(apply_usage, "apply_usage"))
    view_plan = KernelPlan(plan.filters, plan.view_weighers, plan.columns, plan.options)
    numbers = {id(w): index for index, w in enumerate(plan.weighers)}
    view_names = [f"weigher_{numbers[id(w)]}" for w in view_plan.weighers]
    parts += [summarise_text(view_plan, view_names), block_best_text(view_plan, view_names), place_text(view_plan)]
    parts += [weigh_text(plan), verdicts_text(plan)]
    return "\n\n".join(parts) + "\n"


def _body_text(body: object, name: str) -> str:
    """Return a plug-in's own text without its decorators, docstring and annotations, as a helper of this name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))  # type: ignore[arg-type]
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.name = name
    function.decorator_list = [ast.Name("inlined", ast.Load())]
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return ast.unparse(ast.fix_missing_locations(tree))
