"""`cats4ml`: the command, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from cats4ml_client import __version__
from cats4ml_client.commands import (
    account,
    challenges,
    download,
    evaluating,
    export,
    releases,
    standings,
    submissions,
    submit,
)
from cats4ml_client.errors import Exit, Failure
from cats4ml_client.options import common
from cats4ml_client.output import warn

EPILOG = """\b
Environment:
  CATS4ML_URL        the site
  CATS4ML_TOKEN      the token
  CATS4ML_CHALLENGE  the challenge
  NO_COLOR           no colours, whatever the terminal can do
Each goes before what “login” saved, and an option before it.

\b
Exit codes:
  0    all is fine
  1    rows were refused, nothing was found, a release is not what it says, or you said no
  2    wrong usage or settings
  3    not signed in, or not allowed
  4    trouble with the server, the network or the disk
  130  interrupted (Ctrl-C)
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cats4ml")
@common
def cli() -> None:
    """Take part in a CATS4ML challenge: find what image classifiers don't know that they don't know."""


for command in (
    account.login,
    account.logout,
    account.whoami,
    challenges.challenges,
    challenges.labels,
    challenges.join,
    download.download,
    submit.submit,
    submissions.submissions,
    submissions.retract,
    challenges.quota,
    standings.leaderboard,
    export.export,
    releases.releases,
    releases.download_release,
    releases.verify,
    evaluating.questions,
    evaluating.evaluate,
):
    cli.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code; every expected end is said in words on standard error."""
    try:
        with cli.make_context("cats4ml", list(arguments)) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (Failure, click.ClickException, click.Abort, KeyboardInterrupt, EOFError, OSError) as error:
        return _end(error)
    return Exit.FINE


def _end(error: BaseException) -> Exit:
    """Say why it ends. Returns the exit code."""
    code = Exit.INTERRUPTED
    if isinstance(error, Failure):
        warn(str(error), error.hint)
        code = error.code
    elif isinstance(error, click.ClickException):
        error.show()
        code = Exit.USAGE
    elif isinstance(error, BrokenPipeError):
        # Whoever read has enough. What is still in the buffer must go nowhere, lest Python complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.BROKEN_PIPE
    elif isinstance(error, OSError):
        warn(f"{error.filename or 'This machine'}: {error.strerror or error}.")
        code = Exit.TROUBLE
    else:
        click.echo("", err=True)
        warn("Interrupted.")
    return code


def main() -> None:
    sys.exit(run(sys.argv[1:]))
