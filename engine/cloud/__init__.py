"""The embedded cloud: identity, image, network and volume services with OpenStack's REST contracts."""
