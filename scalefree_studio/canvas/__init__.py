"""Views: one a kind of snapshot. numpy and vispy only; the window feeds them and hears from them."""
