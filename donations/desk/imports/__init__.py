"""Gifts that another platform recorded, from its CSV file: kept, mapped, checked, applied as one, undone as one."""
