"""What files tell about themselves: how they are read, what their values are, and which columns are meant."""
