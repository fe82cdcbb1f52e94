//! The node as the administration sees it, and back: `server` and `admin` do not know each other.

use admin::BoxFuture;
use server::{Node, listen};

/// The running node for cmdlets.
pub struct NodeForAdmin(pub Node);

impl admin::Node for NodeForAdmin {
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let node = self.0.clone();
            // A task of its own: a shell that is closed meanwhile must not leave a port closed that was to be opened.
            let errors = tokio::spawn(async move { node.reconcile().await }).await;
            match errors {
                Ok(errors) if errors.is_empty() => Ok(()),
                Ok(errors) => Err(listen::explain(&errors)),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        listen::has_address(address)
    }

    fn now(&self) -> i64 {
        self.0.context().now().seconds
    }
}
