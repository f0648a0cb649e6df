"""What programmes that some units have and others do not have brought."""
