"""What anybody may ask about a paper by its code: whether it is genuine, and nothing else."""

import re
from enum import StrEnum

from donations.models import Receipt
from donations.receipts import issue

CODE = re.compile(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}")
# What people read for letters; the codes have neither zero, one nor eight (RFC 4648, section 6).
MISREAD = str.maketrans("018", "OIB")


class Answer(StrEnum):
    GENUINE = "genuine"
    VOID = "void"
    UNKNOWN = "unknown"


def normal(typed: str) -> str:
    """The code as printed, from however it was typed: "abcd efgh ijkl" is ABCD-EFGH-IJKL. "" when it cannot be one."""
    letters = re.sub(r"[\s\-–—.]", "", typed[:40]).upper().translate(MISREAD)
    code = "-".join((letters[:4], letters[4:8], letters[8:]))
    return code if CODE.fullmatch(code) else ""


def answer(code: str) -> Answer:
    """Whether the paper with this code stands. One whose PDF is not made yet is nobody's to hold: unknown.

    The code is made of every printed fact, so a changed paper has another one. Nothing of the paper is told: whoever
    holds it reads the facts there, and whoever guesses learns nothing about anybody.
    """
    found = Receipt.objects.filter(code=normal(code), pdf__isnull=False).exclude(code="")
    voids = list(found.values_list("void", flat=True))
    if None in voids:
        return Answer.GENUINE
    return Answer.VOID if voids else Answer.UNKNOWN


def address(code: str) -> str:
    """The whole address of the page that answers for this code."""
    return f"{issue.CHECK_URL}{code}/"
