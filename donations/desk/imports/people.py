"""Whose gifts the rows are: supporters we know, and new ones, each decided once for the whole file."""

from dataclasses import dataclass

from django.db import connection

from donations.models import GiftImport

# How a name and a postcode are compared: capitals, single spaces, five digits of an American ZIP code.
_NAME = r"upper(regexp_replace(btrim({0}), '\s+', ' ', 'g'))"
_POST = r"upper(regexp_replace(regexp_replace({0}, '\s', '', 'g'), '^(\d{{5}})-\d{{4}}$', '\1'))"
_PERSON = "CASE WHEN {1} = '' THEN '' ELSE " + _NAME + " || '|' || " + _POST.replace("{0}", "{1}") + " END"

# former_id, email, person: '' where the row does not say. label: rows of one new supporter carry the lowest line.
_PEOPLE = f"""
CREATE TEMP TABLE import_people ON COMMIT DROP AS
SELECT line, former_id, email, {_PERSON.format("facts->>'donor_name'", "coalesce(facts->>'postal_code', '')")}
       AS person,
       NULL::bigint AS donor_id, line AS label
FROM donations_importrow WHERE gift_import_id = %(id)s AND state = ANY(%(states)s)
"""
_BY_FORMER_ID = """
UPDATE import_people p SET donor_id = f.donor_id FROM donations_formerid f
WHERE p.former_id <> '' AND f.source = %(source)s AND f.value = p.former_id
"""
_BY_EMAIL = """
UPDATE import_people p SET donor_id = d.id FROM donations_donor d
WHERE p.donor_id IS NULL AND p.email <> '' AND d.email = p.email
"""
_BY_FURTHER_EMAIL = """
UPDATE import_people p SET donor_id = e.donor_id FROM donations_donoremail e
WHERE p.donor_id IS NULL AND p.email <> '' AND e.email = p.email
"""
# Two e-mails, or two numbers of one platform, are two people even where name and postcode are the same.
_BY_NAME = f"""
WITH named AS MATERIALIZED (
    SELECT min(d.id) AS id, {_PERSON.format("d.name", "d.postal_code")} AS person, d.email IS NOT NULL AS has_email,
        EXISTS (SELECT 1 FROM donations_formerid f WHERE f.donor_id = d.id AND f.source = %(source)s) AS has_number
    FROM donations_donor d WHERE d.postal_code <> '' AND d.merged_into_id IS NULL GROUP BY d.id
)
UPDATE import_people p SET donor_id = (
    SELECT min(n.id) FROM named n WHERE n.person = p.person AND NOT (n.has_email AND p.email <> '')
    AND NOT (n.has_number AND p.former_id <> '')
)
WHERE p.donor_id IS NULL AND p.person IN (SELECT person FROM named)
"""
_FOLLOW_MERGES = """
UPDATE import_people p SET donor_id = d.merged_into_id FROM donations_donor d
WHERE d.id = p.donor_id AND d.merged_into_id IS NOT NULL
"""
# Rows that share a number or an e-mail are one new supporter; done again until nothing changes.
_JOIN = """
UPDATE import_people p SET label = m.label FROM (
    SELECT {0} AS said, min(label) AS label FROM import_people WHERE donor_id IS NULL AND {0} <> '' GROUP BY {0}
    HAVING min(label) <> max(label)
) m WHERE p.donor_id IS NULL AND p.{0} = m.said AND p.label > m.label
"""
# A row with neither goes with the first of the same name and postcode.
_JOIN_BY_NAME = """
UPDATE import_people p SET label = m.label FROM (
    SELECT person, min(label) AS label FROM import_people WHERE donor_id IS NULL AND person <> '' GROUP BY person
) m WHERE p.donor_id IS NULL AND p.former_id = '' AND p.email = '' AND p.person = m.person
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Supporters of the rows looked at."""

    known: int
    new: int


def find(gift_import: GiftImport, states: list[str]) -> Counts:
    """Temporary table import_people: for each row in `states` its supporter (donor_id), or the label of a new one.

    By the source's own number first, then by e-mail, the main one or a further one, then by exact name and postcode.
    Merged supporters are followed. Call inside a transaction; the table is gone with it.
    """
    said: dict[str, int | str | list[str]] = {"id": gift_import.pk, "source": gift_import.source, "states": states}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_people")
        cursor.execute(_PEOPLE, said)
        cursor.execute("ANALYZE import_people")
        for statement in (_BY_FORMER_ID, _BY_EMAIL, _BY_FURTHER_EMAIL, _BY_NAME):
            cursor.execute(statement, said)
        cursor.execute(_FOLLOW_MERGES)
        while cursor.rowcount:
            cursor.execute(_FOLLOW_MERGES)
        joined = 1
        while joined:
            joined = 0
            for said_by in ("former_id", "email"):
                cursor.execute(_JOIN.format(said_by))
                joined += cursor.rowcount
        cursor.execute(_JOIN_BY_NAME)
        cursor.execute(
            "SELECT count(DISTINCT donor_id), count(DISTINCT label) FILTER (WHERE donor_id IS NULL) FROM import_people"
        )
        known, new = cursor.fetchone() or (0, 0)
    return Counts(int(known), int(new))
