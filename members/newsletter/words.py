"""The exact words people agree to. The log keeps each as shown; whoever changes a text gives it a new version."""

from dataclasses import dataclass

from members.models import Purpose


@dataclass(frozen=True, slots=True)
class Words:
    version: str
    text: str


# As it stands beside the tick on the giving page.
TICK = Words("tick-1", "Send me the newsletter")
BOX = Words("box-1", "Send me the weekly newsletter. I can leave it at any time with one click.")
# Above the one button on the page that the letter leads to.
CONFIRM = Words("confirm-1", "Yes, send me the weekly newsletter. I can leave it at any time with one click.")
# Beside the ticks of the preference page.
CHOICES = {
    Purpose.NEWSLETTER: Words("choice-1", "Our reporting of the week, once a week."),
    Purpose.MEMBERS: Words(
        "choice-1", "News for members: events, votes, how the newsroom is doing. About once a month."
    ),
    Purpose.APPEALS: Words("choice-1", "Requests for support, a few times a year."),
}
