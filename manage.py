#!/usr/bin/env python
"""Django's command line. Where no DATABASE_URL or REDIS_URL is given, servers of the checkout's own run beside it."""

import os
import sys

from django.core.management import execute_from_command_line

from cats4ml import embedded

NEEDS_NO_SERVERS = {
    "help",
    "version",
    "check",
    "collectstatic",
    "compare_rules",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "makemessages",
    "messages",
    "startapp",
    "startproject",
    "verify_release",
    "up",  # looks at its port first, and starts the servers itself
}


def needs_servers(arguments: list[str]) -> bool:
    """Whether the command will want to talk to the database or to Redis."""
    if "--help" in arguments or "-h" in arguments or "DJANGO_AUTO_COMPLETE" in os.environ:
        return False
    command = next((argument for argument in arguments if not argument.startswith("-")), "help")
    if command == "evaluate" and any(argument.partition("=")[0] == "--folder" for argument in arguments):
        return False
    return command not in NEEDS_NO_SERVERS


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
    try:
        embedded.announce()
        if needs_servers(sys.argv[1:]):
            embedded.ensure()
        execute_from_command_line(sys.argv)
    except embedded.EmbeddedServerError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
