"""The embedded image service: glance's v2 API over a directory of checked files."""
