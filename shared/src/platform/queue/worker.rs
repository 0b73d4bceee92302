//! What the worker of a queue of tasks may touch.

use super::{Default, Deliver, High, Inbox, Lane, Low, Queue, Queues, Relay, Scheduled};
use crate::platform::{
    config::ConfigError,
    db::Db,
    files::Files,
    function::{Env, Grant, Port},
    lookout::Lookout,
    mail::Mail,
};
use std::{marker::PhantomData, sync::Arc};

/// How a piece of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Nothing is left to do, for now at least.
    Done,
    /// The time is up: run it again.
    More,
}

/// What a handler of a queue depends on: its worker.
pub struct Works<Q>(pub Worker, PhantomData<Q>);

/// The worker of a queue, compiled once for all of them. All have the same permissions: which queue a task goes to says who waits for it, not what it does.
pub struct Worker {
    /// Postgres.
    pub db: Db,
    /// Statements, receipts and exports.
    pub files: Files,
    /// Mail.
    pub post: Mail,
    /// Tells that a user has events.
    pub relay: Queue<Relay>,
    /// For what concerns everybody's connections.
    pub deliver: Queue<Deliver>,
    /// For tasks that a user waits for.
    pub high: Queue<High>,
    /// For most tasks.
    pub default: Queue<Default>,
    /// For long tasks.
    pub low: Queue<Low>,
    /// For what the clock brings.
    pub scheduled: Queue<Scheduled>,
    /// How full all queues are.
    pub queues: Queues,
    /// Whom to tell what goes wrong.
    pub lookout: Lookout,
    /// Its own queue.
    pub inbox: Inbox,
    /// Seconds before the first retry.
    pub base: u16,
}

impl<Q: Lane> Port for Works<Q> {
    fn grants() -> Vec<Grant> {
        let mut grants = [Db::grants(), Files::grants(), Mail::grants(), Queue::<Relay>::grants()].concat();
        grants.extend([Queue::<High>::grants(), Queue::<Default>::grants(), Queues::grants()].concat());
        grants.extend([Queue::<Low>::grants(), Queue::<Scheduled>::grants(), Inbox::grants::<Q>()].concat());
        grants.extend([Lookout::grants(), Queue::<Deliver>::grants()].concat());
        grants.sort_unstable();
        grants.dedup();
        grants
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let worker = Worker {
            db: Db::open(env)?,
            files: Files::open(env)?,
            post: Mail::open(env)?,
            relay: Queue::open(env)?,
            deliver: Queue::open(env)?,
            high: Queue::open(env)?,
            default: Queue::open(env)?,
            low: Queue::open(env)?,
            scheduled: Queue::open(env)?,
            queues: Queues::open(env)?,
            lookout: Lookout::open(env)?,
            inbox: Inbox::open::<Q>(env)?,
            base: env.config.retry_base_s,
        };
        Ok(Self(worker, PhantomData))
    }
}
