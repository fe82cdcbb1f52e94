//! Kinds of which there are several, found by GUID and by a name that is unique within the kind.
//!
//! A further kind takes three things: its struct, what must hold for it ([`Listed`]), and a line in the table of kinds
//! in `record`. Saving, loading, changing, unique names and finding come with that.

use crate::check::{self, Invalid};
use crate::map::SharedMap;
use crate::record::{Kind, Lists};
use crate::snapshot::{Snapshot, fold};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use uuid::Uuid;

/// An object with a GUID and a unique name.
pub trait Listed: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// Never changes.
    fn guid(&self) -> Uuid;

    /// Unique within the kind, without regard to case.
    fn name(&self) -> &str;

    /// What must hold for it besides a good and unique name; `all` has the whole change.
    fn check(&self, all: &Snapshot) -> Result<(), Invalid>;

    /// `AcceptedDomain 'example.test'`: whom an [`Invalid`] is about.
    fn label(&self) -> String {
        format!("{} '{}'", Self::KIND, self.name())
    }
}

/// A kind in the table of kinds.
pub trait InTable: Listed {
    /// Where all of the kind are.
    fn list(lists: &Lists) -> &List<Self>;
}

/// All objects of one kind. Copies share what they have in common.
#[derive(Clone, Debug)]
pub struct List<T> {
    by_guid: SharedMap<Uuid, Arc<T>>,
    by_name: SharedMap<Arc<str>, Uuid>,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List { by_guid: SharedMap::default(), by_name: SharedMap::default() }
    }
}

impl<T: Listed> List<T> {
    pub(crate) fn get(&self, guid: Uuid) -> Option<&Arc<T>> {
        self.by_guid.get(&guid)
    }

    /// All, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.by_name.iter().filter_map(|(_, guid)| self.by_guid.get(guid))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Arc<T>> {
        self.by_name.get(fold(name).as_str()).and_then(|guid| self.by_guid.get(guid))
    }

    pub(crate) fn remove(&mut self, guid: Uuid) {
        if let Some(old) = self.by_guid.remove(&guid) {
            self.by_name.remove(fold(old.name()).as_str());
        }
    }

    pub(crate) fn insert(&mut self, object: &Arc<T>) -> Result<(), Invalid> {
        self.remove(object.guid());
        check::name_text(&object.label(), "Name", object.name())?;
        if self.named(object.name()).is_some() {
            let problem = format!("another {} has this name", T::KIND.words());
            return Err(Invalid::new(object.label(), "Name", problem));
        }
        self.by_name.insert(fold(object.name()).into(), object.guid());
        self.by_guid.insert(object.guid(), object.clone());
        Ok(())
    }
}

impl Snapshot {
    /// All objects of a kind, sorted by name.
    pub fn all<'a, T: InTable + 'a>(&'a self) -> impl Iterator<Item = &'a Arc<T>> {
        T::list(&self.lists).iter()
    }

    /// The object of this name or GUID.
    pub fn find<T: InTable>(&self, identity: &str) -> Option<&Arc<T>> {
        let list = T::list(&self.lists);
        let by_guid = || identity.trim().parse().ok().and_then(|guid| list.get(guid));
        list.named(identity).or_else(by_guid)
    }

    /// The object of this GUID.
    pub fn by_guid<T: InTable>(&self, guid: Uuid) -> Option<&Arc<T>> {
        T::list(&self.lists).get(guid)
    }
}
