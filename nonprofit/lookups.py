"""A lookup for long lists of ids: `pk__any=ids` is one array for PostgreSQL, where `pk__in` writes out each of them."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigAutoField, Lookup
from django.db.models.sql.compiler import SQLCompiler


@BigAutoField.register_lookup
class IsAny(Lookup):
    """`id = ANY(array)`. A thousand ids by `__in` cost more to write down than to look up."""

    lookup_name = "any"
    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Iterable[int]) -> None:
        super().__init__(lhs, list(rhs))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::bigint[])", [*params, "{" + ",".join(str(int(pk)) for pk in self.rhs) + "}"]
