"""Django's own admin over our tables, as people write it first."""
