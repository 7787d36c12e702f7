"""The command palette."""

from PyQt6.QtWidgets import QDialog


class CommandPalette(QDialog): ...
