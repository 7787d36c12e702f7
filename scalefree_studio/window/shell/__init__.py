"""The window itself: its frame, its commands, and what all instruments share."""
