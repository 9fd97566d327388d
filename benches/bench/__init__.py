"""The parts of scripts/bench: servers to measure, what is measured, and how it is shown."""
