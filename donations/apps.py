"""App configuration of donations: a year that was told to a supporter is told anew when a gift of it goes back."""

from django.apps import AppConfig

from donations import signals


class DonationsConfig(AppConfig):
    name = "donations"
    verbose_name = "Giving"

    def ready(self) -> None:
        """Connect what yearly statements do when money of a gift moves."""
        # Only here are all apps loaded, which models need before they can be imported.
        from donations.receipts import statement_due

        for moved in (signals.gift_reversed, signals.gift_restored):
            moved.connect(statement_due.gift_changed, dispatch_uid="donations.statements")
