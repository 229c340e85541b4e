"""Papers that no e-mail carries are found at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("donations", "0010_rights_at_the_desk")]
    operations = [
        migrations.AddIndex(
            model_name="receiptpdf",
            index=models.Index(
                fields=["receipt"], condition=models.Q(("email__isnull", True)), name="receipt_pdf_on_paper"
            ),
        ),
    ]
