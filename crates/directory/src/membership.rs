//! Who is in which group: the border behind which membership can come from elsewhere.
//!
//! Everything that depends on groups asks [`Membership`] and nothing else. Today it is filled from the distribution
//! groups of the snapshot, as they change. A directory that is kept elsewhere (LDAP, Active Directory) would fill it by
//! the same [`Membership::replace`] when it has read a group anew, and need no more than that.

use crate::map::SharedMap;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// The groups of each member. Copies share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Membership {
    groups_of: SharedMap<Uuid, Arc<BTreeSet<Uuid>>>,
}

impl Membership {
    /// Changes the direct members of a group; what stays costs a look, and what differs a change of the index.
    pub(crate) fn replace(&mut self, group: Uuid, old: &BTreeSet<Uuid>, new: &BTreeSet<Uuid>) {
        for gone in old.difference(new) {
            let mut groups = self.direct(*gone);
            groups.remove(&group);
            if groups.is_empty() {
                self.groups_of.remove(gone);
            } else {
                self.groups_of.insert(*gone, Arc::new(groups));
            }
        }
        for added in new.difference(old) {
            let mut groups = self.direct(*added);
            groups.insert(group);
            self.groups_of.insert(*added, Arc::new(groups));
        }
    }

    /// The groups that a recipient is a direct member of.
    pub fn direct(&self, member: Uuid) -> BTreeSet<Uuid> {
        self.groups_of.get(&member).map(|groups| BTreeSet::clone(groups)).unwrap_or_default()
    }

    /// The groups that a recipient is in, directly or through other groups. Each group is looked at once, so groups that
    /// hold each other do no harm, and the cost is that of the groups found.
    pub fn all(&self, member: Uuid) -> HashSet<Uuid> {
        let mut found = HashSet::new();
        let mut next = vec![member];
        while let Some(member) = next.pop() {
            let groups = self.groups_of.get(&member);
            next.extend(groups.iter().flat_map(|groups| groups.iter()).filter(|group| found.insert(**group)));
        }
        found
    }
}
