"""App configuration of donations: what follows inside the house when a gift is booked or its money goes back."""

from django.apps import AppConfig

from donations import signals


class DonationsConfig(AppConfig):
    name = "donations"
    verbose_name = "Giving"

    def ready(self) -> None:
        """Connect installments to their gifts, and yearly statements to money that goes back."""
        # Only here are all apps loaded, which models need before they can be imported.
        from donations.receipts import statement_due
        from donations.recurring import outcomes

        signals.gift_settled.connect(outcomes.gift_settled, dispatch_uid="donations.installments")
        for moved in (signals.gift_reversed, signals.gift_restored):
            moved.connect(statement_due.gift_changed, dispatch_uid="donations.statements")
