//! A connection is encrypted, with a server that is who it says, or there is none. The PostgreSQL of the local system has no
//! TLS: this one is the distribution's.

use crate::support::{Fresh, database::setting};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use shared::platform::{
    config::DbTls,
    db::{ReadDb, Tx, secured},
    problem::Problem,
};
use sqlx::postgres::PgConnectOptions;
use std::{
    env, fs,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};
use uuid::Uuid;

/// Where Debian and what descends from it put PostgreSQL; elsewhere `TLS_POSTGRES_BIN` says it.
fn programs() -> PathBuf {
    let packaged = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        versions
            .filter_map(Result::ok)
            .map(|version| version.path().join("bin"))
            .find(|bin| bin.join("postgres").exists())
    };
    setting("TLS_POSTGRES_BIN").map(PathBuf::from).or_else(packaged).expect(
        "no PostgreSQL with TLS: on Debian `apt-get install postgresql`, elsewhere name the folder of its programs in TLS_POSTGRES_BIN",
    )
}

/// Whom root turns into, since Postgres refuses root.
fn owner(of: &Path) -> Option<(u32, u32)> {
    let id = |flag| {
        let out = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8(out.stdout).ok()?.trim().parse().ok()
    };
    // A folder can be given away by root alone.
    let (user, group) = (id("-u")?, id("-g")?);
    chown(of, Some(user), Some(group)).ok().map(|()| (user, group))
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server whose certificate says `localhost` and that answers over TLS alone; gone with this.
struct Server {
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let folder = env::temp_dir().join(format!("tallybook-tls-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let owner = owner(&folder);
        let (ours, strangers) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
        for (name, text) in [
            ("ca.pem", ours.pem()),
            ("strangers.pem", strangers.pem()),
            ("server.pem", certificate.pem()),
            ("server.key", key.serialize_pem()),
            ("hba", "hostssl all all 127.0.0.1/32 trust\n".to_owned()),
        ] {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = owner {
                chown(&file, Some(user), Some(group)).unwrap();
            }
        }
        let program = |name: &str| {
            let mut command = Command::new(programs().join(name));
            command.current_dir("/").env("LC_ALL", "C");
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command
        };
        let cluster = folder.join("cluster");
        let made = program("initdb").args(["-U", "postgres", "-N", "-E", "UTF8", "-D"]).arg(&cluster).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = program("postgres");
        for (name, value) in [
            ("port", port.to_string()),
            ("listen_addresses", "127.0.0.1".into()),
            ("unix_socket_directories", String::new()),
            ("ssl", "on".into()),
            ("ssl_cert_file", folder.join("server.pem").display().to_string()),
            ("ssl_key_file", folder.join("server.key").display().to_string()),
            ("hba_file", folder.join("hba").display().to_string()),
            ("fsync", "off".into()),
        ] {
            command.args(["-c", &format!("{name}={value}")]);
        }
        let log = fs::File::create(folder.join("log")).unwrap();
        let process = command.arg("-D").arg(&cluster).stderr(log).spawn().unwrap();
        Self { folder, port, process }
    }

    fn ca(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn at(&self, host: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().host(host).port(self.port).username("postgres").database("postgres")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The authorities of all regions, and ours.
fn with_rds(server: &Server) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/data/rds");
    let regions = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let all = regions.collect::<String>() + &fs::read_to_string(server.ca("ca.pem")).unwrap();
    fs::write(server.ca("all.pem"), all).unwrap();
    server.ca("all.pem")
}

/// Whether the connection that a function would make is encrypted.
async fn encrypted(options: PgConnectOptions, tls: DbTls, ca_file: &str) -> Result<bool, Problem> {
    let db = ReadDb::from_options(secured(options, tls, ca_file));
    db.tx(async |tx: &mut Tx| {
        Ok(sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetch_one(tx).await?)
    })
    .await
}

#[tokio::test]
async fn must_hold_45_postgres_is_reached_over_tls_with_its_certificate_and_name_checked_or_not_at_all() {
    let server = Server::start();
    let ca = server.ca("ca.pem");
    let connects = async || encrypted(server.at("localhost"), DbTls::VerifyFull, &ca).await;
    for _ in 0..100 {
        if connects().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(connects().await.unwrap(), "the server that it should be, over TLS");

    let all = with_rds(&server);
    assert!(
        encrypted(server.at("localhost"), DbTls::VerifyFull, &all).await.unwrap(),
        "every one of RDS's is understood"
    );

    let refused = async |case: &str, options, tls, ca_file: &str| {
        let problem = encrypted(options, tls, ca_file).await.expect_err(case);
        assert_eq!((problem.status, problem.retry_after.is_some()), (503, true), "{case}: {problem}");
    };
    let rds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/data/rds/us-east-1.pem").display().to_string();
    refused("RDS's authorities, who did not sign it", server.at("localhost"), DbTls::VerifyFull, &rds).await;
    refused("another authority's certificate", server.at("localhost"), DbTls::VerifyFull, &server.ca("strangers.pem"))
        .await;
    refused("another host's certificate", server.at("127.0.0.1"), DbTls::VerifyFull, &ca).await;
    refused("no file of authorities", server.at("localhost"), DbTls::VerifyFull, &server.ca("missing.pem")).await;
    refused("a server that wants TLS, in the clear", server.at("localhost"), DbTls::Off, &ca).await;
    let fresh = Fresh::empty().await;
    refused("a server without TLS", fresh.admin_options().host("localhost"), DbTls::VerifyFull, &ca).await;
    assert!(connects().await.unwrap(), "it was there all the time");
}
