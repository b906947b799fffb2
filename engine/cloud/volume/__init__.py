"""The embedded block storage service: cinder's v3 API over sparse files."""
