"""``python -m cats4ml.healthcheck``: ends with status 0 where the web server in this container is ready. For Docker."""

import json
import sys
import urllib.error
import urllib.request

URL = "http://127.0.0.1:8000/readyz/"
SECONDS = 4


def main() -> int:
    try:
        with urllib.request.urlopen(URL, timeout=SECONDS) as response:
            return 0 if response.status == 200 else 1
    except urllib.error.HTTPError as error:
        # What isn't well, by name: it is shown by `docker inspect`.
        print(json.loads(error.read() or b"{}").get("checks", error), file=sys.stderr)
        return 1
    except (urllib.error.URLError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
