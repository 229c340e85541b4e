"""Decisions about gifts and papers in plain Python: no Django, no database, no clock."""
