//! Changes of many objects that are saved together.
//!
//! A pipeline that changes each of 100,000 mailboxes would wait for the disk 100,000 times if each change were saved
//! before the next is made. So a change is made upon those that are not saved yet, and what has come together while
//! the disk was busy is saved in one transaction, audit entries included. Nothing is published, and nobody is told that
//! it was done, before it is saved. Where saving fails, everything that waits fails: each change was made upon the one
//! before.

use crate::Context;
use crate::run::Failure;
use directory::{Applied, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{AuditEntry, Object, ObjectChange};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::task::JoinHandle;

/// Whose turn it is to change something, and what waits to be saved. One for the whole node.
#[derive(Default)]
pub struct Changes {
    /// Held while something is saved and published. Taken before `pending`, where both are.
    pub(crate) saving: Arc<Mutex<()>>,
    /// What is made and not saved.
    pub(crate) pending: Arc<Mutex<Pending>>,
}

/// Changes that are made and not saved.
#[derive(Default)]
pub(crate) struct Pending {
    /// The objects with all changes, also those that are being saved just now; `None` where nothing is on its way.
    newest: Option<Arc<Snapshot>>,
    batch: Batch,
    /// The task that saves what comes.
    writer: Option<JoinHandle<()>>,
}

/// What is saved at once.
#[derive(Default)]
struct Batch {
    /// The last state of each object, by kind and key; `None` where it is removed.
    objects: BTreeMap<(String, String), Option<String>>,
    audit: Vec<AuditEntry>,
    waiting: Vec<oneshot::Sender<Result<(), String>>>,
}

/// A change that is on its way to the disk.
pub struct Unsaved {
    /// Who made it.
    pub cmdlet: &'static str,
    object: String,
    done: oneshot::Receiver<Result<(), String>>,
}

impl Unsaved {
    /// Waits until it is saved and published.
    pub async fn saved(self) -> Result<(), String> {
        let lost = |_| Err("The change did not end; look at the object before going on.".to_owned());
        let ended = self.done.await.unwrap_or_else(lost);
        ended.map_err(|why| format!("{}: {why}", self.object))
    }
}

impl Pending {
    /// The objects that the next change is made upon.
    pub(crate) fn snapshot(&self, context: &Context) -> Arc<Snapshot> {
        self.newest.clone().unwrap_or_else(|| context.directory.snapshot())
    }

    fn add(&mut self, cmdlet: &'static str, applied: Applied, audit: AuditEntry) -> Unsaved {
        let (sender, done) = oneshot::channel();
        let object = audit.object.clone();
        self.newest = Some(Arc::new(applied.snapshot));
        self.batch.objects.extend(applied.remove.into_iter().map(|key| (key, None)));
        let put = applied.put.into_iter().map(|record| ((record.kind, record.key), Some(record.json)));
        self.batch.objects.extend(put);
        self.batch.audit.push(audit);
        self.batch.waiting.push(sender);
        Unsaved { cmdlet, object, done }
    }

    /// Takes what is to be saved, with the objects as they are then.
    fn take(&mut self) -> Option<(Batch, Arc<Snapshot>)> {
        let newest = self.newest.clone().filter(|_| !self.batch.waiting.is_empty())?;
        Some((std::mem::take(&mut self.batch), newest))
    }

    /// Nothing is on its way any more.
    fn settle(&mut self) {
        if self.batch.waiting.is_empty() {
            self.newest = None;
        }
    }

    /// Everything that was made upon what could not be saved fails with it.
    fn fail(&mut self) -> Vec<oneshot::Sender<Result<(), String>>> {
        self.newest = None;
        std::mem::take(&mut self.batch).waiting
    }
}

impl Batch {
    fn change(&mut self) -> ObjectChange {
        let mut change = ObjectChange { audit: std::mem::take(&mut self.audit), ..ObjectChange::default() };
        for ((kind, key), json) in std::mem::take(&mut self.objects) {
            match json {
                Some(json) => change.put.push(Object { kind, key, json }),
                None => change.remove.push((kind, key)),
            }
        }
        change
    }

    /// Says to all who wait how it ended.
    fn tell(self, ended: &Result<(), String>) {
        tell(self.waiting, ended);
    }
}

fn tell(waiting: Vec<oneshot::Sender<Result<(), String>>>, ended: &Result<(), String>) {
    for sender in waiting {
        // Who is gone does not want to know.
        let _ = sender.send(ended.clone());
    }
}

/// Adds a valid change to those that wait, and sees that they are saved.
pub(crate) fn add(
    context: &Context,
    mut pending: OwnedMutexGuard<Pending>,
    cmdlet: &'static str,
    applied: Applied,
    audit: AuditEntry,
) -> Unsaved {
    let unsaved = pending.add(cmdlet, applied, audit);
    if pending.writer.as_ref().is_none_or(JoinHandle::is_finished) {
        pending.writer = Some(tokio::spawn(save_all(context.clone())));
    }
    unsaved
}

/// Saves what waits, again and again, until nothing does.
async fn save_all(context: Context) {
    loop {
        let _saving = context.changes.saving.lock().await;
        let taken = {
            let mut pending = context.changes.pending.lock().await;
            let Some(taken) = pending.take() else {
                // The next change finds no writer and begins one.
                pending.writer = None;
                return;
            };
            taken
        };
        let (batch, snapshot) = taken;
        save(&context, batch, snapshot).await;
    }
}

/// Saves and publishes one batch while others come.
async fn save(context: &Context, mut batch: Batch, snapshot: Arc<Snapshot>) {
    let pending = &context.changes.pending;
    if let Err(error) = context.store.save(batch.change()).await {
        let ended = Err(why(error));
        let others = pending.lock().await.fail();
        batch.tell(&ended);
        return tell(others, &ended);
    }
    context.directory.publish(Snapshot::clone(&snapshot));
    pending.lock().await.settle();
    let followed = context.node.reconcile().await;
    batch.tell(
        &followed.map_err(|why| format!("It is saved, but not all of it could be put into effect: {why}")),
    );
}

/// Saves what waits before a change that has to be alone; no other can begin meanwhile. That change makes the node follow.
pub(crate) async fn save_before(context: &Context, pending: &mut Pending) {
    let Some((mut batch, snapshot)) = pending.take() else { return };
    pending.newest = None;
    let ended = context.store.save(batch.change()).await.map_err(why);
    if ended.is_ok() {
        context.directory.publish(Snapshot::clone(&snapshot));
    }
    batch.tell(&ended);
}

fn why(error: store::Error) -> String {
    match Failure::from(error) {
        Failure::Error(why) => why,
        Failure::Stop(_) => String::new(),
    }
}
