"""Several of our PDFs as one that can still be heard: pages behind each other, and their tags in one tree.

A library that joins PDFs takes the pages and leaves the tags behind, so the tags are carried over here: each document's
elements, and the table by which content on a page finds its element (ISO 32000-1, 14.7).
"""

import io
import re
from collections.abc import Sequence
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, NumberObject, StreamObject

_PAGES = re.compile(rb"(<xmpTPg:NPages>)\d+")


def together(papers: Sequence[PdfReader]) -> bytes:
    """The papers in their order, with title, language and claims of the first."""
    first, *others = papers
    writer = PdfWriter(clone_from=first)
    tree = writer.root_object["/StructTreeRoot"].get_object()
    if not isinstance(tree, DictionaryObject):
        raise TypeError("the first paper has no tags")
    numbers = _numbers(tree)
    _plain(tree)
    for paper in others:
        start = len(writer.pages)
        writer.append(paper, import_outline=False)
        _carry_over(writer, paper, start, tree, numbers)
    tree[NameObject("/ParentTree")] = writer._add_object(DictionaryObject({NameObject("/Nums"): numbers}))
    tree[NameObject("/ParentTreeNextKey")] = NumberObject(len(numbers) // 2)
    tree.pop("/IDTree", None)
    _count_pages(writer)
    whole = io.BytesIO()
    writer.write(whole)
    return whole.getvalue()


def _carry_over(writer: PdfWriter, paper: PdfReader, start: int, tree: DictionaryObject, numbers: ArrayObject) -> None:
    own: Any = paper.root_object["/StructTreeRoot"].get_object()
    # Cloned with its pages already there, so that its elements name those.
    mine: Any = own.clone(writer)
    _plain(mine)
    behind = len(numbers) // 2
    theirs = _numbers(mine)
    for place in range(0, len(theirs), 2):
        numbers.extend([NumberObject(behind + int(theirs[place])), theirs[place + 1]])
    for page in writer.pages[start:]:
        _moved(page, "/StructParents", behind)
        for annotation in page.get("/Annots", ()):
            _moved(annotation.get_object(), "/StructParent", behind)
    for element in _kids(mine):
        element.get_object()[NameObject("/P")] = tree.indirect_reference
        _kids(tree).append(element)
    roles = tree.setdefault(NameObject("/RoleMap"), DictionaryObject()).get_object()
    roles.update(mine.get("/RoleMap", DictionaryObject()).get_object())


def _numbers(tree: Any) -> ArrayObject:
    """The table from content to element, which typst writes flat."""
    found = tree["/ParentTree"].get_object()
    if "/Nums" not in found:
        raise ValueError("the table of tags is not flat")
    return ArrayObject(found["/Nums"].get_object())


def _kids(tree: Any) -> ArrayObject:
    kids = tree["/K"].get_object()
    if not isinstance(kids, ArrayObject):
        kids = ArrayObject([tree.raw_get("/K")])
        tree[NameObject("/K")] = kids
    return kids


def _moved(holder: Any, key: str, behind: int) -> None:
    if key in holder:
        holder[NameObject(key)] = NumberObject(int(holder[key]) + behind)


def _plain(node: Any) -> None:
    """Names of heading cells are the same in every document; each heading says what it heads by its scope anyway."""
    kids = node.get("/K")
    kids = kids.get_object() if isinstance(kids, IndirectObject) else kids
    for kid in kids if isinstance(kids, ArrayObject) else [kids]:
        element = kid.get_object() if kid is not None else None
        if not isinstance(element, DictionaryObject) or "/S" not in element:
            continue
        element.pop("/ID", None)
        attributes = element.get("/A")
        attributes = attributes.get_object() if attributes is not None else ArrayObject()
        for one in attributes if isinstance(attributes, ArrayObject) else [attributes]:
            one.get_object().pop("/Headers", None)
        _plain(element)


def _count_pages(writer: PdfWriter) -> None:
    metadata = writer.root_object.get("/Metadata")
    stream = metadata.get_object() if metadata is not None else None
    if isinstance(stream, StreamObject):
        stream.set_data(_PAGES.sub(rb"\g<1>%d" % len(writer.pages), stream.get_data()))
