"""Who wants our letters: what stands, the log of consent it follows from, and mailboxes that must be left alone."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from nonprofit import clock


class Purpose(models.TextChoices):
    """What a letter is for. Consent is given and taken back for each of them alone (domain rule 80)."""

    NEWSLETTER = "newsletter", "Weekly newsletter"
    MEMBERS = "members", "Member news"
    APPEALS = "appeals", "Appeals for support"


class NewsletterSubscription(models.Model):
    """An address and one purpose, and how far its owner's consent is proven.

    A tick on the giving page or the sign-up box makes the row "wanted" and sends one letter that asks: anybody can type
    anybody's address. Only who answers from that mailbox, or is signed in with it, is "confirmed".
    """

    class Status(models.TextChoices):
        WANTED = "wanted", "asked for, not confirmed"
        CONFIRMED = "confirmed", "confirmed"
        UNSUBSCRIBED = "unsubscribed", "unsubscribed"

    email = models.EmailField("e-mail", max_length=254)
    purpose = models.CharField("list", max_length=12, choices=Purpose.choices, default=Purpose.NEWSLETTER)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.WANTED)
    source = models.CharField(max_length=40, help_text='Where the consent was given, like "giving page".')
    consent_at = models.DateTimeField()
    consent_ip = models.GenericIPAddressField(null=True, blank=True)
    # The gift whose form had the tick. A plain id: the consent stands also when nobody looks at the gift any more.
    gift_id = models.BigIntegerField("gift", null=True, blank=True)
    changed_at = models.DateTimeField("since", default=clock.now)
    # Letters that asked for confirmation since it was wanted, and when the last one was queued.
    letters = models.PositiveSmallIntegerField(default=0)
    letter_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [
            ("export_newslettersubscription", "Can export confirmed addresses of the newsletter"),
            ("leave_newslettersubscription", "Can take an address off a list for its owner"),
        ]
        indexes = [
            models.Index(fields=["changed_at"], condition=models.Q(status="wanted"), name="newsletter_wanted"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["email", "purpose"], name="newsletter_once_per_list"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="newsletter_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.email}, {self.get_purpose_display().lower()} ({self.get_status_display()})"


class ConsentEntry(models.Model):
    """What happened to one address's consent. Grows only; triggers refuse UPDATE and DELETE.

    It lasts longer than the address may be kept, so it holds a pseudonym; who has the address finds its entries. What
    stands in NewsletterSubscription and NewsletterSuppression follows from it.
    """

    class What(models.TextChoices):
        ASKED = "asked", "asked for"
        CONFIRMED = "confirmed", "confirmed"
        LEFT = "left", "left"
        SUPPRESSED = "suppressed", "no more letters: the mailbox said no"
        LIFTED = "lifted", "letters may go again"
        FORGOTTEN = "forgotten", "never confirmed, address removed"

    at = models.DateTimeField(default=clock.now, editable=False)
    pseudonym = models.CharField(max_length=64)
    # Empty where it is about the mailbox, and with it about every list.
    purpose = models.CharField("list", max_length=12, choices=Purpose.choices, blank=True)
    what = models.CharField(max_length=12, choices=What.choices)
    source = models.CharField(max_length=40, help_text='Where, like "giving page", "letter", "portal".')
    actor = models.CharField(max_length=80, help_text='"visitor", "supporter", "staff:17", "mail", "task".')
    # Only of who has proven the mailbox, and only where KEEP_CONSENT_IP says so: this table never forgets.
    ip = models.GenericIPAddressField("IP address", null=True, blank=True)
    words = models.TextField("words shown", blank=True)
    words_version = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = "consent entry"
        verbose_name_plural = "consent log"
        indexes = [models.Index(fields=["pseudonym", "purpose"], name="consent_by_address")]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.get_purpose_display() or 'every list'}"


class NewsletterSuppression(models.Model):
    """A mailbox that gets none of our newsletters, whatever was ticked. Receipts still go (domain rule 81)."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", "the mailbox does not exist"
        SOFT = "soft", "came back again and again"
        COMPLAINT = "complaint", "reported as spam"

    email = models.EmailField("e-mail", max_length=254)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    code = models.CharField("the server's code", max_length=40, blank=True)
    since = models.DateTimeField(default=clock.now, editable=False)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    lifted_because = models.CharField("why it was lifted", max_length=300, blank=True)

    class Meta:
        verbose_name = "suppressed address"
        verbose_name_plural = "suppressed addresses"
        permissions = [("lift_newslettersuppression", "Can let newsletters go to a suppressed address again")]
        constraints = [
            models.UniqueConstraint(
                fields=["email"], condition=models.Q(lifted_at__isnull=True), name="newsletter_one_suppression"
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_at__isnull=True) | ~models.Q(lifted_because=""),
                name="newsletter_lifted_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.get_reason_display()}"


class SoftBounce(models.Model):
    """A letter that a mailbox did not take just now; several suppress it."""

    email = models.EmailField(max_length=254, db_index=True)
    letter_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"letter {self.letter_id}"


class NewsletterNews(models.Model):
    """One change that the mailing provider must learn of: the row is the queue, its number the order."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting to be told"
        TOLD = "told", "told"
        GIVEN_UP = "given up", "given up"

    class What(models.TextChoices):
        CONFIRMED = "confirmed", "confirmed"
        LEFT = "left", "left"
        SUPPRESSED = "suppressed", "suppressed"
        LIFTED = "lifted", "lifted"

    # The log's entry that it tells of: the same change is never told under two numbers.
    entry_id = models.BigIntegerField(unique=True)
    email = models.EmailField("e-mail", max_length=254)
    purpose = models.CharField("list", max_length=12, choices=Purpose.choices, blank=True)
    what = models.CharField(max_length=12, choices=What.choices)
    happened_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    last_error = models.CharField(max_length=100, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "news for the mailing provider"
        verbose_name_plural = "news for the mailing provider"
        permissions = [("replay_newsletternews", "Can tell the mailing provider again")]
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(status="waiting"), name="newsletter_news_waiting"),
            models.Index(fields=["email"], condition=models.Q(status="waiting"), name="newsletter_news_before"),
            models.Index(fields=["-id"], condition=models.Q(status="given up"), name="newsletter_news_given_up"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.get_what_display()}"


class NewsletterExport(models.Model):
    """That somebody took away the confirmed addresses of a list. Grows only; triggers refuse UPDATE and DELETE."""

    purpose = models.CharField("list", max_length=12, choices=Purpose.choices)
    rows = models.PositiveIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "newsletter export"

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, {self.rows} addresses"
