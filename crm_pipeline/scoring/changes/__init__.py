"""What changes that came to some units and not to others brought."""
