"""Exports: what finance and other programs take away, made once and the same bytes at every download."""
