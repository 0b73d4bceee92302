//! Deploys the real templates with the real SAM CLI to the local AWS.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use ship::release;

use crate::{
    address::Address,
    aws::{self, Aws},
    build::{self, Built, Compression},
    install,
    paths::{Paths, fingerprint},
    process::{output, run},
    progress::step,
    state::{Credentials, Deployed, State},
    template,
};

pub const STACK: &str = "tallybook-local";
/// The bucket `sam deploy` uploads to.
const ARTIFACTS: &str = "tallybook-artifacts";
/// Who mails come from.
pub const MAIL_FROM: &str = "tallybook@example.com";
/// Who is told what goes wrong.
pub const ALERT_MAIL: &str = "operators@example.com";
/// The three tables whose rows end by themselves.
const EXPIRING: [&str; 3] = ["LimitsTable", "TicketsTable", "ConnectionsTable"];

/// By the names of the root template.
pub type Parameters = BTreeMap<&'static str, String>;

#[derive(clap::Args)]
pub struct Options {
    /// What the release is called; otherwise by what it is made of
    #[arg(long, hide = true)]
    pub release: Option<String>,
    /// Do not migrate, and send nobody to the release: `cargo ship` does
    #[arg(long, hide = true)]
    pub hold: bool,
}

/// What a deployment does otherwise than most.
#[derive(Default)]
pub struct Plan {
    /// Parameters.
    pub special: Parameters,
    /// Whether callers stay with the release before.
    pub hold: bool,
}

/// Brings the local AWS to what the checkout holds; does nothing when it is there already.
pub fn deploy(
    paths: &Paths,
    state: &mut State,
    credentials: &Credentials,
    built: &Built,
    aws: &Aws,
    database: &Address,
    plan: &Plan,
) -> Result<bool> {
    template::refresh(paths, &built.tools)?;
    let mut parameters = parameters(credentials, aws, database);
    parameters.extend(plan.special.clone());
    let named = parameters.remove("Release");
    let texts: String = templates(paths)?.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    let salt = fingerprint(format!("{parameters:?}{texts}").as_bytes());
    let packed = build::pack(paths, state, &built.bootstrap, &salt, Compression::Quick)?;
    let release = named.unwrap_or(packed);
    if let Some(deployed) = &state.deployed
        && deployed.release == release
        // A killed emulator comes back with what it last saved, which may be an older release.
        && aws.outputs(STACK)?.is_some_and(|outputs| outputs.get("Release") == Some(&release))
    {
        return Ok(false);
    }
    parameters.insert("Release", release.clone());
    step("Deploying", || {
        aws.create_bucket(ARTIFACTS)?;
        if let Err(error) = sam_deploy(paths, aws, &parameters) {
            // A stack whose update replaces an API, or whose first creation failed, cannot be
            // updated; its queues and tables hold nothing that a local user would miss.
            eprintln!("{error:#}\nDeploying failed; once more from nothing");
            aws.delete_stack(STACK)?;
            sam_deploy(paths, aws, &parameters)?;
        }
        let outputs = aws.outputs(STACK)?.context("deployed, but the stack is not complete")?;
        what_the_emulator_skips(aws, &outputs)?;
        if !plan.hold {
            go_live(paths, aws)?;
        }
        state.deployed = Some(Deployed { release, outputs });
        state.save(paths)
    })?;
    Ok(true)
}

/// Sends callers to what was deployed, as `cargo ship` does on AWS, but without trying it first.
fn go_live(paths: &Paths, aws: &Aws) -> Result<()> {
    let (aws, events) = (ship::aws::Aws::local(&aws.url("")), ship::smoke::Events::read(&paths.root)?);
    let names = ship::stack::functions(&aws, STACK)?;
    let before = release::standing(&aws, &names)?;
    let moves = release::forward(&before, &release::publish(&aws, &names)?, &|handler| events.is_worker(handler));
    release::go(&aws, &moves)?;
    release::prune(&aws, &names).map(drop)
}

/// All that is needed beyond `sam deploy`: the emulator takes a table's `TimeToLiveSpecification`
/// and does nothing with it, so the same is said by API; and it sends no mail from an address that nobody verified.
fn what_the_emulator_skips(aws: &Aws, outputs: &BTreeMap<String, String>) -> Result<()> {
    for table in EXPIRING {
        aws.enable_time_to_live(outputs.get(table).with_context(|| format!("no output {table}"))?, "ttl")?;
    }
    aws.verify_sender(MAIL_FROM)
}

fn parameters(credentials: &Credentials, aws: &Aws, database: &Address) -> Parameters {
    // A function is on this machine too, so the database's own address serves.
    let mut all = BTreeMap::from([
        ("Stage", "local".to_owned()),
        ("LocalGateway", aws.url("")),
        ("AppUrl", "http://localhost:3000".to_owned()),
        ("CorsOrigins", "http://localhost:3000,http://127.0.0.1:3000".to_owned()),
        ("MailFrom", MAIL_FROM.to_owned()),
        ("AlertMail", ALERT_MAIL.to_owned()),
        ("Heartbeat", "30".to_owned()),
        ("RetryBase", "1".to_owned()),
        ("DatabaseHost", database.host.clone()),
        ("DatabasePort", database.port.to_string()),
        ("DatabaseName", database.database.clone()),
        ("DatabasePooled", "false".to_owned()),
        ("DatabaseReadPassword", credentials.read.clone()),
        ("DatabaseWritePassword", credentials.write.clone()),
        ("DatabaseMigratePassword", credentials.migrate.clone()),
        ("DatabaseAdmin", serde_json::json!({"username": database.user, "password": database.password}).to_string()),
        ("Keys", credentials.keys.clone()),
    ]);
    for (variable, parameter) in [("TALLYBOOK_LOG", "LogLevel"), ("TALLYBOOK_QUEUE_VISIBILITY", "QueueVisibility")] {
        if let Ok(value) = env::var(variable) {
            all.insert(parameter, value);
        }
    }
    all
}

/// Every template, the root first.
pub fn templates(paths: &Paths) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = vec![paths.root.join("template.yaml")];
    for entry in fs::read_dir(paths.root.join("functions"))? {
        files.push(entry?.path().join("template.yaml"));
    }
    for entry in fs::read_dir(paths.root.join("infra"))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.is_file() && file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    Ok(files)
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    found.retain(|file| file.extension().is_some_and(|e| e == extension));
    found.sort();
    Ok(found)
}

/// Offline: both know the resource types by heart. The region only has to be one.
pub fn lint(paths: &Paths) -> Result<()> {
    let python = install::sam_python(paths)?;
    let run = |args: &[&str], files: &[PathBuf]| {
        run(Command::new(&python)
            .args(args)
            .args(files)
            .env("AWS_DEFAULT_REGION", aws::REGION)
            .env("SAM_CLI_TELEMETRY", "0")
            .current_dir(&paths.root))
    };
    let files = templates(paths)?;
    step("sam validate", || run(&["-m", "samcli", "validate", "--lint", "--template-file", "template.yaml"], &[]))?;
    let pages = [paths.root.join("docs"), paths.root.join("docs/runbooks")].map(|folder| with_extension(&folder, "md"));
    let pages = pages.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let commands = paths.python("aws_commands.py").display().to_string();
    step("commands of aws in docs", || run(&[&commands], &pages))?;
    step("cfn-lint", || run(&["-c", "import sys; from cfnlint.runner import main; sys.exit(main())"], &files))
}

fn sam_deploy(paths: &Paths, aws: &Aws, parameters: &BTreeMap<&str, String>) -> Result<()> {
    // In a file of ours, not on the command line, where every user of the machine could read them.
    // JSON is YAML, which is what it takes.
    let file = paths.state.join("parameters.yaml");
    fs::write(&file, serde_json::to_vec(parameters)?)?;
    let said = output(
        sam(paths, aws)?
            // samconfig.toml holds the stages on AWS, and nothing for the one it takes unasked.
            .args(["deploy", "--template-file", "template.yaml", "--config-env", "default"])
            .args(["--stack-name", STACK, "--s3-bucket", ARTIFACTS, "--region", aws::REGION])
            .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            .args(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"])
            .arg("--parameter-overrides")
            .arg(format!("file://{}", file.display())),
    );
    fs::remove_file(&file).ok();
    fs::write(paths.log("deploy"), said?)?;
    Ok(())
}

fn sam(paths: &Paths, aws: &Aws) -> Result<Command> {
    let mut sam = Command::new(install::sam_python(paths)?);
    sam.args(["-m", "samcli"])
        .current_dir(&paths.root)
        .env("AWS_ENDPOINT_URL", aws.url(""))
        .env("AWS_ACCESS_KEY_ID", aws::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", aws::SECRET_KEY)
        .env("AWS_DEFAULT_REGION", aws::REGION)
        // Neither the user's own profiles nor their token may play a part.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .env("SAM_CLI_TELEMETRY", "0")
        // It asks every five seconds otherwise, and this takes three.
        .env("SAM_CLI_POLL_DELAY", "0.5");
    Ok(sam)
}
