"""Rights of the staff's groups, given by migrations: works before Django has written its own permission rows."""

from collections.abc import Iterable

from django.apps.registry import Apps


def grant(apps: Apps, group: str, rights: Iterable[str]) -> None:
    """The group exists and holds `rights`, each "app.action_model" like "donations.view_gift". Safe to run again.

    `apps`: the migration's own, so that the rows are those of that moment. Rights given by hand stay.
    """
    groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    content_types = apps.get_model("contenttypes", "ContentType")
    members, _ = groups.objects.get_or_create(name=group)
    for right in rights:
        app, codename = right.split(".")
        model = apps.get_model(app, codename.split("_", 1)[1])
        # Django makes both after the last migration, which is too late for us, and leaves alone what it finds then.
        content_type, _ = content_types.objects.get_or_create(app_label=app, model=model._meta.model_name)
        permission, _ = permissions.objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": _name(model._meta, codename)}
        )
        members.permissions.add(permission)


def revoke(apps: Apps, group: str, rights: Iterable[str]) -> None:
    """The group holds none of `rights` any more."""
    members = apps.get_model("auth", "Group").objects.filter(name=group).first()
    if members is not None:
        held = members.permissions.select_related("content_type")
        lost = set(rights)
        members.permissions.remove(*[p for p in held if f"{p.content_type.app_label}.{p.codename}" in lost])


def _name(options: object, codename: str) -> str:
    """As Django words it: "Can view gift", or what the model's own permission says."""
    own = dict(getattr(options, "permissions", ()))
    return str(own.get(codename) or f"Can {codename.split('_', 1)[0]} {getattr(options, 'verbose_name_raw', '')}")
