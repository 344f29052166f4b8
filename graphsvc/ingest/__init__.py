"""Event files of any system to events."""
