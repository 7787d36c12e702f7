"""python -m scalefree_studio"""

from .cli import entry

if __name__ == "__main__":
    entry()
