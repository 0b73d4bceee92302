//! The relay queue: events are waiting for a user.

use shared::{
    deps,
    domain::events,
    platform::{
        db::Db,
        problem::Problem,
        queue::{Deliver, Queue},
        serve::Message,
    },
};

deps! { db: Db, deliver: Queue<Deliver> }

/// Hands the user's waiting frames to the deliverer, in order.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    let user_id = message.body.parse().map_err(Problem::internal)?;
    events::relay(&deps.db, &deps.deliver, user_id).await
}
