"""The one way through: from an upload to its reading or dead letter."""
