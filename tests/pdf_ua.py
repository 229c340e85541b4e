"""Whether a PDF is one that people can hear: what PDF/UA-1 (ISO 14289-1) asks for, as far as a program can tell.

No validator of the standard can be had from a Python or Node registry, and veraPDF needs Java; where `verapdf` is
installed it is asked as well. The clauses named are those of ISO 14289-1:2014; "Matterhorn" is the PDF Association's
protocol of failure conditions.
"""

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf

UA = "http://www.aiim.org/pdfua/ns/id/"
HEADINGS = re.compile(r"/H([1-6])")
# The standard structure types of ISO 32000-1, 14.8.4, that our papers may use.
KNOWN = {
    *("/Document", "/Part", "/Sect", "/Div", "/NonStruct", "/P", "/H1", "/H2", "/H3", "/L", "/LI", "/Lbl", "/LBody"),
    *("/Table", "/TR", "/TH", "/TD", "/THead", "/TBody", "/TFoot", "/Caption"),
    *("/Span", "/Figure", "/Link", "/Note", "/Reference", "/Strong", "/Em"),
}


def faults(content: bytes) -> list[str]:
    """What is wrong, each with the clause it offends; empty when nothing was found."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        found = [*_document(pdf), *_metadata(pdf), *_tree(pdf), *_content(pdf), *_fonts(pdf)]
    return found + _asked(content)


def _document(pdf: Pdf) -> Iterator[str]:
    root = pdf.Root
    if not bool(root.get("/MarkInfo", Dictionary()).get("/Marked", False)):
        yield "7.1: not marked as tagged"
    if bool(root.get("/MarkInfo", Dictionary()).get("/Suspects", False)):
        yield "7.1: tags are suspects"
    if "/StructTreeRoot" not in root:
        yield "7.1: no structure tree"
    if not str(root.get("/Lang", "")):
        yield "7.2: no language"
    if not bool(root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle", False)):
        yield "7.1: the window does not show the title"
    if pdf.is_encrypted:
        yield "7.16: encrypted"
    if (
        "/JavaScript" in root.get("/Names", Dictionary())
        or "/AA" in root
        or "/XFA" in root.get("/AcroForm", Dictionary())
    ):
        yield "7.15, 7.19: scripts"
    for number, page in enumerate(pdf.pages, start=1):
        if page.obj.get("/Annots") and str(page.obj.get("/Tabs", "")) != "/S":
            yield f"7.18.3: tab order of page {number} does not follow the structure"


def _metadata(pdf: Pdf) -> Iterator[str]:
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as meta:
        if meta.get(f"{{{UA}}}part") != "1":
            yield "5: the metadata does not claim PDF/UA-1"
        title = str(meta.get("dc:title", "")).strip()
    if not title:
        yield "7.1: no title in the metadata"
    if title != str(pdf.docinfo.get("/Title", title)).strip():
        yield "7.1: two titles"


def _tree(pdf: Pdf) -> Iterator[str]:
    root = pdf.Root.StructTreeRoot
    roles = {str(key): str(value) for key, value in root.get("/RoleMap", Dictionary()).items()}
    if "/ParentTree" not in root:
        yield "7.1: content cannot be found from its place on the page"
    level, tables = 0, 0
    for element in _elements(root):
        kind = str(element.get("/S", ""))
        standard = roles.get(kind, kind)
        if standard not in KNOWN:
            yield f"7.1: {kind} is no standard type and mapped to none"
        if match := HEADINGS.fullmatch(standard):
            here = int(match[1])
            if here > level + 1:
                yield f"7.4.2: a heading of level {here} follows one of level {level}"
            level = here
        if standard == "/Figure" and not (str(element.get("/Alt", "")).strip() or str(element.get("/ActualText", ""))):
            yield "7.3: a figure without alternative text"
        if standard == "/Table":
            tables += 1
            yield from _table(element, roles)
    if not level:
        yield "7.4: no heading"


def _table(table: Object, roles: dict[str, str]) -> Iterator[str]:
    cells = [(roles.get(str(e.S), str(e.S)), e) for e in _elements(table)]
    heads = [cell for kind, cell in cells if kind == "/TH"]
    if not heads:
        yield "7.5: a table without heading cells"
    for head in heads:
        attributes = head.get("/A", Array())
        each = attributes if isinstance(attributes, Array) else [attributes]
        if not any("/Scope" in one for one in each if isinstance(one, Dictionary)):
            yield "7.5: a heading cell does not say what it heads"
    rows = [e for kind, e in cells if kind == "/TR"]
    widths = {sum(_span(e) for e in _elements(row) if roles.get(str(e.S), str(e.S)) in ("/TH", "/TD")) for row in rows}
    if len(widths) > 1:
        yield f"7.5: rows of {sorted(widths)} cells"


def _span(cell: Object) -> int:
    attributes = cell.get("/A", Array())
    each = attributes if isinstance(attributes, Array) else [attributes]
    return next((int(one.ColSpan) for one in each if isinstance(one, Dictionary) and "/ColSpan" in one), 1)


def _elements(node: Any) -> Iterator[Object]:
    """Every structure element beneath, in reading order."""
    kids = node.get("/K", Array())
    for kid in kids if isinstance(kids, Array) else [kids]:
        if isinstance(kid, Dictionary) and "/S" in kid:
            yield kid
            yield from _elements(kid)


def _marked(node: Any, page: Any = None) -> Iterator[tuple[tuple[int, int], int]]:
    """(page, id) of each piece of content that the tree names."""
    page = node.get("/Pg", page)
    kids = node.get("/K", Array())
    for kid in kids if isinstance(kids, Array) else [kids]:
        if isinstance(kid, Dictionary):
            if str(kid.get("/Type", "")) == "/MCR":
                yield (kid.get("/Pg", page)).objgen, int(kid.MCID)
            elif "/S" in kid:
                yield from _marked(kid, page)
        elif page is not None:
            yield page.objgen, int(kid)


PAINTS = {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "Tj", "TJ", "'", '"', "Do", "sh", "EI", "BI"}


def _content(pdf: Pdf) -> Iterator[str]:
    """Everything that is painted is tagged or an artifact, and everything tagged is named in the tree (7.1)."""
    named = set(_marked(pdf.Root.StructTreeRoot))
    for number, page in enumerate(pdf.pages, start=1):
        ids: set[int] = set()
        inside: list[str] = []
        loose = 0
        for instruction in pikepdf.parse_content_stream(page):
            match str(instruction.operator):
                case "BMC" | "BDC":
                    kind, mcid = _opened(list(instruction.operands))
                    if kind == "artifact" and "tagged" in inside:
                        yield f"7.1: an artifact inside tagged content on page {number}"
                    inside.append(kind)
                    ids |= {mcid} if mcid is not None else set()
                case "EMC":
                    inside.pop()
                case name if name in PAINTS and not {"artifact", "tagged"} & set(inside):
                    loose += 1
        if loose:
            yield f"7.1: {loose} things on page {number} are neither tagged nor artifacts"
        if missing := sorted(mcid for mcid in ids if (page.obj.objgen, mcid) not in named):
            yield f"7.1: content {missing} of page {number} is not in the tree"


def _opened(operands: list[Any]) -> tuple[str, int | None]:
    """What a piece of content that begins here is: "artifact", "tagged" with its id, or "plain"."""
    if str(operands[0]) == "/Artifact":
        return "artifact", None
    about = operands[1] if len(operands) > 1 else None
    mcid = about.get("/MCID") if isinstance(about, Dictionary) else None
    return ("plain", None) if mcid is None else ("tagged", int(mcid))


def _fonts(pdf: Pdf) -> Iterator[str]:
    for item in pdf.objects:
        if isinstance(item, Dictionary) and item.get("/Type") == Name.Font:
            name = str(item.get("/BaseFont", "?"))
            if item.get("/Subtype") in (Name.Type0, Name.Type1, Name.TrueType) and "/ToUnicode" not in item:
                yield f"7.21.7: {name} cannot be read as text"
            descriptor = item.get("/FontDescriptor")
            if descriptor is not None and not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.keys()):
                yield f"7.21.4: {name} is not embedded"


def _asked(content: bytes) -> list[str]:
    """What the validator says, where there is one."""
    program = shutil.which("verapdf")
    if program is None:
        return []
    answer = subprocess.run(
        [program, "--flavour", "ua1", "--format", "text"], input=content, capture_output=True, check=False
    )
    said = answer.stdout.decode(errors="replace")
    return [] if "PASS" in said else [f"veraPDF: {said.strip()[:400]}"]


def pictures(content: bytes, into: Path, name: str) -> list[Path]:
    """The pages as PNG, for a person to look at; none where poppler is not installed."""
    program = shutil.which("pdftoppm")
    if program is None:
        return []
    file = into / f"{name}.pdf"
    file.write_bytes(content)
    subprocess.run([program, "-r", "80", "-png", str(file), str(into / name)], check=True)
    return sorted(into.glob(f"{name}-*.png"))
