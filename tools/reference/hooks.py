"""docs/reference/hooks.md: every hook with its contract, in the order they are declared, which is that they fire in."""

from __future__ import annotations

import inspect

from pixiecore_core import hookspecs

from .prose import code, prose


def page() -> str:
    """The page."""
    parts = [
        "# Hooks",
        "A plugin marks each of its functions with `@hookimpl` and takes any of the listed arguments, in any order. "
        "A misspelt hook or argument stops the start. Every call except those of `register_…` has a time limit, 10 s "
        "(events 2 s), after which it counts as having raised. What the arguments and answers are: "
        "[what a plugin imports](names.md). Which facts there are: [facts and counts](events.md). Why it is so: "
        "[plugins](../explanation/plugins.md).",
    ]
    for name, function in vars(hookspecs).items():
        options = getattr(function, "pixiecore_spec", None)
        if options is None:
            continue
        signature = inspect.signature(function)
        docstring = inspect.getdoc(function)
        if not docstring:
            raise LookupError(f"hook {name} has no docstring")
        parts.append(f"## `{name}({', '.join(signature.parameters)})`")
        parts.append(prose(docstring))
        types = [f"{parameter.name}: {parameter.annotation}" for parameter in signature.parameters.values()]
        function_line = f"def {name}({', '.join(types)}) -> {signature.return_annotation}: ..."
        parts.append(code(function_line, above="@hookimpl\n"))
        parts.append("First answer that is not `None` wins." if options["firstresult"] else "Every plugin is called.")
    return "\n\n".join(parts) + "\n"
