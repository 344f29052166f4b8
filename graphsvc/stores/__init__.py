"""Stores: where a graph lives. ``open_store`` picks one by URL; nothing outside this package imports a driver."""
