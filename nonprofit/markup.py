"""Markdown that staff write, as clean HTML."""

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True})
_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "h3", "h4", "blockquote", "code", "hr"}


def html(text: str) -> SafeString:
    """`text` in CommonMark as HTML with a small set of tags; links open plainly and leak no address."""
    clean = nh3.clean(
        _markdown.render(text), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"https", "http", "mailto", "tel"}
    )
    return SafeString(clean)  # nosec B703 - nh3 has just cleaned it
