"""What goes on behind the window: sessions, their threads, and what is read for them. No widgets."""
