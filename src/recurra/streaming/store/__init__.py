"""Where states are kept beyond memory and beyond a process."""

from recurra.streaming.store.layout import StoreLayout
from recurra.streaming.store.lmdb_store import LmdbStore
from recurra.streaming.store.protocol import Changes, Store

__all__ = ["Changes", "LmdbStore", "Store", "StoreLayout"]
