"""The bus: how an agent receives what was cast to its hosts, whatever carries it."""

from engine.boot.bus.inbox import CallHandler, Delivery, Inbox

__all__ = ["CallHandler", "Delivery", "Inbox"]
