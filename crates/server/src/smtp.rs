//! What the smtp session asks for, done with policy, store and transport.
