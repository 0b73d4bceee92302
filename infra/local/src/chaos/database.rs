//! Between the functions and Postgres: passes everything on, knows where a transaction is, and breaks it there.

use std::{
    collections::BTreeMap,
    io::{BufReader, Error, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use anyhow::Result;

use super::faults::{Armed, Class, Deed, Faults, Point, locked};

/// The role of functions that write: what the others commit is nothing.
const WRITER: &str = "tallybook_write";

pub struct Door {
    pub port: u16,
    postgres: u16,
    faults: Arc<Faults>,
    links: Mutex<BTreeMap<u64, Arc<Link>>>,
    opened: AtomicU64,
}

/// One connection.
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// The client's port.
    from: u16,
    /// What happens when Postgres has committed.
    awaited: Mutex<Option<Armed>>,
    /// Whatever the client says is lost, and it is not told.
    silent: AtomicBool,
}

impl Link {
    fn cut(&self) {
        // One that is closed already is as good.
        self.client.shutdown(Shutdown::Both).ok();
        self.server.shutdown(Shutdown::Both).ok();
    }
}

impl Door {
    pub fn open(listener: TcpListener, postgres: u16, faults: Arc<Faults>) -> Result<Arc<Self>> {
        let port = listener.local_addr()?.port();
        let door = Arc::new(Self { port, postgres, faults, links: Mutex::default(), opened: AtomicU64::new(0) });
        let inside = door.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let door = inside.clone();
                // A connection that breaks is what this is about.
                thread::spawn(move || door.serve(client).ok());
            }
        });
        Ok(door)
    }

    /// Breaks every connection.
    pub fn cut_all(&self) {
        locked(&self.links).values().for_each(|link| link.cut());
    }

    /// Leaves the connections of a process open and dead: nothing more arrives, in either direction.
    pub fn silence(&self, pid: i32) {
        let links: Vec<_> = locked(&self.links).values().cloned().collect();
        for link in links {
            if self.faults.victims.behind(link.from, self.port).is_some_and(|victim| victim.pid == pid) {
                link.silent.store(true, Ordering::Relaxed);
                link.server.shutdown(Shutdown::Both).ok();
            }
        }
    }

    fn serve(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", self.postgres))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let from = client.peer_addr()?.port();
        let (awaited, silent) = (Mutex::default(), AtomicBool::new(false));
        let link = Arc::new(Link { client, server, from, awaited, silent });
        let id = self.opened.fetch_add(1, Ordering::Relaxed);
        locked(&self.links).insert(id, link.clone());
        let (door, back) = (self.clone(), link.clone());
        let back = thread::spawn(move || {
            door.answers(&back).ok();
            if !back.silent.load(Ordering::Relaxed) {
                back.cut();
            }
        });
        self.requests(&link).ok();
        link.cut();
        back.join().ok();
        locked(&self.links).remove(&id);
        Ok(())
    }

    /// From the function to Postgres.
    fn requests(&self, link: &Link) -> std::io::Result<()> {
        let mut from = BufReader::new(&link.client);
        let begin = length(&mut from)?;
        let hello = body(&mut from, begin)?;
        let said = |name: &str| parameter(&hello, name).unwrap_or_default();
        let (class, writes) = (Class::of(&said("application_name")), said("user") == WRITER);
        (&link.server).write_all(&[begin.to_be_bytes().as_slice(), &hello].concat())?;
        loop {
            let (kind, length, text) = message(&mut from)?;
            if writes && kind == b'Q' && text == b"COMMIT\0" {
                if let Some(fault) = self.faults.take(Point::BeforeCommit, class)
                    && self.strike(fault, link, class)
                {
                    return Ok(());
                }
                *locked(&link.awaited) = self.faults.take(Point::Committed, class);
            }
            if !link.silent.load(Ordering::Relaxed) {
                (&link.server).write_all(&whole(kind, length, &text))?;
            }
        }
    }

    /// From Postgres to the function.
    fn answers(&self, link: &Link) -> std::io::Result<()> {
        let mut from = BufReader::new(&link.server);
        loop {
            let (kind, length, text) = message(&mut from)?;
            // CommandComplete; a transaction that failed is answered with ROLLBACK.
            if kind == b'C'
                && let Some(fault) = locked(&link.awaited).take()
            {
                if text != b"COMMIT\0" {
                    self.faults.arm(fault);
                } else if self.strike(fault, link, Class::Any) {
                    return Ok(());
                }
            }
            if !link.silent.load(Ordering::Relaxed) {
                (&link.client).write_all(&whole(kind, length, &text))?;
            }
        }
    }

    fn strike(&self, fault: Armed, link: &Link, class: Class) -> bool {
        match fault.deed {
            Deed::Kill => self.faults.kill_behind(fault, link.from, self.port),
            Deed::Cut | Deed::Gone => {
                self.faults.note_hit(class);
                self.faults.count(&fault.to_string());
                link.cut();
                true
            }
        }
    }
}

/// A length, which counts its own four bytes.
fn length(from: &mut impl Read) -> std::io::Result<u32> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    Ok(u32::from_be_bytes(length))
}

fn body(from: &mut impl Read, length: u32) -> std::io::Result<Vec<u8>> {
    let rest = length.checked_sub(4).ok_or_else(|| Error::other("a length below four"))?;
    let mut body = vec![0; usize::try_from(rest).map_err(Error::other)?];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn message(from: &mut impl Read) -> std::io::Result<(u8, u32, Vec<u8>)> {
    let mut kind = [0; 1];
    from.read_exact(&mut kind)?;
    let length = length(from)?;
    Ok((u8::from_be_bytes(kind), length, body(from, length)?))
}

fn whole(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [[kind].as_slice(), &length.to_be_bytes(), body].concat()
}

/// A parameter of the first message: after the version names and values, each up to a NUL.
fn parameter(hello: &[u8], name: &str) -> Option<String> {
    let mut texts = hello.get(4..)?.split(|byte| *byte == 0);
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        if key == name.as_bytes() {
            return String::from_utf8(value.to_vec()).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_names_the_role_and_the_function() {
        let hello = b"\0\x03\0\0user\0tallybook_write\0application_name\0realtime.relay\0\0";
        assert_eq!(parameter(hello, "user").as_deref(), Some(WRITER));
        assert_eq!(parameter(hello, "application_name").as_deref(), Some("realtime.relay"));
        assert_eq!(parameter(hello, "database"), None);
    }

    #[test]
    fn messages_are_read_and_written_alike() {
        let sent = [whole(b'Q', 11, b"COMMIT\0"), whole(b'S', 4, b"")].concat();
        let mut from = sent.as_slice();
        assert_eq!(message(&mut from).unwrap(), (b'Q', 11, b"COMMIT\0".to_vec()));
        assert_eq!(message(&mut from).unwrap(), (b'S', 4, Vec::new()));
        assert!(message(&mut from).is_err());
        assert!(body(&mut [].as_slice(), 3).is_err());
    }
}
