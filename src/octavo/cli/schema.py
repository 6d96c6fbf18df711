"""`octavo plan schema`: the form of recipes, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from octavo.cli.command import Command, option


@click.command(cls=Command)
@option("-o", "--output", section="Files", type=click.Path(path_type=Path), help="Write it to a file.")
def schema(*, output: Path | None, as_json: bool, quiet: bool) -> None:  # noqa: ARG001  # it is JSON anyway
    """Print the JSON schema of recipes, with which an editor completes and checks them.

    In a TOML file the first line can name it: #:schema ./recipe.schema.json

    Example:
      octavo plan schema -o recipe.schema.json
    """
    from octavo.cli.terminal import show_json
    from octavo.recipe import recipe_schema

    if output is None:
        show_json(recipe_schema())
    else:
        import msgspec

        from octavo.cli.values import place_for_output
        from octavo.write.file import save

        text = msgspec.json.format(msgspec.json.encode(recipe_schema()), indent=2)
        save(text + b"\n", place_for_output(output))
