"""The warehouse: where what GitHub said is kept, and schema `raw`, in which it stands as it came.

Here belongs how the store is opened and changed, and whatever lands in `raw`: fetches, archives, settings and events.
What a record means stays in `records/`, how it is made tidy in `flat/`. Fetches come from `github/`; `flat/` reads on.
"""
