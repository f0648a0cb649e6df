"""Running the pipeline: schedules, the run lock, progress in the terminal, the Dagster home."""
