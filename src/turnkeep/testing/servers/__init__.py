"""Real servers for tests, from packages, started and stopped without a step by hand. Extra: `testing-servers`."""
