"""Draws MissingGlyph.ttf: a hollow box for every character the other fonts lack, so no name can stop a receipt.

PDF/UA-1 and PDF/A-2a refuse a text with an unknown glyph. With this font last in the template's list there is none.
Run from this folder: python missing_glyph.py
"""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable
from fontTools.ttLib.tables._g_l_y_f import Glyph

FAMILY = "Missing Glyph"
ADVANCE = 620
SURROGATES = range(0xD800, 0xE000)


def hollow_box() -> Glyph:
    """An upright rectangle with a second one, drawn the other way round, cut out of it."""
    pen = TTGlyphPen(None)
    for left, bottom, right, top, outer in ((70, 0, 550, 700, True), (120, 50, 500, 650, False)):
        corners = [(left, bottom), (left, top), (right, top), (right, bottom)]
        first, *others = corners if outer else corners[::-1]
        pen.moveTo(first)
        for corner in others:
            pen.lineTo(corner)
        pen.closePath()
    return pen.glyph()


def everything_to_the_box() -> CmapSubtable:
    """One many-to-one range table (format 13): the whole of Unicode in a few bytes."""
    table = CmapSubtable.newSubtable(13)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.cmap = {code: "box" for code in range(0x20, 0x110000) if code not in SURROGATES}
    return table


def build(target: Path) -> None:
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "box"])
    builder.setupCharacterMap({0x25A1: "box"})
    builder.setupGlyf({".notdef": hollow_box(), "box": hollow_box()})
    builder.setupHorizontalMetrics({".notdef": (ADVANCE, 70), "box": (ADVANCE, 70)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular", "psName": "MissingGlyph"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.setupHead(unitsPerEm=1000, created=0, modified=0)
    builder.font["cmap"].tables.append(everything_to_the_box())
    builder.font.recalcTimestamp = False
    builder.save(target)


if __name__ == "__main__":
    build(Path(__file__).with_name("MissingGlyph.ttf"))
