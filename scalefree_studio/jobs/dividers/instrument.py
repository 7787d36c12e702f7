"""What the studio knows of divider networks: everything else is derived from this."""

from ..instruments import Instrument
from .controls import FitControls
from .fit import FitDividers

INSTRUMENT = Instrument(
    name="dividers",
    title="Dividers",
    summary="A picture cut by lines and circles, or shared by soft cells: each is a unit of a tiny network",
    start="photo:astronaut",
    fits=(FitDividers,),
    saved={FitDividers.kind: FitControls},
)
