"""Scalefree Studio: watch image models learn and draw.

>>> import scalefree_studio as s
>>> s.fit("photo:astronaut", lines=64).render((512, 512))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        Dividers,
        Model,
        Network,
        Pictures,
        UserError,
        fit,
        fitting,
        load,
        result,
        train,
        training,
        watch,
    )

__all__ = [
    "Dividers",
    "Model",
    "Network",
    "Pictures",
    "UserError",
    "fit",
    "fitting",
    "load",
    "result",
    "train",
    "training",
    "watch",
]


def __getattr__(name: str) -> Any:
    """torch takes a second to import, so it is imported when first needed."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
