"""The parts of an event-driven recommender, wired together so that an interaction changes the next answer."""
