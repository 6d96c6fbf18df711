"""The `octavo` command and its subcommands."""

from __future__ import annotations

import click

import octavo
from octavo.cli.benchmark import benchmark
from octavo.cli.blame import blame
from octavo.cli.command import Group
from octavo.cli.compare import compare
from octavo.cli.convert import convert
from octavo.cli.debug import debug
from octavo.cli.demo import demo
from octavo.cli.doctor import doctor
from octavo.cli.evaluate import evaluate
from octavo.cli.inspect import inspect
from octavo.cli.plan import plan
from octavo.cli.report import report
from octavo.cli.targets import targets


@click.group(cls=Group)
@click.version_option(octavo.__version__, prog_name="octavo", message="%(prog)s %(version)s")
def app() -> None:
    """Make trained TensorFlow models small and fast, without TensorFlow.

    Begin with:
      octavo demo
      octavo convert my_model -o my.tflite -r int8 --samples calibration.npz

    The shell completes commands and options after:
      eval "$(_OCTAVO_COMPLETE=bash_source octavo)"    # or zsh_source, fish_source
    """


for command in (convert, evaluate, compare, debug, blame, inspect, report, benchmark, plan, targets, demo, doctor):
    app.add_command(command)
