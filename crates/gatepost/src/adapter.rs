//! The node as the administration sees it, and back: `server` and `admin` do not know each other.

use admin::BoxFuture;
use server::{Node, listen};

/// The running node for cmdlets.
pub struct NodeForAdmin(pub Node);

impl admin::Node for NodeForAdmin {
    fn reconcile(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let errors = self.0.reconcile().await;
            if errors.is_empty() { Ok(()) } else { Err(listen::explain(&errors)) }
        })
    }

    fn now(&self) -> i64 {
        self.0.context().now().seconds
    }
}
