"""``recurra states``: what a folder of states holds."""

from recurra.cli.states.app import states

__all__ = ["states"]
