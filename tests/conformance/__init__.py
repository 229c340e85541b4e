"""The honesty check: what we send and what the sandbox answers, held against the installed Stripe SDK's own types."""
