"""Language models: who answers a teacher's prompt."""
