"""The QR code at a paper's foot, which opens the page that says whether the paper is genuine.

Making one anew takes a general encoder as long as drawing several letters. But of two codes of one length only a few
characters differ, and what a character changes in the picture does not depend on the others: error correction and
masking are sums without carry (ISO/IEC 18004:2015, 7.5 and 7.8). So each bit's share is made once, with the encoder,
and from then on they are only put together.
"""

import functools
import re
from collections.abc import Sequence

import segno

# M restores 15 % of the symbol: enough for a fold or a coffee stain.
_ERROR = "m"
_RUN = re.compile("1+")


def address(check_url: str, code: str) -> str:
    """What the code opens. check_url: the page's address, with a slash at its end."""
    return f"{check_url}{code}/"


def svg(check_url: str, code: str) -> str:
    """The QR code as a picture of black squares on nothing, each 1 by 1, without the quiet border around it."""
    before, after = address(check_url, "\0").split("\0")
    size, blank, shares = _shares(before, after, len(code))
    picture = blank
    for place, character in enumerate(code.encode("ascii")):
        for bit in range(7):
            if character >> bit & 1:
                picture ^= shares[place * 7 + bit]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        f'<path stroke="#000" d="{_drawn(picture, size)}"/></svg>'
    )


@functools.lru_cache(maxsize=4)
def _shares(before: str, after: str, length: int) -> tuple[int, int, list[int]]:
    """The symbol's width, the picture without any bit of the code, and what each of its bits changes in it."""

    def made(middle: bytes, mask: int | None = None, version: int | None = None) -> segno.QRCode:
        content = before.encode() + middle + after.encode()
        return segno.make(
            content, mode="byte", error=_ERROR, boost_error=False, micro=False, mask=mask, version=version
        )

    # The mask is chosen for a code as they are, in letters; any mask can be read.
    usual = made(b"A" * length)
    version, mask = int(usual.version), usual.mask
    blank = _bits(made(bytes(length), mask, version).matrix)
    shares = []
    for place in range(length):
        for bit in range(7):
            middle = bytearray(length)
            middle[place] = 1 << bit
            shares.append(blank ^ _bits(made(bytes(middle), mask, version).matrix))
    return len(usual.matrix), blank, shares


def _bits(matrix: Sequence[Sequence[int]]) -> int:
    """The picture as one number, row after row, the first square highest."""
    return int("".join(str(int(bool(square))) for row in matrix for square in row), 2)


def _drawn(picture: int, size: int) -> str:
    """One line for each run of black squares: a single path, which no viewer shows with seams."""
    squares = f"{picture:0{size * size}b}"
    return "".join(
        [
            f"M{run.start()} {row}.5H{run.end()}"
            for row in range(size)
            for run in _RUN.finditer(squares[row * size : (row + 1) * size])
        ]
    )
