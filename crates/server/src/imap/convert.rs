//! From the words of IMAP to those of policy and store, and back.

use imap::{Answer, FolderKind, Gathered, Role};
use store::{SpecialUse, TextQuery};

pub(super) fn gathered<T>(read: store::Gathered<T>) -> Gathered<T> {
    let store::Gathered { found, damaged, left } = read;
    Gathered { found, damaged, left }
}

pub(super) fn channel(channel: imap::Channel) -> policy::Channel {
    match channel {
        imap::Channel::Clear => policy::Channel::Clear,
        imap::Channel::Tls => policy::Channel::Tls,
    }
}

const ROLES: [(Role, SpecialUse); 5] = [
    (Role::Archive, SpecialUse::Archive),
    (Role::Drafts, SpecialUse::Drafts),
    (Role::Junk, SpecialUse::Junk),
    (Role::Sent, SpecialUse::Sent),
    (Role::Trash, SpecialUse::Trash),
];

pub(super) fn special_use(role: Role) -> SpecialUse {
    match role {
        Role::Archive => SpecialUse::Archive,
        Role::Drafts => SpecialUse::Drafts,
        Role::Junk => SpecialUse::Junk,
        Role::Sent => SpecialUse::Sent,
        Role::Trash => SpecialUse::Trash,
    }
}

pub(super) fn folder(folder: &store::Folder) -> imap::Folder {
    imap::Folder {
        name: folder.name.clone(),
        role: ROLES.iter().find(|(_, used)| Some(*used) == folder.role).map(|(role, _)| *role),
        kind: match folder {
            folder if folder.missing => FolderKind::Missing,
            folder if folder.selectable => FolderKind::Selectable,
            _ => FolderKind::Level,
        },
        subscription: match folder.subscribed {
            true => imap::Subscription::Subscribed,
            false => imap::Subscription::Unsubscribed,
        },
    }
}

pub(super) fn subscription(subscription: imap::Subscription) -> store::Subscription {
    match subscription {
        imap::Subscription::Subscribed => store::Subscription::Subscribed,
        imap::Subscription::Unsubscribed => store::Subscription::Unsubscribed,
    }
}

pub(super) fn status(status: &store::Status) -> imap::Status {
    imap::Status {
        messages: status.messages,
        unseen: status.unseen,
        deleted: status.deleted,
        recent: status.recent,
        size: status.size,
        uid_next: status.uid_next,
        uid_validity: status.uid_validity,
        highest_modseq: status.highest_modseq,
    }
}

pub(super) fn flag_change(change: imap::FlagChange) -> store::FlagChange {
    store::FlagChange {
        how: match change.how {
            imap::FlagOperation::Add => store::FlagOperation::Add,
            imap::FlagOperation::Remove => store::FlagOperation::Remove,
            imap::FlagOperation::Replace => store::FlagOperation::Replace,
        },
        flags: change.flags,
        keywords: change.keywords,
        unchanged_since: change.unchanged_since,
    }
}

pub(super) fn absent(absent: imap::Absent) -> store::Absent {
    match absent {
        imap::Absent::Skip => store::Absent::Skip,
        imap::Absent::Refuse => store::Absent::Refuse,
    }
}

pub(super) fn copied(copied: store::Copied) -> Answer {
    Answer::Copied { uid_validity: copied.uid_validity, uids: copied.uids }
}

pub(super) fn text(text: imap::Text) -> TextQuery {
    let place = match text.place {
        imap::TextPlace::Header(field) => store::TextPlace::Header(field),
        imap::TextPlace::Body => store::TextPlace::Body,
        imap::TextPlace::Anywhere => store::TextPlace::Anywhere,
    };
    TextQuery { place, text: text.text }
}
