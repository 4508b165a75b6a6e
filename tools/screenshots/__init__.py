"""Pictures of the console for the README and docs/console.md: ``make screenshots``."""
