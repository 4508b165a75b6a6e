"""What the platform invokes: ``handler.main_handler``, on SCF and on Lambda alike.

Thin on purpose: SCF loads this file under an empty module name, so classes live in the library.
"""

from vindrop.triggers import upload_function
from vindrop.wiring import entry

main_handler = entry(upload_function.process)
