"""The same receipt by WeasyPrint: the words, fonts, rules and measures of receipt.typ as HTML and CSS."""

from html import escape
from typing import Any

import weasyprint
from weasyprint.text.fonts import FontConfiguration

from benchmarks.letters import Maker
from donations.receipts import render

FACES = (
    ("Source Serif 4", 400, "SourceSerif4-Regular.ttf"),
    ("Source Serif 4 Display", 600, "SourceSerif4Display-Semibold.ttf"),
)

STYLE = """
@page { size: letter; margin: 0.8in 1in 0.9in;
  @bottom-left { content: string(foot); font: 7.5pt "Source Serif 4"; color: #595959 } }
body { font: 10.5pt/1.34 "Source Serif 4"; color: #1a1a1a; margin: 0 }
p { margin: 0 0 9.5pt } h1, h2, .name { font-family: "Source Serif 4 Display"; font-weight: 600 }
h1 { font-size: 17pt; margin: 0 0 11pt } h2 { font-size: 12pt; margin: 15pt 0 6pt }
header { height: 1.35in } .name { font-size: 25pt; line-height: 1.1; margin: 0 }
.rule { border-top: 0.5pt solid #c4c4c4; margin: 5pt 0 6pt; position: relative }
.rule i { position: absolute; top: -1.25pt; left: 0; width: 0.75in; height: 2pt; background: #b3261e }
.contact { font-size: 8.5pt; color: #595959; margin: 0 }
.address { height: 0.95in; margin-bottom: 0.35in; position: relative; line-height: 1.16 } .address p { margin: 0 }
.date { position: absolute; top: 0; right: 0; text-align: right } .small { font-size: 9pt; color: #595959 }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; line-height: 1.15 }
td, th { text-align: left; font-weight: 400; vertical-align: top; padding: 3.3pt 0; border-bottom: 0.5pt solid #c4c4c4 }
th { font-size: 8.5pt; color: #595959; border-bottom: 0.8pt solid #1a1a1a }
td:first-child, th:first-child { width: 1.75in; color: #595959 }
.close { margin-top: 16pt; break-inside: avoid } header { string-set: foot attr(data-foot) }
"""


def maker() -> Maker:
    """WeasyPrint as fast as it goes: style sheet, fonts and image cache made once and shared; PDF/UA-1 as ours."""
    fonts = render.DOCUMENTS / "fonts"
    configuration = FontConfiguration()
    faces = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{(fonts / file).as_uri()}") }}'
        for family, weight, file in FACES
    )
    sheet = weasyprint.CSS(string=faces + STYLE, font_config=configuration)
    cache: dict[str, Any] = {}

    def make(facts: dict[str, Any]) -> bytes:
        document = weasyprint.HTML(string=page(facts))
        made: bytes = document.write_pdf(
            stylesheets=[sheet], font_config=configuration, cache=cache, pdf_variant="pdf/ua-1"
        )
        return made

    return dict, make


def page(facts: dict[str, Any]) -> str:
    who, gift, donor = facts["organization"], facts["gift"], facts["donor"]
    rows = [
        ("Amount", f"{gift['amount']}, of which {gift['covered_fee']} covers processing costs"),
        ("Date of gift", gift["gift_on"]),
        ("Given by", escape(donor["name"])),
        ("Given to", escape(f"{who['name']}, EIN {who['ein']}")),
        ("For", escape(gift["fund"])),
        ("Frequency", gift["frequency"]),
        ("Paid by", escape(gift["method"])),
        ("Dedication", escape(gift["tribute"])),
    ]
    contact = [*who["address_lines"], who["phone"], who["email"], who["website"]]
    return f"""<!DOCTYPE html><html lang="en-US"><head><meta charset="utf-8">
<title>Receipt {facts["number"]}, {escape(who["name"])}</title>
<meta name="author" content="{escape(who["name"])}"></head>
<body><header data-foot="Receipt {facts["number"]} · Verification code AAAA-BBBB-CCCC"><p class="name">{escape(who["name"])}</p><div class="rule"><i></i></div>
<p class="contact">{escape(" · ".join(contact))}</p></header>
<div class="address">{"".join(f"<p>{escape(line)}</p>" for line in [donor["name"], *donor["address_lines"]])}
<div class="date"><p>{facts["issued_on"]}</p><p class="small">Receipt {facts["number"]}</p></div></div>
<h1>Receipt for your gift of {gift["amount"]}</h1><p>{escape(facts["salutation"])}</p><p>{escape(facts["thanks"])}</p>
<table><thead><tr><th scope="col">Your gift</th><th scope="col">As we recorded it</th></tr></thead>
<tbody>{"".join(f"<tr><td>{label}</td><td>{value}</td></tr>" for label, value in rows)}</tbody></table>
<h2>For your tax records</h2>{"".join(f"<p>{escape(statement['text'])}</p>" for statement in facts["statements"])}
<div class="close"><p>With gratitude,</p><p style="padding-top: 20pt">{escape(who["signatory_name"])}<br>
{escape(who["signatory_title"])}</p></div></body></html>"""
