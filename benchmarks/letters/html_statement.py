"""The same yearly statement by WeasyPrint: the words, fonts, rules and measures of statement.typ as HTML and CSS."""

from html import escape
from typing import Any

import weasyprint
from weasyprint.text.fonts import FontConfiguration

from benchmarks.letters import Maker
from benchmarks.letters.html import FACES, STYLE
from donations.receipts import render

OWN = """
@page { @bottom-left { content: string(foot) " · Page " counter(page) " of " counter(pages) } }
table.gifts { font-size: 9.2pt; margin-top: 2pt } table.gifts th { font-size: 8pt }
thead { display: table-header-group }
table.gifts td:first-child, table.gifts th:first-child { width: 0.85in; color: #1a1a1a }
.n4, .n5, .n6 { text-align: right } .total td { border-top: 0.8pt solid #1a1a1a; font-weight: 600 }
"""


def maker() -> Maker:
    """WeasyPrint as fast as it goes, as in `html`."""
    fonts = render.DOCUMENTS / "fonts"
    configuration = FontConfiguration()
    faces = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{(fonts / file).as_uri()}") }}'
        for family, weight, file in FACES
    )
    sheet = weasyprint.CSS(string=faces + STYLE + OWN, font_config=configuration)
    cache: dict[str, Any] = {}

    def make(facts: dict[str, Any]) -> bytes:
        document = weasyprint.HTML(string=page(facts))
        made: bytes = document.write_pdf(
            stylesheets=[sheet], font_config=configuration, cache=cache, pdf_variant="pdf/ua-1"
        )
        return made

    return dict, make


def page(facts: dict[str, Any]) -> str:
    who, to = facts["organization"], facts["recipient"]
    contact = [*who["address_lines"], who["phone"], who["email"], who["website"]]
    address = "".join(f"<p>{escape(line)}</p>" for line in [to["name"], *to["address_lines"]])
    sentences = "".join(f"<p>{escape(one['text'])}</p>" for one in facts["statements"])
    return f"""<!DOCTYPE html><html lang="en-US"><head><meta charset="utf-8">
<title>Statement {facts["number"]}, {escape(who["name"])}</title><meta name="author" content="{escape(who["name"])}">
</head><body><header data-foot="Statement {facts["number"]} · Verification code AAAA-BBBB-CCCC">
<p class="name">{escape(who["name"])}</p><div class="rule"><i></i></div>
<p class="contact">{escape(" · ".join(filter(None, contact)))}</p></header>
<div class="address">{address}<div class="date"><p>{facts["issued_on"]}</p>
<p class="small">Statement {facts["number"]}</p></div></div>
<h1>{escape(facts["title"])}</h1><p>{escape(facts["salutation"])}</p><p>{escape(facts["thanks"])}</p>
{_summary(facts["summary"])}{"".join(_section(section) for section in facts["sections"])}
<h2>{facts["heading"]}</h2>{sentences}
<div class="close"><p>With gratitude,</p>
<p>{escape(who["signatory_name"])}<br>{escape(who["signatory_title"])}</p></div>
</body></html>"""


def _summary(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    told = "".join(f"<tr><td>{escape(label)}</td><td>{escape(value)}</td></tr>" for label, value in rows)
    head = '<thead><tr><th scope="col">In all</th><th scope="col">As we recorded it</th></tr></thead>'
    return f"<table>{head}<tbody>{told}</tbody></table>"


def _section(section: dict[str, Any]) -> str:
    head = "".join(f'<th scope="col" class="n{n}">{name}</th>' for n, name in enumerate(section["columns"], 1))
    body = "".join(f"<tr>{_cells(line)}</tr>" for line in section["lines"])
    body += "".join(f'<tr class="total">{_cells(line)}</tr>' for line in section["totals"])
    table = f'<table class="gifts"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f"<h2>{escape(section['title'])}</h2>{table}"


def _cells(line: list[str]) -> str:
    return "".join(f'<td class="n{n}">{escape(cell)}</td>' for n, cell in enumerate(line, 1))
