//! A database that is away, silent or back again.

use crate::support::Fresh;
use shared::platform::{
    db::{Db, Tx},
    problem::Problem,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// A client waits for 3 s at most; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(4);

async fn ask(db: &Db) -> Result<i32, Problem> {
    db.tx(async |tx: &mut Tx| Ok(sqlx::query_scalar("SELECT 1").fetch_one(tx).await?)).await
}

async fn is_unavailable_in_time(db: &Db) {
    let started = Instant::now();
    let problem = timeout(Duration::from_secs(20), ask(db)).await.expect("no answer in 20 s").unwrap_err();
    assert_eq!((problem.status, problem.retry_after.is_some()), (503, true), "{problem}");
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
}

/// Stands between the application and Postgres, and can be told to forward nothing more without closing anything: what
/// a thawed environment meets, and what a lost network looks like.
struct Proxy {
    port: u16,
    silent: Arc<AtomicBool>,
    cut: Arc<Notify>,
    listening: JoinHandle<()>,
}

impl Proxy {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::over(listener, target)
    }

    fn over(listener: TcpListener, target: String) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (silent, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (stop, end) = (silent.clone(), cut.clone());
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(forward(from_client, to_server, stop.clone(), end.clone()));
                tokio::spawn(forward(from_server, to_client, stop.clone(), end.clone()));
            }
        });
        Self { port, silent, cut, listening }
    }

    fn forward_nothing(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// Closes every connection.
    fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Closes every connection and takes no new one.
    fn close(&self) {
        self.listening.abort();
        self.cut();
    }
}

/// A direction that was silent once stays so: those bytes are lost.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: Arc<AtomicBool>, cut: Arc<Notify>) {
    let mut buffer = [0; 4096];
    let mut lost = false;
    loop {
        let read = tokio::select! { read = from.read(&mut buffer) => read, () = cut.notified() => return };
        let Ok(read @ 1..) = read else { return };
        lost |= silent.load(Ordering::Relaxed);
        if !lost && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn through(fresh: &Fresh, port: u16) -> Db {
    Db::awaited_from_options(fresh.options("tallybook_write").host("127.0.0.1").port(port))
}

fn target(fresh: &Fresh) -> String {
    let options = fresh.options("tallybook_write");
    format!("{}:{}", options.get_host(), options.get_port())
}

#[tokio::test]
async fn must_hold_48_a_database_that_is_down_is_a_503_in_time_and_needs_no_restart_when_it_is_back() {
    let fresh = Fresh::new().await;
    let proxy = Proxy::to(target(&fresh)).await;
    let db = through(&fresh, proxy.port);
    assert_eq!(ask(&db).await.unwrap(), 1);
    proxy.close();
    sleep(Duration::from_millis(50)).await;
    is_unavailable_in_time(&db).await;
    is_unavailable_in_time(&db).await;
    let listener = TcpListener::bind(("127.0.0.1", proxy.port)).await.unwrap();
    let _back = Proxy::over(listener, target(&fresh));
    assert_eq!(ask(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn must_hold_48_a_database_that_takes_connections_and_says_nothing_is_a_503_in_time() {
    let fresh = Fresh::new().await;
    let proxy = Proxy::to(target(&fresh)).await;
    proxy.forward_nothing(true);
    let db = through(&fresh, proxy.port);
    is_unavailable_in_time(&db).await;
    proxy.forward_nothing(false);
    assert_eq!(ask(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn must_hold_47_a_socket_that_went_silent_costs_a_reconnect() {
    let fresh = Fresh::new().await;
    let proxy = Proxy::to(target(&fresh)).await;
    let db = through(&fresh, proxy.port);
    assert_eq!(ask(&db).await.unwrap(), 1);
    // What the idle connection sends is lost; new ones work.
    proxy.forward_nothing(true);
    let started = Instant::now();
    let (answer, ()) = tokio::join!(ask(&db), async {
        sleep(Duration::from_millis(100)).await;
        proxy.forward_nothing(false);
    });
    assert_eq!(answer.unwrap(), 1);
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
}

#[tokio::test]
async fn must_hold_48_a_network_that_went_silent_altogether_is_a_503_in_time() {
    let fresh = Fresh::new().await;
    let proxy = Proxy::to(target(&fresh)).await;
    let db = through(&fresh, proxy.port);
    assert_eq!(ask(&db).await.unwrap(), 1);
    proxy.forward_nothing(true);
    is_unavailable_in_time(&db).await;
    proxy.forward_nothing(false);
    assert_eq!(ask(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn must_hold_48_a_socket_that_falls_silent_within_a_transaction_is_a_503_in_time_and_is_given_up() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let proxy = Proxy::to(target(&fresh)).await;
    let db = through(&fresh, proxy.port);
    for at in ["a statement", "a row", "COMMIT", "ROLLBACK"] {
        proxy.forward_nothing(false);
        let before: i32 = db.tx(async |tx: &mut Tx| backend(tx).await).await.unwrap();
        let started = Instant::now();
        let work = db.tx(async |tx: &mut Tx| {
            sqlx::query("UPDATE user_seq SET changes = changes + 1 WHERE user_id = $1")
                .bind(me.user_id)
                .execute(&mut *tx)
                .await?;
            proxy.forward_nothing(true);
            match at {
                "a statement" => {
                    sqlx::query("SELECT 1").execute(tx).await?;
                }
                "a row" => {
                    sqlx::query("SELECT 1").fetch_optional(tx).await?;
                }
                "ROLLBACK" => return Err(Problem::unavailable("on purpose")),
                _ => {}
            }
            Ok::<_, Problem>(())
        });
        let problem = timeout(Duration::from_secs(20), work).await.expect("no answer in 20 s").unwrap_err();
        assert_eq!((problem.status, problem.retry_after.is_some()), (503, true), "{at}: {problem}");
        assert!(started.elapsed() < IN_TIME, "{at}: {:?}", started.elapsed());
        proxy.forward_nothing(false);
        let after = db.tx(async |tx: &mut Tx| backend(tx).await).await.unwrap();
        assert_ne!(before, after, "{at}: the connection was opened anew");
        proxy.cut();
    }
    // What the server was left with is over soon, and nothing of it was kept.
    let direct = fresh.db();
    let locked = direct.tx(async |tx: &mut Tx| {
        let sql = "UPDATE user_seq SET changes = changes + 1 WHERE user_id = $1 RETURNING changes";
        Ok::<i64, Problem>(sqlx::query_scalar(sql).bind(me.user_id).fetch_one(tx).await?)
    });
    assert_eq!(locked.await.unwrap(), 1);
}

async fn backend(tx: &mut Tx) -> Result<i32, Problem> {
    Ok(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(tx).await?)
}

/// The server lets a worker's statement run for five seconds, and so does the client.
#[tokio::test]
async fn a_worker_waits_for_longer_than_a_route() {
    let fresh = Fresh::new().await;
    let options = || fresh.options("tallybook_write");
    let slow = async |db: Db| {
        db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sqlx::query("SELECT pg_sleep(3)").execute(tx).await?)).await
    };
    let (worker, route) = tokio::join!(slow(Db::from_options(options())), slow(Db::awaited_from_options(options())));
    worker.unwrap();
    assert_eq!(route.unwrap_err().status, 503);
}
