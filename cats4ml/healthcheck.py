"""``python -m cats4ml.healthcheck``: ends with status 0 where the web server in this container answers. For Docker."""

import os
import sys
import urllib.error
import urllib.request

URL = "http://127.0.0.1:8000/healthz/"
SECONDS = 4


def host_header(allowed_hosts: str) -> str:
    """A host that the site answers for: the first of ALLOWED_HOSTS."""
    first = allowed_hosts.split(",", maxsplit=1)[0].strip().lstrip(".")
    return first if first not in ("", "*") else "localhost"


def main() -> int:
    request = urllib.request.Request(URL, headers={"Host": host_header(os.environ.get("ALLOWED_HOSTS", ""))})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310 - our own http address
            return 0 if response.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
