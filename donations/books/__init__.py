"""The books of account: Stripe's movements, bank statements, what does not tie, and months that close."""
