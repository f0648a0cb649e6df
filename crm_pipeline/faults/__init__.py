"""What goes wrong ends in a sentence: faults that a run outlives, and those that end a command."""
