"""All ready rows of a checked file become gifts, in one transaction."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, models

from donations import signals
from donations.desk.imports import check, people, turn
from donations.models import (
    Donor,
    DonorOrigin,
    FormerId,
    Gift,
    GiftDetail,
    GiftImport,
    GiftOrigin,
    ImportRow,
    LedgerEntry,
    Month,
)
from donations.receipts import issue
from nonprofit import audit, clock

# The facts of each row by column, its new gift's id, and when it happened: the first instant of its day.
_ROWS = """
CREATE TEMP TABLE import_apply ON COMMIT DROP AS
SELECT r.line, nextval(pg_get_serial_sequence('donations_gift', 'id')) AS gift_id,
    md5('import:' || r.gift_import_id || ':' || r.line)::uuid AS attempt, p.donor_id, p.label,
    r.external_id, 'import:' || %(source)s || ':' || r.external_id AS proof, r.former_id, r.email,
    r.amount_minor, r.currency, r.gift_on, r.gift_on::timestamp AT TIME ZONE %(zone)s AS happened_at,
    f.donor_name, coalesce(f.donor_phone, '') AS donor_phone, coalesce(f.address_line1, '') AS address_line1,
    coalesce(f.address_line2, '') AS address_line2, coalesce(f.city, '') AS city, coalesce(f.region, '') AS region,
    coalesce(f.postal_code, '') AS postal_code, coalesce(f.country, '') AS country, coalesce(f.note, '') AS note,
    coalesce(f.is_name_hidden, false) AS is_name_hidden, coalesce(f.kind, 'card') AS kind,
    coalesce(nullif(f.frequency, ''), 'once') AS frequency, coalesce(f.fund_id, %(fund)s) AS fund_id, f.campaign_id,
    coalesce(f.check_number, '') AS check_number, coalesce(f.receipt_number, '') AS receipt_number,
    coalesce(f.fee_minor, 0) AS fee_minor
FROM donations_importrow r JOIN import_people p ON p.line = r.line
CROSS JOIN LATERAL jsonb_to_record(r.facts) AS f(
    donor_name text, donor_phone text, address_line1 text, address_line2 text, city text, region text,
    postal_code text, country text, note text, is_name_hidden boolean, kind text, frequency text, fund_id bigint,
    campaign_id bigint, check_number text, receipt_number text, fee_minor bigint)
WHERE r.gift_import_id = %(id)s AND r.state = ANY(%(states)s)
"""
# A new supporter is what their first row says, with the first e-mail that any of their rows says.
_NEWCOMERS = """
CREATE TEMP TABLE import_newcomer ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('donations_donor', 'id')) AS id, first.*, mail.email FROM (
    SELECT DISTINCT ON (label) label, donor_name AS name, donor_phone AS phone, address_line1, address_line2, city,
        region, postal_code, country
    FROM import_apply WHERE donor_id IS NULL ORDER BY label, line
) first LEFT JOIN (
    SELECT DISTINCT ON (label) label, email FROM import_apply WHERE donor_id IS NULL AND email <> ''
    ORDER BY label, line
) mail USING (label)
"""
# Somebody with that e-mail may have given on the page this very moment; then it is them.
_WHO_CAME_MEANWHILE = """
UPDATE import_apply a SET donor_id = d.id FROM import_newcomer n JOIN donations_donor d ON d.email = n.email
WHERE a.donor_id IS NULL AND a.label = n.label AND d.id <> n.id
"""
_THE_REST = """
UPDATE import_apply a SET donor_id = n.id FROM import_newcomer n WHERE a.donor_id IS NULL AND a.label = n.label
"""
_APPLIED = """
SELECT currency, count(*), sum(amount_minor), sum(fee_minor) FROM import_apply GROUP BY currency ORDER BY currency
"""
# Gifts of one look at their papers, where papers are asked for.
CHUNK = 1_000


def run(gift_import: GiftImport) -> None:
    """Every ready row is a settled gift with its origin, details, ledger lines and supporter; the import is applied.

    Call inside the transaction that holds the import's row. One import of all is applied or undone at a time. What was
    brought in since the check is left out, so the same file twice at once comes in once.
    """
    turn.take()
    check.find_duplicates(gift_import)
    states = [ImportRow.State.READY.value] + [ImportRow.State.ALIKE.value] * gift_import.brings_alike
    people.find(gift_import, states)
    _gather(gift_import, states)
    newcomers = _make_donors(gift_import)
    _make_gifts(gift_import)
    _book(gift_import)
    _count_anew()
    _check_now()
    if gift_import.wants_receipts:
        _make_due(gift_import)
    with connection.cursor() as cursor:
        cursor.execute(_APPLIED)
        sums = [[currency, int(count), int(total), int(fee)] for currency, count, total, fee in cursor.fetchall()]
    gift_import.state = GiftImport.State.APPLIED
    gift_import.applied_at = gift_import.changed_at = clock.now()
    gift_import.summary["applied"] = {"sums": sums, "new": newcomers}
    gift_import.trouble = ""
    gift_import.save(update_fields=["state", "applied_at", "changed_at", "summary", "trouble"])
    audit.record(
        gift_import.asked_by,
        "apply import",
        gift_import,
        after={"gifts": sum(count for _, count, _, _ in sums), "new supporters": newcomers, "sums": sums},
    )
    signals.gifts_imported.send(sender=GiftImport, gift_import=gift_import)


def _make_due(gift_import: GiftImport) -> None:
    """The gifts wait for our papers as any others, a chunk at a time."""
    gifts = Gift.objects.filter(origin__gift_import=gift_import).select_related("donor", "fund").order_by("pk")
    waiting = gifts.iterator(chunk_size=CHUNK)
    while chunk := list(islice(waiting, CHUNK)):
        issue.make_all_due(chunk)


def _count_anew() -> None:
    """PostgreSQL knows how large the import's own tables are now.

    Autovacuum comes a minute later: what asks about the import before, or takes it back, would be planned as if they
    were empty, and look through all of them once for each gift.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE donations_donororigin, donations_giftorigin")


def _check_now() -> None:
    """Look at every foreign key here, where the import can still say what happened, and not at the commit."""
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.cursor().execute("SET CONSTRAINTS ALL DEFERRED")


def _gather(gift_import: GiftImport, states: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_apply, pg_temp.import_newcomer")
        cursor.execute(
            _ROWS,
            {
                "id": gift_import.pk,
                "source": gift_import.source,
                "zone": settings.TIME_ZONE,
                "fund": gift_import.fund_id,
                "states": states,
            },
        )
        cursor.execute("ANALYZE import_apply")


def _make_donors(gift_import: GiftImport) -> int:
    """Every row has its supporter; how many are new. Their numbers over there are former ids from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWCOMERS)
        names = ("name", "phone", "address_line1", "address_line2", "city", "region", "postal_code", "country")
        given = {name: name for name in ("id", "email", *names)}
        _copy(Donor, "import_newcomer", given, tail="ON CONFLICT (email) DO NOTHING")
        cursor.execute(_WHO_CAME_MEANWHILE)
        cursor.execute(_THE_REST)
        cursor.execute("ANALYZE import_apply")
    made = "import_newcomer n WHERE EXISTS (SELECT 1 FROM import_apply a WHERE a.donor_id = n.id)"
    count = _copy(DonorOrigin, made, {"donor_id": "id", "gift_import_id": str(gift_import.pk)})
    numbers = "(SELECT DISTINCT ON (former_id) * FROM import_apply WHERE former_id <> '' ORDER BY former_id, line) one"
    given = {"donor_id": "donor_id", "value": "former_id", "gift_import_id": str(gift_import.pk)}
    _copy(FormerId, numbers, given, {"source": gift_import.source}, tail="ON CONFLICT (source, value) DO NOTHING")
    return count


def _make_gifts(gift_import: GiftImport) -> None:
    same = (
        *("donor_id", "kind", "frequency", "amount_minor", "currency", "fund_id", "campaign_id", "donor_name"),
        *("donor_phone", "address_line1", "address_line2", "city", "region", "postal_code", "country", "note"),
        *("is_name_hidden", "gift_on"),
    )
    given = {name: name for name in same} | {
        "id": "gift_id",
        "token": "gen_random_uuid()",
        "form_attempt": "attempt",
        "donor_email": "email",
        # Lists are sorted by it: an old gift belongs among the old ones.
        "started_at": "happened_at",
        "settled_at": "happened_at",
    }
    fixed = {"status": Gift.Status.SETTLED.value, "gift_date_basis": Gift.DateBasis.ORIGIN.value}
    _copy(Gift, "import_apply", given, fixed)
    number = str(gift_import.pk)
    given = {name: name for name in ("gift_id", "external_id", "line", "receipt_number")} | {"gift_import_id": number}
    _copy(GiftOrigin, "import_apply", given, {"source": gift_import.source})
    given = {"gift_id": "gift_id", "check_number": "check_number"}
    _copy(GiftDetail, "import_apply WHERE check_number <> ''", given)


def _book(gift_import: GiftImport) -> None:
    """One line for the gift and one for the fee, if it was told; booked on the day the other platform had it, or on
    the first open one."""
    common = {
        "source": "proof",
        "gift_id": "gift_id",
        "donor_id": "donor_id",
        "fund_id": "fund_id",
        "currency": "currency",
        "happened_at": "happened_at",
        # The former platform banked it: it is in no balance of ours, and its day can lie in a month that is closed.
        "booked_on": f"greatest(gift_on, date '{Month.objects.first_open():%Y-%m-%d}')",
    }
    gift, fee = LedgerEntry.Kind.GIFT.value, LedgerEntry.Kind.FEE.value
    former = {"account": LedgerEntry.Account.FORMER.value}
    _copy(LedgerEntry, "import_apply", common | {"amount_minor": "amount_minor"}, former | {"kind": gift})
    fees = common | {"amount_minor": "-fee_minor"}
    _copy(LedgerEntry, "import_apply WHERE fee_minor > 0", fees, former | {"kind": fee})


def _copy(
    model: type[models.Model],
    rows: str,
    given: Mapping[str, str],
    fixed: Mapping[str, Any] | None = None,
    tail: str = "",
) -> int:
    """Insert a row of `model` for each of `rows`: `given` columns by SQL, `fixed` by value, the others by the model.

    rows, given and tail are our own SQL, never anybody's text. Returns how many were inserted.
    """
    values = dict(fixed or {})
    for field in model._meta.concrete_fields:
        column = str(field.column)
        if column not in given and column not in values and not field.primary_key:
            values[column] = field.get_db_prep_save(field.get_default(), connection)
    columns = [*given, *values]
    selected = [*given.values(), *["%s"] * len(values)]
    with connection.cursor() as cursor:
        into = f"{model._meta.db_table} ({', '.join(columns)})"
        sql = f"INSERT INTO {into} SELECT {', '.join(selected)} FROM {rows} {tail}"  # nosec B608 - names of our own
        cursor.execute(sql, list(values.values()))
        return int(cursor.rowcount)
