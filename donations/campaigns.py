"""Verbs for campaigns."""

from django.db import transaction

from donations.models import Campaign
from nonprofit import audit, organization


@transaction.atomic
def make_default(campaign_id: int, actor: str) -> Campaign:
    """This campaign's page is the one at the site's root; the one before keeps its own address. Safe twice."""
    rows = {row.pk: row for row in Campaign.objects.select_for_update().order_by("pk")}
    campaign = rows[campaign_id]
    before = [row.slug for row in rows.values() if row.is_default]
    if before != [campaign.slug]:
        Campaign.objects.filter(is_default=True).update(is_default=False)
        campaign.is_default = True
        campaign.save(update_fields=["is_default"])
        audit.record(actor, "make default", campaign, before={"default": before}, after={"default": campaign.slug})
        organization.touch()
    return campaign
