"""The domain XML: one file a section, built element by element, never as text."""
