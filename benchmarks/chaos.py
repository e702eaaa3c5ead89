"""Whether anything is lost, doubled or stuck, whatever is killed: `python -m benchmarks.chaos --minutes 6`.

Starts PostgreSQL, Redis, web server, web worker, scoring worker and clock in a home of its own, with the digits of the
demonstration and its small classifiers. Finders claim pairs and raters rate them over HTTP all the while. Meanwhile, in
turn and by a seed, each kind of process is killed (-9), Redis loses its memory, PostgreSQL is stopped at once, a worker
is frozen for longer than leases and heartbeats last, the workers' files may not grow, messages come twice, late and in
another order, and clocks jump. It ends by itself, prints one JSON object, and ends with status 1 where anything does
not hold. Needs no privilege, and touches nothing but its own processes and folders.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import django
from django.core.management import call_command

from cats4ml import embedded


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="Faults under load, and a check.")
    parser.add_argument("--minutes", type=float, default=6.0, help="of faults; preparing and settling come on top")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--finders", type=int, default=4)
    parser.add_argument("--raters", type=int, default=6)
    parser.add_argument("--freeze", type=float, default=70.0, help="seconds for which a worker is frozen")
    parser.add_argument("--calm", type=float, default=8.0, help="seconds between two faults")
    parser.add_argument("--settle", type=float, default=300.0, help="seconds until everything must be settled")
    parser.add_argument("--only", default="", help="faults by name, separated by commas, instead of all")
    parser.add_argument("--digits", type=Path, help="var/demo/digits of a checkout, to train nothing")
    parser.add_argument("--logs", type=Path, help="a folder for the logs of the site's processes")
    return parser.parse_args()


def main() -> int:
    options = read_arguments()
    home = Path(tempfile.mkdtemp(prefix="cats4ml-chaos-", dir="/tmp"))
    home.chmod(0o711)  # root's servers pass through to their data
    try:
        with embedded.servers(home) as urls:
            os.environ.update(DATABASE_URL=urls.database_url, REDIS_URL=urls.redis_url, CATS4ML_HOME=str(home))
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
            os.environ.setdefault("LOG_LEVEL", "WARNING")
            django.setup()
            call_command("migrate", verbosity=0)
            # Django's models can be imported only now that it knows its database.
            run = importlib.import_module("benchmarks.chaos_run")
            return int(run.run(options, home))
    finally:
        embedded.erase(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
