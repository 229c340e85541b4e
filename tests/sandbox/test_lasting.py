"""State in a file outlives the sandbox; the program starts, tells its ports and stops cleanly."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import stripe

from sandbox.options import Options
from sandbox.server import Sandbox
from tests.sandbox.conftest import SECRET, MakeClient, Receiver, wait_for
from tests.sandbox.test_payments import GIFT, pay

ROOT = Path(__file__).parents[2]


def test_everything_is_there_after_a_restart(tmp_path: Path, client: MakeClient, receiver: Receiver) -> None:
    receiver.answers += [500] * 4
    options = Options(state=str(tmp_path / "state.db"), webhook_url=receiver.url, webhook_secret=SECRET)
    with Sandbox(options) as first:
        paid = pay(client(first), "pm_card_visa")
        kept = client(first).v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    with Sandbox(options) as second:
        api = client(second)
        assert api.v1.payment_intents.retrieve(paid.id).status == "succeeded"
        assert api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"}).id == kept.id
        assert len(api.v1.webhook_endpoints.list().data) == 1
        wait_for(lambda: all(not event["pending_webhooks"] for event in second.store.newest_first("event")))
    assert len({event.id for event in receiver.events}) == 5


def test_the_program_tells_its_ports_and_stops_when_told(client: MakeClient) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", "--smtp-port", "0", "--secret-key", "sk_test_of_ours"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        ports = json.loads(program.stdout.readline())
        api = stripe.StripeClient(
            "sk_test_of_ours", base_addresses={"api": f"http://127.0.0.1:{ports['http']}"}, max_network_retries=0
        )
        assert api.v1.payment_intents.list().data == []
    finally:
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        _out, errors = program.communicate(timeout=10)
    assert (program.returncode, errors) == (0, "")
    assert time.monotonic() - began < 5


def test_a_taken_port_gets_one_sentence(sandbox: Sandbox) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", str(sandbox.http_port), "--smtp-port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"The sandbox cannot listen on port {sandbox.http_port}")
    assert len(ended.stderr.splitlines()) == 1
