"""Help that fits one screen: an example in each command, and rare options only with ``--help-all``."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["MORE", "Command", "Group", "use_help"]

MORE = "more"
"""``rich_help_panel`` of the options that only ``--help-all`` shows."""

_ALL = "--help-all"
_EXAMPLE = "\n\nExample: "


class Command(TyperCommand):
    """A command whose ``--help`` shows the common options, and ``--help-all`` all of them."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **_with_example(settings))
        if rare := sum(map(_is_rare, self.params)):
            self.epilog = f"{rare} more options: analognas {name} {_ALL}"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Called with the words of the command."""
        if _ALL in args and not ctx.resilient_parsing:
            ctx.meta[_ALL] = True
            args = ["--help"]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Called to write the options; rare ones are omitted unless all are asked for."""
        if _ALL in ctx.meta:
            return super().format_options(ctx, formatter)
        every, self.params = self.params, [one for one in self.params if not _is_rare(one)]
        try:
            super().format_options(ctx, formatter)
        finally:
            self.params = every

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Called to write the end; it says how many options are omitted."""
        if _ALL not in ctx.meta:
            super().format_epilog(ctx, formatter)


class Group(TyperGroup):
    """A group of commands with an example."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**_with_example(settings))


def use_help(app: typer.Typer) -> None:
    """Give all commands of an app these classes."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            use_help(group.typer_instance)


def _with_example(settings: dict[str, Any]) -> dict[str, Any]:
    """Mark the paragraph of the example as one that keeps its lines, as click has it."""
    text = settings.get("help")
    return (
        settings
        if text is None
        else settings | {"help": text.replace(_EXAMPLE, "\n\n\b\nExample: ")}
    )


def _is_rare(option: Any) -> bool:
    return getattr(option, "rich_help_panel", None) == MORE
