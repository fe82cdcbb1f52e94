//! CAPABILITY (RFC 3501 §6.1.1): what the client may use, as the connection is now.

use crate::reply::Reply;
use crate::settings::Offer;
use crate::state::{Core, Stage};

/// What is always there.
const BASE: &str = "CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE";

/// What is there after login.
const LOGGED_IN: &str =
    " NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE CONDSTORE ESEARCH";

pub(super) fn run(core: &mut Core) -> Reply {
    let list = list(core);
    core.untagged(&list);
    Reply::ok("CAPABILITY completed")
}

/// `CAPABILITY IMAP4rev1 ...`, for a response code too.
pub(crate) fn list(core: &Core) -> String {
    let mut list = BASE.to_owned();
    match (&core.stage, core.offer()) {
        (Stage::Authenticated | Stage::Selected(_), _) => list.push_str(LOGGED_IN),
        (Stage::Fresh, offer) => {
            if core.may_start_tls() {
                list.push_str(" STARTTLS");
            }
            match offer {
                Offer::Passwords => list.push_str(" AUTH=PLAIN AUTH=LOGIN"),
                Offer::Nothing => list.push_str(" LOGINDISABLED"),
            }
        }
    }
    list
}
