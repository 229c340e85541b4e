"""`bin/test`: sees to a browser and hands over to pytest, whose arguments it takes; without any, in shards."""

import os
import sys

from tests import chromium, shards


def main() -> None:
    """Does not return: pytest takes the process over, so its exit code and its signals are pytest's own."""
    found = chromium.find() or chromium.install()
    if found:
        os.environ["CHROMIUM"] = str(found)
    else:
        _say(chromium.MISSING)
        if os.environ.get("CI") == "true":
            sys.exit(1)
        _say("Going on without the browser tests.")
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(sys.argv[1:] or shards.arguments())])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
