"""The reference of the command line, as Markdown: made from the commands, so that it cannot be wrong."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

__all__ = ["reference"]


def reference() -> str:
    """Every command with its arguments, options and examples; the same on every machine."""
    from prefect.cli._commands import SECTIONS
    from prefect.cli._root import cli

    root = click.Context(cli, info_name="prefect", **cli.context_settings)
    parts: list[str] = []
    for title, names in SECTIONS.items():
        parts.append(f"## {title}")
        for name in names:
            command = cli.get_command(root, name)
            if command is not None and not command.hidden:
                parts += _command(command, click.Context(command, info_name=name, parent=root))
    return "\n\n".join(parts)


def _command(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """The parts of a command and of those below it."""
    yield f"### prefect {_path(ctx)}"
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"```text\n{usage}\n```"
    yield from _paragraphs(command.help or "")
    if command.epilog:
        yield from _paragraphs(command.epilog)
    rows = [_row(option, ctx) for option in command.params if isinstance(option, click.Option)]
    shown = [row for row in rows if row is not None]
    if shown:
        yield "\n".join(["| option | meaning |", "|---|---|", *shown])
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None and not below.hidden:
                yield from _command(below, click.Context(below, info_name=name, parent=ctx))


def _path(ctx: click.Context) -> str:
    return ctx.command_path.removeprefix("prefect ")


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs; those that click is not to wrap, such as examples, as they are."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        head, *lines = paragraph.split("\n")
        if head.strip() != "\b":
            yield _escaped(" ".join(paragraph.split()))
        elif len(lines) > 1 and lines[1].startswith("  "):
            yield _escaped(lines[0])
            yield "```text\n" + "\n".join(line.removeprefix("  ") for line in lines[1:]).rstrip() + "\n```"
        else:
            yield _escaped(" ".join(" ".join(lines).split()))


def _row(option: click.Option, ctx: click.Context) -> str | None:
    record = option.get_help_record(ctx)
    if record is None:
        return None
    names, meaning = record
    names = names.replace("|", "\\|")
    return f"| `{names}` | {_escaped(' '.join(meaning.split()))} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
