"""Late events: windows that wait, correct themselves, and say what came too late."""
