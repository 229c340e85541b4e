"""What The Harbor Light's former platform recorded, brought in by the import's own verbs; two rows have faults."""

import csv
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO

from donations.desk.imports import apply, check, flow
from donations.models import Fund, GiftImport
from nonprofit import audit, clock
from nonprofit.models import User

HEADINGS = ["Receipt ID", "Date", "Amount", "Fee", "Donor First Name", "Donor Last Name", "Donor Email", "Donor ZIP"]
GIVERS = [
    ("Ana", "Silva", "ana@example.org", "04001", 35, 2),
    ("Beatrice", "Sewall", "beatrice.sewall@example.org", "04001", 50, 3),
    ("Yvonne", "Prescott", "yvonne.prescott@example.net", "04032", 10, 8),
    ("Tomás", "Ferreira", "tomas.ferreira@example.com", "02139", 25, 4),
    ("Judith", "Nash", "judith.nash@example.org", "11215", 100, 1),
]


def bring_in(fund: Fund, by: User, at: datetime) -> GiftImport:
    """The file of the former platform was uploaded, checked and applied at that time."""
    with clock.standing_at(at):
        file = BytesIO(_file(clock.today().replace(day=1) - timedelta(days=900)).encode())
        brought = flow.upload(file, name="actblue-former-years.csv", source="actblue", by=by)
        flow.choose(brought.pk, flow.Choice(brought.columns, fund), actor=audit.staff(by))
    with clock.standing_at(at + timedelta(minutes=1)):
        check.run(GiftImport.objects.get(pk=brought.pk))
    with clock.standing_at(at + timedelta(minutes=6)):
        apply.run(flow.ask_apply(brought.pk, actor=audit.staff(by)))
    return GiftImport.objects.get(pk=brought.pk)


def _file(begun: date) -> str:
    """Gifts once a quarter since that day, as ActBlue writes them."""
    out, number = StringIO(), 0
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    for first, last, email, postcode, dollars, count in GIVERS:
        for time in range(count):
            number += 1
            day, fee = begun + timedelta(days=92 * time + number), f"{dollars * 0.0395:.2f}"
            writer.writerow([f"AB{7100 + number}", day.isoformat(), f"{dollars}.00", fee, first, last, email, postcode])
    writer.writerow(
        ["AB7190", begun.isoformat(), "twenty", "0.79", "Naomi", "Doyle", "naomi.doyle@example.org", "04017"]
    )
    writer.writerow(["AB7191", "2099-13-01", "20.00", "0.79", "Carl", "Rossi", "carl.rossi@example.org", "04017"])
    return out.getvalue()
