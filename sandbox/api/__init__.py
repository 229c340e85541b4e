"""The Stripe API v1 as the sandbox answers it: one module for each object."""
