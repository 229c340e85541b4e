"""The confirmed addresses of a list as a file for the mailing provider, with a control file signed by us."""

import csv
import hashlib
import hmac
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from members.models import NewsletterExport, NewsletterSubscription, NewsletterSuppression, Purpose
from members.newsletter import links
from nonprofit import audit, clock
from nonprofit.models import User

COLUMNS = ["email", "list", "confirmed_at", "source", "unsubscribe_url", "preferences_url"]
SCHEMA = "newsletter-1"
# What makes a spreadsheet take a cell for a formula (domain rule 91), also in fullwidth.
_SIGNS = "=+-@\t\r＝＋－＠"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it is handed out: a ZIP of the addresses and their control file."""

    name: str
    content: bytes
    rows: int


@transaction.atomic
def take(purpose: Purpose, *, by: User) -> Taken:
    """The list as it is now; that it was taken, by whom and which bytes, is on record and in the audit log.

    Suppressed addresses are not in it. Each line has the address's own links to leave and to choose, for the foot of
    the provider's letters.
    """
    lines = list(_lines(purpose))
    content = _csv(lines)
    digest = hashlib.sha256(content).hexdigest()
    row = NewsletterExport.objects.create(purpose=purpose, rows=len(lines), sha256=digest, made_by=by)
    audit.record(audit.staff(by), "export the newsletter's addresses", row, after={"rows": row.rows, "list": purpose})
    name = f"{purpose}-{clock.today().isoformat()}-{row.pk}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(f"{name}.csv", content)
        files.writestr(f"{name}.control.json", control(row, f"{name}.csv", len(content)))
    return Taken(f"{name}.zip", archive.getvalue(), row.rows)


def control(row: NewsletterExport, file: str, size: int) -> str:
    """What the file is checked by. signature: HMAC-SHA256 with EXPORT_SIGNING_KEY of the facts as sorted compact JSON.

    Anybody can make a SHA-256; that the facts are ours only the key shows.
    """
    facts = {
        "schema": SCHEMA,
        "file": file,
        "bytes": size,
        "sha256": row.sha256,
        "rows": row.rows,
        "columns": COLUMNS,
        "list": row.purpose,
        "made_at": row.at.isoformat(),
        "export": row.pk,
    }
    return json.dumps({**facts, "signature": f"hmac-sha256:{sign(facts)}"}, indent=2) + "\n"


def sign(facts: dict[str, object]) -> str:
    """The signature of a control file's facts, in hexadecimal."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hmac.new(settings.EXPORT_SIGNING_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def plain(cell: str) -> str:
    """The cell as text for a spreadsheet, also where it begins like a formula."""
    return f"'{cell}" if cell[:1] in _SIGNS and cell else cell


def _lines(purpose: Purpose) -> Iterator[list[str]]:
    Status = NewsletterSubscription.Status
    stopped = NewsletterSuppression.objects.filter(lifted_at=None).values("email")
    rows = NewsletterSubscription.objects.filter(purpose=purpose, status=Status.CONFIRMED).exclude(email__in=stopped)
    for row in rows.order_by("email").iterator():
        leave, choose = links.url(row, links.LEAVE), links.url(row, links.PREFERENCES)
        yield [row.email, row.purpose, row.changed_at.isoformat(), row.source, leave, choose]


def _csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([plain(cell) for cell in line] for line in lines)
    return text.getvalue().encode()
