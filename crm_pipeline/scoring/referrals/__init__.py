"""Who brought whom, as a network."""
