//! The part of the root template that follows from the endpoint tables: one nested stack for each
//! feature, and for the queues, whose visibility follows from their workers' timeouts.

use std::fmt::Write;

use anyhow::{Context, Result, bail};

use super::{Description, Trigger, camel, feature, grants::QUEUES};

pub const BEGIN: &str = "  # --- written by `cargo local template`";
pub const END: &str = "  # --- end of what is written";

pub fn with_features(old: &str, description: &Description) -> Result<String> {
    let (before, rest) = old.split_once(BEGIN).with_context(|| format!("template.yaml has no line \"{BEGIN}\""))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("template.yaml has no line \"{END}\""))?;
    Ok(format!("{before}{BEGIN}\n{}{END}{after}", stacks(description)?))
}

fn stacks(description: &Description) -> Result<String> {
    let mut out = String::new();
    out.push_str(&stack("Queues", "infra/queues.yaml"));
    writeln!(out, "        Stage: !Ref Stage")?;
    for queue in QUEUES {
        writeln!(
            out,
            "        {}Visibility: !If [ShortQueues, !Ref QueueVisibility, {}]",
            camel(queue),
            visibility(description, queue)?
        )?;
    }
    for feature in &description.features {
        out.push_str(&stack(&camel(&feature.name), &format!("functions/{}/template.yaml", feature.name)));
        for (parameter, value) in feature::parameters(feature)? {
            writeln!(out, "        {parameter}: {value}")?;
        }
    }
    Ok(out)
}

fn stack(id: &str, file: &str) -> String {
    format!(
        "  {id}:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TemplateURL: {file}
      Parameters:
"
    )
}

/// Six times the timeout of the worker, as AWS asks: a batch must not come back while it is still
/// being worked on and retried. Thirty seconds, SQS's default, where nobody listens yet.
fn visibility(description: &Description, queue: &str) -> Result<u32> {
    let mut timeouts = description.features.iter().flat_map(|feature| &feature.functions).filter_map(|function| {
        match &function.trigger {
            Trigger::Queue { queue: of, .. } if of == queue => Some(function.timeout),
            _ => None,
        }
    });
    let (worker, second) = (timeouts.next(), timeouts.next());
    if second.is_some() {
        bail!("queue {queue} has two workers: each would get only some of its messages");
    }
    Ok(worker.map_or(30, |timeout| timeout.saturating_mul(6)))
}
