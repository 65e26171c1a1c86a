"""The store: environments by key, for all sessions of a user. `store` is what others use; `layout` says what lies where."""
