"""Which uploads are none of ours: by prefix, suffix, and our own output."""

from __future__ import annotations

from vindrop.domain.upload import Upload
from vindrop.settings import Settings


def ignored(upload: Upload, settings: Settings) -> str | None:
    """Return why ``upload`` is not to be read, or None: it is."""
    key = upload.key
    asked_for = settings.upload_prefix if upload.bucket == settings.upload_bucket else ""
    if asked_for and key.startswith(asked_for):
        return "begins with VINDROP_UPLOAD_PREFIX: read when its HTTP caller asks for it"
    if settings.ignored_prefixes and key.startswith(settings.ignored_prefixes):
        return "begins with one of VINDROP_IGNORED_PREFIXES"
    if settings.key_prefixes and not key.startswith(settings.key_prefixes):
        return "begins with none of VINDROP_KEY_PREFIXES"
    suffixes = tuple(suffix.lower() for suffix in settings.key_suffixes)
    if suffixes and not key.lower().endswith(suffixes):
        return "ends with none of VINDROP_KEY_SUFFIXES"
    return None
