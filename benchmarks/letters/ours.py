"""Ours, as the worker does it."""

from benchmarks.letters import Maker
from donations.receipts import render


def maker() -> Maker:
    return dict, render.pdf
