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
from engine.scheduler.kernel_judge import judge_text
from engine.scheduler.kernel_leaf import rescore_text, survey_text
from engine.scheduler.kernel_lines import COMMON_TEXT
from engine.scheduler.kernel_many import many_text
from engine.scheduler.kernel_place import place_text
from engine.scheduler.kernel_plan import KernelPlan
from engine.scheduler.kernel_weigh import verdicts_text, weigh_text
from engine.scheduler.leaf_plan import LeafPlan


def kernel_text(plan: KernelPlan) -> str:
    """Return the source of the module that holds the plan's kernels."""
    parts = _bodies(plan)
    parts.append(_body_text(apply_usage, "apply_usage"))
    leaf = LeafPlan.of_views(plan)
    parts += [COMMON_TEXT, survey_text(leaf), rescore_text(leaf), place_text(leaf)]
    parts += [weigh_text(plan), verdicts_text(plan)]
    return "\n\n".join(parts) + "\n"


def explanation_text(plan: KernelPlan) -> str:
    """Return the source of the module that holds the kernels of explanations, which a selection does without."""
    return "\n\n".join([*_bodies(plan), COMMON_TEXT, judge_text(plan)]) + "\n"


def multi_create_text(plan: KernelPlan) -> str:
    """Return the source of the module that holds the kernel for several instances of one request."""
    leaf = LeafPlan.of_views(plan)
    parts = [*_bodies(plan), _body_text(apply_usage, "apply_usage"), COMMON_TEXT, many_text(leaf.plan, leaf.names)]
    return "\n\n".join(parts) + "\n"


def _bodies(plan: KernelPlan) -> list[str]:
    """Return the helpers that hold the bodies of the plan's filters and of its weighers over columns."""
    filters = [_body_text(plugin.body, f"filter_{index}") for index, plugin in enumerate(plan.filters)]
    weighers = [_body_text(w.body, f"weigher_{index}") for index, w in enumerate(plan.weighers) if w.kind == "column"]
    return filters + weighers


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
