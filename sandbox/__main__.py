"""`python -m sandbox`: starts the stand-in and runs it until it is told to stop."""

import argparse
import json
import signal
import sys
import threading
from types import FrameType

from sandbox import options
from sandbox.options import Options
from sandbox.server import Sandbox


def arguments(argv: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A stand-in for Stripe, and a mailbox.")
    parser.add_argument("--port", type=int, default=8420, help="HTTP port; 0 takes any free one")
    parser.add_argument("--smtp-port", type=int, default=8425, help="mail port; 0 takes any free one")
    parser.add_argument("--webhook-url", default="", help="where events are sent")
    parser.add_argument("--webhook-secret", default=options.DEFAULT_WEBHOOK_SECRET)
    parser.add_argument("--webhook-waits", default="1,5,15,60,300,900", help="seconds before each retry")
    parser.add_argument("--secret-key", default=options.DEFAULT_SECRET_KEY)
    parser.add_argument("--publishable-key", default=options.DEFAULT_PUBLISHABLE_KEY)
    parser.add_argument("--state", default=":memory:", help="SQLite file; without it everything is in memory")
    parser.add_argument("--nonprofit-fees", action="store_true", help="2.2 %% instead of 2.9 %%")
    given = parser.parse_args(argv)
    return Options(
        http_port=given.port,
        smtp_port=given.smtp_port,
        secret_key=given.secret_key,
        publishable_key=given.publishable_key,
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        webhook_waits=tuple(float(wait) for wait in given.webhook_waits.split(",") if wait),
        state=given.state,
        nonprofit_fees=given.nonprofit_fees,
    )


def main() -> int:
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    chosen = arguments()
    try:
        sandbox = Sandbox(chosen)
    except OSError as error:
        print(f"The sandbox cannot listen on port {chosen.http_port} or {chosen.smtp_port}: {error}", file=sys.stderr)
        return 1
    with sandbox:
        print(json.dumps({"http": sandbox.http_port, "smtp": sandbox.smtp_port}), flush=True)
        stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
