"""What people wrote: sentiment and topics."""
