//! The one way in which anything is changed: typed change, checked by the snapshot, saved together with its audit
//! entry, published, and made true by the node.
//!
//! From the moment it is saved a change runs to its end, even when the shell that asked for it is gone: else the
//! published snapshot and the saved objects could differ.

use crate::Context;
use crate::output::Json;
use crate::run::{Arguments, Call, Failure};
use crate::together::{self, Pending};
use crate::value::{Object, Value};
use directory::{Change, Snapshot};
use mail::AccountId;
use std::sync::Arc;
use store::{AuditEntry, ObjectChange};
use tokio::sync::OwnedMutexGuard;

/// Holds other changes off, with the snapshot to start from.
pub struct Changing {
    context: Context,
    turn: Turn,
    /// The objects before the change.
    pub snapshot: Arc<Snapshot>,
}

/// How a change is made.
enum Turn {
    /// It is saved before any other begins.
    Alone(OwnedMutexGuard<()>, OwnedMutexGuard<Pending>),
    /// It is saved with others; only while it is made no other begins.
    Together(OwnedMutexGuard<Pending>),
}

/// What is changed.
#[derive(Default)]
pub struct Edit {
    /// Objects put before the others, and made true: what starts again must stop first. It stands in the audit log with
    /// the others.
    pub first: Vec<Change>,
    /// Objects put and removed.
    pub changes: Vec<Change>,
    /// An account that begins with this change.
    pub create_account: Option<AccountId>,
    /// An account that ends with it, with all its mail.
    pub remove_account: Option<AccountId>,
    /// The object as it is shown, before.
    pub before: Option<Object>,
    /// The object as it is shown, after.
    pub after: Option<Object>,
    /// What is changed back where the node cannot follow; without this, what is saved stays.
    pub undo: Vec<Change>,
    /// The object as it is shown after that, where it is not as it was before.
    pub undone: Option<Object>,
}

/// Why a change was not made, or not all of it.
#[derive(Debug)]
enum Undone {
    /// Nothing is saved.
    Refused(Failure),
    /// It is saved, but the node could not follow.
    NotFollowed(String),
    /// It was saved, the node could not follow, and it is as it was before.
    TakenBack(String),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Undone {
        Undone::Refused(failure)
    }
}

impl From<Undone> for Failure {
    fn from(undone: Undone) -> Failure {
        match undone {
            Undone::Refused(failure) => failure,
            Undone::NotFollowed(why) => Failure::Error(format!(
                "The change is saved, but not all of it could be put into effect: {why}"
            )),
            Undone::TakenBack(why) => Failure::Error(why),
        }
    }
}

/// Begins a change. Ask and warn before: nobody else can change anything from here on.
pub async fn begin(context: &Context) -> Changing {
    let saving = context.changes.saving.clone().lock_owned().await;
    let mut pending = context.changes.pending.clone().lock_owned().await;
    together::save_before(context, &mut pending).await;
    let turn = Turn::Alone(saving, pending);
    Changing { context: context.clone(), turn, snapshot: context.directory.snapshot() }
}

/// Begins a change of one object among many, as pipelines make them: it is saved with others. For changes that open no
/// listener, stop no service, and begin and end no account. Ask and warn before, as above.
pub async fn begin_together(context: &Context) -> Changing {
    let pending = context.changes.pending.clone().lock_owned().await;
    let snapshot = pending.snapshot(context);
    Changing { context: context.clone(), turn: Turn::Together(pending), snapshot }
}

impl Changing {
    /// Makes the change durable and true, or refuses it as a whole.
    ///
    /// What would leave everything as it is succeeds with a warning, as in Exchange, and is nothing for the audit log.
    pub async fn commit(self, call: &mut Call<'_>, edit: Edit) -> Result<(), Failure> {
        if edit.first.is_empty() && edit.changes.iter().all(|change| self.snapshot.has(change)) {
            drop(self.turn);
            let name = edit.after.as_ref().map_or_else(String::new, identity);
            let warning = "The command completed successfully but no settings of";
            return Ok(call.warn(format!("{warning} '{name}' have been modified.")).await?);
        }
        for changes in [&edit.first, &edit.changes] {
            policy::change_objects(&self.snapshot, self.context.who, changes)?;
        }
        let shown = edit.after.as_ref().or(edit.before.as_ref());
        let object = shown.map_or_else(String::new, identity);
        let audit = AuditEntry {
            time: self.context.node.now(),
            caller: self.context.caller.clone(),
            cmdlet: call.cmdlet().name.to_owned(),
            object,
            details: details(&call.arguments, edit.before.as_ref(), edit.after.as_ref()),
        };
        let held = match self.turn {
            Turn::Together(pending) => {
                let applied = self.snapshot.apply(edit.changes).map_err(refused)?;
                let unsaved = together::add(&self.context, pending, call.cmdlet().name, applied, audit);
                return call.saved(unsaved).await;
            }
            Turn::Alone(saving, pending) => (saving, pending),
        };
        let undo = Step {
            changes: edit.undo,
            audit: vec![AuditEntry {
                details: details(
                    &call.arguments,
                    edit.after.as_ref(),
                    edit.undone.as_ref().or(edit.before.as_ref()),
                ),
                ..audit.clone()
            }],
            ..Step::default()
        };
        let first = Step { changes: edit.first, ..Step::default() };
        let step = Step {
            changes: edit.changes,
            create_accounts: edit.create_account.into_iter().collect(),
            remove_accounts: edit.remove_account.into_iter().collect(),
            audit: vec![audit],
        };
        let context = self.context;
        let finished = tokio::spawn(async move {
            let ended = match save_in_turn(&context, first, step).await {
                Err(Undone::NotFollowed(why)) if !undo.changes.is_empty() => {
                    take_back(&context, undo, why).await
                }
                ended => ended,
            };
            drop(held);
            ended
        });
        let lost =
            |_| Err(Failure::from("The change did not end; look at the objects before going on.").into());
        finished.await.unwrap_or_else(lost).map_err(Failure::from)
    }
}

fn refused(invalid: directory::Invalid) -> Failure {
    Failure::Error(format!("{invalid}."))
}

/// What an object is called where it is shown.
fn identity(object: &Object) -> String {
    object.property("Identity").map_or_else(|| Value::from(object.clone()).to_string(), ToString::to_string)
}

fn saved(record: &directory::Record) -> store::Object {
    store::Object { kind: record.kind.clone(), key: record.key.clone(), json: record.json.clone() }
}

/// What is saved at once.
#[derive(Default)]
struct Step {
    changes: Vec<Change>,
    create_accounts: Vec<AccountId>,
    remove_accounts: Vec<AccountId>,
    audit: Vec<AuditEntry>,
}

/// Both steps. The first stops what the second starts, and opens nothing: what cannot be opened is said by the second.
async fn save_in_turn(context: &Context, first: Step, second: Step) -> Result<(), Undone> {
    if !first.changes.is_empty()
        && let Err(Undone::Refused(failure)) = save(context, first).await
    {
        return Err(failure.into());
    }
    save(context, second).await
}

/// Saves what is no change by anybody, and so nothing for the audit log, such as when something was used.
pub async fn note(
    context: &Context,
    change: impl FnOnce(&Snapshot) -> Option<Change>,
) -> Result<(), Failure> {
    let changing = begin(context).await;
    let step = Step { changes: change(&changing.snapshot).into_iter().collect(), ..Step::default() };
    Ok(save(&changing.context, step).await?)
}

async fn save(context: &Context, step: Step) -> Result<(), Undone> {
    let snapshot = context.directory.snapshot();
    let applied = snapshot.apply(step.changes).map_err(refused)?;
    let change = ObjectChange {
        put: applied.put.iter().map(saved).collect(),
        remove: applied.remove,
        create_accounts: step.create_accounts,
        remove_accounts: step.remove_accounts,
        audit: step.audit,
    };
    context.store.save(change).await.map_err(Failure::from)?;
    context.directory.publish(applied.snapshot);
    context.node.reconcile().await.map_err(Undone::NotFollowed)
}

/// Makes objects again what they were. The reason is told already; that the node is still not content says nothing new.
async fn take_back(context: &Context, step: Step, why: String) -> Result<(), Undone> {
    match save(context, step).await {
        Ok(()) | Err(Undone::NotFollowed(_)) => Err(Undone::TakenBack(why)),
        Err(_) => Err(Undone::NotFollowed(why)),
    }
}

/// The details of an audit entry as JSON: parameters without secrets, and what changed.
fn details(arguments: &Arguments, before: Option<&Object>, after: Option<&Object>) -> String {
    let parameters: Vec<(String, Value)> =
        arguments.all().iter().map(|(parameter, value)| (parameter.name.to_owned(), shown(value))).collect();
    let modified = Value::list(differences(before, after));
    let whole = Value::Table(Arc::new(vec![
        ("parameters".to_owned(), Value::Table(Arc::new(parameters))),
        ("modified".to_owned(), modified),
    ]));
    serde_json::to_string(&Json { value: &whole, depth: 8 }).unwrap_or_default()
}

/// Secrets are named, not shown; objects and blocks are what they print as.
fn shown(value: &Value) -> Value {
    match value {
        Value::Secret(_) => Value::text("(hidden)"),
        Value::Object(_) | Value::Block(_) => Value::text(value.to_string()),
        Value::List(items) => Value::list(items.iter().map(shown)),
        other => other.clone(),
    }
}

/// Each property that is another afterwards, with its old and new value.
fn differences(before: Option<&Object>, after: Option<&Object>) -> Vec<Value> {
    let properties =
        |object: Option<&Object>| object.map(|object| object.properties.clone()).unwrap_or_default();
    let (old, new) = (properties(before), properties(after));
    let mut names: Vec<_> = old.iter().chain(&new).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    let find = |list: &[(std::borrow::Cow<'static, str>, Value)], name: &str| {
        list.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let changed = names.into_iter().map(|name| (find(&old, &name), find(&new, &name), name));
    let row = |(old, new, name): (Value, Value, std::borrow::Cow<'static, str>)| {
        let entries = [("name", Value::from(&*name)), ("old", old), ("new", new)];
        Value::Table(Arc::new(entries.map(|(key, value)| (key.to_owned(), value)).to_vec()))
    };
    changed.filter(|(old, new, _)| old != new).map(row).collect()
}
