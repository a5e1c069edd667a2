"""A taste of online learning: keeping up, tests between versions, parameters that tune themselves, live updates."""
