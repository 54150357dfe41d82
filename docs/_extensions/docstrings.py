"""Docstrings as Markdown: roles of Sphinx become code, and single examples a section of examples."""

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|attr|mod|data|ref|exc):`(?:[^`<]*<)?[~.]*([\w.]+)>?`")
_MATH = re.compile(r":math:`([^`]+)`")


class MarkdownDocstrings(Extension):
    """Rewrites the docstring of each object before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is None:
            return
        text = _ROLE.sub(lambda role: f"`{role[1].rsplit('.', 1)[-1]}`", obj.docstring.value)
        text = _MATH.sub(r"`\1`", text).replace("``", "`")
        obj.docstring.value = re.sub(r"(?m)^(\s*)Example:$", r"\1Examples:", text)
