"""What a user is told in one sentence instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend. ``str()`` is one sentence that says how."""
