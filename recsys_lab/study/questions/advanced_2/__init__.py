"""Streaming and batch together (Lambda): two layers over one log, merged where the question is asked."""
