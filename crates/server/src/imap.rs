//! What the imap session asks for, done with policy, store and transport.
