"""Half-typed rows keep what cannot be read yet; what a closed batch booked never changes."""

import uuid

from django.db import migrations, models

# A merge of supporters may move a booked row to the one they became; nothing else of it changes (domain rule 8).
BOOKED_ROW = """
CREATE FUNCTION refuse_change_of_booked_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - '{donor_id,recognized_id}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{donor_id,recognized_id}'::text[] THEN
        RAISE EXCEPTION '% of a booked batch row refused: reverse its gift and enter a new row', TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON donations_batchrow
    FOR EACH ROW WHEN (OLD.gift_id IS NOT NULL) EXECUTE FUNCTION refuse_change_of_booked_row();
"""
FREE_ROW = "DROP TRIGGER refuse_change ON donations_batchrow; DROP FUNCTION refuse_change_of_booked_row();"
# The line on the bank statement is known only after the deposit.
CLOSED_BATCH = """
CREATE FUNCTION refuse_change_of_closed_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'bank_reference' IS DISTINCT FROM to_jsonb(OLD) - 'bank_reference' THEN
        RAISE EXCEPTION '% of a closed batch refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON donations_batch
    FOR EACH ROW WHEN (OLD.status = 'closed') EXECUTE FUNCTION refuse_change_of_closed_batch();
"""
FREE_BATCH = "DROP TRIGGER refuse_change ON donations_batch; DROP FUNCTION refuse_change_of_closed_batch();"


class Migration(migrations.Migration):
    dependencies = [("donations", "0011_find_papers_to_print")]
    operations = [
        # Batches came with 0008, a few steps before: there is none yet that could get another's attempt.
        migrations.AddField(
            model_name="batch", name="attempt", field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.AddField(
            model_name="batch",
            name="is_postdated",
            field=models.BooleanField(default=False, editable=False, verbose_name="postdated checks"),
        ),
        migrations.AddField(model_name="batchrow", name="unread", field=models.JSONField(blank=True, default=dict)),
        migrations.RunSQL(BOOKED_ROW, FREE_ROW),
        migrations.RunSQL(CLOSED_BATCH, FREE_BATCH),
    ]
