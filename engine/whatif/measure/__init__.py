"""Measuring: what refused requests lacked, how many more instances fit, and how full a fleet is over time."""
