"""Gets pixels and capture facts out of files, in processes that may die of it."""
