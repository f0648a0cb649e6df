"""What contacting people adds, and whom to contact next."""
