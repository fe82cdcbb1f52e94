//! SMTP (RFC 5321) as a machine without I/O.
