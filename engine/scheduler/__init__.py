"""The scheduling core: filters, weighers and the selection of hosts over the inventory's columns."""
