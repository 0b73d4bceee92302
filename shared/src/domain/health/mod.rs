//! Whether what we stand on answers.

mod sql;

use crate::platform::{
    clock,
    db::{ReadDb, Tx},
    jwt::Keys,
    limits::Limits,
    problem::Problem,
};
use serde::Serialize;
use std::{future::Future, time::Instant};

/// The answer of `GET /health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// What the service stands on.
    pub dependencies: Vec<Dependency>,
}

/// One dependency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Dependency {
    /// `database`, `limits` or `keys`.
    #[schema(example = "database")]
    pub name: &'static str,
    /// Whether it answered.
    #[schema(example = true)]
    pub ok: bool,
    /// How long that took, in milliseconds.
    #[schema(example = 3)]
    pub latency_ms: u64,
    /// The database's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 48_234_496)]
    pub size_bytes: Option<i64>,
}

impl Health {
    /// 200 or 503.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        if self.status == "ok" { 200 } else { 503 }
    }
}

async fn timed<T>(
    name: &'static str,
    probe: impl Future<Output = Result<T, Problem>>,
    size: impl Fn(T) -> Option<i64>,
) -> Dependency {
    let started = Instant::now();
    let answer = probe.await;
    if let Err(problem) = &answer {
        tracing::warn!(name, %problem, "unhealthy");
    }
    let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Dependency { name, ok: answer.is_ok(), latency_ms, size_bytes: answer.ok().and_then(size) }
}

/// Asks each dependency.
pub async fn check(db: &ReadDb, keys: &Keys, limits: &Limits) -> Health {
    let size = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::size(tx).await?));
    let dependencies = vec![
        timed("database", size, Some).await,
        timed("limits", limits.probe(), |()| None).await,
        timed("keys", keys.get_since(clock::epoch()), |_| None).await,
    ];
    let status = if dependencies.iter().all(|dependency| dependency.ok) { "ok" } else { "unavailable" };
    Health { status, dependencies }
}
