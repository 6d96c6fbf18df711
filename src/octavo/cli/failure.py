"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

import click

from octavo.errors import OctavoError, UsageError

INTERRUPTED = 130
DEFECT = 70
ISSUES = "please report it with this command, the last lines of its --debug output and, if you may, the model"


@contextlib.contextmanager
def reported(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into a message on stderr and an exit code.

    With `as_json` the error is also a JSON document on stdout; with `debug` a traceback comes first.
    """
    try:
        yield
    except OctavoError as error:
        _leave(error, code=error.code, as_json=as_json, debug=debug)
    except KeyboardInterrupt as interrupt:
        resume = "; ".join(filter(None, getattr(interrupt, "__notes__", []))) or "the same command starts anew"
        click.echo(f"\ninterrupted: no file was left half written; {resume}", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # the world's: a disk that is full, a file that may not be read
        refused = UsageError(f"the system refused it: {error.strerror or error}", where=str(error.filename or ""))
        _leave(refused, code=refused.code, as_json=as_json, debug=debug)
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:  # noqa: BLE001  # the last resort: no user should see a bare traceback
        defect = OctavoError(f"a defect of Octavo: {type(error).__name__}: {error}", hint=ISSUES)
        _leave(defect, code=DEFECT, as_json=as_json, debug=debug)


def _leave(error: OctavoError, *, code: int, as_json: bool, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True, color=color)
    if as_json:
        told = {"kind": _kind(error), "message": error.message, "at": error.where, "hint": error.hint}
        click.echo(json.dumps({"error": {**told, "code": code}}, indent=1))
    sys.exit(code)


def _kind(error: OctavoError) -> str:
    """The name of the error as `octavo.errors` lists it: some stages raise finer ones."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == OctavoError.__module__)
