"""`octavo report`: what a conversion came to, as a page."""

from __future__ import annotations

from pathlib import Path

import click

from octavo.cli.command import Command, option


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@option("-o", "--output", section="Files", type=click.Path(path_type=Path), metavar="FILE", help="The .html to write; "
        "by default beside RUN.")  # fmt: skip
@option("--against", section="Files", type=click.Path(path_type=Path), metavar="FILE", help="Another run, to show what "
        "differs from it.")  # fmt: skip
def report(run: Path, *, output: Path | None, against: Path | None, as_json: bool, quiet: bool) -> None:
    """Make one HTML page of RUN, the record that `octavo convert … --save-run` wrote.

    The page needs no network: it can be sent to anyone.

    Examples:
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz
          --save-run run.json
      octavo report run.json
      octavo report run.json --against earlier.json -o difference.html
    """
    from octavo.cli.terminal import show_json, show_lines
    from octavo.cli.values import place_for_output
    from octavo.report.record import Run
    from octavo.report.verdict import verdict
    from octavo.showing import bytes_of
    from octavo.write.file import save

    place = place_for_output(output or run.with_suffix(".html"), inputs=[str(run)])
    record = Run.load(run)
    page = record.to_html(against=Run.load(against) if against else None).encode()
    save(page, place)
    mood, sentence = verdict(record)
    if as_json:
        show_json({"output": str(place), "size": len(page), "verdict": mood, "sentence": sentence})
    elif not quiet:
        show_lines(sentence, f"wrote {place}: {bytes_of(len(page))}")
