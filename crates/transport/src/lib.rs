//! From an accepted message to a folder or the queue.
