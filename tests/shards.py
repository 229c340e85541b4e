"""The whole suite in several processes side by side, each with servers and a browser of its own; and the last line."""

import os

import pytest

# More would want too much memory.
MOST = 4
# `bin/test` without arguments: this process only hands the tests out to others.
ONLY_HANDS_OUT = "TESTS_HANDED_OUT" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ


def arguments() -> list[str]:
    """What makes pytest hand the suite out; nothing where the servers are not our own but given."""
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        return []  # the processes would empty each other's databases
    # Each mostly waits: for its database, its worker, its web server, its browser.
    processes = int(os.environ.get("TEST_PROCESSES", "0")) or min(os.cpu_count() or 1, MOST)
    if processes < 2:
        return []
    os.environ["TESTS_HANDED_OUT"] = "true"
    # A file at a time, for fixtures that a file's tests share; in our own order, not by how many tests a file has.
    ours = ["--numprocesses", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    # A process that died ends the run; a new one would begin the same file again, and die of it again.
    return [*ours, "--max-worker-restart", "0"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is left with one when the others are done."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line is the same whatever was asked for; pytest's own changes its shape and leaves out what is none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # one of the processes that tests were handed to
    passed, failed, errors, skipped = (
        len(reporter.stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")
    )
    reporter.write_line(f"{passed} passed, {failed + errors} failed, {skipped} skipped")
