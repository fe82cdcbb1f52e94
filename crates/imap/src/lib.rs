//! IMAP4rev1 (RFC 3501) as a machine without I/O.
