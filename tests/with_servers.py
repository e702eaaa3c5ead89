"""``python -m tests.with_servers COMMAND…``: runs a command with servers of its own that are gone afterwards."""

import os
import subprocess
import sys
import tempfile

from cats4ml import embedded


def main() -> int:
    with embedded.temporary_servers() as urls, tempfile.TemporaryDirectory(prefix="cats4ml-home-") as home:
        addresses = {"DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url, "CATS4ML_HOME": home}
        return subprocess.run(sys.argv[1:], env={**os.environ, **addresses}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
