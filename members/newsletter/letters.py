"""The newsletter's own letters: please confirm, you are on it, you are on it already. Any of them can be left."""

from datetime import timedelta

from members.models import NewsletterSubscription, Purpose
from members.newsletter import links
from nonprofit import clock, mail, nudge

# A stranger who types somebody's address again and again must not fill that mailbox.
MOST_LETTERS = 5
BETWEEN_LETTERS = timedelta(minutes=10)


def may_ask_again(row: NewsletterSubscription) -> bool:
    """Whether one more letter that asks for confirmation may go to this address now."""
    if row.letter_at is None:
        return True
    return row.letters < MOST_LETTERS and clock.now() - row.letter_at >= BETWEEN_LETTERS


def ask(row: NewsletterSubscription) -> None:
    """A letter with a link to confirm waits to be sent. Call with the row locked; saves what it counts."""
    row.letters += 1
    row.letter_at = clock.now()
    row.save(update_fields=["letters", "letter_at"])
    key = f"newsletter:{row.pk}:{int(row.changed_at.timestamp())}:{row.letters}"
    days = links.CONFIRM_WITHIN.days
    _queue(key, row, "newsletter_confirm", {"confirm_url": links.url(row, links.CONFIRM), "days": days})


def welcome(row: NewsletterSubscription) -> None:
    """Says that it is confirmed, and how to leave. Call with the row locked."""
    _queue(f"newsletter-welcome:{row.pk}:{int(row.changed_at.timestamp())}", row, "newsletter_welcome", {})


def already(row: NewsletterSubscription) -> None:
    """Tells who asks again that they are on it: at most once a day. The page cannot say so to whoever typed it."""
    _queue(f"newsletter-already:{row.pk}:{clock.today()}", row, "newsletter_already", {})


def _queue(key: str, row: NewsletterSubscription, template: str, facts: dict[str, object]) -> None:
    leave = links.url(row, links.LEAVE)
    facts |= {
        "list": Purpose(row.purpose).label,
        "source": row.source,
        "leave_url": leave,
        "preferences_url": links.url(row, links.PREFERENCES),
    }
    mail.queue(key, row.email, template, facts, of_list=mail.MailingList(row.purpose, leave))
    nudge.after_commit("nonprofit.tasks.send_mail")
