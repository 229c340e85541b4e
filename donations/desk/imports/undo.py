"""An applied import taken back whole, as long as nothing was built on its gifts and supporters."""

from collections.abc import Iterator

from django.apps import apps
from django.db import connection, models

from donations import signals
from donations.desk.imports import turn
from donations.models import (
    Donor,
    DonorOrigin,
    FormerId,
    Gift,
    GiftDetail,
    GiftImport,
    GiftOrigin,
    LedgerEntry,
    Month,
    ReceiptDue,
)
from nonprofit import audit, clock

# What came with the import itself and goes with it.
OF_GIFT = (GiftOrigin, GiftDetail, ReceiptDue, LedgerEntry)
OF_DONOR = (DonorOrigin, FormerId, Gift, LedgerEntry)

_GIFTS = "(SELECT gift_id FROM donations_giftorigin WHERE gift_import_id = %(id)s)"
_DONORS = "(SELECT donor_id FROM donations_donororigin WHERE gift_import_id = %(id)s)"
_FURTHER_LINES = f"""
FROM donations_ledgerentry l WHERE l.gift_id IN {_GIFTS} AND NOT EXISTS (
    SELECT 1 FROM donations_giftorigin o WHERE o.gift_id = l.gift_id AND o.gift_import_id = %(id)s
    AND l.source = 'import:' || o.source || ':' || o.external_id
)
"""
_IN_CLOSED_MONTHS = f"""
FROM donations_ledgerentry l WHERE l.gift_id IN {_GIFTS} AND l.booked_on < (
    SELECT max(m.starts_on) + interval '1 month' FROM donations_month m WHERE m.state IN ('closed', 'reopening')
)
"""
_CHANGED_GIFTS = """
FROM donations_gift g JOIN donations_giftorigin o ON o.gift_id = g.id
WHERE o.gift_import_id = %(id)s AND g.status <> 'settled'
"""
_OTHER_GIFTS = f"""
FROM donations_gift g WHERE g.donor_id IN {_DONORS} AND NOT EXISTS (
    SELECT 1 FROM donations_giftorigin o WHERE o.gift_id = g.id AND o.gift_import_id = %(id)s
)
"""
_OTHER_IDS = f"FROM donations_formerid f WHERE f.donor_id IN {_DONORS} AND f.gift_import_id IS DISTINCT FROM %(id)s"
# Also of supporters who were here before: a merge remembers which gifts it moved.
_MERGES = """
FROM donations_donormerge m WHERE m.undone_at IS NULL AND m.merged_at >= %(applied_at)s AND EXISTS (
    SELECT 1 FROM donations_gift g JOIN donations_giftorigin o ON o.gift_id = g.id
    WHERE o.gift_import_id = %(id)s AND g.donor_id IN (m.kept_id, m.gone_id)
)
"""
_AUDITED = """
FROM nonprofit_auditentry a WHERE a.target_type = '{0}' AND a.target_id IN (SELECT pk::text FROM {1} AS found(pk))
"""


def obstacles(gift_import: GiftImport) -> list[str]:
    """What was built on the import since, in words; empty when it can be undone.

    Every table that points at a gift or a supporter counts, also those that are added after this was written.
    """
    found = []
    for sql, one, many in _questions():
        count = _count(gift_import, sql)
        if count:
            found.append(f"{count:,} {one if count == 1 else many}")
    return found


def _questions() -> Iterator[tuple[str, str, str]]:
    if Month.objects.shut().exists():
        yield _IN_CLOSED_MONTHS, "ledger line in a closed month", "ledger lines in closed months"
    yield _CHANGED_GIFTS, "gift was reversed", "gifts were reversed"
    yield _FURTHER_LINES, "further ledger line on a gift", "further ledger lines on its gifts"
    for table, column, name in _pointing_at(Gift, OF_GIFT):
        yield f"FROM {table} WHERE {column} IN {_GIFTS}", f"{name} on a gift", f"× {name} on its gifts"
    yield _OTHER_GIFTS, "later gift of a supporter who came with it", "later gifts of supporters who came with it"
    yield _OTHER_IDS, "further former id of such a supporter", "further former ids of such supporters"
    yield _MERGES, "merge of a supporter it gave gifts to", "merges of supporters it gave gifts to"
    for table, column, name in _pointing_at(Donor, OF_DONOR):
        found = f"FROM {table} WHERE {column} IN {_DONORS}"
        yield found, f"{name} of a supporter who came with it", f"× {name} of supporters who came with it"
    without_gift = f"FROM donations_ledgerentry WHERE gift_id IS NULL AND donor_id IN {_DONORS}"
    yield without_gift, "ledger line of such a supporter", "ledger lines of such supporters"
    yield _AUDITED.format("gift", _GIFTS), "change by staff to a gift", "changes by staff to gifts"
    changed = "changes by staff to supporters who came with it"
    yield _AUDITED.format("donor", _DONORS), "change by staff to a supporter who came with it", changed


def _pointing_at(model: type[models.Model], known: tuple[type[models.Model], ...]) -> Iterator[tuple[str, str, str]]:
    """(table, column, name) of every foreign key to `model`, but of tables in `known` and those that are computed."""
    for other in apps.get_models(include_auto_created=True):
        if other in _computed():
            continue
        for field in other._meta.local_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is model and other not in known:
                yield other._meta.db_table, str(field.column), str(other._meta.verbose_name)


def _computed() -> list[type[models.Model]]:
    """Tables of floors above that hold nothing but what is computed from a supporter's gifts: they go with them."""
    return [model for model in apps.get_models() if getattr(model, "is_computed_from_gifts", False)]


def _count(gift_import: GiftImport, sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {sql}", {"id": gift_import.pk, "applied_at": gift_import.applied_at})
        (count,) = cursor.fetchone() or (0,)
    return int(count)


_TAKE = (
    # The ledger's own trigger lets these go, and only these: docs/decisions/0010-undoing-an-import.md.
    f"DELETE FROM donations_ledgerentry WHERE gift_id IN {_GIFTS}",
    f"DELETE FROM donations_receiptdue WHERE gift_id IN {_GIFTS}",
    f"DELETE FROM donations_giftdetail WHERE gift_id IN {_GIFTS}",
    "DELETE FROM donations_formerid WHERE gift_import_id = %(id)s",
    # The gifts' list goes with their origins, so the gifts are named first.
    f"CREATE TEMP TABLE import_undo_gift ON COMMIT DROP AS {_GIFTS[1:-1]}",
    f"CREATE TEMP TABLE import_undo_donor ON COMMIT DROP AS {_DONORS[1:-1]}",
    "DELETE FROM donations_giftorigin WHERE gift_import_id = %(id)s",
    "DELETE FROM donations_gift WHERE id IN (SELECT gift_id FROM import_undo_gift)",
    "DELETE FROM donations_donororigin WHERE gift_import_id = %(id)s",
    "DELETE FROM donations_donor WHERE id IN (SELECT donor_id FROM import_undo_donor)",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SET CONSTRAINTS ALL DEFERRED",
)


def run(gift_import: GiftImport) -> list[str]:
    """Everything the import made is gone and it is undone; or nothing changed, and the obstacles are returned.

    Call inside the transaction that holds the import's row. Locks the gifts and the supporters first, so that nothing
    can be built on them between the look and the deed.
    """
    said = {"id": gift_import.pk}
    turn.take()
    # No month closes between the look and the deed.
    Month.objects.first_open()
    with connection.cursor() as cursor:
        for table, rows in (("donations_gift", _GIFTS), ("donations_donor", _DONORS)):
            taken = f"(SELECT 1 FROM {table} WHERE id IN {rows} ORDER BY id FOR UPDATE) taken"
            cursor.execute(f"SELECT count(*) FROM {taken}", said)  # nosec B608 - names of our own
        if found := obstacles(gift_import):
            return found
        cursor.execute(f"SELECT DISTINCT donor_id FROM donations_gift WHERE id IN {_GIFTS}", said)  # nosec B608
        gave = {row[0] for row in cursor.fetchall()}
        for model in _computed():
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE donor_id IN {_DONORS}", said)  # nosec B608
        for statement in _TAKE:
            cursor.execute(statement, said)
    stay = list(Donor.objects.filter(pk__in=gave).values_list("pk", flat=True))
    signals.import_undone.send(sender=GiftImport, gift_import=gift_import, donor_ids=stay)
    gift_import.state = GiftImport.State.UNDONE
    gift_import.trouble = ""
    gift_import.changed_at = clock.now()
    gift_import.save(update_fields=["state", "trouble", "changed_at"])
    applied = gift_import.summary.get("applied", {})
    audit.record(gift_import.asked_by, "undo import", gift_import, before=applied)
    return []
