"""What is shown of each kind of snapshot, and what can be done there."""
