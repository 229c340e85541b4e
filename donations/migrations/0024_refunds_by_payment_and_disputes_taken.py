"""A refund knows its payment; a dispute what it took, and the words of appeals."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0023_papers_that_cannot_be_made"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="dispute",
            name="dispute_needs_answer",
        ),
        migrations.AddField(
            model_name="dispute",
            name="taken_minor",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="refund",
            name="payment_id",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="status",
            field=models.CharField(
                choices=[
                    ("warning_needs_response", "inquiry, needs an answer"),
                    ("warning_under_review", "inquiry, under review"),
                    ("warning_closed", "inquiry closed"),
                    ("needs_response", "needs an answer"),
                    ("under_review", "under review"),
                    ("prevented", "prevented"),
                    ("appeal_needs_response", "appeal, needs an answer"),
                    ("appeal_under_review", "appeal, under review"),
                    ("won", "won"),
                    ("lost", "lost"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ["warning_needs_response", "needs_response", "appeal_needs_response"])
                ),
                fields=["evidence_due_at"],
                name="dispute_needs_answer",
            ),
        ),
    ]
