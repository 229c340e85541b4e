"""What the sandbox's own pages share: the frame around them and ways to write amounts and times."""

from datetime import UTC, datetime
from html import escape

from sandbox import fees
from sandbox.answer import Answer

NAVIGATION = (("/", "Sandbox"), ("/mail/", "Mailbox"))


def page(title: str, main: str, *, here: str = "", script: bool = True, status: int = 200) -> Answer:
    """A whole page. `main` is HTML that has been escaped already; `here` is the address of the current page."""
    links = "".join(
        f'<li><a href="{address}"{" aria-current=page" if address == here else ""}>{name}</a></li>'
        for address, name in NAVIGATION
    )
    tag = '<script type="module" src="/js/pages.js"></script>' if script else ""
    return Answer.page(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)} · Sandbox</title>'
        f'<link rel="stylesheet" href="/js/pages.css"><link rel="icon" href="data:,">{tag}</head><body>'
        f'<header><nav aria-label="Sandbox"><ul>{links}</ul></nav></header><main>{main}</main></body></html>',
        status=status,
    )


def table(caption: str, headings: list[str], rows: list[list[str]], empty: str) -> str:
    """Cells are HTML already. An empty table is a sentence instead."""
    if not rows:
        return f"<p>{escape(empty)}</p>"
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def amount(minor: int, currency: str) -> str:
    return escape(fees.shown(minor, currency))


def when(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f'<time datetime="{moment.isoformat()}">{moment:%b} {moment.day}, {moment:%H:%M:%S}</time>'


def button(name: str, path: str, body: str, *, method: str = "POST") -> str:
    """A button that pages.js turns into a JSON request to the control panel."""
    return (
        f'<button type="button" data-method="{method}" data-path="{escape(path)}" data-body="{escape(body)}">'
        f"{escape(name)}</button>"
    )
