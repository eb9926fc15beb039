"""The demonstration world: a local hub and the story told against it."""
