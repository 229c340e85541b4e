"""typst with our template, fonts and standards in a kept compiler, and nothing of ours around it."""

import datetime
import json
from typing import Any

import typst

from benchmarks.letters import Maker
from donations.receipts import paper, render
from donations.rules import chain


def maker() -> Maker:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[render.DOCUMENTS / "fonts"]
    )
    compiler = typst.Compiler(input=render.DOCUMENTS / "receipt.typ", root=render.DOCUMENTS, font_paths=fonts)
    issued_at = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)

    def draw(inputs: dict[str, str]) -> bytes:
        made = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=["ua-1", "a-2a"], timestamp=issued_at)
        if not isinstance(made, bytes):
            raise TypeError("the compiler returned no document")
        return made

    return _inputs, draw


def _inputs(facts: dict[str, Any]) -> dict[str, str]:
    return {
        "letter": json.dumps(paper.letter(facts)),
        "issued_on": "2026-11-23",
        "verification": chain.code(facts),
        "directions": "left to right",
    }
