"""What the platform invokes: ``handler.main_handler``, on SCF and on Lambda alike.

Thin on purpose: SCF loads this file under an empty module name, so classes live in the library.
"""

from vindrop.step import handle as main_handler

__all__ = ["main_handler"]
