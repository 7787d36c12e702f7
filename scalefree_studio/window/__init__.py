"""The window, in rooms: shell, views, work and widgets, each of which imports only from those after it."""
