//! What the pop3 session asks for, done with policy, store and transport.
