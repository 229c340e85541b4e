"""A believable fictional newsroom for the demo and for trials: its pages, people and three years of gifts."""
