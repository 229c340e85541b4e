"""Writing down who did what, in the same transaction as the deed."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from nonprofit.models import AuditEntry, User


def staff(user: User) -> str:
    """How a member of staff is named as an actor: by id, never by name."""
    return f"staff:{user.pk}"


def record(
    actor: str,
    action: str,
    target: models.Model,
    *,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an audit entry for `target`. Call inside the transaction that does the deed."""
    return AuditEntry.objects.create(
        actor=actor,
        action=action,
        target_type=target._meta.model_name or "",
        target_id=str(target.pk),
        reason=reason,
        before=before or {},
        after=after or {},
    )


def record_all(actor: str, action: str, targets: Iterable[tuple[models.Model, dict[str, Any]]]) -> None:
    """Append one entry for each target, with what it is after the deed; in one statement for many."""
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                actor=actor,
                action=action,
                target_type=target._meta.model_name or "",
                target_id=str(target.pk),
                after=after,
            )
            for target, after in targets
        ],
        batch_size=1000,
    )
