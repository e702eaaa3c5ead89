"""``manage.py up``: the whole platform on this machine, with the demonstration challenge, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml import embedded
from cats4ml.console.demo import credentials
from cats4ml.local_site import CannotStartError, Watch, check_port, local_programs, only_one
from cats4ml.supervisor import Supervisor, Terminal

MOST_PORT = 65_535


class Command(BaseCommand):
    help = "Runs web server, workers, clock and demonstration raters together, until Ctrl-C."
    # Looking at the database before it runs would be too early.
    requires_migrations_checks = False
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("BIND") or "127.0.0.1")
        # A default that is a text is read like an argument, so that a wrong PORT is told as plainly.
        parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "8000")
        parser.add_argument("--demo", action=argparse.BooleanOptionalAction, default=True, help="the demonstration")
        parser.add_argument("--demo-raters", action=argparse.BooleanOptionalAction, default=True)

    def handle(self, **options: Any) -> None:
        host, port, demo = options["host"], options["port"], options["demo"]
        for sent in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(sent) != signal.SIG_IGN:
                signal.signal(sent, _interrupt)
        try:
            with only_one(settings.HOME, address=f"http://{host}:{port}/"):
                check_port(host, port)
                embedded.ensure()
                call_command("migrate", verbosity=1, interactive=False)
                if demo:
                    call_command("demo")
                for folder in (settings.CLASSIFIERS_DIR, settings.STATIC_ROOT):
                    folder.mkdir(parents=True, exist_ok=True)
                scoring = {"IMAGES_URL": settings.IMAGES_URL, "CLASSIFIERS_DIR": str(settings.CLASSIFIERS_DIR)}
                raters = demo and options["demo_raters"]
                programs = local_programs(host=host, port=port, scoring=scoring, demo_raters=raters)
                terminal = Terminal(sys.stdout, [program.name for program in programs])
                watch = Watch(host=host, port=port, terminal=terminal, people=credentials() if demo else [])
                Supervisor(programs, terminal=terminal, on_tick=watch.tick).run()
                terminal.say("Stopped. All data are kept for the next start.")
        except CannotStartError as error:
            raise CommandError(str(error)) from error


def _port(text: str) -> int:
    """Raises `ArgumentTypeError`, whose sentence argparse shows."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_PORT):
        raise argparse.ArgumentTypeError(f"PORT must be a whole number from 1 to {MOST_PORT}, not {text!r}")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
