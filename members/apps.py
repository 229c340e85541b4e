"""App configuration of members: follows the giving floor through its only door upward."""

from django.apps import AppConfig

from donations import signals


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = "Members"

    def ready(self) -> None:
        """Connect what members do when a gift settles."""
        # Only here are all apps loaded, which models need before they can be imported.
        from members import follow
        from members.newsletter import suppression  # noqa: F401 - listens to the mail service and stops letters

        signals.gift_settled.connect(follow.gift_settled, dispatch_uid="members.follow")
        signals.gifts_imported.connect(follow.gifts_imported, dispatch_uid="members.follow.imported")
