//! Listeners, TLS, the session loop, and the serve function of each protocol.
