"""Looks at an installation from where it is called, and says of each part whether it would work.

Nothing is written to a destination, no photo is paid for; one slot of the quota is used.
"""

from vindrop_local.doctor.finding import Finding
from vindrop_local.doctor.run import examine

__all__ = ["Finding", "examine"]
