//! POP3 (RFC 1939) as a machine without I/O.
