//! Serving what is invoked by hand or by who deploys: JSON in, JSON out, and a failure told in words.

use super::{Handler, Kind, UnderWay, handler, note};
use crate::platform::{
    clock,
    function::{Env, Port},
    problem::Problem,
};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// One invocation.
#[derive(Debug)]
pub struct Invoked {
    /// What was asked.
    pub payload: Value,
    /// When this invocation will be ended.
    pub deadline: Instant,
}

/// Serves invocations.
pub async fn invoke<D, H>(env: Arc<Env>, handle: H) -> Result<(), Error>
where
    D: Port + 'static,
    H: AsyncFn(&D, Invoked) -> Result<Value, Problem> + Copy + 'static,
{
    let handle = handler::<D, _, _, _>(&env, handle)?;
    serve(env, handle).await
}

async fn serve(env: Arc<Env>, handle: Handler<Invoked, Value>) -> Result<(), Error> {
    let (env, handle) = (&env, &handle);
    Runtime::new(service_fn(move |event: LambdaEvent<Value>| async move {
        let started = Instant::now();
        let left = event.context.deadline().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let left = left.saturating_sub(Duration::from_secs(u64::try_from(clock::epoch()).unwrap_or(0)));
        let request_id = event.context.request_id.clone();
        let _under_way = UnderWay::of(&request_id, Kind::Work);
        let done = handle(Invoked { payload: event.payload, deadline: started + left }).await;
        let status = done.as_ref().err().map_or(200, |problem| problem.status);
        note("invocation", &request_id, None, env, started, done.as_ref().err(), status);
        // Whoever may invoke may read our log as well, so the cause is told, too.
        done.map_err(|problem| {
            Error::from(format!("{} ({})", problem.detail, problem.cause.as_deref().unwrap_or_default()))
        })
    }))
    .run()
    .await
}
