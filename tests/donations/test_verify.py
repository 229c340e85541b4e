"""Anybody may ask whether a paper is genuine, and learns nothing about anybody."""

import io
import re

import pytest
import segno
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from donations.models import Receipt
from donations.receipts import issue, qr, replace, verify
from donations.rules import chain
from nonprofit import organization
from tests import builders
from tests.donations.test_replace import refund

PRIVATE = ["Ana", "Silva", "ana@example.org", "R-20", "$25"]


def page(client: Client, code: str) -> tuple[int, str]:
    answer = client.get(reverse("donations:check_receipt", args=[code]))
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db
def test_genuine_void_unknown_and_not_a_word_more(client: Client) -> None:
    gift = builders.receipted_gift()
    old = gift.paper
    status, said = page(client, old.code)
    assert (status, "This paper is genuine" in said) == (200, True)
    refund(gift, 1000)
    replace.replace(gift.pk, reason="refund", actor="stripe")
    gift.refresh_from_db()
    status, void = page(client, old.code)
    assert (status, "This paper is void" in void) == (200, True)
    status, unknown = page(client, "AAAA-BBBB-CCCC")
    assert (status, "We do not know this code" in unknown) == (404, True)
    for words in (said, void, unknown):
        main = words[words.index("<main") : words.index("</main>")]
        assert not [private for private in PRIVATE if private in main]


@pytest.mark.django_db
def test_a_number_without_a_pdf_is_nobodys_paper_yet() -> None:
    builders.booked_gift()
    (pk,) = issue.issue_due()
    draft = Receipt.objects.get(pk=pk)
    assert (draft.state, verify.answer(draft.code)) == ("draft", "unknown")
    builders.drawn(pk)
    again = Receipt.objects.get(pk=pk)
    assert (again.state, verify.answer(draft.code)) == ("issued", "genuine")


@pytest.mark.django_db
def test_the_code_may_be_typed_as_people_type(client: Client) -> None:
    receipt = builders.receipted_gift().paper
    for typed in (receipt.code.lower(), receipt.code.replace("-", " "), receipt.code.replace("O", "0")):
        answer = client.get(reverse("donations:check_receipts"), {"code": typed})
        assert answer.status_code == 302
        assert answer["Location"] == reverse("donations:check_receipt", args=[receipt.code])
    answer = client.get(reverse("donations:check_receipts"), {"code": "<b>no</b>"})
    assert answer.status_code == 404
    assert "<b>no" not in answer.content.decode()
    assert client.get(reverse("donations:check_receipts")).status_code == 200
    assert "noindex" in client.get(reverse("donations:check_receipts"))["X-Robots-Tag"]


@pytest.mark.django_db
def test_codes_cannot_be_tried_by_the_thousand(client: Client) -> None:
    builders.organization()
    url = reverse("donations:check_receipt", args=["AAAA-BBBB-CCCC"])
    answers = [client.get(url, REMOTE_ADDR="203.0.113.77").status_code for _ in range(61)]
    assert answers == [404] * 60 + [429]


@pytest.mark.django_db
def test_every_new_paper_carries_the_code_and_says_what_the_picture_is() -> None:
    receipt = builders.receipted_gift().paper
    pdf = bytes(receipt.pdf.file.content)
    said = " ".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())
    address = issue.CHECK_URL.partition("://")[2].rstrip("/")
    assert f"Is this paper genuine? Ask here: {address} Code {receipt.code}" in said
    assert receipt.code == chain.code(receipt.snapshot)
    assert f"QR code that opens {address}".encode("utf-16-be") in pdf or f"QR code that opens {address}".encode() in pdf
    assert receipt.snapshot["template"] == "receipt-3"
    assert organization.get().legal_name in said


@pytest.mark.parametrize("base", ["https://a.org/receipts/check/", f"https://{'long.' * 20}org/receipts/check/"])
@pytest.mark.parametrize("code", ["ABCD-EFGH-IJKL", "Z2Z7-ZZZZ-A234", "7777-2222-QQQQ"])
def test_the_picture_is_the_one_the_encoder_makes(base: str, code: str) -> None:
    """Put together from its bits' shares, square for square; so any telephone reads it."""
    usual = segno.make(base + "A" * 14 + "/", mode="byte", error="m", boost_error=False, micro=False)
    made = segno.make(base + code + "/", mode="byte", error="m", boost_error=False, micro=False, mask=usual.mask)
    size = len(made.matrix)
    black = {(x, y) for y, row in enumerate(made.matrix) for x, square in enumerate(row) if square}
    drawn = set()
    for x, y, end in re.findall(r"M(\d+) (\d+)\.5H(\d+)", qr.svg(base, code)):
        drawn |= {(at, int(y)) for at in range(int(x), int(end))}
    assert drawn == black
    assert f'viewBox="0 0 {size} {size}"' in qr.svg(base, code)
