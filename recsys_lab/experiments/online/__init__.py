"""A taste of online learning: models that keep up, tests between versions, parameters that tune themselves, live updates."""
