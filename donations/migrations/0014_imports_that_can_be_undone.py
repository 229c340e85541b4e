"""Imports know how their file is read, rows what they were found to be; and an import can be undone, nothing else can.

See docs/decisions/0010-undoing-an-import.md.
"""

import django.db.models.deletion
from django.db import migrations, models

# Ledger lines of an import that is being undone may go, and only together with their gifts; all others never.
GUARD = """
CREATE FUNCTION refuse_delete_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.source LIKE 'import:%' AND EXISTS (
        SELECT 1 FROM donations_giftorigin o JOIN donations_giftimport i ON i.id = o.gift_import_id
        WHERE o.gift_id = OLD.gift_id AND i.state = 'undoing'
          AND OLD.source = 'import:' || o.source || ':' || o.external_id
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'DELETE of donations_ledgerentry refused: rows here never change; put a mistake right by another row'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION refuse_gift_without_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_gift WHERE id = OLD.gift_id) THEN
        RAISE EXCEPTION 'DELETE of donations_ledgerentry refused: gift % would stand without its money', OLD.gift_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION refuse_change_of_origin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM donations_giftimport WHERE id = OLD.gift_import_id AND state = 'undoing'
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% of donations_giftorigin refused: where a gift came from never changes', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER refuse_change ON donations_ledgerentry;
CREATE TRIGGER refuse_change BEFORE UPDATE ON donations_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_delete BEFORE DELETE ON donations_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION refuse_delete_of_ledger();
CREATE CONSTRAINT TRIGGER refuse_gift_without_ledger AFTER DELETE ON donations_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_gift_without_ledger();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON donations_giftorigin
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_origin();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON donations_giftorigin
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
NO_GUARD = """
DROP TRIGGER refuse_truncate ON donations_giftorigin;
DROP TRIGGER refuse_change ON donations_giftorigin;
DROP TRIGGER refuse_gift_without_ledger ON donations_ledgerentry;
DROP TRIGGER refuse_delete ON donations_ledgerentry;
DROP TRIGGER refuse_change ON donations_ledgerentry;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON donations_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_change_of_origin();
DROP FUNCTION refuse_gift_without_ledger();
DROP FUNCTION refuse_delete_of_ledger();
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0013_find_supporters_while_typing")]
    operations = [
        migrations.AddField(
            "formerid",
            "gift_import",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="former_ids",
                to="donations.giftimport",
            ),
        ),
        migrations.AddField("giftimport", "applied_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("giftimport", "asked_by", models.CharField(blank=True, max_length=80)),
        migrations.AddField(
            "giftimport",
            "brings_alike",
            models.BooleanField(default=False, verbose_name="bring in rows that look like gifts already here"),
        ),
        migrations.AddField(
            "giftimport",
            "date_order",
            models.CharField(
                choices=[("mdy", "month first: 11/23/2026"), ("dmy", "day first: 23/11/2026")],
                default="mdy",
                max_length=3,
            ),
        ),
        migrations.AddField("giftimport", "delimiter", models.CharField(default=",", max_length=1)),
        migrations.AddField("giftimport", "encoding", models.CharField(default="utf-8-sig", max_length=20)),
        migrations.AddField("giftimport", "headings", models.JSONField(default=list)),
        migrations.AddField(
            "giftimport", "samples", models.JSONField(default=list, help_text="The first rows, to choose columns by.")
        ),
        migrations.AddField(
            "giftorigin", "line", models.PositiveIntegerField(default=0, help_text="Its row in the file.")
        ),
        migrations.AddField("importmapping", "date_order", models.CharField(default="mdy", max_length=3)),
        migrations.AddField("importrow", "amount_minor", models.PositiveBigIntegerField(blank=True, null=True)),
        migrations.AddField("importrow", "currency", models.CharField(blank=True, max_length=3)),
        migrations.AddField("importrow", "email", models.CharField(blank=True, max_length=254)),
        migrations.AddField("importrow", "external_id", models.CharField(blank=True, max_length=120)),
        migrations.AddField(
            "importrow", "former_id", models.CharField(blank=True, max_length=120, verbose_name="supporter's id there")
        ),
        migrations.AddField("importrow", "gift_on", models.DateField(blank=True, null=True)),
        migrations.AddField("importrow", "has_own_id", models.BooleanField(default=True)),
        migrations.AddField("importrow", "twin_id", models.BigIntegerField(blank=True, null=True)),
        migrations.AlterField("formerid", "source", models.CharField(max_length=30)),
        migrations.AlterField("giftimport", "columns", models.JSONField(blank=True, default=dict)),
        migrations.AlterField(
            "giftimport",
            "currency",
            models.CharField(default="usd", help_text="Where the file says none.", max_length=3),
        ),
        migrations.AlterField("giftimport", "source", models.CharField(max_length=30)),
        migrations.AlterField("giftorigin", "source", models.CharField(max_length=30)),
        migrations.AlterField(
            "importmapping",
            "source",
            models.CharField(help_text='"actblue", "paypal", "spreadsheet" …', max_length=30, unique=True),
        ),
        migrations.AlterField(
            "importrow",
            "state",
            models.CharField(
                choices=[
                    ("ready", "ready"),
                    ("duplicate", "already here"),
                    ("alike", "looks like a gift already here"),
                    ("faulty", "has faults"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="DonorOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donor",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="origin", to="donations.donor"
                    ),
                ),
                (
                    "gift_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="new_donors",
                        to="donations.giftimport",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
