"""SQL for tables that only grow: triggers that refuse UPDATE, DELETE and TRUNCATE, for migrations."""

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: rows here never change; put a mistake right by another row', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
DROP_FUNCTION = "DROP FUNCTION refuse_change();"


def protect(table: str) -> str:
    """Triggers on `table` that refuse every UPDATE, DELETE and TRUNCATE."""
    return f"""
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """


def unprotect(table: str) -> str:
    """Take the triggers away again."""
    return f"DROP TRIGGER refuse_change ON {table}; DROP TRIGGER refuse_truncate ON {table};"
