"""App configuration of members: follows the giving floor through its only door upward."""

from django.apps import AppConfig

from donations import signals


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = "Members"

    def ready(self) -> None:
        """Connect what members do when a gift settles."""
        # Only here are all apps loaded, which models need before they can be imported.
        from donations.desk import merge_choices
        from members import follow, models, seeding
        from members.newsletter import suppression  # noqa: F401 - listens to the mail service and stops letters

        signals.gift_settled.connect(follow.gift_settled, dispatch_uid="members.follow")
        signals.gifts_imported.connect(follow.gifts_imported, dispatch_uid="members.follow.imported")
        for moved in (signals.gift_reversed, signals.gift_restored):
            moved.connect(follow.money_moved, dispatch_uid="members.follow.moved")
        signals.seeded.connect(seeding.seeded, dispatch_uid="members.seeding")
        signals.gift_corrected.connect(follow.gift_corrected, dispatch_uid="members.follow.corrected")
        signals.import_undone.connect(follow.import_undone, dispatch_uid="members.follow.undone")
        signals.donors_merged.connect(follow.donors_merged, dispatch_uid="members.follow.merged")
        merge_choices.moves_too(models.MembershipGrant, "donor", "memberships given to them")
        merge_choices.moves_too(models.MembershipPerson, "donor", "people who share their membership")
        merge_choices.moves_too(models.Fulfilment, "donor", "benefits sent or to be sent")
