"""What goes with what: association rules and recommendations."""
