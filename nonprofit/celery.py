"""The Celery application and its clock: which sweep runs when."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nonprofit.settings")

app = Celery("nonprofit")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Otherwise the Django fixup closes the database connection after every task (measured: 2.8x).
app.conf.CELERY_DB_REUSE_MAX = 1000
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "handle events left behind": {"task": "donations.tasks.sweep_inbox", "schedule": 60.0},
    "issue receipts left behind": {"task": "donations.tasks.issue_receipts", "schedule": 60.0},
    "render receipts left behind": {"task": "donations.tasks.sweep_receipts", "schedule": 60.0},
    "make statements left behind": {"task": "donations.tasks.sweep_statements", "schedule": 60.0},
    "make exports left behind": {"task": "donations.tasks.sweep_exports", "schedule": 60.0},
    "carry on imports left behind": {"task": "donations.tasks.sweep_imports", "schedule": 60.0},
    "send mail left behind": {"task": "nonprofit.tasks.send_mail", "schedule": 60.0},
    "tell the mailing provider": {"task": "members.tasks.tell_provider", "schedule": 60.0},
    "send refunds left behind": {"task": "donations.tasks.sweep_refunds", "schedule": 60.0},
    "ask for what is open at Stripe": {"task": "donations.tasks.refetch_open", "schedule": crontab(minute=22)},
    "fetch Stripe's events": {"task": "donations.tasks.sweep_stripe", "schedule": crontab(minute=7)},
    "look for gaps in receipt numbers": {"task": "donations.tasks.look_for_gaps", "schedule": crontab(minute=22)},
    "check the chain of receipts": {"task": "donations.tasks.check_chains", "schedule": crontab(hour=4, minute=52)},
    "read Stripe's balance": {"task": "donations.tasks.sweep_balance", "schedule": crontab(minute=17)},
    # When yesterday is over in every time zone of the newsroom's, and before anybody comes to work.
    "compare the books": {"task": "donations.tasks.compare_books", "schedule": crontab(hour=9, minute=47)},
    "forget who never confirmed": {"task": "members.tasks.forget_unconfirmed", "schedule": crontab(hour=5, minute=12)},
    # Soon after midnight in the newsroom's zones, and again: the second time finds what a dead worker left.
    "let memberships age": {"task": "members.tasks.age_memberships", "schedule": crontab(hour="5,9", minute=27)},
    "give due dates their installments": {"task": "donations.tasks.come_due", "schedule": crontab(minute=3)},
    "charge installments left behind": {"task": "donations.tasks.sweep_installments", "schedule": 60.0},
    "close payments nobody may make": {"task": "donations.tasks.close_unpaid", "schedule": crontab(minute=42)},
    "settle subscriptions": {"task": "donations.tasks.settle_subscriptions", "schedule": crontab(minute=52)},
    "look after plans": {"task": "donations.tasks.look_after_plans", "schedule": crontab(hour=14, minute=12)},
    "expire abandoned gifts": {"task": "donations.tasks.expire_gifts", "schedule": crontab(minute=37)},
}
