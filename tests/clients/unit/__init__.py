"""Tests of the harness itself, for what decides whether a run has passed."""
