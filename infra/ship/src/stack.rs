//! The stacks of a stage: what state they are in, and which functions they hold.

use anyhow::{Context, Result, bail};

use crate::aws::{Aws, between};

const VERSION: &str = "2010-05-15";

fn ask(aws: &Aws, action: &str, fields: &[(&str, &str)]) -> Result<String> {
    Ok(aws.form("cloudformation", VERSION, action, fields)?.ok()?.body)
}

/// `UPDATE_COMPLETE` and the like; nothing where there is no such stack.
pub fn status(aws: &Aws, stack: &str) -> Result<Option<String>> {
    let answer = aws.form("cloudformation", VERSION, "DescribeStacks", &[("StackName", stack)])?;
    if answer.status == 400 && answer.body.contains("does not exist") {
        return Ok(None);
    }
    let body = answer.ok()?.body;
    Ok(between(&body, "StackStatus").next().map(str::to_owned))
}

/// An output of a stack.
pub fn output(aws: &Aws, stack: &str, name: &str) -> Result<Option<String>> {
    let body = ask(aws, "DescribeStacks", &[("StackName", stack)])?;
    Ok(between(&body, "OutputKey")
        .zip(between(&body, "OutputValue"))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned()))
}

/// Type and physical id of everything in a stack.
fn resources(aws: &Aws, stack: &str) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut fields = vec![("StackName", stack)];
        fields.extend(next.as_deref().map(|token| ("NextToken", token)));
        let body = ask(aws, "ListStackResources", &fields)?;
        // What failed to be made has no id.
        let one = |member| {
            let text = |tag| between(member, tag).next().map(str::to_owned);
            Some((text("ResourceType")?, text("PhysicalResourceId")?))
        };
        all.extend(between(&body, "member").filter_map(one));
        next = between(&body, "NextToken").next().map(str::to_owned);
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// The names of all functions that are called by their alias, in the stack and those nested in it.
pub fn functions(aws: &Aws, stack: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut stacks = vec![stack.to_owned()];
    while let Some(stack) = stacks.pop() {
        for (kind, id) in resources(aws, &stack)? {
            match kind.as_str() {
                "AWS::CloudFormation::Stack" => stacks.push(id),
                // arn:aws:lambda:REGION:ACCOUNT:function:NAME:live
                "AWS::Lambda::Alias" => {
                    let name = id.split(':').nth(6).with_context(|| format!("no alias: {id}"))?;
                    names.push(name.to_owned());
                }
                _ => {}
            }
        }
    }
    if names.is_empty() {
        bail!("stack {stack} holds no function with an alias");
    }
    names.sort();
    Ok(names)
}
