"""The offline desk: batches, returned checks, phone gifts, promises, merging supporters, imports."""
