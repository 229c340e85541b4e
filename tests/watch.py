"""Watches a browser's pages: a console message or a request to a stranger fails the test that caused it."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError


@dataclass
class Watch:
    """What the pages of one test did that nobody expected. `allow(r"status of 422")` expects it."""

    origins: tuple[str, ...]
    found: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Messages that match are this test's intention."""
        self._allowed.append(re.compile(pattern))

    def forget(self, pattern: str) -> None:
        """What was found until now and matches was done by the test's own tools."""
        self.found = [text for text in self.found if not re.search(pattern, text)]

    def over(self, context: BrowserContext) -> None:
        """Every page of this context is watched from now on."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    def unexpected(self) -> list[str]:
        """What was found and not allowed."""
        return [text for text in self.found if not any(pattern.search(text) for pattern in self._allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        self.found.append(f"console {message.type}: {message.text} ({_where(message.page)})")

    def _error(self, error: WebError) -> None:
        self.found.append(f"uncaught: {error.error} ({_where(error.page)})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "blob", "about"}:
            return
        if f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.found.append(f"request to {request.url}")


def _where(page: Page | None) -> str:
    return page.url if page else "no page"
